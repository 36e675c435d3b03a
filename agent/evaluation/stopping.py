"""When to stop early: as soon as every policy under test is known within the width that was asked for.

In:  records in the order of the jobs, however they ended.
Out: how many of them count. Counted in that one order, the answer is the same for any number of workers;
     what was run beyond it is kept in the file and left out of the summary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .jobs import Job
from .sequential import RateSequence

CONFIDENCE = 0.95


class StoppingRule:
    """Fed with records out of order; looks at them in order. Without a width it never stops."""

    def __init__(self, width: float | None, jobs: Sequence[Job]) -> None:
        self._width = width
        self._order = {job.key: number for number, job in enumerate(jobs)}
        self._tested = {(j.group.policy, j.group.perceiver) for j in jobs if j.group.control is None}
        self._waiting: dict[int, Mapping[str, Any]] = {}
        self._sequences: dict[tuple[str, str], RateSequence] = {}
        self.num_counted = 0
        self.is_done = False

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in one more."""
        self._waiting[self._order[record["key"]]] = record
        while not self.is_done and self.num_counted in self._waiting:
            self._count(self._waiting.pop(self.num_counted))

    def _count(self, record: Mapping[str, Any]) -> None:
        self.num_counted += 1
        if self._width is None or record["control"] is not None:
            return
        name = (record["policy"], record["perceiver"])
        sequence = self._sequences.setdefault(name, RateSequence(self._width, CONFIDENCE))
        sequence.update(bool(record["success"]))
        is_known = [name in self._sequences and self._sequences[name].is_done for name in self._tested]
        self.is_done = all(is_known)


def most_episodes(width: float) -> int:
    """How many the rule takes at the rate that is hardest to know, one half."""
    sequence, num = RateSequence(width, CONFIDENCE), 0
    while not sequence.is_done:
        sequence.update(num % 2 == 0)
        num += 1
    return num


def always_valid_interval(successes: Sequence[bool], width: float) -> tuple[float, float]:
    """The interval of a rate that holds although the data decided when to stop."""
    sequence = RateSequence(width, CONFIDENCE)
    for success in successes:
        sequence.update(bool(success))
    low, high = sequence.interval
    return float(low), float(high)
