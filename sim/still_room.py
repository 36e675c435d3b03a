"""A furnished room that stands still, and a depth camera carried through it: truth for mapping.

In:  a seed, how many pictures.
Out: Walk: depth and colour pictures with their true poses, and the room as one body; the same for the same seed.

A table with boxes and balls on it, a shelf, a pillar, walls, turned so that no grid of voxels lies along them. Depth
noise is the Kinect's (Nguyen, Izadi, Lovell, "Modeling Kinect sensor noise", 2012): 1.2 mm at 0.4 m, 6 mm at 2 m;
where depth jumps there is none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, UInt8, UInt32
from scipy.spatial.transform import Rotation

from ..perception.types import Intrinsics
from .moving_rig import BOX_FACES
from .pinhole import make_intrinsics, pixel_directions
from .raycast import RayRoom, VisualBody

ROOM_M = (4.0, 3.6, 2.5)
TABLE_M = (1.4, 0.8, 0.75)
TURN_RAD, AWAY_M = (0.02, -0.03, 0.4), (0.137, -0.264, 0.043)
JUMP = 0.04
"""Neighbouring depths that differ by more than this share lie on two surfaces."""


@dataclass(frozen=True, slots=True)
class Walk:
    """What the camera saw, where it truly was, and what there is."""

    intrinsics: Intrinsics
    depth_m: Float32[np.ndarray, "pictures height width"]
    rgb: UInt8[np.ndarray, "pictures height width 3"]
    T_world_camera: Float[np.ndarray, "pictures 4 4"]
    body: VisualBody


def walk(num_pictures: int, seed: int, *, width: int = 640, height: int = 480, is_noisy: bool = True) -> Walk:
    """Furnish the room and carry the camera around the table."""
    rng = np.random.default_rng(seed)
    T_world_room = np.eye(4)
    T_world_room[:3, :3] = Rotation.from_euler("xyz", TURN_RAD).as_matrix()
    T_world_room[:3, 3] = AWAY_M
    body = furnish(rng, T_world_room)
    room, lens = RayRoom([body]), make_intrinsics(width, height, 1.1)
    rays = pixel_directions(lens).reshape(-1, 3)
    poses = T_world_room @ np.array([_look(share) for share in np.arange(num_pictures) / num_pictures])
    shape = (num_pictures, height, width)
    depths = np.zeros(shape, np.float32)
    colors = np.zeros((*shape, 3), np.uint8)
    for index, pose in enumerate(poses):
        hits = room.cast(pose[:3, 3], rays @ pose[:3, :3].T.astype(np.float32))
        depth_m = np.where(hits.is_hit, hits.distance_m, 0.0).reshape(height, width).astype(np.float32)
        light = 0.6 + 0.4 * np.abs(hits.normal_world @ np.array([0.3, 0.5, 0.8], np.float32))
        colors[index] = (255 * hits.color * light[:, None]).reshape(height, width, 3)
        depths[index] = _with_errors(depth_m, rng) if is_noisy else depth_m
    return Walk(lens, depths, colors, poses, body)


def furnish(rng: np.random.Generator, T_world_room: Float[np.ndarray, "4 4"]) -> VisualBody:
    """Walls, table, shelf and pillar, and on the table boxes and balls wherever the generator puts them."""
    wide, deep, high = ROOM_M
    parts = [
        _box((0.0, 0.0, -0.05), (wide, deep, 0.1), (0.55, 0.5, 0.45)),
        _box((0.0, deep / 2 + 0.05, high / 2), (wide, 0.1, high), (0.8, 0.8, 0.75)),
        _box((0.0, -deep / 2 - 0.05, high / 2), (wide, 0.1, high), (0.75, 0.8, 0.8)),
        _box((wide / 2 + 0.05, 0.0, high / 2), (0.1, deep, high), (0.8, 0.75, 0.8)),
        _box((-wide / 2 - 0.05, 0.0, high / 2), (0.1, deep, high), (0.7, 0.75, 0.7)),
        _box((0.0, 0.0, TABLE_M[2] - 0.02), (TABLE_M[0], TABLE_M[1], 0.04), (0.6, 0.45, 0.3)),
        _box((1.6, 1.4, 0.6), (0.6, 0.35, 1.2), (0.35, 0.45, 0.6)),
        _ball((-1.5, 1.3, 0.35), 0.35, (0.3, 0.6, 0.4), upright=4.0),
    ]
    for x in (-1.0, 1.0):
        parts += [_box((x * 0.62, y * 0.33, 0.355), (0.06, 0.06, 0.71), (0.5, 0.35, 0.2)) for y in (-1.0, 1.0)]
    for row in range(3):
        x = -0.45 + 0.45 * row
        color = tuple(rng.uniform(0.2, 0.9, 3).tolist())
        radius_m, tall_m = float(rng.uniform(0.05, 0.1)), float(rng.uniform(0.06, 0.22))
        parts.append(_ball((x + rng.uniform(-0.08, 0.08), 0.18, TABLE_M[2] + radius_m), radius_m, color))
        place = (x + rng.uniform(-0.08, 0.08), -0.2, TABLE_M[2] + tall_m / 2)
        parts.append(_box(place, (rng.uniform(0.06, 0.2), 0.12, tall_m), color[::-1]))
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    triangles = [part.triangles + np.uint32(start) for part, start in zip(parts, starts, strict=False)]
    shades = [np.tile(np.array(part.color, np.float32), (len(part.triangles), 1)) for part in parts]
    vertices = np.concatenate([part.vertices for part in parts])
    vertices = (vertices @ T_world_room[:3, :3].T + T_world_room[:3, 3]).astype(np.float32)
    return VisualBody("room", vertices, np.concatenate(triangles), np.concatenate(shades), is_static=True)


@dataclass(frozen=True, slots=True)
class Part:
    """One thing of the room, of one colour."""

    vertices: Float[np.ndarray, "vertices 3"]
    triangles: UInt32[np.ndarray, "triangles 3"]
    color: tuple[float, ...]


def _box(middle: tuple[float, ...], size: tuple[float, ...], color: tuple[float, ...]) -> Part:
    corners = np.array([[x, y, z] for z in (-1, 1) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]) / 2.0
    return Part(corners * size + middle, BOX_FACES, color)


def _ball(middle: tuple[float, ...], radius_m: float, color: tuple[float, ...], upright: float = 1.0) -> Part:
    """A ball of 48 × 24 faces, stretched upward."""
    around, down = 48, 24
    turn, fall = 2 * math.pi * np.arange(around) / around, math.pi * np.arange(down + 1) / down
    ring, level = np.sin(fall)[:, None], np.cos(fall)[:, None] * upright
    points = np.stack([ring * np.cos(turn), ring * np.sin(turn), level + 0 * turn], axis=-1).reshape(-1, 3)
    row, column = np.divmod(np.arange(around * down), around)
    a, b = row * around + column, row * around + (column + 1) % around
    faces = np.concatenate([np.stack([a, a + around, b], 1), np.stack([b, a + around, b + around], 1)])
    return Part(radius_m * points + middle, faces.astype(np.uint32), color)


def _look(share: float) -> Float[np.ndarray, "4 4"]:
    """T_world_camera on a round around the table, looking across it."""
    turn = 2 * math.pi * share
    eye = np.array([1.35 * math.cos(turn), 1.2 * math.sin(turn), 1.45 + 0.2 * math.sin(3 * turn)])
    forward = np.array([0.0, 0.0, 0.7 + 0.15 * math.cos(2 * turn)]) - eye
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = eye
    return pose


def _with_errors(
    depth_m: Float32[np.ndarray, "height width"], rng: np.random.Generator
) -> Float32[np.ndarray, "height width"]:
    """Noise that grows with distance, nothing where depth jumps."""
    is_lost = depth_m <= 0
    for axis in (0, 1):
        step = np.abs(np.diff(depth_m, axis=axis, append=np.take(depth_m, [-1], axis=axis)))
        is_lost |= step > JUMP * depth_m
    sigma_m = 0.0012 + 0.0019 * np.square(depth_m - 0.4)
    noisy_m = depth_m + sigma_m * rng.standard_normal(depth_m.shape)
    return np.where(is_lost, 0.0, noisy_m).astype(np.float32)
