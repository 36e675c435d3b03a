"""A finished (or interrupted) evaluation as it lies on disk, read once and checked.

In:  the folder that `verbot eval` wrote: config.toml, results.jsonl, summary.json.
Out: StoredEvaluation: frozen values that the report trusts; a damaged line is counted, never repaired.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..config import ConfigError
from .jobs import Group

SUMMARY = "summary.json"
RESULTS = "results.jsonl"


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts and rates of one group of episodes, with their 95% intervals."""

    episodes: int
    successes: int
    success_rate: float
    ci95: tuple[float, float]
    mean_score: float | None
    score_ci95: tuple[float, float] | None
    violations: dict[str, int]
    failures: dict[str, int]


@dataclass(frozen=True, slots=True)
class GroupTally:
    """The tally of one group of `jobs` on one task; `task` None stands for the whole suite."""

    suite: str
    task: str | None
    entrant: Group
    tally: Tally


@dataclass(frozen=True, slots=True)
class EpisodeLine:
    """One line of results.jsonl; `values` is the line itself, for what is only shown."""

    key: str
    suite: str
    task: str
    seed: int
    entrant: Group
    command: str
    success: bool
    success_truth: bool | None
    success_perceived: bool | None
    score: float | None
    failure: str | None
    confidence: float | None
    timings_s: dict[str, float]
    violations: tuple[Mapping[str, Any], ...]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredEvaluation:
    """Everything the folder says."""

    path: Path
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    total: Tally
    groups: tuple[GroupTally, ...]
    episodes: tuple[EpisodeLine, ...]
    num_unreadable: int


def is_evaluation(path: Path) -> bool:
    """Whether the folder holds an evaluation rather than a single run."""
    return (path / SUMMARY).is_file() or (path / RESULTS).is_file()


def load_evaluation(path: Path) -> StoredEvaluation:
    """Read the folder.

    Raises:
        ConfigError: the summary is absent or is not one.
    """
    summary = _load_json(path / SUMMARY)
    if not isinstance(summary, dict) or not isinstance(summary.get("groups"), list):
        raise ConfigError(
            f"{path} has no readable {SUMMARY}. Give the folder of an evaluation; an interrupted one is "
            "finished by `verbot eval --resume`."
        )
    lines, num_unreadable = _load_lines(path / RESULTS)
    episodes = tuple(_as_counted(lines, summary))
    groups = tuple(_group(values) for values in summary["groups"] if isinstance(values, dict))
    total = _tally(_mapping(summary.get("total")))
    return StoredEvaluation(path, _load_toml(path / "config.toml"), summary, total, groups, episodes, num_unreadable)


def as_number(value: Any) -> float | None:
    """The value when it is a finite number, else None: a word in a number's place is shown as absent."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:  # JSON knows whole numbers of any length
        return None
    return number if math.isfinite(number) else None


def as_interval(value: Any) -> tuple[float, float] | None:
    """Two finite numbers, or None."""
    if not isinstance(value, Sequence) or len(value) != 2:
        return None
    low, high = as_number(value[0]), as_number(value[1])
    return None if low is None or high is None else (low, high)


def as_words(value: Any) -> str:
    """Text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _load_lines(path: Path) -> tuple[tuple[EpisodeLine, ...], int]:
    """All readable lines in the order of their keys; of two with one key the first, as it was counted."""
    if not path.is_file():
        return (), 0
    lines: dict[str, EpisodeLine] = {}
    num_unreadable = 0
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = _line(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            num_unreadable += 1
            continue
        lines.setdefault(line.key, line)
    return tuple(sorted(lines.values(), key=lambda line: (line.suite, line.task, line.seed, line.key))), num_unreadable


def _as_counted(lines: Sequence[EpisodeLine], summary: Mapping[str, Any]) -> Iterator[EpisodeLine]:
    """The lines that the summary rests on, with the success that its judge saw."""
    left_out = summary.get("left_out")
    left = {str(key) for key in left_out} if isinstance(left_out, list) else set[str]()
    judged = _mapping(summary.get("judged_otherwise"))
    for line in lines:
        if line.key in left:
            continue
        success = judged.get(line.key)
        if not isinstance(success, bool):
            yield line
        else:
            failure = None if success else line.failure or "misplaced"
            yield replace(line, success=success, failure=failure)


def _line(values: Mapping[str, Any]) -> EpisodeLine:
    violations = values.get("violations") or ()
    return EpisodeLine(
        key=str(values["key"]),
        suite=str(values["suite"]),
        task=str(values["task"]),
        seed=int(values["seed"]),
        entrant=_entrant(values),
        command=str(values.get("command") or ""),
        success=values["success"] is True,
        success_truth=_truth(values.get("success_truth")),
        success_perceived=_truth(values.get("success_perceived")),
        score=as_number(values.get("score")),
        failure=None if values["success"] is True else str(values.get("failure") or "error"),
        confidence=as_number(values.get("confidence")),
        timings_s=_numbers(values.get("timings_s")),
        violations=tuple(v for v in violations if isinstance(v, Mapping)),
        values=values,
    )


def _group(values: Mapping[str, Any]) -> GroupTally:
    task = values.get("task")
    return GroupTally(
        str(values.get("suite", "")), None if task is None else str(task), _entrant(values), _tally(values)
    )


def _entrant(values: Mapping[str, Any]) -> Group:
    control = values.get("control")
    return Group(
        str(values.get("policy", "")),
        str(values.get("perceiver", "")),
        str(values.get("mode", "")),
        None if control is None else str(control),
    )


def _tally(values: Mapping[str, Any]) -> Tally:
    episodes, successes = int(as_number(values.get("episodes")) or 0), int(as_number(values.get("successes")) or 0)
    return Tally(
        episodes=episodes,
        successes=successes,
        success_rate=successes / episodes if episodes else 0.0,
        ci95=as_interval(values.get("ci95")) or (0.0, 1.0),
        mean_score=as_number(values.get("mean_score")),
        score_ci95=as_interval(values.get("score_ci95")),
        violations=_counts(values.get("violations")),
        failures=_counts(values.get("failures")),
    )


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _numbers(value: Any) -> dict[str, float]:
    found = {str(name): as_number(number) for name, number in _mapping(value).items()}
    return {name: number for name, number in found.items() if number is not None}


def _counts(value: Any) -> dict[str, int]:
    return {name: int(number) for name, number in _numbers(value).items() if number > 0}


def _load_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _load_toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
