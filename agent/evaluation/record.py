"""One line of `results.jsonl` (schema "verbot-episode/1"), every key in its place; docs/evaluation.md explains each.

In:  a Job and what its episode came to.
Out: the record as a dict for JSON. Everything but `timings_s` and `run` follows from the job alone.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Any

from .failures import failure_of
from .jobs import Job

SCHEMA = "verbot-episode/1"


def make_record(job: Job, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of an episode as one line of `results.jsonl`, every key in its place."""
    truth, perceived = values.get("success_truth"), values.get("success_perceived")
    first, second = (perceived, truth) if job.judge == "perceived" else (truth, perceived)
    success = bool(second if first is None else first)
    end = end_of(values, success)
    return {
        "schema": SCHEMA,
        **identity_of(job),
        "mode": job.group.mode,
        "control": job.group.control,
        "command": values.get("command"),
        "success": success,
        "success_truth": truth,
        "success_perceived": perceived,
        "success_human": None,
        "score": values.get("score") or 0.0,
        "expected": values.get("expected"),
        "refused_by": list(values.get("refused_by") or ()),
        "unsafe": list(values.get("unsafe") or ()),
        **end,
        "commands": commands if len(commands := list(values.get("commands") or ())) > 1 else None,
        "criteria": list(values.get("criteria") or ()),
        "violations": list(values.get("violations") or ()),
        "replans": values.get("replans") or 0,
        "time_s": values.get("time_s"),
        "path_length_m": values.get("path_length_m"),
        "confidence": values.get("confidence"),
        "clutter": values.get("clutter"),
        "light": values.get("light"),
        "faults": values.get("faults"),
        "fault_events": list(values.get("fault_events") or ()),
        "steps": [{k: s.get(k) for k in ("action", "outcome", "detail")} for s in values.get("steps") or ()],
        "error": values.get("error"),
        # Where the film lies if this failure is among those filmed; which are, depends on what ended first.
        "video": f"videos/{file_stem(job.key)}.mp4"
        if job.has_films and values.get("can_film") and end["failure"]
        else None,
        "picture": f"pictures/{file_stem(job.key)}.jpg" if values.get("has_picture") else None,
        "episode": 0,
        "timings_s": dict(values.get("timings_s") or {}),
        "run": {},
    }


def identity_of(job: Job) -> dict[str, Any]:
    """Which episode a line is about."""
    return {
        "key": job.key,
        "suite": job.suite_name,
        "task": job.task,
        "seed": job.seed,
        "policy": job.group.policy,
        "perceiver": job.group.perceiver,
    }


def end_of(values: Mapping[str, Any], success: bool) -> dict[str, Any]:
    """How it ended, and why it failed if it did."""
    return {
        "ended_by": values.get("ended_by"),
        "failure": None if success else values.get("failure") or failure_of(values, success),
        "detail": same_everywhere(" ".join(str(values.get("detail") or "").split())),
    }


def failed_record(job: Job, ended_by: str, detail: str, error: str | None = None) -> dict[str, Any]:
    """The record of a job that gave no result: "error", "hung" or "crashed"."""
    is_simulated = job.judge != "perceived"
    values = {"ended_by": ended_by, "detail": detail, "error": error, "success_perceived": False}
    return make_record(job, {**values, "success_truth": False if is_simulated else None})


def file_stem(key: str) -> str:
    """A key as a file name; what no file name may hold is replaced, and a number keeps such names apart."""
    stem = re.sub(r"[^A-Za-z0-9_.=-]+", "-", key.replace("/", "-"))[:150]
    is_plain = re.fullmatch(r"[A-Za-z0-9_./=-]{1,150}", key) is not None and "-" not in key
    return stem if is_plain else f"{stem}-{zlib.crc32(key.encode('utf-8', 'replace')):08x}"


def same_everywhere(text: str) -> str:
    """Addresses in memory differ from process to process."""
    return re.sub(r"\b0x[0-9a-f]{6,}\b", "0x…", text)
