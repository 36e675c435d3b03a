"""Whether a trajectory is a motion that this robot can make at all: form, limits, beginning and end.

In:  Trajectory from anywhere (also a hostile one), RobotDescription, the body's present state.
Out: Findings with signed margins. `check_form` comes first: nothing else may be computed from what fails it.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from ..perception.types import BodyState
from .playback import Playback
from .robot_description import RobotDescription
from .types import Finding, Ruling, Trajectory

MAX_DURATION_S = 120.0
MAX_SPACING_S = 0.25
START_TOLERANCE_RAD = 0.02
START_VELOCITY_TOLERANCE_RADPS = 0.1
REST_RADPS = 0.01
GRIPPER_SPEED_MPS = 0.4


def check_form(trajectory: Trajectory, description: RobotDescription) -> list[Finding]:
    """Joint names and order, finite values, time that runs forward; refused findings only."""
    found: list[Finding] = []
    if trajectory.joint_names != description.arm_joints:
        reason = f"joints are {_short(trajectory.joint_names)}, expected {_short(description.arm_joints)} in this order"
        found.append(Finding("joints", Ruling.REFUSED, None, "", None, reason))
    times = trajectory.times_s
    if len(times) == 0:
        return [*found, Finding("time", Ruling.REFUSED, None, "s", None, "the trajectory has no samples")]
    arrays = (times, trajectory.positions_rad, trajectory.velocities_radps, trajectory.gripper_width_m)
    spans = tuple(np.append(span.T_hand_object, [span.start_s, span.end_s]) for span in trajectory.held)
    if not all(np.isfinite(array).all() for array in (*arrays, *spans)):
        return [*found, Finding("finite", Ruling.REFUSED, None, "", None, "a value is not a finite number")]
    steps = np.diff(times)
    if times[0] != 0.0 or (len(steps) and steps.min() <= 0):
        where = 0 if times[0] != 0.0 else int(np.argmin(steps))
        reason = f"time starts at {times[0]:g} s and must start at 0" if times[0] != 0 else "time does not run forward"
        margin = -abs(float(times[0])) if times[0] != 0 else float(steps[where])
        found.append(Finding("time", Ruling.REFUSED, margin, "s", float(times[where]), reason))
    elif times[-1] > MAX_DURATION_S or (len(steps) and steps.max() > MAX_SPACING_S):
        spacing = float(steps.max()) if len(steps) else 0.0
        margin = min(MAX_DURATION_S - float(times[-1]), MAX_SPACING_S - spacing)
        reason = f"it lasts {times[-1]:.1f} s of {MAX_DURATION_S:.0f} with gaps of {spacing:.2f} s of {MAX_SPACING_S}"
        found.append(Finding("time", Ruling.REFUSED, margin, "s", float(times[int(np.argmax(steps))]), reason))
    return found


def check_limits(playback: Playback, description: RobotDescription) -> list[Finding]:
    """Joint positions, velocities, accelerations and jerks between samples too; the gripper's range and speed."""
    extremes = playback.extremes()
    positions, times = extremes["position"]
    low, high = np.array(description.position_min_rad), np.array(description.position_max_rad)
    found = [
        _finding("joint_position", np.minimum(positions - low, high - positions), times, "rad", description.arm_joints)
    ]
    bounds = (
        ("velocity", description.velocity_max_radps, "rad/s"),
        ("acceleration", description.acceleration_max_radps2, "rad/s²"),
        ("jerk", description.jerk_max_radps3, "rad/s³"),
    )
    for name, bound, unit in bounds:
        values, times = extremes[name]
        if len(values):
            margins = np.array(bound) - np.abs(values)
            found.append(_finding(f"joint_{name}", margins, times, unit, description.arm_joints))
    return [*found, *_check_gripper(playback.trajectory, description)]


def check_ends(trajectory: Trajectory, body: BodyState | None) -> list[Finding]:
    """It starts where the body is, as fast as the body moves, and ends at rest."""
    end = float(np.abs(trajectory.velocities_radps[-1]).max())
    rest = _plain(
        "rest_at_end", REST_RADPS - end, "rad/s", trajectory.duration_s, f"the last sample moves at {end:.3f}"
    )
    if body is None:
        reason = "the state of the body is not known. Read the joints first."
        return [Finding("start", Ruling.NOT_EVALUATED, None, "rad", 0.0, reason), rest]
    if body.joint_names != trajectory.joint_names:
        reason = f"the body reports joints {_short(body.joint_names)}"
        return [Finding("start", Ruling.NOT_EVALUATED, None, "rad", 0.0, reason), rest]
    jump = np.abs(trajectory.positions_rad[0] - body.positions_rad)
    worst = int(np.argmax(jump))
    reason = f"{trajectory.joint_names[worst]} starts {jump[worst]:.3f} rad from where it is"
    start = _plain("start", START_TOLERANCE_RAD - float(jump[worst]), "rad", 0.0, reason)
    change = float(np.abs(trajectory.velocities_radps[0] - body.velocities_radps).max())
    reason = f"the first sample's velocity differs by {change:.3f} rad/s from the body's"
    return [start, _plain("start_velocity", START_VELOCITY_TOLERANCE_RADPS - change, "rad/s", 0.0, reason), rest]


def check_workspace(
    tool_positions_world: Float[np.ndarray, "moments 3"], times_s: Float[np.ndarray, "moments"], d: RobotDescription
) -> Finding:
    """The tool stays in the robot's box."""
    low, high = np.array(d.workspace_m[:3]), np.array(d.workspace_m[3:])
    margins = np.minimum(tool_positions_world - low, high - tool_positions_world)
    return _finding("workspace", margins, times_s, "m", ("x", "y", "z"))


def _check_gripper(trajectory: Trajectory, description: RobotDescription) -> list[Finding]:
    widths, times = trajectory.gripper_width_m, trajectory.times_s
    margins = np.minimum(widths, description.gripper.max_width_m - widths) + 1e-6
    found = [_finding("gripper_width", margins[:, None], times, "m", ("opening",))]
    if len(widths) > 1:
        speed = np.abs(np.diff(widths) / np.diff(times))
        found.append(_finding("gripper_speed", (GRIPPER_SPEED_MPS - speed)[:, None], times[1:], "m/s", ("opening",)))
    return found


def _finding(
    rule: str,
    margins: Float[np.ndarray, "moments values"],
    times_s: Float[np.ndarray, "moments"],
    unit: str,
    names: tuple[str, ...],
) -> Finding:
    row, column = (int(i) for i in np.unravel_index(int(np.argmin(margins)), margins.shape))
    margin = float(margins[row, column])
    reason = f"{names[column]} is {abs(margin):.3g} {unit} {'within' if margin >= 0 else 'beyond'} its limit"
    return _plain(rule, margin, unit, float(times_s[row]), reason)


def _plain(rule: str, margin: float, unit: str, time_s: float, reason: str) -> Finding:
    return Finding(rule, Ruling.ALLOWED if margin >= 0 else Ruling.REFUSED, margin, unit, time_s, reason)


def _short(names: tuple[str, ...]) -> str:
    return ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
