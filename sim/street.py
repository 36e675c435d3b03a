"""A street to drive through with a spinning LiDAR and an IMU: truth for odometry.

In:  a seed, how the car drives.
Out: Drive: scans with a time for each point, IMU samples, true poses; the same for the same seed.

Houses with bays and sills, parked cars, poles, trees and kerbs along a road with two bends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from .moving_rig import BOX_FACES, IMU_HZ, SWEEP_S, Beams, Scan, box_corners, from_rest, inertia, sweep
from .raycast import RayRoom, VisualBody

ELEVATION_RAD = (math.radians(-24.8), math.radians(2.0))
RANGE_M = (1.0, 100.0)
SENSOR_UP_M = 1.8


@dataclass(frozen=True, slots=True)
class Drive:
    """What the sensors measured, and where the sensor truly was at each sweep's end."""

    scans: list[Scan]
    T_world_sensor: Float[np.ndarray, "scans 4 4"]
    imu_times_s: Float[np.ndarray, " samples"]
    force_mps2: Float[np.ndarray, "samples 3"]
    rate_radps: Float[np.ndarray, "samples 3"]


@dataclass(frozen=True, slots=True)
class DriveConfig:
    """How long and how fast, which LiDAR; `is_distorted` False freezes the car during each sweep."""

    num_scans: int = 200
    speed_mps: float = 8.0
    start_s: float = 0.0
    """How long it takes from rest to that speed; 0: it drives already."""
    is_distorted: bool = True
    rings: int = 64
    columns: int = 1024
    range_noise_m: float = 0.01
    force_noise_mps2: float = 0.03
    rate_noise_radps: float = 0.002
    force_bias_mps2: float = 0.02
    rate_bias_radps: float = 0.001


class Path:
    """The sensor's true motion: a smooth line with bends, heading along it, with a car's small pitch and roll."""

    def __init__(self, config: DriveConfig, rng: np.random.Generator) -> None:
        self.length_s = (config.num_scans + 2) * SWEEP_S
        length_m = self.length_s * config.speed_mps
        along = np.arange(0.0, length_m + 40.0, 1.0)
        # Two bends of a quarter each and a little weaving.
        turn = sum(math.pi / 2 * sign * _step((along - at * length_m) / 18.0) for at, sign in ((0.33, 1), (0.7, -1)))
        heading = turn + 0.02 * np.sin(along / 13.0 + rng.uniform(0, 6))
        line = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1), axis=0)
        self.center = CubicSpline(along, line)
        self._speed_mps, self._start_s = config.speed_mps, config.start_s
        self._phases = rng.uniform(0.0, 6.0, 4)

    def along_m(self, times_s: Float[np.ndarray, " times"]) -> Float[np.ndarray, " times"]:
        """How far along the line, with a speed that swells and ebbs."""
        if self._start_s > 0.0:
            times_s = from_rest(times_s, self._start_s)
        return 2.0 + self._speed_mps * (
            times_s + 0.4 * np.sin(0.5 * times_s + self._phases[0]) - 0.4 * math.sin(self._phases[0])
        )

    def poses(self, times_s: Float[np.ndarray, " times"]) -> Float[np.ndarray, "times 4 4"]:
        """T_world_sensor."""
        along = self.along_m(times_s)
        direction = self.center(along, 1)
        heading = np.arctan2(direction[:, 1], direction[:, 0])
        pitch = 0.008 * np.sin(2.1 * times_s + self._phases[1])
        roll = 0.01 * np.sin(1.7 * times_s + self._phases[2])
        poses = np.tile(np.eye(4), (len(times_s), 1, 1))
        poses[:, :3, :3] = Rotation.from_euler("ZYX", np.stack([heading, pitch, roll], axis=1)).as_matrix()
        poses[:, :2, 3] = self.center(along)
        poses[:, 2, 3] = SENSOR_UP_M + 0.02 * np.sin(2.6 * times_s + self._phases[3])
        return poses


def drive(config: DriveConfig, seed: int) -> Drive:
    """Build the street and drive through it."""
    rng = np.random.default_rng(seed)
    path = Path(config, rng)
    room = RayRoom([make_street(path, config, rng)])
    ends_s = SWEEP_S * (1 + np.arange(config.num_scans))
    scans = [_sweep(room, path, float(end_s), config, rng) for end_s in ends_s]
    imu_times_s = np.arange(0, round(path.length_s * IMU_HZ)) / IMU_HZ
    return Drive(scans, path.poses(ends_s), imu_times_s, *inertia(path, imu_times_s, config, rng))


