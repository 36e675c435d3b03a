"""How everything moved while a sensor swept: poses at a few moments, and at any time between them.

In:  snapshots of all body poses, the last at the end of the sweep.
Out: poses at any time in it; how far anything moved, which says in how many slices a sweep must be cast.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from .raycast import RayRoom

Poses = Mapping[str, Float[np.ndarray, "4 4"]]
STILL = 1e-6


@dataclass(frozen=True, slots=True)
class Sweep:
    """Body poses at some times, rising; before the first everything stands still."""

    times_s: tuple[float, ...]
    poses: tuple[Poses, ...]

    @property
    def end_s(self) -> float:
        """When the sweep ends."""
        return self.times_s[-1]

    def moving(self) -> tuple[str, ...]:
        """The bodies that are not in one place all the time."""
        last = self.poses[-1]
        return tuple(
            name for name, pose in last.items() if any(np.abs(pose - p[name]).max() > STILL for p in self.poses[:-1])
        )

    def poses_of(self, body: str, times_s: Float[np.ndarray, " times"]) -> Float[np.ndarray, "times 4 4"]:
        """One body's poses at many times."""
        knots = np.stack([poses[body] for poses in self.poses])
        return interpolate_poses(np.array(self.times_s), knots, times_s)

    def at(self, time_s: float, names: tuple[str, ...]) -> dict[str, Float[np.ndarray, "4 4"]]:
        """The poses of those bodies at a time."""
        if not names:
            return {}
        after = int(np.clip(np.searchsorted(self.times_s, time_s), 1, max(len(self.times_s) - 1, 1)))
        span = slice(after - 1, after + 1)
        times = np.array(self.times_s[span])
        share = float(np.clip((time_s - times[0]) / (times[-1] - times[0]), 0.0, 1.0)) if len(times) > 1 else 0.0
        first, last = (
            np.stack([poses[name] for name in names]) for poses in (self.poses[span][0], self.poses[span][-1])
        )
        return dict(zip(names, _blend(first, last, np.full(len(names), share)), strict=True))

    def path_m(self, room: RayRoom, names: tuple[str, ...]) -> float:
        """How far the farthest-moving point of those bodies travels, at most."""
        reaches = dict(zip((body.name for body in room.bodies), room.balls().reaches_m.tolist(), strict=True))
        farthest = 0.0
        for name in names:
            knots = [poses[name] for poses in self.poses]
            steps = [b - a for a, b in zip(knots[:-1], knots[1:], strict=True)]
            moved = [float(np.linalg.norm(step[:3, 3])) + reaches[name] * _chord(step[:3, :3]) for step in steps]
            farthest = max(farthest, sum(moved))
        return farthest


def _chord(change: Float[np.ndarray, "3 3"]) -> float:
    """How far a turn moves a point at distance one, at most, from the change of the rotation matrix."""
    return float(np.linalg.norm(change)) / math.sqrt(2.0)


def interpolate_poses(
    times_s: Float[np.ndarray, " knots"], poses: Float[np.ndarray, "knots 4 4"], at_s: Float[np.ndarray, " times"]
) -> Float[np.ndarray, "times 4 4"]:
    """Straight lines and steady turns between the knots, standing still outside them."""
    if len(times_s) == 1:
        return np.repeat(poses, len(at_s), axis=0)
    after = np.clip(np.searchsorted(times_s, at_s), 1, len(times_s) - 1)
    share = np.clip((at_s - times_s[after - 1]) / (times_s[after] - times_s[after - 1]), 0.0, 1.0)
    return _blend(poses[after - 1], poses[after], share)


def _blend(
    first: Float[np.ndarray, "poses 4 4"], last: Float[np.ndarray, "poses 4 4"], share: Float[np.ndarray, " poses"]
) -> Float[np.ndarray, "poses 4 4"]:
    start = Rotation.from_matrix(first[:, :3, :3])
    turn = (start.inv() * Rotation.from_matrix(last[:, :3, :3])).as_rotvec()
    blended = np.tile(np.eye(4), (len(first), 1, 1))
    blended[:, :3, :3] = (start * Rotation.from_rotvec(turn * share[:, None])).as_matrix()
    blended[:, :3, 3] = first[:, :3, 3] + share[:, None] * (last[:, :3, 3] - first[:, :3, 3])
    return blended
