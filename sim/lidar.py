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
from .beam_casting import Echoes, cast_beams, cast_grid
from .beams import BeamGrid, make_grid, rosette_directions
from .mounting import MountConfig
from .noise import make_normals
from .raycast import RayRoom
from .sweep import Sweep

STEP_M = 0.004
"""How far a body may move between two slices of a sweep, as long as there are slices left."""


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
    max_slices: Annotated[int, Field(ge=1, le=256)] = 8
    """A sweep during which bodies moved is cast in up to so many slices where it meets them; 1: they stand still."""

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
        self._grid = make_beam_grid(config) if config.pattern == "spinning" else None
        # A column is measured at one time, the last at the end of the sweep, which is time 0.
        at_once = config.rings if self._grid else 1
        num_moments = config.rings * config.columns // at_once
        moments = (np.arange(num_moments) + 1 - num_moments) / (num_moments * config.rate_hz)
        self._times_s = np.repeat(moments, at_once)

    @property
    def directions_sensor(self) -> Float32[np.ndarray, "beams 3"]:
        """Of the sweep that ends at time 0."""
        return self._directions(0.0)

    @property
    def sweep_s(self) -> float:
        """How long one sweep takes."""
        return 1.0 / self.config.rate_hz

    def measure(
        self, room: RayRoom, T_world_mount: Float[np.ndarray, "4 4"], time_s: float, rng: np.random.Generator
    ) -> LidarScan:
        """The sweep that ends at `time_s`, of the room as it stands, from a mount that stands still."""
        directions_sensor = self._directions(time_s)
        T_world_sensor = T_world_mount @ self.T_mount_sensor
        if self._grid is not None:
            echoes = cast_grid(room, self._grid, T_world_sensor)
        else:
            to_world = T_world_sensor[:3, :3].T.astype(np.float32)
            echoes = cast_beams(room, T_world_sensor[:3, 3], directions_sensor @ to_world)
        return self.receive(echoes, directions_sensor, time_s, rng)

    def measure_sweep(self, room: RayRoom, sweep: Sweep, rng: np.random.Generator) -> LidarScan:
        """The sweep with everything moving as it did; leaves the room as it is at the sweep's end."""
        mount, moving = self.config.mount, sweep.moving()
        path_m = sweep.path_m(room, moving) if self.config.max_slices > 1 else 0.0
        if not moving or path_m < STEP_M / 4:
            room.move(sweep.poses[-1])
            T_world_mount = np.eye(4) if mount == WORLD else np.asarray(sweep.poses[-1][mount])
            return self.measure(room, T_world_mount, sweep.end_s, rng)
        directions_sensor = self._directions(sweep.end_s)
        room.move(sweep.poses[-1])
        parts: list[Echoes] = []
        for columns in self._slices(room, sweep, moving, path_m):
            start, stop = columns.start * self.config.rings, columns.stop * self.config.rings
            middle_s = sweep.end_s + float(self._times_s[start] + self._times_s[stop - 1]) / 2
            room.move(sweep.at(middle_s, moving))
            parts.append(self._cast_slice(room, sweep, slice(start, stop), directions_sensor, mount in moving))
        room.move(sweep.poses[-1])
        echoes = Echoes(
            np.concatenate([part.beam for part in parts]),
            np.concatenate([part.range_m for part in parts]),
            np.concatenate([part.cosine for part in parts]),
            np.concatenate([part.albedo for part in parts]),
        )
        return self.receive(echoes, directions_sensor, sweep.end_s, rng)

    def _slices(self, room: RayRoom, sweep: Sweep, moving: tuple[str, ...], path_m: float) -> list[slice]:
        """The columns that are cast at once: all that meet nothing that moves, a few where something does."""
        num_columns, num_slices = self.config.columns, math.ceil(path_m / STEP_M)
        is_busy = np.ones(num_columns, bool)
        if self._grid is not None and self.config.mount not in moving:
            is_moving = np.isin([body.name for body in room.bodies], moving)
            balls = room.balls()
            T_mount = np.eye(4) if self.config.mount == WORLD else sweep.poses[-1][self.config.mount]
            T_world_sensor = T_mount @ self.T_mount_sensor
            centers = (balls.centers_world[is_moving] - T_world_sensor[:3, 3]) @ T_world_sensor[:3, :3]
            # The balls where they end, so much larger that they hold every place they came from.
            is_busy = np.asarray(self._grid.windows(centers, balls.radii_m[is_moving] + path_m).any(axis=1))
        changes = np.flatnonzero(np.diff(is_busy)) + 1
        runs = list(zip([0, *changes.tolist()], [*changes.tolist(), num_columns], strict=True))
        slices: list[slice] = []
        for start, stop in runs:
            share = (stop - start) / num_columns
            num = min(max(1, math.ceil(num_slices * share)), self.config.max_slices) if is_busy[start] else 1
            bounds = np.unique(np.linspace(start, stop, num + 1).round().astype(int)).tolist()
            slices += [slice(low, high) for low, high in zip(bounds[:-1], bounds[1:], strict=True)]
        return slices

    def _cast_slice(
        self,
        room: RayRoom,
        sweep: Sweep,
        beams: slice,
        directions_sensor: Float32[np.ndarray, "beams 3"],
        is_mount_moving: bool,
    ) -> Echoes:
        """Some successive beams; a mount that moves has a pose for each moment."""
        mount, rings = self.config.mount, self.config.rings
        if not is_mount_moving:
            T_world_sensor = (np.eye(4) if mount == WORLD else sweep.poses[-1][mount]) @ self.T_mount_sensor
            if self._grid is not None:
                columns = slice(beams.start // rings, beams.stop // rings)
                echoes = cast_grid(room, self._grid, T_world_sensor, columns)
            else:
                to_world = T_world_sensor[:3, :3].T.astype(np.float32)
                echoes = cast_beams(room, T_world_sensor[:3, 3], directions_sensor[beams] @ to_world)
        else:
            # As many successive beams as there are rings share a pose: a fast hand moves a tenth of a millimetre.
            moments = sweep.end_s + self._times_s[beams].reshape(-1, rings).mean(axis=1)
            T_world_sensor = sweep.poses_of(mount, moments) @ self.T_mount_sensor
            by_moment = directions_sensor[beams].reshape(len(moments), rings, 3)
            directions = np.matmul(by_moment, T_world_sensor[:, :3, :3].transpose(0, 2, 1).astype(np.float32))
            origins = np.repeat(T_world_sensor[:, :3, 3], rings, axis=0)
            echoes = cast_beams(room, origins, directions.reshape(-1, 3))
        return Echoes(echoes.beam + beams.start, echoes.range_m, echoes.cosine, echoes.albedo)

    def _directions(self, end_s: float) -> Float32[np.ndarray, "beams 3"]:
        config = self.config
        if self._grid is not None:
            return self._grid.directions_sensor.reshape(-1, 3)
        return rosette_directions(round(end_s * config.rate_hz), config.rings * config.columns, config.fov_rad)

    def receive(
        self,
        echoes: Echoes,
        directions_sensor: Float32[np.ndarray, "beams 3"],
        time_s: float,
        rng: np.random.Generator,
    ) -> LidarScan:
        """What comes back of the echoes, with the sensor's errors."""
        config = self.config
        limit = math.cos(config.grazing_rad)
        chance = np.full(len(echoes.beam), np.float32(1.0 - config.random_dropout))
        if limit > 0.0:
            chance *= np.minimum(echoes.cosine / np.float32(limit), np.float32(1.0))
        if config.dark_albedo > 0.0:
            chance *= np.minimum(echoes.albedo / np.float32(config.dark_albedo), np.float32(1.0))
        is_back = rng.random(len(chance), dtype=np.float32) <= chance
        is_back &= (echoes.range_m >= config.range_min_m) & (echoes.range_m <= config.range_max_m)
        back = np.flatnonzero(is_back)
        beam = echoes.beam[back]
        range_m = echoes.range_m[back] + np.float32(config.range_noise_m) * make_normals(len(back), rng)
        return LidarScan(
            config.name,
            time_s,
            directions_sensor.take(beam, axis=0) * range_m[:, None],
            time_s + self._times_s[beam],
            np.minimum(echoes.albedo[back] * echoes.cosine[back], np.float32(1.0)),
            self.T_mount_sensor,
            config.mount,
        )


def make_beam_grid(config: LidarConfig) -> BeamGrid:
    """The grid of a spinning LiDAR or of a sector of one."""
    return make_grid(
        (config.azimuth_min_rad, config.azimuth_max_rad),
        config.columns,
        (config.elevation_min_rad, config.elevation_max_rad),
        config.rings,
    )
