"""A simulated RGB-D camera.

In:  RayRoom, pose of the mount, time, generator.
Out: CameraImage: colours with light, shadow, exposure and pixel noise; depth along the optical axis, with
     noise that grows with distance², holes at edges and where the surface is seen at a grazing angle.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8
from pydantic import Field

from ..perception.types import WORLD, CameraImage, SensorKind, SensorSpec
from .lit_view import shade
from .mounting import MountConfig
from .noise import make_normals
from .pinhole import Pinhole, View, make_intrinsics
from .raycast import RayRoom

EDGE_JUMP_M = 0.02
RIPPLE_CELLS = (12, 16)


class CameraConfig(MountConfig):
    """A pinhole RGB-D camera; the noise values are one sigma."""

    rate_hz: Annotated[float, Field(gt=0.0, le=200.0)] = 10.0
    delay_s: Annotated[float, Field(ge=0.0, le=1.0)] = 0.03
    width: Annotated[int, Field(ge=16, le=4096)] = 640
    height: Annotated[int, Field(ge=16, le=4096)] = 480
    fov_x_rad: Annotated[float, Field(gt=0.05, lt=2.8)] = 1.0
    range_min_m: Annotated[float, Field(ge=0.0, le=10.0)] = 0.15
    range_max_m: Annotated[float, Field(gt=0.0, le=100.0)] = 4.0
    depth_noise_m: Annotated[float, Field(ge=0.0, le=0.1)] = 0.00025
    depth_noise_per_m: Annotated[float, Field(ge=0.0, le=0.1)] = 0.00125
    """Added noise at 1 m; grows with distance squared."""
    depth_ripple: Annotated[float, Field(ge=0.0, le=2.0)] = 0.35
    """Share of the noise that comes again as a smooth error over patches of the image, which averaging keeps."""
    edge_dropout: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    random_dropout: Annotated[float, Field(ge=0.0, le=1.0)] = 0.002
    grazing_rad: Annotated[float, Field(ge=0.0, le=1.58)] = 1.45
    """Surfaces seen at a larger angle from their normal return no depth."""
    pixel_noise: Annotated[float, Field(ge=0.0, le=0.5)] = 0.012
    exposure_noise: Annotated[float, Field(ge=0.0, le=0.5)] = 0.01


class Camera:
    """Renders and measures; holds nothing between images."""

    def __init__(self, config: CameraConfig) -> None:
        self.config = config
        self.T_mount_sensor = config.make_pose()
        self.intrinsics = make_intrinsics(config.width, config.height, config.fov_x_rad)
        self.spec = SensorSpec(
            name=config.name,
            kind=SensorKind.CAMERA,
            rate_hz=config.rate_hz,
            delay_s=config.delay_s,
            mount=config.mount,
            noise={
                "depth_m": config.depth_noise_m,
                "depth_per_m": config.depth_noise_per_m,
                "pixel": config.pixel_noise,
            },
        )
        self._pinhole = Pinhole(self.intrinsics, is_fixed=config.mount == WORLD)
        lengths = np.linalg.norm(self._pinhole.directions_camera, axis=2)
        self._grazing_lengths = lengths * np.float32(math.cos(config.grazing_rad))

    def look(self, room: RayRoom, T_world_mount: Float[np.ndarray, "4 4"]) -> View:
        """What there is to be seen, without errors."""
        return self._pinhole.look(room, T_world_mount @ self.T_mount_sensor)

    def measure(
        self, room: RayRoom, T_world_mount: Float[np.ndarray, "4 4"], time_s: float, rng: np.random.Generator
    ) -> CameraImage:
        """One image of the room as it stands, taken at `time_s`."""
        return self.take(self.look(room, T_world_mount), time_s, rng)

    def take(self, view: View, time_s: float, rng: np.random.Generator) -> CameraImage:
        """The image, with this camera's errors, of what there is to be seen."""
        is_grazing = self._is_grazing(view) if self.config.grazing_rad < math.pi / 2 else None
        depth_m = self.add_depth_errors(view.depth_m, is_grazing, rng)
        exposure = self.draw_exposure(rng)
        rgb = self.add_color_errors(shade(view, 255.0 * exposure), rng)
        return CameraImage(
            self.config.name, time_s, rgb, depth_m, self.intrinsics, self.T_mount_sensor, self.config.mount
        )

    def add_depth_errors(
        self,
        depth_m: Float32[np.ndarray, "height width"],
        is_grazing: Bool[np.ndarray, "height width"] | None,
        rng: np.random.Generator,
    ) -> Float32[np.ndarray, "height width"]:
        """True depth as this camera measures it, with noise and holes."""
        config = self.config
        is_lost = ~((depth_m >= config.range_min_m) & (depth_m <= config.range_max_m))
        measured_m = np.where(is_lost, np.float32(0.0), depth_m)
        if config.edge_dropout > 0.0:
            edges = np.flatnonzero(_is_edge(measured_m))
            is_lost.ravel()[edges[rng.random(len(edges), dtype=np.float32) < config.edge_dropout]] = True
        if is_grazing is not None:
            is_lost |= is_grazing
        if config.random_dropout > 0.0:
            count = rng.binomial(is_lost.size, config.random_dropout)
            is_lost.ravel()[rng.integers(0, is_lost.size, count)] = True
        if config.depth_noise_m > 0.0 or config.depth_noise_per_m > 0.0:
            sigma_m = np.square(measured_m)
            sigma_m *= np.float32(config.depth_noise_per_m)
            sigma_m += np.float32(config.depth_noise_m)
            error = self._ripple(rng)
            error += make_normals(measured_m.size, rng).reshape(measured_m.shape)
            error *= sigma_m
            measured_m += error
        measured_m[is_lost] = 0.0
        return measured_m

    def _is_grazing(self, view: View) -> Bool[np.ndarray, "height width"]:
        """Where the ray meets the surface almost along it.

        The distance from the eye to a triangle's plane, over the length of the ray, is the cosine of that angle.
        """
        to_plane_m = np.abs(view.room.plane_distances(view.T_world_camera[:3, 3])).astype(np.float32)
        return to_plane_m.take(view.triangle, mode="wrap") < view.depth_m * self._grazing_lengths

    def _ripple(self, rng: np.random.Generator) -> Float32[np.ndarray, "height width"]:
        """A smooth random field of standard deviation `depth_ripple`."""
        cells = rng.standard_normal(RIPPLE_CELLS, dtype=np.float32) * np.float32(1.5 * self.config.depth_ripple)
        sizes = (self.config.height, self.config.width)
        rows, columns = (_hat_weights(size, num) for size, num in zip(sizes, RIPPLE_CELLS, strict=True))
        return rows @ cells @ columns.T

    def draw_exposure(self, rng: np.random.Generator) -> float:
        """How bright this picture comes out, around 1."""
        return 1.0 + self.config.exposure_noise * rng.standard_normal()

    def add_color_errors(
        self, color: Float32[np.ndarray, "height width 3"], rng: np.random.Generator
    ) -> UInt8[np.ndarray, "height width 3"]:
        """Colours of 0–255, which are overwritten, with noise by pixel."""
        if self.config.pixel_noise > 0.0:
            noise = make_normals(color.size, rng).reshape(color.shape)
            color += noise * np.float32(255.0 * self.config.pixel_noise)
        np.clip(color, 0.0, 255.0, out=color)
        return color.astype(np.uint8)


def _is_edge(depth_m: Float32[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Pixels beside a jump in depth of more than 2 cm, on both sides of it."""
    is_edge = np.zeros(depth_m.shape, bool)
    across = np.abs(np.diff(depth_m, axis=1)) > EDGE_JUMP_M
    down = np.abs(np.diff(depth_m, axis=0)) > EDGE_JUMP_M
    is_edge[:, 1:] |= across
    is_edge[:, :-1] |= across
    is_edge[1:] |= down
    is_edge[:-1] |= down
    return is_edge


def _hat_weights(size: int, num_cells: int) -> Float32[np.ndarray, "size cells"]:
    """Linear interpolation from `num_cells` values to `size`."""
    position = np.linspace(0.0, num_cells - 1.0, size)
    return np.clip(1.0 - np.abs(position[:, None] - np.arange(num_cells)), 0.0, None).astype(np.float32)
