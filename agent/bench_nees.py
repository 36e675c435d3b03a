"""Whether the odometry's covariance says how wrong it is: normalized squared pose errors over many simulated runs.

In:  how many sweeps a run has at most.
Out: for several lengths of runs the mean over all runs, the band in which it lies in 95 of 100 cases if the covariance
     is right, and the median.

Each run is a street, a ride from rest and sensor noise of its own. The LiDAR has few beams, so that a hundred runs take
minutes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.stats import chi2

from ..perception.geometry import invert_pose
from ..perception.odometry.body_state import POSE, BodyState
from ..perception.odometry.odometry import InertialSamples, Odometry, OdometryConfig, Sweep
from ..perception.odometry.registration import Matching
from ..perception.odometry.rotations import log
from ..sim.moving_rig import IMU_HZ, SWEEP_S
from ..sim.street import Drive, DriveConfig, drive

RUNS, GROUP = 100, 25
"""A group of runs is followed together."""
FIRST_SEED = 20_000
LENGTHS = (20, 100, 200)
LIDAR = DriveConfig(speed_mps=5.0, start_s=3.0, rings=32, columns=320)
FEW_BEAMS = OdometryConfig(
    scan_voxel_m=1.0, map_voxel_m=1.5, map_slots=1 << 14, matching=Matching(along_m=2.0, line_m=0.05)
)


def main(num_scans: int) -> dict[str, Any]:
    """Everything measured, as plain values."""
    torch.set_num_threads(1)
    lengths = [length for length in LENGTHS if length <= num_scans]
    groups = [
        squared_errors(range(FIRST_SEED + start, FIRST_SEED + start + GROUP), lengths)
        for start in range(0, RUNS, GROUP)
    ]
    errors = np.concatenate(groups, axis=1)
    low, high = chi2.ppf([0.025, 0.975], 6 * RUNS) / RUNS
    return {
        "runs": RUNS,
        "band": [float(low), float(high)],
        "lengths": [
            {
                "sweeps": length,
                "mean": float(each.mean()),
                "median": float(np.median(each)),
                "largest": float(each.max()),
            }
            for length, each in zip(lengths, errors, strict=True)
        ],
    }


def squared_errors(seeds: range, lengths: list[int]) -> Float[np.ndarray, "lengths runs"]:
    """eᵀ P⁻¹ e of the pose of each run after so many sweeps."""
    config = replace(LIDAR, num_scans=max(lengths))
    drives = [drive(config, seed) for seed in seeds]
    odometry, found = Odometry(len(drives), FEW_BEAMS), []
    for index in range(config.num_scans):
        state, _ = odometry.update(_sweep(drives, index), _samples(drives, index))
        if index + 1 in lengths:
            true = [invert_pose(of.T_world_sensor[0]) @ of.T_world_sensor[index] for of in drives]
            found.append(normalized(state, torch.from_numpy(np.stack(true))))
    return torch.stack(found).numpy()


def normalized(state: BodyState, T_map_body: Float[torch.Tensor, "runs 4 4"]) -> Float[torch.Tensor, " runs"]:
    """The squared error of the pose in units of its covariance."""
    turn = log(T_map_body[:, :3, :3] @ state.R_map_body.mT)
    error = torch.cat([turn, T_map_body[:, :3, 3] - state.place_map], dim=1)
    return (error * torch.linalg.solve(state.covariance[:, POSE, POSE], error)).sum(dim=1)


def _sweep(drives: list[Drive], index: int) -> Sweep:
    scans = [of.scans[index] for of in drives]
    longest = max(len(scan.times_s) for scan in scans)
    points, times_s = np.zeros((len(scans), longest, 3), np.float32), np.zeros((len(scans), longest))
    is_there = np.zeros((len(scans), longest), bool)
    for row, scan in enumerate(scans):
        num = len(scan.times_s)
        points[row, :num], times_s[row, :num], is_there[row, :num] = scan.points_sensor, scan.times_s, True
    end_s = torch.tensor([scan.end_s for scan in scans], dtype=torch.float64)
    points_body, at_s, there = (torch.from_numpy(values) for values in (points, times_s, is_there))
    return Sweep(points_body, at_s, there, end_s - SWEEP_S, end_s)


def _samples(drives: list[Drive], index: int) -> InertialSamples:
    rows = slice(round(index * SWEEP_S * IMU_HZ), round((index + 1) * SWEEP_S * IMU_HZ))
    columns = ([getattr(of, name)[rows] for of in drives] for name in ("imu_times_s", "force_mps2", "rate_radps"))
    return InertialSamples(*(torch.from_numpy(np.stack(column)) for column in columns))
