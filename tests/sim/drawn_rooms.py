"""Rooms for tests: a table and a scene's objects where they are drawn, without physics and robot."""

import numpy as np
from verbot.perception.colors import PALETTE
from verbot.sim.catalogue import make_object
from verbot.sim.raycast import RayRoom, VisualBody
from verbot.sim.scenes import PlacedObject, Scene

HAND_AT_LOOK_POSE = np.array(
    [[1.0, 0.0, 0.0, 0.40], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.60], [0.0, 0.0, 0.0, 1.0]]
)
CORNERS = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
TRIANGLES = np.array([t for a, b, c, d in QUADS for t in ((a, b, c), (a, c, d))], np.uint32)


def make_box(name: str, center, size, color=(0.62, 0.56, 0.50), *, is_static: bool = True) -> VisualBody:
    vertices = (CORNERS * size + center).astype(np.float32)
    return VisualBody(name, vertices, TRIANGLES, np.tile(np.float32(color), (12, 1)), is_static)


def make_table() -> VisualBody:
    return make_box("table", (0.5, 0.0, -0.025), (0.7, 1.1, 0.05))


def make_floor() -> VisualBody:
    return make_box("floor", (0.5, 0.0, -0.8), (1.0, 1.0, 0.1), (0.42, 0.43, 0.45))


def make_pose(placed: PlacedObject) -> np.ndarray:
    cos, sin = np.cos(placed.yaw_rad), np.sin(placed.yaw_rad)
    pose = np.eye(4)
    pose[:2, :2] = [[cos, -sin], [sin, cos]]
    pose[:3, 3] = placed.position_world
    return pose


def make_visual(placed: PlacedObject) -> VisualBody:
    vertices, triangles = make_object(placed.kind).mesh()
    colors = np.tile(np.float32(PALETTE[placed.color]), (len(triangles), 1))
    return VisualBody(placed.name, vertices.astype(np.float32), triangles.astype(np.uint32), colors)


def make_room(scene: Scene) -> RayRoom:
    room = RayRoom([make_table(), make_floor(), *(make_visual(placed) for placed in scene.objects)], scene.light)
    room.move({placed.name: make_pose(placed) for placed in scene.objects})
    return room
