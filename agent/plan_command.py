"""`verbot plan` and `--dry-run`: one look, then the whole plan worked out and checked; nothing moves."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape

from ..planning.types import PlanStatus, ProblemKind
from .build import build_parts
from .config import RunConfig
from .episode import verdict_to_dict
from .recorder import rounded
from .rehearsal import CheckedPlan, rehearse
from .runtime import SETTLE_S


def plan_command(config: RunConfig) -> CheckedPlan:
    """Look once with the robot's sensors and rehearse the command."""
    parts = build_parts(config)
    try:
        parts.perceiver.reset()
        parts.perceiver.update(parts.robot.reset(config.seed))
        scene = parts.perceiver.update(parts.robot.read(parts.robot.time_s + SETTLE_S))
        return rehearse(
            config.command,
            scene,
            parts.planner,
            parts.policy,
            parts.guard,
            parts.model,
            seed=config.seed,
            constraints=parts.constraints,
        )
    finally:
        parts.robot.close()


def exit_code_of_plan(checked: CheckedPlan) -> int:
    """0 a checked plan that reaches the goal, 1 none, 2 bad input, 3 refused, 4 needs an answer."""
    if checked.problem is not None:
        return 4 if checked.problem.kind is ProblemKind.AMBIGUOUS else 2
    if checked.plan is not None and checked.plan.status is PlanStatus.REFUSED:
        return 3
    return 0 if checked.plan is not None and checked.plan.status is PlanStatus.DONE else 1


def tell_plan(console: Console, checked: CheckedPlan) -> None:
    """Lines for a person."""
    if checked.problem is not None:
        console.print(f"[red]cannot[/] {escape(checked.problem.message)}", soft_wrap=True)
        return
    assert checked.task is not None  # no problem, so there is a task
    for taken in checked.task.taken:
        console.print(f'[dim]taken[/]  "{escape(taken.phrase)}" for {escape(taken.means)} ({taken.score:.2f})')
    console.print(f"[dim]goal[/]   {escape('; '.join(_named(str(f), checked) for f in checked.task.goal))}")
    for number, step in enumerate(checked.steps, 1):
        ruling = "[green]allowed[/]" if step.allowed else f"[red]no[/] {escape(step.refusal)}"
        console.print(f"[dim]{number:>4}[/]   {escape(step.step.reason)}  {ruling}", soft_wrap=True)
    if checked.plan is not None and checked.plan.status is not PlanStatus.DONE:
        console.print(f"[red]no plan[/] {escape(checked.plan.detail)}", soft_wrap=True)


def plan_to_dict(checked: CheckedPlan, config: RunConfig) -> dict[str, Any]:
    """JSON: goal facts, steps with reasons, poses, verdicts."""
    return {
        "schema": "verbot-plan/1",
        "command": checked.command,
        "scene": config.scene,
        "seed": config.seed,
        "task": None
        if checked.task is None
        else {
            "goal": [str(f) for f in checked.task.goal],
            "names": checked.task.names,
            "taken": [{"phrase": t.phrase, "means": t.means, "score": rounded(t.score)} for t in checked.task.taken],
        },
        "problem": None
        if checked.problem is None
        else {
            "kind": checked.problem.kind.value,
            "message": checked.problem.message,
            "candidates": list(checked.problem.candidates),
        },
        "status": None if checked.plan is None else checked.plan.status.value,
        "steps": [
            {
                "action": str(step.step),
                "reason": step.step.reason,
                "allowed": step.allowed,
                "refusal": step.refusal,
                "motion_s": rounded(step.trajectory.duration_s) if step.trajectory else None,
                "target_pose_world": rounded(step.target_pose_world),
                "verdict": None if step.verdict is None else verdict_to_dict(step.verdict),
            }
            for step in checked.steps
        ],
    }


def _named(fact: str, checked: CheckedPlan) -> str:
    assert checked.task is not None
    for name, words in sorted(checked.task.names.items(), key=lambda pair: -len(pair[0])):
        fact = fact.replace(name, words)
    return fact
