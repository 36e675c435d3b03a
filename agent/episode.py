"""One episode from a RunConfig to an EpisodeResult: build, run, judge, write down.

The judge (simulator truth where there is one) is asked only after the run and tells nothing to it.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..perception.types import SceneState
from ..planning.feasibility import lasting_facts
from ..planning.planner import Planner
from ..planning.relations import evaluate
from ..planning.types import Fact, Finding, Problem, ProblemKind, Task, Verdict
from .assignment import Assignment, Expected, Sentence
from .build import Parts, build_parts
from .config import RunConfig
from .observers import Observer
from .plugins import distribution_of, split_name
from .recorder import rounded
from .recording import RecordedRobot
from .refusal import judge_refusal, refused_by, unsafe_events
from .robot import Robot
from .runtime import EndedBy, RunRecord, Runtime, StepRecord
from .stopwatch import Stopwatch
from .turns import Turn, commands_to_list, join_scores

SCHEMA = "verbot-result/1"
REST_S = 0.5
"""Truth is judged this much after the end …"""
MAX_REST_S = 3.0
"""… or as much later as something still moves: a full tray may creep for the two seconds after which it sleeps."""
PACKAGES = ("verbot", "torch", "numpy", "open3d-cpu", "open3d", "pybullet", "pin", "ompl", "ruckig", "av")


@dataclass(frozen=True, slots=True)
class EpisodeResult:
    """What became of one command: the run's record, and the JSON that is written."""

    record: RunRecord
    values: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def success(self) -> bool:
        """Judged on truth where there is a simulator, else as perceived."""
        return bool(self.values["success"])


