"""What a motion comes near to, judged from the scene and not from what the trajectory claims.

In:  Trajectory, SceneState, PlanStep, keep-out zones.
Out: clearances with their times and least allowed distances, over the phases of a motion: before the grasp the object
     stands where the scene says, then it moves with the hand, and after the release it stands where it was let go.
"""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# (numpy's stubs leave the type of a matrix product open.)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from ..perception.types import ObjectState, SceneState
from .collision import FINGER, HELD, Clearance, CollisionModel, Room
from .object_solids import Solid, box_solid, hull_of, moving_along, solids_of, width_between
from .piles import is_pile, pieces_of
from .playback import Playback
from .rules import CarriedMoment
from .types import TABLE, Action, Finding, HeldSpan, PlanStep, Ruling, Trajectory

EDGE_M = 0.03  # what is pushed ends at least this far from the table's edge
LOOSE_M = -1.0
TOUCH_GAP_M = 0.008  # objects nearer than this to the moved one count as touching it before the motion


@dataclass(frozen=True, slots=True)
class ContactTolerances:
    """How deep believed shapes may overlap where touching is meant: perception errs by about 2 mm, shapes by 4."""

    finger_m: float = 0.008
    held_m: float = 0.010
    held_table_m: float = 0.006
    hand_offset_m: float = 0.02
    leaving_m: float = 0.002
    near_m: float = 0.02


@dataclass(frozen=True, slots=True)
class Contact:
    """One clearance with the time of its worst moment and the distance that is needed."""

    clearance: Clearance
    time_s: float
    required_m: float

    @property
    def margin_m(self) -> float:
        """Signed: negative where too near."""
        return self.clearance.distance_m - self.required_m


@dataclass(frozen=True, slots=True)
class _Phase:
    moments: Float[np.ndarray, "moments"]
    widths_m: Float[np.ndarray, "moments"]
    room: Room


