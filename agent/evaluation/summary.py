"""Records to numbers: a pure function of the configuration and the set of lines, in whatever order they came.

In:  EvalConfig, judged records.
Out: summary.json (schema "verbot-summary/1") as a dict. Only `machine`, episodes_per_minute and cpu_s tell of the run.
"""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .bootstrap import mean_interval
from .calibration import reliability
from .config import EvalConfig
from .controls import find_flags
from .rates import wilson_interval
from .refusals import summarize_refusals
from .sequential import anytime_interval
from .stopping import CONFIDENCE, always_valid_interval

SCHEMA = "verbot-summary/1"
Record = Mapping[str, Any]


def summarize(
    config: EvalConfig, records: Sequence[Record], *, stopped_by: str, versions: Mapping[str, str]
) -> dict[str, Any]:
    """Everything that the report and a CI job read."""
    records = sorted(records, key=lambda record: _order(config, record))
    tested = [r for r in records if r["control"] is None]
    return {
        "schema": SCHEMA,
        "config": config.model_dump(mode="json"),
        "versions": dict(versions),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {config.workers} workers",
        "judge": config.judge,
        "total": _row(config, tested, is_watched=len({_group(r) for r in tested}) == 1),
        "groups": _groups(config, records),
        "refusals": summarize_refusals(records),
        "agreement": _agreement(tested),
        "calibration": _calibration(tested),
        "flags": find_flags(records),
        "stopped_by": stopped_by,
    }


def _groups(config: EvalConfig, records: Sequence[Record]) -> list[dict[str, Any]]:
    """For every policy, perceiver and mode: all tasks together, then each task."""
    rows = []
    for name in dict.fromkeys(_group(r) for r in records):
        mine = [r for r in records if _group(r) == name]
        for task in (None, *dict.fromkeys(r["task"] for r in mine)):
            suite, policy, perceiver, mode, control = name
            head = {"suite": suite, "task": task, "policy": policy, "perceiver": perceiver}
            members = [r for r in mine if task is None or r["task"] == task]
            is_watched = task is None and control is None
            rows.append({**head, "mode": mode, "control": control, **_row(config, members, is_watched)})
    return rows


def _row(config: EvalConfig, records: Sequence[Record], is_watched: bool) -> dict[str, Any]:
    successes = sum(r["success"] for r in records)
    num = len(records)
    scores = np.array([r["score"] for r in records], dtype=float)
    seeds = sorted({r["seed"] for r in records})
    is_row = bool(seeds) and seeds == list(range(seeds[0], seeds[-1] + 1))
    wall_s = sum(r["run"].get("wall_s", 0.0) for r in records)
    return {
        "episodes": num,
        "successes": successes,
        "success_rate": successes / num if num else None,
        "ci95": list(_interval(config, records, successes, is_watched)),
        "mean_score": float(scores.mean()) if num else None,
        "score_ci95": [float(limit) for limit in mean_interval(scores)] if num else None,
        "violations": _counts(v["kind"] for r in records for v in r["violations"]),
        "failures": _counts(r["failure"] for r in records if r["failure"]),
        "episodes_per_minute": round(60.0 * config.workers * num / wall_s, 2) if wall_s else None,
        "seeds": [seeds[0], seeds[-1]] if is_row else seeds,
        "mean_time_s": _mean([r["time_s"] for r in records if r["time_s"] is not None]),
        "cpu_s": round(sum(r["run"].get("cpu_s", 0.0) for r in records), 1),
    }


def _interval(config: EvalConfig, records: Sequence[Record], successes: int, is_watched: bool) -> tuple[float, float]:
    """Wilson's, or, where the data decided when to stop, one that holds nevertheless.

    The stopping rule watches each policy over all tasks; its other rows end where they happen to, so only what holds
    at all times can be said of them.
    """
    if config.until_ci is None or not records:
        return wilson_interval(successes, len(records))
    if is_watched:
        return always_valid_interval([r["success"] for r in records], config.until_ci)
    return anytime_interval(successes, len(records), 1.0 - CONFIDENCE)


def _agreement(records: Sequence[Record]) -> dict[str, Any] | None:
    """How often perception's own judgement of the end is the truth's; a real robot has nothing else."""
    both = [r for r in records if r["success_truth"] is not None and r["success_perceived"] is not None]
    if not both:
        return None
    agree = sum(r["success_truth"] == r["success_perceived"] for r in both)
    return {
        "n": len(both),
        "agree": agree,
        "rate": agree / len(both),
        "ci95": list(wilson_interval(agree, len(both))),
        "false_done": sum(r["success_perceived"] and not r["success_truth"] for r in both),
        "false_failed": sum(r["success_truth"] and not r["success_perceived"] for r in both),
    }


def _calibration(records: Sequence[Record]) -> dict[str, Any] | None:
    """Whether the confidence that was stated is the success that came."""
    stated = [r for r in records if r["confidence"] is not None]
    if not stated:
        return None
    confidences = np.clip([float(r["confidence"]) for r in stated], 0.0, 1.0)
    found = reliability(confidences, np.array([bool(r["success"]) for r in stated]))
    bins = [
        {
            "low": b.low,
            "high": b.high,
            "episodes": b.episodes,
            "mean_confidence": b.mean_confidence,
            "success_rate": b.success_rate,
            "ci95": None if b.interval is None else list(b.interval),
        }
        for b in found.bins
    ]
    return {"n": len(stated), "bins": bins, "ece": found.ece, "ece_ci95": list(found.ece_interval)}


def _group(record: Record) -> tuple[str, str, str, str, str | None]:
    return record["suite"], record["policy"], record["perceiver"], record["mode"], record["control"]


def _order(config: EvalConfig, record: Record) -> Any:
    """What is under test first; then as the jobs are ordered, which is what the stopping rule goes by."""
    task = config.tasks.index(record["task"]) if record["task"] in config.tasks else len(config.tasks)
    return record["control"] is not None, *(str(x) for x in _group(record)), record["seed"], task, record["task"]


def _counts(names: Any) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 3) if values else None
