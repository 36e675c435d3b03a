"""Demonstrations on disk, read with distrust: what `verbot record` writes, for training.

In:  a folder with dataset.json, episodes.jsonl and episodes/*.npz (docs/demonstrations.md).
Out: Demonstration values, one for each episode that was kept, in the order of task and seed.
Needs numpy alone; Pillow where pictures are opened. Sizes and hashes are checked, nothing is unpickled, and no path
leads out of the folder. A dataset that is still being recorded can be read: it holds what has been finished.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..perception.picture_codec import POINT_TIME_UNIT_S, PictureError, decode_depth, decode_points, decode_rgb
from ..perception.types import CameraImage, Intrinsics, LidarScan
from .demonstration_file import DemonstrationError, unpack_arrays

SCHEMA = "verbot-demonstrations/1"
EPISODE_SCHEMA = "verbot-demonstration/1"
MAX_TEXT_BYTES = 1 << 30
MAX_FILE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class SaidSentence:
    """A sentence that was said, others of the same meaning, and its goal in the simulator's own names."""

    said: str
    others: tuple[str, ...]
    goal: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One episode: its line and its arrays. `look` pictures are whole, `motion` pictures small and at the rate."""

    task: str
    seed: int
    sentences: tuple[SaidSentence, ...]
    line: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]

    def sensors(self, part: str, of: str = "depth") -> tuple[str, ...]:
        """Names of the cameras (or with "points" the LiDARs) of `part`, which is "look" or "motion"."""
        found = (name.split(".") for name in self.arrays if name.startswith(f"{part}."))
        return tuple(parts[1] for parts in found if parts[-1] == of)

    def image(self, part: str, sensor: str, number: int) -> CameraImage:
        """Picture `number` of a camera, counted within `part`; `{part}.{sensor}.index` says of which look or row."""
        get, name = self.arrays.__getitem__, f"{part}.{sensor}"
        try:
            depth, ends = get(f"{name}.depth")[number], get(f"{name}.jpeg_end")
            begin = int(ends[number - 1]) if number else 0
            height, width = depth.shape
            rgb = decode_rgb(get(f"{name}.jpeg")[begin : int(ends[number])].tobytes(), width, height)
            fx, fy, cx, cy = (float(value) for value in get(f"{name}.intrinsics"))
            return CameraImage(
                sensor,
                float(get(f"{name}.time_s")[number]),
                rgb,
                decode_depth(depth),
                Intrinsics(width, height, fx, fy, cx, cy),
                get(f"{name}.T_mount_camera"),
                str(get(f"{name}.mount")),
            )
        except (KeyError, IndexError, ValueError, TypeError, PictureError) as error:
            raise self._problem(f"picture {number} of '{name}'", error) from None

    def scan(self, part: str, sensor: str, number: int) -> LidarScan:
        """Scan `number` of a LiDAR, counted within `part`."""
        get, name = self.arrays.__getitem__, f"{part}.{sensor}"
        try:
            ends, time_s = get(f"{name}.points_end"), float(get(f"{name}.time_s")[number])
            rows = slice(int(ends[number - 1]) if number else 0, int(ends[number]))
            return LidarScan(
                sensor,
                time_s,
                decode_points(get(f"{name}.points")[rows]),
                time_s + get(f"{name}.point_times")[rows] * POINT_TIME_UNIT_S,
                get(f"{name}.intensity")[rows].astype(np.float32) / np.float32(255),
                get(f"{name}.T_mount_sensor"),
                str(get(f"{name}.mount")),
            )
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise self._problem(f"scan {number} of '{name}'", error) from None

    def _problem(self, what: str, error: Exception) -> DemonstrationError:
        return DemonstrationError(
            f"{self.task}, seed {self.seed}: {what} cannot be read ({type(error).__name__}: {error}). Ask for one that "
            "is there, or record the episode again."
        )


class Demonstrations:
    """A dataset; iterating loads one episode after the other."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.header = _load_header(self.path / "dataset.json")
        self.lines = _load_lines(self.path / "episodes.jsonl")

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[Demonstration]:
        return (self.load(number) for number in range(len(self.lines)))

    def load(self, number: int) -> Demonstration:
        """Episode `number` of `lines`, its file checked against the size and hash of its line."""
        line = self.lines[number]
        content = self._read(line)
        arrays = unpack_arrays(content, f"{self.path / line['file']['path']}")
        sentences = tuple(
            SaidSentence(str(s["said"]), tuple(map(str, s["others"])), tuple(map(str, s["goal"])))
            for s in line["sentences"]
        )
        return Demonstration(line["task"], line["seed"], sentences, line, arrays)

    def _read(self, line: Mapping[str, Any]) -> bytes:
        path = self.path / line["file"]["path"]
        if not path.resolve().is_relative_to(self.path.resolve()):
            raise DemonstrationError(f"{path} leads out of the dataset's folder. Copy the file instead of linking it.")
        try:
            if (size := path.stat().st_size) != line["file"]["bytes"] or size > MAX_FILE_BYTES:
                raise DemonstrationError(
                    f"{path} has {size} bytes, expected {line['file']['bytes']}: damaged. Record it again."
                )
            content = path.read_bytes()
        except OSError as error:
            raise DemonstrationError(f"Cannot read {path}: {error.strerror}. Copy the whole dataset again.") from None
        if hashlib.sha256(content).hexdigest() != line["file"]["sha256"]:
            raise DemonstrationError(f"{path} differs from what was recorded (sha256): damaged. Record it again.")
        return content


