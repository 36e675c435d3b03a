"""What a person sees on stderr while an evaluation runs; plain lines where stderr is no terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from ..progress_bar import ProgressBar
from .config import EvalConfig
from .episodes_needed import for_width
from .jobs import Job
from .rates import wilson_interval
from .sequential import RateSequence
from .workers import Health

GOOD_WIDTH = 0.10


class EvaluationView:
    """Shows nothing; what an evaluation tells while it runs."""

    def on_start(self, config: EvalConfig, jobs: Sequence[Job], known: Sequence[Mapping[str, Any]]) -> None:
        """The jobs are planned; `known` is what a former part has left."""

    def on_record(self, record: Mapping[str, Any], health: Health) -> None:
        """An episode is on disk."""

    def on_end(self) -> None:
        """No more will come."""


class ConsoleView(EvaluationView):
    """One bar with success so far, its interval, the time left and the workers' health."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: ProgressBar | None = None
        self._tallies: dict[tuple[str, str], list[int]] = {}
        self._width: float | None = None
        self._sequences: dict[tuple[str, str], RateSequence] = {}

    def on_start(self, config: EvalConfig, jobs: Sequence[Job], known: Sequence[Mapping[str, Any]]) -> None:
        """See EvaluationView."""
        self._width = config.until_ci
        num_each = config.episodes * len(config.tasks)
        low, high = wilson_interval(num_each // 2, num_each)
        self._console.print(
            f"[bold]{escape(config.suite_name)}[/]: {len(config.tasks)} tasks × {config.episodes} seeds × "
            f"{len({job.group for job in jobs})} groups (controls included) = {len(jobs)} episodes on "
            f"{config.workers} workers" + (f", {len(known)} of them already there" if known else "")
        )
        needed = for_width(GOOD_WIDTH)
        more = f"; ±{GOOD_WIDTH / 2:.0%} would need {needed}" if needed > num_each else ""
        self._console.print(
            f"[dim]{num_each} episodes a policy give its success rate to ±{(high - low) / 2:.1%} at worst{more}[/]"
        )
        for record in known:
            self._count(record)
        self._bar = ProgressBar(self._console, len(jobs), len(known))

    def on_record(self, record: Mapping[str, Any], health: Health) -> None:
        """See EvaluationView."""
        self._count(record)
        if self._bar is not None:
            self._bar.advance(f"{escape(self._successes())} · {health.words}")
        if record["ended_by"] in ("hung", "crashed", "error", "policy_error"):
            detail = " ".join(str(record["detail"]).split())[:200]
            self._console.print(f"[yellow]{record['ended_by']}[/] {escape(record['key'])}: {escape(detail)}")

    def on_end(self) -> None:
        """See EvaluationView."""
        if self._bar is not None:
            self._bar.close()

    def _count(self, record: Mapping[str, Any]) -> None:
        if record["control"] is None:
            name = (record["policy"], record["perceiver"])
            tally = self._tallies.setdefault(name, [0, 0])
            tally[0] += bool(record["success"])
            tally[1] += 1
            if self._width is not None:
                self._sequences.setdefault(name, RateSequence(self._width)).update(bool(record["success"]))

    def _successes(self) -> str:
        words = []
        for (policy, perceiver), (successes, num) in self._tallies.items():
            # Where looking decides when to stop, only an interval that bears being looked at is shown.
            sequence = self._sequences.get((policy, perceiver))
            low, high = wilson_interval(successes, num) if sequence is None else sequence.interval
            words.append(f"{policy}/{perceiver} {successes}/{num} {successes / num:.0%} ({low:.0%}–{high:.0%})")
        return ", ".join(words)
