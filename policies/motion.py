"""Pieces of arm motion that skills are made of: straight lines of the tool and ways through the air.

In:  where the arm is, where the tool should go, the Room.
Out: TimedPath, or a Blocked that says why not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ..planning.blending import blend
from ..planning.collision import Clearance, CollisionModel, Room
from ..planning.inverse_kinematics import IkSettings
from ..planning.motion import PathPlanner, densify, worst_conflict
from ..planning.robot_model import RobotModel
from ..planning.timing import EMPTY_LINE_QUICKER, LineSpeed, TimedPath, motion_limits, time_path
from ..planning.tool_line import follow_tool, tool_line
from ..planning.types import NoMotionReason

TRACE_JUMP_RAD = 0.5  # between poses of a way with turns, which lie further apart
TURN_LEVER_M = 0.12  # a turn counts as the way of a point this far from the axis
SPLINE_STEPS_RAD = (10.0, 0.25, 0.1)
CORNER_M = 0.004  # from everything, in a corner that is cut
OVERLAPS_S = (0.25, 0.12)  # of two pieces of motion; in longer ones the corner is cut by more than a hand's width


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why a piece of motion is not possible; `conflict` names what is in the way."""

    reason: NoMotionReason
    detail: str
    conflict: Clearance | None = None


class MotionMaker:
    """Makes checked pieces of motion for one robot."""

    def __init__(self, model: RobotModel, speed: float) -> None:
        self.model = model
        self.collision = CollisionModel(model)
        self._planner = PathPlanner(self.collision)
        self._limits = {
            is_empty: motion_limits(model.description, speed, is_empty=is_empty) for is_empty in (False, True)
        }
        self._line_speed = LineSpeed().scaled(speed)
        self._look_rad = np.array(model.description.look_rad)

    def reach(
        self,
        T_world_tool: Float[np.ndarray, "4 4"],
        seeds: Sequence[Float[np.ndarray, "joints"]],
        rng: np.random.Generator,
    ) -> Float[np.ndarray, "joints"] | None:
        """Arm position for a tool pose; leans to the look pose, so that the elbow stays where it is out of the way."""
        return self.model.solve_ik(T_world_tool, [self._look_rad, *seeds], rng, IkSettings(num_restarts=8))

    def line(
        self,
        start_rad: Float[np.ndarray, "joints"],
        T_world_goal: Float[np.ndarray, "4 4"],
        width_m: float,
        room: Room,
        *,
        pace: float = 1.0,
        gentle: float = 1.0,
    ) -> TimedPath | Blocked:
        """The tool moves straight to the goal at its usual `pace` (1), and leaves rest at a `gentle` part of it."""
        waypoints = tool_line(self.model, start_rad, T_world_goal)
        if waypoints is None:
            return Blocked(NoMotionReason.NO_IK, "the arm cannot follow the straight line")
        return self._timed(*waypoints, width_m, room, pace, gentle)

    def trace(
        self,
        start_rad: Float[np.ndarray, "joints"],
        tool_poses_world: Float[np.ndarray, "steps 4 4"],
        width_m: float,
        room: Room,
        *,
        pace: float = 1.0,
    ) -> TimedPath | Blocked:
        """The tool passes through poses that lie close together; the first is where the arm is."""
        positions, lengths_m = [start_rad], [0.0]
        for before, pose in zip(tool_poses_world[:-1], tool_poses_world[1:], strict=True):
            solution = follow_tool(self.model, pose, positions[-1])
            if solution is None or np.abs(solution - positions[-1]).max() > TRACE_JUMP_RAD:
                return Blocked(NoMotionReason.NO_IK, "the arm cannot follow the way of the tool")
            turned = float(np.arccos(np.clip((np.trace(before[:3, :3].T @ pose[:3, :3]) - 1) / 2, -1.0, 1.0)))
            step_m = max(float(np.linalg.norm(pose[:3, 3] - before[:3, 3])), TURN_LEVER_M * turned)
            positions.append(solution)
            lengths_m.append(lengths_m[-1] + step_m)
        return self._timed(np.array(positions), np.array(lengths_m), width_m, room, pace)

    def transit(
        self,
        start_rad: Float[np.ndarray, "joints"],
        goal_rad: Float[np.ndarray, "joints"],
        width_m: float,
        room: Room,
        rng: np.random.Generator,
        *,
        is_empty: bool = False,
    ) -> TimedPath | Blocked:
        """Any way from one arm position to another; an empty hand goes faster."""
        limits = self._limits[is_empty]
        path = self._planner.connect(start_rad, goal_rad, width_m, room, int(rng.integers(2**31 - 2)))
        if path is None:
            ends = np.stack([start_rad, goal_rad])
            conflict = worst_conflict(self.collision.scan(ends, np.full(2, width_m), room), room)
            return Blocked(NoMotionReason.NO_PATH, "no free way through the air was found", conflict)
        if len(path) == 2:
            return time_path(path, limits)
        for step_rad in SPLINE_STEPS_RAD:
            # A smooth curve cuts corners; with more points on the straight pieces it keeps nearer to them.
            timed = time_path(densify(path, step_rad), limits)
            widths = np.full(len(timed.times_s), width_m)
            if worst_conflict(self.collision.scan(timed.positions_rad, widths, room), room) is None:
                return timed
        return Blocked(NoMotionReason.NO_PATH, "the way found cannot be made smooth without touching something")

    def joined(
        self, first: TimedPath, second: TimedPath, width_m: float, room: Room, *, free_s: float = 0.0
    ) -> tuple[TimedPath, TimedPath]:
        """Both without a stop between them where the corner is free; the second begins no sooner than `free_s`.

        What fingers may touch on their way straight up they may not touch on their way aside.
        """
        room = replace(room, required_m={pair: max(least, CORNER_M) for pair, least in room.required_m.items()})
        most_s = min(float(first.times_s[-1]) - free_s, float(second.times_s[-1]) / 2)
        for overlap_s in OVERLAPS_S:
            if overlap_s > most_s:
                continue
            head, rest = blend(first, second, overlap_s)
            corner_rad = rest.positions_rad[rest.times_s <= overlap_s + 0.02]
            if self._is_easy(rest) and self._is_free(corner_rad, width_m, room):
                return head, rest
        return first, second

    def _is_easy(self, path: TimedPath) -> bool:
        """Whether velocities that were added are those of an empty hand at most, and accelerations the robot's."""
        acceleration = np.abs(np.diff(path.velocities_radps, axis=0) / np.diff(path.times_s)[:, None]).max(axis=0)
        most = 0.9 * np.array(self.model.description.acceleration_max_radps2)
        is_slow = (np.abs(path.velocities_radps).max(axis=0) <= self._limits[True].velocity_radps).all()
        return bool(is_slow and (acceleration <= most).all())

    def _is_free(self, positions_rad: Float[np.ndarray, "samples joints"], width_m: float, room: Room) -> bool:
        clearances = self.collision.scan(positions_rad, np.full(len(positions_rad), width_m), room)
        return worst_conflict(clearances, room) is None

    def _timed(
        self,
        positions_rad: Float[np.ndarray, "waypoints joints"],
        lengths_m: Float[np.ndarray, " waypoints"],
        width_m: float,
        room: Room,
        pace: float,
        gentle: float = 1.0,
    ) -> TimedPath | Blocked:
        """The tool's way in time, if nothing is in it."""
        widths_m = np.full(len(positions_rad), width_m)
        conflict = worst_conflict(self.collision.scan(positions_rad, widths_m, room), room)
        if conflict is not None:
            return Blocked(NoMotionReason.NO_PATH, f"{conflict.part} would meet {conflict.owner}", conflict)
        return self._time_line(positions_rad, lengths_m, pace, gentle)

    def _time_line(
        self,
        positions_rad: Float[np.ndarray, "waypoints joints"],
        lengths_m: Float[np.ndarray, " waypoints"],
        pace: float,
        gentle: float,
    ) -> TimedPath:
        line = replace(self._line_speed.scaled(pace), gentle=gentle)
        limits = self._limits[pace >= EMPTY_LINE_QUICKER]
        return time_path(positions_rad, limits, lengths_m=lengths_m, line=line)
