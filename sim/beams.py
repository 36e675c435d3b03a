"""Where a LiDAR's beams point and when: the patterns.

In:  the keys of a LidarConfig, the number of the sweep.
Out: unit directions in the sensor's frame in the order in which they are measured, and the time of each.

`spinning` and sectors of it are a grid: column after column of rings around z. `rosette` is what two turning
prisms draw (solid-state sensors of that kind look along x): no sweep repeats the one before, so that a scene at
rest is filled in over time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32

PRISM_TURNS = (71.377, -46.633)
"""Turns of the two prisms in a sweep: their ratio keeps petals from closing."""


@dataclass(frozen=True, slots=True)
class BeamGrid:
    """Directions on a grid of azimuths and elevations, both evenly spaced."""

    azimuths_rad: Float[np.ndarray, " columns"]
    elevations_rad: Float[np.ndarray, " rings"]
    directions_sensor: Float32[np.ndarray, "columns rings 3"]

    def windows(
        self, centers_sensor: Float[np.ndarray, "balls 3"], radii_m: Float[np.ndarray, " balls"]
    ) -> Bool[np.ndarray, "columns rings"]:
        """Beams that may meet one of the balls; a few more than do, never fewer."""
        distance_m = np.linalg.norm(centers_sensor, axis=1)
        elevation = np.arcsin(np.clip(centers_sensor[:, 2] / np.maximum(distance_m, 1e-9), -1.0, 1.0))
        azimuth = np.arctan2(centers_sensor[:, 1], centers_sensor[:, 0])
        reach = np.arcsin(np.clip(radii_m / np.maximum(distance_m, 1e-9), 0.0, 1.0))
        is_over_pole = (np.abs(elevation) + reach >= math.pi / 2 - 1e-3) | (distance_m <= radii_m)
        reach = np.where(distance_m <= radii_m, math.pi, reach)
        sine = np.sin(reach) / np.maximum(np.cos(elevation), 1e-9)
        half_width = np.where(is_over_pole, math.pi, np.arcsin(np.clip(sine, 0.0, 1.0)))
        low = np.searchsorted(self.elevations_rad, elevation - reach).tolist()
        high = np.searchsorted(self.elevations_rad, elevation + reach, side="right").tolist()
        # Once around to both sides: a window may lie across the seam.
        around = (azimuth + np.array([[-2 * math.pi], [0.0], [2 * math.pi]])).ravel()
        first = np.searchsorted(self.azimuths_rad, around - np.tile(half_width, 3)).tolist()
        last = np.searchsorted(self.azimuths_rad, around + np.tile(half_width, 3), side="right").tolist()
        mask = np.zeros(self.directions_sensor.shape[:2], bool)
        num = len(low)
        for k, (start, stop) in enumerate(zip(first, last, strict=True)):
            if start < stop:
                mask[start:stop, low[k % num] : high[k % num]] = True
        return mask


def make_grid(
    azimuth_rad: tuple[float, float], num_columns: int, elevation_rad: tuple[float, float], num_rings: int
) -> BeamGrid:
    """Columns from the first azimuth up to, and without, the last; rings from low to high, both ends included."""
    azimuths = np.linspace(*azimuth_rad, num_columns, endpoint=False)
    elevations = np.linspace(*elevation_rad, num_rings)
    azimuth, elevation = azimuths[:, None], elevations[None, :]
    x, y = np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation)
    z = np.broadcast_to(np.sin(elevation), x.shape)
    return BeamGrid(azimuths, elevations, np.stack([x, y, z], axis=-1).astype(np.float32))


def rosette_directions(number: int, num_beams: int, fov_rad: float) -> Float32[np.ndarray, "beams 3"]:
    """Directions of one sweep inside a cone of the full angle `fov_rad` around x; sweeps continue each other."""
    turn = 2 * math.pi * (number + (np.arange(num_beams) + 1.0) / num_beams)
    first, second = (rate * turn for rate in PRISM_TURNS)
    off_y = fov_rad / 4 * (np.cos(first) + np.cos(second))
    off_z = fov_rad / 4 * (np.sin(first) + np.sin(second))
    angle = np.hypot(off_y, off_z)
    scale = np.sinc(angle / math.pi)  # sin(angle) / angle
    return np.stack([np.cos(angle), off_y * scale, off_z * scale], axis=-1).astype(np.float32)
