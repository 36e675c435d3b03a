"""A bar on stderr for many episodes: how many, what is told of them, how long it will take.

Plain lines, about twenty in all, where stderr is no terminal.
"""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from .stopwatch import Stopwatch

NUM_PLAIN_LINES = 20


class ProgressBar:
    """`total` things, of which `known` are there already; times only what is done from now on."""

    def __init__(self, console: Console, total: int, known: int) -> None:
        self._console, self._total, self._known = console, total, known
        self._watch, self._done = Stopwatch(), 0
        self._bar: Progress | None = None
        self._bar_id: TaskID | None = None
        if console.is_terminal:
            columns = (BarColumn(24), TextColumn("{task.completed}/{task.total}"), TextColumn("{task.description}"))
            self._bar = Progress(*columns, console=console, transient=True)
            self._bar.start()
            self._bar_id = self._bar.add_task("", total=total, completed=known)

    def advance(self, text: str, done: int = 1) -> None:
        """So many more are done (0: something else has happened); `text` is markup."""
        self._done += done
        num = self._known + self._done
        line = f"{text}{self._time_left()}"
        if self._bar is not None and self._bar_id is not None:
            self._bar.update(self._bar_id, completed=num, description=line)
        elif done and (num == self._total or self._done % max(1, self._total // NUM_PLAIN_LINES) == 0):
            self._console.print(f"{num}/{self._total} {line}", soft_wrap=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _time_left(self) -> str:
        left = self._total - self._known - self._done
        if left <= 0 or not self._done:
            return ""
        seconds = self._watch.since_start_s() / self._done * left
        return f" · {seconds / 60:.0f} min left" if seconds >= 90 else f" · {seconds:.0f} s left"
