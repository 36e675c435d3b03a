"""Surfaces as triangles and as what a ray meets, through Open3D, which nothing else in mapping needs.

In:  a KeyframeMap and which robot.
Out: vertices, triangles, colours in the map's frame; distances along rays.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int

from .blocks import EDGE, VOXELS, split_keys, voxel_centers
from .keyframe_map import KeyframeMap
from .occupancy import Space
from .surface import unpack_color


@dataclass(frozen=True, slots=True)
class SurfaceMesh:
    """Triangles in the map's frame; colours 0 to 1, grey where only a LiDAR was."""

    vertices_map: Float32[np.ndarray, "vertices 3"]
    triangles: Int[np.ndarray, "triangles 3"]
    colors: Float32[np.ndarray, "vertices 3"]

    def cast(
        self, origins_map: Float[np.ndarray, "rays 3"], directions_map: Float[np.ndarray, "rays 3"]
    ) -> Float32[np.ndarray, " rays"]:
        """How far each ray goes, in lengths of its direction; inf where it meets no surface."""
        rays = np.concatenate([origins_map, directions_map], axis=1).astype(np.float32)
        open3d = _open3d()
        return self._scene().cast_rays(open3d.core.Tensor(rays))["t_hit"].numpy()

    def distances(self, points_map: Float[np.ndarray, "points 3"]) -> Float32[np.ndarray, " points"]:
        """From each point to the nearest surface."""
        open3d = _open3d()
        return self._scene().compute_distance(open3d.core.Tensor(points_map.astype(np.float32))).numpy()

    def _scene(self) -> Any:
        open3d = _open3d()
        scene = open3d.t.geometry.RaycastingScene()
        triangles = open3d.core.Tensor(self.triangles.astype(np.uint32))
        scene.add_triangles(open3d.core.Tensor(np.ascontiguousarray(self.vertices_map)), triangles)
        return scene


def make_mesh(of: KeyframeMap, robot: int = 0, *, least_weight: float = 3.0) -> SurfaceMesh:
    """The surface that was measured that often, less what has been seen to be free since.

    Each keyframe's piece is its own mesh, moved to where the keyframe is; where pieces overlap, both are there.
    """
    pieces = [_piece(of, robot, keyframe, least_weight) for keyframe in range(of.num_keyframes)]
    starts = np.cumsum([0, *(len(vertices) for vertices, _, _ in pieces)])
    return SurfaceMesh(
        np.concatenate([vertices for vertices, _, _ in pieces]),
        np.concatenate([triangles + start for (_, triangles, _), start in zip(pieces, starts, strict=False)]),
        np.concatenate([colors for _, _, colors in pieces]),
    )


def _piece(
    of: KeyframeMap, robot: int, keyframe: int, least_weight: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    blocks = of.surface.blocks
    owner, cell = split_keys(blocks.keys)
    chosen = (owner == keyframe * of.robots + robot).nonzero().squeeze(1)
    if not len(chosen):
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int64), np.zeros((0, 3), np.float32)
    slots, cell = blocks.slots[chosen], cell[chosen]
    geometry = blocks.pools["geometry"][slots].to(torch.float32)
    weight = geometry[:, 1]
    if of.config.has_free_space:
        weight = torch.where(_is_gone(of, owner[chosen], cell, geometry), 0.0, weight)
    color, has_color = unpack_color(blocks.pools["color"][slots][:, 0])
    color = torch.where(has_color[..., None], color, 0.5)
    T_map_keyframe = of.T_map_keyframe[robot, keyframe].cpu().numpy()
    vertices, triangles, shades = _marched(
        cell.cpu().numpy(), geometry[:, 0].cpu().numpy(), weight.cpu().numpy(), color.cpu().numpy(),
        of.config.voxel_m, least_weight,
    )  # fmt: skip
    vertices = vertices @ T_map_keyframe[:3, :3].T + T_map_keyframe[:3, 3]
    return vertices.astype(np.float32), triangles, shades


def _is_gone(of: KeyframeMap, row: torch.Tensor, cell: torch.Tensor, geometry: torch.Tensor) -> torch.Tensor:
    """Voxels of a surface that stood there, or of its far echo, where all around is free now."""
    is_gone = (geometry[:, 1] > 0) & (geometry[:, 0] < 1.0)
    block, voxel = is_gone.nonzero(as_tuple=True)
    local = voxel_centers(of.config.voxel_m, of.device).T
    centers, row = cell[block].to(torch.float32) * of.surface.block_m + local[voxel], row[block]
    is_free = of.space.judge(of.space.log_odds_at(row, centers)) == Space.FREE
    # What lies just before a surface is free too, and the mesh needs it: nothing near may be occupied.
    block, voxel, centers, row = block[is_free], voxel[is_free], centers[is_free], row[is_free]
    away = torch.tensor(list(itertools.product((-1.0, 0.0, 1.0), repeat=3)), device=of.device) * of.space.voxel_m
    near = of.space.log_odds_at(row[:, None].expand(-1, len(away)), centers[:, None] + away)
    is_alone = ~(of.space.judge(near) == Space.OCCUPIED).any(dim=1)
    is_gone[:] = False
    is_gone[block[is_alone], voxel[is_alone]] = True
    return is_gone


def _marched(
    cell: np.ndarray, distance: np.ndarray, weight: np.ndarray, color: np.ndarray, voxel_m: float, least_weight: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Marching cubes over blocks, whose layout is Open3D's own: x runs fastest."""
    open3d = _open3d()
    core = open3d.core
    names, channels = ("tsdf", "weight", "color"), ((1,), (1,), (3,))
    grid = open3d.t.geometry.VoxelBlockGrid(
        names, (core.float32,) * 3, tuple(core.SizeVector(size) for size in channels), voxel_m, EDGE, len(cell),
        core.Device("CPU:0"),
    )  # fmt: skip
    places, _ = grid.hashmap().activate(core.Tensor(np.ascontiguousarray(cell.astype(np.int32))))
    slots = places.to(core.int64).numpy()
    for name, values in zip(names, (distance, weight, 255.0 * color), strict=True):
        stored = grid.attribute(name).numpy()
        stored.reshape(len(stored), VOXELS, -1)[slots] = values.reshape(len(cell), VOXELS, -1)
    # Open3D asks for more than the threshold.
    mesh = grid.extract_triangle_mesh(least_weight * (1.0 - 1e-3))
    if not len(mesh.vertex.positions):
        return np.zeros((0, 3)), np.zeros((0, 3), np.int64), np.zeros((0, 3), np.float32)
    # Open3D's voxels are where their lowest corners are, ours where their middles are.
    return (
        mesh.vertex.positions.numpy() + voxel_m / 2,
        mesh.triangle.indices.numpy().astype(np.int64),
        mesh.vertex.colors.numpy(),
    )


def _open3d() -> Any:
    import open3d  # Heavy, and not where a GPU machine maps.

    return open3d
