"""Where a LiDAR's beams point and when: the patterns.

In:  the keys of a LidarConfig, the number of the sweep.
Out: unit directions in the sensor's frame in the order in which they are measured, and the time of each.

`spinning` and sectors of it are a grid: column after column of rings around z. `rosette` is what two turning
prisms draw (solid-state sensors of that kind look along x): no sweep repeats the one before, so that a scene at
rest is filled in over time.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int

from .detector import PERFECT, Detector

SLACK_RAD = 1e-5
"""How much wider a window is than its ball: angles are rounded."""
NO_BEAMS = np.empty(0, int)
PRISM_TURNS = (71.377, -46.633)
"""Turns of the two prisms in a sweep: their ratio keeps petals from closing."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class BeamGrid:
    """Directions on a grid of azimuths and elevations, both evenly spaced; beams count up the rings of a column."""

    azimuths_rad: tuple[float, ...]
    elevations_rad: tuple[float, ...]
    directions_sensor: Float32[np.ndarray, "beams 3"]
    detector: Detector = PERFECT
    """Of their echoes."""

    def near(
        self, centers_sensor: Float[np.ndarray, "balls 3"], radii_m: Float[np.ndarray, " balls"]
    ) -> list[Int[np.ndarray, " beams"]]:
        """For each ball the beams that may meet it, rising; a few more than do, never fewer."""
        # Ball by ball with plain numbers: arrays of ten would take three times as long.
        return [self._near(*ball) for ball in zip(*centers_sensor.T.tolist(), radii_m.tolist(), strict=True)]

    def _near(self, x_m: float, y_m: float, z_m: float, radius_m: float) -> Int[np.ndarray, " beams"]:
        distance_m = math.sqrt(x_m * x_m + y_m * y_m + z_m * z_m)
        if distance_m <= radius_m:
            return np.arange(len(self.directions_sensor))
        elevation, reach = math.asin(_unit(z_m / distance_m)), math.asin(radius_m / distance_m) + SLACK_RAD
        low = bisect_left(self.elevations_rad, elevation - reach)
        high = bisect_right(self.elevations_rad, elevation + reach)
        if low == high:
            return NO_BEAMS
        half_width = math.pi
        if abs(elevation) + reach < math.pi / 2 - 1e-3:
            half_width = math.asin(_unit(math.sin(reach) / math.cos(elevation))) + SLACK_RAD
        azimuth, spans = math.atan2(y_m, x_m), []
        # Once around to both sides: a window may lie across the seam.
        for around in (azimuth - 2 * math.pi, azimuth, azimuth + 2 * math.pi):
            first = bisect_left(self.azimuths_rad, around - half_width)
            last = bisect_right(self.azimuths_rad, around + half_width)
            if first < last:
                spans.append(np.arange(first, last))
        if not spans:
            return NO_BEAMS
        # Three turns of a window wider than half a turn overlap.
        columns = spans[0] if len(spans) == 1 else np.unique(np.concatenate(spans))
        return (columns[:, None] * len(self.elevations_rad) + np.arange(low, high)).ravel()


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class BeamBundle:
    """Directions in no order."""

    directions_sensor: Float32[np.ndarray, "beams 3"]
    detector: Detector = PERFECT
    """Of their echoes."""

    def near(
        self, centers_sensor: Float[np.ndarray, "balls 3"], radii_m: Float[np.ndarray, " balls"]
    ) -> list[Int[np.ndarray, " beams"]]:
        """For each ball the beams that may meet it, rising; a few more than do, never fewer."""
        distance_m = np.linalg.norm(centers_sensor, axis=1)
        reach = np.arcsin(np.clip(radii_m / np.maximum(distance_m, 1e-9), 0.0, 1.0)) + SLACK_RAD
        limits = np.where(distance_m <= radii_m, -np.inf, np.cos(reach) * distance_m - 1e-6)
        centers = centers_sensor.astype(np.float32)
        pairs = zip(centers, limits.tolist(), strict=True)
        return [np.flatnonzero(self.directions_sensor @ center >= limit) for center, limit in pairs]


def make_grid(
    azimuth_rad: tuple[float, float],
    num_columns: int,
    elevation_rad: tuple[float, float],
    num_rings: int,
    detector: Detector = PERFECT,
) -> BeamGrid:
    """Columns from the first azimuth up to, and without, the last; rings from low to high, both ends included."""
    azimuths = np.linspace(*azimuth_rad, num_columns, endpoint=False)
    elevations = np.linspace(*elevation_rad, num_rings)
    azimuth, elevation = azimuths[:, None], elevations[None, :]
    x, y = np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation)
    z = np.broadcast_to(np.sin(elevation), x.shape)
    directions = np.stack([x, y, z], axis=-1).reshape(-1, 3).astype(np.float32)
    return BeamGrid(tuple(azimuths.tolist()), tuple(elevations.tolist()), directions, detector)


def rosette_directions(number: int, num_beams: int, fov_rad: float) -> Float32[np.ndarray, "beams 3"]:
    """Directions of one sweep inside a cone of the full angle `fov_rad` around x; sweeps continue each other."""
    turn = 2 * math.pi * (number + (np.arange(num_beams) + 1.0) / num_beams)
    first, second = (rate * turn for rate in PRISM_TURNS)
    off_y = fov_rad / 4 * (np.cos(first) + np.cos(second))
    off_z = fov_rad / 4 * (np.sin(first) + np.sin(second))
    angle = np.hypot(off_y, off_z)
    scale = np.sinc(angle / math.pi)  # sin(angle) / angle
    return np.stack([np.cos(angle), off_y * scale, off_z * scale], axis=-1).astype(np.float32)


def _unit(sine: float) -> float:
    """Without what rounding put beyond 1."""
    return min(1.0, max(-1.0, sine))
