"""Our odometry on a real drive beside KISS-ICP's and small_gicp's: no true path is known, so the maps are judged.

In:  a Recording with LiDAR scans.
Out: for each side the path, CPU time a sweep, and how well its map agrees with itself.

A map is good when what one sweep saw lies on the surfaces that others saw. The ground says nothing of that: its rings
of points travel with the sensor and lie on it whatever path is believed. So only what stands high above the sensor
counts, and only sweeps some tenths of a second apart are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32
from scipy.spatial import KDTree

from ...perception.odometry.odometry import Odometry, OdometryConfig, Sweep
from ...perception.recordings.types import Recording, RecordingFileError
from ...perception.types import LidarScan
from ..odometry_peers import make_gicp, make_kiss
from ..stopwatch import cpu_now_s

ABOVE_SENSOR_M = 1.0
WITHIN_M = 60.0
SWEEPS_APART = 3
NEIGHBOURS = 10
MEET_WITHIN_M = 1.0
QUERIES = 4000
Side = Callable[[LidarScan], Float[np.ndarray, "4 4"]]


@dataclass(frozen=True, slots=True)
class DriveFound:
    """Of one side."""

    T_map_sensor: Float[np.ndarray, "sweeps 4 4"]
    ms: float
    off_surface_m: float


def measure_drive(recording: Recording) -> dict[str, DriveFound]:
    """Sweep by sweep in turn, so that a busy machine slows all alike; "still" is no odometry.

    Raises:
        RecordingFileError: the recording has too few sweeps.
    """
    scans = [scan for moment in recording.moments() for scan in moment.frame.scans]
    if len(scans) <= 2 * SWEEPS_APART or not recording.is_sequence:
        raise RecordingFileError(f"'{recording.folder}' has {len(scans)} sweeps of one drive, expected more.")
    sides = {
        "ours": _ours(),
        "kiss": _on_points(make_kiss(is_distorted=False)),
        "gicp": _on_points(make_gicp()),
        "still": lambda scan: np.eye(4),
    }
    poses: dict[str, list[np.ndarray]] = {name: [] for name in sides}
    spent_s: dict[str, list[float]] = {name: [] for name in sides}
    for scan in scans:
        for name, follow in sides.items():
            start_s = cpu_now_s()
            poses[name].append(follow(scan))
            spent_s[name].append(cpu_now_s() - start_s)
    return {
        name: DriveFound(
            np.array(poses[name]),
            1000.0 * float(np.mean(spent_s[name][2:])),
            off_surface_m([scan.points_sensor for scan in scans], np.array(poses[name])),
        )
        for name in sides
    }


def off_surface_m(
    points_sensor: list[Float32[np.ndarray, "_ 3"]], T_map_sensor: Float[np.ndarray, "sweeps 4 4"]
) -> float:
    """Mean distance of points from the planes through their nearest neighbours of sweeps some time apart."""
    high = [p[(np.linalg.norm(p, axis=1) < WITHIN_M) & (p[:, 2] > ABOVE_SENSOR_M)] for p in points_sensor]
    clouds = [p @ T[:3, :3].T + T[:3, 3] for p, T in zip(high, T_map_sensor, strict=True)]
    found = []
    for number, cloud in enumerate(clouds):
        others = np.concatenate([c for k, c in enumerate(clouds) if abs(k - number) >= SWEEPS_APART])
        chosen = np.random.default_rng(number).permutation(len(cloud))[:QUERIES]
        apart_m, near = KDTree(others).query(cloud[chosen], k=NEIGHBOURS, distance_upper_bound=MEET_WITHIN_M)
        near, is_met = np.asarray(near), np.isfinite(apart_m).all(axis=1)
        around = others[near[is_met]]
        middle = around.mean(axis=1)
        spread = around - middle[:, None]
        _, axes = np.linalg.eigh(np.einsum("nki,nkj->nij", spread, spread))
        found.append(np.abs(np.einsum("ni,ni->n", cloud[chosen][is_met] - middle, axes[:, :, 0])))
    return float(np.concatenate(found).mean())


def follow_scan(odometry: Odometry, scan: LidarScan, start_s: float | None = None) -> Float[np.ndarray, "4 4"]:
    """One scan of one robot through our odometry; `start_s` is when the sweep began (None: at its first point)."""
    points, times_s = torch.from_numpy(scan.points_sensor)[None], torch.from_numpy(scan.point_times_s)[None]
    end_s = torch.tensor([scan.time_s], dtype=torch.float64)
    begin_s = end_s - (scan.time_s - (float(scan.point_times_s.min()) if start_s is None else start_s))
    state, _ = odometry.update(Sweep(points, times_s, torch.ones(points.shape[:2], dtype=torch.bool), begin_s, end_s))
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = state.R_map_body[0], state.place_map[0]
    return pose


def _ours() -> Side:
    odometry = Odometry(1, OdometryConfig())
    return lambda scan: follow_scan(odometry, scan)


def _on_points(follow: Callable[[Float32[np.ndarray, "points 3"]], Float[np.ndarray, "4 4"]]) -> Side:
    return lambda scan: follow(scan.points_sensor)
