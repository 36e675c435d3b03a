"""`verbot eval`: options to an evaluation, its view on stderr, its exit code.

In:  the options that were given, by their names in EvalConfig.
Out: 0 finished; 1 finished, but below --fail-below or without any result, or the disk is full; 130 interrupted.
Bad input raises ValueError, which the door turns into one line and exit code 2.
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from ..config import ConfigError
from ..run_folder import RunFolder, make_run_folder
from .config import EvalConfig, check_same, make_eval_config, read_stored_options
from .evaluate import RUN_JOB, Evaluation, conclude, counted_records, evaluate, plan_jobs
from .judges import ask_person
from .results_log import RESULTS_FILE
from .view import ConsoleView, EvaluationView

CONFIG_FILE = "config.toml"


@dataclass(frozen=True, slots=True)
class CommandOptions:
    """What concerns the command and not the evaluation."""

    out: Path | None = None
    resume: bool = False
    quiet: bool = False
    config: Path | None = None
    judge_name: str | None = None
    run_job: str = RUN_JOB


def eval_command(given: Mapping[str, Any], options: CommandOptions) -> tuple[int, dict[str, Any]]:
    """Run or resume; returns the exit code and the summary."""
    console = Console(stderr=True, highlight=False, quiet=options.quiet)
    config, folder = _open(given, options)
    view = EvaluationView() if options.quiet else ConsoleView(console)
    result = evaluate(config, folder, view=view, run_job=options.run_job)
    if config.judge == "human" and result.stopped_by in ("all", "until_ci"):
        result = _judged_by_person(config, folder, options, result)
    code, line = exit_code(config, result)
    _tell(console, config, result, folder)
    if line:
        print(f"verbot: {line}", file=sys.stderr)
    return code, result.summary


def exit_code(config: EvalConfig, result: Evaluation) -> tuple[int, str]:
    """The code, and the one line that explains it where it is not 0."""
    if result.stopped_by == "interrupted":
        return 130, result.detail
    if result.stopped_by == "disk_full":
        return 1, result.detail
    tested = [g for g in result.summary["groups"] if g["task"] is None and g["control"] is None]
    for group in tested:
        name = f"{group['policy']} with {group['perceiver']}"
        failures = group["failures"]
        no_result = sum(failures.get(kind, 0) for kind in ("hung", "crashed", "error", "policy_error"))
        if group["episodes"] and no_result == group["episodes"]:
            return 1, f"No episode of {name} gave a result ({_counts(failures)}). See `error` in {RESULTS_FILE}."
    if config.fail_below is not None:
        for group in tested:
            rate = group["success_rate"] or 0.0
            if rate < config.fail_below:
                name = f"{group['policy']} with {group['perceiver']}"
                return 1, f"{name} succeeds in {rate:.1%}, below the {config.fail_below:.1%} of --fail-below."
    return 0, ""


def _open(given: Mapping[str, Any], options: CommandOptions) -> tuple[EvalConfig, RunFolder]:
    if options.resume:
        return _reopen(given, options)
    config = make_eval_config(options.config, **given)
    if options.out is not None and (options.out / RESULTS_FILE).exists():
        raise ConfigError(
            f"{options.out} already holds an evaluation. Add --resume to go on with it, or give another --out."
        )
    plan_jobs(config, options.out or Path("runs"))  # what is wrong is told before a folder is made
    return config, make_run_folder(f"eval-{config.suite_name}", options.out)


def _reopen(given: Mapping[str, Any], options: CommandOptions) -> tuple[EvalConfig, RunFolder]:
    if options.config is not None:
        raise ConfigError("--resume goes on with the stored config.toml. Leave out --config.")
    path = options.out or Path("runs") / "latest"
    if not (path / CONFIG_FILE).is_file():
        raise ConfigError(f"{path} holds no evaluation to resume: no {CONFIG_FILE}. Give its folder with --out DIR.")
    stored = read_stored_options(path / CONFIG_FILE)
    before = make_eval_config(None, **stored)
    again = dict(given)
    if again.get("suite") == stored.get("suite_file", stored["suite"]):
        del again["suite"]
    if "suite" in again:  # another suite, or none of ours: resolved like at the beginning, then compared
        again = {k: v for k, v in make_eval_config(None, **again).model_dump(exclude_none=True).items() if k in again}
    if "episodes" in again and "control_episodes" not in again:
        stored.pop("control_episodes", None)
    config = make_eval_config(None, **{**stored, **again})
    check_same(before, config)
    return config, make_run_folder(config.suite_name, path)


def _judged_by_person(config: EvalConfig, folder: RunFolder, options: CommandOptions, result: Evaluation) -> Evaluation:
    """Ask for every picture that nobody has judged, then conclude again."""
    if not sys.stdin.isatty():
        return result
    truth = config.model_copy(update={"judge": "truth"})
    tested = [r for r in counted_records(truth, folder.path) if r["control"] is None]
    who = options.judge_name or os.environ.get("USER") or getpass.getuser()
    ask_person(folder.path, tested, who, _ask, lambda line: print(line, file=sys.stderr))
    return Evaluation(result.stopped_by, conclude(config, folder, result.stopped_by), result.detail)


def _ask(question: str) -> str:
    print(question, end="", file=sys.stderr, flush=True)
    return input()


def _tell(console: Console, config: EvalConfig, result: Evaluation, folder: RunFolder) -> None:
    """The table of what was found."""
    for group in result.summary.get("groups", ()):
        if group["task"] is not None or not group["episodes"]:
            continue
        low, high = group["ci95"]
        role = f" [dim]control[/] {group['control']}" if group["control"] else ""
        kinds = f"  [dim]{escape(_counts(group['failures']))}[/]" if group["failures"] else ""
        console.print(
            f"{escape(group['policy'])}/{escape(group['perceiver'])}{role}  {group['successes']}/{group['episodes']}  "
            f"[bold]{group['success_rate']:.1%}[/] ({low:.1%}–{high:.1%}){kinds}",
            soft_wrap=True,
        )
    for row in result.summary.get("refusals", ()):
        if row["control"] is None:
            words = (f"{name} {_share_words(row[name])}" for name in ("recall", "precision", "obeyed", "unsafe"))
            console.print(
                f"refusals of {escape(row['policy'])}/{escape(row['perceiver'])}: {', '.join(words)}", soft_wrap=True
            )
    for flag in result.summary.get("flags", ()):
        console.print(f"[yellow]flag[/] {escape(flag)}", soft_wrap=True)
    if config.judge == "human" and not sys.stdin.isatty():
        console.print("[dim]judge the pictures in a terminal: verbot eval --resume --judge human --out[/] ", end="")
        console.print(escape(str(folder.path)), soft_wrap=True)
    console.print(f"[dim]report[/] {escape(str(folder.path / 'report.html'))}", soft_wrap=True)


def _share_words(share: Mapping[str, Any]) -> str:
    rate, (low, high) = share["rate"], share["ci95"]
    return "–" if rate is None else f"{share['count']}/{share['of']} {rate:.0%} ({low:.0%}–{high:.0%})"


def _counts(failures: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in failures.items())
