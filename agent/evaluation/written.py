"""From a job's end to a durable line, whatever the end was.

In:  Finished, a log.
Out: the line as it stands on disk; DiskFullError where there is no room for it or for what belongs to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .record import failed_record
from .results_log import DiskFullError, ResultsLog
from .workers import Finished

MakeFailed = Callable[..., dict[str, Any]]


def write_down(finished: Finished, log: ResultsLog, make_failed: MakeFailed = failed_record) -> dict[str, Any]:
    """One end as one line; `make_failed` (job, ended_by, detail, traceback) makes that of a job without result."""
    if finished.ended_by == "disk_full":
        raise DiskFullError(f"The disk is full ({finished.detail}). Make room, then go on with --resume.")
    record = dict(finished.values)
    if finished.ended_by == "error":
        last = finished.detail.strip().splitlines()[-1:]
        record = make_failed(finished.job, "error", " ".join(last), finished.detail)
    elif finished.ended_by != "record":
        record = make_failed(finished.job, finished.ended_by, finished.detail)
    record |= {"episode": finished.failed_tries, "run": finished.run}
    log.append(record)
    return record
