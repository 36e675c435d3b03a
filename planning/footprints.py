"""Objects seen from above: discs and rectangles, with the heights of their lowest and highest points.

In:  ObjectState.
Out: Footprint, and distances between footprints in metres (negative: overlapping by that much).
Plain floats instead of arrays: the planner asks for thousands of these, each a handful of numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..perception.types import ObjectState, Shape

ROUND_SHAPES = frozenset({Shape.CYLINDER, Shape.BOWL, Shape.MUG, Shape.PLATE})
UPRIGHT_COS = 0.9  # tilted further than 25°, an object is judged by the box around it
MUG_HANDLE_M = 0.03  # how far a handle reaches beyond the body, which is all that `size_m` covers


@dataclass(frozen=True, slots=True)
class Footprint:
    """A disc (`is_round`, radius `half_x_m`) or a rectangle turned by `yaw_rad`, in the world's xy plane."""

    x_m: float
    y_m: float
    half_x_m: float
    half_y_m: float
    yaw_rad: float
    is_round: bool
    bottom_m: float
    top_m: float

    @property
    def outer_radius_m(self) -> float:
        """Radius of the smallest disc around it."""
        return self.half_x_m if self.is_round else math.hypot(self.half_x_m, self.half_y_m)

    @property
    def inner_radius_m(self) -> float:
        """Radius of the largest disc within it."""
        return min(self.half_x_m, self.half_y_m)

    def at(self, x_m: float, y_m: float) -> Footprint:
        """The same footprint elsewhere."""
        return replace(self, x_m=x_m, y_m=y_m)

    def shrunk(self, by_m: float) -> Footprint:
        """The same footprint, smaller by `by_m` on every side."""
        half_x, half_y = max(self.half_x_m - by_m, 1e-4), max(self.half_y_m - by_m, 1e-4)
        return replace(self, half_x_m=half_x, half_y_m=half_y)

    def extent_m(self, dx: float, dy: float) -> float:
        """How far it reaches from its centre along the unit vector (dx, dy)."""
        if self.is_round:
            return self.half_x_m
        c, s = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        return self.half_x_m * abs(c * dx + s * dy) + self.half_y_m * abs(c * dy - s * dx)

    def inside_m(self, x_m: float, y_m: float) -> float:
        """Signed distance of a point from the border: positive inside."""
        dx, dy = x_m - self.x_m, y_m - self.y_m
        if self.is_round:
            return self.half_x_m - math.hypot(dx, dy)
        c, s = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        over_x = abs(c * dx + s * dy) - self.half_x_m
        over_y = abs(c * dy - s * dx) - self.half_y_m
        if over_x <= 0.0 and over_y <= 0.0:
            return -max(over_x, over_y)
        return -math.hypot(max(over_x, 0.0), max(over_y, 0.0))

    def corners(self) -> tuple[tuple[float, float], ...]:
        """The rectangle's corners; of a disc its centre."""
        if self.is_round:
            return ((self.x_m, self.y_m),)
        c, s = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        signs = ((1.0, 1.0), (1.0, -1.0), (-1.0, -1.0), (-1.0, 1.0))
        return tuple(
            (
                self.x_m + c * i * self.half_x_m - s * j * self.half_y_m,
                self.y_m + s * i * self.half_x_m + c * j * self.half_y_m,
            )
            for i, j in signs
        )


def make_footprint(item: ObjectState) -> Footprint:
    """The object from above, with its true lowest and highest point even when it is tilted."""
    rows: list[list[float]] = item.pose_world.tolist()
    half_x, half_y, half_z = (0.5 * size for size in item.size_m.tolist())
    (xx, xy, xz, x), (yx, yy, yz, y), (zx, zy, up, z) = rows[:3]
    is_round = item.shape in ROUND_SHAPES
    if is_round:
        half_x = half_y = max(half_x, half_y)
        reach_z = abs(up) * half_z + math.sqrt(max(0.0, 1.0 - up * up)) * half_x
    else:
        reach_z = abs(zx) * half_x + abs(zy) * half_y + abs(up) * half_z
    if abs(up) >= UPRIGHT_COS:
        yaw_rad = 0.0 if is_round else math.atan2(yx, xx)
        return Footprint(x, y, half_x, half_y, yaw_rad, is_round, z - reach_z, z + reach_z)
    reach_x = abs(xx) * half_x + abs(xy) * half_y + abs(xz) * half_z
    reach_y = abs(yx) * half_x + abs(yy) * half_y + abs(yz) * half_z
    return Footprint(x, y, reach_x, reach_y, 0.0, False, z - reach_z, z + reach_z)


def gap_m(a: Footprint, b: Footprint) -> float:
    """Distance between the borders of two footprints; negative when they overlap."""
    if a.is_round and b.is_round:
        return math.hypot(a.x_m - b.x_m, a.y_m - b.y_m) - a.half_x_m - b.half_x_m
    if a.is_round:
        return -b.inside_m(a.x_m, a.y_m) - a.half_x_m
    if b.is_round:
        return -a.inside_m(b.x_m, b.y_m) - b.half_x_m
    separation = max(_separation_m(a, b), _separation_m(b, a))
    if separation <= 0.0:
        return separation
    # Two separate convex shapes are nearest at a corner of one of them.
    return min(
        min(-b.inside_m(x, y) for x, y in a.corners()),
        min(-a.inside_m(x, y) for x, y in b.corners()),
    )


def _separation_m(a: Footprint, b: Footprint) -> float:
    """Largest gap along the two axes of rectangle `a` (separating-axis test)."""
    c, s = math.cos(a.yaw_rad), math.sin(a.yaw_rad)
    dx, dy = b.x_m - a.x_m, b.y_m - a.y_m
    along_x = abs(c * dx + s * dy) - a.half_x_m - b.extent_m(c, s)
    along_y = abs(c * dy - s * dx) - a.half_y_m - b.extent_m(-s, c)
    return max(along_x, along_y)
