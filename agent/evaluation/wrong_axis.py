"""Which part of a declared convention is likely wrong: actions compared with recorded states, reading by reading.

In:  a demonstration, the convention declared, the robot's kinematics, where the robot truly starts.
Out: Diagnosis: the likely wrong axis (or none) and how sure. One wrong axis at a time is looked for.

Each alternative reading says where the tool and the fingers should have gone; the recorded states say where they
went. A misfit of one unit counts one step of the scales below, so that far-off readings lose by orders of
magnitude. Frames of an episode depend on each other, so an episode counts as one observation, not as hundreds.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from ...planning.robot_model import RobotModel
from .convention import SCALES, Convention, make_start, read_actions, read_states, tool_poses
from .demonstrations import Demonstration

MOTION_M = 0.02  # mean distance of tool and target that counts one
TURN_M_PER_RAD = 0.2
GRIPPER_SHARE = 0.15  # of the full opening; a hand that holds something stays open wider than it is told
GRIPPER_AGAINST = 4.0  # a hand that closes when told to open
START_RAD = 0.05
RATE_SHARE = 0.1
OVERSPEED_SHARE = 0.2
MOST = 12.0  # beyond, worse is not worse: one broken number must not outweigh everything
FITS = 2.0  # a misfit below this is no reason to doubt the declaration
PRIOR_RIGHT = 3.0  # a declaration is likelier right than any one mistake
MAX_FRAMES = 400


class Axis(enum.StrEnum):
    """What can be wrong with a convention."""

    FRAME = "frame"
    MODE = "delta or absolute"
    GRIPPER = "gripper"
    UNITS = "units"
    RATE = "rate"


@dataclass(frozen=True, slots=True)
class Misfit:
    """How badly a reading fits the recorded states; 1 is one step of each scale."""

    motion: float
    gripper: float
    start: float
    rate: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.motion + self.gripper + self.start + self.rate


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the actions; `axis` None is the declared one."""

    axis: Axis | None
    convention: Convention
    change: str
    misfit: Misfit


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The likely wrong axis; None: the declaration fits best. `sure` is its share among all readings, 0 to 1."""

    axis: Axis | None
    sure: float
    text: str
    readings: tuple[Reading, ...]


def diagnose(
    demonstration: Demonstration,
    declared: Convention,
    model: RobotModel,
    start_rad: Float[np.ndarray, "joints"],
    start_width_m: float,
) -> Diagnosis:
    """Compare every reading that differs from the declared one in one axis.

    `start_rad` and `start_width_m`: the robot itself at its start, which tells the units of the states.
    """
    num_joints = len(model.description.arm_joints)
    num_values = demonstration.actions.shape[1]
    if num_values != declared.num_values(num_joints):
        text = (
            f"frame: an action has {num_values} values, but frame '{declared.frame}' needs "
            f"{declared.num_values(num_joints)} for this robot"
        )
        return Diagnosis(Axis.FRAME, 1.0, text, ())
    rows = slice(0, min(len(demonstration.actions), MAX_FRAMES))
    readings = tuple(
        Reading(axis, convention, change, _misfit(demonstration, rows, convention, model, start_rad, start_width_m))
        for axis, convention, change in _alternatives(declared, demonstration, num_joints)
    )
    weights = {axis: 0.0 for axis in (None, *Axis)}
    for axis in weights:
        mine = [reading.misfit.total for reading in readings if reading.axis == axis]
        # The best of an axis speaks for it: more alternatives must not make an axis likelier.
        weights[axis] = math.exp(-min(mine)) if mine else 0.0
    weights[None] *= PRIOR_RIGHT
    likely = max(weights, key=lambda axis: (weights[axis], axis is None))
    sure = weights[likely] / (sum(weights.values()) or 1.0)
    best = min((r for r in readings if r.axis == likely), key=lambda r: r.misfit.total)
    return Diagnosis(likely, sure, _text(best, readings[0], sure), readings)


def _text(best: Reading, declared: Reading, sure: float) -> str:
    if best.axis is None:
        if best.misfit.total < FITS:
            return "the declared convention fits the recorded states; look for the cause in scene, seed or physics"
        return (
            "no change of a single axis explains the recorded states better than the declaration, which does not fit "
            "either: two axes may be wrong, or the dataset is of another robot"
        )
    return (
        f"{best.axis}: {best.change} ({sure:.0%} sure; misfit {best.misfit.total:.1f} instead of "
        f"{declared.misfit.total:.1f})"
    )


def _alternatives(
    declared: Convention, demonstration: Demonstration, num_joints: int
) -> Iterator[tuple[Axis | None, Convention, str]]:
    """The declared reading first, then each that differs in one axis."""

    def changed(axis: Axis, **values: object) -> tuple[Axis, Convention, str]:
        words = ", ".join(f"{name} {value} instead of {getattr(declared, name)}" for name, value in values.items())
        return axis, declared.model_copy(update=values), words

    yield None, declared, "as declared"
    for frame in ("joint", "base", "tool"):
        other = declared.model_copy(update={"frame": frame})
        if frame != declared.frame and other.num_values(num_joints) == demonstration.actions.shape[1]:
            yield changed(Axis.FRAME, frame=frame)
    yield changed(Axis.MODE, mode="delta" if declared.mode == "absolute" else "absolute")
    for gripper in ("width", "opening", "closing"):
        if gripper != declared.gripper:
            yield changed(Axis.GRIPPER, gripper=gripper)
    angle, length = ("deg" if declared.angle == "rad" else "rad"), ("mm" if declared.length == "m" else "m")
    for values in ({"angle": angle}, {"length": length}, {"angle": angle, "length": length}):
        yield changed(Axis.UNITS, **values)
        # The same for the actions alone, the states read as declared.
        axis, convention, words = changed(Axis.UNITS, **values)
        states = {
            "state_angle": declared.state_angle or declared.angle,
            "state_length": declared.state_length or declared.length,
        }
        yield axis, convention.model_copy(update=states), f"{words}, in the actions only"
    rate_hz = _recorded_rate_hz(demonstration.timestamps_s)
    if rate_hz is not None and abs(rate_hz - declared.rate_hz) > 0.01 * declared.rate_hz:
        yield changed(Axis.RATE, rate_hz=round(rate_hz, 2))


def _misfit(
    demonstration: Demonstration,
    rows: slice,
    convention: Convention,
    model: RobotModel,
    start_rad: Float[np.ndarray, "joints"],
    start_width_m: float,
) -> Misfit:
    positions, widths = read_states(demonstration.states[rows], convention)
    max_width_m = model.description.gripper.max_width_m
    targets = read_actions(demonstration.actions[rows], convention, make_start(positions[0], model), max_width_m)
    went = tool_poses(positions[1:], model)
    asked = targets.T_base_tools if targets.T_base_tools is not None else None
    if asked is None:
        assert targets.positions_rad is not None  # a joint frame has them
        asked = tool_poses(targets.positions_rad, model)
        # Whole turns of a joint leave the tool where it is, but no body can make them.
        spread = np.abs(targets.positions_rad[:-1] - positions[1:]).max(axis=1)
    else:
        spread = np.zeros(len(went))
    away = np.linalg.norm(asked[:-1, :3, 3] - went[:, :3, 3], axis=1)
    turned = Rotation.from_matrix(asked[:-1, :3, :3].transpose(0, 2, 1) @ went[:, :3, :3]).magnitude()
    motion = np.minimum(np.maximum(away + TURN_M_PER_RAD * turned, TURN_M_PER_RAD * spread), 1.0)
    start = float(np.abs(positions[0] - start_rad).max()) / START_RAD
    start += abs(float(widths[0]) - start_width_m) / max_width_m / GRIPPER_SHARE
    return Misfit(
        motion=min(MOST, float(motion.mean()) / MOTION_M),
        gripper=min(MOST, _gripper_misfit(targets.widths_m[:-1] / max_width_m, widths[1:] / max_width_m)),
        start=min(MOST, start),
        rate=min(MOST, _rate_misfit(demonstration, positions, convention, model)),
    )


def _gripper_misfit(asked: Float[np.ndarray, "frames"], went: Float[np.ndarray, "frames"]) -> float:
    """Shares of the full opening. What is held keeps the hand open, so opening when told to counts beside the width."""
    misfit = float(np.minimum(np.abs(asked - went), 5.0).mean()) / GRIPPER_SHARE
    if min(asked.std(), went.std()) < 0.01:
        return misfit
    return misfit + GRIPPER_AGAINST * (1.0 - float(np.corrcoef(asked, went)[0, 1])) / 2.0


def _rate_misfit(
    demonstration: Demonstration,
    positions_rad: Float[np.ndarray, "frames joints"],
    convention: Convention,
    model: RobotModel,
) -> float:
    """Against the recorded times, and against what the joints can do at that rate."""
    recorded_hz = _recorded_rate_hz(demonstration.timestamps_s)
    misfit = 0.0 if recorded_hz is None else abs(math.log(convention.rate_hz / recorded_hz)) / RATE_SHARE
    limits = np.array(model.description.velocity_max_radps)
    speed = float(np.quantile(np.abs(np.diff(positions_rad, axis=0)) * convention.rate_hz / limits, 0.99))
    return misfit + max(0.0, math.log(max(speed, 1.0))) / OVERSPEED_SHARE


def _recorded_rate_hz(timestamps_s: Float[np.ndarray, "frames"]) -> float | None:
    """One over the usual step; None where the times say nothing."""
    steps = np.diff(timestamps_s)
    step = float(np.median(steps)) if len(steps) else 0.0
    return 1.0 / step if np.isfinite(step) and step > 1e-6 else None


def scale_words(convention: Convention) -> str:
    """The convention in one line, for people."""
    units = "/".join(unit for unit in SCALES if unit in (convention.angle, convention.length))
    return f"{convention.frame} {convention.mode}, gripper {convention.gripper}, {units}, {convention.rate_hz:g} Hz"
