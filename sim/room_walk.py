"""A rig with LiDAR, depth camera and IMU, carried by hand through a furnished room: truth for odometry.

In:  a seed, how the rig is carried.
Out: Walk: sweeps bent by the motion, depth pictures as points, IMU samples, true poses; the same for the same seed.

The rig stands still at first. Hands sway and steps shake: it turns by a radian a second, and a sweep takes a tenth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32
from scipy.spatial.transform import Rotation

from .moving_rig import BOX_FACES, IMU_HZ, SWEEP_S, Beams, Scan, box_corners, from_rest, inertia, sweep
from .raycast import RayRoom, VisualBody

ROOM_M = (8.0, 6.0, 2.8)
ELEVATION_RAD = (-0.39, 0.39)
START_S = 1.5
"""From standing still to the pace."""
LIDAR_RANGE_M, CAMERA_RANGE_M = (0.3, 30.0), (0.3, 4.0)
# Camera axes (right, down, ahead) in the rig's frame (ahead, left, up), and where it sits.
R_RIG_CAMERA = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
CAMERA_PLACE_RIG = np.array([0.06, 0.0, -0.05])


@dataclass(frozen=True, slots=True)
class WalkConfig:
    """How long, how fast, which sensors."""

    num_scans: int = 150
    still_s: float = 1.0
    pace: float = 1.0
    """1 is a walk of about half a metre a second; sways and steps go with it."""
    is_bent: bool = True
    """False freezes the rig during each sweep: what no deskewing can surpass."""
    rings: int = 32
    columns: int = 512
    range_noise_m: float = 0.01
    camera_size: tuple[int, int] = (96, 72)
    fov_x_rad: float = 1.2
    depth_noise_m: float = 0.002
    depth_noise_per_m: float = 0.0015
    """Grows with the distance squared."""
    force_noise_mps2: float = 0.03
    rate_noise_radps: float = 0.002
    force_bias_mps2: float = 0.05
    rate_bias_radps: float = 0.003


@dataclass(frozen=True, slots=True)
class Walk:
    """What the sensors measured, in the rig's frame, and where the rig was at each sweep's end.

    `pictures` are the points of one depth picture at each sweep's end, in the rig's frame.
    """

    scans: list[Scan]
    pictures: list[Float32[np.ndarray, "_ 3"]]
    T_world_rig: Float[np.ndarray, "scans 4 4"]
    imu_times_s: Float[np.ndarray, " samples"]
    force_mps2: Float[np.ndarray, "samples 3"]
    rate_radps: Float[np.ndarray, "samples 3"]


class Carried:
    """The rig's true motion: a loop through the room with a person's sway and steps."""

    def __init__(self, config: WalkConfig, rng: np.random.Generator) -> None:
        self._config = config
        self._phases = rng.uniform(0.0, 2 * math.pi, 8)
        self._reach_m = rng.uniform([1.5, 0.9], [2.1, 1.4])

    def poses(self, times_s: Float[np.ndarray, " times"]) -> Float[np.ndarray, "times 4 4"]:
        """T_world_rig."""
        t, a = self._since(times_s), self._phases
        round_rad = 0.30 * t
        x = self._reach_m[0] * np.sin(round_rad + a[0])
        y = self._reach_m[1] * np.sin(2 * round_rad + a[1])
        z = 1.35 + 0.08 * np.sin(0.5 * t + a[2]) + 0.012 * np.sin(11.0 * t + a[3])
        yaw = a[4] + 0.45 * t + 0.5 * np.sin(1.3 * t + a[5])
        pitch = 0.15 + 0.18 * np.sin(1.9 * t + a[6]) + 0.01 * np.sin(11.0 * t)
        roll = 0.12 * np.sin(1.6 * t + a[7])
        poses = np.tile(np.eye(4), (len(times_s), 1, 1))
        poses[:, :3, :3] = Rotation.from_euler("ZYX", np.stack([yaw, pitch, roll], axis=1)).as_matrix()
        poses[:, :3, 3] = np.stack([x, y, z], axis=1)
        return poses

    def _since(self, times_s: Float[np.ndarray, " times"]) -> Float[np.ndarray, " times"]:
        """Time as the motion counts it: still at first, then faster and faster until the pace is reached."""
        gone = (times_s - self._config.still_s).clip(0.0)
        return self._config.pace * from_rest(gone, START_S)


def walk(config: WalkConfig, seed: int) -> Walk:
    """Furnish the room and walk through it."""
    rng = np.random.default_rng([seed, 0xA1])
    carried, room = Carried(config, rng), RayRoom([_furnish(rng)])
    ends_s = SWEEP_S * (1 + np.arange(config.num_scans))
    T_world_rig = carried.poses(ends_s)
    scans = [_sweep(room, carried, float(end_s), config, rng) for end_s in ends_s]
    pictures = [_picture(room, pose, config, rng) for pose in T_world_rig]
    imu_times_s = np.arange(round((config.num_scans + 2) * SWEEP_S * IMU_HZ)) / IMU_HZ
    return Walk(scans, pictures, T_world_rig, imu_times_s, *inertia(carried, imu_times_s, config, rng))


def _furnish(rng: np.random.Generator) -> VisualBody:
    """Floor, ceiling, walls with a niche, cupboards along them, tables and boxes in the room."""
    long, wide, high = ROOM_M
    boxes = [
        box_corners((0.0, 0.0, -0.1), (long, wide, 0.2)),
        box_corners((0.0, 0.0, high + 0.1), (long, wide, 0.2)),
        *(box_corners((side * (long / 2 + 0.1), 0.0, high / 2), (0.2, wide, high)) for side in (-1.0, 1.0)),
        *(box_corners((0.0, side * (wide / 2 + 0.1), high / 2), (long, 0.2, high)) for side in (-1.0, 1.0)),
    ]
    for _ in range(8):
        deep, broad, tall = rng.uniform([0.3, 0.5, 0.7], [0.6, 1.4, 2.2]).tolist()
        along = float(rng.uniform(-0.42, 0.42))
        if rng.random() < 0.5:
            side = float(rng.choice([-1.0, 1.0]))
            boxes.append(box_corners((along * long, side * (wide - deep) / 2, tall / 2), (broad, deep, tall)))
        else:
            side = float(rng.choice([-1.0, 1.0]))
            boxes.append(box_corners((side * (long - deep) / 2, along * wide, tall / 2), (deep, broad, tall)))
    for _ in range(4):
        (x, y), turn = rng.uniform([-3.2, -2.4], [3.2, 2.4]).tolist(), float(rng.uniform(0, 3))
        broad, deep, tall = rng.uniform([0.4, 0.3, 0.3], [1.2, 0.7, 0.8]).tolist()
        boxes.append(box_corners((x, y, tall / 2), (broad, deep, tall), turn))
    for _ in range(12):  # pictures and lamps on the walls
        side, along, up = float(rng.choice([-1.0, 1.0])), float(rng.uniform(-0.45, 0.45)), float(rng.uniform(1.0, 2.2))
        boxes.append(
            box_corners((along * long, side * (wide / 2 - 0.04), up), (float(rng.uniform(0.2, 0.8)), 0.08, 0.5))
        )
    faces = (BOX_FACES[None] + 8 * np.arange(len(boxes), dtype=np.uint32)[:, None, None]).reshape(-1, 3)
    vertices = np.concatenate(boxes).astype(np.float32)
    return VisualBody("room", vertices, faces, np.full((len(faces), 3), 0.5, np.float32), is_static=True)


def _sweep(room: RayRoom, carried: Carried, end_s: float, config: WalkConfig, rng: np.random.Generator) -> Scan:
    turned = (1 + np.arange(config.columns)) / config.columns
    times_s = end_s - SWEEP_S * (1.0 - turned)
    times_s = times_s if config.is_bent else np.full(config.columns, end_s)
    beams = Beams(2 * math.pi * turned - math.pi, np.linspace(*ELEVATION_RAD, config.rings), LIDAR_RANGE_M)
    return sweep(room, carried, end_s, times_s, beams, config.range_noise_m, rng)


def _picture(
    room: RayRoom, T_world_rig: Float[np.ndarray, "4 4"], config: WalkConfig, rng: np.random.Generator
) -> Float32[np.ndarray, "_ 3"]:
    """Points of a depth picture, all of one moment, in the rig's frame."""
    columns, rows = config.camera_size
    half = math.tan(config.fov_x_rad / 2)
    across, down = np.meshgrid(
        np.linspace(-half, half, columns), np.linspace(-half * rows / columns, half * rows / columns, rows)
    )
    rays = np.stack([across, down, np.ones_like(across)], axis=-1).reshape(-1, 3) @ R_RIG_CAMERA.T
    length = np.linalg.norm(rays, axis=1)
    start = T_world_rig[:3, :3] @ CAMERA_PLACE_RIG + T_world_rig[:3, 3]
    world = (rays / length[:, None]) @ T_world_rig[:3, :3].T
    hits = room.cast(np.tile(start, (len(rays), 1)), world.astype(np.float32))
    depth_m = hits.distance_m / length
    sigma_m = config.depth_noise_m + config.depth_noise_per_m * depth_m**2
    depth_m = depth_m + rng.normal(0, 1, len(depth_m)) * np.where(np.isfinite(sigma_m), sigma_m, 0.0)
    back = np.flatnonzero(hits.is_hit & (depth_m > CAMERA_RANGE_M[0]) & (depth_m < CAMERA_RANGE_M[1]))
    return (CAMERA_PLACE_RIG + rays[back] * depth_m[back, None]).astype(np.float32)
