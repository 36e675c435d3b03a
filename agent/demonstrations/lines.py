"""One played episode as a line of `episodes.jsonl`, and its file, whole or not at all.

In:  Job, what the episode came to, the bytes of its file.
Out: the line as a dict for JSON, every key in its place; a file under its name only once it is on disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..evaluation.jobs import Job
from ..evaluation.record import end_of, file_stem, identity_of
from ..run_folder import place_whole

SCHEMA = "verbot-demonstration/1"
EPISODES = "episodes"


def make_line(job: Job, values: Mapping[str, Any], sentences: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What `episodes.jsonl` says of an episode; without `file` it was not kept."""
    success = bool(values.get("success_truth"))
    return {
        "schema": SCHEMA,
        **identity_of(job),
        "robot": job.robot,
        "success": success,
        "score": values.get("score") or 0.0,
        **end_of(values, success),
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
    place_whole(Path(job.folder) / name, lambda temporary: temporary.write_bytes(content), is_durable=True)
    return {"path": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
