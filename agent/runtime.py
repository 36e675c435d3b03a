"""The road: look, understand, rehearse, then plan, act, check, move, look again.

In:  a sentence, and a robot with its perceiver, planner, policy and guard.
Out: RunRecord: what was done step by step, with every verdict, and how it ended.

The robot has a clock and plays trajectories by itself; thinking is charged to that clock. Nothing in
here knows whether the robot is simulated, real or a recording.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ..perception.types import Perceiver, SceneState, SensorFrame
from ..planning.robot_model import RobotModel
from ..planning.tracking import TrackingWatch
from ..planning.types import (
    NoMotion,
    Outcome,
    Plan,
    PlanStatus,
    PlanStep,
    Problem,
    ProblemKind,
    Task,
    Trajectory,
    Verdict,
)
from ..policies.policy import Policy, PolicyInput
from .doubt import CONTESTED_LOOKS, HOLD_S, LOOK_AGAIN_S, why_blind, why_in_doubt, why_not_felt
from .observers import Observer
from .proposal import PolicyError, propose, reset_policy
from .protocols import Guarding, Monitoring, Planning
from .rehearsal import CheckedStep, rehearse_task
from .robot import Robot
from .stopwatch import Stopwatch

# Pictures taken before the arm came to rest are useless to the wrist camera; the delay of every sensor fits in.
SETTLE_S = 0.2
MONITOR_PERIOD_S = 0.1


class EndedBy(enum.StrEnum):
    """Why a run ended."""

    DONE = "done"
    PROBLEM = "problem"
    NO_PLAN = "no_plan"
    REFUSED = "refused"
    GAVE_UP = "gave_up"
    STEP_LIMIT = "step_limit"
    UNSURE = "unsure"
    DEADLINE = "deadline"
    INTERRUPTED = "interrupted"
    POLICY_ERROR = "policy_error"
    ROBOT_ERROR = "robot_error"


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step as it went: proposal, verdict, outcome. Times are the robot's."""

    step: PlanStep
    confidence: float | None
    verdict: Verdict | None
    outcome: Outcome
    start_s: float
    end_s: float
    trajectory: Trajectory | None = None


@dataclass(slots=True)
class RunRecord:
    """Filled while the run goes on, so that an interrupted one keeps what was done."""

    command: str
    task: Task | None = None
    problem: Problem | None = None
    plan: Plan | None = None
    scene: SceneState | None = None
    steps: list[StepRecord] = field(default_factory=list)
    ended_by: EndedBy | None = None
    detail: str = ""
    error: BaseException | None = None
    notes: list[str] = field(default_factory=list)
    """What the run had to do without, in words."""


