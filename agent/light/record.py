"""`verbot record --light`: shards made by workers until all are there.

In:  LightConfig, a folder (new, or a recording of the same config that was cut off).
Out: the folder as policies/torch_scenes/table.py reads it; LightSummary.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ...policies.torch_scenes.table import list_shards
from ..config import ConfigError
from ..stopwatch import Stopwatch
from .config import LightConfig
from .header import make_cell, make_header, write_header
from .shards import make_shard


@dataclass(slots=True)
class LightSummary:
    """What was made now (`cpu_s` by part, of all workers), and how many shards were there before."""

    folder: str
    num_shards: int
    num_found: int
    num_episodes: int = 0
    num_keyframes: int = 0
    num_left_out: int = 0
    cpu_s: dict[str, float] = field(default_factory=dict[str, float])
    wall_s: float = 0.0

    @property
    def per_minute_and_core(self) -> float | None:
        """Episodes in a minute of CPU time; None when none was made."""
        total_s = sum(self.cpu_s.values())
        return 60.0 * self.num_episodes / total_s if self.num_episodes and total_s > 0.0 else None

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "episodes_per_cpu_minute": self.per_minute_and_core}

    def add(self, report: dict[str, Any]) -> None:
        """Count a shard in."""
        self.num_episodes += report["num_episodes"]
        self.num_keyframes += report["num_keyframes"]
        self.num_left_out += report["num_left_out"]
        for part, spent_s in report["cpu_s"].items():
            self.cpu_s[part] = self.cpu_s.get(part, 0.0) + spent_s


def record_light(
    config: LightConfig, folder: Path, *, is_resuming: bool = False, is_quiet: bool = False
) -> LightSummary:
    """Make every shard that is not there yet.

    Raises:
        ConfigError: the folder holds another recording, or one that was not to be continued; a worker died.
    """
    stopwatch = Stopwatch()
    _prepare(config, folder, is_resuming=is_resuming)
    present = set(list_shards(folder))
    missing = [number for number in range(config.num_shards) if number not in present]
    summary = LightSummary(str(folder), config.num_shards, len(present))
    columns = (TextColumn("[dim]record[/]"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[made]}"))
    console = Console(stderr=True, quiet=is_quiet)
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        bar = progress.add_task("record", total=config.num_shards, completed=len(present), made="")
        for report in _make(config, folder, missing):
            summary.add(report)
            rate = 60.0 * summary.num_episodes / max(stopwatch.since_start_s(), 1e-9)
            made = f"{summary.num_episodes} episodes, {summary.num_keyframes} keyframes, {rate:.0f} episodes/min"
            progress.update(bar, advance=1, made=made)
    summary.wall_s = stopwatch.since_start_s()
    return summary


def _prepare(config: LightConfig, folder: Path, *, is_resuming: bool) -> None:
    """Header and shapes, or the certainty that those which are there say the same."""
    header = folder / "header.json"
    if header.is_file() and not is_resuming:
        raise ConfigError(f"{folder} holds a recording already. Use --resume to go on with it, or another --out.")
    cell = make_cell(config)
    if not header.is_file():
        if folder.is_dir() and any(folder.glob("shard-*")):
            raise ConfigError(f"{folder} holds shards without a header. Give --out another folder.")
        folder.mkdir(parents=True, exist_ok=True)
        write_header(folder, config, cell)
        return
    stored = json.loads(header.read_text(encoding="utf-8"))
    wanted = json.loads(json.dumps(make_header(config, cell)))
    changed = [key for key, value in wanted.items() if stored.get(key) != value]
    if changed:
        raise ConfigError(
            f"{folder} was recorded with another {' and '.join(changed)}, expected the same. Use another --out."
        )


def _make(config: LightConfig, folder: Path, missing: list[int]) -> Iterator[dict[str, Any]]:
    """Reports as shards are done, each worker one shard at a time."""
    text = config.model_dump_json()
    if config.workers == 1 or len(missing) == 1:
        for number in missing:
            yield make_shard(text, str(folder), number)
        return
    context = multiprocessing.get_context("spawn")
    waiting = iter(missing)
    pool = ProcessPoolExecutor(min(config.workers, max(1, len(missing))), context, initializer=_use_one_thread)
    try:
        running: set[Future[dict[str, Any]]] = set()
        while True:
            while len(running) < config.workers and (number := next(waiting, None)) is not None:
                running.add(pool.submit(make_shard, text, str(folder), number))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    except BrokenProcessPool:
        raise ConfigError("A worker died (out of memory?). What is written stays; go on with --resume.") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _use_one_thread() -> None:
    """Cores are for workers; libraries that start more threads only get in each other's way."""
    import torch

    torch.set_num_threads(1)
