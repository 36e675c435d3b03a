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

from ..perception.types import CameraImage, Intrinsics, SensorKind, SensorSpec
from .mounting import MountConfig
from .noise import make_normals
from .raycast import Hits, RayRoom
from .shading import BACKGROUND, shade_triangles

SHADOW_STEP = 2  # shadow rays are cast for every second pixel of every second row
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
    """Renders and measures; keeps only what its config and its last pose determine."""

    def __init__(self, config: CameraConfig) -> None:
        self.config = config
        self.T_mount_sensor = config.make_pose()
        focal = config.width / 2 / math.tan(config.fov_x_rad / 2)
        self.intrinsics = Intrinsics(
            config.width, config.height, focal, focal, (config.width - 1) / 2, (config.height - 1) / 2
        )
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
        self._directions_camera = pixel_directions(self.intrinsics)
        self._grazing_lengths = np.linalg.norm(self._directions_camera, axis=1) * np.float32(
            math.cos(config.grazing_rad)
        )
        self._T_world_camera: Float[np.ndarray, "4 4"] | None = None
        self._rays_world = np.empty((config.width * config.height, 6), np.float32)

    def measure(
        self, room: RayRoom, T_world_mount: Float[np.ndarray, "4 4"], time_s: float, rng: np.random.Generator
    ) -> CameraImage:
        """One image of the room as it stands, taken at `time_s`."""
        hits = room.cast_rays(self._rays(T_world_mount @ self.T_mount_sensor))
        depth_m = self._measure_depth(hits, rng)
        rgb = self._measure_color(hits, rng)
        return CameraImage(
            self.config.name, time_s, rgb, depth_m, self.intrinsics, self.T_mount_sensor, self.config.mount
        )

    @property
    def _shape(self) -> tuple[int, int]:
        return self.config.height, self.config.width

    def _rays(self, T_world_camera: Float[np.ndarray, "4 4"]) -> Float32[np.ndarray, "rays 6"]:
        """Rays with directions of unit depth, so that distances along them are depths; kept while nothing moves."""
        if self._T_world_camera is None or not np.array_equal(self._T_world_camera, T_world_camera):
            self._rays_world = camera_rays(self._directions_camera, T_world_camera)
            self._T_world_camera = T_world_camera.copy()
        return self._rays_world

    def _measure_depth(self, hits: Hits, rng: np.random.Generator) -> Float32[np.ndarray, "height width"]:
        config = self.config
        depth_m = hits.distance_m.reshape(self._shape)
        is_lost = ~((depth_m >= config.range_min_m) & (depth_m <= config.range_max_m))
        measured_m = np.where(is_lost, np.float32(0.0), depth_m)
        if config.grazing_rad < math.pi / 2:
            is_lost |= self._is_grazing(hits)
        if config.edge_dropout > 0.0:
            edges = np.flatnonzero(_is_edge(measured_m))
            is_lost.ravel()[edges[rng.random(len(edges), dtype=np.float32) < config.edge_dropout]] = True
        if config.random_dropout > 0.0:
            count = rng.binomial(is_lost.size, config.random_dropout)
            is_lost.ravel()[rng.integers(0, is_lost.size, count)] = True
        if config.depth_noise_m > 0.0 or config.depth_noise_per_m > 0.0:
            sigma_m = np.square(measured_m)
            sigma_m *= np.float32(config.depth_noise_per_m)
            sigma_m += np.float32(config.depth_noise_m)
            error = make_normals(measured_m.size, rng).reshape(self._shape) + self._ripple(rng)
            error *= sigma_m
            measured_m += error
        measured_m[is_lost] = 0.0
        return measured_m

    def _is_grazing(self, hits: Hits) -> Bool[np.ndarray, "height width"]:
        """Where the ray meets the surface almost along it.

        The distance from the eye to a triangle's plane, over the length of the ray, is the cosine of that angle.
        """
        assert self._T_world_camera is not None
        to_plane_m = np.abs(hits.room.plane_distances(self._T_world_camera[:3, 3])).astype(np.float32)
        limit_m = hits.distance_m * self._grazing_lengths  # inf at misses, which are lost anyway
        return (to_plane_m[hits.triangle] < limit_m).reshape(self._shape)

    def _ripple(self, rng: np.random.Generator) -> Float32[np.ndarray, "height width"]:
        """A smooth random field of standard deviation `depth_ripple`."""
        cells = rng.standard_normal(RIPPLE_CELLS, dtype=np.float32) * np.float32(1.5 * self.config.depth_ripple)
        rows, columns = (_hat_weights(size, num) for size, num in zip(self._shape, RIPPLE_CELLS, strict=True))
        return rows @ cells @ columns.T

    def _measure_color(self, hits: Hits, rng: np.random.Generator) -> UInt8[np.ndarray, "height width 3"]:
        exposure = 255.0 * (1.0 + self.config.exposure_noise * rng.standard_normal())
        color = render(hits, self._rays_world, self._shape, exposure)
        if self.config.pixel_noise > 0.0:
            noise = make_normals(color.size, rng).reshape(color.shape)
            color += noise * np.float32(255.0 * self.config.pixel_noise)
        np.clip(color, 0.0, 255.0, out=color)
        return color.astype(np.uint8).reshape(*self._shape, 3)


