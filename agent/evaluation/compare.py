"""`verbot compare RUN_A RUN_B`: whether B is worse than A, on the episodes that both ran.

In:  two runs (pairs.py says what makes a pair), a confidence, perhaps a margin.
Out: counts, difference with interval, p values, per task (Holm's correction over the tasks) and in all; a verdict.
Exit code 1 when B is significantly worse in all or on a task; with a margin instead when B is not shown to be at most
that much worse in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .bootstrap import mean_interval
from .multiple import holm
from .paired import cohens_g, difference_interval, mcnemar, non_inferiority
from .pairs import Pair, Side, load_side, make_pairs
from .rates import two_sided_z


class Verdict(StrEnum):
    """What the pairs show about B."""

    WORSE = "worse"
    BETTER = "better"
    NO_DIFFERENCE_SHOWN = "no_difference_shown"
    NON_INFERIOR = "non_inferior"
    NOT_SHOWN_NON_INFERIOR = "not_shown_non_inferior"


@dataclass(frozen=True, slots=True)
class Row:
    """One task, or all of them (`task` None). `difference` is B − A of the success rates; `p_holm` None in all.

    `score_difference` and its interval are None unless every pair has both scores.
    """

    suite: str | None
    task: str | None
    pairs: int
    both: int
    only_a: int
    only_b: int
    neither: int
    rate_a: float
    rate_b: float
    difference: float
    interval: tuple[float, float]
    cohens_g: float | None
    p: float
    p_holm: float | None
    score_difference: float | None
    score_interval: tuple[float, float] | None

    def is_significant(self, confidence: float) -> bool:
        """By the corrected p value where there is one."""
        return (self.p if self.p_holm is None else self.p_holm) <= 1.0 - confidence + 1e-12


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that two runs say about each other."""

    a: Side
    b: Side
    confidence: float
    margin: float | None
    total: Row
    tasks: tuple[Row, ...]
    only_in_a: int
    only_in_b: int
    p_non_inferiority: float | None
    verdict: Verdict

    @property
    def exit_code(self) -> int:
        """1 where CI must stop."""
        return int(self.verdict in (Verdict.WORSE, Verdict.NOT_SHOWN_NON_INFERIOR))

    def to_dict(self) -> dict[str, Any]:
        """JSON, schema verbot-compare/1."""
        sides = {
            name: {
                "run": s.run,
                "policy": s.policy,
                "perceiver": s.perceiver,
                "mode": s.mode,
                "episodes": len(s.outcomes),
            }
            for name, s in (("a", self.a), ("b", self.b))
        }
        return {
            "schema": "verbot-compare/1",
            **sides,
            "judge": self.a.judge,
            "confidence": self.confidence,
            "margin": self.margin,
            "verdict": self.verdict.value,
            "p_non_inferiority": self.p_non_inferiority,
            "only_in_a": self.only_in_a,
            "only_in_b": self.only_in_b,
            "total": asdict(self.total),
            "tasks": [asdict(row) for row in self.tasks],
        }


def compare(run_a: str, run_b: str, confidence: float = 0.95, margin: float | None = None) -> Comparison:
    """Load, pair, test, judge.

    Raises:
        ValueError: bad input, in one line.
    """
    two_sided_z(confidence)  # raises here, before files are read
    if margin is not None and not 0.0 < margin < 1.0:
        raise ValueError(f"A margin of {margin:g} says nothing: expected between 0 and 1, for example 0.05.")
    a, b = load_side(run_a), load_side(run_b)
    pairs = make_pairs(a, b)
    total = _row(None, None, pairs, confidence)
    tasks = _task_rows(pairs, confidence)
    p_margin = None
    if margin is not None:
        p_margin = non_inferiority(total.both, total.only_a, total.only_b, total.neither, margin)
    verdict = _verdict(total, tasks, confidence, margin)
    num_a, num_b = len(a.outcomes) - len(pairs), len(b.outcomes) - len(pairs)
    return Comparison(a, b, confidence, margin, total, tasks, num_a, num_b, p_margin, verdict)


