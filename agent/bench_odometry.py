"""Our odometry beside KISS-ICP's and small_gicp's, on one street, in one process on one thread, by CPU time.

In:  how many sweeps.
Out: segment errors and CPU milliseconds a sweep of each, undistorted and distorted; preintegration against gtsam.

Scan by scan all sides take their turn, so that a busy machine slows them alike.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module  # the peers are an extra
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from ..perception.odometry.errors import segment_error_percent
from ..perception.odometry.odometry import InertialSamples, Odometry, OdometryConfig, Sweep
from ..perception.odometry.preintegration import ImuNoise, preintegrate
from ..sim.moving_rig import IMU_HZ, SWEEP_S, Scan
from ..sim.street import Drive, DriveConfig, drive
from .odometry_peers import make_gicp, make_kiss
from .stopwatch import cpu_now_s

SEED = 7
ROBOTS, STEPS, PASSES = 256, 100, 200
Side = Callable[[Scan, int], Float[np.ndarray, "4 4"]]


def main(num_scans: int) -> dict[str, Any]:
    """Everything measured, as plain values."""
    torch.set_num_threads(1)
    found: dict[str, Any] = {"preintegration_us": _preintegration_us(), "gtsam_difference": _gtsam_difference()}
    for name, is_distorted in (("undistorted", False), ("distorted", True)):
        of = drive(DriveConfig(num_scans=num_scans, is_distorted=is_distorted), SEED)
        sides = {"ours": _ours(of, has_imu=is_distorted), "kiss": _kiss(is_distorted), "gicp": _gicp()}
        found[name] = _race(of, sides)
    return found


def _race(of: Drive, sides: dict[str, Side]) -> dict[str, dict[str, float]]:
    poses: dict[str, list[np.ndarray]] = {name: [] for name in sides}
    spent_s: dict[str, list[float]] = {name: [] for name in sides}
    for index, scan in enumerate(of.scans):
        for name, follow in sides.items():
            start_s = cpu_now_s()
            poses[name].append(follow(scan, index))
            spent_s[name].append(cpu_now_s() - start_s)
    return {
        name: {
            "segment_error_percent": segment_error_percent(np.array(poses[name]), of.T_world_sensor),
            "ms": 1000.0 * float(np.mean(spent_s[name][2:])),
        }
        for name in sides
    }


def _ours(of: Drive, *, has_imu: bool) -> Side:
    odometry = Odometry(1, OdometryConfig())
    per_sweep = round(SWEEP_S * IMU_HZ)

    def follow(scan: Scan, index: int) -> Float[np.ndarray, "4 4"]:
        points, times_s = torch.from_numpy(scan.points_sensor)[None], torch.from_numpy(scan.times_s)[None]
        end_s = torch.tensor([scan.end_s], dtype=torch.float64)
        is_there = torch.ones(points.shape[:2], dtype=torch.bool)
        rows = slice(index * per_sweep, (index + 1) * per_sweep)
        columns = (of.imu_times_s[rows], of.force_mps2[rows], of.rate_radps[rows])
        imu = InertialSamples(*(torch.from_numpy(column)[None] for column in columns)) if has_imu else None
        state, _ = odometry.update(Sweep(points, times_s, is_there, end_s - SWEEP_S, end_s), imu)
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = state.R_map_body[0], state.place_map[0]
        return pose

    return follow


def _kiss(is_distorted: bool) -> Side:
    follow = make_kiss(is_distorted=is_distorted)

    def follow_scan(scan: Scan, index: int) -> Float[np.ndarray, "4 4"]:
        return follow(scan.points_sensor, (scan.times_s - scan.end_s) / SWEEP_S + 1.0 if is_distorted else None)

    return follow_scan


def _gicp() -> Side:
    follow = make_gicp()
    return lambda scan, index: follow(scan.points_sensor)


def _preintegration_us() -> float:
    generator = torch.Generator().manual_seed(0)
    force, rate = (torch.randn(ROBOTS, STEPS, 3, generator=generator) for _ in range(2))
    step_s = torch.full((ROBOTS, STEPS), 0.005)
    preintegrate(force, rate, step_s, ImuNoise())
    # CPU time counts in hundredths of a second: one pass takes about that long, so all are measured together.
    start_s = cpu_now_s()
    for _ in range(PASSES):
        preintegrate(force, rate, step_s, ImuNoise())
    return 1e6 * (cpu_now_s() - start_s) / (PASSES * ROBOTS * STEPS)


def _gtsam_difference() -> float:
    """Largest over a second at 200 Hz, in turn (entries), place (m), velocity (m/s)."""
    gtsam = import_module("gtsam")
    rng = np.random.default_rng(SEED)
    force, rate = 3.0 * rng.normal(size=(200, 3)), 2.0 * rng.normal(size=(200, 3))
    step_s = np.full(200, 0.005)
    samples = [torch.from_numpy(values)[None] for values in (force, rate, step_s)]
    ours = preintegrate(samples[0], samples[1], samples[2], ImuNoise())
    bias = gtsam.imuBias.ConstantBias(np.zeros(3), np.zeros(3))
    theirs = gtsam.PreintegratedImuMeasurementsManifold(gtsam.PreintegrationParams.MakeSharedU(9.81), bias)
    for k in range(200):
        theirs.integrateMeasurement(force[k], rate[k], step_s[k])
    pairs = (
        (ours.turn, theirs.deltaRij().matrix()),
        (ours.place_m, theirs.deltaPij()),
        (ours.velocity_mps, theirs.deltaVij()),
    )
    return max(float(np.abs(one[0].numpy() - other).max()) for one, other in pairs)
