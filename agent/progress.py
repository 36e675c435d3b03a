"""What a person sees on stderr while a run goes on: steps as they are decided and done, with their times."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from ..perception.types import SceneState, SensorFrame
from ..planning.types import Plan, PlanStep, Problem, Task, Trajectory, Verdict
from .observers import Observer


class ProgressView(Observer):
    """Lines for what is settled, one bar for what moves. Plain lines where stderr is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._bar_id: TaskID | None = None
        self._number = 0
        self._shown_plan: tuple[str, ...] = ()
        self._has_seen = False

    def on_scene(self, frame: SensorFrame, scene: SceneState) -> None:
        """The first look is told."""
        if self._has_seen or not scene.objects:
            return
        self._has_seen = True
        things = ", ".join(f"{o.color} {o.shape.value}" for o in scene.objects)
        self._console.print(f"[dim]see[/]    {len(scene.objects)} objects: {escape(things)}")
        if scene.shares:
            made = ", ".join(f"{name} {share:.0%}" for name, share in scene.shares.items())
            self._console.print(f"[dim]by[/]     {escape(made)}")

    def on_task(self, task: Task | Problem) -> None:
        """What the sentence means."""
        if isinstance(task, Task):
            for taken in task.taken:
                told = f'"{taken.phrase}" for {taken.means} ({taken.score:.2f})'
                self._console.print(f"[dim]taken[/]  {escape(told)}")
            facts = [f"{f.predicate.value}({', '.join(task.names.get(a, a) for a in f.args)})" for f in task.goal]
            self._console.print(f"[dim]goal[/]   {escape('; '.join(facts))}")

    def on_plan(self, plan: Plan) -> None:
        """A new plan is shown once."""
        steps = tuple(step.reason for step in plan.steps[plan.index :])
        if plan.current is None or steps == self._shown_plan[-len(steps) :]:
            return
        word = "plan" if not self._shown_plan else "replan"
        self._shown_plan = steps
        self._console.print(
            f"[dim]{word:<6}[/] {escape(' → '.join(str(s.action.value) for s in plan.steps[plan.index :]))}"
        )

    def on_step(self, step: PlanStep, trajectory: Trajectory, verdict: Verdict, time_s: float) -> None:
        """A motion begins or is refused."""
        self._number += 1
        if not verdict.allowed:
            return  # its outcome follows at once and says why
        if self._console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(30), TextColumn("{task.fields[sim_s]}"))
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.start()
            self._bar_id = self._bar.add_task(f"{self._number:>4}   {escape(step.reason)}", total=1.0, sim_s="")

    def on_progress(self, step: PlanStep, fraction: float, scene: SceneState) -> None:
        """The bar moves."""
        if self._bar is not None and self._bar_id is not None:
            self._bar.update(self._bar_id, completed=fraction, sim_s=f"{scene.time_s:.1f} s")

    def on_outcome(self, step: PlanStep, kind: str, detail: str, time_s: float) -> None:
        """A step has ended."""
        self.close()
        color = {"done": "green", "refused": "red"}.get(kind, "yellow")
        tail = "" if kind == "done" else f" [dim]{escape(detail)}[/]"
        self._console.print(
            f"[dim]{self._number:>4}[/]   {escape(step.reason)} [{color}]{kind}[/] at {time_s:.1f} s{tail}"
        )

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
