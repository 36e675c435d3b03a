"""What runs in a worker process: one job after the other, each from nothing, answers over the worker's own pipe.

In:  a pipe, and the import path of the callable that runs a job ("module:function").
Out: for each job one message, JSON: {"record"}, {"error"} or {"disk_full"}; then, where there is something to film,
     it waits to be told whether to.
A worker ends when its parent does, whatever either was doing.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import importlib
import json
import os
import random
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from ..stopwatch import Stopwatch, cpu_now_s
from .jobs import Job, job_from_dict

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What a job came to. `film` writes the episode's film; it is called, if at all, before the job is closed."""

    record: dict[str, Any]
    film: Callable[[], None] | None = None


RunJob = Callable[[Job], contextlib.AbstractContextManager[Answer]]


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker is started with; goes through the process's start, so only plain values."""

    number: int
    run_job: str
    parent_pid: int
    log: str | None = None


def work(pipe: Connection, setup: WorkerSetup) -> None:
    """The life of a worker: get ready, run jobs until the pipe closes."""
    _end_with_parent(setup.parent_pid)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    _keep_output_out_of_the_way(setup.log)
    try:
        run_job = load_callable(setup.run_job)
    except Exception as error:
        _send(pipe, {"failed": f"{type(error).__name__}: {error}"})
        return
    _send(pipe, {"ready": True})
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            _work_on(pipe, run_job, job_from_dict(json.loads(pipe.recv_bytes())), setup.number)


def load_callable(path: str) -> Any:
    """What "module:name" names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def seed_everything(job: Job) -> None:
    """The global generators too: a stranger's policy may draw from them, and must not see the job before.

    One thread: sums over several differ in the last bits, which is enough to change an episode.
    """
    random.seed(job.seed)
    np.random.seed(job.seed % 2**32)  # noqa: NPY002
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(job.seed)
        torch.set_num_threads(1)


def _work_on(pipe: Connection, run_job: RunJob, job: Job, number: int) -> None:
    stopwatch, cpu_s, started_at = Stopwatch(), cpu_now_s(), datetime.now(UTC).isoformat(timespec="milliseconds")
    has_answered = False
    try:
        seed_everything(job)
        with run_job(job) as answer:
            run = {
                "worker": number,
                "wall_s": round(stopwatch.since_start_s(), 4),
                "cpu_s": round(cpu_now_s() - cpu_s, 4),
                "memory_mb": _resident_mb(),
                "started_at": started_at,
            }
            _send(pipe, {"record": answer.record, "run": run, "can_film": answer.film is not None})
            has_answered = True
            if answer.film is not None and json.loads(pipe.recv_bytes())["film"]:
                _film(answer.film)
                _send(pipe, {"filmed": True})
    except (EOFError, BrokenPipeError):
        raise
    except BaseException as error:
        if has_answered:  # what goes wrong while an episode is closed cannot change what it came to
            traceback.print_exc()
            return
        full = isinstance(error, OSError) and error.errno in FULL
        _send(pipe, {"disk_full": str(error)} if full else {"error": traceback.format_exc()})


def _film(film: Callable[[], None]) -> None:
    """A film that cannot be written is a film less, no more."""
    try:
        film()
    except Exception:
        traceback.print_exc()


def _send(pipe: Connection, message: dict[str, Any]) -> None:
    pipe.send_bytes(json.dumps(message, ensure_ascii=False).encode("utf-8", "replace"))


def _end_with_parent(parent_pid: int) -> None:
    """The kernel kills this process when the parent dies; where it cannot, a thread watches."""
    try:
        asked = ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0
    except (OSError, AttributeError):
        asked = False
    if os.getppid() != parent_pid:  # it died before it was asked for
        os._exit(1)
    if not asked:
        threading.Thread(target=_watch_parent, args=(parent_pid,), daemon=True).start()


def _watch_parent(parent_pid: int) -> None:
    pause = threading.Event()
    while os.getppid() == parent_pid:
        pause.wait(1.0)
    os._exit(1)


def _keep_output_out_of_the_way(log: str | None) -> None:
    """What plug-ins and libraries print goes to the worker's log: stdout belongs to the summary."""
    target = os.open(log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)


def _resident_mb() -> float | None:
    """Resident memory now; None where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)
