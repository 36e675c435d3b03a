"""Which episodes are still to be played, so that every task has its number of successes.

In:  how each played episode ended, in whatever order.
Out: jobs, each only once it is certain to be needed: a seed is handed out when its task would lack successes even if
all that are being played succeed. So the episodes played are those up to the last success needed, and no others,
for any number of workers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..evaluation.jobs import Job


class SeedQueue(Iterator[Job]):
    """Jobs task by task in turn. It may have none now and more again when a failure was noted."""

    def __init__(self, first: Job, tasks: Sequence[str], episodes: int, seeds: range) -> None:
        self._first, self._episodes, self._seeds = first, episodes, seeds
        self._rows = {task: _Row() for task in tasks}
        self._known: dict[str, bool] = {}

    def note_known(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """What a former part of the recording has left; asked before the first job."""
        self._known = {line["key"]: bool(line["success"]) for line in lines}

    def note(self, line: Mapping[str, Any]) -> None:
        """An episode has ended."""
        row = self._rows[line["task"]]
        row.playing -= 1
        row.successes += bool(line["success"])

    def lacks(self, task: str) -> int:
        """How many successes the task lacks."""
        return max(0, self._episodes - self._rows[task].successes)

    def __next__(self) -> Job:
        for task in sorted(self._rows, key=lambda task: self._rows[task].handed):
            if (job := self._next_of(task)) is not None:
                return job
        raise StopIteration

    def _next_of(self, task: str) -> Job | None:
        row = self._rows[task]
        while row.successes + row.playing < self._episodes and row.handed < len(self._seeds):
            job = replace(self._first, task=task, seed=self._seeds[row.handed])
            row.handed += 1
            if (success := self._known.get(job.key)) is None:
                row.playing += 1
                return job
            row.successes += success
        return None


class _Row:
    """One task: seeds handed out so far, episodes being played, successes."""

    def __init__(self) -> None:
        self.handed = self.playing = self.successes = 0
