"""One sensor's own estimate of where an object's centre is, without learning.

In:  the sensor's points on the object, relative to a place; the candidate's box (its height above what it stands on).
Out: Estimate: centre and variance along each axis of the world, m and m².

Seen from above, an outline that looks the same turned by half has its centre midway between its two supporting
lines, in every direction. So the middles along several directions are found, and the centre that fits them best;
how far they miss it tells how much of the outline is hidden. The height is the middle between top and floor.
Variances leave out what is common to all objects that a sensor sees: where it is mounted (weighing.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float
from torch import Tensor

if TYPE_CHECKING:
    from .evidence import Candidates

DIRECTIONS = 12
FEW_POINTS = 6
TOP_BAND_M = 0.006
BY_SCATTER, BY_MISS, BY_SHORT = 0.36, 1.0, 0.12
"""What of a sensor's scatter, of the outline's lack of symmetry and of its hidden part shows in the centre, squared."""
WIDE_M = 0.05
"""One sigma of a centre about which nothing is known but the candidate."""
FLOOR_SIGMA_M = 0.0015


@dataclass(frozen=True, slots=True)
class Estimate:
    """Relative to the candidate's place; variance is infinite where there are too few points."""

    center_m: Float[Tensor, "robots regions 3"]
    variance_m2: Float[Tensor, "robots regions 3"]


@dataclass(frozen=True, slots=True)
class Scatter:
    """How far a sensor's points on an object lie apart, and how far they scatter along its rays."""

    spacing_m: Float[Tensor, "robots regions"]
    noise_m: Float[Tensor, "robots"]


def estimate_centers(
    points: Float[Tensor, "robots regions points 3"],
    is_mine: Bool[Tensor, "robots regions points"],
    candidates: Candidates,
    scatter: Scatter,
    *,
    is_dense: bool,
) -> Estimate:
    """Middles of the outline of the top (of a sparse sensor: of everything), and half the height of the top."""
    count = is_mine.sum(-1)
    heights = torch.where(is_mine, points[..., 2], -torch.inf)
    # The highest but a few stray ones.
    rank = (count // 50).clamp(0, 8)[..., None]
    high = heights.topk(9, dim=-1).values.gather(-1, rank)
    band = is_mine & (points[..., 2] > high - TOP_BAND_M) & (points[..., 2] <= high + 1e-6)
    top_m = torch.where(band, points[..., 2], 0.0).sum(-1) / band.sum(-1).clamp_min(1)
    outline = band if is_dense else is_mine
    turn = torch.arange(DIRECTIONS, device=points.device) * (math.pi / DIRECTIONS)
    directions = torch.stack([torch.cos(turn), torch.sin(turn)])
    along = points[..., :2] @ directions
    far = torch.where(outline[..., None], along, -torch.inf).amax(2)
    near = torch.where(outline[..., None], along, torch.inf).amin(2)
    middle = (far + near) / 2
    across = middle @ directions.T * (2.0 / DIRECTIONS)
    miss_m = (middle - across @ directions).square().mean(-1).sqrt()
    # Of an object that is wholly seen the narrowest extent is no less than the candidate's.
    short_m = (candidates.size_m[..., :2].amin(-1) - (far - near).amin(-1)).clamp_min(0.0)
    floor_m = -candidates.size_m[..., 2] / 2
    center = torch.stack([*across.unbind(-1), (top_m + floor_m) / 2], -1)
    random = scatter.spacing_m.square() + scatter.noise_m[:, None].square()
    flat = BY_SCATTER * random + BY_MISS * miss_m.square() + BY_SHORT * short_m.square()
    upright = 0.25 * FLOOR_SIGMA_M**2 + BY_SCATTER * random + 0.2 * BY_SHORT * short_m.square()
    variance = torch.stack([flat, flat, upright], -1)
    is_known = ((count >= FEW_POINTS) & torch.isfinite(center).all(-1) & torch.isfinite(variance).all(-1))[..., None]
    return Estimate(torch.where(is_known, center, 0.0), torch.where(is_known, variance, torch.inf))