class ContactChecker:
    """Splits a motion into phases and measures each."""

    def __init__(self, collision: CollisionModel, tolerances: ContactTolerances) -> None:
        self._collision = collision
        self._tolerances = tolerances

    def measure(
        self,
        playback: Playback,
        moments: Float[np.ndarray, "moments"],
        brakes: tuple[Float[np.ndarray, "stops"], Float[np.ndarray, "stops joints"]],
        scene: SceneState,
        step: PlanStep,
        zones: Sequence[Sequence[float]],
    ) -> list[Contact]:
        """Contacts of the motion at the moments, and of stops (`brakes`: time each began, positions it passes)."""
        found: dict[tuple[str, str], Contact] = {}
        phases = self._phases(playback, moments, scene, step, zones)
        phases[0] = self._forgive_present(playback, phases[0])
        for phase in phases:
            positions, _, _ = playback.states(phase.moments)
            inside = (brakes[0] >= phase.moments[0]) & (brakes[0] <= phase.moments[-1])
            times = np.concatenate([phase.moments, brakes[0][inside]])
            widths = np.concatenate([phase.widths_m, np.interp(brakes[0][inside], phase.moments, phase.widths_m)])
            everything = np.concatenate([positions, brakes[1][inside]])
            for c in self._collision.scan(everything, widths, phase.room, near_m=self._tolerances.near_m):
                contact = Contact(c, float(times[c.index]), phase.room.required(c.part, c.owner))
                key = (c.part, c.owner)
                if key not in found or contact.margin_m < found[key].margin_m:
                    found[key] = contact
        return list(found.values())

    def check_held(self, playback: Playback, scene: SceneState, step: PlanStep) -> Finding:
        """What the trajectory says it carries is the step's object, and sits in the hand as the scene has it."""
        worst: tuple[float, float, str] | None = None
        names = [span.object_id for span in playback.trajectory.held]
        wrong = [name for name in names if scene.find(name) is None or name != step.object_id]
        if wrong or len(names) > 1:
            reason = f"it claims to carry {', '.join(names)}; expected at most {step.object_id}, seen in the scene"
            return Finding("held", Ruling.REFUSED, None, "m", 0.0, reason)
        meant = moved_by_stroke(step, scene)
        strange = [span.object_id for span in playback.trajectory.pushed if span.object_id not in meant]
        if strange:
            reason = f"it claims to push {', '.join(strange)}; expected only what {step} moves, seen in the scene"
            return Finding("held", Ruling.REFUSED, None, "m", 0.0, reason)
        for span in (*playback.trajectory.held, *playback.trajectory.pushed):
            item = scene.find(span.object_id)
            assert item is not None  # checked above
            expected: Any = np.linalg.inv(self._tool_poses(playback, np.array([span.start_s]))[0]) @ item.pose_world
            off_m = float(np.linalg.norm(expected[:3, 3] - span.T_hand_object[:3, 3]))
            if worst is None or off_m > worst[0]:
                worst = (off_m, span.start_s, span.object_id)
        if worst is None:
            return Finding("held", Ruling.ALLOWED, None, "m", None, "nothing is said to be carried")
        margin = self._tolerances.hand_offset_m - worst[0]
        reason = f"{worst[2]} would sit {worst[0] * 1000:.0f} mm from where it is seen relative to the hand"
        return Finding("held", Ruling.ALLOWED if margin >= 0 else Ruling.REFUSED, margin, "m", worst[1], reason)

    def carried_moments(
        self, playback: Playback, moments: Float[np.ndarray, "moments"], scene: SceneState
    ) -> tuple[CarriedMoment, ...]:
        """Poses of what is carried, for rules about how it is carried."""
        found: list[CarriedMoment] = []
        for span in carried_spans(playback.trajectory, scene, self._tool_poses(playback, np.zeros(1))[0]):
            inside = moments[(moments >= span.start_s) & (moments <= span.end_s)]
            poses = self._tool_poses(playback, inside) @ span.T_hand_object
            found += [
                CarriedMoment(span.object_id, float(t), T_world_object)
                for t, T_world_object in zip(inside, poses, strict=True)
            ]
        return tuple(found)

    def _tool_poses(
        self, playback: Playback, times_s: Float[np.ndarray, "moments"]
    ) -> Float[np.ndarray, "moments 4 4"]:
        positions, _, _ = playback.states(times_s)
        return self._collision.model.tool_poses(positions)

    def _phases(
        self,
        playback: Playback,
        moments: Float[np.ndarray, "moments"],
        scene: SceneState,
        step: PlanStep,
        zones: Sequence[Sequence[float]],
    ) -> list[_Phase]:
        trajectory, end_s = playback.trajectory, playback.trajectory.duration_s
        span = next(iter(carried_spans(trajectory, scene, self._tool_poses(playback, np.zeros(1))[0])), None)
        touchable = touchable_objects(trajectory, scene, step)
        walls = [s for o in scene.objects for s in solids_of(o, inflate=o.id not in touchable)]
        walls += [box_solid(f"keep_out_{i}", np.array(z[:3]), np.array(z[3:])) for i, z in enumerate(zones)]
        required = self._required(touchable, loose_pieces(step, scene))
        table_m = scene.table.height_m if scene.table is not None else 0.0
        base = Room(tuple(walls), table_m, (), required)
        if span is None and trajectory.pushed:
            return self._stroke_phases(playback, moments, scene, base)
        if span is None:
            return [_Phase(moments, playback.widths_m(moments), base)]
        item = scene.find(span.object_id)
        if item is None:
            return [_Phase(moments, playback.widths_m(moments), base)]
        along = moving_along(item, scene)
        names = {other.id for other in along}
        others = tuple(s for s in walls if s.owner not in names)
        T_item_world: Any = np.linalg.inv(item.pose_world)
        between_m = width_between(item, span.T_hand_object, self._collision.model.description.gripper.max_width_m)
        phases: list[_Phase] = []
        for begin, end in ((0.0, span.start_s), (span.start_s, span.end_s), (span.end_s, end_s)):
            inside = moments[(moments > begin) & (moments < end)]
            inside = np.concatenate([[begin], inside, [end]])
            if end <= begin and not (begin == end == 0.0 and end_s == 0.0):
                continue
            widths = playback.widths_m(inside)
            if begin < span.start_s:
                phases.append(_Phase(inside, widths, base))
                continue
            # Fingers around an object stay as far apart as it is wide, whatever is commanded.
            widths = np.maximum(widths, between_m)
            if begin < span.end_s:
                T_hand_world: Any = span.T_hand_object @ T_item_world
                carried = tuple(s.moved(T_hand_world) for other in along for s in hull_of(other))
                phases.append(_Phase(inside, widths, replace(base, solids=others, carried=carried)))
            else:
                released = self._tool_poses(playback, np.array([span.end_s]))[0] @ span.T_hand_object
                T_new_old: Any = released @ T_item_world
                left = tuple(s.moved(T_new_old) for other in along for s in solids_of(other, inflate=False))
                phases.append(_Phase(inside, widths, replace(base, solids=(*others, *left))))
        return phases

    def _stroke_phases(
        self, playback: Playback, moments: Float[np.ndarray, "moments"], scene: SceneState, base: Room
    ) -> list[_Phase]:
        """Between the moments at which the fingers meet or leave something: what they push moves with the hand."""
        spans = [(span, item) for span in playback.trajectory.pushed if (item := scene.find(span.object_id))]
        ends = {0.0, playback.trajectory.duration_s}
        times = sorted(ends | {span.start_s for span, _ in spans} | {span.end_s for span, _ in spans})
        phases: list[_Phase] = []
        for begin, end in zip(times[:-1], times[1:], strict=True):
            solids, carried = base.solids, list[Solid]()
            for span, item in spans:
                if begin < span.start_s:
                    continue
                solids = tuple(s for s in solids if s.owner != item.id)
                if begin < span.end_s:
                    carried += [s.moved(span.T_hand_object) for s in hull_of(replace(item, pose_world=np.eye(4)))]
                else:
                    left = self._tool_poses(playback, np.array([span.end_s]))[0] @ span.T_hand_object
                    solids += solids_of(replace(item, pose_world=left), inflate=False)
            inside = np.concatenate([[begin], moments[(moments > begin) & (moments < end)], [end]])
            room = replace(base, solids=solids, carried=tuple(carried))
            phases.append(_Phase(inside, playback.widths_m(inside), room))
        return phases

    def check_pushed(self, playback: Playback, scene: SceneState) -> Finding:
        """What is pushed stays on the table, as far as the hand's way tells."""
        worst: tuple[float, float, str] | None = None
        for span in playback.trajectory.pushed:
            x, y = (self._tool_poses(playback, np.array([span.end_s]))[0] @ span.T_hand_object)[:2, 3]
            if scene.table is None:
                return Finding("pushed", Ruling.NOT_EVALUATED, None, "m", None, "the table has not been seen")
            x_min, y_min, x_max, y_max = scene.table.bounds_world
            inside_m = float(min(x - x_min, x_max - x, y - y_min, y_max - y))
            if worst is None or inside_m < worst[0]:
                worst = (inside_m, span.end_s, span.object_id)
        if worst is None:
            return Finding("pushed", Ruling.ALLOWED, None, "m", None, "nothing is said to be pushed")
        margin_m = worst[0] - EDGE_M
        reason = f"{worst[2]} is pushed to {worst[0] * 100:.0f} cm from the table's edge, {EDGE_M * 100:.0f} allowed"
        return Finding("pushed", Ruling.ALLOWED if margin_m >= 0 else Ruling.REFUSED, margin_m, "m", worst[1], reason)

    def _forgive_present(self, playback: Playback, phase: _Phase) -> _Phase:
        """What is too near already may be left: in the first phase it must only not become nearer."""
        positions, _, _ = playback.states(phase.moments[:1])
        now = self._collision.scan(positions, phase.widths_m[:1], phase.room, near_m=self._tolerances.near_m)
        required = phase.room.required_m | {
            (c.part, c.owner): c.distance_m - self._tolerances.leaving_m
            for c in now
            if c.distance_m < phase.room.required(c.part, c.owner)
        }
        return replace(phase, room=replace(phase.room, required_m=required))

    def _required(self, touchable: frozenset[str], loose: frozenset[str]) -> dict[tuple[str, str], float]:
        required = {(HELD, TABLE): -self._tolerances.held_table_m}
        for name in touchable:
            required[(FINGER, name)] = -self._tolerances.finger_m
            required[(HELD, name)] = -self._tolerances.held_m
        # Pieces of a pile give way: the blade and what it pushes may go where they were.
        return required | {(part, name): LOOSE_M for name in loose for part in (FINGER, HELD)}


