"""Pretended episodes: they cost what they are told to and end as they are told to, to try the engine itself.

In:  Job; settings.pretend says how long an episode takes and which seeds misbehave, and how.
Out: a record like any other. `verbot bench evaluate` and the tests kill, hang and starve it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from .jobs import Job
from .record import file_stem, make_record
from .worker import Answer

RUN_JOB = "verbot.agent.evaluation.pretend:run_job"


class PretendConfig(BaseModel):
    """Seeds that misbehave, and what an episode costs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wall_s: float = Field(default=0.0, ge=0.0)
    rate: float = Field(default=0.7, ge=0.0, le=1.0)
    dies: tuple[int, ...] = ()
    dies_once: tuple[int, ...] = ()
    hangs: tuple[int, ...] = ()
    raises: tuple[int, ...] = ()
    fills_disk: tuple[int, ...] = ()


@contextlib.contextmanager
def run_job(job: Job) -> Iterator[Answer]:
    """Misbehave, or take the time and succeed with the rate, decided by the job's key alone."""
    config = PretendConfig(**job.settings.get("pretend", {}))
    if job.seed in config.dies or (job.seed in config.dies_once and _is_first_time(job)):
        os.kill(os.getpid(), signal.SIGKILL)
    if job.seed in config.hangs:
        threading.Event().wait()
    if job.seed in config.raises:
        raise RuntimeError(f"pretended for seed {job.seed}")
    if job.seed in config.fills_disk and not (Path(job.folder) / "room_was_made").exists():
        raise OSError(28, "No space left on device")
    threading.Event().wait(config.wall_s)
    rng = np.random.default_rng([job.seed, zlib.crc32(job.key.encode())])
    rate = 0.1 if job.group.control == "random" else config.rate
    success = bool(rng.random() < rate)
    yield Answer(
        make_record(
            job,
            {
                "command": f"pretend {job.task}",
                "success_truth": success,
                "success_perceived": success,
                "score": float(success),
                "ended_by": "done" if success else "gave_up",
                "confidence": float(rng.random()),
                "timings_s": {"pretend": config.wall_s},
            },
        )
    )


def _is_first_time(job: Job) -> bool:
    marker = Path(job.folder) / f".{file_stem(job.key)}"
    first = not marker.exists()
    marker.touch()
    return first
