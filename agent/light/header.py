"""What a light recording says of itself: words behind its numbers, shapes, sensors.

In:  LightConfig, the robot's model.
Out: header.json and shapes.npz, enough to render everything without the simulator.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...planning.robot_description import load_robot
from ...planning.robot_model import RobotModel
from ...policies.torch_scenes.table import SCHEMA
from ...sim.body_parts import BodyParts, join_parts
from ...sim.camera import Camera
from ...sim.catalogue import KINDS, make_object
from ...sim.drawn_bodies import body_models
from ...sim.lidar import Lidar
from ...sim.robots.panda import arm_visuals
from ...sim.sensors import Composition, load_composition
from ..run_folder import RunFolder
from .columns import ACTIONS, RELATIONS
from .config import FREE_TO_CHANGE, LightConfig

CAMERA_ERRORS = (
    "range_min_m", "range_max_m", "depth_noise_m", "depth_noise_per_m", "depth_ripple", "edge_dropout",
    "random_dropout", "grazing_rad", "pixel_noise", "exposure_noise",
)  # fmt: skip
LIDAR_ERRORS = ("range_min_m", "range_max_m", "range_noise_m", "random_dropout", "grazing_rad", "dark_albedo")


@dataclass(frozen=True, slots=True)
class Cell:
    """What all episodes of a recording share."""

    model: RobotModel
    composition: Composition
    parts: BodyParts
    links: tuple[str, ...]


def make_cell(config: LightConfig) -> Cell:
    """The robot with its sensors, and every kind of body as parts."""
    composition = load_composition(config.composition)
    links = tuple(visual.name for visual in arm_visuals())
    return Cell(RobotModel(load_robot(composition.robot)), composition, join_parts(body_models()), links)


def write_header(folder: Path, config: LightConfig, cell: Cell) -> None:
    """Shapes first: a folder with a header is complete."""
    np.savez_compressed(folder / "shapes.npz", **cell.parts.arrays())  # pyright: ignore[reportArgumentType]
    text = json.dumps(make_header(config, cell), indent=1, ensure_ascii=False)
    RunFolder(folder).write_text("header.json", text + "\n")


def make_header(config: LightConfig, cell: Cell) -> dict[str, Any]:
    """Plain values."""
    kinds = {kind: _kind(kind) for kind in cell.parts.kinds}
    return {
        "schema": SCHEMA,
        "config": config.model_dump(mode="json", exclude=set(FREE_TO_CHANGE)),
        "actions": list(ACTIONS),
        "relations": list(RELATIONS),
        "kinds": kinds,
        "links": list(cell.links),
        "joints": list(cell.model.description.arm_joints),
        "sensors": [entry for sensor in cell.composition.sensors if (entry := _sensor(sensor)) is not None],
    }


def _kind(kind: str) -> dict[str, Any]:
    """Shape, size and hollow of what can be moved; furniture's rows tell their own place only."""
    if kind not in KINDS:
        return {}
    model = make_object(kind)
    size_m = [round(float(edge), 6) for edge in model.size_m]
    return {"shape": model.shape.value, "size_m": size_m, "cavity_depth_m": model.cavity_depth_m}


def _sensor(sensor: Any) -> dict[str, Any] | None:
    """Cameras and spinning LiDARs; what touches and turns is not rendered."""
    if isinstance(sensor, Camera):
        k = sensor.intrinsics
        lens = {"width": k.width, "height": k.height, "focal": k.fx, "cx": k.cx, "cy": k.cy}
        errors = {name: getattr(sensor.config, name) for name in CAMERA_ERRORS}
        return {"kind": "camera", **_mounting(sensor), **lens, **errors}
    if not isinstance(sensor, Lidar) or sensor.config.pattern != "spinning":
        return None
    config = sensor.config
    grid = {
        "rings": config.rings,
        "columns": config.columns,
        "azimuth_rad": [config.azimuth_min_rad, config.azimuth_max_rad],
        "elevation_rad": [config.elevation_min_rad, config.elevation_max_rad],
    }
    return {"kind": "lidar", **_mounting(sensor), **grid, **{name: getattr(config, name) for name in LIDAR_ERRORS}}


def _mounting(sensor: Camera | Lidar) -> dict[str, Any]:
    config = sensor.config
    return {"name": config.name, "mount": config.mount, "T_mount_sensor": sensor.T_mount_sensor.tolist()}
