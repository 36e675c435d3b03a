"""What a simulated LiDAR delivers of scenes at rest; the same errors as sim/lidar.py, drawn by torch.

In:  Placed parts, Views, a LidarModel, a generator (None: no errors).
Out: Scans: the points of all views in a row; beams without a return are absent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from .bodies import Placed
from .rays import Beams
from .shade import surfaces_of
from .trace import Views, look


@dataclass(frozen=True, slots=True)
class LidarModel:
    """One spinning LiDAR: its beams, how it sits on its mount ("world" or a link), its errors as in sim/lidar.py."""

    name: str
    beams: Beams
    mount: str
    T_mount_sensor: Annotated[Tensor, "4 4"]
    range_min_m: float = 0.0
    range_max_m: float = math.inf
    range_noise_m: float = 0.0
    random_dropout: float = 0.0
    grazing_rad: float = math.pi / 2
    dark_albedo: float = 0.0


@dataclass(frozen=True, slots=True)
class Scans:
    """`view` tells whose each point is, `beam` counts columns first, as the sensor measures them."""

    view: Annotated[Tensor, " points"]
    beam: Annotated[Tensor, " points"]
    points_sensor: Annotated[Tensor, "points 3"]
    intensity: Annotated[Tensor, " points"]


def take_scans(placed: Sequence[Placed], views: Views, lidar: LidarModel, generator: torch.Generator | None) -> Scans:
    """One sweep of each view's scene, in which nothing moves."""
    beams = lidar.beams
    directions = beams.directions(views.eyes_world.device).reshape(-1, 3)
    hits = look(placed, views, beams)
    seen = surfaces_of(placed, hits, views, directions)
    ray = seen.points_world - views.eyes_world[seen.pixel // len(directions)]
    range_m = ray.norm(dim=1)
    cosine = (seen.normals_world * ray).sum(dim=1).abs() / range_m.clamp_min(1e-9)
    albedo = seen.colors.mean(dim=1)
    is_back = (range_m >= lidar.range_min_m) & (range_m <= lidar.range_max_m)
    if generator is not None:
        chance = torch.full_like(range_m, 1.0 - lidar.random_dropout)
        chance *= (cosine / max(math.cos(lidar.grazing_rad), 1e-9)).clamp_max(1.0)
        chance *= (albedo / max(lidar.dark_albedo, 1e-9)).clamp_max(1.0)
        is_back &= torch.rand(chance.shape, generator=generator, device=generator.device) <= chance
        noise = torch.randn(range_m.shape, generator=generator, device=generator.device)
        range_m = range_m + lidar.range_noise_m * noise
    back = torch.nonzero(is_back)[:, 0]
    view, beam = seen.pixel[back] // len(directions), seen.pixel[back] % len(directions)
    ring, column = beam // beams.width, beam % beams.width
    intensity = (albedo[back] * cosine[back]).clamp_max(1.0)
    return Scans(view, column * beams.height + ring, directions[beam] * range_m[back, None], intensity)
