"""What a pinhole camera sees of a room, without noise.

In:  RayRoom, intrinsics, T_world_camera.
Out: for every pixel the depth along the optical axis and the triangle.

A shape is asked only where the box around it lies in the picture. There rays are cast for every second pixel of every
second row; between two that meet the same triangle the answer is known, since inverse depth is linear over a plane;
all other pixels are cast too. What is lost is anything narrower than two pixels that stands alone; what is won is two
thirds of the rays. A camera that stands still asks only what moved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32, Int, Int8, Int32

from ..perception.geometry import invert_pose
from ..perception.types import Intrinsics
from .raycast import RayRoom
from .resting import Memory, recall

UNKNOWN = np.int32(-2)
NEAR_M = 0.001
"""Nearer to the camera's plane it sees nothing of a box."""
EDGES = np.array([(k, k | bit) for k in range(8) for bit in (1, 2, 4) if not k & bit])
"""Corners that the edges of a box join, as RayMesh counts them."""


@dataclass(frozen=True, slots=True)
class Patch:
    """What one shape shows, in a part of the picture."""

    window: tuple[slice, slice]
    depth_m: Float32[np.ndarray, "rows columns"]
    triangle: Int32[np.ndarray, "rows columns"]


@dataclass(frozen=True, slots=True)
class Picture:
    """Depth (inf: nothing) and triangle (-1: nothing) by pixel, and what has been found out about the light.

    `lit` is 1 or 0 where it is known whether light reaches the surface past the shapes shown here, else -1; there
    `seen` is where the light sees the surface.
    """

    depth_m: Float32[np.ndarray, "height width"]
    triangle: Int32[np.ndarray, "height width"]
    lit: Int8[np.ndarray, " pixels"]
    seen: Float32[np.ndarray, "3 pixels"]

    def add(self, shape: int, share: Patch) -> None:
        """Take in what one shape shows; of equal depths the earlier shape's holds."""
        depth_m, triangle = self.depth_m[share.window], self.triangle[share.window]
        is_nearer = share.depth_m < depth_m
        is_nearer |= (share.depth_m == depth_m) & (share.triangle < triangle)
        np.copyto(depth_m, share.depth_m, where=is_nearer)
        np.copyto(triangle, share.triangle, where=is_nearer)

    def copy(self) -> Picture:
        """One that knows nothing of the light."""
        return _make_picture(self.depth_m.copy(), self.triangle.copy())

    def lend(self) -> Picture:
        """A copy: views hold on to it."""
        return self.copy()


@dataclass(frozen=True, slots=True)
class View:
    """One noiseless picture: depth (inf: nothing) and triangle (-1: nothing) by pixel, and where it was taken."""

    room: RayRoom
    T_world_camera: Float[np.ndarray, "4 4"]
    depth_m: Float32[np.ndarray, "height width"]
    triangle: Int32[np.ndarray, "height width"]
    directions_camera: Float32[np.ndarray, "height width 3"]
    memory: Memory[Patch, Picture] | None = None


