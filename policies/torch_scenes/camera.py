"""What a simulated RGB-D camera delivers; the same errors as sim/camera.py, drawn by torch.

In:  Placed parts, Views, Lights, a CameraModel, a generator (None: no errors).
Out: Pictures: colours 0–255 and depth along the optical axis, 0 where nothing came back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from torch import Tensor

from .bodies import Placed
from .rays import Pinhole
from .shade import Lights, Surfaces, shade, surfaces_of
from .trace import Views, look

EDGE_JUMP_M = 0.02
RIPPLE_CELLS = (12, 16)


@dataclass(frozen=True, slots=True)
class CameraModel:
    """One camera: its rays, how it sits on its mount ("world" or a link), and its errors as in sim/camera.py."""

    name: str
    pinhole: Pinhole
    mount: str
    T_mount_camera: Annotated[Tensor, "4 4"]
    range_min_m: float = 0.0
    range_max_m: float = math.inf
    depth_noise_m: float = 0.0
    depth_noise_per_m: float = 0.0
    depth_ripple: float = 0.0
    edge_dropout: float = 0.0
    random_dropout: float = 0.0
    grazing_rad: float = math.pi / 2
    pixel_noise: float = 0.0
    exposure_noise: float = 0.0

    def resized(self, width: int, height: int) -> CameraModel:
        """The same picture with other pixels; they stay square, what is too much above and below falls away."""
        factor = width / self.pinhole.width
        pinhole = Pinhole(width, height, self.pinhole.focal * factor, (width - 1) / 2, (height - 1) / 2)
        return replace(self, pinhole=pinhole)


@dataclass(frozen=True, slots=True)
class Pictures:
    """One for each view."""

    rgb: Annotated[Tensor, "views height width 3"]
    depth_m: Annotated[Tensor, "views height width"]


def take_pictures(
    placed: Sequence[Placed], views: Views, lights: Lights, camera: CameraModel, generator: torch.Generator | None
) -> Pictures:
    """A picture of each view's scene."""
    pinhole = camera.pinhole
    shape = (len(views.scene), pinhole.height, pinhole.width)
    directions = pinhole.directions(views.eyes_world.device).reshape(-1, 3)
    hits = look(placed, views, pinhole)
    seen = surfaces_of(placed, hits, views, directions)
    colors = 255.0 * shade(placed, seen, lights, hits.distance_m.numel()).reshape(*shape, 3)
    depth_m = torch.where(hits.distance_m < torch.inf, hits.distance_m, 0.0).reshape(shape)
    if generator is not None:
        depth_m = _with_depth_errors(depth_m, _is_grazing(seen, views, camera, shape), camera, generator)
        exposure = 1.0 + camera.exposure_noise * _normals((shape[0], 1, 1, 1), generator)
        colors = colors * exposure + 255.0 * camera.pixel_noise * _normals(colors.shape, generator)
    return Pictures(colors.clamp(0.0, 255.0).to(torch.uint8), depth_m)


def _is_grazing(seen: Surfaces, views: Views, camera: CameraModel, shape: tuple[int, int, int]) -> Tensor:
    """Where the ray meets the surface almost along it."""
    grazing = torch.zeros(math.prod(shape), dtype=torch.bool, device=seen.pixel.device)
    ray = seen.points_world - views.eyes_world[seen.pixel // (shape[1] * shape[2])]
    cosine = (seen.normals_world * ray).sum(dim=1).abs() / ray.norm(dim=1).clamp_min(1e-9)
    grazing[seen.pixel] = cosine < math.cos(camera.grazing_rad)
    return grazing.reshape(shape)


def _with_depth_errors(
    depth_m: Annotated[Tensor, "views height width"],
    is_grazing: Annotated[Tensor, "views height width"],
    camera: CameraModel,
    generator: torch.Generator,
) -> Annotated[Tensor, "views height width"]:
    is_lost = (depth_m < camera.range_min_m) | (depth_m > camera.range_max_m)
    depth_m = torch.where(is_lost, 0.0, depth_m)
    is_lost = is_lost | is_grazing | (_uniform(depth_m.shape, generator) < camera.random_dropout)
    is_lost |= _is_edge(depth_m) & (_uniform(depth_m.shape, generator) < camera.edge_dropout)
    sigma_m = camera.depth_noise_m + camera.depth_noise_per_m * depth_m.square()
    error = _normals(depth_m.shape, generator) + _ripple(depth_m.shape, camera.depth_ripple, generator)
    return torch.where(is_lost, 0.0, depth_m + sigma_m * error)


def _ripple(shape: torch.Size, strength: float, generator: torch.Generator) -> Annotated[Tensor, "views height width"]:
    """A smooth random field of standard deviation `strength`."""
    cells = 1.5 * strength * _normals((shape[0], 1, *RIPPLE_CELLS), generator)
    size = (shape[1], shape[2])
    return torch.nn.functional.interpolate(cells, size, mode="bilinear", align_corners=True)[:, 0]


def _is_edge(depth_m: Annotated[Tensor, "views height width"]) -> Annotated[Tensor, "views height width"]:
    """Pixels beside a jump in depth of more than 2 cm, on both sides of it."""
    is_edge = torch.zeros_like(depth_m, dtype=torch.bool)
    across = depth_m.diff(dim=2).abs() > EDGE_JUMP_M
    down = depth_m.diff(dim=1).abs() > EDGE_JUMP_M
    is_edge[:, :, 1:] |= across
    is_edge[:, :, :-1] |= across
    is_edge[:, 1:] |= down
    is_edge[:, :-1] |= down
    return is_edge


def _normals(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    return torch.randn(tuple(shape), generator=generator, device=generator.device)


def _uniform(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    return torch.rand(tuple(shape), generator=generator, device=generator.device)