def _load_header(path: Path) -> dict[str, Any]:
    header = _parse(_text(path), path)
    if not isinstance(header, dict) or header.get("schema") != SCHEMA:
        found = header.get("schema") if isinstance(header, dict) else None
        raise DemonstrationError(f"{path} says schema {found!r}, expected '{SCHEMA}'. Read it with its own version.")
    return header


def _load_lines(path: Path) -> list[dict[str, Any]]:
    """Lines of episodes that were kept; the last line may be torn, because the recording was interrupted there."""
    found: list[dict[str, Any]] = []
    whole, _, _ = _text(path).rpartition("\n")
    for number, text in enumerate(whole.splitlines(), 1):
        line = _parse(text, path, number)
        if not _is_line(line):
            raise DemonstrationError(f"{path}: line {number} is no '{EPISODE_SCHEMA}'. Take it out or record again.")
        if line["file"] is not None:
            found.append(line)
    return sorted(found, key=lambda line: (line["task"], line["seed"]))


def _is_line(line: Any) -> bool:
    """Whether what the reader relies on is there and of its type; the rest is for people."""
    if not isinstance(line, dict) or line.get("schema") != EPISODE_SCHEMA or not isinstance(line.get("seed"), int):
        return False
    file, sentences = line.get("file"), line.get("sentences")
    has_sentences = isinstance(sentences, list) and all(
        isinstance(s, dict) and all(isinstance(s.get(k), t) for k, t in SENTENCE_KEYS) for s in sentences
    )
    is_filed = file is None or (isinstance(file, dict) and all(isinstance(file.get(k), t) for k, t in FILE_KEYS))
    return isinstance(line.get("task"), str) and has_sentences and is_filed


SENTENCE_KEYS = (("said", str), ("others", list), ("goal", list))
FILE_KEYS = (("path", str), ("bytes", int), ("sha256", str))


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_TEXT_BYTES:
            raise DemonstrationError(f"{path} is larger than {MAX_TEXT_BYTES >> 30} GiB: no dataset of ours.")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DemonstrationError(f"Cannot read {path}: {error.strerror}. Give the folder of a dataset.") from None
    except UnicodeDecodeError as error:
        raise DemonstrationError(f"{path} is not text ({error.reason}): damaged. Record again.") from None


def _parse(text: str, path: Path, line: int | None = None) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        where = str(path) if line is None else f"{path}: line {line}"
        raise DemonstrationError(f"{where} is not JSON ({error}): damaged. Record again.") from None
