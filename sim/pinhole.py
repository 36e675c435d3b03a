"""What a pinhole camera sees of a room, without noise.

In:  RayRoom, intrinsics, T_world_camera.
Out: for every pixel the depth along the optical axis and the triangle; then its colour in light and shadow.

Rays are cast for every second pixel of every second row. Between two that meet the same triangle the answer is
known, since inverse depth is linear over a plane; all other pixels are cast too. The same with shadows. What is
lost is anything narrower than two pixels that stands alone; what is won is two thirds of the rays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int32

from ..perception.types import Intrinsics
from .raycast import RayRoom
from .shading import BACKGROUND, shade_triangles

UNKNOWN = np.int32(-2)


@dataclass(frozen=True, slots=True)
class View:
    """One noiseless picture: depth (inf: nothing) and triangle (-1: nothing) by pixel, and where it was taken."""

    room: RayRoom
    T_world_camera: Float[np.ndarray, "4 4"]
    depth_m: Float32[np.ndarray, "height width"]
    triangle: Int32[np.ndarray, "height width"]
    directions_camera: Float32[np.ndarray, "height width 3"]


class Pinhole:
    """The rays of one camera."""

    def __init__(self, intrinsics: Intrinsics) -> None:
        self.intrinsics = intrinsics
        self.directions_camera = pixel_directions(intrinsics)

    def look(
        self, room: RayRoom, T_world_camera: Float[np.ndarray, "4 4"], window: tuple[slice, slice] | None = None
    ) -> View:
        """Depth and triangle of every pixel, or of those in a window (rows, columns)."""
        directions = self.directions_camera[window] if window else self.directions_camera
        eye = T_world_camera[:3, 3]
        to_world = T_world_camera[:3, :3].T.astype(np.float32)
        coarse = directions[::2, ::2]
        hits = room.cast(eye, coarse.reshape(-1, 3) @ to_world)
        inverse, triangle = 1.0 / hits.distance_m.reshape(coarse.shape[:2]), hits.triangle.reshape(coarse.shape[:2])
        height, width = directions.shape[:2]
        for axis, size in ((1, width), (0, height)):
            inverse, triangle = _spread_mean(inverse, axis, size), _spread(triangle, axis, size)
        rest = np.flatnonzero(triangle == UNKNOWN)
        hits = room.cast(eye, directions.reshape(-1, 3)[rest] @ to_world)
        with np.errstate(divide="ignore"):
            depth_m = 1.0 / inverse
        depth_m.reshape(-1)[rest] = hits.distance_m
        triangle.reshape(-1)[rest] = hits.triangle
        return View(room, T_world_camera, depth_m, triangle, directions)


def shade(view: View, brightness: float = 1.0) -> Float32[np.ndarray, "height width 3"]:
    """Colour of every pixel: flat shading by triangle, the key light where it falls."""
    color = look_up(shade_table(view.room, brightness), find_lit(view), view.triangle)
    paint(view, color)
    return color


def paint(view: View, color: Float32[np.ndarray, "height width 3"]) -> None:
    """Put pictures, where surfaces bear them, in place of their mean colours."""
    if not view.room.has_pictures:
        return
    directions_world = view.directions_camera.reshape(-1, 3) @ view.T_world_camera[:3, :3].T.astype(np.float32)
    view.room.paint(
        color.reshape(-1, 3), view.triangle.ravel(), view.depth_m.ravel(), view.T_world_camera[:3, 3], directions_world
    )


def shade_table(room: RayRoom, brightness: float = 1.0) -> Float32[np.ndarray, "2 triangles 3"]:
    """Colour of every triangle in shadow and in light; the last one is the background."""
    table = shade_triangles(room.triangle_normals(), room.triangle_color, room.light)
    table[:, -1] = BACKGROUND
    table *= np.float32(brightness)
    return table


def look_up(
    table: Float32[np.ndarray, "2 triangles 3"],
    is_lit: Bool[np.ndarray, "*pixels"],
    triangle: Int32[np.ndarray, "*pixels"],
) -> Float32[np.ndarray, "*pixels 3"]:
    """The table's colour for each pixel."""
    num = table.shape[1]
    row = np.where(is_lit, triangle + np.int32(num), triangle)
    row[triangle < 0] = num - 1
    return table.reshape(-1, 3).take(row, axis=0)


