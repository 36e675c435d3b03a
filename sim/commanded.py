"""What the arm is told at each moment: trajectories played, joined without a jump, braked.

In:  Trajectory values with their start on the robot's clock; stops.
Out: position, velocity and gripper opening at any time.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from ..planning.playback import Playback
from ..planning.robot_description import RobotDescription
from ..planning.timing import brake, stop_limits
from ..planning.types import MotionConvention, Trajectory

# Encoders are noisy, so a trajectory planned from them begins a little beside the body: that much is blended out.
MAX_START_OFFSET_RAD = 0.02
MAX_START_VELOCITY_RADPS = 0.05
BLEND_S = 0.2


class CommandError(ValueError):
    """A trajectory that this body cannot begin to play; one line that says why."""


class _Piece:
    """A trajectory on the robot's clock. `offset_rad` fades out over BLEND_S."""

    def __init__(
        self, trajectory: Trajectory, start_s: float, offset_rad: Float[np.ndarray, "joints"], step_s: float
    ) -> None:
        self.start_s = start_s
        self.end_s = start_s + trajectory.duration_s
        self._duration_s = trajectory.duration_s
        self._offset_rad = offset_rad
        self._playback = Playback(trajectory)
        # All steps at once: one by one they would cost as much as the physics.
        self._first_tick = math.ceil(start_s / step_s - 1e-6)
        last_tick = max(self._first_tick, math.ceil(self.end_s / step_s))
        ticks = np.arange(self._first_tick, last_tick + 1)
        self._targets_rad, _, self._widths_m = self.states(ticks * step_s)

    def target(self, tick: int) -> tuple[Float[np.ndarray, "joints"], float]:
        """Position and opening at a step; before and after the piece, its ends."""
        index = min(max(tick - self._first_tick, 0), len(self._widths_m) - 1)
        return self._targets_rad[index], float(self._widths_m[index])

    def states(
        self, times_s: Float[np.ndarray, " times"]
    ) -> tuple[Float[np.ndarray, "times joints"], Float[np.ndarray, "times joints"], Float[np.ndarray, " times"]]:
        """Positions, velocities and openings; before and after the piece, its first and last position at rest."""
        t = times_s - self.start_s
        within = np.clip(t, 0.0, self._duration_s)
        positions, velocities, _ = self._playback.states(within)
        velocities = np.where((within == t)[:, None], velocities, 0.0)
        u = np.clip(t / BLEND_S, 0.0, 1.0)[:, None]
        positions = positions + self._offset_rad * (1 - u**3 * (10 - 15 * u + 6 * u**2))
        velocities = velocities - self._offset_rad * (30 * u**2 * (1 - u) ** 2 / BLEND_S)
        return positions, velocities, self._playback.widths_m(within)


class CommandedMotion:
    """The commanded motion of one episode."""

    def __init__(
        self,
        description: RobotDescription,
        convention: MotionConvention,
        positions_rad: Float[np.ndarray, "joints"],
        width_m: float,
        step_s: float,
    ) -> None:
        self._description = description
        self._convention = convention
        self._step_s = step_s
        self._current = _Piece(
            _still(convention.joint_names, positions_rad, width_m), 0.0, np.zeros(len(positions_rad)), step_s
        )
        self._next: _Piece | None = None

    def command(self, trajectory: Trajectory, start_s: float, now_s: float) -> None:
        """From `start_s` on, play this instead of what was commanded before."""
        _check(trajectory, self._convention)
        if start_s < now_s - 1e-9:
            raise CommandError(
                f"Trajectory should start at {start_s:.3f} s but the robot's clock shows {now_s:.3f} s. "
                "Start it now or later."
            )
        position, velocity, _ = self._state(start_s)
        offset = position - trajectory.positions_rad[0]
        if np.abs(offset).max() > MAX_START_OFFSET_RAD:
            joint = int(np.abs(offset).argmax())
            raise CommandError(
                f"Trajectory '{trajectory.label}' begins {abs(offset[joint]):.3f} rad away from the body at "
                f"{trajectory.joint_names[joint]}, expected at most {MAX_START_OFFSET_RAD} rad. Plan from the body's "
                "own position."
            )
        if np.abs(velocity - trajectory.velocities_radps[0]).max() > MAX_START_VELOCITY_RADPS:
            raise CommandError(
                f"Trajectory '{trajectory.label}' begins at another velocity than the body has at {start_s:.3f} s. "
                "Call stop() and wait until is_moving is false, or start it when the former one has ended."
            )
        self._next = _Piece(trajectory, start_s, offset, self._step_s)

    def stop(self, now_s: float) -> None:
        """From now on, brake every joint to rest within the body's limits; the gripper keeps its hold."""
        self._advance(now_s)
        position, velocity, width_m = self._state(now_s)
        h = self._step_s / 2
        ahead, behind = self._state(now_s + h)[1], self._state(now_s - h)[1]
        times, positions, velocities = brake(
            position, velocity, (ahead - behind) / (2 * h), stop_limits(self._description), self._step_s
        )
        names = self._convention.joint_names
        rest = Trajectory(names, times, positions, velocities, np.full(len(times), width_m), label="stop")
        self._current, self._next = _Piece(rest, now_s, np.zeros(len(position)), self._step_s), None

    def state(self, time_s: float) -> tuple[Float[np.ndarray, "joints"], Float[np.ndarray, "joints"], float]:
        """Commanded position, velocity and opening. Times must not decrease over calls."""
        self._advance(time_s)
        return self._state(time_s)

    def target(self, tick: int) -> tuple[Float[np.ndarray, "joints"], float]:
        """Commanded position and opening at a step. Steps must not decrease over calls."""
        self._advance(tick * self._step_s)
        return self._current.target(tick)

    def is_playing(self, time_s: float) -> bool:
        """Whether motion is commanded at or after this time."""
        return self._next is not None or time_s < self._current.end_s - 1e-9

    def _state(self, time_s: float) -> tuple[Float[np.ndarray, "joints"], Float[np.ndarray, "joints"], float]:
        (position,), (velocity,), (width_m,) = self._current.states(np.array([time_s]))
        return position, velocity, float(width_m)

    def _advance(self, time_s: float) -> None:
        if self._next is not None and time_s >= self._next.start_s - 1e-9:
            self._current, self._next = self._next, None


def _still(names: tuple[str, ...], positions_rad: Float[np.ndarray, "joints"], width_m: float) -> Trajectory:
    return Trajectory(names, np.zeros(1), positions_rad[None].copy(), np.zeros((1, len(names))), np.array([width_m]))


def _check(trajectory: Trajectory, convention: MotionConvention) -> None:
    """Raise CommandError unless the trajectory can be played at all."""
    if trajectory.joint_names != convention.joint_names:
        raise CommandError(
            f"Trajectory moves {', '.join(trajectory.joint_names)}; this body has {', '.join(convention.joint_names)}, "
            "in that order. Reorder the joints or use a policy made for this robot."
        )
    times = trajectory.times_s
    if len(times) == 0 or times[0] != 0.0 or np.any(np.diff(times) <= 0.0):
        raise CommandError("Trajectory.times_s must begin at 0 and increase. Sort the samples and drop duplicates.")
    values = (times, trajectory.positions_rad, trajectory.velocities_radps, trajectory.gripper_width_m)
    if not all(np.isfinite(value).all() for value in values):
        raise CommandError("Trajectory holds values that are not finite, expected numbers only. Plan it again.")
    if np.abs(trajectory.velocities_radps[-1]).max() > 1e-6:
        raise CommandError("Trajectory ends in motion, expected rest. End it with zero velocities.")
