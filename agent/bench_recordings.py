"""The rows of `verbot bench perception` on real recordings, where these lie beside the project (`shared/data`).

In:  recordings; KISS-ICP, small_gicp and gtsam as peers. Measured in a process of its own, on one thread.
Out: rows, and all the figures behind them as plain values.
"""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..perception.recordings.open_recording import open_recording
from .bench import Row, measure_apart
from .recordings.deskewed import measure_deskew
from .recordings.drive import measure_drive
from .recordings.inertia import STANDARD_GRAVITY_MPS2, InertialErrors, measure_inertia, normal_gravity_mps2
from .recordings.mapped import measure_map
from .recordings.room import measure_room

ROAD_LATITUDE_RAD = math.radians(37.72)
"""Of the drive in `road_imu_gnss`: gravity differs by half a percent between equator and pole."""
LOGS = {"imu_trajectory": STANDARD_GRAVITY_MPS2, "road_imu_gnss": normal_gravity_mps2(ROAD_LATITUDE_RAD)}
ONE_SECOND = 3
"""Which of the spans is a second."""


def find_data() -> Path | None:
    """`shared/data` in this folder or beside one above it; None where it is not."""
    here = Path.cwd()
    return next((p / "shared" / "data" for p in (here, *here.parents) if (p / "shared" / "data").is_dir()), None)


def bench() -> Iterator[Row]:
    """Every row whose recording is there."""
    return rows_of(measure_apart("verbot.agent.bench_recordings", 0)) if find_data() is not None else iter(())


def main(count: int) -> dict[str, Any]:
    """Everything measured, as plain values; a recording that is not there leaves out its part."""
    torch.set_num_threads(1)
    data, found = find_data(), dict[str, Any]()
    if data is None:
        return found
    found["inertia"] = {
        name: _inertial_values(measure_inertia(open_recording(data / name), gravity))
        for name, gravity in LOGS.items()
        if (data / name).is_dir()
    }
    if (data / "camera_lidar_drive").is_dir():
        sides = measure_drive(open_recording(data / "camera_lidar_drive"))
        found["drive"] = {
            name: {"path_m": side.T_map_sensor[:, :2, 3].tolist(), "ms": side.ms, "off_surface_m": side.off_surface_m}
            for name, side in sides.items()
        }
    if (data / "lidar_deskew").is_dir():
        found["deskew"] = [
            {
                "turned_rad": sweep.turned_rad,
                "times_s": sweep.times_s.tolist(),
                **{f"{name}_m": getattr(sweep, f"{name}_m") for name in ("raw", "even", "path")},
                **{
                    f"{name}_over_time_m": getattr(sweep, f"{name}_over_time_m").tolist()
                    for name in ("raw", "even", "path")
                },
            }
            for sweep in measure_deskew(open_recording(data / "lidar_deskew"))
        ]
    if (data / "rgbd_room").is_dir():
        found["map"] = {name: asdict(side) for name, side in measure_map(open_recording(data / "rgbd_room")).items()}
        room = measure_room(open_recording(data / "rgbd_room"))
        found["room"] = {
            "pairs": room.pairs,
            "median_m": room.median_m,
            "floor_spread_m": room.floor_spread_m,
            "floors_m": [None if floor is None else floor.height_m for floor in room.floors],
            "tilts_rad": [None if floor is None else floor.tilt_rad for floor in room.floors],
        }
    return found


