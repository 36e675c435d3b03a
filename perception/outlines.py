"""Fit what an object looks like from above: a circle or a rectangle, and how well each fits.

In:  points of a surface, horizontal coordinates in the world frame.
Out: Circle, Rectangle: centre, size, direction, and the spread of the boundary around them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from .ranks import middle_value, values_at

_SECTORS = 72
_ANGLES = np.arange(32) * (2 * math.pi / 32)
DIRECTIONS = np.column_stack([np.cos(_ANGLES), np.sin(_ANGLES)])
_MAX_BINS = 60
_SIDES = np.arange(4)
_SIGNS = np.array([-1.0, 1.0])
# Turning the frame by a small angle moves the two axes in opposite senses.
_TURNS = np.array([1.0, -1.0, -1.0, 1.0])
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
    low, high = values_at(xy.T, 0.02, 0.98).T
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
    """Algebraic least squares; around the points' mean the radius and the two coordinates do not mix."""
    middle = points.mean(axis=0)
    p = points - middle
    squares = (p * p).sum(axis=1)
    (xx, xy), (_, yy) = (4.0 * (p.T @ p)).tolist()
    x, y = (2.0 * (p.T @ squares)).tolist()
    xx, yy = xx + 1e-12, yy + 1e-12
    spread = max(xx * yy - xy * xy, 1e-20)
    a, b = (x * yy - y * xy) / spread, (y * xx - x * xy) / spread
    return middle + np.array([a, b]), math.sqrt(max(float(squares.mean()) + a * a + b * b, 1e-8))


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
    expected = values_at(local.T, 0.01, 0.99)
    places, reach = _outermost(local, expected, spacing_m)
    is_seen = np.isfinite(reach)
    num_seen = is_seen.sum(axis=1)
    lines = _fit_lines(places, reach, is_seen, (expected * _SIGNS).ravel())
    sides = np.where(num_seen.reshape(2, 2) >= 3, lines.offset.reshape(2, 2) * _SIGNS, expected)
    beside = np.where(is_seen, places - (places * is_seen).sum(axis=1, keepdims=True) / num_seen.clip(1)[:, None], 0.0)
    weights = np.where(num_seen >= 3, (beside**2).sum(axis=1) / (lines.spread**2 + 1e-8), 0.0)
    turn = float((lines.slope * _TURNS * weights).sum() / (weights.sum() + 1e-12))
    return min(max(turn, -0.05), 0.05), sides[:, 0], sides[:, 1]


def _outermost(
    local: Float[np.ndarray, "points 2"], expected: Float[np.ndarray, "axes ends"], spacing_m: float
) -> tuple[Float[np.ndarray, "sides bins"], Float[np.ndarray, "sides bins"]]:
    """Bins along the sides (low and high of the first axis, then of the second): where each is, how far it reaches."""
    places, reach = np.zeros((4, _MAX_BINS)), np.full((4, _MAX_BINS + 2), -np.inf)
    for axis in (0, 1):
        along, start = local[:, 1 - axis], float(expected[1 - axis, 0])
        length = max(float(expected[1 - axis, 1]) - start, 1e-6)
        num_bins = min(max(int(length / max(1.5 * spacing_m, 0.001)), 4), _MAX_BINS)
        # The corners' bins are half empty as soon as the side is turned.
        bins = np.floor((along - start) * (1.2 * num_bins / length) - 0.1 * num_bins).astype(np.int64) + 1
        bins[(bins < 0) | (bins > num_bins)] = 0
        np.maximum.at(reach[2 * axis], bins, -local[:, axis])
        np.maximum.at(reach[2 * axis + 1], bins, local[:, axis])
        places[2 * axis : 2 * axis + 2] = (np.arange(_MAX_BINS) + 0.5 + 0.1 * num_bins) / (1.2 * num_bins) * length
    return places, reach[:, 1:-1]


@dataclass(frozen=True, slots=True)
class _Lines:
    """One line a side: slope, value in the middle, scatter."""

    slope: Float[np.ndarray, " sides"]
    offset: Float[np.ndarray, " sides"]
    spread: Float[np.ndarray, " sides"]


def _fit_lines(
    places: Float[np.ndarray, "sides bins"],
    values: Float[np.ndarray, "sides bins"],
    is_seen: Bool[np.ndarray, "sides bins"],
    expected: Float[np.ndarray, " sides"],
) -> _Lines:
    """Lines through the values near the expected one, all sides at once: each alone is mostly numpy's overhead."""
    values = np.where(is_seen, values, np.inf)
    # Where a side was not seen, the outermost points are those of the opposite side.
    keep = np.abs(values - expected[:, None]) < 0.005
    values = np.where(is_seen, values, 0.0)
    # Of a side that shows no bin at all nothing is told; all its bins count here, so that its middle is a number.
    counted = is_seen | ~is_seen.any(axis=1, keepdims=True)
    center = (np.where(counted, places, np.inf).min(axis=1) + np.where(counted, places, -np.inf).max(axis=1)) / 2
    moments = np.stack([np.ones_like(places), places, values, places * places, places * values], axis=2)
    slope, offset, spread = np.zeros(4), expected, np.full(4, 0.001)
    for _ in range(2):
        sums = (keep[:, None].astype(np.float64) @ moments)[:, 0]
        is_told = sums[:, 0] >= 3
        if not is_told.any():
            break
        _, middle, mean, square, product = (sums / sums[:, :1].clip(1)).T
        turned = (product - middle * mean) / (square - middle**2 + 1e-12 / sums[:, 0].clip(1))
        residual = np.abs(values - (mean - turned * middle)[:, None] - turned[:, None] * places)
        ranked = np.sort(np.where(keep, residual, np.inf), axis=1)
        scale = np.maximum(1.4826 * ranked[_SIDES, (sums[:, 0] // 2).astype(np.int64)], 1e-4)
        slope = np.where(is_told, turned, slope)
        offset = np.where(is_told, mean + turned * (center - middle), offset)
        spread = np.where(is_told, scale, spread)
        near = is_seen & (residual < np.maximum(2.5 * scale, 3e-4)[:, None])
        keep = np.where(is_told[:, None], near, keep)
    return _Lines(slope, offset, spread)


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
        return np.all(xy @ DIRECTIONS.T <= self.reach_m + grow_m, axis=1)

    @property
    def width_m(self) -> float:
        """The smallest extent over all directions."""
        half = len(DIRECTIONS) // 2
        return float((self.reach_m[:half] + self.reach_m[half:]).min())

    @property
    def roundness(self) -> float:
        """Largest by smallest width: 1 for a circle, 1.41 for a square, more for what is long."""
        half = len(DIRECTIONS) // 2
        widths = self.reach_m[:half] + self.reach_m[half:]
        return float(widths.max() / max(float(widths.min()), 1e-6))


def make_hull(xy: Float[np.ndarray, "points 2"]) -> Hull:
    """Convex outline of at least one point."""
    return Hull((xy @ DIRECTIONS.T).max(axis=0))


def _rotation(yaw_rad: float) -> Float[np.ndarray, "2 2"]:
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    return np.array([[cos, -sin], [sin, cos]])