class Runtime:
    """One robot's road from sentence to motion; with a `model` the whole plan is rehearsed before the first motion."""

    def __init__(
        self,
        robot: Robot,
        perceiver: Perceiver,
        planner: Planning,
        policy: Policy,
        guard: Guarding,
        monitor: Monitoring,
        model: RobotModel | None,
        *,
        stopwatch: Stopwatch | None = None,
        observer: Observer | None = None,
        speed: float = 1.0,
        deadline_s: float = 180.0,
        max_steps: int | None = None,
        look_hz: float = 0.0,
        constraints: tuple[str, ...] = (),
        is_interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        self._robot, self._perceiver, self._planner = robot, perceiver, planner
        self._policy, self._guard, self._monitor, self._model = policy, guard, monitor, model
        self._stopwatch = stopwatch or Stopwatch()
        self._observer = observer or Observer()
        self._speed = speed
        self._deadline_s = deadline_s
        self._max_steps = max_steps
        self._look_hz = look_hz
        self._start_s = 0.0
        self._is_blind = False
        self._rehearsed: tuple[SceneState, CheckedStep] | None = None
        self._constraints = constraints
        self._is_interrupted = is_interrupted

    def run(self, command: str, seed: int) -> RunRecord:
        """Drive the robot until the command is done, refused or impossible; always leaves it at rest."""
        return self._carry_out(command, seed, is_first=True)

    def go_on(self, command: str, seed: int) -> RunRecord:
        """Another sentence, in the world as the former one left it: nothing seen is forgotten."""
        return self._carry_out(command, seed, is_first=False)

    def rest(self, duration_s: float) -> None:
        """Let time pass between two sentences."""
        self._perceiver.update(self._robot.read(self._robot.time_s + duration_s, images=False))

    def _carry_out(self, command: str, seed: int, *, is_first: bool) -> RunRecord:
        record = RunRecord(command)
        try:
            self._drive(record, seed, is_first)
        except KeyboardInterrupt:
            record.ended_by, record.detail = EndedBy.INTERRUPTED, "interrupted; the arm was brought to rest"
        except PolicyError as fault:
            record.ended_by, record.detail, record.error = EndedBy.POLICY_ERROR, str(fault), fault.__cause__
        finally:
            self._come_to_rest()
        return record

    def _drive(self, record: RunRecord, seed: int, is_first: bool) -> None:
        self._planner.reset()
        reset_policy(self._policy, seed)
        if problem := self._planner.read(record.command):
            self._give_up(record, problem)
            return
        if is_first:
            self._begin(record, seed)
        self._start_s = self._robot.time_s
        frame, scene = self._look(record)
        if why_in_doubt(scene) or why_blind(scene):
            frame, scene, doubt = self._hold(frame, scene, record)
            if doubt is not None:
                record.ended_by, record.detail = EndedBy.UNSURE, f"held still: {doubt}"
                return
        with self._stopwatch.stage("plan"):
            task = self._planner.understand(record.command, scene)
        if isinstance(task, Problem):
            self._give_up(record, task, why_blind(scene))
            return
        # What the operator has declared binds everyone: policy and guard read it from the task.
        task = replace(task, constraints=(*task.constraints, *self._constraints))
        self._observer.on_task(task)
        record.task = task
        if self._model is not None and not self._rehearse(task, scene, record, self._model, seed):
            return
        plan: Plan | None = None
        outcome: Outcome | None = None
        while True:
            self._heed_interrupt()
            with self._stopwatch.stage("plan"):
                plan = self._planner.revise(task, scene, plan, outcome)
            record.plan = plan
            self._observer.on_plan(plan)
            if ended_by := self._end_reason(plan):
                record.ended_by, record.detail = ended_by, plan.detail
                return
            if self._max_steps is not None and _num_motions(record) >= self._max_steps:
                record.ended_by = EndedBy.STEP_LIMIT
                record.detail = f"{self._max_steps} motions were allowed and are used up"
                return
            frame, scene, doubt = self._hold(frame, scene, record)
            if doubt is not None:
                record.ended_by, record.detail = EndedBy.UNSURE, f"held still: {doubt}"
                return
            assert plan.current is not None  # a running plan has a current step
            frame, scene, outcome = self._take_step(frame, scene, task, plan.current, record)

    def _begin(self, record: RunRecord, seed: int) -> None:
        """A world of its own: nothing is known of it yet."""
        self._perceiver.reset()
        self._is_blind = False
        with self._stopwatch.stage("follow"):
            first = self._robot.reset(seed)
        self._perceive(first, record)

    def _give_up(self, record: RunRecord, problem: Problem, blind: str | None = None) -> None:
        """The command did not become a task; the robot has not moved.

        What a LiDAR alone does not find may be there all the same: that is no fault of the command.
        """
        if blind is not None and problem.kind is ProblemKind.NOT_PRESENT:
            record.ended_by, record.detail = EndedBy.UNSURE, f"by the LiDAR alone ({blind}): {problem.message}"
            return
        if blind is not None:
            problem = replace(problem, message=f"{problem.message} By the LiDAR alone: {blind}.")
        self._observer.on_task(problem)
        record.problem, record.ended_by, record.detail = problem, EndedBy.PROBLEM, problem.message

    def _rehearse(self, task: Task, scene: SceneState, record: RunRecord, model: RobotModel, seed: int) -> bool:
        """Think the whole task through before the first motion: what a rule refuses at the end is not begun."""
        with self._stopwatch.stage("rehearse"):
            checked = rehearse_task(task, scene, self._planner, self._policy, self._guard, model, self._speed)
        # What was only imagined teaches nothing: the run begins afresh.
        self._planner.reset()
        reset_policy(self._policy, seed)
        self._rehearsed = (scene, checked.steps[0]) if checked.steps else None
        ended_by = self._end_reason(checked.plan) if checked.plan else None
        # An imagined effect that stays unseen is no reason not to try.
        if ended_by not in (EndedBy.REFUSED, EndedBy.NO_PLAN) or checked.plan is None:
            return True
        now_s = self._robot.time_s
        record.plan, record.ended_by, record.detail = checked.plan, ended_by, checked.plan.detail
        record.steps += [_as_record(step, scene, now_s) for step in checked.steps if not step.allowed]
        self._observer.on_plan(checked.plan)
        return False

    def _take_step(
        self, frame: SensorFrame, scene: SceneState, task: Task, step: PlanStep, record: RunRecord
    ) -> tuple[SensorFrame, SceneState, Outcome]:
        """Propose, check, move, look."""
        start_s, confidence = self._robot.time_s, _confidence(step, scene)
        proposal, verdict = self._work_out(frame, scene, task, step)
        broken_off, trajectory = None, None
        if isinstance(proposal, Trajectory):
            assert verdict is not None  # every motion is checked
            trajectory = proposal
            self._observer.on_step(step, trajectory, verdict, start_s)
            if verdict.trajectory is not None:
                trajectory = verdict.trajectory
                broken_off = self._follow(trajectory, step, record)
                frame, scene = self._look(record)
        result = proposal if isinstance(proposal, NoMotion) else verdict
        assert result is not None
        outcome = self._monitor.outcome(step, scene, result, broken_off)
        self._observer.on_outcome(step, outcome.kind.value, outcome.detail, self._robot.time_s)
        record.steps.append(StepRecord(step, confidence, verdict, outcome, start_s, self._robot.time_s, trajectory))
        return frame, scene, outcome

    def _work_out(
        self, frame: SensorFrame, scene: SceneState, task: Task, step: PlanStep
    ) -> tuple[Trajectory | NoMotion, Verdict | None]:
        """The policy's motion and the guard's verdict; what was rehearsed in this very scene is known already."""
        if self._rehearsed is not None and self._rehearsed[0] is scene and self._rehearsed[1].step == step:
            known = self._rehearsed[1]
            if known.trajectory is not None and known.verdict is not None:
                return known.trajectory, known.verdict
        with self._stopwatch.stage("policy"):
            proposal = propose(self._policy, PolicyInput(frame, scene, task, step), self._speed)
        if isinstance(proposal, NoMotion):
            return proposal, None
        with self._stopwatch.stage("check"):
            return proposal, self._guard.check(proposal, scene, task, step)

    def _follow(self, trajectory: Trajectory, step: PlanStep, record: RunRecord) -> str | None:
        """Let the robot play; break off when the monitor says so. Returns why it was broken off."""
        self._heed_interrupt()
        start_s = self._robot.time_s + self._stopwatch.take_owed_s()
        try:
            self._robot.command(trajectory, start_s)
        except ValueError as refusal:  # encoders that lie put the motion's beginning elsewhere than the body is
            return f"the robot does not take the motion: {refusal}"
        self._monitor.start(step, trajectory)
        tracking = TrackingWatch(trajectory, start_s)
        end_s, looked_s = start_s + trajectory.duration_s, self._robot.time_s
        while self._robot.time_s < end_s:
            self._heed_interrupt()
            is_looking = self._look_hz > 0.0 and self._robot.time_s - looked_s >= 1.0 / self._look_hz - 1e-9
            with self._stopwatch.stage("follow"):
                until_s = min(self._robot.time_s + MONITOR_PERIOD_S, end_s)
                frame = self._robot.read(until_s, images=is_looking)
            looked_s = frame.time_s if is_looking else looked_s
            # What is seen on the way holds nobody up: it is fused while the arm moves.
            with self._stopwatch.stage("watch" if is_looking else "proprioception"):
                scene = self._perceiver.update(frame)
            record.scene = scene
            elapsed_s = frame.time_s - start_s
            self._observer.on_progress(step, min(1.0, elapsed_s / max(trajectory.duration_s, 1e-9)), scene)
            if elapsed_s <= 0:
                continue
            if reason := tracking.fault(frame) or why_not_felt(scene) or self._monitor.lost(frame, elapsed_s):
                self._come_to_rest()
                return reason
        return None

    def _hold(
        self, frame: SensorFrame, scene: SceneState, record: RunRecord
    ) -> tuple[SensorFrame, SceneState, str | None]:
        """In doubt nothing moves: look again until the sensors are back, or agree; the doubt that does not pass."""
        start_s = self._robot.time_s
        while True:
            doubt, blind, waited_s = why_in_doubt(scene), why_blind(scene), self._robot.time_s - start_s
            is_news = blind is not None and not self._is_blind
            is_less_sure = bool(scene.contradictions) or blind is not None
            patience_s = HOLD_S if doubt or is_news else CONTESTED_LOOKS * LOOK_AGAIN_S if is_less_sure else 0.0
            if waited_s > patience_s - 1e-9:
                if is_news and doubt is None:
                    record.notes.append(f"from {self._robot.time_s:.1f} s on by the LiDAR alone: {blind}")
                self._is_blind = blind is not None
                return frame, scene, doubt
            self._heed_interrupt()
            with self._stopwatch.stage("follow"):
                frame = self._robot.read(self._robot.time_s + LOOK_AGAIN_S)
            scene = self._perceive(frame, record)

    def _heed_interrupt(self) -> None:
        """Stop although the exception was swallowed: a library that calls back into Python may drop it."""
        if self._is_interrupted():
            raise KeyboardInterrupt

    def _look(self, record: RunRecord) -> tuple[SensorFrame, SceneState]:
        """Read with pictures once everything that is under way has arrived, and fuse it."""
        with self._stopwatch.stage("follow"):
            frame = self._robot.read(self._robot.time_s + SETTLE_S)
        return frame, self._perceive(frame, record)

    def _perceive(self, frame: SensorFrame, record: RunRecord) -> SceneState:
        with self._stopwatch.stage("perceive"):
            scene = self._perceiver.update(frame)
        record.scene = scene
        if frame.images or frame.scans:
            self._observer.on_scene(frame, scene)
        return scene

    def _come_to_rest(self) -> None:
        """Order the body's own stop and let it play out."""
        if not self._robot.is_moving:
            return
        self._robot.stop()
        while self._robot.is_moving:
            self._perceiver.update(self._robot.read(self._robot.time_s + MONITOR_PERIOD_S, images=False))

    def _end_reason(self, plan: Plan) -> EndedBy | None:
        ended = {
            PlanStatus.DONE: EndedBy.DONE,
            PlanStatus.NO_PLAN: EndedBy.NO_PLAN,
            PlanStatus.REFUSED: EndedBy.REFUSED,
            PlanStatus.GAVE_UP: EndedBy.GAVE_UP,
        }.get(plan.status)
        if ended is None and self._robot.time_s - self._start_s > self._deadline_s:
            return EndedBy.DEADLINE
        return ended


def _num_motions(record: RunRecord) -> int:
    """Motions that were begun."""
    return sum(step.verdict is not None and step.verdict.trajectory is not None for step in record.steps)


def _as_record(checked: CheckedStep, scene: SceneState, now_s: float) -> StepRecord:
    """A step that was found impossible in the rehearsal; nothing moved."""
    confidence = _confidence(checked.step, scene)
    return StepRecord(checked.step, confidence, checked.verdict, checked.outcome, now_s, now_s, checked.trajectory)


def _confidence(step: PlanStep, scene: SceneState) -> float | None:
    """How sure perception is that the step's objects exist: the least of them; None for a look."""
    seen = [scene.find(name) for name in (step.object_id, step.target_id) if name]
    return min((o.existence for o in seen if o is not None), default=None)