def find_lit(view: View) -> Bool[np.ndarray, "height width"]:
    """Whether the key light reaches each pixel; False where it could not, on faces turned away from it."""
    faces_light = view.room.triangle_normals() @ np.array(view.room.light.toward_light, dtype=np.float32) > 0.0
    coarse = view.triangle[::2, ::2]
    lit = _is_lit(view, faces_light, coarse.ravel(), view.depth_m[::2, ::2].ravel(), view.directions_camera[::2, ::2])
    lit = lit.reshape(coarse.shape)
    for axis, size in ((1, view.depth_m.shape[1]), (0, view.depth_m.shape[0])):
        lit = _spread(lit, axis, size)
    rest = np.flatnonzero(lit == UNKNOWN)
    directions = view.directions_camera.reshape(-1, 3)[rest]
    lit.reshape(-1)[rest] = _is_lit(
        view, faces_light, view.triangle.ravel()[rest], view.depth_m.ravel()[rest], directions
    )
    return lit.astype(bool)


def _is_lit(
    view: View,
    faces_light: Bool[np.ndarray, " triangles"],
    triangle: Int32[np.ndarray, " pixels"],
    depth_m: Float32[np.ndarray, " pixels"],
    directions_camera: Float32[np.ndarray, "*pixels 3"],
) -> Int32[np.ndarray, " pixels"]:
    """1 where lit; only what faces the light is asked."""
    lit = np.zeros(len(triangle), np.int32)
    asked = np.flatnonzero(faces_light[triangle])
    points_camera = directions_camera.reshape(-1, 3)[asked] * depth_m[asked, None]
    rotation, eye = view.T_world_camera[:3, :3].astype(np.float32), view.T_world_camera[:3, 3].astype(np.float32)
    lit[asked] = view.room.is_lit(points_camera @ rotation.T + eye)
    return lit


def make_intrinsics(width: int, height: int, fov_x_rad: float) -> Intrinsics:
    """A camera with square pixels and its centre in the middle."""
    focal = width / 2 / float(np.tan(fov_x_rad / 2))
    return Intrinsics(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)


def pixel_directions(intrinsics: Intrinsics) -> Float32[np.ndarray, "height width 3"]:
    """Directions through the pixel centres in the camera frame, with z = 1: distance along them is depth."""
    u, v = np.meshgrid(np.arange(intrinsics.width), np.arange(intrinsics.height))
    x, y = (u - intrinsics.cx) / intrinsics.fx, (v - intrinsics.cy) / intrinsics.fy
    return np.stack([x, y, np.ones_like(x)], axis=-1).astype(np.float32)


def _spread(labels: Int32[np.ndarray, "rows columns"], axis: int, size: int) -> Int32[np.ndarray, "rows2 columns2"]:
    """Twice as many labels along an axis; a new one is UNKNOWN unless its neighbours are equal."""
    labels = np.moveaxis(labels, axis, 0)
    result = np.full((size, labels.shape[1]), UNKNOWN, np.int32)
    result[::2] = labels
    result[1 : 2 * len(labels) - 1 : 2] = np.where(labels[:-1] == labels[1:], labels[:-1], UNKNOWN)
    return np.moveaxis(result, 0, axis)


def _spread_mean(
    values: Float32[np.ndarray, "rows columns"], axis: int, size: int
) -> Float32[np.ndarray, "rows2 columns2"]:
    """Twice as many values along an axis, the new ones halfway between their neighbours."""
    values = np.moveaxis(values, axis, 0)
    result = np.zeros((size, values.shape[1]), np.float32)
    result[::2] = values
    result[1 : 2 * len(values) - 1 : 2] = (values[:-1] + values[1:]) * np.float32(0.5)
    return np.moveaxis(result, 0, axis)
