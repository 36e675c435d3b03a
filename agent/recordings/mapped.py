"""A real room put into our map and into Open3D's VoxelBlockGrid, judged by a frame that neither was given.

In:  a Recording of RGB-D frames with poses.
Out: MapFound of each side: how far the points of the frame left out lie from the mesh of the others.

Both have voxels of 1 cm, get the same pictures and poses, and take surfaces seen once. A point of which the mesh knows
nothing within 5 cm counts as missed, not as far away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module  # open3d's stubs know few of its own overloads
from typing import Any

import numpy as np
from jaxtyping import Float

from ...perception.mapping.config import MapConfig
from ...perception.mapping.keyframe_map import KeyframeMap
from ...perception.mapping.measurements import DepthPictures
from ...perception.mapping.meshing import SurfaceMesh, make_mesh
from ...perception.recordings.types import Recording, RecordingFileError
from ...perception.types import CameraImage
from .room import world_points

VOXEL_M, FARTHEST_M, NEAREST_M = 0.01, 4.0, 0.1
MET_WITHIN_M = 0.05
LEAST_WEIGHT = 0.5
LEFT_OUT = (0, 1, 2)
"""Frames that see what others see too."""
GRIDS = {"examples": (16, 8.0), "tuned": (8, 4.0)}
"""Open3D's: blocks and band as in its examples, and those that suit a room better."""


@dataclass(frozen=True, slots=True)
class MapFound:
    """Of the points that the mesh knows: mean and median distance; `known` is their share."""

    mean_m: float
    median_m: float
    known: float


def measure_map(recording: Recording) -> dict[str, MapFound]:
    """Each of the first frames left out in turn.

    Raises:
        RecordingFileError: the recording has too few RGB-D frames.
    """
    images = [image for moment in recording.moments() for image in moment.frame.images]
    if len(images) <= max(LEFT_OUT):
        raise RecordingFileError(f"'{recording.folder}' has {len(images)} RGB-D frames, expected more.")
    off_m: dict[str, list[np.ndarray]] = {"ours": [], **{name: [] for name in GRIDS}}
    for left_out in LEFT_OUT:
        given = [image for number, image in enumerate(images) if number != left_out]
        points = world_points(images[left_out], FARTHEST_M)
        off_m["ours"].append(_ours(given).distances(points))
        for name, (resolution, band_voxels) in GRIDS.items():
            off_m[name].append(_block_grid(given, resolution, band_voxels).distances(points))
    return {name: _judge(np.abs(np.concatenate(values))) for name, values in off_m.items()}


def _judge(off_m: Float[np.ndarray, "points"]) -> MapFound:
    is_known = off_m < MET_WITHIN_M
    return MapFound(float(off_m[is_known].mean()), float(np.median(off_m[is_known])), float(is_known.mean()))


def _ours(images: Sequence[CameraImage]) -> SurfaceMesh:
    config = MapConfig(voxel_m=VOXEL_M, camera_range_m=(NEAREST_M, FARTHEST_M), has_free_space=False)
    made = KeyframeMap(1, config)
    for image in images:
        made.add_pictures(DepthPictures.of_images([image], np.eye(4)[None]))
    return make_mesh(made, least_weight=LEAST_WEIGHT)


def _block_grid(images: Sequence[CameraImage], resolution: int, band_voxels: float) -> SurfaceMesh:
    open3d: Any = import_module("open3d")
    tensor, kind = open3d.core.Tensor, open3d.core.float32
    names, channels = ("tsdf", "weight"), ((1,), (1,))
    grid = open3d.t.geometry.VoxelBlockGrid(
        names, (kind, kind), channels, VOXEL_M, resolution, 20000 * (16 // resolution) ** 2
    )
    for image in images:
        depth = open3d.t.geometry.Image(tensor(np.where(image.depth_m > NEAREST_M, image.depth_m, np.float32(0.0))))
        lens, T_camera_world = tensor(image.intrinsics.matrix), tensor(np.linalg.inv(image.T_mount_camera))
        blocks = grid.compute_unique_block_coordinates(depth, lens, T_camera_world, 1.0, FARTHEST_M, band_voxels)
        grid.integrate(blocks, depth, lens, T_camera_world, 1.0, FARTHEST_M, band_voxels)
    mesh = grid.extract_triangle_mesh(LEAST_WEIGHT)
    vertices, triangles = mesh.vertex.positions.numpy(), mesh.triangle.indices.numpy()
    return SurfaceMesh(vertices, triangles.astype(np.uint32), np.zeros((len(vertices), 3), np.float32))
