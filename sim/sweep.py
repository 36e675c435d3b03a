"""How everything moved while a sensor swept: poses at a few moments, and at any time between them.

In:  snapshots of all body poses, the last at the end of the sweep.
Out: Motion: poses of some bodies at any time in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial.transform import Rotation

from ..perception.types import WORLD

Poses = Mapping[str, Float[np.ndarray, "4 4"]]
STILL = 1e-6
LOOKS = 12
"""At how many times a body's way is looked at to see where it may have been; in between a bound holds."""


@dataclass(frozen=True, slots=True)
class Motion:
    """Poses of bodies at knots: straight lines and steady turns between them, standing still outside."""

    times_s: Float[np.ndarray, " knots"]
    knots: Float[np.ndarray, "knots bodies 4 4"]

    def is_moving(self) -> Bool[np.ndarray, " bodies"]:
        """Which bodies are not in one place all the time."""
        return (np.abs(self.knots - self.knots[-1]) > STILL).any(axis=(0, 2, 3))

    def only(self, rows: Sequence[int] | Int[np.ndarray, " rows"]) -> Motion:
        """Of some of the bodies."""
        return Motion(self.times_s, self.knots[:, rows])

    def carry(self, T_body_thing: Float[np.ndarray, "4 4"]) -> Motion:
        """Of a thing that each body bears."""
        return Motion(self.times_s, self.knots @ T_body_thing)

    def at(self, times_s: Float[np.ndarray, " times"]) -> Float[np.ndarray, "times bodies 4 4"]:
        """Their poses at many times."""
        if len(self.times_s) == 1 or not self.is_moving().any():
            return np.repeat(self.knots[-1:], len(times_s), axis=0)
        after = np.clip(np.searchsorted(self.times_s, times_s), 1, len(self.times_s) - 1)
        before = after - 1
        first_s = self.times_s[before]
        share = np.clip((times_s - first_s) / (self.times_s[after] - first_s), 0.0, 1.0)[:, None, None]
        poses = self.knots.take(before, axis=0)
        poses[..., :3, 3] += share * np.diff(self.knots[..., :3, 3], axis=0).take(before, axis=0)
        rotations = self.knots[:, :, :3, :3]
        turns = Rotation.from_matrix((rotations[:-1].swapaxes(2, 3) @ rotations[1:]).reshape(-1, 3, 3)).as_rotvec()
        angles = np.linalg.norm(turns, axis=1)
        crosses = _cross_matrices(turns / np.maximum(angles, 1e-12)[:, None]).reshape(-1, *rotations.shape[1:])
        # Rodrigues: a share of the angle about the same axis.
        by_sine = rotations[:-1] @ crosses
        by_cosine = by_sine @ crosses
        angle = share[..., None] * angles.reshape(len(crosses), -1).take(before, axis=0)[..., None, None]
        poses[..., :3, :3] += np.sin(angle) * by_sine.take(before, axis=0)
        poses[..., :3, :3] += (1.0 - np.cos(angle)) * by_cosine.take(before, axis=0)
        return poses


@dataclass(frozen=True, slots=True)
class Sweep:
    """Body poses at some times, rising; before the first everything stands still."""

    times_s: tuple[float, ...]
    poses: tuple[Poses, ...]

    @property
    def end_s(self) -> float:
        """When the sweep ends."""
        return self.times_s[-1]

    def motion_of(self, names: Sequence[str], resting: Poses) -> Motion:
        """How those bodies moved; what the sweep says nothing of rests, and so does `world`."""
        resting = {**resting, WORLD: np.eye(4)}
        knots = [[poses[name] if name in poses else resting[name] for name in names] for poses in self.poses]
        return Motion(np.array(self.times_s), np.array(knots))

    def watch_times_s(self, moments_s: Float[np.ndarray, " moments"]) -> Float[np.ndarray, " times"]:
        """Times at which to look where bodies are on their way: every knot, and some between."""
        between = np.linspace(moments_s[0], moments_s[-1], LOOKS)
        return np.union1d(np.clip(self.times_s, moments_s[0], moments_s[-1]), between)


def _cross_matrices(axes: Float[np.ndarray, "axes 3"]) -> Float[np.ndarray, "axes 3 3"]:
    """K with K v = axis × v."""
    matrices = np.zeros((len(axes), 3, 3))
    matrices[:, [2, 0, 1], [1, 2, 0]] = axes
    matrices[:, [1, 2, 0], [2, 0, 1]] = -axes
    return matrices
