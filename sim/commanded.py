"""What the arm is told at each moment: trajectories played, joined without a jump, braked.

In:  Trajectory values with their start on the robot's clock; stops.
Out: position, velocity and gripper opening at any time.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from ..planning.playback import Playback
from ..planning.robot_model import RobotDescription
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

    def __init__(self, trajectory: Trajectory, start_s: float, offset_rad: Float[np.ndarray, "joints"]) -> None:
        self.trajectory = trajectory
        self.start_s = start_s
        self.end_s = start_s + trajectory.duration_s
        self._offset_rad = offset_rad
        self._playback = Playback(trajectory)

    def state(self, time_s: float) -> tuple[Float[np.ndarray, "joints"], Float[np.ndarray, "joints"], float]:
        """Position, velocity and opening; before and after the piece, its first and last position at rest."""
        t = time_s - self.start_s
        within = np.clip([t], 0.0, self.trajectory.duration_s)
        (position,), (velocity,), _ = self._playback.states(within)
        width_m = float(self._playback.widths_m(within)[0])
        if within[0] != t:
            velocity = np.zeros_like(velocity)
        elif t < BLEND_S and self._offset_rad.any():
            u = t / BLEND_S
            position = position + self._offset_rad * (1 - u**3 * (10 - 15 * u + 6 * u**2))
            velocity = velocity - self._offset_rad * (30 * u**2 * (1 - u) ** 2 / BLEND_S)
        return position, velocity, width_m


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
            _still(convention.joint_names, positions_rad, width_m), 0.0, np.zeros(len(positions_rad))
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
        position, velocity, _ = self._current.state(start_s)
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
        self._next = _Piece(trajectory, start_s, offset)

    def stop(self, now_s: float) -> None:
        """From now on, brake every joint to rest within the body's limits; the gripper keeps its hold."""
        self._advance(now_s)
        position, velocity, width_m = self._current.state(now_s)
        h = self._step_s / 2
        ahead, behind = self._current.state(now_s + h)[1], self._current.state(now_s - h)[1]
        times, positions, velocities = brake(
            position, velocity, (ahead - behind) / (2 * h), stop_limits(self._description), self._step_s
        )
        names = self._convention.joint_names
        rest = Trajectory(names, times, positions, velocities, np.full(len(times), width_m), label="stop")
        self._current, self._next = _Piece(rest, now_s, np.zeros(len(position))), None

    def state(self, time_s: float) -> tuple[Float[np.ndarray, "joints"], Float[np.ndarray, "joints"], float]:
        """Commanded position, velocity and opening. Times must not decrease over calls."""
        self._advance(time_s)
        return self._current.state(time_s)

    def is_playing(self, time_s: float) -> bool:
        """Whether motion is commanded at or after this time."""
        return self._next is not None or time_s < self._current.end_s - 1e-9

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