def make_street(path: Path, config: DriveConfig, rng: np.random.Generator) -> VisualBody:
    """Everything along the path as one body."""
    length_m = float(path.along_m(np.array([path.length_s]))[0]) + 30.0
    boxes: list[np.ndarray] = []
    for side in (-1.0, 1.0):
        at = -20.0
        while at < length_m:
            wide, deep, high = rng.uniform(8, 18), rng.uniform(6, 10), rng.uniform(5, 14)
            aside = rng.uniform(8.5, 11.5)
            boxes.append(_box(path, at + wide / 2, side * (aside + deep / 2), (wide, deep, high), high / 2))
            for bay in np.arange(1.5, wide - 1.5, rng.uniform(2.5, 4.0)):
                size = (rng.uniform(0.8, 1.4), 0.5, rng.uniform(1.2, 2.2))
                boxes.append(_box(path, at + bay, side * aside, size, rng.uniform(1.0, min(4.0, high - 1))))
            at += wide + (rng.uniform(2, 6) if rng.random() < 0.4 else 0.05)
        for at in np.arange(-15.0, length_m, 11.0):
            place = at + rng.uniform(-3, 3)
            if rng.random() < 0.6:
                boxes.append(_box(path, place, side * 5.2, (4.2, 1.7, 0.9), 0.65))
                boxes.append(_box(path, place - 0.2, side * 5.2, (2.0, 1.5, 0.5), 1.35))
            boxes.append(_box(path, place + 5.0, side * 6.8, (0.18, 0.18, 5.0), 2.5))
            if rng.random() < 0.5:
                boxes.append(_box(path, place + 2.0, side * 7.2, (1.9, 1.9, 1.8), 3.4, rng.uniform(0, 1.5)))
                boxes.append(_box(path, place + 2.0, side * 7.2, (0.3, 0.3, 2.6), 1.3))
        for at in np.arange(-20.0, length_m, 2.0):
            boxes.append(_box(path, at, side * 7.0, (2.02, 1.6, 0.14), 0.07))
    ground = np.array([[-200, -200, 0], [400, -200, 0], [400, 400, 0], [-200, 400, 0]], np.float32)
    count = len(boxes)
    faces = (BOX_FACES[None] + 8 * np.arange(count, dtype=np.uint32)[:, None, None]).reshape(-1, 3)
    plane = np.array([[0, 1, 2], [0, 2, 3]], np.uint32) + np.uint32(8 * count)
    vertices = np.concatenate([*boxes, ground]).astype(np.float32)
    triangles = np.concatenate([faces, plane])
    return VisualBody("street", vertices, triangles, np.full((len(triangles), 3), 0.5, np.float32), is_static=True)


def _box(
    path: Path,
    along_m: float,
    aside_m: float,
    size_m: tuple[float, float, float],
    middle_up_m: float,
    turn_rad: float = 0.0,
) -> Float[np.ndarray, "8 3"]:
    """Corners of a box beside the path, turned with it."""
    center, direction = path.center(along_m), path.center(along_m, 1)
    heading = math.atan2(direction[1], direction[0])
    x, y = center + np.array([-math.sin(heading), math.cos(heading)]) * aside_m
    return box_corners((float(x), float(y), middle_up_m), size_m, heading + turn_rad)


def _sweep(room: RayRoom, path: Path, end_s: float, config: DriveConfig, rng: np.random.Generator) -> Scan:
    turned = np.arange(config.columns) / config.columns
    column_s = end_s - SWEEP_S * (1.0 - 1.0 / config.columns - turned)
    times_s = column_s if config.is_distorted else np.full(config.columns, end_s)
    beams = Beams(2 * math.pi * turned - math.pi, np.linspace(*ELEVATION_RAD, config.rings), RANGE_M)
    return sweep(room, path, end_s, times_s, beams, config.range_noise_m, rng)


def _step(x: Float[np.ndarray, " values"]) -> Float[np.ndarray, " values"]:
    """From 0 to 1, smoothly, around zero."""
    return 0.5 * (1.0 + np.tanh(1.5 * x))
