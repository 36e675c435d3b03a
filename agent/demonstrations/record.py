"""The road of a recording: check, open the folder, play episodes on workers, write each down, conclude.

In:  RecordConfig and a folder.
Out: the folder: dataset.json, episodes.jsonl (line by line, while it runs), episodes/*.npz, summary.json. Whatever
     happens on the way, what episodes.jsonl names is there and whole, and `--resume` goes on from it.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...perception.picture_codec import DEPTH_UNIT_M, POINT_TIME_UNIT_S, POINT_UNIT_M
from ...planning.robot_description import description_to_dict
from ..config import ConfigError, make_run_config
from ..episode import versions
from ..evaluation.config import check_same
from ..evaluation.evaluate import check_parts
from ..evaluation.jobs import Group, Job
from ..evaluation.results_log import DiskFullError, ResultsLog
from ..evaluation.workers import Health, StopSignal, WorkerPool
from ..evaluation.written import write_down
from ..plugins import load_all, load_spec, make_config, split_name
from ..run_folder import RunFolder
from ..suites import build_suite
from .config import FREE_TO_CHANGE, RecordConfig
from .lines import EPISODES, make_failed_line
from .seeds import SeedQueue

RUN_JOB = "verbot.agent.demonstrations.run_job:run_job"
SCHEMA = "verbot-demonstrations/1"
DATASET_FILE = "dataset.json"
EPISODES_FILE = "episodes.jsonl"


class RecordView:
    """Shows nothing; what a recording tells while it runs."""

    def on_start(self, config: RecordConfig, lines: Sequence[Mapping[str, Any]]) -> None:
        """`lines` is what a former part has left."""

    def on_line(self, line: Mapping[str, Any], health: Health) -> None:
        """An episode has ended and is on disk, kept or not."""

    def on_end(self) -> None:
        """No more will come."""


@dataclass(frozen=True, slots=True)
class Recording:
    """How it ended ("all", "lacking", "interrupted" or "disk_full") and what came out; `detail` is one line."""

    stopped_by: str
    summary: dict[str, Any]
    detail: str = ""


def record(
    config: RecordConfig, folder: RunFolder, *, view: RecordView | None = None, run_job: str = RUN_JOB
) -> Recording:
    """Play what is not there yet until every task has its successes."""
    view = view or RecordView()
    first = first_job(config, folder.path)
    with StopSignal().listening() as stop, ResultsLog(folder.path / EPISODES_FILE) as log:
        if not (folder.path / DATASET_FILE).exists():
            folder.write_json(DATASET_FILE, describe(config))
        _remove_torn(folder.path / EPISODES)
        queue = SeedQueue(first, config.tasks, config.episodes, range(config.seed, config.seed + config.seeds_tried))
        lines = [line for line in log.found.records if line["task"] in config.tasks]
        queue.note_known(lines)
        view.on_start(config, lines)
        logs = folder.path / "logs"
        logs.mkdir(exist_ok=True)
        pool, detail = WorkerPool(run_job, config.workers, config.hang_s, stop, log_folder=logs), ""
        with contextlib.closing(pool.run(queue)) as results:
            for finished in results:
                try:
                    line = write_down(finished, log, make_failed_line)
                except DiskFullError as error:
                    detail = str(error)
                    break
                lines.append(line)
                queue.note(line)
                view.on_line(line, pool.health)
        is_stopped = stop.is_set
    view.on_end()
    return _concluded(config, folder, lines, queue, "disk_full" if detail else _end(is_stopped, config, queue), detail)


def first_job(config: RecordConfig, folder: Path) -> Job:
    """What all episodes have in common; raises before anything runs when a part is absent or wrongly configured."""
    group = Group(config.policy, config.perceiver, "planner")
    check_parts(build_suite(config.suite, config.settings, config.tasks), group, config.robot, config.settings)
    kept = {name: getattr(config, name) for name in ("rate_hz", "row_hz", "scan_hz", "motion_width", "phrasings")}
    return Job(
        suite=config.suite,
        suite_name=config.suite_name,
        task="",
        seed=config.seed,
        group=group,
        tasks=config.tasks,
        settings=config.settings,
        robot=config.robot,
        device=config.device,
        latency=config.latency,
        deadline_s=config.deadline_s,
        folder=str(folder.resolve()),
        options=kept,
    )


def describe(config: RecordConfig) -> dict[str, Any]:
    """`dataset.json`: what a reader must know of all episodes, and the config that continues the recording."""
    base, argument = split_name(config.robot)
    spec = load_spec("robots", base)
    robot = spec.build(make_config(spec, config.settings.get(base, {}), argument), load_all("sensors"))
    try:
        if not hasattr(robot, "stage"):
            raise ConfigError(
                f"'{base}' is no simulated robot: nobody could judge its episodes. Record with --robot panda."
            )
        description = description_to_dict(robot.description)
        sensors = [asdict(sensor) for sensor in robot.sensors]
        convention = asdict(robot.convention)
    finally:
        robot.close()
    asked = make_run_config(command="", policy=config.policy, perceiver=config.perceiver, robot=config.robot)
    return {
        "schema": SCHEMA,
        "suite": config.suite_name,
        "tasks": list(config.tasks),
        "config": config.model_dump(mode="json"),
        "row_hz": config.row_hz,
        "convention": {**convention, "frame": "joint", "mode": "absolute", "angle": "rad", "length": "m"},
        "units": {"depth_m": DEPTH_UNIT_M, "points_m": POINT_UNIT_M, "point_times_s": POINT_TIME_UNIT_S},
        "sensors": sensors,
        "robot": description,
        "versions": versions(asked),
    }


def read_config(folder: Path) -> RecordConfig:
    """The config of a recording that is to go on.

    Raises:
        ConfigError: there is none.
    """
    try:
        values = json.loads((folder / DATASET_FILE).read_text(encoding="utf-8"))
        if values["schema"] != SCHEMA:
            raise ValueError(f"schema {values['schema']!r}, expected '{SCHEMA}'")
        return RecordConfig(**values["config"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{folder} holds no recording to resume ({DATASET_FILE}: {' '.join(str(error).split())}). Give its folder "
            "with --out DIR."
        ) from error


def check_continues(stored: RecordConfig, given: RecordConfig) -> None:
    """Raise ConfigError when the episodes would not belong together."""
    check_same(stored, given, FREE_TO_CHANGE, "recording")


def summarize(config: RecordConfig, lines: Sequence[Mapping[str, Any]], stopped_by: str) -> dict[str, Any]:
    """`summary.json`: per task and in all what was tried, kept and left out, and what it weighs."""
    lines = sorted(lines, key=lambda line: (config.tasks.index(line["task"]), line["seed"]))
    return {
        "schema": "verbot-recording-summary/1",
        "suite": config.suite_name,
        "stopped_by": stopped_by,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {config.workers} workers",
        "total": _row(lines),
        "tasks": {task: _row([line for line in lines if line["task"] == task]) for task in config.tasks},
    }


def _row(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    kept = [line for line in lines if line["success"]]
    sizes, cpu_s = [line["file"]["bytes"] for line in kept], [line["run"].get("cpu_s", 0.0) for line in lines]
    return {
        "kept": len(kept),
        "tried": len(lines),
        "failures": dict(Counter(line["failure"] for line in lines if line["failure"])),
        "failed_seeds": [f"{line['task']}/{line['seed']}" for line in lines if not line["success"]],
        "with_violations": sum(bool(line["violations"]) for line in kept),
        "bytes": sum(sizes),
        "mean_bytes": round(sum(sizes) / len(kept)) if kept else None,
        "mean_time_s": round(sum(line["time_s"] for line in kept) / len(kept), 2) if kept else None,
        "cpu_s_per_kept": round(sum(cpu_s) / len(kept), 2) if kept else None,
    }


def _end(is_stopped: bool, config: RecordConfig, queue: SeedQueue) -> str:
    lacks = any(queue.lacks(task) for task in config.tasks)
    return "all" if not lacks else "interrupted" if is_stopped else "lacking"


def _concluded(
    config: RecordConfig,
    folder: RunFolder,
    lines: Sequence[Mapping[str, Any]],
    queue: SeedQueue,
    stopped_by: str,
    detail: str,
) -> Recording:
    if stopped_by == "interrupted":
        detail = "Interrupted; every finished episode is kept. Go on with --resume."
    if stopped_by == "lacking":
        short = ", ".join(f"{task} lacks {queue.lacks(task)}" for task in config.tasks if queue.lacks(task))
        detail = f"{config.seeds_tried} seeds of a task were tried: {short}. Allow more with --most-seeds and --resume."
    summary = summarize(config, lines, stopped_by)
    try:
        folder.write_json("summary.json", summary)
    except OSError as error:
        line = detail or f"The summary could not be written ({error.strerror}). Make room, then go on with --resume."
        return Recording("disk_full", summary, line)
    return Recording(stopped_by, summary, detail)


def _remove_torn(folder: Path) -> None:
    """What a killed worker has begun to write and nobody will read."""
    for path in _temporaries(folder):
        path.unlink(missing_ok=True)


def _temporaries(folder: Path) -> Iterator[Path]:
    return folder.glob(".*.tmp")