def pixel_directions(intrinsics: Intrinsics) -> Float32[np.ndarray, "pixels 3"]:
    """Directions through the pixel centres in the camera frame, with z = 1; row by row."""
    u, v = np.meshgrid(np.arange(intrinsics.width), np.arange(intrinsics.height))
    x, y = (u - intrinsics.cx) / intrinsics.fx, (v - intrinsics.cy) / intrinsics.fy
    return np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3).astype(np.float32)


def camera_rays(
    directions_camera: Float32[np.ndarray, "rays 3"], T_world_camera: Float[np.ndarray, "4 4"]
) -> Float32[np.ndarray, "rays 6"]:
    """Rays from the camera's centre, in the world frame."""
    rays = np.empty((len(directions_camera), 6), np.float32)
    rays[:, :3] = T_world_camera[:3, 3]
    rays[:, 3:] = directions_camera @ T_world_camera[:3, :3].T.astype(np.float32)
    return rays


def render(
    hits: Hits, rays_world: Float32[np.ndarray, "rays 6"], shape: tuple[int, int], brightness: float = 1.0
) -> Float32[np.ndarray, "rays 3"]:
    """Colour of every pixel: flat shading by triangle, and the key light's shadow at half resolution."""
    levels = 4  # halfway between halfway: shadow shares are quarters
    table = shade_triangles(hits.room.triangle_normals(), hits.room.triangle_color, hits.room.light, levels)
    table[:, -1] = BACKGROUND
    table *= np.float32(brightness)
    row = light_share(hits, rays_world, shape, levels).astype(np.int32)
    row *= np.int32(table.shape[1])
    row += hits.triangle
    row[hits.triangle < 0] = table.shape[1] - 1
    return table.reshape(-1, 3).take(row, axis=0)


def light_share(
    hits: Hits, rays_world: Float32[np.ndarray, "rays 6"], shape: tuple[int, int], levels: int
) -> UInt8[np.ndarray, " rays"]:
    """How much of the key light reaches each pixel, 0 to `levels`, smoothed between the shadow rays."""
    height, width = shape
    coarse = (slice(None, None, SHADOW_STEP), slice(None, None, SHADOW_STEP))
    distance_m = hits.distance_m.reshape(shape)[coarse].ravel()
    rays = rays_world.reshape(height, width, 6)[coarse].reshape(-1, 6)
    is_hit = np.isfinite(distance_m)
    distance_m = np.where(is_hit, distance_m, np.float32(0.0))
    points_world = rays[:, :3] + rays[:, 3:] * distance_m[:, None]
    share = np.where(is_hit & ~hits.room.is_lit(points_world), 0, levels).astype(np.uint8)
    rows, columns = -(-height // SHADOW_STEP), -(-width // SHADOW_STEP)
    return _double(_double(share.reshape(rows, columns), 0)[:height], 1)[:, :width].ravel()


def _double(values: UInt8[np.ndarray, "rows columns"], axis: int) -> UInt8[np.ndarray, "rows2 columns2"]:
    """Twice as many values along an axis, the new ones halfway between their neighbours."""
    values = np.moveaxis(values, axis, 0)
    result = np.empty((2 * len(values), *values.shape[1:]), np.uint8)
    result[::2] = values
    result[1:-1:2] = (values[:-1] + values[1:]) // 2
    result[-1] = values[-1]
    return np.moveaxis(result, 0, axis)


def _is_edge(depth_m: Float32[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Pixels beside a jump in depth of more than 2 cm, on both sides of it."""
    is_edge = np.zeros(depth_m.shape, bool)
    across = np.abs(np.diff(depth_m, axis=1)) > 0.02
    down = np.abs(np.diff(depth_m, axis=0)) > 0.02
    is_edge[:, 1:] |= across
    is_edge[:, :-1] |= across
    is_edge[1:] |= down
    is_edge[:-1] |= down
    return is_edge


def _hat_weights(size: int, num_cells: int) -> Float32[np.ndarray, "size cells"]:
    """Linear interpolation from `num_cells` values to `size`."""
    position = np.linspace(0.0, num_cells - 1.0, size)
    return np.clip(1.0 - np.abs(position[:, None] - np.arange(num_cells)), 0.0, None).astype(np.float32)
