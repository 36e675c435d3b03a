"""From paths to timed motion: jerk-limited, verified against every joint's limits, and the stop from any state.

In:  waypoints in joint space, limits.
Out: TimedPath pieces, joined by a Timeline into one Trajectory; `brake` for stops.
A path runs from rest to rest: ruckig times one number along a smooth curve through the waypoints, the curve's
joint velocities, accelerations and jerks are then computed densely, and the whole is slowed until all limits hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import ruckig as untyped_ruckig
from jaxtyping import Float
from scipy.interpolate import CubicSpline  # pyright: ignore[reportMissingTypeStubs]

from .robot_description import RobotDescription
from .types import HeldSpan, Trajectory

ruckig: Any = untyped_ruckig

# Measured with simulated friction grasps: objects stay in the hand (faster or jerkier ones slip).
VELOCITY_FRACTION = 0.7
ACCELERATION_RADPS2 = 6.0
JERK_RADPS3 = 60.0
LINE_SPEED_MPS = 0.25
LINE_ACCELERATION_MPS2 = 1.5
LINE_JERK_MPS3 = 15.0
# An empty hand has nothing to lose.
EMPTY_VELOCITY_FRACTION = 0.85
EMPTY_ACCELERATION_RADPS2 = 10.0
EMPTY_JERK_RADPS3 = 150.0
EMPTY_LINE_QUICKER = 1.6
# Stops may be rougher than motion: an object that slips is better than a body that does not stop.
STOP_ACCELERATION_FRACTION = 0.9
STOP_JERK_RADPS3 = 600.0
# The command runs ahead of the fingers: a slow one lets them stick to the object when they open.
GRIPPER_COMMAND_MPS = 0.38
GRIPPER_SPEED_MPS = 0.19
SAMPLE_S = 0.01
_SLOWEST = 20


@dataclass(frozen=True, slots=True)
class MotionLimits:
    """Bounds on the magnitude of each joint's velocity, acceleration and jerk."""

    velocity_radps: Float[np.ndarray, "joints"]
    acceleration_radps2: Float[np.ndarray, "joints"]
    jerk_radps3: Float[np.ndarray, "joints"]


@dataclass(frozen=True, slots=True)
class LineSpeed:
    """Bounds on the tool's motion along a straight line, which leaves rest at a `gentle` part of them."""

    velocity_mps: float = LINE_SPEED_MPS
    acceleration_mps2: float = LINE_ACCELERATION_MPS2
    jerk_mps3: float = LINE_JERK_MPS3
    gentle: float = 1.0

    def scaled(self, speed: float) -> LineSpeed:
        """The same motion played slower (`speed` below one)."""
        return LineSpeed(
            self.velocity_mps * speed, self.acceleration_mps2 * speed**2, self.jerk_mps3 * speed**3, self.gentle
        )


@dataclass(frozen=True, slots=True)
class TimedPath:
    """One piece of motion from rest to rest; times from 0."""

    times_s: Float[np.ndarray, "times"]
    positions_rad: Float[np.ndarray, "times joints"]
    velocities_radps: Float[np.ndarray, "times joints"]

    def reversed(self) -> TimedPath:
        """The same way back; as smooth and as fast."""
        return TimedPath(
            self.times_s[-1] - self.times_s[::-1], self.positions_rad[::-1].copy(), -self.velocities_radps[::-1]
        )


def motion_limits(description: RobotDescription, speed: float = 1.0, *, is_empty: bool = False) -> MotionLimits:
    """A comfortable part of the robot's limits, more of it with an empty hand; `speed` 0–1 plays everything slower."""
    fraction = EMPTY_VELOCITY_FRACTION if is_empty else VELOCITY_FRACTION
    acceleration = EMPTY_ACCELERATION_RADPS2 if is_empty else ACCELERATION_RADPS2
    jerk = EMPTY_JERK_RADPS3 if is_empty else JERK_RADPS3
    return MotionLimits(
        fraction * np.array(description.velocity_max_radps) * speed,
        np.minimum(acceleration, 0.8 * np.array(description.acceleration_max_radps2)) * speed**2,
        np.minimum(jerk, 0.8 * np.array(description.jerk_max_radps3)) * speed**3,
    )


