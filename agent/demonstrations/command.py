"""`verbot record`: options to a dataset of demonstrations, its progress on stderr, its exit code.

In:  the options that were given, by their names in RecordConfig.
Out: 0 every task has its episodes; 1 some lack, or the disk is full; 130 interrupted. All that was finished is kept.
Bad input raises ValueError, which the door turns into one line and exit code 2.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from ..config import ConfigError
from ..evaluation.workers import Health
from ..progress_bar import ProgressBar
from ..run_folder import RunFolder, make_run_folder
from .config import RecordConfig, make_record_config
from .record import (
    DATASET_FILE,
    EPISODES_FILE,
    RUN_JOB,
    Recording,
    RecordView,
    check_continues,
    describe,
    first_job,
    read_config,
    record,
)

EXIT_CODES = {"all": 0, "lacking": 1, "disk_full": 1, "interrupted": 130}


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """What concerns the command and not the dataset."""

    out: Path | None = None
    resume: bool = False
    quiet: bool = False
    run_job: str = RUN_JOB


def record_command(given: Mapping[str, Any], options: RecordOptions) -> tuple[int, dict[str, Any]]:
    """Record or go on; returns the exit code and the summary."""
    console = Console(stderr=True, highlight=False, quiet=options.quiet)
    config, folder = _open(given, options)
    view = RecordView() if options.quiet else ConsoleRecordView(console)
    result = record(config, folder, view=view, run_job=options.run_job)
    _tell(console, config, result, folder)
    if result.detail:
        print(f"verbot: {result.detail}", file=sys.stderr)
    return EXIT_CODES[result.stopped_by], result.summary


class ConsoleRecordView(RecordView):
    """One bar: episodes kept, how many failed and why, the workers' health, the time left."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: ProgressBar | None = None
        self._most = 0
        self._kept: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._bytes = 0

    def on_start(self, config: RecordConfig, lines: Sequence[Mapping[str, Any]]) -> None:
        """See RecordView."""
        self._most = config.episodes
        for line in lines:
            self._count(line)
        there = self._num_kept()
        self._console.print(
            f"[bold]{escape(config.suite_name)}[/]: {len(config.tasks)} tasks × {config.episodes} successful episodes "
            f"on {config.workers} workers" + (f", {there} of them already there" if there else "")
        )
        self._bar = ProgressBar(self._console, config.episodes * len(config.tasks), there)

    def on_line(self, line: Mapping[str, Any], health: Health) -> None:
        """See RecordView."""
        before = self._num_kept()
        self._count(line)
        if self._bar is not None:
            failed = f" · failed: {_counts(self._failures)}" if self._failures else ""
            text = f"kept, {self._bytes / 1e6:.0f} MB{escape(failed)} · {health.words}"
            self._bar.advance(text, self._num_kept() - before)
        if line["ended_by"] in ("hung", "crashed", "error", "policy_error"):
            detail = " ".join(str(line["detail"]).split())[:200]
            self._console.print(f"[yellow]{line['ended_by']}[/] {escape(line['key'])}: {escape(detail)}")

    def on_end(self) -> None:
        """See RecordView."""
        if self._bar is not None:
            self._bar.close()

    def _count(self, line: Mapping[str, Any]) -> None:
        if line["success"]:
            self._kept[line["task"]] += 1
            self._bytes += line["file"]["bytes"]
        else:
            self._failures[line["failure"]] += 1

    def _num_kept(self) -> int:
        return sum(min(num, self._most) for num in self._kept.values())


def _open(given: Mapping[str, Any], options: RecordOptions) -> tuple[RecordConfig, RunFolder]:
    if options.resume:
        return _reopen(given, options)
    config = make_record_config(**given)
    if options.out is not None and any((options.out / name).exists() for name in (DATASET_FILE, EPISODES_FILE)):
        raise ConfigError(
            f"{options.out} already holds a recording. Add --resume to go on with it, or give another --out."
        )
    first_job(config, options.out or Path("runs"))  # what is wrong is told before a folder is made
    describe(config)
    return config, make_run_folder(f"record-{config.suite_name}", options.out)


def _reopen(given: Mapping[str, Any], options: RecordOptions) -> tuple[RecordConfig, RunFolder]:
    path = options.out or Path("runs") / "latest"
    stored = read_config(path)
    again = dict(given)
    if again.get("suite") == (stored.suite_file or stored.suite_name):
        del again["suite"]
    if "suite" in again:  # another suite: resolved like at the beginning, then compared
        again |= {k: v for k, v in make_record_config(**again).model_dump().items() if k.startswith("suite")}
    config = make_record_config(**{**stored.model_dump(exclude_none=True), **again})
    check_continues(stored, config)
    return config, make_run_folder(config.suite_name, path)


def _tell(console: Console, config: RecordConfig, result: Recording, folder: RunFolder) -> None:
    """A line for each task."""
    width = max(map(len, config.tasks))
    for task, row in result.summary["tasks"].items():
        size = f"  {row['mean_bytes'] / 1e6:.1f} MB, {row['cpu_s_per_kept']:.1f} CPU s each" if row["kept"] else ""
        failed = f"  [dim]failed: {escape(_counts(row['failures']))}[/]" if row["failures"] else ""
        console.print(
            f"{escape(task):<{width}}  [bold]{row['kept']}[/] kept of {row['tried']} played{size}{failed}",
            soft_wrap=True,
        )
    console.print(f"[dim]dataset[/] {escape(str(folder.path))}", soft_wrap=True)


def _counts(failures: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in failures.items())
