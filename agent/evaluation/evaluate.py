"""The road of an evaluation: plan the jobs, run them on workers, write each down, conclude.

In:  EvalConfig and a folder.
Out: the folder: config.toml, results.jsonl (line by line, while it runs), summary.json, report.html, pictures/,
     videos/. Whatever happens on the way, what is in results.jsonl counts, once, and `--resume` goes on from it.
"""

from __future__ import annotations

import contextlib
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..build import check_mode
from ..config import make_run_config
from ..episode import versions
from ..plugins import load_spec, make_config, split_name
from ..run_folder import RunFolder
from ..suites import build_suite
from .config import EvalConfig
from .controls import make_groups
from .jobs import Group, Job, make_jobs
from .judges import judged, read_judgements
from .report import write_evaluation_report
from .results_log import RESULTS_FILE, DiskFullError, ResultsLog, read_results
from .run_job import EpisodeSuite
from .stopping import StoppingRule
from .summary import summarize
from .view import EvaluationView
from .workers import StopSignal, WorkerPool
from .written import write_down

RUN_JOB = "verbot.agent.evaluation.run_job:run_job"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How it ended ("all", "until_ci", "interrupted" or "disk_full") and what came out; `detail` is one line."""

    stopped_by: str
    summary: dict[str, Any]
    detail: str = ""


def evaluate(
    config: EvalConfig,
    folder: RunFolder,
    *,
    view: EvaluationView | None = None,
    run_job: str = RUN_JOB,
    shuffle_seed: int | None = None,
) -> Evaluation:
    """Run what is not there yet, then conclude from all that is. `shuffle_seed` runs in another order, for tests."""
    view = view or EvaluationView()
    jobs = plan_jobs(config, folder.path)
    folder.write_text("config.toml", config.to_toml())
    with StopSignal().listening() as stop, ResultsLog(folder.path / RESULTS_FILE) as log:
        rule, films = StoppingRule(config.until_ci, jobs), _Films(config.videos)
        found = _take_known(log, jobs, rule, films)
        view.on_start(config, jobs, judged(found, _live_judge(config)))
        known = {record["key"] for record in found}
        waiting = [job for job in jobs if job.key not in known]
        if shuffle_seed is not None:
            random.Random(shuffle_seed).shuffle(waiting)
        logs = folder.path / "logs"
        logs.mkdir(exist_ok=True)
        pool = WorkerPool(run_job, config.workers, config.hang_s, stop, log_folder=logs, wants_film=films.take)
        stopped_by, detail = "until_ci" if rule.is_done else "all", ""
        with contextlib.closing(pool.run(films.marked(waiting) if not rule.is_done else iter(()))) as results:
            for finished in results:
                try:
                    record = write_down(finished, log)
                except DiskFullError as error:
                    stopped_by, detail = "disk_full", str(error)
                    break
                films.note(finished.job, record)
                rule.add(record)
                view.on_record(judged([record], _live_judge(config))[0], pool.health)
                if rule.is_done:
                    stopped_by = "until_ci"
                    break
        if stop.is_set and stopped_by == "all":
            stopped_by, detail = "interrupted", "Interrupted; everything finished is kept. Go on with --resume."
    view.on_end()
    return _concluded(config, folder, stopped_by, detail)


def plan_jobs(config: EvalConfig, folder: Path) -> list[Job]:
    """Every job in its order; raises before anything runs when a part is absent or wrongly configured."""
    suite = build_suite(config.suite, config.settings, config.tasks)
    groups = make_groups(config, getattr(suite, "controls", ("random", "oracle")))
    for group in groups:
        check_parts(suite, group, config.robot, config.settings)
    first = Job(
        suite=config.suite,
        suite_name=config.suite_name,
        task="",
        seed=config.seed,
        group=groups[0],
        tasks=config.tasks,
        settings=config.settings,
        robot=config.robot,
        device=config.device,
        latency=config.latency,
        faults=config.faults,
        judge=_live_judge(config),
        deadline_s=config.deadline_s,
        folder=str(folder.resolve()),
        has_films=config.videos > 0,
    )
    seeds = range(config.seed, config.seed + config.episodes)
    return list(make_jobs(first, config.tasks, seeds, groups, config.control_episodes or 0))


def conclude(config: EvalConfig, folder: RunFolder, stopped_by: str) -> dict[str, Any]:
    """Summary and report from what the folder holds; may be done again whenever more has been judged."""
    records = counted_records(config, folder.path)
    found = {}
    for policy in config.policies:
        for perceiver in config.perceivers:
            found |= versions(make_run_config(command="", policy=policy, perceiver=perceiver, robot=config.robot))
    summary = summarize(config, records, stopped_by=stopped_by, versions=found)
    stored = read_results(folder.path / RESULTS_FILE).records
    summary |= _beside_the_lines(stored, records)
    num_run = sum(r["control"] is None for r in stored)
    if config.judge == "human" and num_run > summary["total"]["episodes"]:
        num = num_run - summary["total"]["episodes"]
        summary["flags"].append(f"{num} episodes are not judged by a person yet and are left out; so are the controls.")
    folder.write_json("summary.json", summary)
    write_evaluation_report(folder.path)
    return summary


def _beside_the_lines(stored: Sequence[dict[str, Any]], counted: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Where the conclusion differs from the lines themselves: beyond an early stop, or judged otherwise."""
    successes = {record["key"]: record["success"] for record in counted}
    return {
        "left_out": [r["key"] for r in stored if r["key"] not in successes],
        "judged_otherwise": {
            r["key"]: successes[r["key"]] for r in stored if successes.get(r["key"]) not in (None, r["success"])
        },
    }


