"""Fit what an object looks like from above: a circle or a rectangle, and how well each fits.

In:  points of a surface, horizontal coordinates in the world frame.
Out: Circle, Rectangle: centre, size, direction, and the spread of the boundary around them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

_SECTORS = 72
_ANGLES = np.arange(32) * (2 * math.pi / 32)
_DIRECTIONS = np.column_stack([np.cos(_ANGLES), np.sin(_ANGLES)])
# Share of a pixel's width that lies beyond the outermost measured points, both sides together.
_BEYOND = 0.3


@dataclass(frozen=True, slots=True)
class Circle:
    """`spread_m` is the scatter of the boundary around it; `coverage` the share of the round that was seen."""

    center: Float[np.ndarray, "2"]
    radius_m: float
    spread_m: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Rectangle:
    """`size_m` is along its own axes, the first the longer; yaw turns the first axis, within ±90°."""

    center: Float[np.ndarray, "2"]
    size_m: Float[np.ndarray, "2"]
    yaw_rad: float
    spread_m: float

    def local(self, xy: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "points 2"]:
        """Points in the rectangle's own axes."""
        return (xy - self.center) @ _rotation(self.yaw_rad)

    def contains(self, xy: Float[np.ndarray, "points 2"], grow_m: float = 0.0) -> Bool[np.ndarray, "points"]:
        """Which points lie in it, grown on all sides (shrunk if negative)."""
        return np.all(np.abs(self.local(xy)) <= self.size_m / 2 + grow_m, axis=1)


def find_boundary(xy: Float[np.ndarray, "points 2"], center: Float[np.ndarray, "2"]) -> Float[np.ndarray, "sectors 2"]:
    """The outermost point in each of 72 directions from the centre, where there is one."""
    offset = xy - center
    radius = np.hypot(offset[:, 0], offset[:, 1])
    sector = ((np.arctan2(offset[:, 1], offset[:, 0]) / (2 * math.pi) + 0.5) * _SECTORS).astype(np.int64) % _SECTORS
    farthest = np.full(_SECTORS, -1.0)
    np.maximum.at(farthest, sector, radius)
    return xy[radius == farthest[sector]]


def fit_circle(xy: Float[np.ndarray, "points 2"]) -> Circle:
    """Circle through the outer boundary, trimmed against bumps; xy has at least eight points."""
    low, high = np.percentile(xy, 2, axis=0), np.percentile(xy, 98, axis=0)
    center, radius, boundary = (low + high) / 2, float((high - low).max() / 2), xy
    residual = np.zeros(1)
    for _ in range(2):
        offset = xy - center
        outer = (offset * offset).sum(axis=1) > (0.6 * radius) ** 2
        boundary = find_boundary(xy[outer] if outer.sum() >= 8 else xy, center)
        keep = np.ones(len(boundary), dtype=bool)
        for _ in range(3):
            if keep.sum() < 6:
                break
            center, radius = _solve_circle(boundary[keep])
            residual = np.linalg.norm(boundary - center, axis=1) - radius
            scale = max(1.4826 * (middle_value(np.abs(residual[keep]))), 2e-4)
            keep = np.abs(residual) < 3.0 * scale
    spread = float(np.sqrt(np.mean(np.minimum(np.abs(residual), 0.25 * max(radius, 1e-3)) ** 2)))
    return Circle(center, radius, spread, len(boundary) / _SECTORS)


def _solve_circle(points: Float[np.ndarray, "points 2"]) -> tuple[Float[np.ndarray, "2"], float]:
    """Algebraic least squares."""
    middle = points.mean(0)
    p = points - middle
    design = np.column_stack([2 * p, np.ones(len(p))])
    gram = np.einsum("ni,nj->ij", design, design) + 1e-12 * np.eye(3)
    a, b, c = np.linalg.solve(gram, np.einsum("ni,n->i", design, (p * p).sum(1)))
    return middle + np.array([a, b]), float(math.sqrt(max(c + a * a + b * b, 1e-8)))


def fit_rectangle(xy: Float[np.ndarray, "points 2"], spacing_m: float = 0.0) -> Rectangle:
    """The tightest rectangle around the points, then each side moved and turned onto the outermost points."""
    hull = find_boundary(xy, xy.mean(axis=0))
    coarse = np.radians(np.arange(0.0, 90.0, 1.0))
    across = np.column_stack([np.cos(coarse), np.sin(coarse)])
    # By perimeter: around two faces of a block, a box along their diagonal has the same area.
    spans = np.ptp(hull @ across.T, axis=0) + np.ptp(hull @ np.column_stack([-across[:, 1], across[:, 0]]).T, axis=0)
    yaw = float(coarse[int(np.argmin(spans))])
    xy = _near_edge(xy)
    for _ in range(2):
        turn, low, high = _fit_sides(xy @ _rotation(yaw), spacing_m)
        yaw += turn
    _, low, high = _fit_sides(xy @ _rotation(yaw), spacing_m)
    size = np.maximum(high - low + _BEYOND * spacing_m, 1e-4)
    center = _rotation(yaw) @ ((low + high) / 2)
    spread = _rectangle_spread(xy, center, size, yaw)
    if size[1] > size[0]:
        size, yaw = size[::-1].copy(), yaw + math.pi / 2
    yaw = (yaw + math.pi / 2) % math.pi - math.pi / 2
    return Rectangle(center, size, yaw, spread)


