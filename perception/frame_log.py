"""Write and read a recording: SensorFrames in order, with one JSON header.

In:  SensorFrames and anything JSON (sensor specs, robot description, seed).
Out: a folder with `header.json` and `frames.bin`, append-only; after a crash all finished frames can be read.
Arrays come back bit for bit. No pickle: a recording from a stranger can only be data.

frames.bin: chunks of magic, payload length, CRC-32, payload; a payload is a JSON index and the packed arrays.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from .frame_codec import FrameLogError, decode_frame, encode_frame
from .types import SensorFrame

FORMAT = "verbot-frame-log/1"
_MAGIC = b"VBF1"
_CHUNK = struct.Struct("<4sQI")
_MAX_CHUNK_BYTES = 1 << 30
_MAX_HEADER_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class LoggedFrame:
    """One frame and what the writer noted with it (for example the arguments of the read)."""

    frame: SensorFrame
    tag: dict[str, Any]


class FrameLogWriter:
    """Appends frames to a new recording; every `append` is complete on disk before it returns."""

    def __init__(self, path: str | Path, header: Mapping[str, Any]) -> None:
        self.path = Path(path)
        if (self.path / "frames.bin").exists():
            raise FrameLogError(f"'{self.path}' already holds a recording. Choose another folder or remove it first.")
        try:
            text = json.dumps({"format": FORMAT, **header}, allow_nan=False)
        except (TypeError, ValueError) as problem:
            raise FrameLogError(
                f"The header is not plain JSON: {problem}. Convert it to numbers, text, lists."
            ) from None
        self.path.mkdir(parents=True, exist_ok=True)
        fresh = self.path / "header.json.part"
        fresh.write_text(text)
        os.replace(fresh, self.path / "header.json")
        self._file = (self.path / "frames.bin").open("xb")

    def append(self, frame: SensorFrame, tag: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """Add one frame. The tag, for example `until_s=…, images=…`, is kept with it."""
        payload = encode_frame(frame, {**(tag or {}), **more})
        self._file.write(_CHUNK.pack(_MAGIC, len(payload), zlib.crc32(payload)) + payload)
        self._file.flush()

    def close(self) -> None:
        """Finish; may be called twice."""
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def __enter__(self) -> FrameLogWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class FrameLogReader:
    """Reads a recording; iterating gives SensorFrames in order, `records` gives them with their tags.

    A recording cut off in the middle of a frame (crash) ends before that frame, and `is_cut_off` tells so
    afterwards; damage anywhere else raises FrameLogError.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.is_cut_off = False
        self.header = _load_header(self.path / "header.json")
        if not (self.path / "frames.bin").is_file():
            raise FrameLogError(f"'{self.path}' has no frames.bin, expected a recording's folder. Check the path.")

    def __iter__(self) -> Iterator[SensorFrame]:
        return (record.frame for record in self.records())

    def records(self) -> Iterator[LoggedFrame]:
        """Frames with what was noted when they were written."""
        self.is_cut_off = False
        with (self.path / "frames.bin").open("rb") as file:
            for number in range(1 << 62):
                head = file.read(_CHUNK.size)
                if len(head) < _CHUNK.size:
                    self.is_cut_off = len(head) > 0
                    return
                magic, length, checksum = _CHUNK.unpack(head)
                where = f"Frame {number} of '{self.path}'"
                if magic != _MAGIC or length > _MAX_CHUNK_BYTES:
                    raise FrameLogError(f"{where} does not begin like a frame: the recording is damaged. Record again.")
                payload = file.read(length)
                if len(payload) < length:
                    self.is_cut_off = True
                    return
                if zlib.crc32(payload) != checksum:
                    raise FrameLogError(f"{where} has a wrong checksum: the recording is damaged. Record again.")
                frame, tag = decode_frame(payload, where)
                yield LoggedFrame(frame, tag)


def _load_header(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FrameLogError(f"'{path.parent}' has no header.json, expected a recording's folder. Check the path.")
    if path.stat().st_size > _MAX_HEADER_BYTES:
        raise FrameLogError(f"'{path}' is larger than {_MAX_HEADER_BYTES >> 20} MiB: not a recording's header.")
    try:
        header = json.loads(path.read_text())
    except (ValueError, RecursionError) as problem:
        raise FrameLogError(f"'{path}' is not JSON: {problem}. The recording is damaged.") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise FrameLogError(f"'{path}' is not of format '{FORMAT}'. It was written by another version or program.")
    return header
