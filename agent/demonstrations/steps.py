"""Steps, keyframes and perceived objects of an episode as arrays.

In:  Look and Step values, when each motion began, the robot's kinematics.
Out: arrays by name: `looks.`, `objects.`, `steps.`, `keyframes.`.

A keyframe is a moment at which the hand's purpose changes: fingers begin to open or close, the tool is where the
step wanted it, the motion ends. Between two keyframes any free way will do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ...perception.types import ObjectState
from ...planning.playback import Playback
from ...planning.robot_model import RobotModel
from ...planning.types import Trajectory
from .arrays import Arrays, pose_rows
from .noted import Look, Step

SAME_WIDTH_M = 1e-4
SAME_PLACE_M = 1e-6
SAME_TIME_S = 1e-6


@dataclass(frozen=True, slots=True)
class Keyframe:
    """One such moment, `time_s` from the motion's beginning; the gripper's commanded opening before and after it."""

    kind: str
    time_s: float
    pose_world: Float[np.ndarray, "4 4"]
    width_before_m: float
    width_after_m: float


def keyframes_of(trajectory: Trajectory, model: RobotModel) -> list[Keyframe]:
    """The keyframes of a motion in order of time.

    "grasp" and "release" of an object, "open" and "close" without one, "target" where the step wanted the tool, "end".
    """
    playback = Playback(trajectory)

    def at(kind: str, time_s: float, before_m: float, after_m: float) -> Keyframe:
        positions, _, _ = playback.states(np.array([time_s]))
        return Keyframe(kind, time_s, model.tool_pose(positions[0]), before_m, after_m)

    found = [
        at(_kind(trajectory, begin_s, before_m, after_m), begin_s, before_m, after_m)
        for begin_s, before_m, after_m in _width_changes(trajectory)
    ]
    target = trajectory.target_pose_world
    if target is not None and not any(_is_same_place(frame.pose_world, target) for frame in found):
        time_s = _nearest_s(trajectory, target, model)
        width_m = float(playback.widths_m(np.array([time_s]))[0])
        found.append(at("target", time_s, width_m, width_m))
    last_m = float(trajectory.gripper_width_m[-1])
    found.append(at("end", trajectory.duration_s, last_m, last_m))
    return sorted(found, key=lambda frame: frame.time_s)


def step_arrays(steps: Sequence[Step], began_s: Mapping[int, float], model: RobotModel) -> Arrays:
    """Every motion with its keyframes; `began_s` by the step's number, on the robot's clock."""
    numbers = range(len(steps))
    first, last = ([float(s.trajectory.gripper_width_m[k]) for s in steps] for k in (0, -1))
    found = {
        "steps.turn": np.array([s.turn for s in steps], np.int32),
        "steps.look": np.array([s.look for s in steps], np.int32),
        "steps.action": words([s.step.action.value for s in steps]),
        "steps.object": words([s.step.object_id or "" for s in steps]),
        "steps.relation": words([s.step.relation.value if s.step.relation else "" for s in steps]),
        "steps.target": words([s.step.target_id or "" for s in steps]),
        "steps.object_name": words([_name(s, s.step.object_id) for s in steps]),
        "steps.target_name": words([_name(s, s.step.target_id) for s in steps]),
        "steps.attempt": np.array([s.step.attempt for s in steps], np.int32),
        "steps.outcome": words([s.outcome for s in steps]),
        "steps.decided_s": np.array([s.decided_s for s in steps]),
        "steps.start_s": np.array([began_s[k] for k in numbers]),
        "steps.end_s": np.array([s.end_s for s in steps]),
        "steps.target_tool_pose": pose_rows([s.trajectory.target_pose_world for s in steps]),
        "steps.gripper_before_m": np.array(first),
        "steps.gripper_after_m": np.array(last),
    }
    rows = [
        (number, began_s[number] + frame.time_s, frame)
        for number, step in enumerate(steps)
        for frame in keyframes_of(step.trajectory, model)
        if began_s[number] + frame.time_s <= step.end_s + SAME_TIME_S  # a motion that was broken off has no rest
    ]
    return found | {
        "keyframes.step": np.array([number for number, _, _ in rows], np.int32),
        "keyframes.kind": words([frame.kind for _, _, frame in rows]),
        "keyframes.time_s": np.array([time_s for _, time_s, _ in rows]),
        "keyframes.tool_pose": pose_rows([frame.pose_world for _, _, frame in rows]),
        "keyframes.gripper_before_m": np.array([frame.width_before_m for _, _, frame in rows]),
        "keyframes.gripper_after_m": np.array([frame.width_after_m for _, _, frame in rows]),
    }


def look_arrays(looks: Sequence[Look]) -> Arrays:
    """When was looked, the table, the person, what is in the hand; and every object of every look."""
    nothing = (np.nan,) * 4
    tables = [look.scene.table for look in looks]
    seen = [(number, o, False) for number, look in enumerate(looks) for o in look.scene.objects]
    seen += [(number, o, True) for number, look in enumerate(looks) for o in look.scene.zones]
    seen.sort(key=lambda row: row[0])
    things = [thing for _, thing, _ in seen]
    return {
        "looks.time_s": np.array([look.frame.time_s for look in looks]),
        "looks.turn": np.array([look.turn for look in looks], np.int32),
        "looks.table": np.array([(t.height_m, *t.bounds_world) if t else (np.nan, *nothing) for t in tables]),
        "looks.held": words([(look.scene.body.held or "") if look.scene.body else "" for look in looks]),
        "looks.person": np.array(
            [look.scene.person.position_world if look.scene.person else np.full(3, np.nan) for look in looks]
        ),
        "objects.look": np.array([number for number, _, _ in seen], np.int32),
        "objects.id": words([thing.id for thing in things]),
        "objects.is_zone": np.array([is_zone for _, _, is_zone in seen], bool),
        "objects.color": words([thing.color for thing in things]),
        "objects.shape": words([thing.shape.value for thing in things]),
        **_measures(things),
    }


def words(values: Sequence[str]) -> np.ndarray:
    """Text as an array of fixed width, which needs no unpickling."""
    return np.array(list(values), dtype=f"<U{max([1, *map(len, values)])}")


def _measures(things: Sequence[ObjectState]) -> Arrays:
    openings = [np.nan if thing.opening_m is None else thing.opening_m for thing in things]
    return {
        "objects.pose_world": np.array([thing.pose_world for thing in things]).reshape(-1, 4, 4),
        "objects.covariance": np.array([thing.covariance for thing in things]).reshape(-1, 6, 6).astype(np.float32),
        "objects.size_m": np.array([thing.size_m for thing in things]).reshape(-1, 3),
        "objects.color_rgb": np.array([thing.color_rgb for thing in things]).reshape(-1, 3),
        "objects.shape_confidence": np.array([thing.shape_confidence for thing in things]),
        "objects.existence": np.array([thing.existence for thing in things]),
        "objects.cavity_depth_m": np.array([thing.cavity_depth_m for thing in things]),
        "objects.opening_m": np.array(openings),
    }


def _name(step: Step, object_id: str | None) -> str:
    return "" if object_id is None else step.names.get(object_id, "")


def _width_changes(trajectory: Trajectory) -> Iterator[tuple[float, float, float]]:
    """When the commanded opening begins to change, from what to what; one for each run in one direction."""
    times, widths = trajectory.times_s, trajectory.gripper_width_m
    steps = np.diff(widths)
    signs = np.where(np.abs(steps) > 1e-9, np.sign(steps), 0.0)
    start = 0
    while start < len(signs):
        stop = start + 1
        while stop < len(signs) and signs[stop] == signs[start]:
            stop += 1
        if abs(widths[stop] - widths[start]) > SAME_WIDTH_M:
            yield float(times[start]), float(widths[start]), float(widths[stop])
        start = stop


def _kind(trajectory: Trajectory, begin_s: float, before_m: float, after_m: float) -> str:
    """What a change of the opening is for."""
    is_opening = after_m > before_m
    bounds_s = [span.end_s if is_opening else span.start_s for span in trajectory.held]
    is_of_object = any(abs(bound_s - begin_s) < SAME_TIME_S for bound_s in bounds_s)
    if is_opening:
        return "release" if is_of_object else "open"
    return "grasp" if is_of_object else "close"


def _is_same_place(pose_world: Float[np.ndarray, "4 4"], other_world: Float[np.ndarray, "4 4"]) -> bool:
    return bool(np.abs(pose_world - other_world).max() < SAME_PLACE_M)


def _nearest_s(trajectory: Trajectory, target_world: Float[np.ndarray, "4 4"], model: RobotModel) -> float:
    """When the tool is nearest to where it was to go: 1 rad counts as 0.1 m."""
    poses = np.array([model.tool_pose(row) for row in trajectory.positions_rad])
    away = np.linalg.norm(poses[:, :3, 3] - target_world[:3, 3], axis=1)
    cosine = (np.einsum("nij,ij->n", poses[:, :3, :3], target_world[:3, :3]) - 1.0) / 2.0
    return float(trajectory.times_s[np.argmin(away + 0.1 * np.arccos(np.clip(cosine, -1.0, 1.0)))])
