"""Looks with the truth about them, for training and for measuring: never part of a running robot.

In:  LabelledLook values, made by a simulator.
Out: the same, from one safetensors file a shard: read with torch and numpy alone.

Sensors are believed to be where calibration and encoders say (`T_world_sensor`); where they truly were is kept beside.
Depth is stored in 1/16 mm, colour as it came.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int16
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from .types import (
    CameraImage,
    Intrinsics,
    JointSamples,
    LidarScan,
    ObjectState,
    SensorFrame,
    Shape,
)

FORMAT = "verbot-labelled-looks/1"
DEPTH_STEP_M = 1.0 / 16000.0


class LabelledLooksError(ValueError):
    """A shard that is not one; the message is one line."""


@dataclass(frozen=True, slots=True)
class LabelledLook:
    """One frame and what it shows. `instances` holds by sensor, for each pixel or point, the object's index or -1.

    `conditions` says by sensor what is wrong with it: "ok", "dark", "noisy", "sparse" or "absent".
    """

    seed: int
    frame: SensorFrame
    T_world_sensor: dict[str, Float[np.ndarray, "4 4"]]
    true_T_world_sensor: dict[str, Float[np.ndarray, "4 4"]]
    objects: tuple[ObjectState, ...]
    instances: dict[str, Int16[np.ndarray, "..."]]
    conditions: dict[str, str]
    is_moving: bool


def save_looks(path: str | Path, looks: Sequence[LabelledLook]) -> None:
    """One shard with all of them."""
    arrays: dict[str, np.ndarray] = {}
    heads = [_pack(look, f"{number:05d}/", arrays) for number, look in enumerate(looks)]
    save_file(arrays, str(path), {"format": FORMAT, "looks": json.dumps(heads)})


def load_looks(path: str | Path) -> list[LabelledLook]:
    """All looks of a shard.

    Raises:
        LabelledLooksError: the file is absent, damaged or of another kind.
    """
    try:
        with safe_open(str(path), "numpy") as file:
            told = file.metadata() or {}
            if told.get("format") != FORMAT:
                raise LabelledLooksError(f"'{path}' is not of format '{FORMAT}'. Draw the looks again.")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        return [_unpack(head, f"{number:05d}/", arrays) for number, head in enumerate(json.loads(told["looks"]))]
    except (OSError, SafetensorError, KeyError) as problem:
        raise LabelledLooksError(f"'{path}' cannot be read as labelled looks: {problem}. Draw them again.") from None


def _pack(look: LabelledLook, key: str, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """The arrays go among the others, the rest is told."""
    frame = look.frame
    for image in frame.images:
        arrays[f"{key}{image.sensor}/rgb"] = image.rgb
        steps = np.nan_to_num(image.depth_m, nan=0.0, posinf=0.0, neginf=0.0) / DEPTH_STEP_M
        arrays[f"{key}{image.sensor}/depth"] = np.clip(np.round(steps), 0, 65535).astype(np.uint16)
    for scan in frame.scans:
        arrays[f"{key}{scan.sensor}/points"] = scan.points_sensor
        arrays[f"{key}{scan.sensor}/times"] = scan.point_times_s
        arrays[f"{key}{scan.sensor}/intensity"] = scan.intensity
    for name, instances in look.instances.items():
        arrays[f"{key}{name}/instances"] = instances
    if frame.joints is not None:
        for name in ("times_s", "positions_rad", "velocities_radps", "gripper_width_m"):
            arrays[f"{key}joints/{name}"] = np.ascontiguousarray(getattr(frame.joints, name))
    return {
        "seed": look.seed,
        "time_s": frame.time_s,
        "images": [_mounted(i, i.T_mount_camera) | {"intrinsics": asdict(i.intrinsics)} for i in frame.images],
        "scans": [_mounted(scan, scan.T_mount_sensor) for scan in frame.scans],
        "joints": None if frame.joints is None else frame.joints.names,
        "T_world_sensor": {name: pose.tolist() for name, pose in look.T_world_sensor.items()},
        "true_T_world_sensor": {name: pose.tolist() for name, pose in look.true_T_world_sensor.items()},
        "objects": [_object_to_dict(item) for item in look.objects],
        "conditions": look.conditions,
        "is_moving": look.is_moving,
    }


def _mounted(measured: CameraImage | LidarScan, pose: Float[np.ndarray, "4 4"]) -> dict[str, Any]:
    return {"sensor": measured.sensor, "time_s": measured.time_s, "mount": measured.mount, "pose": pose.tolist()}


def _unpack(head: dict[str, Any], key: str, arrays: dict[str, np.ndarray]) -> LabelledLook:
    images = [
        CameraImage(
            told["sensor"],
            told["time_s"],
            arrays[f"{key}{told['sensor']}/rgb"],
            arrays[f"{key}{told['sensor']}/depth"].astype(np.float32) * np.float32(DEPTH_STEP_M),
            Intrinsics(**told["intrinsics"]),
            np.array(told["pose"]),
            told["mount"],
        )
        for told in head["images"]
    ]
    scans = [
        LidarScan(
            told["sensor"],
            told["time_s"],
            arrays[f"{key}{told['sensor']}/points"],
            arrays[f"{key}{told['sensor']}/times"],
            arrays[f"{key}{told['sensor']}/intensity"],
            np.array(told["pose"]),
            told["mount"],
        )
        for told in head["scans"]
    ]
    joints = None
    if head["joints"] is not None:
        parts = (
            arrays[f"{key}joints/{name}"]
            for name in ("times_s", "positions_rad", "velocities_radps", "gripper_width_m")
        )
        joints = JointSamples(tuple(head["joints"]), *parts)
    sensors = [told["sensor"] for told in (*head["images"], *head["scans"])]
    return LabelledLook(
        head["seed"],
        SensorFrame(head["time_s"], tuple(images), tuple(scans), joints=joints),
        {name: np.array(pose) for name, pose in head["T_world_sensor"].items()},
        {name: np.array(pose) for name, pose in head["true_T_world_sensor"].items()},
        tuple(_object_from_dict(told, head["time_s"]) for told in head["objects"]),
        {name: arrays[f"{key}{name}/instances"] for name in sensors},
        head["conditions"],
        head["is_moving"],
    )


def _object_to_dict(item: ObjectState) -> dict[str, Any]:
    return {
        "id": item.id,
        "pose_world": item.pose_world.tolist(),
        "size_m": item.size_m.tolist(),
        "color_rgb": item.color_rgb.tolist(),
        "color": item.color,
        "shape": item.shape.value,
        "cavity_depth_m": item.cavity_depth_m,
    }


def _object_from_dict(told: dict[str, Any], time_s: float) -> ObjectState:
    return ObjectState(
        id=told["id"],
        pose_world=np.array(told["pose_world"]),
        covariance=1e-12 * np.eye(6),
        size_m=np.array(told["size_m"]),
        color_rgb=np.array(told["color_rgb"]),
        color=told["color"],
        shape=Shape(told["shape"]),
        shape_confidence=1.0,
        existence=1.0,
        sources=("truth",),
        last_seen_s=time_s,
        cavity_depth_m=told["cavity_depth_m"],
    )
