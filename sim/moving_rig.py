"""What a spinning LiDAR and an IMU measure on a rig that moves through a made place.

In:  a room, the rig's true motion, what its sensors err by.
Out: Scans with a time for each point, IMU samples; boxes to build places of.

Beams are cast from where the rig was at their own time, so that a sweep is bent by the motion as a real one is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float32
from scipy.spatial.transform import Rotation

from .raycast import RayRoom

SWEEP_S = 0.1
IMU_HZ = 200
GRAVITY_WORLD = np.array([0.0, 0.0, -9.81])
BOX_FACES = np.array(
    [[0, 2, 1], [0, 3, 2], [4, 5, 6], [4, 6, 7], [0, 1, 5], [0, 5, 4], [1, 2, 6], [1, 6, 5], [2, 3, 7], [2, 7, 6],
     [3, 0, 4], [3, 4, 7]],
    np.uint32,
)  # fmt: skip
"""Triangles of a box by `box_corners`."""
_HALF_S = 1e-3


@dataclass(frozen=True, slots=True)
class Scan:
    """One sweep; points in the sensor's frame, each at its own time. Index 0 of the pose's time is the sweep's end."""

    end_s: float
    points_sensor: Float32[np.ndarray, "points 3"]
    times_s: Float[np.ndarray, " points"]


@dataclass(frozen=True, slots=True)
class Beams:
    """Columns by azimuth and rings by elevation, and how far they reach."""

    azimuths_rad: Float[np.ndarray, " columns"]
    elevations_rad: Float[np.ndarray, " rings"]
    reach_m: tuple[float, float]


@runtime_checkable
class Moving(Protocol):
    """A smooth motion."""

    def poses(self, times_s: Float[np.ndarray, " times"]) -> Float[np.ndarray, "times 4 4"]:
        """T_world_sensor."""
        ...


@runtime_checkable
class ImuErrors(Protocol):
    """One sigma of each sample, and of the bias of a whole run."""

    @property
    def force_noise_mps2(self) -> float:
        """Of a sample's specific force."""
        ...

    @property
    def rate_noise_radps(self) -> float:
        """Of a sample's angular rate."""
        ...

    @property
    def force_bias_mps2(self) -> float:
        """Of the run's specific force."""
        ...

    @property
    def rate_bias_radps(self) -> float:
        """Of the run's angular rate."""
        ...


def sweep(
    room: RayRoom,
    motion: Moving,
    end_s: float,
    times_s: Float[np.ndarray, " columns"],
    beams: Beams,
    range_noise_m: float,
    rng: np.random.Generator,
) -> Scan:
    """One sweep, each column from where the sensor is at its time."""
    poses, num_rings = motion.poses(times_s), len(beams.elevations_rad)
    azimuth, level = beams.azimuths_rad[:, None], np.cos(beams.elevations_rad)
    up = np.tile(np.sin(beams.elevations_rad), (len(azimuth), 1))
    directions = np.stack([np.cos(azimuth) * level, np.sin(azimuth) * level, up], axis=-1)
    world = np.einsum("cij,crj->cri", poses[:, :3, :3], directions).reshape(-1, 3)
    hits = room.cast(np.repeat(poses[:, :3, 3], num_rings, axis=0), world.astype(np.float32))
    range_m = hits.distance_m + rng.normal(0, range_noise_m, len(hits.distance_m)).astype(np.float32)
    back = np.flatnonzero(hits.is_hit & (range_m > beams.reach_m[0]) & (range_m < beams.reach_m[1]))
    points = directions.reshape(-1, 3)[back] * range_m[back, None]
    return Scan(end_s, points.astype(np.float32), np.repeat(times_s, num_rings)[back])


def inertia(
    motion: Moving, times_s: Float[np.ndarray, " samples"], errors: ImuErrors, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "samples 3"], Float[np.ndarray, "samples 3"]]:
    """Specific force and angular rate in the sensor's frame: central differences of the smooth motion, with errors."""
    before, now, after = (motion.poses(times_s + shift) for shift in (-_HALF_S, 0.0, _HALF_S))
    acceleration = (before[:, :3, 3] - 2 * now[:, :3, 3] + after[:, :3, 3]) / _HALF_S**2
    force = np.einsum("nji,nj->ni", now[:, :3, :3], acceleration - GRAVITY_WORLD)
    turn = Rotation.from_matrix(before[:, :3, :3]).inv() * Rotation.from_matrix(after[:, :3, :3])
    rate = turn.as_rotvec() / (2 * _HALF_S)
    force += rng.normal(0, errors.force_bias_mps2, 3) + rng.normal(0, errors.force_noise_mps2, force.shape)
    rate += rng.normal(0, errors.rate_bias_radps, 3) + rng.normal(0, errors.rate_noise_radps, rate.shape)
    return force, rate


def from_rest(times_s: Float[np.ndarray, " times"], start_s: float) -> Float[np.ndarray, " times"]:
    """Time as a motion counts it that takes so long from rest to speed: the speed's share is 3 share² - 2 share³."""
    share = times_s.clip(0.0, start_s) / start_s
    return (times_s - start_s).clip(0.0) + start_s * (share**3 - 0.5 * share**4)


def box_corners(
    middle: tuple[float, float, float] | Float[np.ndarray, "3"],
    size_m: tuple[float, float, float],
    turn_rad: float = 0.0,
) -> Float[np.ndarray, "8 3"]:
    """An upright box turned about z."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2 * np.array(size_m[:2])
    flat = corners @ Rotation.from_euler("z", turn_rad).as_matrix()[:2, :2].T + np.array(middle[:2])
    low, high = middle[2] - size_m[2] / 2, middle[2] + size_m[2] / 2
    return np.concatenate([np.column_stack([flat, np.full(4, low)]), np.column_stack([flat, np.full(4, high)])])
