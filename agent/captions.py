"""What a film says below its pictures.

In:  the events of a run (it is an Observer).
Out: captions, each from its time on.
"""

from __future__ import annotations

from ..planning.types import PlanStep, Problem, Task, Trajectory, Verdict
from .observers import Observer


class Captions(Observer):
    """What was asked, what the arm is about, what went wrong."""

    def __init__(self) -> None:
        self.captions: list[tuple[float, str]] = [(0.0, "looking")]

    def on_command(self, command: str, time_s: float) -> None:
        """The film says what was asked next."""
        self.captions.append((time_s, f"“{command}”"))

    def on_task(self, task: Task | Problem) -> None:
        """A problem is a caption too."""
        if isinstance(task, Problem):
            self.captions.append((0.0, task.message))

    def on_step(self, step: PlanStep, trajectory: Trajectory, verdict: Verdict, time_s: float) -> None:
        """The film says what the arm is about."""
        self.captions.append((time_s, step.reason if verdict.allowed else f"refused: {step.reason}"))
