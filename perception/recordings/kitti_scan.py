"""One sweep of KITTI's Velodyne HDL-64: x, y, z, reflectance as float32.

In:  a .bin file and the sweep's time.
Out: LidarScan. The files do not say when within the sweep a point was measured: all carry the sweep's time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..types import LidarScan, SensorKind, SensorSpec
from .files import load_floats
from .types import BODY

LIDAR = SensorSpec("velodyne", SensorKind.LIDAR, 10.0, 0.0, BODY, {"range_m": 0.02})
MOST_M = 200.0


def load_scan(path: Path, time_s: float) -> LidarScan:
    """Points farther than the sensor reaches are left out."""
    rows = load_floats(path, 4, "a Velodyne scan (x y z reflectance)")
    rows = rows[np.abs(rows[:, :3]).max(axis=1) < MOST_M]
    return LidarScan(
        LIDAR.name, time_s, rows[:, :3].copy(), np.full(len(rows), time_s), rows[:, 3].copy(), np.eye(4), BODY
    )
