"""Pick, place and look as whole motions, each from rest to rest.

In:  SceneState with the body's state, a PlanStep.
Out: Trajectory, or NoMotion with what was in the way.
Each skill lists alternatives best first, looks at hand and fingers alone, then works out the arm for one after the
other until one is free from beginning to end.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float

from ..perception.types import BodyState, ObjectState, SceneState
from ..planning.collision import Room
from ..planning.object_solids import Solid, moving_along, width_between
from ..planning.placement import goal_region
from ..planning.relations import evaluate
from ..planning.timing import EMPTY_LINE_QUICKER, TimedPath, Timeline
from ..planning.types import Fact, HeldSpan, NoMotion, NoMotionReason, PlanStep, Predicate, Trajectory
from .drawers import handle_grasps, way_to_go
from .grasps import Grasp, make_grasps, turned_half
from .hand_room import ENOUGH, Release, free_grasps, free_releases
from .motion import Blocked, MotionMaker
from .places import left_there, make_placements
from .pouring import make_pour_grasps, make_pours
from .surroundings import carrying, is_named, make_room, neighbours, putting_down, sliding, without

CARRY_M = 0.25  # height of the tool while it carries
APPROACH_M = 0.10  # a line this long leads to the grasp
LOW_APPROACH_M = 0.035  # … or this long, near the base, where the arm cannot fold any further
SAFE_M = 0.20  # below this the hand first goes straight up
GRIP_S = 0.35  # friction needs this long to build up
RELEASE_S = 0.15
PLACE_SLOWER = 0.5
PLACE_APPROACH_M = 0.08  # … and so slowly it goes this far
SLIDE_SLOWER = 0.6
SLIDE_SETTLE_S = 0.1
POUR_S = 1.2  # held tilted
CARRY_SLOWER = 0.8  # a full cup
MAX_TRIES = 6
MAX_OUT_OF_REACH = 3  # at one spot; then other yaws will not help either


@runtime_checkable
class HasToolPose(Protocol):
    """One way to do a step."""

    @property
    def T_world_tool(self) -> Float[np.ndarray, "4 4"]:
        """Where the tool would work."""
        ...


Choice = TypeVar("Choice", bound=HasToolPose)


@dataclass(frozen=True, slots=True)
class Situation:
    """What a skill starts from."""

    scene: SceneState
    body: BodyState
    step: PlanStep
    rng: np.random.Generator
    zones: tuple[Solid, ...] = ()
    goals: tuple[Fact, ...] = ()
    """Everything that the command wants, so that one thing is not put where another must go."""

    def room(self, *, carried: str | None = None, touch: Sequence[str] = ()) -> Room:
        """What stands around now, with keep-out zones as solids."""
        room = make_room(self.scene, carried=carried, touch=touch)
        return replace(room, solids=room.solids + self.zones, rough=room.rough + self.zones)


@dataclass(frozen=True, slots=True)
class _Air:
    """What a way through the air is planned with."""

    room: Room
    width_m: float
    rng: np.random.Generator


class Skills:
    """Makes whole motions of one robot."""

    def __init__(self, maker: MotionMaker) -> None:
        self._maker = maker
        self._gripper = maker.model.description.gripper
        self._look_rad = np.array(maker.model.description.look_rad)

    def look(self, now: Situation) -> Trajectory | NoMotion:
        """To the look pose, keeping hold of what is held."""
        item = _held_item(now)
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
        free, blocked_by = free_grasps(self._maker.collision, grasps, room, now.scene, ENOUGH + now.step.attempt)
        if not free:
            return NoMotion(NoMotionReason.NO_GRASP, f"no room for the fingers around {item.id}", blocked_by)

        def attempt(grasp: Grasp) -> Trajectory | NoMotion:
            return self._pick_with(now, item, grasp, room, touch, poured_into)

        return first_success(_from_attempt(free, now.step.attempt), attempt)

    def pour(self, now: Situation, cup: ObjectState, into: ObjectState) -> Trajectory | NoMotion:
        """Over the other's opening, upright; tilt, wait, turn upright again."""
        start = self._start(now, cup)
        if isinstance(start, NoMotion):
            return start
        timeline, _ = start
        T_hand_object = self._in_hand(now, cup)
        way = self._find_pour(now, cup, into, timeline.positions_rad, T_hand_object)
        if isinstance(way, Blocked):
            return no_motion(way, now, f"tilting {cup.id} over {into.id}")
        approach, tilt = way
        timeline.follow(approach)
        timeline.follow(tilt)
        T_world_poured = self._maker.model.tool_pose(timeline.positions_rad)
        timeline.pause(POUR_S)
        timeline.follow(tilt.reversed())
        return timeline.build(
            held=(HeldSpan(cup.id, 0.0, timeline.time_s, T_hand_object),),
            touches=neighbours(cup, now.scene),
            label=f"pour {cup.id}",
            target_pose_world=T_world_poured,
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
        room = _carrying(now, now.room(carried=item.id, touch=touch), item, T_hand_object)
        tool = self._maker.model.tool_pose(now.body.positions_rad)
        yaw_now = math.atan2(tool[1, 1], tool[0, 1]) - math.atan2(tool[1, 3], tool[0, 3])
        placements = make_placements(item, target, relation, region.spots, T_hand_object, yaw_now)
        free, blocked_by = free_releases(
            self._maker.collision,
            placements,
            room,
            self._gap(item, T_hand_object),
            self._gripper.max_width_m,
            now.scene,
            ENOUGH + now.step.attempt,
        )
        if not free:
            detail = f"no room for hand and {item.id} at any place for {relation.value}({item.id}, {target_id})"
            return NoMotion(NoMotionReason.NO_PLACE, detail, blocked_by)

        def attempt(choice: Release) -> Trajectory | NoMotion:
            return self._place_at(now, item, choice, room, touch, T_hand_object)

        return first_success(_from_attempt(free, now.step.attempt), attempt)

    def slide(self, now: Situation, item: ObjectState, *, is_opening: bool) -> Trajectory | NoMotion:
        """Take the handle from above, pull or push along the axis, let go, rise, look."""
        way = way_to_go(item, is_opening=is_opening)
        if isinstance(way, NoMotion):
            return way
        touch = (item.id, *neighbours(item, now.scene))
        room = now.room(touch=touch)
        grasps = handle_grasps(item, self._gripper)
        free, blocked_by = free_grasps(self._maker.collision, grasps, room, now.scene, ENOUGH + now.step.attempt)
        if not free:
            return NoMotion(NoMotionReason.NO_GRASP, f"no room for the hand at the handle of {item.id}", blocked_by)

        def attempt(grasp: Grasp) -> Trajectory | NoMotion:
            return self._slide_with(now, item, grasp, way, touch)

        return first_success(_from_attempt(free, now.step.attempt), attempt)

    def _slide_with(
        self,
        now: Situation,
        item: ObjectState,
        grasp: Grasp,
        way: Float[np.ndarray, "3"],
        touch: tuple[str, ...],
    ) -> Trajectory | NoMotion:
        came = self._come_to(now, item, grasp, now.room(touch=touch))
        if isinstance(came, NoMotion):
            return came
        timeline, maker = came, self._maker
        closing_s = timeline.time_s
        timeline.pause(GRIP_S, 0.0)
        T_world_taken = maker.model.tool_pose(timeline.positions_rad)
        T_hand_object = np.linalg.inv(T_world_taken) @ item.pose_world
        moving, left_at = sliding(now.room(touch=touch), item, now.scene, T_hand_object)
        T_world_goal = T_world_taken.copy()
        T_world_goal[:3, 3] += way
        gap = self._gap(item, T_hand_object)
        line = maker.line(timeline.positions_rad, T_world_goal, gap, moving, pace=SLIDE_SLOWER)
        if isinstance(line, Blocked):
            return no_motion(line, now, f"where {item.id} goes")
        timeline.follow(line)
        timeline.pause(SLIDE_SETTLE_S)
        release_s = timeline.time_s
        T_world_released = maker.model.tool_pose(timeline.positions_rad)
        timeline.pause(RELEASE_S, grasp.open_m)
        after = left_at(T_world_released @ T_hand_object)
        if problem := self._go_home(timeline, after, grasp.open_m, now.rng):
            return no_motion(problem[1], now, problem[0])
        return timeline.build(
            held=(HeldSpan(item.id, closing_s, release_s, T_hand_object),),
            touches=touch,
            label=f"{now.step.action.value} {item.id}",
            target_pose_world=T_world_released,
        )

    def _find_pour(
        self,
        now: Situation,
        cup: ObjectState,
        into: ObjectState,
        start_rad: Float[np.ndarray, "joints"],
        T_hand_object: Float[np.ndarray, "4 4"],
    ) -> tuple[TimedPath, TimedPath] | Blocked:
        """From a hand that holds the cup high: over the other's opening, and the tilting."""
        maker, gap = self._maker, self._gap(cup, T_hand_object)
        room = _carrying(now, now.room(carried=cup.id, touch=neighbours(cup, now.scene)), cup, T_hand_object)
        blocked = Blocked(NoMotionReason.NO_PATH, f"the arm cannot tilt {cup.id} over {into.id}")
        pours = make_pours(cup, into, maker.model.tool_pose(start_rad), T_hand_object)
        for pour in itertools.islice(pours, now.step.attempt, None):
            approach = maker.trace(start_rad, pour.approach, gap, room, pace=CARRY_SLOWER)
            if isinstance(approach, Blocked):
                continue
            tilt = maker.trace(approach.positions_rad[-1], pour.tilt, gap, room)
            if isinstance(tilt, TimedPath):
                return approach, tilt
            blocked = tilt if tilt.conflict is not None else blocked
        return blocked

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
        timeline.pause(GRIP_S, 0.0)
        T_world_reached = self._maker.model.tool_pose(timeline.positions_rad)
        T_hand_object = np.linalg.inv(T_world_reached) @ item.pose_world
        lift = self._lift(timeline, _carrying(now, room, item, T_hand_object), self._gap(item, T_hand_object))
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
        air = _Air(now.room(), max(width, now.body.gripper_width_m), now.rng)
        heights_m = (low_m + APPROACH_M, max(CARRY_M, low_m + APPROACH_M), low_m + LOW_APPROACH_M)
        descent = self._descend(timeline, grip, heights_m, width, room, air)
        if isinstance(descent, Blocked):
            return no_motion(descent, now, item.id)
        timeline.follow(descent[0], width)
        if timeline.width_m != width:
            timeline.pause(0.0, width)
        timeline.follow(descent[1])
        return timeline

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
        goal, air = (placement.T_world_tool, release_rad), _Air(room, gap, now.rng)
        descent = self._descend(timeline, goal, heights_m, gap, room, air, pace=PLACE_SLOWER)
        if isinstance(descent, Blocked):
            return no_motion(descent, now, f"the place for {item.id}")
        timeline.follow(descent[0])
        timeline.follow(descent[1])
        release_s = timeline.time_s
        T_world_released = maker.model.tool_pose(timeline.positions_rad)
        timeline.pause(RELEASE_S, open_m)
        after = putting_down(room, left_there(item, T_hand_object, T_world_released))
        if problem := self._go_home(timeline, after, max(open_m, gap), now.rng):
            return no_motion(problem[1], now, problem[0])
        return timeline.build(
            held=(HeldSpan(item.id, 0.0, release_s, T_hand_object),),
            touches=(item.id, *touch),
            label=f"place {item.id}",
            target_pose_world=T_world_released,
        )

    def _start(self, now: Situation, item: ObjectState | None) -> tuple[Timeline, Room] | NoMotion:
        """A timeline that begins where the body is; a low hand first goes straight up."""
        body = now.body
        width = 0.0 if item is not None else float(np.clip(body.gripper_width_m, 0.0, self._gripper.max_width_m))
        timeline = Timeline(body.joint_names, body.positions_rad, width)
        touch = tuple(o.id for o in now.scene.objects) if item is None else neighbours(item, now.scene)
        room = now.room()
        if item is not None:
            room = _carrying(now, room, item, self._in_hand(now, item))
        tool = self._maker.model.tool_pose(body.positions_rad)
        if tool[2, 3] < SAFE_M:
            leaving = now.room(carried=item.id if item else None, touch=touch)
            if item is not None:
                leaving = _carrying(now, leaving, item, self._in_hand(now, item))
            rise = self._lift(timeline, leaving, self._finger_gap(now, item))
            if rise is not None:
                # Wedged in: up is still the way out, and the guard judges whether it makes anything worse.
                rise = self._lift(timeline, Room((), leaving.table_m, (), leaving.required_m), 0.0)
            if rise is not None:
                return no_motion(rise, now, "the way up")
        return timeline, room

    def _lift(self, timeline: Timeline, room: Room, width_m: float) -> Blocked | None:
        """Append a line straight up to the carry height, or as high as the arm gets."""
        goal = self._maker.model.tool_pose(timeline.positions_rad)
        low_m, blocked = float(goal[2, 3]), None
        for height_m in (max(CARRY_M, low_m + APPROACH_M), low_m + APPROACH_M, low_m + LOW_APPROACH_M):
            goal[2, 3] = height_m
            rise = self._maker.line(timeline.positions_rad, goal, width_m, room)
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
            goal[2, 3] = height_m
            rise = self._maker.line(start_rad, goal, width_m, room, pace=EMPTY_LINE_QUICKER)
            if isinstance(rise, Blocked):
                problem = "the way up", rise
                continue
            home = self._maker.transit(rise.positions_rad[-1], self._look_rad, width_m, room, rng, is_empty=True)
            if isinstance(home, TimedPath):
                timeline.follow(rise)
                timeline.follow(home)
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
        air: _Air,
        *,
        pace: float = 1.0,
    ) -> tuple[TimedPath, TimedPath] | Blocked:
        """Through the air to a pose above the goal (tool pose and arm position), then straight down to it.

        The line is worked out upwards from the goal, where the arm's position is known, and played backwards.
        """
        T_world_low, low_rad = goal
        above = T_world_low.copy()
        blocked = Blocked(NoMotionReason.NO_PATH, "no height to come from")
        for height_m in dict.fromkeys(heights_m):
            above[2, 3] = height_m
            up = self._maker.line(low_rad, above, width_m, room, pace=pace)
            if isinstance(up, Blocked):
                blocked = up
                continue
            down = up.reversed()
            above_rad = down.positions_rad[0]
            way = self._maker.transit(
                timeline.positions_rad, above_rad, air.width_m, air.room, air.rng, is_empty=not air.room.carried
            )
            if isinstance(way, TimedPath):
                return way, down
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

    def _in_hand(self, now: Situation, item: ObjectState) -> Float[np.ndarray, "4 4"]:
        """T_hand_object as perceived."""
        return np.linalg.inv(self._maker.model.tool_pose(now.body.positions_rad)) @ item.pose_world

    def _gap(self, item: ObjectState, T_hand_object: Float[np.ndarray, "4 4"]) -> float:
        """Distance of the fingers that hold the object so."""
        return width_between(item, T_hand_object, self._gripper.max_width_m)

    def _air(self, now: Situation, width_m: float) -> _Air:
        """What a way through the air keeps clear of."""
        return _Air(now.room(), width_m, now.rng)

    def _finger_gap(self, now: Situation, item: ObjectState | None) -> float:
        """Distance of the fingers now."""
        if item is not None:
            return self._gap(item, self._in_hand(now, item))
        return float(np.clip(now.body.gripper_width_m, 0.0, self._gripper.max_width_m))


