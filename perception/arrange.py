"""Who stands on whom: supports, true bottoms and tops of parts that cover each other.

In:  Parts, each described on its own, and the table.
Out: Standing parts: each with its bottom, its support and whether something stands on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from .cells import distinct_rows
from .describe import Part, redescribe_covered

_REACH_M = 0.010
_OVERHANG_M = 0.025


@dataclass(frozen=True, slots=True)
class Standing:
    """A part in its place. `support` is an index among the parts, None for the table."""

    part: Part
    bottom_m: float
    support: int | None
    is_covered: bool


def arrange(
    parts: Sequence[Part], table_m: float, camera_xy: Float[np.ndarray, "2"], spacing_m: float
) -> list[Standing]:
    """Find supports from low to high; a covered part's top is where the upper one begins."""
    described = list(parts)
    supports: list[int | None] = [_find_support(i, parts, table_m) for i in range(len(parts))]
    covered: dict[int, float] = {}
    for upper, lower in enumerate(supports):
        if lower is not None and parts[lower].floor_m is None:
            # A face under an overhang is seen only in its lower part: then the upper one's lower edge decides.
            gap = parts[upper].low_m - parts[lower].top_m
            border = parts[lower].top_m + (1.0 if gap > 0.006 else 0.3) * gap
            covered[lower] = min(border, covered.get(lower, np.inf))
    for number, border in covered.items():
        if _hidden_share(parts, supports, number) > 0.5:
            described[number] = redescribe_covered(parts[number], border, camera_xy, spacing_m)
        else:
            top_m = min(parts[number].top_m, border + _REACH_M)
            described[number] = replace(parts[number], top_m=top_m, fill=1.0)
    result = []
    for number, part in enumerate(described):
        bottom_m = _surface_of(described, supports[number], table_m)
        result.append(Standing(part, min(bottom_m, part.top_m - 0.002), supports[number], number in covered))
    return result


def _surface_of(parts: Sequence[Part], support: int | None, table_m: float) -> float:
    if support is None:
        return table_m
    floor_m = parts[support].floor_m
    return parts[support].top_m if floor_m is None else floor_m


def _find_support(number: int, parts: Sequence[Part], table_m: float) -> int | None:
    """The highest surface below the part's lowest seen points, under its middle or a corner."""
    part = parts[number]
    best, best_m = None, table_m
    for other_number, other in enumerate(parts):
        if other_number == number or other.low_m > part.low_m + 0.02:
            continue
        if other.floor_m is None:
            surface_m, is_over = other.top_m, _stands_over(part, other)
        else:
            surface_m, is_over = other.floor_m, bool(other.contains(part.center[None], -0.005)[0])
        is_below = surface_m < part.low_m + _REACH_M and part.top_m > surface_m + 0.008
        if is_over and is_below and surface_m > best_m:
            best, best_m = other_number, surface_m
    return best


def _stands_over(upper: Part, lower: Part) -> bool:
    """Whether the upper one's feet are on the lower one, or the lower one ends right under the upper.

    Of a block under another only faces may be seen, so its own outline says little.
    """
    if lower.contains(_feet(upper), -0.002).any():
        return True
    points = lower.segment.points
    edge = points[points[:, 2] > lower.top_m - 0.006]
    is_level = -_REACH_M < upper.low_m - lower.top_m < _OVERHANG_M
    return is_level and bool(upper.contains(edge[:, :2], 0.010).mean() > 0.5)


def _feet(part: Part) -> Float[np.ndarray, "5 2"]:
    """The middle and four points two thirds of the way to the corners."""
    yaw = part.rectangle.yaw_rad
    axes = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]]) * part.size_m[:, None] / 3
    signs = np.array([[0, 0], [1, 1], [1, -1], [-1, 1], [-1, -1]])
    return part.center + signs @ axes


def _hidden_share(parts: Sequence[Part], supports: Sequence[int | None], lower: int) -> float:
    """How much of a part's top, as far as it was seen, lies under what stands on it."""
    area = float(np.prod(parts[lower].size_m))
    above = sum(float(np.prod(parts[u].size_m)) for u, s in enumerate(supports) if s == lower)
    points = parts[lower].segment.points
    is_flat_seen = points[:, 2] > parts[lower].top_m - 0.004
    seen = len(distinct_rows(np.floor(points[is_flat_seen, :2] / 0.003).astype(np.int64))) * 0.003**2
    return float(above / max(above + seen, 1e-9)) if area > 0 else 1.0
