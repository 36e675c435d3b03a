"""A thin, regular sample of each view in the world: the table, zones and people are found on it.

In:  a View.
Out: its Lattice, before any levelling; places where nothing was measured are NaN, which no comparison accepts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from .geometry import transform_points
from .points import View, finite_scan
from .types import Intrinsics, LidarScan

_PIXELS = 20_000
_UPWARD = 0.9  # cosine: flatter than 26°
_SPAN_RAD = 0.05  # neighbours farther apart than this, as seen from the camera, lie on two sides of an edge
_MIN_DEPTH_M = 0.05


@dataclass(frozen=True, slots=True)
class Lattice:
    """Every few pixels of an image or all beams of a scan; `upward_world` are fewer, on surfaces that face up.

    Of a scan no surface is known: all its points, thinned out, pass for upward.
    """

    view: View
    world: Float[Tensor, "points 3"]
    colors: UInt8[Tensor, "points 3"] | None
    upward_world: Float[Tensor, "upward 3"]


def lay_out(view: View, device: torch.device) -> Lattice:
    """The view's lattice: about 20,000 pixels, a quarter of them tried for facing up."""
    T_world_sensor = torch.as_tensor(view.T_world_sensor, dtype=torch.float32, device=device)
    if isinstance(view.measured, LidarScan):
        world = transform_points(T_world_sensor, finite_scan(view.measured, device))
        return Lattice(view, world, None, world[:: max(1, 4 * len(world) // _PIXELS)])
    image = view.measured
    stride = max(1, round((image.depth_m.size / _PIXELS) ** 0.5))
    depth_m = torch.as_tensor(image.depth_m, device=device)[::stride, ::stride]
    is_measured = (depth_m > _MIN_DEPTH_M) & (depth_m < torch.inf)
    depth_m = torch.where(is_measured, depth_m, torch.nan)
    rays = pixel_rays(image.intrinsics, stride, device) @ T_world_sensor[:3, :3].T
    world = torch.addcmul(T_world_sensor[:3, 3], rays, depth_m[..., None])
    colors = torch.as_tensor(image.rgb, device=device)[::stride, ::stride]
    return Lattice(view, world.reshape(-1, 3), colors.reshape(-1, 3), _upward(world, depth_m))


@lru_cache(maxsize=16)
def pixel_rays(intrinsics: Intrinsics, stride: int, device: torch.device) -> Float[Tensor, "rows columns 3"]:
    """Of every `stride`-th pixel, the point at depth one in the camera frame; the same tensor again for one camera."""
    x = (torch.arange(0, intrinsics.width, stride, device=device) - intrinsics.cx) / intrinsics.fx
    y = (torch.arange(0, intrinsics.height, stride, device=device) - intrinsics.cy) / intrinsics.fy
    down, across = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([across, down, torch.ones_like(across)], dim=-1)


def _upward(
    world: Float[Tensor, "rows columns 3"], depth_m: Float[Tensor, "rows columns"]
) -> Float[Tensor, "upward 3"]:
    """Of every second row and column, the points whose neighbours span a surface that faces up."""
    inner, depth_m = world[1:-1:2, 1:-1:2], depth_m[1:-1:2, 1:-1:2]
    across = world[1:-1:2, 2::2] - world[1:-1:2, :-2:2]
    down = world[2::2, 1:-1:2] - world[:-2:2, 1:-1:2]
    normal = torch.linalg.cross(across, down, dim=-1)
    is_upward = normal[..., 2] ** 2 > _UPWARD**2 * (normal * normal).sum(-1)
    span = torch.maximum((across * across).sum(-1), (down * down).sum(-1))
    is_upward &= span < (_SPAN_RAD * depth_m.clamp_min(0.2)) ** 2
    return inner[is_upward]
