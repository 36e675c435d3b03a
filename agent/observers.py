"""Who watches a run: progress on stderr, the recorder, a person's own observer. Watching never changes a run."""

from __future__ import annotations

from ..perception.types import SceneState, SensorFrame
from ..planning.types import Plan, PlanStep, Problem, Task, Trajectory, Verdict


class Observer:
    """Does nothing; override what you care about."""

    def on_scene(self, frame: SensorFrame, scene: SceneState) -> None:
        """A look was fused (images came)."""

    def on_command(self, command: str, time_s: float) -> None:
        """A further sentence was said, at the robot's `time_s`."""

    def on_task(self, task: Task | Problem) -> None:
        """The sentence was understood, or not."""

    def on_plan(self, plan: Plan) -> None:
        """The plan is new or has changed."""

    def on_step(self, step: PlanStep, trajectory: Trajectory, verdict: Verdict, time_s: float) -> None:
        """A checked motion is about to run (or was refused), at the robot's `time_s`."""

    def on_progress(self, step: PlanStep, fraction: float, scene: SceneState) -> None:
        """A motion is under way."""

    def on_outcome(self, step: PlanStep, kind: str, detail: str, time_s: float) -> None:
        """A step has ended."""


class Observers(Observer):
    """Passes everything on to each of several observers, in order."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def on_scene(self, frame: SensorFrame, scene: SceneState) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.on_scene(frame, scene)

    def on_command(self, command: str, time_s: float) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.on_command(command, time_s)

    def on_task(self, task: Task | Problem) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.on_task(task)

    def on_plan(self, plan: Plan) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.on_plan(plan)

    def on_step(self, step: PlanStep, trajectory: Trajectory, verdict: Verdict, time_s: float) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.on_step(step, trajectory, verdict, time_s)

    def on_progress(self, step: PlanStep, fraction: float, scene: SceneState) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.on_progress(step, fraction, scene)

    def on_outcome(self, step: PlanStep, kind: str, detail: str, time_s: float) -> None:
        """See Observer."""
        for observer in self._observers:
            observer.on_outcome(step, kind, detail, time_s)
