"""Several sweeps of a LiDAR that stands still become one with less noise, beam by beam.

In:  LidarScans, one after the other.
Out: for each the same scan with ranges averaged over the last sweeps; a beam that meets something else begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import KDTree

from .types import WORLD, LidarScan

_ANGLE_RAD = 0.001
_MOST_SWEEPS = 12
_OTHER_M, _OTHER_SIGMAS = 0.006, 3.5
_SPAN = 1 << 20
_MOST_RINGS = 512


@dataclass(frozen=True, slots=True)
class _Means:
    """What is known of each beam, sorted by its key."""

    T_mount_sensor: Float[np.ndarray, "4 4"]
    keys: Int[np.ndarray, " beams"]
    range_m: Float[np.ndarray, " beams"]
    num: Float[np.ndarray, " beams"]


class SteadyScans:
    """Mean ranges of each LiDAR that is fixed in the world."""

    def __init__(self) -> None:
        self._means: dict[str, _Means] = {}

    def steady(self, scan: LidarScan, noise_m: float) -> LidarScan:
        """The scan with what earlier ones said of the same beams; as it is where the LiDAR moves."""
        if scan.mount != WORLD:
            return scan
        points = scan.points_sensor.astype(np.float64)
        points = points[np.isfinite(points).all(axis=1)]
        range_m = np.linalg.norm(points, axis=1)
        points, range_m = points[range_m > 0.0], range_m[range_m > 0.0]
        if not len(points):
            return scan
        directions = points / range_m[:, None]
        keys, first = np.unique(_keys(directions), return_index=True)
        directions, range_m = directions[first], range_m[first]
        mean_m, num = range_m, np.ones(len(keys))
        known = self._means.get(scan.sensor)
        if known is not None and np.allclose(known.T_mount_sensor, scan.T_mount_sensor):
            place = np.minimum(np.searchsorted(known.keys, keys), len(known.keys) - 1)
            limit_m = max(_OTHER_M, _OTHER_SIGMAS * noise_m)
            is_same = (known.keys[place] == keys) & (np.abs(known.range_m[place] - range_m) < limit_m)
            before = np.where(is_same, np.minimum(known.num[place], _MOST_SWEEPS - 1), 0.0)
            num = before + 1.0
            mean_m = (before * known.range_m[place] + range_m) / num
        self._means[scan.sensor] = _Means(scan.T_mount_sensor, keys, mean_m, num)
        steadied = (directions * mean_m[:, None]).astype(np.float32)
        times_s, intensity = np.full(len(steadied), scan.time_s), np.zeros(len(steadied), np.float32)
        return replace(scan, points_sensor=steadied, point_times_s=times_s, intensity=intensity)


def beam_angles(scan: LidarScan) -> tuple[float, float]:
    """Angles between neighbouring rings and between neighbouring columns; of a scan without rings both the same."""
    points = scan.points_sensor[np.isfinite(scan.points_sensor).all(axis=1)].astype(np.float64)
    directions = points / np.maximum(np.linalg.norm(points, axis=1), 1e-9)[:, None]
    rings = _levels(np.arcsin(np.clip(directions[:, 2], -1.0, 1.0)))
    columns = _levels(np.arctan2(directions[:, 1], directions[:, 0]))
    if 1 < len(rings) <= _MOST_RINGS and len(columns) > 1 and len(rings) * len(columns) < 20 * len(points):
        return float(np.median(np.diff(rings))), float(np.median(np.diff(columns)))
    some = directions[:: max(1, len(directions) // 2000)]
    apart, _ = KDTree(directions).query(some, k=2)
    spacing_rad = float(np.median(np.asarray(apart)[:, 1])) if len(points) > 1 else 0.01
    return spacing_rad, spacing_rad


def _levels(angles_rad: Float[np.ndarray, " beams"]) -> Float[np.ndarray, " levels"]:
    """The angles that occur, a thousandth apart at least."""
    levels = np.unique(np.round(angles_rad / _ANGLE_RAD)) * _ANGLE_RAD
    kept = np.concatenate([[True], np.diff(levels) > 1.5 * _ANGLE_RAD])
    return levels[kept]


def _keys(directions: Float[np.ndarray, "beams 3"]) -> Int[np.ndarray, " beams"]:
    azimuth = np.round(np.arctan2(directions[:, 1], directions[:, 0]) / _ANGLE_RAD).astype(np.int64)
    elevation = np.round(np.arcsin(np.clip(directions[:, 2], -1.0, 1.0)) / _ANGLE_RAD).astype(np.int64)
    return azimuth * _SPAN + elevation