def stop_limits(description: RobotDescription) -> MotionLimits:
    """What a stop may use: nearly all of the robot's acceleration."""
    return MotionLimits(
        np.array(description.velocity_max_radps),
        STOP_ACCELERATION_FRACTION * np.array(description.acceleration_max_radps2),
        np.minimum(STOP_JERK_RADPS3, 0.8 * np.array(description.jerk_max_radps3)),
    )


def time_path(
    waypoints_rad: Float[np.ndarray, "waypoints joints"],
    limits: MotionLimits,
    *,
    lengths_m: Float[np.ndarray, "waypoints"] | None = None,
    line: LineSpeed | None = None,
    sample_s: float = SAMPLE_S,
) -> TimedPath:
    """Rest to rest through all waypoints: straight for two, a cubic spline for more.

    For a straight line of the tool, `lengths_m` is the way of the tool up to each waypoint and `line` its speed;
    otherwise the way is measured in joint space.
    """
    steps = np.linalg.norm(np.diff(waypoints_rad, axis=0), axis=1)
    marks = np.concatenate([[0.0], np.cumsum(steps)]) if lengths_m is None else lengths_m - lengths_m[0]
    keep = np.concatenate([[True], np.diff(marks) > 1e-9])
    waypoints_rad, marks = waypoints_rad[keep], marks[keep]
    if len(marks) < 2:
        return TimedPath(np.zeros(1), waypoints_rad[:1].copy(), np.zeros((1, waypoints_rad.shape[1])))
    curve = _Curve(waypoints_rad, marks)
    rates = curve.rates(limits)
    if line is not None:
        rates = np.minimum(rates, [line.velocity_mps, line.acceleration_mps2, line.jerk_mps3])
    for _ in range(_SLOWEST):
        profile = _rest_to_rest(float(marks[-1]), rates, line.gentle if line is not None else 1.0)
        times = _sample_times(profile.duration, sample_s)
        along = np.array([profile.at_time(float(t)) for t in times])
        positions, velocities, excess = curve.play(along, rates[2], limits)
        if excess <= 1.0:
            positions[-1], velocities[-1], velocities[0] = waypoints_rad[-1], 0.0, 0.0
            return TimedPath(times, positions, velocities)
        rates = rates / np.array([excess, excess**2, excess**3]) * 0.999
    raise ValueError(
        f"No speed found at which {len(waypoints_rad)} waypoints keep all joint limits. Expected a smooth path; "
        "waypoints that nearly coincide or turn back make it endless. Thin them out."
    )


def brake(
    positions_rad: Float[np.ndarray, "joints"],
    velocities_radps: Float[np.ndarray, "joints"],
    accelerations_radps2: Float[np.ndarray, "joints"],
    limits: MotionLimits,
    sample_s: float,
) -> tuple[Float[np.ndarray, "times"], Float[np.ndarray, "times joints"], Float[np.ndarray, "times joints"]]:
    """A jerk-limited stop from any state: times from 0 (now) to rest, positions, velocities.

    All joints come to rest together, so that the body stays near the way it was on.
    """
    stop = ruckig.InputParameter(len(positions_rad))
    stop.control_interface = ruckig.ControlInterface.Velocity
    stop.synchronization = ruckig.Synchronization.Time
    stop.current_position = [float(v) for v in positions_rad]
    stop.current_velocity = [float(v) for v in velocities_radps]
    stop.current_acceleration = [float(v) for v in accelerations_radps2]
    stop.target_velocity = [0.0] * len(positions_rad)
    stop.target_acceleration = [0.0] * len(positions_rad)
    # A body that already accelerates harder than allowed must still be able to stop.
    allowed = np.maximum(limits.acceleration_radps2, np.abs(accelerations_radps2))
    stop.max_acceleration = [float(v) for v in allowed]
    stop.max_jerk = [float(v) for v in limits.jerk_radps3]
    profile = _calculate(stop, len(positions_rad))
    times = _sample_times(profile.duration, sample_s)
    states = [profile.at_time(float(t)) for t in times]
    velocities = np.array([state[1] for state in states])
    velocities[-1] = 0.0
    return times, np.array([state[0] for state in states]), velocities


