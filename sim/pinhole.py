"""What a pinhole camera sees of a room, without noise.

In:  RayRoom, intrinsics, T_world_camera.
Out: for every pixel the depth along the optical axis and the triangle; then its colour in light and shadow.

Rays are cast for every second pixel of every second row. Between two that meet the same triangle the answer is
known, since inverse depth is linear over a plane; all other pixels are cast too. What is lost is anything
narrower than two pixels that stands alone; what is won is three quarters of the rays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int32, UInt8

from ..perception.types import Intrinsics
from .raycast import RayRoom
from .shading import BACKGROUND, shade_triangles

UNKNOWN = np.int32(-2)
SHARES = 4
"""Steps of a half shadow: halfway between halfway."""


@dataclass(frozen=True, slots=True)
class View:
    """One noiseless picture: depth (inf: nothing) and triangle (-1: nothing) by pixel, and where it was taken."""

    room: RayRoom
    T_world_camera: Float[np.ndarray, "4 4"]
    depth_m: Float32[np.ndarray, "height width"]
    triangle: Int32[np.ndarray, "height width"]


class Pinhole:
    """The rays of one camera."""

    def __init__(self, intrinsics: Intrinsics) -> None:
        self.intrinsics = intrinsics
        self.directions_camera = pixel_directions(intrinsics)

    def look(self, room: RayRoom, T_world_camera: Float[np.ndarray, "4 4"]) -> View:
        """Depth and triangle of every pixel."""
        eye = T_world_camera[:3, 3]
        to_world = T_world_camera[:3, :3].T.astype(np.float32)
        coarse = self.directions_camera[::2, ::2]
        hits = room.cast(eye, coarse.reshape(-1, 3) @ to_world)
        inverse, triangle = 1.0 / hits.distance_m.reshape(coarse.shape[:2]), hits.triangle.reshape(coarse.shape[:2])
        height, width = self.directions_camera.shape[:2]
        for axis, size in ((1, width), (0, height)):
            inverse, triangle = _fill_between(inverse, triangle, axis, size)
        rest = np.flatnonzero(triangle == UNKNOWN)
        hits = room.cast(eye, self.directions_camera.reshape(-1, 3)[rest] @ to_world)
        with np.errstate(divide="ignore"):
            depth_m = 1.0 / inverse
        depth_m.reshape(-1)[rest] = hits.distance_m
        triangle.reshape(-1)[rest] = hits.triangle
        return View(room, T_world_camera, depth_m, triangle)

    def shade(self, view: View, brightness: float = 1.0) -> Float32[np.ndarray, "height width 3"]:
        """Colour of every pixel: flat shading by triangle, shadow of the key light at half resolution."""
        room = view.room
        table = shade_triangles(room.triangle_normals(), room.triangle_color, room.light, SHARES)
        table[:, -1] = BACKGROUND
        table *= np.float32(brightness)
        row = self.light_shares(view).astype(np.int32)
        row *= np.int32(table.shape[1])
        row += view.triangle
        row[view.triangle < 0] = table.shape[1] - 1
        return table.reshape(-1, 3).take(row, axis=0)

    def light_shares(self, view: View) -> UInt8[np.ndarray, "height width"]:
        """How much of the key light reaches each pixel, 0 to SHARES, smoothed between the shadow rays."""
        height, width = view.depth_m.shape
        depth_m = view.depth_m[::2, ::2]
        is_hit = np.isfinite(depth_m)
        share = np.full(depth_m.shape, SHARES, np.uint8)
        points_camera = self.directions_camera[::2, ::2][is_hit] * depth_m[is_hit, None]
        rotation, eye = view.T_world_camera[:3, :3].astype(np.float32), view.T_world_camera[:3, 3].astype(np.float32)
        is_lit = view.room.is_lit(points_camera @ rotation.T + eye)
        share[is_hit] = is_lit.view(np.uint8) * np.uint8(SHARES)
        return _double(_double(share, 0)[:height], 1)[:, :width]


def make_intrinsics(width: int, height: int, fov_x_rad: float) -> Intrinsics:
    """A camera with square pixels and its centre in the middle."""
    focal = width / 2 / float(np.tan(fov_x_rad / 2))
    return Intrinsics(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)


def pixel_directions(intrinsics: Intrinsics) -> Float32[np.ndarray, "height width 3"]:
    """Directions through the pixel centres in the camera frame, with z = 1: distance along them is depth."""
    u, v = np.meshgrid(np.arange(intrinsics.width), np.arange(intrinsics.height))
    x, y = (u - intrinsics.cx) / intrinsics.fx, (v - intrinsics.cy) / intrinsics.fy
    return np.stack([x, y, np.ones_like(x)], axis=-1).astype(np.float32)


def _fill_between(
    inverse: Float32[np.ndarray, "rows columns"], triangle: Int32[np.ndarray, "rows columns"], axis: int, size: int
) -> tuple[Float32[np.ndarray, "rows2 columns2"], Int32[np.ndarray, "rows2 columns2"]]:
    """Spread values along an axis to `size`; between equal triangles the mean, else UNKNOWN."""
    shape = (triangle.shape[0], size) if axis == 1 else (size, triangle.shape[1])
    full_inverse, full_triangle = np.zeros(shape, np.float32), np.full(shape, UNKNOWN, np.int32)
    even = (slice(None), slice(None, None, 2)) if axis == 1 else (slice(None, None, 2), slice(None))
    odd = (slice(None), slice(1, size - 1, 2)) if axis == 1 else (slice(1, size - 1, 2), slice(None))
    first, second = (_along(axis, slice(None, -1)), _along(axis, slice(1, None)))
    full_inverse[even], full_triangle[even] = inverse, triangle
    np.add(inverse[first], inverse[second], out=full_inverse[odd])
    full_inverse[odd] *= np.float32(0.5)
    full_triangle[odd] = np.where(triangle[first] == triangle[second], triangle[first], UNKNOWN)
    return full_inverse, full_triangle


def _along(axis: int, part: slice) -> tuple[slice, slice]:
    return (part, slice(None)) if axis == 0 else (slice(None), part)


def _double(values: UInt8[np.ndarray, "rows columns"], axis: int) -> UInt8[np.ndarray, "rows2 columns2"]:
    """Twice as many values along an axis, the new ones halfway between their neighbours."""
    values = np.moveaxis(values, axis, 0)
    result = np.empty((2 * len(values), *values.shape[1:]), np.uint8)
    result[::2] = values
    result[1:-1:2] = (values[:-1] + values[1:]) // 2
    result[-1] = values[-1]
    return np.moveaxis(result, 0, axis)