def _near_edge(xy: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "near 2"]:
    """The points that can decide where the sides are: those in the outer part."""
    if len(xy) < 400:
        return xy
    hull = make_hull(xy)
    return xy[~hull.contains(xy, -max(0.25 * hull.width_m, 0.004) if hull.width_m < 0.06 else -0.015)]


def _fit_sides(
    local: Float[np.ndarray, "points 2"], spacing_m: float
) -> tuple[float, Float[np.ndarray, "2"], Float[np.ndarray, "2"]]:
    """How far the sides are turned on average, and their positions: low and high along each axis."""
    low, high = np.percentile(local, [1, 99], axis=0)
    turns, weights = [0.0], [1e-12]
    for axis in (0, 1):
        along = local[:, 1 - axis]
        start, length = low[1 - axis], max(float(high[1 - axis] - low[1 - axis]), 1e-6)
        num_bins = int(np.clip(length / max(1.5 * spacing_m, 0.001), 4, 60))
        # The corners' bins are half empty as soon as the side is turned.
        bins = np.floor((along - start) / length * 1.2 * num_bins - 0.1 * num_bins).astype(np.int64)
        inside = (bins >= 0) & (bins < num_bins)
        for side, sign in ((low, -1.0), (high, 1.0)):
            extreme = np.full(num_bins, -np.inf)
            np.maximum.at(extreme, bins[inside], sign * local[inside, axis])
            place = np.nonzero(np.isfinite(extreme))[0]
            if len(place) < 3:
                continue
            at = (place + 0.5 + 0.1 * num_bins) / (1.2 * num_bins) * length
            slope, offset, spread = _fit_line(at, extreme[place], sign * float(side[axis]))
            side[axis] = sign * offset
            # Turning the frame by a small angle moves the two axes in opposite senses.
            turns.append(sign * slope * (1.0 if axis == 1 else -1.0))
            weights.append(float(((at - at.mean()) ** 2).sum()) / (spread**2 + 1e-8))
    turn = float(np.average(turns, weights=weights))
    return float(np.clip(turn, -0.05, 0.05)), low, high


def _fit_line(
    at: Float[np.ndarray, "places"], value: Float[np.ndarray, "places"], expected: float
) -> tuple[float, float, float]:
    """Slope, value in the middle and scatter of a line through the values near the expected one."""
    # Where a side was not seen, the outermost points are those of the opposite side.
    keep = np.abs(value - expected) < 0.005
    slope, offset, spread = 0.0, expected, 0.001
    for _ in range(2):
        if keep.sum() < 3:
            break
        mean, middle = float(value[keep].mean()), float(at[keep].mean())
        slope = float(((at[keep] - middle) * (value[keep] - mean)).sum() / (((at[keep] - middle) ** 2).sum() + 1e-12))
        offset = mean + slope * ((float(at.min()) + float(at.max())) / 2 - middle)
        residual = value - mean - slope * (at - middle)
        spread = max(1.4826 * (middle_value(np.abs(residual[keep]))), 1e-4)
        keep = np.abs(residual) < max(2.5 * spread, 3e-4)
    return slope, offset, spread


def _rectangle_spread(
    xy: Float[np.ndarray, "points 2"], center: Float[np.ndarray, "2"], size: Float[np.ndarray, "2"], yaw: float
) -> float:
    """Scatter of the outer boundary around the rectangle's edges."""
    local = np.abs((find_boundary(xy, center) - center) @ _rotation(yaw))
    gap = np.abs(local - size / 2).min(1)
    outside = np.maximum(local - size / 2, 0).max(1)
    return float(np.sqrt(np.mean(np.minimum(np.maximum(gap, outside), 0.25 * size.min()) ** 2)))


@dataclass(frozen=True, slots=True)
class Hull:
    """The convex outline of points as its reach in 32 directions; growing and shrinking are exact."""

    reach_m: Float[np.ndarray, "directions"]

    def contains(self, xy: Float[np.ndarray, "points 2"], grow_m: float = 0.0) -> Bool[np.ndarray, "points"]:
        """Which points lie inside, the outline grown on all sides (shrunk if negative)."""
        return np.all(xy @ _DIRECTIONS.T <= self.reach_m + grow_m, axis=1)

    @property
    def width_m(self) -> float:
        """The smallest extent over all directions."""
        half = len(_DIRECTIONS) // 2
        return float((self.reach_m[:half] + self.reach_m[half:]).min())

    @property
    def roundness(self) -> float:
        """Largest by smallest width: 1 for a circle, 1.41 for a square, more for what is long."""
        half = len(_DIRECTIONS) // 2
        widths = self.reach_m[:half] + self.reach_m[half:]
        return float(widths.max() / max(float(widths.min()), 1e-6))


def middle_value(values: Float[np.ndarray, "values"]) -> float:
    """The median (the upper one of two), several times faster than numpy's on short arrays."""
    half = len(values) // 2
    return float(np.partition(values, half)[half])


def make_hull(xy: Float[np.ndarray, "points 2"]) -> Hull:
    """Convex outline of at least one point."""
    return Hull((xy @ _DIRECTIONS.T).max(axis=0))


def _rotation(yaw_rad: float) -> Float[np.ndarray, "2 2"]:
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    return np.array([[cos, -sin], [sin, cos]])
