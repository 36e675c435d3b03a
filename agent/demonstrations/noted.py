"""What an episode shows to a learner: looks with the scenes that were seen in them, and the steps that followed.

In:  the events of a run (it is an Observer).
Out: Look and Step values in order.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...perception.types import SceneState, SensorFrame
from ...planning.types import PlanStep, Problem, Task, Trajectory, Verdict
from ..observers import Observer


@dataclass(frozen=True, slots=True)
class Look:
    """The frame that was looked at in sentence number `turn`, and what was seen in it."""

    turn: int
    frame: SensorFrame
    scene: SceneState


@dataclass(slots=True)
class Step:
    """A motion that was begun: decided on at `decided_s` by look number `look`; `names` are words for object ids."""

    turn: int
    look: int
    step: PlanStep
    trajectory: Trajectory
    decided_s: float
    names: dict[str, str]
    outcome: str = ""
    end_s: float = 0.0


class Notes(Observer):
    """Keeps every look and every motion of one episode."""

    def __init__(self) -> None:
        self.looks: list[Look] = []
        self.steps: list[Step] = []
        self.tasks: list[Task] = []
        self._turn = 0
        self._open: Step | None = None

    def on_command(self, command: str, time_s: float) -> None:
        """The next sentence begins."""
        self._turn += 1

    def on_task(self, task: Task | Problem) -> None:
        """What the sentence was taken to mean."""
        if isinstance(task, Task):
            self.tasks.append(task)

    def on_scene(self, frame: SensorFrame, scene: SceneState) -> None:
        """A look."""
        self.looks.append(Look(self._turn, frame, scene))

    def on_step(self, step: PlanStep, trajectory: Trajectory, verdict: Verdict, time_s: float) -> None:
        """A motion begins, unless it was refused."""
        self._open = None
        if verdict.trajectory is not None:
            names = self.tasks[-1].names if self.tasks else {}
            self._open = Step(self._turn, len(self.looks) - 1, step, verdict.trajectory, time_s, names)
            self.steps.append(self._open)

    def on_outcome(self, step: PlanStep, kind: str, detail: str, time_s: float) -> None:
        """It has ended."""
        if self._open is not None:
            self._open.outcome, self._open.end_s = kind, time_s
            self._open = None
