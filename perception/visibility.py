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
from .types import CameraImage

_TOLERANCE_M = 0.015
_LOW_SHARE = 0.5  # of a low thing's height: what is seen deeper than that is no more its top
_NOISE_M = 0.004


@dataclass(frozen=True, slots=True)
class Visibility:
    """`through`: share of the box's top through which a camera saw farther; `on`: where it saw a surface; 0–1."""

    through: float
    on: float


def look_at_box(
    pose_world: Float[np.ndarray, "4 4"], size_m: Float[np.ndarray, "3"], cavity_m: float, views: Sequence[View]
) -> Visibility:
    """Compare the depth images with the box's top (an opening: its rim)."""
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
