"""How the arm comes to where a skill works and leaves it again: up, through the air, down, home.

In:  Situation: the scene, the body, the step.
Out: pieces of a Timeline, or Blocked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ..perception.types import ObjectState
from ..planning.collision import Room
from ..planning.object_solids import moving_along, width_between
from ..planning.timing import EMPTY_LINE_QUICKER, GRIPPER_SPEED_MPS, TimedPath, Timeline
from ..planning.types import NoMotion, NoMotionReason
from .attempts import no_motion
from .grasps import Grasp, turned_half
from .motion import Blocked, MotionMaker
from .situation import Situation
from .surroundings import carrying, neighbours, without

CARRY_M = 0.25  # height of the tool while it carries
APPROACH_M = 0.10  # a line this long leads to the grasp
LOW_APPROACH_M = 0.035  # … or this long, near the base, where the arm cannot fold any further
TIGHT_GENTLY = 0.5  # the last three centimetres between walls
LIFT_QUICKER = 1.4  # grown friction holds what is lifted; what is carried through the air goes faster still
LEANING = (0.8, 0.98)  # cosines between which a hand leans and draws back along its own axis
SAFE_M = 0.20  # below this the hand first goes straight up


@dataclass(frozen=True, slots=True)
class Air:
    """What a way through the air is planned with."""

    room: Room
    width_m: float
    rng: np.random.Generator


class Reaching:
    """What every skill of one robot's arm needs."""

    def __init__(self, maker: MotionMaker) -> None:
        self._maker = maker
        self._gripper = maker.model.description.gripper
        self._look_rad = np.array(maker.model.description.look_rad)

    def _start(self, now: Situation, item: ObjectState | None) -> tuple[Timeline, Room] | NoMotion:
        """A timeline that begins where the body is; a low hand first goes straight up."""
        body = now.body
        width = 0.0 if item is not None else float(np.clip(body.gripper_width_m, 0.0, self._gripper.max_width_m))
        timeline = Timeline(body.joint_names, body.positions_rad, width)
        touch = tuple(o.id for o in now.scene.objects) if item is None else neighbours(item, now.scene)
        room = now.room()
        if item is not None:
            room = carrying_along(now, room, item, self._in_hand(now, item))
        tool = self._maker.model.tool_pose(body.positions_rad)
        if tool[2, 3] < SAFE_M:
            leaving = now.room(carried=item.id if item else None, touch=touch)
            if item is not None:
                leaving = carrying_along(now, leaving, item, self._in_hand(now, item))
            rise = self._lift(timeline, leaving, self._finger_gap(now, item))
            if rise is not None:
                # Wedged in: up is still the way out, and the guard judges whether it makes anything worse.
                rise = self._lift(timeline, Room((), leaving.table_m, (), leaving.required_m), 0.0)
            # Where the arm cannot go straight up it stays, and any free way leads on from there.
            if rise is not None and rise.conflict is not None:
                return no_motion(rise, now, "the way up")
        return timeline, room

    def _lift(self, timeline: Timeline, room: Room, width_m: float) -> Blocked | None:
        """Append a line straight up to the carry height, or as high as the arm gets."""
        goal = self._maker.model.tool_pose(timeline.positions_rad)
        low_m, blocked = float(goal[2, 3]), None
        for height_m in (max(CARRY_M, low_m + APPROACH_M), low_m + APPROACH_M, low_m + LOW_APPROACH_M):
            goal = drawn_back(goal, height_m)
            rise = self._maker.line(timeline.positions_rad, goal, width_m, room, pace=LIFT_QUICKER)
            if isinstance(rise, TimedPath):
                timeline.follow(rise)
                return None
            blocked = rise
        return blocked

    def _go_home(
        self, timeline: Timeline, room: Room, width_m: float, rng: np.random.Generator
    ) -> tuple[str, Blocked] | None:
        """Append the empty hand's way straight up, no higher than it must, and to the look pose; or what is in it."""
        start_rad = timeline.positions_rad
        goal = self._maker.model.tool_pose(start_rad)
        low_m, problem = float(goal[2, 3]), None
        for height_m in (low_m + APPROACH_M, max(CARRY_M, low_m + APPROACH_M), low_m + LOW_APPROACH_M):
            goal = drawn_back(goal, height_m)
            rise = self._maker.line(start_rad, goal, width_m, room, pace=EMPTY_LINE_QUICKER)
            if isinstance(rise, Blocked):
                problem = "the way up", rise
                continue
            home = self._maker.transit(rise.positions_rad[-1], self._look_rad, width_m, room, rng, is_empty=True)
            if isinstance(home, TimedPath):
                for piece in self._maker.joined(rise, home, width_m, room):
                    timeline.follow(piece)
                return None
            problem = "the look pose", home
        return problem

    def _descend(
        self,
        timeline: Timeline,
        goal: tuple[Float[np.ndarray, "4 4"], Float[np.ndarray, "joints"]],
        heights_m: Sequence[float],
        width_m: float,
        room: Room,
        air: Air,
        *,
        pace: float = 1.0,
        gentle: float = 1.0,
        opening_s: float = 0.0,
    ) -> tuple[TimedPath, TimedPath] | Blocked:
        """Through the air to a pose above the goal (tool pose and arm position), then straight down to it.

        The line is worked out upwards from the goal, where the arm's position is known, and played backwards. It begins
        before the arm has stopped above, but not before `opening_s`.
        """
        T_world_low, low_rad = goal
        blocked = Blocked(NoMotionReason.NO_PATH, "no height to come from")
        for height_m in dict.fromkeys(heights_m):
            above = drawn_back(T_world_low, height_m)
            up = self._maker.line(low_rad, above, width_m, room, pace=pace, gentle=gentle)
            if isinstance(up, Blocked):
                blocked = up
                continue
            down = up.reversed()
            above_rad = down.positions_rad[0]
            way = self._maker.transit(
                timeline.positions_rad, above_rad, air.width_m, air.room, air.rng, is_empty=not air.room.carried
            )
            if isinstance(way, TimedPath):
                return self._maker.joined(way, down, air.width_m, air.room, free_s=opening_s)
            blocked = way
        return blocked

    def _nearer_turn(
        self,
        T_world_tool: Float[np.ndarray, "4 4"],
        now_rad: Float[np.ndarray, "joints"],
        rng: np.random.Generator,
        *,
        may_turn: bool = True,
    ) -> tuple[Float[np.ndarray, "4 4"], Float[np.ndarray, "joints"]] | None:
        """Of the grasp and the same with fingers exchanged, the one for which the wrist turns less."""
        found: list[tuple[float, Float[np.ndarray, "4 4"], Float[np.ndarray, "joints"]]] = []
        for T_world_now in (T_world_tool, turned_half(T_world_tool))[: 2 if may_turn else 1]:
            solution = self._maker.reach(T_world_now, [now_rad], rng)
            if solution is not None:
                found.append((float(np.abs(solution - self._look_rad).max()), T_world_now, solution))
        if not found:
            return None
        _, T_world_now, solution = min(found, key=lambda f: f[0])
        return T_world_now, solution

    def _come_to(self, now: Situation, item: ObjectState, grasp: Grasp, room: Room) -> Timeline | NoMotion:
        """Through the air, the fingers open, and straight down to the grasp."""
        start = self._start(now, None)
        if isinstance(start, NoMotion):
            return start
        timeline, _ = start
        width = grasp.open_m
        grip = self._nearer_turn(grasp.T_world_tool, timeline.positions_rad, now.rng, may_turn=grasp.may_turn)
        if grip is None:
            return NoMotion(NoMotionReason.NO_IK, f"{item.id} is out of reach")
        low_m = float(grip[0][2, 3])
        # Until it has opened, the hand is as wide as it was; the wider of both must pass.
        air = Air(now.room(), max(width, now.body.gripper_width_m), now.rng)
        heights_m = (low_m + APPROACH_M, max(CARRY_M, low_m + APPROACH_M), low_m + LOW_APPROACH_M)
        opening_s = abs(width - timeline.width_m) / GRIPPER_SPEED_MPS
        pace, gentle = (1.0, TIGHT_GENTLY) if grasp.is_tight else (EMPTY_LINE_QUICKER, 1.0)
        descent = self._descend(
            timeline, grip, heights_m, width, room, air, pace=pace, gentle=gentle, opening_s=opening_s
        )
        if isinstance(descent, Blocked):
            return no_motion(descent, now, item.id)
        timeline.follow(descent[0], width)
        if timeline.width_m != width:
            timeline.pause(0.0, width)
        timeline.follow(descent[1])
        return timeline

    def _in_hand(self, now: Situation, item: ObjectState) -> Float[np.ndarray, "4 4"]:
        """T_hand_object as perceived."""
        return np.linalg.inv(self._maker.model.tool_pose(now.body.positions_rad)) @ item.pose_world

    def _gap(self, item: ObjectState, T_hand_object: Float[np.ndarray, "4 4"]) -> float:
        """Distance of the fingers that hold the object so."""
        return width_between(item, T_hand_object, self._gripper.max_width_m)

    def _air(self, now: Situation, width_m: float) -> Air:
        """What a way through the air keeps clear of."""
        return Air(now.room(), width_m, now.rng)

    def _finger_gap(self, now: Situation, item: ObjectState | None) -> float:
        """Distance of the fingers now."""
        if item is not None:
            return self._gap(item, self._in_hand(now, item))
        return float(np.clip(now.body.gripper_width_m, 0.0, self._gripper.max_width_m))


def drawn_back(T_world_tool: Float[np.ndarray, "4 4"], height_m: float) -> Float[np.ndarray, "4 4"]:
    """The tool at a height: straight above, or along its own axis where the hand leans."""
    above = T_world_tool.copy()
    back = -T_world_tool[:3, 2]
    if LEANING[0] < back[2] < LEANING[1]:
        above[:2, 3] += back[:2] / back[2] * (height_m - T_world_tool[2, 3])
    above[2, 3] = height_m
    return above


def carrying_along(now: Situation, room: Room, item: ObjectState, T_hand_object: Float[np.ndarray, "4 4"]) -> Room:
    """The room with the object in the hand; what is in it goes along and is in nobody's way."""
    room = carrying(room, item, T_hand_object)
    for other in moving_along(item, now.scene)[1:]:
        room = replace(room, solids=without(room.solids, other.id), rough=without(room.rough, other.id))
    return room
