"""Pick, place and look as whole motions, each from rest to rest; with drawers and pouring from their own files.

In:  SceneState with the body's state, a PlanStep.
Out: Trajectory, or NoMotion with what was in the way.
Each skill lists alternatives best first, looks at hand and fingers alone, then works out the arm for one after the
other until one is free from beginning to end.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from ..perception.types import ObjectState
from ..planning.collision import Room
from ..planning.placement import goal_region
from ..planning.relations import evaluate
from ..planning.types import Fact, HeldSpan, NoMotion, NoMotionReason, PlanStep, Predicate, Trajectory
from .attempts import first_success, from_attempt, no_motion
from .grasps import Grasp, make_grasps
from .hand_room import Release, free_grasps, free_releases
from .motion import Blocked
from .places import left_there, make_placements
from .pouring import make_pour_grasps
from .pours import Pours
from .reaching import APPROACH_M, CARRY_M, LOW_APPROACH_M, Air, carrying_along
from .situation import Situation, held_item
from .slides import GRIP_S, RELEASE_S, Slides
from .surroundings import neighbours, putting_down

PLACE_GENTLY = 0.5  # the last three centimetres
PLACE_APPROACH_M = 0.08


class Skills(Pours, Slides):
    """Makes whole motions of one robot."""

    def look(self, now: Situation) -> Trajectory | NoMotion:
        """To the look pose, keeping hold of what is held."""
        item = held_item(now)
        start = self._start(now, item)
        if isinstance(start, NoMotion):
            return start
        timeline, room = start
        gap_m = self._finger_gap(now, item)
        way = self._maker.transit(timeline.positions_rad, self._look_rad, gap_m, room, now.rng, is_empty=item is None)
        if isinstance(way, Blocked):
            return no_motion(way, now, "the look pose")
        timeline.follow(way)
        held = () if item is None else (HeldSpan(item.id, 0.0, timeline.time_s, self._in_hand(now, item)),)
        return timeline.build(held=held, touches=neighbours(item, now.scene) if item else (), label="look")

    def pick(self, now: Situation, item: ObjectState) -> Trajectory | NoMotion:
        """Open, come from above, close, lift."""
        touch = (item.id, *neighbours(item, now.scene))
        room = now.room(touch=touch)
        poured_into = _to_pour_into(now, item)
        grasps = make_grasps(item, self._gripper) if poured_into is None else make_pour_grasps(item, self._gripper)
        if not grasps:
            return NoMotion(NoMotionReason.NO_GRASP, f"{item.shape} {item.id} offers nothing that the gripper can take")
        free = free_grasps(self._maker.collision, grasps, room, now.scene)
        if not free:
            return NoMotion(NoMotionReason.NO_GRASP, f"no room for the fingers around {item.id}", free.blocked_by)

        def attempt(grasp: Grasp) -> Trajectory | NoMotion:
            return self._pick_with(now, item, grasp, room, touch, poured_into)

        return first_success(from_attempt(free, now.step.attempt), attempt)

    def _pick_with(
        self,
        now: Situation,
        item: ObjectState,
        grasp: Grasp,
        room: Room,
        touch: tuple[str, ...],
        poured_into: ObjectState | None,
    ) -> Trajectory | NoMotion:
        timeline = self._come_to(now, item, grasp, room)
        if isinstance(timeline, NoMotion):
            return timeline
        closing_s = timeline.time_s
        T_world_reached = self._maker.model.tool_pose(timeline.positions_rad)
        T_hand_object = np.linalg.inv(T_world_reached) @ item.pose_world
        gap_m = self._gap(item, T_hand_object)
        timeline.pause(GRIP_S, 0.0, held_m=gap_m)
        lift = self._lift(timeline, carrying_along(now, room, item, T_hand_object), gap_m)
        if isinstance(lift, Blocked):
            return no_motion(lift, now, item.id)
        if poured_into is not None:
            pour = self._find_pour(now, item, poured_into, timeline.positions_rad, T_hand_object)
            if isinstance(pour, Blocked):
                return no_motion(pour, now, f"above {poured_into.id}")
        return timeline.build(
            held=(HeldSpan(item.id, closing_s, timeline.time_s, T_hand_object),),
            touches=touch,
            label=f"pick {item.id}",
            target_pose_world=T_world_reached,
        )

    def place(self, now: Situation, item: ObjectState, relation: Predicate, target_id: str) -> Trajectory | NoMotion:
        """Carry over the goal, lower, open, rise, look."""
        wanted = _wanted(now.step, relation, item.id, target_id)
        also = tuple(f for f in now.step.effects if f != wanted and f.args[0] == item.id)
        region = goal_region(wanted, now.scene, also=also, keep_free=still_to_come(now))
        if not region.spots:
            detail = f"no free place where {' and '.join(str(fact) for fact in (wanted, *also))} would hold"
            return NoMotion(NoMotionReason.NO_PLACE, detail, region.blocked_by)
        target = now.scene.find(target_id)
        touch = _once(*([target.id] if target else []), *neighbours(item, now.scene))
        if target is not None and relation in (Predicate.IN, Predicate.ON, Predicate.UPON_BOTH):
            touch = _once(*touch, *wanted.args[1:], *neighbours(target, now.scene))
        T_hand_object = self._in_hand(now, item)
        room = carrying_along(now, now.room(carried=item.id, touch=touch), item, T_hand_object)
        tool = self._maker.model.tool_pose(now.body.positions_rad)
        yaw_now = math.atan2(tool[1, 1], tool[0, 1]) - math.atan2(tool[1, 3], tool[0, 3])
        placements = make_placements(item, target, relation, region.spots, T_hand_object, yaw_now)
        free = free_releases(
            self._maker.collision,
            placements,
            room,
            self._gap(item, T_hand_object),
            self._gripper.max_width_m,
            now.scene,
        )
        if not free:
            detail = f"no room for hand and {item.id} at any place for {relation.value}({item.id}, {target_id})"
            return NoMotion(NoMotionReason.NO_PLACE, detail, free.blocked_by)

        def attempt(choice: Release) -> Trajectory | NoMotion:
            return self._place_at(now, item, choice, room, touch, T_hand_object)

        return first_success(from_attempt(free, now.step.attempt), attempt)

    def _place_at(
        self,
        now: Situation,
        item: ObjectState,
        choice: Release,
        room: Room,
        touch: tuple[str, ...],
        T_hand_object: Float[np.ndarray, "4 4"],
    ) -> Trajectory | NoMotion:
        placement, open_m = choice.placement, choice.open_m
        start = self._start(now, item)
        if isinstance(start, NoMotion):
            return start
        timeline, _ = start
        maker, gap = self._maker, self._gap(item, T_hand_object)
        release_rad = maker.reach(placement.T_world_tool, [timeline.positions_rad], now.rng)
        if release_rad is None:
            return NoMotion(NoMotionReason.NO_IK, f"the place for {item.id} is out of reach")
        low_m = float(placement.T_world_tool[2, 3])
        heights_m = (low_m + PLACE_APPROACH_M, max(CARRY_M, low_m + APPROACH_M), low_m + LOW_APPROACH_M)
        goal, air = (placement.T_world_tool, release_rad), Air(room, gap, now.rng)
        descent = self._descend(timeline, goal, heights_m, gap, room, air, gentle=PLACE_GENTLY)
        if isinstance(descent, Blocked):
            return no_motion(descent, now, f"the place for {item.id}")
        timeline.follow(descent[0])
        timeline.follow(descent[1])
        release_s = timeline.time_s
        T_world_released = maker.model.tool_pose(timeline.positions_rad)
        timeline.pause(RELEASE_S, open_m, held_m=gap)
        after = putting_down(room, left_there(item, T_hand_object, T_world_released))
        if problem := self._go_home(timeline, after, max(open_m, gap), now.rng):
            return no_motion(problem[1], now, problem[0])
        return timeline.build(
            held=(HeldSpan(item.id, 0.0, release_s, T_hand_object),),
            touches=(item.id, *touch),
            label=f"place {item.id}",
            target_pose_world=T_world_released,
        )


def _wanted(step: PlanStep, relation: Predicate, item_id: str, target_id: str) -> Fact:
    """The fact that the place is for, with all that it remembers."""
    plain = Fact(relation, (item_id, target_id))
    return next((f for f in step.effects if f.predicate is relation and f.args[:2] == plain.args), plain)


def still_to_come(now: Situation) -> list[Fact]:
    """Goals of other steps that are not seen to hold yet."""
    return [f for f in now.goals if f not in now.step.effects and evaluate(f, now.scene).value is not True]


def _to_pour_into(now: Situation, item: ObjectState) -> ObjectState | None:
    """What the object is to be poured into, if that is what is wanted of it."""
    into = [f.args[1] for f in now.goals if f.predicate is Predicate.POURED and f.args[0] == item.id]
    return now.scene.find(into[0]) if into else None


def _once(*names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
