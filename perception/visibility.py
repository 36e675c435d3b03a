"""Whether a place was looked at, and whether something was there.

In:  a box in the world, and the views of one look.
Out: shares of its upper surface that were seen through, seen occupied, or hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from .geometry import invert_pose, project_points
from .points import View
from .types import CameraImage, LidarScan

_TOLERANCE_M = 0.015
_LOW_SHARE = 0.5  # of a low thing's height: what is seen deeper than that is no more its top
_NOISE_M = 0.004
_FEWEST_BEAMS = 4
_NONE = np.zeros((0, 3))


@dataclass(frozen=True, slots=True)
class Visibility:
    """`through`: share of the box's top through which a camera saw farther; `on`: where it saw a surface; 0–1."""

    through: float
    on: float


def look_at_box(
    pose_world: Float[np.ndarray, "4 4"], size_m: Float[np.ndarray, "3"], cavity_m: float, views: Sequence[View]
) -> Visibility:
    """Compare the depth images with the box's top (an opening: its rim)."""
    if not any(isinstance(view.measured, CameraImage) for view in views):
        return _scan_box(pose_world, size_m, views)
    local = _top_samples(size_m, cavity_m)
    world = local @ pose_world[:3, :3].T + pose_world[:3, 3]
    tolerance_m = max(_NOISE_M, min(_TOLERANCE_M, _LOW_SHARE * float(size_m[2])))
    through, on = np.zeros(len(world), dtype=bool), np.zeros(len(world), dtype=bool)
    for view in views:
        if isinstance(view.measured, CameraImage):
            beyond_m = depth_beyond(world, view)
            through |= beyond_m > tolerance_m
            on |= np.abs(beyond_m) <= tolerance_m
    return Visibility(float((through & ~on).mean()), float(on.mean()))


def _scan_box(
    pose_world: Float[np.ndarray, "4 4"], size_m: Float[np.ndarray, "3"], views: Sequence[View]
) -> Visibility:
    """The same of LiDARs: shares of the beams that would meet the box, most of which may be hidden."""
    through, on, num = 0, 0, 0
    T_box_world = invert_pose(pose_world)
    half: Float[np.ndarray, "3"] = size_m / 2
    for view in views:
        T_box_sensor = T_box_world @ view.T_world_sensor
        points = view.measured.points_sensor.astype(np.float64) if isinstance(view.measured, LidarScan) else _NONE
        points = points[np.isfinite(points).all(axis=1)]
        ends, start = points @ T_box_sensor[:3, :3].T + T_box_sensor[:3, 3], T_box_sensor[:3, 3]
        way = np.where(np.abs(ends - start) < 1e-9, 1e-9, ends - start)
        low, high = (-0.9 * half - start) / way, (0.9 * half - start) / way
        enters, leaves = np.minimum(low, high).max(axis=1), np.maximum(low, high).min(axis=1)
        meets = (leaves > enters) & (leaves > 0.0)
        beyond_m = (1.0 - leaves) * np.linalg.norm(way, axis=1)
        through += int((meets & (beyond_m > _TOLERANCE_M)).sum())
        is_on = (np.abs(ends) <= half + _NOISE_M).all(axis=1)
        on += int((is_on & (ends[:, 2] > 2 * _NOISE_M - half[2])).sum())  # lower is what it stands on
        num += int(meets.sum())
    if through + on < _FEWEST_BEAMS:
        return Visibility(0.0, 0.0)
    return Visibility(through / max(num, 1), min(on / max(num, 1), 1.0))


def depth_beyond(points_world: Float[np.ndarray, "points 3"], view: View) -> Float[np.ndarray, " points"]:
    """How much deeper than each point a camera saw in its direction: negative where something hid it, NaN unseen."""
    return depths_beyond(points_world, view, ((0, 0),))[0]


def depths_beyond(
    points_world: Float[np.ndarray, "points 3"], view: View, around_pixels: Sequence[tuple[int, int]]
) -> Float[np.ndarray, "pixels points"]:
    """The same in each of the pixels (u, v) beside the point's own."""
    image = view.measured
    assert isinstance(image, CameraImage)  # scans do not look at places
    i = image.intrinsics
    camera = _into_camera(points_world, view)
    pixel = np.round(project_points(camera, i)).astype(np.int64)
    beyond_m = np.full((len(around_pixels), len(camera)), np.nan)
    for found_m, beside in zip(beyond_m, around_pixels, strict=True):
        u, v = (pixel + beside).T
        rows = np.flatnonzero((camera[:, 2] > 0.05) & (u >= 0) & (v >= 0) & (u < i.width) & (v < i.height))
        depth = image.depth_m[v[rows], u[rows]].astype(np.float64)
        known = np.isfinite(depth) & (depth > 0.05)
        found_m[rows[known]] = depth[known] - camera[rows[known], 2]
    return beyond_m


def pixels_of(points_world: Float[np.ndarray, "points 3"], view: View) -> Int[np.ndarray, "points 2"]:
    """The pixels (u, v) from which the camera's own points came."""
    assert isinstance(view.measured, CameraImage)  # scans have no pixels
    i = view.measured.intrinsics
    pixels = np.round(project_points(_into_camera(points_world, view), i)).astype(np.int64)
    return np.clip(pixels, 0, (i.width - 1, i.height - 1))


def _into_camera(points_world: Float[np.ndarray, "points 3"], view: View) -> Float[np.ndarray, "points 3"]:
    T_camera_world = invert_pose(view.T_world_sensor)
    return points_world @ T_camera_world[:3, :3].T + T_camera_world[:3, 3]


def _top_samples(size_m: Float[np.ndarray, "3"], cavity_m: float) -> Float[np.ndarray, "samples 3"]:
    if cavity_m > 0.3 * size_m[2]:
        angle = np.arange(24) * (2 * np.pi / 24)
        flat = 0.48 * size_m[:2] * np.column_stack([np.cos(angle), np.sin(angle)])
    else:
        steps = np.linspace(-0.4, 0.4, 5)
        flat = size_m[:2] * np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    return np.column_stack([flat, np.full(len(flat), size_m[2] / 2)])