class Episode:
    """Built parts and one run of them; a context manager, so that the robot is always released."""

    def __init__(
        self,
        config: RunConfig,
        *,
        stopwatch: Stopwatch | None = None,
        stage: Callable[[int], Any] | None = None,
        film_hz: float = 0.0,
        record_to: Path | None = None,
        tap: Callable[[Robot], Robot] | None = None,
        is_interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        self.config = config
        self._is_interrupted = is_interrupted
        self.stopwatch = stopwatch or Stopwatch(config.latency)
        with self.stopwatch.stage("build"):
            self.parts: Parts = build_parts(config, stage=stage, film_hz=film_hz)
        robot = self.parts.robot
        if tap is not None:  # notes what goes by and changes nothing
            robot = tap(robot)
        self._driven: Robot = (
            robot
            if record_to is None
            else RecordedRobot(
                robot, record_to, config.command, self.parts.keep_out, self.parts.fixtures, self.parts.looks
            )
        )

    def __enter__(self) -> Episode:
        return self

    def __exit__(self, *_: object) -> None:
        self._driven.close()

    def run(self, observer: Observer | None = None, assignment: Assignment | None = None) -> EpisodeResult:
        """Run the command (or the sentences that a suite assigns) once, each judged when it has ended.

        After a sentence that was not done the rest is not said.
        """
        config = self.config
        assignment = assignment or Assignment((Sentence(config.command),))
        runtime = self._make_runtime(observer, assignment)
        turns: list[Turn] = []
        for index, sentence in enumerate(assignment.sentences):
            record = self._say(sentence.command, runtime, observer or Observer(), is_first=index == 0)
            end_s = self.parts.robot.time_s
            if index + 1 < len(assignment.sentences) and record.scene is not None:
                runtime.rest(REST_S)
            score = self._judge(record, sentence.goal, end_s)
            if sentence.expected is Expected.REFUSE:
                score = judge_refusal(record, score)
            turns.append(Turn(sentence, record, score))
            if not turns[-1].score["success"]:
                break
        return EpisodeResult(turns[-1].record, self._values(turns, assignment))

    def _say(self, command: str, runtime: Runtime, observer: Observer, *, is_first: bool) -> RunRecord:
        if is_first:
            return runtime.run(command, self.config.seed)
        if judge := getattr(self.parts.robot, "judge", None):
            judge.mark()
        observer.on_command(command, self.parts.robot.time_s)
        return runtime.go_on(command, self.config.seed)

    def _make_runtime(self, observer: Observer | None, assignment: Assignment) -> Runtime:
        parts, config = self.parts, self.config
        return Runtime(
            self._driven,
            parts.perceiver,
            parts.planner,
            parts.policy,
            parts.guard,
            parts.monitor,
            parts.model if parts.is_rehearsable else None,
            stopwatch=self.stopwatch,
            observer=observer,
            speed=config.speed,
            deadline_s=config.deadline_s,
            look_hz=config.look_hz,
            max_steps=config.max_steps or assignment.max_steps,
            constraints=parts.constraints,
            is_interrupted=self._is_interrupted,
        )

    def _judge(self, record: RunRecord, goal: tuple[Fact, ...] | None, end_s: float) -> dict[str, Any]:
        """The score that counts (truth where there is a simulator), and what each of both judges says."""
        perceived = _perceived_score(record)
        judges = {"success_truth": None, "success_perceived": perceived["success"], "gripped": [], "goal_objects": []}
        judge = getattr(self.parts.robot, "judge", None)
        if judge is None:
            return {**perceived, **judges}
        if record.scene is None:  # the sentence alone was wrong; nothing was looked at or moved
            return {**perceived, **judges, "success_truth": False}
        given = None if goal is None else [(goal, dict[str, str]())]
        goals = given or goals_on_truth(record.command, judge.start_scene, self.parts.planner)
        # What still turns comes to rest, and what will fall has fallen; the robot's part of the time ended before.
        if self.parts.robot.time_s < end_s + REST_S:
            self.parts.robot.read(end_s + REST_S, images=False)
        while not judge.is_at_rest and self.parts.robot.time_s < end_s + MAX_REST_S:
            self.parts.robot.read(self.parts.robot.time_s + REST_S / 2, images=False)
        scores = [judge.score(goal, names) for goal, names in goals]
        best = max(range(len(goals)), key=lambda n: (scores[n].success, scores[n].score))
        goal, score = goals[best][0], {**_score_to_dict(scores[best]), "time_s": rounded(end_s)}
        judges["gripped"] = list(getattr(judge, "gripped", ()))
        judges["goal_objects"] = list(dict.fromkeys(fact.args[0] for fact in goal))
        return {**score, **judges, "success_truth": score["success"]}

    def _values(self, turns: Sequence[Turn], assignment: Assignment) -> dict[str, Any]:
        config, record = self.config, turns[-1].record
        task, score = record.task, join_scores(turns, len(assignment.sentences))
        steps = [step for turn in turns for step in turn.record.steps]
        return {
            "schema": SCHEMA,
            "command": turns[0].record.command,
            "task": None if task is None else _task_to_dict(task),
            "problem": None if record.problem is None else _problem_to_dict(record.problem),
            "mode": config.mode,
            "policy": config.policy,
            "robot": config.robot,
            "scene": config.scene,
            "faults": config.faults,
            "fault_events": [event.to_dict() for event in getattr(self.parts.robot, "fault_events", ())],
            "seed": config.seed,
            "success": bool(score["success"]),
            "success_truth": score["success_truth"],
            "success_perceived": score["success_perceived"],
            "score": score["score"],
            "score_source": score["source"],
            "criteria": score["criteria"],
            "gripped": score["gripped"],
            "goal_objects": score["goal_objects"],
            "expected": turns[-1].sentence.expected.value,
            "refused_by": refused_by(record),
            "unsafe": unsafe_events(score["violations"]),
            "ended_by": None if record.ended_by is None else record.ended_by.value,
            "detail": record.detail,
            "notes": [note for turn in turns for note in turn.record.notes],
            "max_steps": config.max_steps or assignment.max_steps,
            "commands": commands_to_list(turns, assignment),
            "steps": [step_to_dict(s, config.policy) for s in steps],
            "verdicts": [verdict_to_dict(s.verdict) for s in steps if s.verdict is not None],
            "replans": sum(turn.record.plan.replans for turn in turns if turn.record.plan),
            "violations": score["violations"],
            "time_s": score["time_s"],
            "path_length_m": score["path_length_m"],
            "timings_s": {name: rounded(value, 4) for name, value in self.stopwatch.timings_s.items()},
            "perceiver": config.perceiver,
            "perceiver_is_oracle": bool(getattr(self.parts.perceiver, "is_oracle", False)),
            "versions": versions(config),
        }


def goals_on_truth(command: str, truth: SceneState, planner: Planner) -> list[tuple[tuple[Fact, ...], dict[str, str]]]:
    """What the sentence may mean in the scene as it truly was, with names; an empty goal when it means nothing there.

    Where it leaves a choice ("a block"), what holds already is nobody's choice.
    """
    # What a later "then" undoes on purpose is not judged at the end.
    goals = [(lasting_facts(task.stages), task.names) for task in planner.meanings(command, truth)]
    open_ones = [goal for goal in goals if not all(evaluate(fact, truth).value for fact in goal[0])]
    return open_ones or goals or [((), {})]


def versions(config: RunConfig) -> dict[str, str]:
    """Versions of what decides a result, and who offers the plug-ins in use."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    for kind, name in (("robots", config.robot), ("policies", config.policy), ("perceivers", config.perceiver)):
        found[f"{kind}:{name}"] = distribution_of(kind, split_name(name)[0])
    return found


def step_to_dict(record: StepRecord, policy: str) -> dict[str, Any]:
    """One step for people and programs."""
    step = record.step
    return {
        "action": str(step),
        "reason": step.reason,
        "source": policy,
        "confidence": rounded(record.confidence, 4),
        "attempt": step.attempt,
        "verdict": None if record.verdict is None else ("allowed" if record.verdict.allowed else "refused"),
        "outcome": record.outcome.kind.value,
        "no_motion": None if record.outcome.no_motion is None else record.outcome.no_motion.reason.value,
        "detail": record.outcome.detail,
        "start_s": rounded(record.start_s),
        "end_s": rounded(record.end_s),
        "motion_s": rounded(record.trajectory.duration_s) if record.trajectory else None,
        "target_pose_world": rounded(record.trajectory.target_pose_world) if record.trajectory else None,
    }


def verdict_to_dict(verdict: Verdict) -> dict[str, Any]:
    """Every rule's finding."""
    return {"allowed": verdict.allowed, "findings": [_finding_to_dict(f) for f in verdict.findings]}


def _finding_to_dict(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "ruling": finding.ruling.value,
        "margin": rounded(finding.margin),
        "unit": finding.unit,
        "time_s": rounded(finding.time_s),
        "reason": finding.reason,
    }


def _task_to_dict(task: Task) -> dict[str, Any]:
    return {
        "goal": [str(fact) for fact in task.goal],
        "stages": [[str(fact) for fact in stage] for stage in task.stages],
        "constraints": list(task.constraints),
        "names": dict(task.names),
        "taken": [{"phrase": t.phrase, "means": t.means, "score": rounded(t.score)} for t in task.taken],
    }


def _problem_to_dict(problem: Problem) -> dict[str, Any]:
    return {"kind": problem.kind.value, "message": problem.message, "candidates": list(problem.candidates)}


def _score_to_dict(score: Any) -> dict[str, Any]:
    """A judge's Score (ours or another simulator's) as JSON."""
    return {
        "success": score.success,
        "score": rounded(score.score),
        "source": score.source,
        "criteria": [{k: _plain(v) for k, v in asdict(c).items()} for c in score.criteria],
        "violations": [{k: _plain(v) for k, v in asdict(v).items()} for v in score.violations],
        "time_s": rounded(score.time_s),
        "path_length_m": rounded(score.path_length_m),
    }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    return str(value) if isinstance(value, str) else rounded(value)


def _perceived_score(record: RunRecord) -> dict[str, Any]:
    """Without a simulator the goal is judged as it is seen, which a result says."""
    goal = lasting_facts(record.task.stages) if record.task else ()
    happened = record.plan.happened if record.plan else frozenset[Fact]()
    beliefs = [evaluate(fact, record.scene) for fact in goal] if record.scene else []
    beliefs = [replace(b, value=True, confidence=1.0) if b.fact in happened else b for b in beliefs]
    met = [b.value is True for b in beliefs]
    return {
        "success": record.ended_by is EndedBy.DONE and bool(met) and all(met),
        "score": rounded(sum(met) / len(met)) if met else 0.0,
        "source": "perceived",
        "criteria": [
            {
                "name": str(b.fact),
                "met": b.value is True,
                "value": float(b.value is True),
                "margin_m": rounded(b.margin_m),
                "reason": "as seen at the end",
            }
            for b in beliefs
        ],
        "violations": [],
        "time_s": rounded(record.steps[-1].end_s) if record.steps else 0.0,
        "path_length_m": None,
    }


def exit_code(result: EpisodeResult) -> int:
    """0 succeeded, 1 failed, 2 bad input, 3 refused by a rule, 4 needs an answer, 130 interrupted."""
    record = result.record
    if record.problem is not None:
        return 4 if record.problem.kind is ProblemKind.AMBIGUOUS else 2
    if record.ended_by is EndedBy.REFUSED:
        return 3
    if record.ended_by is EndedBy.INTERRUPTED:
        return 130
    return 0 if result.success and record.ended_by is EndedBy.DONE else 1