def _carrying(now: Situation, room: Room, item: ObjectState, T_hand_object: Float[np.ndarray, "4 4"]) -> Room:
    """The room with the object in the hand; what is in it goes along and is in nobody's way."""
    room = carrying(room, item, T_hand_object)
    for other in moving_along(item, now.scene)[1:]:
        room = replace(room, solids=without(room.solids, other.id), rough=without(room.rough, other.id))
    return room


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


def _held_item(now: Situation) -> ObjectState | None:
    return None if now.body.held is None else now.scene.find(now.body.held)


def _from_attempt(choices: list[Choice], attempt: int) -> list[Choice]:
    """Alternatives starting with the `attempt`-th; those before it come last."""
    if not choices:
        return choices
    start = attempt % len(choices)
    return (choices[start:] + choices[:start])[:MAX_TRIES]


def first_success(choices: list[Choice], make: Callable[[Choice], Trajectory | NoMotion]) -> Trajectory | NoMotion:
    """The first alternative that works out, else the first failure, with everything found in the way."""
    failures: list[NoMotion] = []
    out_of_reach: dict[tuple[float, float], int] = {}
    for choice in choices:
        x, y = (float(v) for v in choice.T_world_tool[:2, 3])
        where = (round(x, 2), round(y, 2))
        if out_of_reach.get(where, 0) >= MAX_OUT_OF_REACH:
            continue
        result = make(choice)
        if isinstance(result, Trajectory):
            return result
        failures.append(result)
        if result.reason is NoMotionReason.NO_IK:
            out_of_reach[where] = out_of_reach.get(where, 0) + 1
    names = dict.fromkeys(name for failure in failures for name in failure.blocked_by)
    return replace(failures[0], blocked_by=tuple(names))


def no_motion(blocked: Blocked, now: Situation, goal: str) -> NoMotion:
    """Why there is no way, with the object that is in it where one is."""
    owner = blocked.conflict.owner if blocked.conflict is not None else None
    names = (owner,) if owner is not None and is_named(owner, now.scene) else ()
    return NoMotion(blocked.reason, f"{blocked.detail} on the way to {goal}", names)
