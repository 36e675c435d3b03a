"""What the runtime asks of those who think for it: planner, guard and monitor.

In:  sentences, scenes, trajectories, frames.
Out: tasks, plans, verdicts, outcomes. The robot's own protocol is in robot.py, the policy's in policies/policy.py.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from ..perception.types import SceneState, SensorFrame
from ..planning.types import NoMotion, Outcome, Plan, PlanStep, Problem, Task, Trajectory, Verdict


@runtime_checkable
class Planning(Protocol):
    """What the runtime asks of a planner; planning.planner.Planner is one."""

    def reset(self) -> None:
        """Start an episode."""
        ...

    def read(self, command: str) -> Problem | None:
        """What is wrong with the sentence alone, before anything is looked at."""
        ...

    def understand(self, command: str, scene: SceneState) -> Task | Problem:
        """Sentence and scene to goal facts."""
        ...

    def revise(self, task: Task, scene: SceneState, plan: Plan | None, outcome: Outcome | None) -> Plan:
        """The plan from here on."""
        ...


@runtime_checkable
class Guarding(Protocol):
    """What the runtime asks of a guard; planning.guard.Guard is one."""

    def check(self, trajectory: Trajectory, scene: SceneState, task: Task, step: PlanStep) -> Verdict:
        """Every rule over one trajectory."""
        ...


@runtime_checkable
class Monitoring(Protocol):
    """What the runtime asks of a monitor; planning.monitor.Monitor is one."""

    def start(self, step: PlanStep, trajectory: Trajectory) -> None:
        """A motion begins."""
        ...

    def lost(self, frame: SensorFrame, elapsed_s: float) -> str | None:
        """Why the motion must be broken off now (the object slipped out), or None."""
        ...

    def outcome(self, step: PlanStep, scene: SceneState, result: Verdict | NoMotion, broken_off: str | None) -> Outcome:
        """What became of a step, seen in the scene after it."""
        ...
