"""Whether a step goes as meant: while it moves by the fingers, afterwards by what is seen.

In:  the step and its trajectory, joint readings, the scene after it.
Out: a reason to break off, or None; then the Outcome for the planner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from ..perception.types import SceneState, SensorFrame
from .pouring import POUR_HOLD_S, is_pouring
from .relations import evaluate
from .robot_model import RobotModel
from .rules import KEEP_OUT, is_zone
from .types import (
    TABLE,
    Action,
    Fact,
    HeldSpan,
    NoMotion,
    Outcome,
    OutcomeKind,
    PlanStep,
    Predicate,
    Trajectory,
    Verdict,
)

EMPTY_M = 0.0025  # fingers nearer than this hold nothing
SLIP_M = 0.006  # fingers that close by this much while carrying have lost what was between them
CLOSING_S = 0.6  # fingers need this long to close and settle; earlier, their width is no proof
RELEASE_S = 0.05  # nor is it in the last moment before they open
NUM_SAMPLES = 3  # readings in a row that must agree


class Monitor:
    """Watches one motion at a time. `model` is the robot's; the fingers' range is taken from it."""

    def __init__(self, model: RobotModel | None = None) -> None:
        self._model = model
        self._max_width_m = 1.0 if model is None else model.description.gripper.max_width_m
        self._step: PlanStep | None = None
        self._span: HeldSpan | None = None
        self._from_s = 0.0
        self._grasped_m: float | None = None
        self._arm_rad: list[Float[np.ndarray, "joints"]] = []
        self._arm_s: list[float] = []

    def start(self, step: PlanStep, trajectory: Trajectory) -> None:
        """A motion begins."""
        self._step = step
        self._span = trajectory.held[0] if trajectory.held else None
        self._grasped_m = None
        self._arm_rad, self._arm_s = [], []
        if self._span is not None:
            # A span that begins within the motion begins with closing the fingers.
            self._from_s = self._span.start_s + (CLOSING_S if self._span.start_s > 0.0 else 0.0)

    def lost(self, frame: SensorFrame, elapsed_s: float) -> str | None:
        """Why the motion must be broken off now (nothing grasped, or it slipped out), or None."""
        if self._span is None or frame.joints is None or len(frame.joints.times_s) == 0:
            return None
        start_s = frame.time_s - elapsed_s
        if self._step is not None and self._step.action is Action.POUR:
            self._arm_s += [float(t) for t in frame.joints.times_s]
            self._arm_rad += list(frame.joints.positions_rad)
        until_s = self._span.end_s - RELEASE_S
        times_s = frame.joints.times_s - start_s
        widths_m = frame.joints.gripper_width_m[(times_s >= self._from_s) & (times_s <= until_s)]
        return self._judge([float(width) for width in widths_m])

    def outcome(
        self, step: PlanStep, scene: SceneState, result: Verdict | NoMotion, broken_off: str | None = None
    ) -> Outcome:
        """What became of a step. `scene` is seen after it; `broken_off` says why its motion was stopped."""
        if not_begun := why_not_begun(step, result):
            return not_begun
        assert isinstance(result, Verdict)  # a NoMotion never begins
        missed = self._unpoured(step, scene) if step.action is Action.POUR else _unseen_effect(step, scene)
        if broken_off is not None and (missed is not None or step.action is not Action.PICK):
            return Outcome(OutcomeKind.STOPPED, step, broken_off, verdict=result)
        if missed is not None:
            return Outcome(OutcomeKind.MISSED, step, missed, verdict=result)
        return Outcome(OutcomeKind.DONE, step, verdict=result)

    def _unpoured(self, step: PlanStep, scene: SceneState) -> str | None:
        """Why the cup cannot have been emptied into the target, by what encoders and fingers say; None when it was."""
        cup, into = scene.find(step.object_id or ""), scene.find(step.target_id or "")
        if scene.body is None or scene.body.held != step.object_id:
            return f"{step.object_id} is not in the hand any more"
        if cup is None or into is None or self._model is None or self._span is None:
            return f"{step.object_id} or {step.target_id} is not seen"
        T_hand_object, poured_s, former_s = self._span.T_hand_object, 0.0, None
        for time_s, positions_rad in zip(self._arm_s, self._arm_rad, strict=True):
            pose_world = self._model.tool_pose(positions_rad) @ T_hand_object
            if former_s is not None and is_pouring(replace(cup, pose_world=pose_world), into):
                poured_s += time_s - former_s
            former_s = time_s
        if poured_s >= POUR_HOLD_S:
            return None
        return f"{step.object_id} was tilted over {step.target_id} for {poured_s:.1f} s, expected {POUR_HOLD_S:.1f} s"

    def _judge(self, widths_m: Sequence[float]) -> str | None:
        if len(widths_m) < NUM_SAMPLES:
            return None
        latest_m = max(widths_m[-NUM_SAMPLES:])
        name = self._span.object_id if self._span is not None else "the object"
        is_first = self._grasped_m is None
        if self._grasped_m is None:
            self._grasped_m = min(widths_m[0], self._max_width_m)
        if latest_m < EMPTY_M and is_first:
            return f"the fingers closed on nothing ({latest_m * 1000:.1f} mm apart); {name} was not between them"
        if latest_m < max(EMPTY_M, self._grasped_m - SLIP_M):
            held_mm, now_mm = self._grasped_m * 1000, latest_m * 1000
            return f"{name} slipped out: the fingers went from {held_mm:.1f} to {now_mm:.1f} mm"
        return None


def why_not_begun(step: PlanStep, result: Verdict | NoMotion) -> Outcome | None:
    """What becomes of a step that no motion was allowed for; None when there is one."""
    if isinstance(result, NoMotion) and result.blocked_by and all(map(is_zone, result.blocked_by)):
        # Nothing but what the operator has forbidden stands in the way: that is the rule's refusal.
        return Outcome(OutcomeKind.REFUSED, step, f"{KEEP_OUT}: {result.detail}", no_motion=result)
    if isinstance(result, NoMotion):
        return Outcome(OutcomeKind.INFEASIBLE, step, result.detail, no_motion=result)
    if result.allowed and result.trajectory is not None:
        return None
    worst = result.worst
    detail = f"{worst.rule}: {worst.reason}" if worst is not None else "refused without a finding"
    return Outcome(OutcomeKind.REFUSED, step, detail, verdict=result)


def _unseen_effect(step: PlanStep, scene: SceneState) -> str | None:
    """Which expected effect is not seen, in words; None when all are."""
    held = scene.body.held if scene.body is not None else None
    if step.action is Action.LOOK:
        return None
    if step.action is Action.PICK:
        if held == step.object_id:
            return None
        return f"{step.object_id} is not in the hand" + (f", {held} is" if held else "")
    if held is not None and held == step.object_id:
        return f"{step.object_id} is still in the hand"
    for fact in step.effects or _effects_of_place(step):
        belief = evaluate(fact, scene)
        if belief.value is False:
            return f"{fact} is not seen to hold (margin {(belief.margin_m or 0.0) * 1000:+.0f} mm)"
        if belief.value is None:
            return f"{fact} cannot be judged: {_unknown(fact, scene)}"
    return None


def _effects_of_place(step: PlanStep) -> tuple[Fact, ...]:
    if step.object_id is None or step.relation is None:
        return ()
    return (Fact(step.relation, (step.object_id, step.target_id or TABLE)),)


def _unknown(fact: Fact, scene: SceneState) -> str:
    names = fact.args if fact.predicate is not Predicate.AT_SIDE else fact.args[:1]
    unseen = [name for name in names if name != TABLE and scene.find(name) is None]
    return f"{unseen[0]} is not seen" if unseen else "the table is not seen"
