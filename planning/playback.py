"""A trajectory as the robot plays it: cubic Hermite pieces between its samples.

In:  Trajectory (already known to be finite and in order of time).
Out: positions, velocities, accelerations and jerks, and moments close enough together to judge contact by.
"""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# (numpy's stubs leave the type of a matrix product open.)

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from .types import Trajectory


def slowed(trajectory: Trajectory, speed: float) -> Trajectory:
    """The same path at a fraction of its speed."""
    if speed == 1.0:
        return trajectory
    held = tuple(replace(s, start_s=s.start_s / speed, end_s=s.end_s / speed) for s in trajectory.held)
    return replace(
        trajectory,
        times_s=trajectory.times_s / speed,
        velocities_radps=trajectory.velocities_radps * speed,
        held=held,
    )


class Playback:
    """Reads a trajectory between its samples."""

    def __init__(self, trajectory: Trajectory) -> None:
        self.trajectory = trajectory
        self._times = trajectory.times_s
        p, v = trajectory.positions_rad, trajectory.velocities_radps
        h = np.diff(self._times)[:, None]
        slope = np.diff(p, axis=0) / h if len(h) else np.zeros((0, p.shape[1]))
        self._c2 = (3 * slope - 2 * v[:-1] - v[1:]) / h if len(h) else slope
        self._c3 = (v[:-1] + v[1:] - 2 * slope) / h**2 if len(h) else slope

    def states(
        self, times_s: Float[np.ndarray, "moments"]
    ) -> tuple[
        Float[np.ndarray, "moments joints"], Float[np.ndarray, "moments joints"], Float[np.ndarray, "moments joints"]
    ]:
        """Positions, velocities and accelerations at any times within the trajectory."""
        p, v = self.trajectory.positions_rad, self.trajectory.velocities_radps
        if len(self._c2) == 0:
            rest = np.repeat(p, len(times_s), axis=0)
            return rest, np.zeros_like(rest), np.zeros_like(rest)
        piece = np.clip(np.searchsorted(self._times, times_s, side="right") - 1, 0, len(self._c2) - 1)
        s = (times_s - self._times[piece])[:, None]
        c2, c3 = self._c2[piece], self._c3[piece]
        return (
            p[piece] + s * (v[piece] + s * (c2 + s * c3)),
            v[piece] + s * (2 * c2 + 3 * s * c3),
            2 * c2 + 6 * s * c3,
        )

    def widths_m(self, times_s: Float[np.ndarray, "moments"]) -> Float[np.ndarray, "moments"]:
        """Commanded opening."""
        return np.interp(times_s, self._times, self.trajectory.gripper_width_m)

    def extremes(self) -> dict[str, tuple[Float[np.ndarray, "moments joints"], Float[np.ndarray, "moments"]]]:
        """For position, velocity, acceleration and jerk: values that include the extremes, with their times.

        Acceleration is linear and jerk constant within a piece, so its ends are enough; positions and velocities
        are read at quarters of each piece.
        """
        quarters = (self._times[:-1, None] + np.diff(self._times)[:, None] * np.arange(4) / 4).ravel()
        times = np.concatenate([quarters, self._times[-1:]])
        positions, velocities, _ = self.states(times)
        begin, h = self._times[:-1], np.diff(self._times)[:, None]
        accelerations = np.concatenate([2 * self._c2, 2 * self._c2 + 6 * h * self._c3])
        return {
            "position": (positions, times),
            "velocity": (velocities, times),
            "acceleration": (accelerations, np.concatenate([begin, self._times[1:]])),
            "jerk": (6 * self._c3, begin),
        }

    def moments(self, reach_m: Float[np.ndarray, "joints"], step_m: float) -> Float[np.ndarray, "moments"]:
        """Times between which no point of the body moves further than `step_m`, with both ends.

        `reach_m` bounds for each joint how far from its axis the body extends.
        """
        fine = max(2, int(np.ceil((self._times[-1] - self._times[0]) / 0.01)) + 1)
        times = np.unique(np.concatenate([np.linspace(self._times[0], self._times[-1], fine), self._times]))
        positions, _, _ = self.states(times)
        moved: Any = np.abs(np.diff(positions, axis=0)) @ reach_m + np.abs(np.diff(self.widths_m(times)))
        way = np.concatenate([[0.0], np.cumsum(moved)])
        num = min(20000, max(1, int(np.ceil(way[-1] / step_m))))
        # Time as a function of the way; where the arm rests, the way does not grow and one moment suffices.
        keep = np.concatenate([[True], np.diff(way) > 1e-12])
        inner: Any = np.interp(np.linspace(0.0, way[-1], num + 1), way[keep], times[keep])
        return np.unique(np.concatenate([times[:1], inner, times[-1:]]))
