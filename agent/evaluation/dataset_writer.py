"""Writes demonstrations as a LeRobotDataset v3.0 folder, with the declaration that replaying needs.

In:  RecordedMotion values: what a body did and what it was told, at the dataset's rate.
Out: meta/info.json, meta/tasks.parquet, meta/episodes, meta/stats.json, data/chunk-000/file-000.parquet.
No pictures: they are what `verbot record` adds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from ...planning.robot_model import RobotModel
from ..config import ConfigError
from .convention import SCALES, Convention, make_start, write_actions
from .demonstrations import VERSION, Declaration, EpisodeOrigin, import_pyarrow

DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
INDICES = ("frame_index", "episode_index", "index", "task_index")


@dataclass(frozen=True, slots=True)
class RecordedMotion:
    """One episode at a fixed rate: where the body was at each frame, and where it was told to be one frame later."""

    origin: EpisodeOrigin
    command: str
    times_s: Float[np.ndarray, "frames"]
    positions_rad: Float[np.ndarray, "frames joints"]
    widths_m: Float[np.ndarray, "frames"]
    target_positions_rad: Float[np.ndarray, "frames joints"]
    target_widths_m: Float[np.ndarray, "frames"]


def write_demonstrations(
    folder: Path, motions: Sequence[RecordedMotion], convention: Convention, model: RobotModel
) -> Path:
    """Write a new dataset; the actions are expressed in the convention.

    Raises:
        ConfigError: the folder holds something already, or pyarrow is absent.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty. Give a new folder for the dataset.")
    arrow = import_pyarrow()
    columns = _columns(motions, convention, model)
    tasks = list(dict.fromkeys(motion.command for motion in motions))
    columns["task_index"] = np.concatenate(
        [np.full(len(motion.times_s), tasks.index(motion.command)) for motion in motions]
    )
    _write_table(arrow, folder / DATA_PATH.format(chunk_index=0, file_index=0), columns)
    _write_tasks(arrow, folder / "meta" / "tasks.parquet", tasks)
    _write_episodes(arrow, folder / "meta" / "episodes" / "chunk-000" / "file-000.parquet", motions)
    _write_json(folder / "meta" / "stats.json", {name: _stats(values) for name, values in columns.items()})
    _write_json(folder / "meta" / "info.json", _info(motions, convention, model, columns, len(tasks)))
    return folder


def _columns(motions: Sequence[RecordedMotion], convention: Convention, model: RobotModel) -> dict[str, np.ndarray]:
    actions, states = [], []
    angle = SCALES[convention.state_angle or convention.angle]
    length = SCALES[convention.state_length or convention.length]
    for motion in motions:
        start = make_start(motion.positions_rad[0], model)
        actions.append(write_actions(motion.target_positions_rad, motion.target_widths_m, convention, start, model))
        states.append(np.column_stack([motion.positions_rad / angle, motion.widths_m / length]))
    lengths = [len(motion.times_s) for motion in motions]
    return {
        "action": np.concatenate(actions).astype(np.float32),
        "observation.state": np.concatenate(states).astype(np.float32),
        "timestamp": np.concatenate([motion.times_s for motion in motions]).astype(np.float32),
        "frame_index": np.concatenate([np.arange(n) for n in lengths]),
        "episode_index": np.repeat(np.arange(len(motions)), lengths),
        "index": np.arange(sum(lengths)),
    }


def _write_table(arrow: Any, path: Path, columns: dict[str, np.ndarray]) -> None:
    arrays = {}
    for name, values in columns.items():
        if values.ndim == 2:
            flat = arrow.array(values.ravel(), type=arrow.float32())
            arrays[name] = arrow.FixedSizeListArray.from_arrays(flat, values.shape[1])
        else:
            arrays[name] = arrow.array(values)
    _write_parquet(arrow, path, arrow.table(arrays))


def _write_tasks(arrow: Any, path: Path, tasks: Sequence[str]) -> None:
    """The sentence is pandas' index, as lerobot reads it; written without pandas."""
    table = arrow.table({"task_index": arrow.array(range(len(tasks)), arrow.int64()), "task": arrow.array(tasks)})
    kinds = (("task_index", "int64", "int64"), ("task", "unicode", "object"))
    pandas = {
        "index_columns": ["task"],
        "column_indexes": [],
        "columns": [
            {"name": n, "field_name": n, "pandas_type": p, "numpy_type": t, "metadata": None} for n, p, t in kinds
        ],
        "pandas_version": "2.2.0",
    }
    _write_parquet(arrow, path, table.replace_schema_metadata({"pandas": json.dumps(pandas)}))


def _write_episodes(arrow: Any, path: Path, motions: Sequence[RecordedMotion]) -> None:
    ends = np.cumsum([len(motion.times_s) for motion in motions])
    zeros = [0] * len(motions)
    columns = {
        "episode_index": list(range(len(motions))),
        "tasks": [[motion.command] for motion in motions],
        "length": [len(motion.times_s) for motion in motions],
        "data/chunk_index": zeros,
        "data/file_index": zeros,
        "dataset_from_index": [int(end) - len(m.times_s) for end, m in zip(ends, motions, strict=True)],
        "dataset_to_index": [int(end) for end in ends],
        "meta/episodes/chunk_index": zeros,
        "meta/episodes/file_index": zeros,
    }
    _write_parquet(arrow, path, arrow.table(columns))


def _info(
    motions: Sequence[RecordedMotion],
    convention: Convention,
    model: RobotModel,
    columns: dict[str, np.ndarray],
    num_tasks: int,
) -> dict[str, Any]:
    joints = list(model.description.arm_joints)
    pose = ["x", "y", "z", "rx", "ry", "rz"]
    names = {
        "action": [*(joints if convention.frame == "joint" else pose), "gripper"],
        "observation.state": [*joints, "gripper_width"],
    }
    features: dict[str, Any] = {
        name: {"dtype": "float32", "shape": [columns[name].shape[1]], "names": names[name]} for name in names
    }
    features["timestamp"] = {"dtype": "float32", "shape": [1], "names": None}
    features |= {name: {"dtype": "int64", "shape": [1], "names": None} for name in INDICES}
    declaration = Declaration(
        robot=model.description.name, convention=convention, episodes=tuple(motion.origin for motion in motions)
    )
    rate_hz = convention.rate_hz
    return {
        "codebase_version": VERSION,
        "robot_type": model.description.name,
        "total_episodes": len(motions),
        "total_frames": len(columns["index"]),
        "total_tasks": num_tasks,
        "chunks_size": 1000,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": int(rate_hz) if rate_hz == int(rate_hz) else rate_hz,
        "splits": {"train": f"0:{len(motions)}"},
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH,
        "features": features,
        "verbot": declaration.model_dump(mode="json"),
    }


def _stats(values: np.ndarray) -> dict[str, Any]:
    rows = values.reshape(len(values), -1).astype(float)
    found = {"min": rows.min(axis=0), "max": rows.max(axis=0), "mean": rows.mean(axis=0), "std": rows.std(axis=0)}
    found |= {name: np.quantile(rows, share, axis=0) for name, share in QUANTILES.items()}
    return {**{name: value.tolist() for name, value in found.items()}, "count": [len(rows)]}


def _write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _write_parquet(arrow: Any, path: Path, table: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrow.parquet.write_table(table, path)