def carried_spans(
    trajectory: Trajectory, scene: SceneState, T_world_tool_start: Float[np.ndarray, "4 4"]
) -> tuple[HeldSpan, ...]:
    """What the trajectory declares, and what the body holds even if it is not declared."""
    body = scene.body
    if body is None or body.held is None or any(s.object_id == body.held for s in trajectory.held):
        return trajectory.held
    item = scene.find(body.held)
    if item is None:
        return trajectory.held
    opened = np.nonzero(trajectory.gripper_width_m > body.gripper_width_m + 0.005)[0]
    end_s = float(trajectory.times_s[opened[0]]) if len(opened) else trajectory.duration_s
    return (HeldSpan(item.id, 0.0, end_s, np.linalg.inv(T_world_tool_start) @ item.pose_world),)


def touchable_objects(trajectory: Trajectory, scene: SceneState, step: PlanStep) -> frozenset[str]:
    """Of the objects that the trajectory wants to touch those with a reason: the step's, and what touches these now."""
    meant = {name for name in (step.object_id, step.target_id) if name is not None} | loose_pieces(step, scene)
    near = {other for name in meant if (item := scene.find(name)) for other in touching_objects(item, scene)}
    return frozenset((meant | near) & ({*trajectory.touches} | {step.object_id}) - {None})


