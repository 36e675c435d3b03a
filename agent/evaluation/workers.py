"""Workers: processes of their own that run jobs, and what is done when one dies or hangs.

In:  jobs, in order, as they are asked for.
Out: Finished values, in the order in which they end; never an exception for what an episode did.
Each worker has its own pipe, so that a kill -9 in the middle of a message harms no other.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from ..stopwatch import Stopwatch
from .jobs import Job
from .worker import THREAD_VARIABLES, WorkerSetup, work

MAX_TRIES = 2  # of a job whose worker died
MAX_FAILED_STARTS = 3
LONGEST_WAIT_S = 5.0
START_S = 300.0  # importing from a cold disk takes its time; it is no episode's fault


class WorkerError(ValueError):
    """Workers cannot be started at all; one line."""


@dataclass(frozen=True, slots=True)
class Finished:
    """One job's end. `ended_by` is "record" (with `values`), "error", "crashed", "hung" or "disk_full"."""

    job: Job
    ended_by: str
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    run: dict[str, Any] = field(default_factory=dict[str, Any])
    detail: str = ""
    failed_tries: int = 0


@dataclass(frozen=True, slots=True)
class Health:
    """How the workers are, for the progress line."""

    num_busy: int
    num_deaths: int
    num_hung: int

    @property
    def words(self) -> str:
        """For people."""
        found = [f"{self.num_busy} busy"]
        found += [f"{self.num_deaths} died"] if self.num_deaths else []
        found += [f"{self.num_hung} hung"] if self.num_hung else []
        return ", ".join(found)


class StopSignal:
    """SIGINT or SIGTERM came. Can be waited on together with pipes."""

    def __init__(self) -> None:
        self._heard, self._bell = socket.socketpair()
        self._heard.setblocking(False)
        self._bell.setblocking(False)
        self.is_set = False

    @property
    def ear(self) -> socket.socket:
        """Readable once the signal came."""
        return self._heard

    @contextmanager
    def listening(self) -> Iterator[StopSignal]:
        """Signals only ring the bell, so that none tears a line that is being written."""
        before = {}
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                before[number] = signal.signal(number, lambda *_: self.ring())
        except ValueError:  # not in the main thread: the caller keeps its own handling
            pass
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self._heard.close()
            self._bell.close()

    def ring(self) -> None:
        """Ask for the end."""
        self.is_set = True
        self._bell.send(b"!")


class _Worker:
    """One process and its pipe; `job` is what it is busy with."""

    def __init__(self, number: int, run_job: str, log_folder: Path | None) -> None:
        self.number = number
        self.job: Job | None = None
        self.failed_tries = 0
        self.is_ready = False
        self.is_filming = False
        self.watch = Stopwatch()
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        log = None if log_folder is None else str(log_folder / f"worker-{number}.log")
        setup = WorkerSetup(number, run_job, os.getpid(), log)
        self.process = context.Process(target=work, args=(theirs, setup), name=f"verbot-worker-{number}", daemon=True)
        with one_thread():
            self.process.start()
        theirs.close()  # ours must be the only other end: then a death closes the pipe

    def give(self, job: Job, failed_tries: int) -> None:
        self.job, self.failed_tries, self.is_filming, self.watch = job, failed_tries, False, Stopwatch()
        self.send(job.to_dict())

    def send(self, message: dict[str, Any]) -> None:
        with suppress(OSError):  # it just died; the closed pipe says so on the next read
            self.pipe.send_bytes(json.dumps(message).encode())

    def end(self) -> int | None:
        """Kill the process; returns how it ended."""
        self.process.kill()
        self.process.join()
        code = self.process.exitcode
        self.pipe.close()
        self.process.close()
        return code


