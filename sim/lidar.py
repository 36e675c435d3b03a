"""A simulated LiDAR: spinning, a sector, or a rosette.

In:  RayRoom and the pose of the mount, or a Sweep (how everything moved while it measured), time, generator.
Out: LidarScan: points in the sensor's frame with a time each; beams without a return are absent.

A spinning sensor's z is its spin axis, a rosette looks along x. The sweep ends at the scan's time. Each point is
given in the sensor's frame at the point's own time, as sensors do: whoever wants one frame must undo the motion.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float, Float32
from pydantic import Field, model_validator

from ..perception.types import WORLD, LidarScan, SensorKind, SensorSpec
from .beam_casting import Echoes, Pattern, cast_pattern, cast_sweep
from .beams import BeamBundle, BeamGrid, make_grid, rosette_directions
from .detector import Detector
from .mounting import MountConfig
from .noise import make_normals
from .raycast import RayRoom
from .sweep import Sweep


class LidarConfig(MountConfig):
    """A LiDAR; the noise value is one sigma. A sweep has `columns` × `rings` beams, in every pattern."""

    rate_hz: Annotated[float, Field(gt=0.0, le=100.0)] = 10.0
    delay_s: Annotated[float, Field(ge=0.0, le=1.0)] = 0.05
    pattern: Literal["spinning", "rosette"] = "spinning"
    rings: Annotated[int, Field(ge=1, le=512)] = 64
    columns: Annotated[int, Field(ge=4, le=8192)] = 1024
    elevation_min_rad: Annotated[float, Field(ge=-1.58, le=1.58)] = -0.38
    elevation_max_rad: Annotated[float, Field(ge=-1.58, le=1.58)] = 0.38
    azimuth_min_rad: Annotated[float, Field(ge=-math.pi, le=math.pi)] = -math.pi
    azimuth_max_rad: Annotated[float, Field(ge=-math.pi, le=math.pi)] = math.pi
    fov_rad: Annotated[float, Field(gt=0.05, le=2.5)] = 1.22
    """Full angle of the rosette's cone; the other patterns have elevations and azimuths."""
    range_min_m: Annotated[float, Field(ge=0.0, le=10.0)] = 0.2
    range_max_m: Annotated[float, Field(gt=0.0, le=300.0)] = 30.0
    range_noise_m: Annotated[float, Field(ge=0.0, le=0.5)] = 0.004
    random_dropout: Annotated[float, Field(ge=0.0, le=1.0)] = 0.005
    grazing_rad: Annotated[float, Field(ge=0.0, le=1.58)] = 1.40
    """Beams that meet a surface at a larger angle from its normal are lost with growing chance."""
    dark_albedo: Annotated[float, Field(ge=0.0, le=1.0)] = 0.12
    """Beams that meet a darker surface (0 black, 1 white) are lost with growing chance."""
    is_distorted: bool = True
    """Whether what moves during a sweep is met where it was at each beam's time, or all where it is at the end."""

    @model_validator(mode="after")
    def _ordered(self) -> LidarConfig:
        if self.elevation_min_rad >= self.elevation_max_rad and self.rings > 1:
            raise ValueError(
                f"elevation_min_rad {self.elevation_min_rad} must be below elevation_max_rad {self.elevation_max_rad}"
            )
        if self.azimuth_min_rad >= self.azimuth_max_rad:
            raise ValueError(
                f"azimuth_min_rad {self.azimuth_min_rad} must be below azimuth_max_rad {self.azimuth_max_rad}"
            )
        return self

    def make_detector(self) -> Detector:
        """What of its echoes it hears."""
        return Detector(self.range_min_m, self.range_max_m, self.random_dropout, self.grazing_rad, self.dark_albedo)


class Lidar:
    """Casts one sweep, in the order of time."""

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
        self.detector = config.make_detector()
        self._grid = make_beam_grid(config) if config.pattern == "spinning" else None
        # A column is measured at one time, the last at the end of the sweep, which is time 0.
        at_once = config.rings if self._grid else 1
        num_moments = config.rings * config.columns // at_once
        moments = (np.arange(num_moments) + 1 - num_moments) / (num_moments * config.rate_hz)
        self._times_s = np.repeat(moments, at_once)
        # As many successive beams as there are rings share a pose: a fast hand moves a tenth of a millimetre.
        self._moments_s = self._times_s.reshape(-1, config.rings).mean(axis=1)

    @property
    def directions_sensor(self) -> Float32[np.ndarray, "beams 3"]:
        """Of the sweep that ends at time 0."""
        return self._pattern(0.0).directions_sensor

    @property
    def sweep_s(self) -> float:
        """How long one sweep takes."""
        return 1.0 / self.config.rate_hz

    def measure(
        self, room: RayRoom, T_world_mount: Float[np.ndarray, "4 4"], time_s: float, rng: np.random.Generator
    ) -> LidarScan:
        """The sweep that ends at `time_s`, of the room as it stands, from a mount that stands still."""
        pattern = self._pattern(time_s)
        echoes = cast_pattern(room, pattern, T_world_mount @ self.T_mount_sensor)
        return self.receive(echoes, pattern.directions_sensor, time_s, rng)

    def measure_sweep(self, room: RayRoom, sweep: Sweep, rng: np.random.Generator) -> LidarScan:
        """The sweep with everything moving as it did; leaves the room as it is at the sweep's end."""
        mount = self.config.mount
        room.move(sweep.poses[-1])
        if not self.config.is_distorted:
            T_world_mount = np.eye(4) if mount == WORLD else np.asarray(sweep.poses[-1][mount])
            return self.measure(room, T_world_mount, sweep.end_s, rng)
        pattern, moments_s = self._pattern(sweep.end_s), sweep.end_s + self._moments_s
        echoes = cast_sweep(room, pattern, sweep, (mount, self.T_mount_sensor), moments_s)
        return self.receive(echoes, pattern.directions_sensor, sweep.end_s, rng)

    def _pattern(self, end_s: float) -> Pattern:
        config = self.config
        if self._grid is not None:
            return self._grid
        number, num_beams = round(end_s * config.rate_hz), config.rings * config.columns
        return BeamBundle(rosette_directions(number, num_beams, config.fov_rad), self.detector)

    def receive(
        self,
        echoes: Echoes,
        directions_sensor: Float32[np.ndarray, "beams 3"],
        time_s: float,
        rng: np.random.Generator,
    ) -> LidarScan:
        """What comes back of the echoes, with the sensor's errors."""
        is_back = rng.random(len(echoes.beam), dtype=np.float32) <= echoes.chance
        back = np.flatnonzero(is_back)
        beam = echoes.beam.take(back)
        range_m = echoes.range_m.take(back)
        range_m += np.float32(self.config.range_noise_m) * make_normals(len(back), rng)
        points_sensor = directions_sensor.take(beam, axis=0)
        # Repeated: numpy is slow where a row has three numbers.
        numbers = points_sensor.reshape(-1)
        numbers *= np.repeat(range_m, 3)
        times_s = self._times_s.take(beam)
        times_s += time_s
        return LidarScan(
            self.config.name,
            time_s,
            points_sensor,
            times_s,
            echoes.intensity.take(back),
            self.T_mount_sensor,
            self.config.mount,
        )


def make_beam_grid(config: LidarConfig) -> BeamGrid:
    """The grid of a spinning LiDAR or of a sector of one."""
    return make_grid(
        (config.azimuth_min_rad, config.azimuth_max_rad),
        config.columns,
        (config.elevation_min_rad, config.elevation_max_rad),
        config.rings,
        config.make_detector(),
    )