class Timeline:
    """Joins pieces of motion and pauses of the arm into one Trajectory; knows where and when it stands."""

    def __init__(
        self, joint_names: tuple[str, ...], positions_rad: Float[np.ndarray, "joints"], gripper_width_m: float
    ) -> None:
        self._names = joint_names
        self._times = [np.zeros(1)]
        self._positions = [np.array(positions_rad, dtype=float)[None]]
        self._velocities = [np.zeros((1, len(joint_names)))]
        self._widths = [np.array([gripper_width_m], dtype=float)]

    @property
    def time_s(self) -> float:
        """End of what is there so far."""
        return float(self._times[-1][-1])

    @property
    def positions_rad(self) -> Float[np.ndarray, "joints"]:
        """Where the arm is at the end of what is there so far."""
        return self._positions[-1][-1]

    @property
    def width_m(self) -> float:
        """Commanded opening at the end of what is there so far."""
        return float(self._widths[-1][-1])

    def follow(self, path: TimedPath, width_m: float | None = None) -> None:
        """Append a piece of motion that starts where the arm is; the gripper moves to `width_m` meanwhile."""
        if len(path.times_s) > 1:
            self._append(path.times_s[1:], path.positions_rad[1:], path.velocities_radps[1:], width_m)

    def pause(self, duration_s: float, width_m: float | None = None, *, held_m: float | None = None) -> None:
        """The arm rests for the duration, or for as long as the gripper needs to `width_m` plus the duration.

        Fingers come no nearer than the width of what is between them, `held_m`.
        """
        if width_m is not None:
            duration_s += _fingers_s(self.width_m, width_m, held_m)
        times = _sample_times(duration_s, SAMPLE_S)[1:]
        still = np.repeat(self.positions_rad[None], len(times), axis=0)
        self._append(times, still, np.zeros_like(still), width_m)

    def build(
        self,
        *,
        held: tuple[HeldSpan, ...] = (),
        touches: tuple[str, ...] = (),
        label: str = "",
        target_pose_world: Float[np.ndarray, "4 4"] | None = None,
    ) -> Trajectory:
        """Everything appended so far as one trajectory."""
        return Trajectory(
            self._names,
            np.concatenate(self._times),
            np.concatenate(self._positions),
            np.concatenate(self._velocities),
            np.concatenate(self._widths),
            held,
            touches,
            label,
            target_pose_world,
        )

    def _append(
        self,
        times_s: Float[np.ndarray, "times"],
        positions_rad: Float[np.ndarray, "times joints"],
        velocities_radps: Float[np.ndarray, "times joints"],
        width_m: float | None,
    ) -> None:
        way_m = 0.0 if width_m is None else width_m - self.width_m
        self._widths.append(self.width_m + np.sign(way_m) * np.minimum(abs(way_m), GRIPPER_COMMAND_MPS * times_s))
        self._times.append(self.time_s + times_s)
        self._positions.append(positions_rad)
        self._velocities.append(velocities_radps)


class _Curve:
    """A smooth curve through waypoints, with its first three derivatives by the way."""

    def __init__(self, waypoints_rad: Float[np.ndarray, "waypoints joints"], marks: Float[np.ndarray, "waypoints"]):
        if len(marks) == 2:
            slope = (waypoints_rad[1] - waypoints_rad[0]) / (marks[1] - marks[0])
            self._pieces: Any = None
            self._start, self._slope = waypoints_rad[0], slope
        else:
            kind = "not-a-knot" if len(marks) > 3 else "natural"
            self._pieces = CubicSpline(marks, waypoints_rad, bc_type=kind)
        self._length = float(marks[-1])

    def rates(self, limits: MotionLimits) -> Float[np.ndarray, "3"]:
        """First guess of how fast the way may be gone: velocity, acceleration, jerk along it."""
        slope = np.abs(self.derivatives(np.linspace(0.0, self._length, 50))[1]).max(axis=0)
        slope = np.maximum(slope, 1e-9)
        bounds = (limits.velocity_radps, limits.acceleration_radps2, limits.jerk_radps3)
        return np.array([float((bound / slope).min()) for bound in bounds])

    def derivatives(self, along: Float[np.ndarray, "times"]) -> list[Float[np.ndarray, "times joints"]]:
        """Positions and their first three derivatives by the way."""
        if self._pieces is None:
            flat = np.zeros((len(along), len(self._slope)))
            return [self._start + along[:, None] * self._slope, flat + self._slope, flat, flat]
        return [self._pieces(along, order) for order in range(4)]

    def play(
        self, along: Float[np.ndarray, "times 3"], jerk: float, limits: MotionLimits
    ) -> tuple[Float[np.ndarray, "times joints"], Float[np.ndarray, "times joints"], float]:
        """Positions and velocities, and by what factor time must be stretched for the limits to hold (1: not)."""
        speed, change = along[:, 1:2], along[:, 2:3]
        positions, first, second, third = self.derivatives(along[:, 0])
        velocities = first * speed
        accelerations = np.abs(second * speed**2 + first * change)
        jerks = np.abs(third * speed**3) + np.abs(3 * second * speed * change) + np.abs(first) * jerk
        excess = max(
            float((np.abs(velocities) / limits.velocity_radps).max()),
            float((accelerations / limits.acceleration_radps2).max()) ** (1 / 2),
            float((jerks / limits.jerk_radps3).max()) ** (1 / 3),
        )
        return positions, velocities, excess if excess > 1.0 + 1e-6 else 1.0


