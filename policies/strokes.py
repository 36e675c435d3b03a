"""Pushing over the table: closed fingers as a blade, lowered behind what is to move, drawn straight to the goal.

In:  what a skill starts from (situation.Situation), the object or the pile, where it is to go.
Out: Trajectory from rest to rest that ends in the look pose, or NoMotion with what was in the way.
One stroke at a time: how far it came is seen, not assumed, and the next one is planned from there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ..perception.types import ObjectState
from ..planning.collision import FINGER, Room
from ..planning.footprints import make_footprint
from ..planning.motion import worst_conflict
from ..planning.object_solids import hull_of
from ..planning.piles import pieces_of
from ..planning.placement import WORK_AREA, goal_region
from ..planning.timing import GRIPPER_SPEED_MPS, TimedPath
from ..planning.types import Fact, HeldSpan, NoMotion, NoMotionReason, Predicate, Trajectory
from .attempts import first_success, no_motion
from .grasps import turned_half
from .lanes import RUN_UP_M, Lane, make_lanes, start_of_push
from .motion import Blocked
from .reaching import APPROACH_M, CARRY_M, LOW_APPROACH_M
from .situation import Situation
from .skills import Skills, still_to_come
from .surroundings import neighbours, putting_down, table_height_m, without

TIP_CLEAR_M = 0.005  # between fingertips and table
PALM_CLEAR_M = 0.006  # between the palm and the top of what is pushed
STROKE_SLOWER = 0.35
BACK_M = 0.012  # after a stroke the blade first leaves what it pushed
ROUND_GAP = 1.2  # fingers this many radii apart cradle what is round
PILE_GAP_M = 0.010  # no piece slips through this
MAX_CHOICES = 6
MAX_SPOTS = 3
DETOURS_M = (0.08, 0.15, 0.24)
NUM_DETOURS = 12
LOOK_EVERY_M = 0.03
OUTSIDE_M = 0.03  # the hand begins this far outside the area in which things are put
ANYTHING_M = -1.0


class Strokes(Skills):
    """Pushing and sweeping by one robot."""

    def push(self, now: Situation, item: ObjectState, relation: Predicate, target_id: str) -> Trajectory | NoMotion:
        """One stroke that takes the object where the fact holds."""
        wanted = Fact(relation, (item.id, target_id))
        region = goal_region(wanted, now.scene, keep_free=still_to_come(now))
        if not region.spots:
            return NoMotion(NoMotionReason.NO_PLACE, f"no free place where {wanted} would hold", region.blocked_by)
        shape = make_footprint(item)
        width_m = min(ROUND_GAP * shape.half_x_m, 0.5 * self._gripper.max_width_m) if shape.is_round else 0.0
        lanes = [start_of_push(shape, (spot.x_m, spot.y_m), self._gripper.finger_breadth_m) for spot in region.spots]
        # The palm passes over what is pushed, or the fingers do not reach down to it.
        reach_m = self._gripper.finger_reach_m - PALM_CLEAR_M
        low_m = max(table_height_m(now.scene) + TIP_CLEAR_M, item.top_m - reach_m) + self._gripper.tip_to_tool_m
        touch = (item.id, *neighbours(item, now.scene))
        stroke = _Stroke((item,), touch, width_m, low_m, f"push {item.id}", frozenset())
        straight = self._first_stroke(now, lanes, stroke)
        if isinstance(straight, Trajectory):
            return straight
        detours = self._detours(now, item, [(spot.x_m, spot.y_m) for spot in region.spots[:MAX_SPOTS]], stroke)
        around = self._first_stroke(now, detours, stroke) if detours else straight
        return around if isinstance(around, Trajectory) else straight

    def sweep(self, now: Situation, pile: str, target_id: str) -> Trajectory | NoMotion:
        """One stroke through as many pieces of the pile as the blade takes."""
        zone = now.scene.find(target_id)
        pieces = pieces_of(pile, now.scene)
        if zone is None or not pieces:
            return NoMotion(NoMotionReason.NOT_SEEN, f"{pile if zone is not None else target_id} is not in the scene")
        half_m = PILE_GAP_M / 2 + 0.75 * self._gripper.finger_thickness_m
        lanes = make_lanes(pieces, zone, half_m, self._gripper.finger_breadth_m)
        if not lanes:
            return NoMotion(NoMotionReason.NO_PLACE, f"no stroke takes more of {pile} into {target_id}")
        low_m = table_height_m(now.scene) + TIP_CLEAR_M + self._gripper.tip_to_tool_m
        names = tuple(o.id for o in pieces)
        stroke = _Stroke(pieces, names, PILE_GAP_M, low_m, f"sweep {pile}", frozenset(names))
        return self._first_stroke(now, lanes, stroke)

    def _detours(
        self, now: Situation, item: ObjectState, spots: Sequence[tuple[float, float]], stroke: _Stroke
    ) -> list[Lane]:
        """First legs of a way around what is in the way: from where they end, a straight push is free."""
        shape, breadth_m = make_footprint(item), self._gripper.finger_breadth_m
        found: list[tuple[float, Lane]] = []
        for radius_m, k in itertools.product(DETOURS_M, range(NUM_DETOURS)):
            angle = 2 * math.pi * k / NUM_DETOURS
            via = (shape.x_m + radius_m * math.cos(angle), shape.y_m + radius_m * math.sin(angle))
            first = start_of_push(shape, via, breadth_m)
            if WORK_AREA.margin_m(*via) < 0.0 or not self._is_clear(now, item, first, stroke):
                continue
            T_world_via = item.pose_world.copy()
            T_world_via[:2, 3] = via
            there = replace(item, pose_world=T_world_via)
            seconds = [start_of_push(shape.at(*via), spot, breadth_m) for spot in spots]
            lengths = [lane.length_m for lane in seconds if self._is_clear(now, there, lane, stroke)]
            if lengths:
                found.append((first.length_m + min(lengths), first))
        return [lane for _, lane in sorted(found, key=lambda f: f[0])]

    def _is_clear(self, now: Situation, item: ObjectState, lane: Lane, stroke: _Stroke) -> bool:
        """Whether hand, fingers and the object get along the lane, the arm left aside."""
        T_world_low = self._turns(lane, stroke.low_m)[0]
        if WORK_AREA.margin_m(*lane.start) < -OUTSIDE_M:
            return False
        T_hand = _in_hand_at(T_world_low, lane, RUN_UP_M, item)
        room = self._room(now, stroke)
        carried = tuple(s.moved(T_hand) for s in hull_of(replace(item, pose_world=np.eye(4))))
        room = replace(room, solids=without(room.solids, item.id), rough=(), carried=carried)
        for gone_m in np.linspace(0.0, lane.length_m, 2 + int(lane.length_m / LOOK_EVERY_M)):
            T_world_tool = T_world_low.copy()
            T_world_tool[:2, 3] += gone_m * np.array(lane.direction)
            clearances = self._maker.collision.gripper_clearances(T_world_tool, stroke.width_m, room)
            if worst_conflict(clearances, room) is not None:
                return False
        return True

    def _first_stroke(self, now: Situation, lanes: Sequence[Lane], stroke: _Stroke) -> Trajectory | NoMotion:
        start = now.step.attempt % len(lanes)
        chosen = [*lanes[start:], *lanes[:start]][:MAX_CHOICES]
        poses = [(lane, T) for lane in chosen for T in self._turns(lane, stroke.low_m)]
        return first_success([_Choice(lane, T) for lane, T in poses], lambda c: self._stroke_along(now, c, stroke))

    def _turns(self, lane: Lane, low_m: float) -> list[Float[np.ndarray, "4 4"]]:
        """Tool poses at the lane's start: the blade across it, either side ahead."""
        T_world_tool = np.eye(4)
        T_world_tool[:3, 0] = [*lane.direction, 0.0]
        T_world_tool[:3, 2] = [0.0, 0.0, -1.0]
        T_world_tool[:3, 1] = np.cross(T_world_tool[:3, 2], T_world_tool[:3, 0])
        T_world_tool[:3, 3] = [*lane.start, low_m]
        turns = [T_world_tool, turned_half(T_world_tool)]
        ahead = float(self._maker.model.tool_pose(self._look_rad)[:2, 0] @ np.array(lane.direction))
        return turns if ahead >= 0.0 else turns[::-1]

    def _stroke_along(self, now: Situation, choice: _Choice, stroke: _Stroke) -> Trajectory | NoMotion:
        """Over the start, down, along the lane, back a little, up, and to the look pose."""
        lane, T_world_low = choice.lane, choice.T_world_tool
        start = self._start(now, None)
        if isinstance(start, NoMotion):
            return start
        timeline, _ = start
        maker, width_m = self._maker, stroke.width_m
        low_rad = maker.reach(T_world_low, [timeline.positions_rad], now.rng)
        if low_rad is None:
            return NoMotion(NoMotionReason.NO_IK, f"the way to {stroke.label} begins out of reach")
        # Worked out before the way there: most strokes that are impossible fail here.
        T_world_end = T_world_low.copy()
        T_world_end[:2, 3] = lane.end
        caught = {o.id: at_m for o in stroke.moved if (at_m := lane.contact_m(make_footprint(o))) is not None}
        moved = tuple(o for o in stroke.moved if o.id in caught)
        T_hand = {o.id: _in_hand_at(T_world_low, lane, caught[o.id], o) for o in moved}
        down_room = self._room(now, stroke)
        push_room = replace(
            down_room,
            solids=_without(down_room, stroke.loose | frozenset(caught)),
            rough=(),
            carried=tuple(s.moved(T_hand[o.id]) for o in moved for s in hull_of(replace(o, pose_world=np.eye(4)))),
        )
        along = maker.line(low_rad, T_world_end, width_m, push_room, pace=STROKE_SLOWER)
        if isinstance(along, Blocked):
            return no_motion(along, now, stroke.label)
        heights_m = tuple(float(T_world_low[2, 3]) + rise for rise in (APPROACH_M, CARRY_M, LOW_APPROACH_M))
        air_m = max(width_m, now.body.gripper_width_m)
        opening_s = abs(width_m - timeline.width_m) / GRIPPER_SPEED_MPS
        goal, air = (T_world_low, low_rad), self._air(now, air_m)
        descent = self._descend(timeline, goal, heights_m, width_m, down_room, air, opening_s=opening_s)
        if isinstance(descent, Blocked):
            return no_motion(descent, now, stroke.label)
        timeline.follow(descent[0], width_m)
        if abs(timeline.width_m - width_m) > 1e-6:
            timeline.pause(0.0, width_m)
        timeline.follow(descent[1])
        begin_s = timeline.time_s
        timeline.follow(along)
        end_s = timeline.time_s
        T_world_reached = maker.model.tool_pose(timeline.positions_rad)
        after = replace(down_room, solids=_without(down_room, stroke.loose), rough=())
        for item in moved:
            if item.id not in stroke.loose:
                after = putting_down(after, replace(item, pose_world=T_world_reached @ T_hand[item.id]))
        T_world_back = T_world_reached.copy()
        T_world_back[:2, 3] -= BACK_M * np.array(lane.direction)
        back = maker.line(timeline.positions_rad, T_world_back, width_m, after)
        if isinstance(back, TimedPath):
            timeline.follow(back)
        if problem := self._go_home(timeline, after, width_m, now.rng):
            return no_motion(problem[1], now, problem[0])
        times = {name: begin_s + self._time_at(along, lane, at_m) for name, at_m in caught.items()}
        return replace(
            timeline.build(touches=stroke.touch, label=stroke.label, target_pose_world=T_world_reached),
            pushed=tuple(HeldSpan(o.id, times[o.id], end_s, T_hand[o.id]) for o in moved),
        )

    def _room(self, now: Situation, stroke: _Stroke) -> Room:
        """Pieces of a pile may be touched by fingers in any way; everything else as for a grasp."""
        room = now.room(touch=stroke.touch)
        return replace(room, required_m=room.required_m | {(FINGER, name): ANYTHING_M for name in stroke.loose})

    def _time_at(self, along: TimedPath, lane: Lane, at_m: float) -> float:
        """When the blade has gone that far."""
        poses = self._maker.model.tool_poses(along.positions_rad)
        gone_m = (poses[:, :2, 3] - np.array(lane.start)) @ np.array(lane.direction)
        return float(np.interp(at_m, np.maximum.accumulate(gone_m), along.times_s))


@dataclass(frozen=True, slots=True)
class _Stroke:
    """What moves, what may be touched, how the fingers stand; `loose` are pieces of which no place is promised."""

    moved: tuple[ObjectState, ...]
    touch: tuple[str, ...]
    width_m: float
    low_m: float
    label: str
    loose: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Choice:
    lane: Lane
    T_world_tool: Float[np.ndarray, "4 4"]


def _in_hand_at(
    T_world_start: Float[np.ndarray, "4 4"], lane: Lane, at_m: float, item: ObjectState
) -> Float[np.ndarray, "4 4"]:
    """T_hand_object when the blade that started there has gone `at_m`."""
    T_world_contact = T_world_start.copy()
    T_world_contact[:2, 3] += at_m * np.array(lane.direction)
    return np.linalg.inv(T_world_contact) @ item.pose_world


def _without(room: Room, names: frozenset[str]) -> tuple:
    solids = room.solids
    for name in names:
        solids = without(solids, name)
    return solids
