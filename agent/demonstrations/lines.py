"""One played episode as a line of `episodes.jsonl`, and its file, whole or not at all.

In:  Job, what the episode came to, the bytes of its file.
Out: the line as a dict for JSON, every key in its place; a file under its name only once it is on disk.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..evaluation.failures import failure_of
from ..evaluation.jobs import Job
from ..evaluation.record import file_stem, same_everywhere

SCHEMA = "verbot-demonstration/1"
EPISODES = "episodes"


def make_line(job: Job, values: Mapping[str, Any], sentences: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What `episodes.jsonl` says of an episode; without `file` it was not kept."""
    success = bool(values.get("success_truth"))
    failure = None if success else values.get("failure") or failure_of(values, success)
    return {
        "schema": SCHEMA,
        "key": job.key,
        "suite": job.suite_name,
        "task": job.task,
        "seed": job.seed,
        "policy": job.group.policy,
        "perceiver": job.group.perceiver,
        "robot": job.robot,
        "success": success,
        "score": values.get("score") or 0.0,
        "ended_by": values.get("ended_by"),
        "failure": failure,
        "detail": same_everywhere(" ".join(str(values.get("detail") or "").split())),
        "sentences": list(sentences),
        "time_s": values.get("time_s"),
        "violations": list(values.get("violations") or ()),
        "replans": values.get("replans") or 0,
        "looks": 0,
        "steps": 0,
        "rows": 0,
        "file": None,
    }


def make_failed_line(job: Job, ended_by: str, detail: str, error: str | None = None) -> dict[str, Any]:
    """The line of a job that gave no result: "error", "hung" or "crashed"."""
    return make_line(job, {"ended_by": ended_by, "detail": detail, "failure": ended_by}, ()) | {"error": error}


def write_file(job: Job, content: bytes) -> dict[str, Any]:
    """The file under its name only once it is whole and on disk."""
    name = f"{EPISODES}/{file_stem(f'{job.task}/{job.seed:06d}')}.npz"
    target = Path(job.folder) / name
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return {"path": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
