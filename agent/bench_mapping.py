"""Our map beside Open3D's VoxelBlockGrid, on the same pictures, in one process on one thread, by CPU time.

In:  how many pictures.
Out: CPU milliseconds a picture and how far the meshes lie from the truth, of each; batches of robots where CUDA is.

Picture by picture all sides take their turn, so that a busy machine slows them alike. Open3D runs twice: as its
examples have it (blocks of 16, a band of 8 voxels), and with our blocks of 8 and band of 4, which suits it better.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module  # its stubs know few of its own overloads
from statistics import median
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32

from ..perception.mapping.blocks import EDGE, VOXELS, block_keys
from ..perception.mapping.config import MapConfig
from ..perception.mapping.kernels import fuse_depth
from ..perception.mapping.keyframe_map import KeyframeMap
from ..perception.mapping.measurements import DepthPictures
from ..perception.mapping.meshing import make_mesh
from ..perception.mapping.surface import at_blocks, to_image_of
from ..sim.still_room import Walk, walk
from .stopwatch import cpu_now_s

SEED = 1
FARTHEST_M = 5.0
VOXEL_M = 0.01
LEAST_WEIGHT = 3.0
WARM_UP = 3
PASSES = 20
BATCHES = {"dense": (64, 16**3), "sparse": (256, 446)}
"""Robots and blocks of each: 64 × 128³ voxels, and as many blocks as one view of a room at 1 cm takes."""
open3d: Any = import_module("open3d")
CORE = open3d.core


class _VoxelBlockGrid:
    """Open3D's, with its own words for everything."""

    def __init__(self, resolution: int, band_voxels: float) -> None:
        self._band = band_voxels
        names, channels = ("tsdf", "weight", "color"), ((1,), (1,), (3,))
        self.grid = open3d.t.geometry.VoxelBlockGrid(
            names, (CORE.float32,) * 3, channels, VOXEL_M, resolution, 20000 * (16 // resolution) ** 2
        )

    def add(self, of: Walk, index: int) -> None:
        depth = open3d.t.geometry.Image(CORE.Tensor(of.depth_m[index]))
        color = open3d.t.geometry.Image(CORE.Tensor(of.rgb[index].astype(np.float32) / 255.0))
        lens = CORE.Tensor(of.intrinsics.matrix)
        T_camera_world = CORE.Tensor(np.linalg.inv(of.T_world_camera[index]))
        blocks = self.grid.compute_unique_block_coordinates(depth, lens, T_camera_world, 1.0, FARTHEST_M, self._band)
        self.grid.integrate(blocks, depth, color, lens, T_camera_world, 1.0, FARTHEST_M, self._band)

    def vertices(self) -> Float32[np.ndarray, "vertices 3"]:
        return self.grid.extract_triangle_mesh(LEAST_WEIGHT).vertex.positions.numpy()


class _Ours:
    def __init__(self, *, has_free_space: bool) -> None:
        config = MapConfig(voxel_m=VOXEL_M, camera_range_m=(0.1, FARTHEST_M), has_free_space=has_free_space)
        self.map = KeyframeMap(1, config)

    def add(self, of: Walk, index: int) -> None:
        arrays = (of.depth_m[index], of.intrinsics.matrix, of.T_world_camera[index], of.rgb[index])
        self.map.add_pictures(DepthPictures(*(torch.from_numpy(values)[None] for values in arrays)))

    def vertices(self) -> Float32[np.ndarray, "vertices 3"]:
        return make_mesh(self.map, least_weight=LEAST_WEIGHT).vertices_map


def main(num_pictures: int) -> dict[str, Any]:
    """Everything measured, as plain values."""
    torch.set_num_threads(1)
    of = walk(num_pictures, SEED)
    sides = {
        "ours": _Ours(has_free_space=False),
        "ours_with_space": _Ours(has_free_space=True),
        "examples": _VoxelBlockGrid(16, 8.0),
        "tuned": _VoxelBlockGrid(8, 4.0),
    }
    spent_s: dict[str, list[float]] = {name: [] for name in sides}
    for index in range(num_pictures):
        for name, side in sides.items():
            start_s = cpu_now_s()
            side.add(of, index)
            spent_s[name].append(cpu_now_s() - start_s)
    scene = open3d.t.geometry.RaycastingScene(1)
    scene.add_triangles(CORE.Tensor(of.body.vertices), CORE.Tensor(of.body.triangles))
    found: dict[str, Any] = {name: _judge(side.vertices(), scene) for name, side in sides.items()}
    for name, values in found.items():
        # The first pictures compile our kernels and fill Open3D's map: what a long run does not pay.
        values["ms"] = 1000.0 * float(np.mean(spent_s[name][WARM_UP:]))
    found["version"] = open3d.__version__
    found["eager_ms"] = _eager_ms(of)
    if torch.cuda.is_available():
        found["cuda_ms"] = {name: _cuda_ms(*sizes) for name, sizes in BATCHES.items()}
    return found


def _judge(vertices: Float32[np.ndarray, "vertices 3"], scene: Any) -> dict[str, float]:
    distance_mm = 1000.0 * scene.compute_distance(CORE.Tensor(vertices), nthreads=1).numpy()
    return {"mean_mm": float(distance_mm.mean()), "rms_mm": float(np.sqrt(np.square(distance_mm).mean()))}


def _eager_ms(of: Walk) -> float:
    """Ours where nothing can be compiled, without free space."""
    config = MapConfig(voxel_m=VOXEL_M, has_free_space=False, is_compiled=False)
    side = _Ours(has_free_space=False)
    side.map = KeyframeMap(1, config)
    spent_s = []
    for index in range(min(6, len(of.depth_m))):
        start_s = cpu_now_s()
        side.add(of, index)
        spent_s.append(cpu_now_s() - start_s)
    return 1000.0 * median(spent_s)


def _cuda_ms(robots: int, blocks: int) -> float:
    """One picture of 640 × 480 for each robot, into that many blocks of each: the fusion alone, on a device's clock."""
    device = torch.device("cuda")
    edge = round(blocks ** (1 / 3))
    number = torch.arange(blocks, device=device)
    cell = torch.stack([number % edge, number // edge % edge, number // edge**2], dim=1) - edge // 2
    keys = block_keys(torch.arange(robots, device=device)[:, None], cell).flatten()
    geometry = torch.zeros(len(keys), 2, VOXELS, dtype=torch.float16, device=device)
    slots = torch.arange(len(keys), device=device)
    K = torch.tensor([[520.0, 0.0, 319.5], [0.0, 520.0, 239.5], [0.0, 0.0, 1.0]], device=device).repeat(robots, 1, 1)
    pose = torch.eye(4, device=device).repeat(robots, 1, 1)
    pose[:, 2, 3] = -1.5
    to_image = to_image_of(K, pose).repeat_interleave(blocks, dim=0)
    to_image = at_blocks(to_image, cell.repeat(robots, 1), EDGE * VOXEL_M)
    first = (torch.arange(robots, device=device).repeat_interleave(blocks) * (640 * 480)).to(torch.int32)
    local = KeyframeMap(1, device=device).surface.local
    depth_m = torch.full((robots * 640 * 480,), 1.5, device=device)

    def fuse() -> None:
        fuse_depth(geometry, slots, to_image, first, local, depth_m, 640, 480, 0.04, 128.0, is_compiled=True)

    return _device_ms(fuse)


def _device_ms(work: Callable[[], None]) -> float:
    for _ in range(WARM_UP):
        work()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(PASSES):
        work()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / PASSES
