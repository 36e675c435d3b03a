"""A simulated spinning 3-D LiDAR.

In:  RayRoom, pose of the mount (which stands still during the sweep), time, generator.
Out: LidarScan: points in the sensor's frame with a time each; beams without a return are absent.

The sensor's z is the spin axis; the sweep turns once around it and ends at the scan's time.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from jaxtyping import Float, Float32
from pydantic import Field, model_validator

from ..perception.types import LidarScan, SensorKind, SensorSpec
from .mounting import MountConfig
from .noise import make_normals
from .raycast import RayRoom


class LidarConfig(MountConfig):
    """A spinning LiDAR; the noise value is one sigma. Rings are spread evenly over the elevations."""

    rate_hz: Annotated[float, Field(gt=0.0, le=100.0)] = 10.0
    delay_s: Annotated[float, Field(ge=0.0, le=1.0)] = 0.05
    rings: Annotated[int, Field(ge=1, le=512)] = 64
    columns: Annotated[int, Field(ge=4, le=8192)] = 1024
    elevation_min_rad: Annotated[float, Field(ge=-1.58, le=1.58)] = -0.38
    elevation_max_rad: Annotated[float, Field(ge=-1.58, le=1.58)] = 0.38
    range_min_m: Annotated[float, Field(ge=0.0, le=10.0)] = 0.2
    range_max_m: Annotated[float, Field(gt=0.0, le=300.0)] = 30.0
    range_noise_m: Annotated[float, Field(ge=0.0, le=0.5)] = 0.004
    random_dropout: Annotated[float, Field(ge=0.0, le=1.0)] = 0.005
    grazing_rad: Annotated[float, Field(ge=0.0, le=1.58)] = 1.40
    """Beams that meet a surface at a larger angle from its normal are lost with growing chance."""

    @model_validator(mode="after")
    def _ordered(self) -> LidarConfig:
        if self.elevation_min_rad >= self.elevation_max_rad and self.rings > 1:
            raise ValueError(
                f"elevation_min_rad {self.elevation_min_rad} must be below elevation_max_rad {self.elevation_max_rad}"
            )
        return self


class Lidar:
    """Casts one sweep; column by column in time, rings from low to high."""

    def __init__(self, config: LidarConfig) -> None:
        self.config = config
        self.T_mount_sensor = config.make_pose()
        self.spec = SensorSpec(
            name=config.name,
            kind=SensorKind.LIDAR,
            rate_hz=config.rate_hz,
            delay_s=config.delay_s,
            mount=config.mount,
            noise={"range_m": config.range_noise_m},
        )
        self._directions_sensor = beam_directions(config)
        # The last column is measured at the end of the sweep, time 0.
        column_times = (np.arange(config.columns) + 1 - config.columns) / (config.columns * config.rate_hz)
        self._times_s = np.repeat(column_times, config.rings)

    def measure(
        self, room: RayRoom, T_world_mount: Float[np.ndarray, "4 4"], time_s: float, rng: np.random.Generator
    ) -> LidarScan:
        """The sweep that ends at `time_s`, of the room as it stands."""
        config = self.config
        T_world_sensor = T_world_mount @ self.T_mount_sensor
        directions_world = self._directions_sensor @ T_world_sensor[:3, :3].T.astype(np.float32)
        hits = room.cast(T_world_sensor[:3, 3], directions_world)
        kept = np.flatnonzero((hits.distance_m >= config.range_min_m) & (hits.distance_m <= config.range_max_m))
        triangle = hits.triangle[kept]
        # The eye's distance to the triangle's plane over the range is the cosine of the angle of incidence.
        cosine = np.abs(room.plane_distances(T_world_sensor[:3, 3]))[triangle] / hits.distance_m[kept]
        limit = math.cos(config.grazing_rad)
        chance = np.clip(cosine / limit, 0.0, 1.0) if limit > 0 else np.ones_like(cosine)
        is_back = rng.random(len(kept), dtype=np.float32) <= chance * (1.0 - config.random_dropout)
        kept, triangle, cosine = kept[is_back], triangle[is_back], cosine[is_back]
        range_m = hits.distance_m[kept] + np.float32(config.range_noise_m) * make_normals(len(kept), rng)
        albedo = room.triangle_color[triangle].mean(axis=1)
        return LidarScan(
            config.name,
            time_s,
            self._directions_sensor[kept] * range_m[:, None],
            time_s + self._times_s[kept],
            np.clip(albedo * cosine, 0.0, 1.0).astype(np.float32),
            self.T_mount_sensor,
            config.mount,
        )


def beam_directions(config: LidarConfig) -> Float32[np.ndarray, "beams 3"]:
    """Unit directions in the sensor's frame, column after column around z, rings from low to high."""
    azimuth = np.linspace(-math.pi, math.pi, config.columns, endpoint=False)[:, None]
    elevation = np.linspace(config.elevation_min_rad, config.elevation_max_rad, config.rings)[None, :]
    x, y = np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation)
    z = np.broadcast_to(np.sin(elevation), x.shape)
    return np.stack([x, y, z], axis=-1).reshape(-1, 3).astype(np.float32)