def loose_pieces(step: PlanStep, scene: SceneState) -> frozenset[str]:
    """The pieces of the pile that the step sweeps."""
    if step.action is not Action.SWEEP or step.object_id is None or not is_pile(step.object_id):
        return frozenset()
    return frozenset(piece.id for piece in pieces_of(step.object_id, scene))


def moved_by_stroke(step: PlanStep, scene: SceneState) -> frozenset[str]:
    """What the step may push before the fingers."""
    if step.action is Action.PUSH and step.object_id is not None and scene.find(step.object_id) is not None:
        return frozenset({step.object_id})
    return loose_pieces(step, scene)


def touching_objects(item: ObjectState, scene: SceneState) -> tuple[str, ...]:
    """Other objects that the object touches now or nearly so: what it stands on or in, what leans on it."""
    return tuple(o.id for o in scene.objects if o.id != item.id and _touches(item, o))


def _touches(item: ObjectState, other: ObjectState) -> bool:
    """Whether the boxes around two objects nearly meet, judged along the axes of both."""
    apart = np.linalg.norm(item.position_world - other.position_world)
    if apart > (np.linalg.norm(item.size_m) + np.linalg.norm(other.size_m)) / 2 + TOUCH_GAP_M:
        return False
    return _box_gap(item, other) < TOUCH_GAP_M and _box_gap(other, item) < TOUCH_GAP_M


def _box_gap(a: ObjectState, b: ObjectState) -> float:
    """Largest gap along a's axes (separating-axis test)."""
    R_a_b = a.pose_world[:3, :3].T @ b.pose_world[:3, :3]
    between = a.pose_world[:3, :3].T @ (b.position_world - a.position_world)
    return float((np.abs(between) - a.size_m / 2 - np.abs(R_a_b) @ (b.size_m / 2)).max())