def tell_comparison(console: Console, found: Comparison) -> None:
    """A table for people, then the verdict in one sentence."""
    for name, side in (("A", found.a), ("B", found.b)):
        console.print(f"[dim]{name}[/] {escape(side.run)}  {escape(side.name)}", soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("task")
    for heading in ("pairs", "A", "B", "only A", "only B", "B − A", f"{found.confidence:.0%} interval", "p"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in (*found.tasks, found.total):
        table.add_row(*_cells(row, found.confidence))
    console.print(table)
    if len(found.tasks) > 1:
        console.print("[dim]p of the tasks is corrected for their number (Holm).[/]")
    if found.only_in_a or found.only_in_b:
        console.print(
            f"[yellow]left out[/] {found.only_in_a} episodes that only A has, {found.only_in_b} that only B has."
        )
    color = "red" if found.exit_code else "green"
    console.print(f"[{color}]{_sentence(found)}[/]", soft_wrap=True)


def _task_rows(pairs: Sequence[Pair], confidence: float) -> tuple[Row, ...]:
    names = sorted({(pair.suite, pair.task) for pair in pairs})
    rows = [_row(*name, [p for p in pairs if (p.suite, p.task) == name], confidence) for name in names]
    adjusted = holm([row.p for row in rows])
    return tuple(replace(row, p_holm=p) for row, p in zip(rows, adjusted, strict=True))


def _row(suite: str | None, task: str | None, pairs: Sequence[Pair], confidence: float) -> Row:
    kinds = [(pair.a.success, pair.b.success) for pair in pairs]
    both, only_a = kinds.count((True, True)), kinds.count((True, False))
    only_b, neither = kinds.count((False, True)), kinds.count((False, False))
    scores = [(p.a.score, p.b.score) for p in pairs]
    gaps = [b - a for a, b in scores if a is not None and b is not None]
    score_difference, score_interval = None, None
    if len(gaps) == len(pairs):
        score_difference = float(np.mean(gaps))
        # A difference lies in −1 to 1; the bootstrap wants 0 to 1.
        low, high = mean_interval((np.array(gaps) + 1.0) / 2.0, confidence=confidence)
        score_interval = (2.0 * low - 1.0, 2.0 * high - 1.0)
    return Row(
        suite=suite,
        task=task,
        pairs=len(pairs),
        both=both,
        only_a=only_a,
        only_b=only_b,
        neither=neither,
        rate_a=(both + only_a) / len(pairs),
        rate_b=(both + only_b) / len(pairs),
        difference=(only_b - only_a) / len(pairs),
        interval=difference_interval(both, only_a, only_b, neither, confidence),
        cohens_g=cohens_g(only_a, only_b),
        p=mcnemar(only_a, only_b),
        p_holm=None,
        score_difference=score_difference,
        score_interval=score_interval,
    )


def _verdict(total: Row, tasks: Sequence[Row], confidence: float, margin: float | None) -> Verdict:
    if margin is not None:
        is_shown = total.interval[0] > -margin
        return Verdict.NON_INFERIOR if is_shown else Verdict.NOT_SHOWN_NON_INFERIOR
    significant = [row for row in (total, *tasks) if row.is_significant(confidence)]
    if any(row.difference < 0.0 for row in significant):
        return Verdict.WORSE
    return Verdict.BETTER if significant else Verdict.NO_DIFFERENCE_SHOWN


def _cells(row: Row, confidence: float) -> tuple[str, ...]:
    name = "in all" if row.task is None else escape(f"{row.suite}/{row.task}")
    p = row.p if row.p_holm is None else row.p_holm
    text = "<0.001" if p < 0.001 else f"{p:.3f}"
    if row.is_significant(confidence):
        text = f"[bold {'red' if row.difference < 0 else 'green'}]{text}[/]"
    low, high = row.interval
    return (
        name, str(row.pairs), f"{row.rate_a:.1%}", f"{row.rate_b:.1%}", str(row.only_a), str(row.only_b),
        f"{row.difference:+.1%}", f"{low:+.1%} to {high:+.1%}", text,
    )  # fmt: skip


def _sentence(found: Comparison) -> str:
    low, high = found.total.interval
    extent = f"B − A is {found.total.difference:+.1%}, between {low:+.1%} and {high:+.1%}"
    worse = [row for row in found.tasks if row.difference < 0.0 and row.is_significant(found.confidence)]
    names = ", ".join(escape(f"{row.suite}/{row.task}") for row in worse)
    is_worse_in_all = found.total.difference < 0.0 and found.total.is_significant(found.confidence)
    where = f" B is significantly worse on {names}." if worse and is_worse_in_all else ""
    words = {
        Verdict.WORSE: "B is significantly worse." if is_worse_in_all else f"B is significantly worse on {names}.",
        Verdict.BETTER: "B is significantly better.",
        Verdict.NO_DIFFERENCE_SHOWN: "No difference is shown; that is no proof of equality (give --margin for one).",
        Verdict.NON_INFERIOR: f"B is at most {found.margin or 0:.1%} worse.",
        Verdict.NOT_SHOWN_NON_INFERIOR: f"It is not shown that B is at most {found.margin or 0:.1%} worse.",
    }
    return f"{words[found.verdict]} {extent}.{where}"
