"""Three coloured boxes on a table and a camera that sees them, in numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from verbot.perception.types import CameraImage, Intrinsics

INTRINSICS = Intrinsics(480, 360, 430.0, 430.0, 239.5, 179.5)
TABLE_RGB = (150, 135, 120)


@dataclass(slots=True)
class Box:
    """An upright box; `position_world` is its centre."""

    rgb: tuple[int, int, int]
    position_world: np.ndarray
    edge_m: float


def starting_boxes(rng: np.random.Generator) -> list[Box]:
    """Red, blue and yellow cubes, apart from each other."""
    colors = ((205, 40, 35), (30, 70, 200), (240, 215, 40))
    return [
        Box(rgb, np.array([0.45 + rng.uniform(-0.05, 0.05), y + rng.uniform(-0.03, 0.03), 0.0225]), 0.045)
        for rgb, y in zip(colors, (-0.18, 0.0, 0.18), strict=True)
    ]


def look_at(eye_world: np.ndarray, target_world: np.ndarray) -> np.ndarray:
    """T_world_camera of a camera at `eye` that looks at `target`, its top side up."""
    z = (target_world - eye_world) / np.linalg.norm(target_world - eye_world)
    x = np.cross(z, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    T_world_camera = np.eye(4)
    T_world_camera[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    T_world_camera[:3, 3] = eye_world
    return T_world_camera


def take_picture(boxes: list[Box], T_world_camera: np.ndarray, time_s: float) -> CameraImage:
    """RGB-D by intersecting every pixel's ray with the table and the boxes (slab method)."""
    i = INTRINSICS
    u, v = np.meshgrid(np.arange(i.width), np.arange(i.height))
    rays_camera = np.stack([(u - i.cx) / i.fx, (v - i.cy) / i.fy, np.ones(u.shape)], axis=-1)
    rays = rays_camera @ T_world_camera[:3, :3].T
    eye = T_world_camera[:3, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = np.where(rays[..., 2] < 0, -eye[2] / rays[..., 2], np.inf)
        rgb = np.empty((*u.shape, 3), dtype=np.float64)
        rgb[:] = TABLE_RGB
        for box in boxes:
            near = (box.position_world - box.edge_m / 2 - eye) / rays
            far = (box.position_world + box.edge_m / 2 - eye) / rays
            entry = np.minimum(near, far)
            enters, axis = entry.max(axis=-1), entry.argmax(axis=-1)
            leaves = np.maximum(near, far).min(axis=-1)
            hit = (enters < leaves) & (enters > 0) & (enters < depth)
            depth = np.where(hit, enters, depth)
            shade = np.array([0.75, 0.85, 1.0])[axis]  # the top is the brightest face
            rgb = np.where(hit[..., None], np.array(box.rgb) * shade[..., None], rgb)
    depth = np.where(np.isfinite(depth) & (depth < 3.0), depth, 0.0)
    return CameraImage("desk", time_s, rgb.astype(np.uint8), depth.astype(np.float32), i, T_world_camera)