def rows_of(found: dict[str, Any]) -> Iterator[Row]:
    """The claims, from what was measured."""
    yield from _inertial_rows(found.get("inertia", {}))
    if "drive" in found:
        yield from _drive_rows(found["drive"])
    if "deskew" in found:
        raw = float(np.mean([sweep["raw_m"] for sweep in found["deskew"]]))
        for name, what, most in (("path", "ten moments", 0.02), ("even", "one even motion", 0.1)):
            ours = float(np.mean([sweep[f"{name}_m"] for sweep in found["deskew"]]))
            ratio = round(ours / raw, 4)
            yield Row(
                f"real data: sweeps straightened, motion given as {what} (Newer College, rms of points held out)",
                round(ours, 4), f"as measured: {raw:.3f}", "m", f"<= {most:g}×", ours <= most * raw, ratio,
            )  # fmt: skip
    if "map" in found:
        yield from _map_rows(found["map"])
    if "room" in found:
        next_m = max(
            off_m for one, other, off_m, _ in found["room"]["pairs"] if abs(one - other) == 1 and max(one, other) < 3
        )
        yield Row(
            "real data: a room's points seen from the next frame (3DMatch, worst median)", round(next_m, 4), "0", "m",
            "<= 0.01", next_m <= 0.01,
        )  # fmt: skip
        spread_m = found["room"]["floor_spread_m"]
        yield Row(
            "real data: the floor's height over four frames (3DMatch)", round(spread_m, 4), "0", "m", "<= 0.03",
            spread_m <= 0.03,
        )  # fmt: skip


def _inertial_values(errors: InertialErrors) -> dict[str, Any]:
    values: dict[str, Any] = {
        "starts": len(errors.ours_m),
        "spans_s": errors.spans_s,
        "force_bias_mps2": [float(v) for v in errors.force_bias_mps2],
        "rate_bias_radps": [float(v) for v in errors.rate_bias_radps],
    }
    for name in ("ours", "gtsam", "ours_unbiased", "gtsam_unbiased"):
        off_m = getattr(errors, f"{name}_m")
        values[name] = {
            "mean_m": off_m.mean(axis=0).tolist(),
            "median_m": np.median(off_m, axis=0).tolist(),
            "p95_m": np.percentile(off_m, 95, axis=0).tolist(),
        }
    return values


def _inertial_rows(logs: dict[str, Any]) -> Iterator[Row]:
    version = importlib.metadata.version("gtsam")
    for log, values in logs.items():
        for suffix, what in (("", "as measured"), ("_unbiased", "constant bias of the first quarter taken off")):
            ours, theirs = (values[f"{side}{suffix}"]["mean_m"][ONE_SECOND] for side in ("ours", "gtsam"))
            yield Row(
                f"real data: 1 s position error from true start, {log}, {what} ({values['starts']} starts)",
                round(ours, 5), f"gtsam {version}: {theirs:.5f}", "m", "<= 1.05×", ours <= 1.05 * theirs,
                round(ours / theirs, 4),
            )  # fmt: skip


def _drive_rows(sides: dict[str, Any]) -> Iterator[Row]:
    names = {
        "kiss": f"kiss-icp {importlib.metadata.version('kiss-icp')}",
        "gicp": f"small_gicp {importlib.metadata.version('small_gicp')} VGICP",
    }
    claims = (
        ("off_surface_m", "points off the surfaces that other sweeps saw", "m", {"kiss": 1.1, "gicp": 1.1}),
        ("ms", "CPU time a sweep", "ms", {"kiss": 1.0, "gicp": 3.0}),
    )
    for key, what, unit, bars in claims:
        for peer, most in bars.items():
            ours, theirs = sides["ours"][key], sides[peer][key]
            yield Row(
                f"real data: {what} (KITTI, 10 sweeps in traffic)", round(ours, 4), f"{names[peer]}: {theirs:.4g}",
                unit, f"<= {most:g}×", ours <= most * theirs, round(ours / theirs, 3),
            )  # fmt: skip


def _map_rows(sides: dict[str, Any]) -> Iterator[Row]:
    version = importlib.metadata.version("open3d-cpu" if _has("open3d-cpu") else "open3d")
    for grid, what in (("examples", "as its examples have it"), ("tuned", "blocks of 8, band of 4")):
        ours, theirs = sides["ours"]["mean_m"], sides[grid]["mean_m"]
        yield Row(
            "real data: points of a frame left out, off the map of the others at 1 cm (3DMatch)", round(ours, 5),
            f"Open3D {version} VoxelBlockGrid, {what}: {theirs:.5f}", "m", "<= 1.05×", ours <= 1.05 * theirs,
            round(ours / theirs, 3),
        )  # fmt: skip


def _has(distribution: str) -> bool:
    try:
        return bool(importlib.metadata.version(distribution))
    except importlib.metadata.PackageNotFoundError:
        return False
