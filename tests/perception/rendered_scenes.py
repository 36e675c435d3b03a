"""Rendered looks at known objects, without physics and arm: what perception tests compare with truth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from verbot.perception.colors import PALETTE
from verbot.perception.types import ImuSamples, JointSamples, ObjectState, SensorFrame
from verbot.sim.camera import Camera, CameraConfig
from verbot.sim.catalogue import make_object
from verbot.sim.raycast import RayRoom, VisualBody
from verbot.sim.sensors import load_composition

COMPOSITION = load_composition("panda_table")
T_WORLD_HAND = np.array([[1.0, 0.0, 0.0, 0.40], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.60], [0.0, 0.0, 0.0, 1.0]])
CORNERS = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
TRIANGLES = np.array([t for a, b, c, d in QUADS for t in ((a, b, c), (a, c, d))], np.uint32)


@dataclass(frozen=True)
class Thing:
    """An object of the catalogue at a place; `floor_m` is what it stands on."""

    kind: str
    color: str
    x: float
    y: float
    yaw_rad: float = 0.0
    floor_m: float = 0.0

    @property
    def size_m(self) -> np.ndarray:
        return make_object(self.kind).size_m

    @property
    def position(self) -> np.ndarray:
        return np.array([self.x, self.y, self.floor_m + self.size_m[2] / 2])

    @property
    def pose(self) -> np.ndarray:
        cos, sin = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        pose = np.eye(4)
        pose[:2, :2] = [[cos, -sin], [sin, cos]]
        pose[:3, 3] = self.position
        return pose


class StillBody:
    """A robot whose hand hangs at the look pose and whose arm is nowhere."""

    def link_pose(self, link: str, positions_rad: np.ndarray, gripper_width_m: float) -> np.ndarray:
        if link != "panda_hand":
            raise ValueError(link)
        return T_WORLD_HAND.copy()

    def tool_pose(self, positions_rad: np.ndarray) -> np.ndarray:
        return T_WORLD_HAND.copy()

    def capsules(self, positions_rad: np.ndarray, gripper_width_m: float) -> np.ndarray:
        return np.zeros((0, 7))


def make_box(name: str, center, size, color) -> VisualBody:
    vertices = (CORNERS * size + center).astype(np.float32)
    return VisualBody(name, vertices, TRIANGLES, np.tile(np.float32(color), (12, 1)), True)


def make_room(things: Sequence[Thing], table_m: float = 0.0, extra: Sequence[VisualBody] = ()) -> RayRoom:
    bodies = [make_box("table", (0.5, 0.0, table_m - 0.025), (0.7, 1.1, 0.05), (0.62, 0.56, 0.50)), *extra]
    poses = {}
    for number, thing in enumerate(things):
        vertices, triangles = make_object(thing.kind).mesh()
        colors = np.tile(np.float32(PALETTE[thing.color]), (len(triangles), 1))
        name = f"thing_{number}"
        bodies.append(VisualBody(name, vertices.astype(np.float32), triangles.astype(np.uint32), colors, False))
        poses[name] = thing.pose
        poses[name][2, 3] += table_m
    room = RayRoom(bodies)
    room.move(poses)
    return room


def still_joints(time_s: float, noise: float = 2e-5) -> JointSamples:
    """A tenth of a second; without noise all samples are equal, as those of frozen encoders are."""
    times_s = time_s - np.arange(24)[::-1] / 240.0
    names = tuple(f"joint{i}" for i in range(7))
    positions_rad = noise * np.random.default_rng(0).standard_normal((24, 7))
    return JointSamples(names, times_s, positions_rad, np.zeros((24, 7)), np.full(24, 0.08))


def still_imu(time_s: float, force=(0.0, 0.0, -9.80665), rate=(0.0, 0.0, 0.0), noise: float = 1e-3) -> ImuSamples:
    times_s = time_s - np.arange(20)[::-1] / 200.0
    rates = np.array(rate) + noise * np.random.default_rng(0).standard_normal((20, 3))
    return ImuSamples("imu", times_s, np.tile(force, (20, 1)), rates, np.eye(4), "panda_hand")


def look(things: Sequence[Thing], time_s: float = 1.0, seed: int = 0) -> SensorFrame:
    """The declared sensors, hand at the look pose."""
    room, rng = make_room(things), np.random.default_rng(seed)
    images, scans = [], []
    for sensor in COMPOSITION.sensors:
        mount = np.eye(4) if sensor.spec.mount == "world" else T_WORLD_HAND
        if sensor.spec.kind == "camera":
            images.append(sensor.measure(room, mount, time_s, rng))
        elif sensor.spec.kind == "lidar":
            scans.append(sensor.measure(room, mount, time_s, rng))
    return SensorFrame(time_s, tuple(images), tuple(scans), (still_imu(time_s),), still_joints(time_s))


def look_with(cameras: Sequence[Camera], room: RayRoom, time_s: float = 0.0, seed: int = 0) -> SensorFrame:
    """Cameras of a person's own rig, nothing else."""
    rng = np.random.default_rng(seed)
    return SensorFrame(time_s, tuple(camera.measure(room, np.eye(4), time_s, rng) for camera in cameras))


def own_cameras() -> list[Camera]:
    """Three cameras unlike ours in place, resolution and focal length."""
    places = [((1.05, -0.5, 0.65), 0.95), ((1.0, 0.55, 0.7), 1.1), ((0.15, 0.0, 0.75), 1.0)]
    return [
        Camera(CameraConfig(name=f"own_{i}", position_m=p, look_at_m=(0.5, 0, 0), width=320, height=240, fov_x_rad=f))
        for i, (p, f) in enumerate(places)
    ]


def found(thing: Thing, objects: Sequence[ObjectState], within_m: float = 0.02) -> ObjectState:
    """The object nearest to where the thing is; fails when none is near."""
    nearest = min(objects, key=lambda o: float(np.linalg.norm(o.position_world - thing.position)))
    gap_m = float(np.linalg.norm(nearest.position_world - thing.position))
    assert gap_m < within_m, f"{thing} not found, nearest is {nearest.color} {nearest.shape} {gap_m:.3f} m away"
    return nearest


CLUTTER = (
    Thing("block_large", "red", 0.40, 0.10, 0.3),
    Thing("block_small", "blue", 0.36, -0.10, -0.5),
    Thing("cylinder", "yellow", 0.60, 0.25),
    Thing("bowl", "green", 0.55, -0.20),
    Thing("mug", "orange", 0.52, 0.08, 1.0),
    Thing("plate", "purple", 0.42, -0.26),
    Thing("block_large", "white", 0.64, 0.02, 0.7),
)