def counted_records(config: EvalConfig, folder: Path) -> list[dict[str, Any]]:
    """The lines that count: of this plan, not beyond an early stop, as the chosen judge sees them."""
    jobs = plan_jobs(config, folder)
    rule = StoppingRule(config.until_ci, jobs)
    keys = {job.key for job in jobs}
    records = {r["key"]: r for r in read_results(folder / RESULTS_FILE).records if r["key"] in keys}
    for record in judged(records.values(), _live_judge(config)):
        rule.add(record)
    if rule.is_done:
        records = {job.key: records[job.key] for job in jobs[: rule.num_counted]}
    return judged(records.values(), config.judge, read_judgements(folder) if config.judge == "human" else None)


class _Films:
    """Which failures are filmed: so many for every group and task, those that end first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: defaultdict[tuple[Group, str], set[str]] = defaultdict(set)

    def marked(self, jobs: Sequence[Job]) -> Iterator[Job]:
        """The jobs, told whether a film may be wanted of them; asked only when each is handed out."""
        for job in jobs:
            yield replace(job, film=self._lacks(job))

    def take(self, job: Job, record: dict[str, Any]) -> bool:
        """Whether this failure is to be filmed; counts it."""
        wants = bool(record["video"]) and self._lacks(job)
        if wants:
            self._made[job.group, job.task].add(job.key)
        return wants

    def note(self, job: Job, record: dict[str, Any]) -> None:
        """A film that is there: of a former part of this evaluation, or made by the suite itself."""
        if record["video"] and (Path(job.folder) / record["video"]).is_file():
            self._made[job.group, job.task].add(job.key)

    def _lacks(self, job: Job) -> bool:
        return len(self._made[job.group, job.task]) < self._most


def _take_known(log: ResultsLog, jobs: Sequence[Job], rule: StoppingRule, films: _Films) -> list[dict[str, Any]]:
    """What a former part of this evaluation has left."""
    by_key = {job.key: job for job in jobs}
    found = [record for record in log.found.records if record["key"] in by_key]
    for record in found:
        rule.add(record)
        films.note(by_key[record["key"]], record)
    return found


def check_parts(suite: Any, group: Group, robot: str, settings: dict[str, dict[str, Any]]) -> None:
    """Everything that can be wrong with a part is told before the first episode."""
    if isinstance(suite, EpisodeSuite):
        suite.check(group.policy, group.perceiver, settings)
        return
    check_mode(group.mode)
    for kind, name in (("policies", group.policy), ("perceivers", group.perceiver), ("robots", robot)):
        base, argument = split_name(name)
        make_config(load_spec(kind, base), settings.get(base, {}), argument)


def _live_judge(config: EvalConfig) -> str:
    """Who judges while it runs: a person only comes afterwards."""
    return "truth" if config.judge == "human" else config.judge


def _concluded(config: EvalConfig, folder: RunFolder, stopped_by: str, detail: str) -> Evaluation:
    try:
        return Evaluation(stopped_by, conclude(config, folder, stopped_by), detail)
    except OSError as error:
        line = detail or f"The summary could not be written ({error.strerror}). Make room, then go on with --resume."
        return Evaluation("disk_full", {}, line)