class WorkerPool:
    """Runs jobs on a number of workers. `hang_s` is a guard only: no score depends on it."""

    def __init__(
        self,
        run_job: str,
        num_workers: int,
        hang_s: float,
        stop: StopSignal,
        *,
        log_folder: Path | None = None,
        wants_film: Callable[[Job, dict[str, Any]], bool] = lambda *_: False,
    ) -> None:
        self._run_job, self._num_workers, self._hang_s = run_job, num_workers, hang_s
        self._stop, self._log_folder, self._wants_film = stop, log_folder, wants_film
        self._workers: list[_Worker] = []
        self._again: deque[tuple[Job, int]] = deque()
        self._num_failed_starts = 0
        self._num_deaths = self._num_hung = 0
        self._free_numbers = list(range(num_workers, 0, -1))

    @property
    def health(self) -> Health:
        """For the progress line."""
        return Health(sum(w.job is not None for w in self._workers), self._num_deaths, self._num_hung)

    def run(self, jobs: Iterator[Job]) -> Generator[Finished]:
        """Run jobs until there are none or the stop signal comes; every job that is not stopped is answered once.

        `jobs` may have none for the moment and more again when a result has been looked at.
        """
        try:
            while not self._stop.is_set:
                self._hand_out(jobs)
                if not self._workers:
                    return
                finished = list(self._collect())
                if not self._stop.is_set:
                    # Nobody idles while the results are made durable; which jobs are left, they may decide.
                    self._hand_out(jobs, is_final=not finished)
                yield from finished
        finally:
            for worker in self._workers:
                worker.end()
            self._workers = []

    def _hand_out(self, jobs: Iterator[Job], *, is_final: bool = True) -> None:
        """A job for every worker that is free; when it is final, one that gets none is ended."""
        for worker in [w for w in self._workers if w.is_ready and w.job is None and not w.is_filming]:
            job = self._next(jobs)
            if job is not None:
                worker.give(*job)
            elif is_final:
                self._dismiss(worker)
        while len(self._workers) < self._num_workers and (job := self._next(jobs)) is not None:
            worker = _Worker(self._free_numbers.pop(), self._run_job, self._log_folder)
            worker.job, worker.failed_tries = job
            self._workers.append(worker)

    def _next(self, jobs: Iterator[Job]) -> tuple[Job, int] | None:
        if self._again:
            return self._again.popleft()
        job = next(jobs, None)
        return None if job is None else (job, 0)

    def _collect(self) -> Iterator[Finished]:
        """Wait for the next news and answer it."""
        remaining_s = [self._limit_s(w) - w.watch.since_start_s() for w in self._workers]
        ready = wait([*(w.pipe for w in self._workers), self._stop.ear], max(0.0, min([LONGEST_WAIT_S, *remaining_s])))
        for worker in [w for w in self._workers if w.pipe in ready]:
            message = _receive(worker.pipe)
            finished = self._buried(worker) if message is None else self._heard(worker, message)
            if finished is not None:
                yield finished
        for worker in [w for w in self._workers if w.watch.since_start_s() > self._limit_s(w)]:
            finished = self._hung(worker)
            if finished is not None:
                yield finished

    def _heard(self, worker: _Worker, message: dict[str, Any]) -> Finished | None:
        """A message of a worker that lives."""
        if "ready" in message:
            worker.is_ready = True
            assert worker.job is not None  # it was started for a job
            worker.give(worker.job, worker.failed_tries)
            return None
        if "failed" in message:
            raise WorkerError(f"A worker could not start: {message['failed']}. Run `verbot doctor` to see what lacks.")
        if worker.is_filming:  # the record was counted before
            worker.is_filming = False
            return None
        job, tries = worker.job, worker.failed_tries
        assert job is not None  # nobody else speaks
        worker.job = None
        if "disk_full" in message:
            return Finished(job, "disk_full", detail=message["disk_full"])
        if "error" in message:
            return Finished(job, "error", detail=message["error"], failed_tries=tries, run={"worker": worker.number})
        finished = Finished(job, "record", message["record"], message["run"], failed_tries=tries)
        if message["can_film"]:
            worker.is_filming, worker.watch = self._wants_film(job, message["record"]), Stopwatch()
            worker.send({"film": worker.is_filming})
        return finished

    def _buried(self, worker: _Worker) -> Finished | None:
        """The pipe has closed: the worker died, whoever killed it."""
        job, tries, was_ready, run = worker.job, worker.failed_tries, worker.is_ready, {"worker": worker.number}
        code = self._dismiss(worker)
        self._num_deaths += 1
        if not was_ready:
            self._num_failed_starts += 1
            if self._num_failed_starts >= MAX_FAILED_STARTS:
                raise WorkerError(
                    f"Workers die while they start ({_words(code)}). Run `verbot doctor`; in a script of your own, "
                    "begin under `if __name__ == '__main__':`."
                )
            assert job is not None
            self._again.append((job, tries))
            return None
        if job is None:  # it died while it filmed; the record was counted before
            return None
        if tries + 1 < MAX_TRIES:
            self._again.append((job, tries + 1))
            return None
        detail = f"the worker died {tries + 1} times on this episode; last: {_words(code)}"
        return Finished(job, "crashed", detail=detail, failed_tries=tries, run=run)

    def _hung(self, worker: _Worker) -> Finished | None:
        """Nothing was heard for too long."""
        job, tries, run = worker.job, worker.failed_tries, {"worker": worker.number}
        was_ready = worker.is_ready
        self._dismiss(worker)
        self._num_hung += 1
        if not was_ready:
            raise WorkerError(f"A worker does not start within {START_S:g} s. Run `verbot doctor` to see what lacks.")
        if job is None:
            return None
        detail = f"no answer within {self._hang_s:g} s of wall time; the worker was killed"
        return Finished(job, "hung", detail=detail, failed_tries=tries, run=run)

    def _limit_s(self, worker: _Worker) -> float:
        return self._hang_s if worker.is_ready else START_S

    def _dismiss(self, worker: _Worker) -> int | None:
        self._workers.remove(worker)
        self._free_numbers.append(worker.number)
        return worker.end()


def _receive(pipe: Connection) -> dict[str, Any] | None:
    """The next message; None when the worker died, even in the middle of it."""
    try:
        return json.loads(pipe.recv_bytes())
    except (EOFError, OSError, ValueError):
        return None


def _words(code: int | None) -> str:
    if code is None:
        return "unknown end"
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


@contextmanager
def one_thread() -> Iterator[None]:
    """Libraries read these when they are first imported, in the child."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
