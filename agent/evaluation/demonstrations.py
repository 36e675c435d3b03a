"""Demonstrations on disk: LeRobotDataset v3.0 folders, read with distrust and written whole.

In:  a folder with `meta/info.json` (whose key "verbot" says robot, convention, and suite, task and seed of each
     episode) and parquet files with `action`, `observation.state`, `timestamp`, `episode_index`.
Out: DemonstrationSet. Needs pyarrow: pip install 'verbot[datasets]'.
Only numbers are read, never pickled objects; paths stay inside the folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..config import ConfigError
from .convention import Convention

VERSION = "v3.0"
MAX_INFO_BYTES = 20_000_000
MAX_FILE_BYTES = 2_000_000_000
MAX_FILES = 10_000
MAX_VALUES = 64
MAX_FRAMES = 200_000
COLUMNS = ("action", "observation.state", "timestamp", "episode_index")


class EpisodeOrigin(BaseModel):
    """Where a demonstration was given: the scene can be built again from it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    suite: str
    task: str
    seed: int = Field(ge=0, le=2**31 - 1)


class Declaration(BaseModel):
    """The key "verbot" of `meta/info.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    robot: str = "panda"
    convention: Convention
    episodes: tuple[EpisodeOrigin, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One episode's frames as they are stored, in the dataset's own units."""

    index: int
    origin: EpisodeOrigin
    actions: Float[np.ndarray, "frames values"]
    states: Float[np.ndarray, "frames state_values"]
    timestamps_s: Float[np.ndarray, "frames"]


@dataclass(frozen=True, slots=True)
class DemonstrationSet:
    """A dataset: what it declares, and its episodes in order."""

    path: Path
    declaration: Declaration
    episodes: tuple[Demonstration, ...]


def load_demonstrations(path: Path, limit: int | None = None) -> DemonstrationSet:
    """Read a dataset, at most `limit` episodes of it.

    Raises:
        ConfigError: pyarrow is absent, or the folder is not such a dataset; one line says what is wrong.
    """
    info = _load_info(path)
    declaration = _read_declaration(info, path)
    wanted = declaration.episodes if limit is None else declaration.episodes[:limit]
    frames: dict[int, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {index: [] for index in range(len(wanted))}
    num_frames = 0
    for actions, states, timestamps, episode_indices in _batches(path):
        for index in np.unique(episode_indices):
            rows = episode_indices == index
            if int(index) in frames:
                frames[int(index)].append((actions[rows], states[rows], timestamps[rows]))
                num_frames += int(rows.sum())
        if num_frames > MAX_FRAMES:
            raise ConfigError(f"{path} has more than {MAX_FRAMES} frames. Choose fewer episodes with --episodes.")
    return DemonstrationSet(
        path, declaration, tuple(_demonstration(i, o, frames[i], path) for i, o in enumerate(wanted))
    )


def _demonstration(
    index: int, origin: EpisodeOrigin, parts: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], path: Path
) -> Demonstration:
    if sum(len(part[0]) for part in parts) < 2:
        raise ConfigError(f"{path}: episode {index} has fewer than two frames. Leave it out or record it again.")
    actions, states, timestamps = (np.concatenate(column) for column in zip(*parts, strict=True))
    if not (np.isfinite(actions).all() and np.isfinite(states).all()):
        raise ConfigError(f"{path}: episode {index} holds values that are not finite, expected numbers only.")
    return Demonstration(index, origin, actions, states, timestamps)


def _load_info(path: Path) -> dict[str, Any]:
    file = path / "meta" / "info.json"
    try:
        if file.stat().st_size > MAX_INFO_BYTES:
            raise ConfigError(f"{file} is larger than {MAX_INFO_BYTES} bytes. Give the folder of a LeRobotDataset.")
        info = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"Cannot read {file}: {error.strerror}. Give the folder of a LeRobotDataset v3.0.") from error
    except ValueError as error:
        raise ConfigError(f"{file} is not JSON: {error}. Export the dataset again.") from error
    if not isinstance(info, dict) or info.get("codebase_version") != VERSION:
        found = info.get("codebase_version") if isinstance(info, dict) else None
        raise ConfigError(
            f"{file} says codebase_version {found!r}, expected '{VERSION}'. Convert it with lerobot's own converter."
        )
    return info


def _read_declaration(info: dict[str, Any], path: Path) -> Declaration:
    try:
        return Declaration(**info["verbot"])
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f"{path}/meta/info.json has no key 'verbot' that names robot, convention and the suite, task and seed of "
            "each episode. Add it (docs/replay.md shows one), or record with verbot."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in ("verbot", *first["loc"]))
        raise ConfigError(f"{path}/meta/info.json: {key}: {first['msg']}. Correct it.") from error


def _batches(path: Path) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Actions, states, timestamps and episode indices, file by file in the order of their names."""
    parquet = import_pyarrow().parquet
    folder = path.resolve()
    files = sorted((folder / "data").glob("chunk-*/file-*.parquet"))
    if not files or len(files) > MAX_FILES:
        raise ConfigError(f"{path}/data holds {len(files)} parquet files, expected 1 to {MAX_FILES}.")
    for file in files:
        if not file.resolve().is_relative_to(folder):
            raise ConfigError(f"{file} leads out of the dataset's folder. Copy the file instead of linking it.")
        if file.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"{file} is larger than {MAX_FILE_BYTES} bytes. Split the dataset.")
        try:
            with parquet.ParquetFile(file) as opened:
                missing = [name for name in COLUMNS if name not in opened.schema_arrow.names]
                if missing:
                    raise ConfigError(f"{file} has no column {', '.join(missing)}. Export the dataset again.")
                for batch in opened.iter_batches(batch_size=8192, columns=list(COLUMNS)):
                    yield _columns(batch, file)
        except (OSError, import_pyarrow().ArrowException) as error:
            raise ConfigError(f"{file} cannot be read as parquet: {error}. Copy it again.") from error


def _columns(batch: Any, file: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    vectors = []
    for name in COLUMNS[:2]:
        column = batch.column(name)
        try:
            values = np.asarray(column.flatten().to_numpy(zero_copy_only=False), dtype=float)
        except (AttributeError, ValueError, TypeError) as error:
            raise ConfigError(f"{file}: column '{name}' holds {column.type}, expected lists of numbers.") from error
        width = len(values) // max(len(column), 1)
        if width * len(column) != len(values) or not 0 < width <= MAX_VALUES:
            raise ConfigError(f"{file}: rows of '{name}' differ in length or have more than {MAX_VALUES} values.")
        vectors.append(values.reshape(len(column), width))
    times = np.asarray(batch.column("timestamp").to_numpy(zero_copy_only=False), dtype=float)
    indices = np.asarray(batch.column("episode_index").to_numpy(zero_copy_only=False), dtype=np.int64)
    return vectors[0], vectors[1], times, indices


def import_pyarrow() -> Any:
    """Pyarrow with its parquet part; it is an optional extra."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigError("Datasets need pyarrow: pip install 'verbot[datasets]'.") from error
    return pyarrow