class Pinhole:
    """The rays of one camera; one that mostly moves remembers nothing."""

    def __init__(self, intrinsics: Intrinsics, *, is_fixed: bool = True) -> None:
        self.intrinsics = intrinsics
        self._is_fixed = is_fixed
        self.directions_camera = pixel_directions(intrinsics)

    def look(
        self, room: RayRoom, T_world_camera: Float[np.ndarray, "4 4"], window: tuple[slice, slice] | None = None
    ) -> View:
        """Depth and triangle of every pixel, or of those in a window (rows, columns)."""
        part = window or (slice(None), slice(None))
        directions = self.directions_camera[part]
        if not self._is_fixed:
            eye, to_world = T_world_camera[:3, 3], T_world_camera[:3, :3].T.astype(np.float32)
            depth_m, triangle = _cast_sparsely(directions, lambda rays: _cast_all(room, eye, rays @ to_world))
            return View(room, T_world_camera, depth_m, triangle, directions)
        memory = recall(room, self, T_world_camera, self._blank)

        def ask(new: Int[np.ndarray, " new"]) -> list[Patch | None]:
            T_camera_shape = invert_pose(T_world_camera) @ room.T_world_shape[new]
            corners = (
                room.shapes.corners[new] @ T_camera_shape[:, :3, :3].swapaxes(1, 2) + T_camera_shape[:, None, :3, 3]
            )
            rows = zip(new.tolist(), self._windows(corners), invert_pose(T_camera_shape), strict=True)
            return [self._ask(room, index, found, T_shape_camera) for index, found, T_shape_camera in rows]

        whole = memory.see(room, np.ones(len(room.T_world_shape), bool), ask)
        view = View(room, T_world_camera, whole.depth_m[part], whole.triangle[part], directions)
        return view if window else replace(view, memory=memory)

    def _blank(self) -> Picture:
        shape = self.directions_camera.shape[:2]
        return _make_picture(np.full(shape, np.inf, np.float32), np.full(shape, -1, np.int32))

    def _windows(self, corners_camera: Float[np.ndarray, "shapes 8 3"]) -> list[tuple[slice, slice] | None]:
        """The part of the picture that holds each box, from an even row and column; None: none does."""
        lens = self.intrinsics
        first, second = corners_camera[:, EDGES[:, 0]], corners_camera[:, EDGES[:, 1]]
        # Where an edge passes the near plane, the box's outline begins.
        span_m = second[..., 2] - first[..., 2]
        share = np.clip((NEAR_M - first[..., 2]) / np.where(span_m == 0.0, 1.0, span_m), 0.0, 1.0)
        points = np.concatenate([corners_camera, first + share[..., None] * (second - first)], axis=1)
        is_ahead = points[..., 2] > NEAR_M * 0.999
        depth_m = np.where(is_ahead, points[..., 2], 1.0)
        sizes, windows = (lens.width, lens.height), []
        pixels = np.stack([lens.fx * points[..., 0] / depth_m + lens.cx, lens.fy * points[..., 1] / depth_m + lens.cy])
        # One pixel around, so that the last rays that are cast meet nothing.
        low = np.floor(pixels.min(axis=2, where=is_ahead, initial=np.inf)) - 1
        high = np.ceil(pixels.max(axis=2, where=is_ahead, initial=-np.inf)) + 2
        for edges in zip(low.T.tolist(), high.T.tolist(), strict=True):
            (left, top), (right, bottom) = (
                [int(min(max(edge, 0), size)) for edge, size in zip(pair, sizes, strict=True)] for pair in edges
            )
            is_inside = left < right and top < bottom
            windows.append((slice(top // 2 * 2, bottom), slice(left // 2 * 2, right)) if is_inside else None)
        return windows

    def _ask(
        self, room: RayRoom, index: int, window: tuple[slice, slice] | None, T_shape_camera: Float[np.ndarray, "4 4"]
    ) -> Patch | None:
        if window is None:
            return None
        eye, to_shape = T_shape_camera[:3, 3], T_shape_camera[:3, :3].T.astype(np.float32)
        shapes = room.shapes
        depth_m, triangle = _cast_sparsely(
            self.directions_camera[window], lambda rays: shapes.cast(index, eye, rays @ to_shape)
        )
        return Patch(window, depth_m, triangle) if triangle.max() >= 0 else None


def _cast_all(
    room: RayRoom, eye_world: Float[np.ndarray, "3"], directions_world: Float32[np.ndarray, "rays 3"]
) -> tuple[Float32[np.ndarray, " rays"], Int32[np.ndarray, " rays"]]:
    hits = room.cast(eye_world, directions_world)
    return hits.distance_m, hits.triangle


def _cast_sparsely(
    directions: Float32[np.ndarray, "rows columns 3"],
    cast: Callable[[Float32[np.ndarray, "rays 3"]], tuple[np.ndarray, np.ndarray]],
) -> tuple[Float32[np.ndarray, "rows columns"], Int32[np.ndarray, "rows columns"]]:
    """Depth and triangle of every pixel, cast at every second of every second row and where those disagree."""
    shape = directions.shape[:2]
    coarse = directions[::2, ::2]
    depth_m, met = cast(coarse.reshape(-1, 3))
    if met.max() < 0:
        return np.full(shape, np.inf, np.float32), np.full(shape, -1, np.int32)
    triangle = fill_labels(met.reshape(coarse.shape[:2]), shape)
    inverse = _fill_means(1.0 / depth_m.reshape(coarse.shape[:2]), shape)
    rest = np.flatnonzero(triangle == UNKNOWN)
    with np.errstate(divide="ignore"):
        depth_m = np.divide(np.float32(1.0), inverse, out=inverse)
    if len(rest):
        depth_m.reshape(-1)[rest], triangle.reshape(-1)[rest] = cast(directions.reshape(-1, 3).take(rest, axis=0))
    return depth_m, triangle


def _make_picture(depth_m: Float32[np.ndarray, "height width"], triangle: Int32[np.ndarray, "height width"]) -> Picture:
    unknown = np.full(depth_m.size, -1, np.int8)
    return Picture(depth_m, triangle, unknown, np.empty((3, depth_m.size), np.float32))


def make_intrinsics(width: int, height: int, fov_x_rad: float) -> Intrinsics:
    """A camera with square pixels and its centre in the middle."""
    focal = width / 2 / float(np.tan(fov_x_rad / 2))
    return Intrinsics(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)


def pixel_directions(intrinsics: Intrinsics) -> Float32[np.ndarray, "height width 3"]:
    """Directions through the pixel centres in the camera frame, with z = 1: distance along them is depth."""
    u, v = np.meshgrid(np.arange(intrinsics.width), np.arange(intrinsics.height))
    x, y = (u - intrinsics.cx) / intrinsics.fx, (v - intrinsics.cy) / intrinsics.fy
    return np.stack([x, y, np.ones_like(x)], axis=-1).astype(np.float32)


def fill_labels(
    coarse: Int32[np.ndarray, "rows2 columns2"], shape: tuple[int, int]
) -> Int32[np.ndarray, "rows columns"]:
    """Labels of every second pixel of every second row made into all; between unequal ones and at the end UNKNOWN."""
    labels = np.full(shape, UNKNOWN, np.int32)
    rows, columns = coarse.shape
    labels[::2, ::2] = coarse
    left, right = coarse[:, :-1], coarse[:, 1:]
    labels[::2, 1 : 2 * columns - 1 : 2] = np.where(left == right, left, UNKNOWN)
    above, below = labels[: 2 * rows - 2 : 2], labels[2 : 2 * rows : 2]
    labels[1 : 2 * rows - 1 : 2] = np.where(above == below, above, UNKNOWN)
    return labels


def _fill_means(
    coarse: Float32[np.ndarray, "rows2 columns2"], shape: tuple[int, int]
) -> Float32[np.ndarray, "rows columns"]:
    """Values of every second pixel of every second row, and between them their means."""
    values = np.zeros(shape, np.float32)
    rows, columns = coarse.shape
    values[::2, ::2] = coarse
    values[::2, 1 : 2 * columns - 1 : 2] = (coarse[:, :-1] + coarse[:, 1:]) * np.float32(0.5)
    np.add(values[: 2 * rows - 2 : 2], values[2 : 2 * rows : 2], out=values[1 : 2 * rows - 1 : 2])
    values[1 : 2 * rows - 1 : 2] *= np.float32(0.5)
    return values
