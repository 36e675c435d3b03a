"""`results.jsonl`: one line an episode, on disk before anybody hears of it.

In:  records (dicts with a "key").
Out: a file that can be cut at any byte, by any accident, and still be read and continued: a torn tail is dropped
     by every reader and cut off before anything is appended; a key counts once, the first line wins.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS_FILE = "results.jsonl"


class ResultsError(ValueError):
    """The results cannot be read or written on; one line that says why and what to do."""


class DiskFullError(ResultsError):
    """A line could not be made durable; everything before it is kept."""


@dataclass(frozen=True, slots=True)
class StoredResults:
    """What a file holds. `intact_bytes` is where its last whole line ends; behind it is a torn tail, if anything."""

    records: tuple[dict[str, Any], ...]
    intact_bytes: int
    num_repeated: int


def read_results(path: Path) -> StoredResults:
    """Every whole line, each key once; a missing file holds nothing.

    Raises:
        ResultsError: a line that is not the last is damaged, which no interruption can cause.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return StoredResults((), 0, 0)
    records: dict[str, dict[str, Any]] = {}
    intact_bytes, num_repeated, damaged_line = 0, 0, None
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        record = _read_line(line)
        if record is None:
            damaged_line = damaged_line or number
            continue
        if damaged_line is not None:
            raise ResultsError(
                f"{path}: line {damaged_line} is damaged, though whole lines follow it; expected one JSON object with "
                "a key on each line. Take that line out by hand, then go on with --resume."
            )
        intact_bytes += len(line)
        num_repeated += record["key"] in records
        records.setdefault(record["key"], record)
    return StoredResults(tuple(records.values()), intact_bytes, num_repeated)


class ResultsLog:
    """The one writer of a results file; holds a lock on it, so that two runs never write into one folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise ResultsError(
                f"{path}: another evaluation writes into this folder. Wait for it to end, or give another --out."
            ) from error
        try:
            self.found = read_results(path)
        except ResultsError:
            os.close(self._file)
            raise
        self._size = self.found.intact_bytes
        os.ftruncate(self._file, self._size)
        _sync_folder(path.parent)

    def __enter__(self) -> ResultsLog:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def append(self, record: Mapping[str, Any]) -> None:
        """Add one line; when this returns, it survives the loss of power.

        Raises:
            DiskFullError: it could not be written; the file ends as it did before.
        """
        # ASCII only: no reader, whatever it takes for the end of a line, can split it.
        line = (json.dumps(record, allow_nan=False) + "\n").encode("ascii")
        try:
            rest = line
            while rest:
                rest = rest[os.write(self._file, rest) :]
            os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, self._size)  # cutting needs no room
            raise DiskFullError(
                f"{self._path}: a result could not be written ({error.strerror}). All {self._size} bytes before it "
                "are kept; make room, then go on with --resume."
            ) from error
        self._size += len(line)


def _read_line(line: bytes) -> dict[str, Any] | None:
    """The record of a whole line, or None."""
    if not line.endswith(b"\n"):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("key"), str) else None


def _sync_folder(folder: Path) -> None:
    """Make the file's name durable too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
