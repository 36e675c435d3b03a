"""Make docs/pictures/map.jpg: the mesh of the furnished room of the benchmark, seen from outside, and its truth.

Usage: .venv/bin/python tools/map_picture.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from verbot.perception.mapping.keyframe_map import KeyframeMap
from verbot.perception.mapping.measurements import DepthPictures
from verbot.perception.mapping.meshing import SurfaceMesh, make_mesh
from verbot.sim.pinhole import make_intrinsics, pixel_directions
from verbot.sim.raycast import RayRoom, VisualBody
from verbot.sim.still_room import walk

TARGET = Path(__file__).parents[1] / "docs" / "pictures" / "map.jpg"
LIGHT = np.array([0.3, 0.4, 0.86], np.float32)


def main() -> None:
    """Map the room and draw it."""
    of = walk(40, seed=1)
    made = KeyframeMap(1)
    for index in range(len(of.depth_m)):
        arrays = (of.depth_m[index], of.intrinsics.matrix, of.T_world_camera[index], of.rgb[index])
        made.add_pictures(DepthPictures(*(torch.from_numpy(values)[None] for values in arrays)))
    mesh = make_mesh(made)
    pictures = [
        draw(mesh, eye, middle) for eye, middle in (((3.4, -3.2, 4.4), (0, 0, 0.6)), ((1.0, -0.7, 1.5), (0, 0, 0.75)))
    ]
    Image.fromarray(np.concatenate(pictures, axis=1)).save(TARGET, quality=80)


def draw(mesh: SurfaceMesh, eye: tuple[float, ...], middle: tuple[float, ...]) -> np.ndarray:
    """The mesh, each triangle in the mean of its corners' colours; those that face away are not drawn."""
    forward = np.subtract(middle, eye) / np.linalg.norm(np.subtract(middle, eye))
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    turn = np.stack([right, np.cross(forward, right), forward], axis=1)
    corners = mesh.vertices_map[mesh.triangles]
    outward = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    triangles = mesh.triangles[((corners[:, 0] - np.array(eye)) * outward).sum(axis=1) < 0].astype(np.uint32)
    colors = mesh.colors[triangles].mean(axis=1).astype(np.float32)
    room = RayRoom([VisualBody("mesh", mesh.vertices_map, triangles, colors, is_static=True)])
    lens = make_intrinsics(560, 420, 0.95)
    hits = room.cast(np.array(eye), pixel_directions(lens).reshape(-1, 3) @ turn.T.astype(np.float32))
    shade = 0.6 + 0.4 * np.abs(hits.normal_world @ LIGHT)
    color = np.where(hits.is_hit[:, None], 255.0 * hits.color * shade[:, None], 255.0)
    return color.reshape(lens.height, lens.width, 3).clip(0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