def _fingers_s(from_m: float, to_m: float, held_m: float | None) -> float:
    """How long the gripper takes. What it holds stops it early, and is let go once the command is wider."""
    if held_m is None:
        return abs(to_m - from_m) / GRIPPER_SPEED_MPS
    if to_m < from_m:
        return max((from_m - to_m) / GRIPPER_COMMAND_MPS, (from_m - held_m) / GRIPPER_SPEED_MPS)
    return max(held_m - from_m, 0.0) / GRIPPER_COMMAND_MPS + abs(to_m - held_m) / GRIPPER_SPEED_MPS


def _rest_to_rest(length: float, rates: Float[np.ndarray, "3"], gentle: float) -> _Flat:
    """The quickest way within the rates; `gentle` below one leaves rest at that part of them."""
    if gentle < 1.0:
        slow = rates * np.array([gentle, gentle**2, gentle**3])
        ramp = _ramp(slow)
        if length < ramp + _ramp(rates):
            return _Flat([_one_way((0.0, 0.0), (length, 0.0), slow)])
        speed = float(slow[0])
        return _Flat([_one_way((0.0, 0.0), (ramp, speed), slow), _one_way((ramp, speed), (length, 0.0), rates)])
    return _Flat([_one_way((0.0, 0.0), (length, 0.0), rates)])


def _ramp(rates: Float[np.ndarray, "3"]) -> float:
    """How long the way is on which rest becomes full speed."""
    velocity, acceleration, jerk = (float(rate) for rate in rates)
    if velocity < acceleration**2 / jerk:
        return velocity * (velocity / jerk) ** 0.5
    return velocity / 2 * (velocity / acceleration + acceleration / jerk)


def _one_way(start: tuple[float, float], end: tuple[float, float], rates: Float[np.ndarray, "3"]) -> Any:
    """From place and velocity to place and velocity, not accelerating at either."""
    line = ruckig.InputParameter(1)
    (line.current_position, line.current_velocity), (line.target_position, line.target_velocity) = (
        ([place], [velocity]) for place, velocity in (start, end)
    )
    line.max_velocity, line.max_acceleration, line.max_jerk = ([float(rate)] for rate in rates)
    return _calculate(line, 1)


class _Flat:
    """One-dimensional ruckig trajectories one after the other, whose states are three plain numbers."""

    def __init__(self, profiles: Sequence[Any]) -> None:
        self._profiles = profiles
        self.duration = sum(float(profile.duration) for profile in profiles)

    def at_time(self, time_s: float) -> tuple[float, float, float]:
        """Position, velocity, acceleration."""
        for profile in self._profiles[:-1]:
            if time_s < profile.duration:
                return _first_of(profile.at_time(time_s))
            time_s -= profile.duration
        return _first_of(self._profiles[-1].at_time(time_s))


def _first_of(states: Any) -> tuple[float, float, float]:
    position, velocity, acceleration = states
    return position[0], velocity[0], acceleration[0]


def _calculate(wanted: Any, num_joints: int) -> Any:
    profile = ruckig.Trajectory(num_joints)
    result = ruckig.Ruckig(num_joints).calculate(wanted, profile)
    if result not in (ruckig.Result.Working, ruckig.Result.Finished):
        raise ValueError(
            f"ruckig could not time a motion ({result}); expected finite states and positive limits. Check the "
            f"positions {wanted.current_position} and velocities {wanted.current_velocity}."
        )
    return profile


def _sample_times(duration_s: float, sample_s: float) -> Float[np.ndarray, "times"]:
    """Evenly from 0 to the end; the spacing is stretched or shrunk a little so that the end is a sample."""
    num = max(1, round(duration_s / sample_s))
    return np.linspace(0.0, duration_s, num + 1) if duration_s > 0 else np.zeros(1)
