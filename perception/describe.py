"""Describe one segment: where its top is, its outline, whether it is open above, what shape that makes.

In:  a Segment (points of one colour).
Out: Part: heights, outline, cavity, shape with confidence, colour. Where it stands is decided in arrange.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from .cells import distinct, distinct_rows
from .outlines import Circle, Hull, Rectangle, fit_circle, fit_rectangle, make_hull
from .ranks import middle_value, value_at, values_at
from .segments import Segment
from .types import Shape

_MIN_OUTLINE_POINTS = 12
_PLATE_RATIO = 0.2
_MUG_RATIO = 0.7
_ROUND = 1.16
_MIN_FILL = 0.75
_BOX_DEPTH_M = 0.03


@dataclass(frozen=True, slots=True)
class Part:
    """A described segment. `floor_m` is the height of the opening's bottom (None: closed above).

    `is_floor_seen` is false where only a round rim with nothing inside tells of the opening.
    `handle_rad` is the direction of a handle in the world, `handle_area_m2` how much of it was seen.
    `is_prism` says that the top is as wide as the whole, `fill` how much of the outline the top covers.
    """

    segment: Segment
    top_m: float
    low_m: float
    circle: Circle
    rectangle: Rectangle
    is_round: bool
    is_prism: bool
    fill: float
    floor_m: float | None
    is_floor_seen: bool
    handle_rad: float | None
    handle_area_m2: float
    color_rgb: Float[np.ndarray, "3"]
    num_top: int

    @property
    def center(self) -> Float[np.ndarray, "2"]:
        """Middle of the outline from above."""
        return self.circle.center if self.is_round else self.rectangle.center

    @property
    def size_m(self) -> Float[np.ndarray, "2"]:
        """Extent from above along its own axes."""
        return np.full(2, 2 * self.circle.radius_m) if self.is_round else self.rectangle.size_m

    def contains(self, xy: Float[np.ndarray, "points 2"], grow_m: float = 0.0) -> Bool[np.ndarray, "points"]:
        """Which points lie within the outline, grown on all sides."""
        if self.is_round:
            return np.linalg.norm(xy - self.circle.center, axis=1) <= self.circle.radius_m + grow_m
        return self.rectangle.contains(xy, grow_m)


def describe_segment(segment: Segment, noise_m: float, spacing_m: float) -> Part:
    """Measure a segment on its own."""
    points = segment.points
    top_m = top_height(points[:, 2], noise_m)
    low_m = low_height(points[:, 2])
    is_top = points[:, 2] > top_m - max(0.003, 4 * noise_m)
    top, every = points[is_top, :2], points[:, :2]
    if len(top) < _MIN_OUTLINE_POINTS:
        top = every
    hull = make_hull(top)
    circle, rectangle = fit_circle(top), fit_rectangle(top, spacing_m)
    is_round = _is_round(hull, circle, rectangle)
    floor_m, is_floor_seen = _find_floor(points, hull, top_m, low_m), True
    if floor_m is None and is_round:
        floor_m, is_floor_seen = _guess_floor(points, circle, top_m), False
    # Points of a wall lie up to the noise and a pixel outside; only clearly wider bodies are no prisms.
    is_prism = float(hull.contains(every[:: max(1, len(every) // 2000)], 0.004 + 2 * spacing_m).mean()) > 0.93
    handle_rad, num_handle = None, 0
    if is_round:
        handle_rad, num_handle = _find_handle(points, circle, top_m)
    elif not is_prism and floor_m is None:
        circle, rectangle = fit_circle(every), fit_rectangle(every, spacing_m)
        is_round = _is_round(make_hull(every), circle, rectangle)
    return Part(
        segment=segment,
        top_m=top_m,
        low_m=low_m,
        circle=circle,
        rectangle=rectangle,
        is_round=is_round,
        is_prism=is_prism,
        fill=_fill(top, rectangle, is_round, spacing_m),
        floor_m=floor_m,
        is_floor_seen=is_floor_seen,
        handle_rad=handle_rad,
        handle_area_m2=num_handle * spacing_m**2,
        color_rgb=lit_color(segment.colors),
        num_top=len(top),
    )


def redescribe_covered(part: Part, top_m: float, origin_xy: Float[np.ndarray, "2"], spacing_m: float) -> Part:
    """A part whose top is hidden under another: its outline from all points, the hidden depth taken as square.

    `origin_xy` is where the cameras are: the unseen side is the far one.
    """
    everything = fit_rectangle(part.segment.points[:, :2], spacing_m)
    rectangle = max(part.rectangle, everything, key=lambda r: float(r.size_m[1]))
    length, width = rectangle.size_m
    if width < 0.7 * length:
        across = np.array([-math.sin(rectangle.yaw_rad), math.cos(rectangle.yaw_rad)])
        away = across if (rectangle.center - origin_xy) @ across > 0 else -across
        center = rectangle.center + away * (length - width) / 2
        rectangle = replace(rectangle, center=center, size_m=np.array([length, length]))
    return replace(part, top_m=top_m, rectangle=rectangle, floor_m=None, is_prism=True, fill=1.0)


def _is_round(hull: Hull, circle: Circle, rectangle: Rectangle) -> bool:
    """Equal width in all directions; corners that coarse pixels cut off still make a square 1.2 times as wide."""
    is_close = circle.spread_m < 0.6 * rectangle.spread_m
    return hull.roundness < _ROUND or (is_close and hull.roundness < _ROUND + 0.1)


def _fill(top: Float[np.ndarray, "tops 2"], rectangle: Rectangle, is_round: bool, spacing_m: float) -> float:
    """Share of the outline's cells that hold points of the top."""
    cell_m = max(2.4 * spacing_m, float(rectangle.size_m.max()) / 15)
    counts = np.maximum(np.floor(rectangle.size_m / cell_m), 1.0)
    cells = np.floor((rectangle.local(top) / rectangle.size_m + 0.5) * counts)
    inside = ((cells >= 0) & (cells < counts)).all(axis=1)
    return float(len(distinct_rows(cells[inside].astype(np.int64))) / counts.prod()) / (
        math.pi / 4 if is_round else 1.0
    )


def top_height(heights_m: Float[np.ndarray, "points"], noise_m: float) -> float:
    """Height of the uppermost surface: the middle of the points within the noise of the highest ones."""
    high = value_at(heights_m, 0.985)
    band = heights_m[heights_m > high - max(0.0025, 3.5 * noise_m)]
    return middle_value(band) if len(band) else high


def low_height(heights_m: Float[np.ndarray, "points"]) -> float:
    """Height of the lowest points but a few stray ones."""
    rank = min(len(heights_m) - 1, max(4, len(heights_m) // 250))
    return float(np.partition(heights_m, rank)[rank])


def lit_color(colors: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "3"]:
    """Colour of the best-lit third, glints left out: what the surface looks like in the light."""
    colors = colors[:: max(1, len(colors) // 2000)]
    brightness = colors.sum(1)
    low, high = values_at(brightness, 0.70, 0.97)
    chosen = (brightness >= low) & (brightness <= high)
    return np.clip(colors[chosen].mean(0) if chosen.any() else colors.mean(0), 0.0, 1.0)


def classify(part: Part, height_m: float) -> tuple[Shape, float]:
    """Shape class and confidence (0–1) from outline, opening and proportions."""
    size = part.size_m
    spread = part.circle.spread_m if part.is_round else part.rectangle.spread_m
    other = part.rectangle.spread_m if part.is_round else part.circle.spread_m
    fit = float(np.clip(1.0 - spread / (0.15 * size.min() + 1e-6), 0.0, 1.0))
    clear = float(np.clip(0.5 + (other - spread) / (other + spread + 1e-6), 0.0, 1.0))
    confidence = 0.4 + 0.6 * min(1.0, 1.5 * fit) * clear
    is_open = part.floor_m is not None
    is_hollowed = not is_open and part.fill < _MIN_FILL
    is_bulging = not is_open and not part.is_prism and part.handle_rad is None
    if spread > 0.12 * size.min() or is_hollowed or is_bulging:
        return Shape.THING, 0.5
    if not part.is_round:
        if part.floor_m is None:
            return Shape.BLOCK, confidence
        return (Shape.BOX if part.top_m - part.floor_m > _BOX_DEPTH_M else Shape.TRAY), confidence
    ratio = height_m / float(size[0])
    if is_open:
        if ratio > _MUG_RATIO:
            return Shape.MUG, confidence
        near = min(abs(ratio - _PLATE_RATIO), abs(ratio - _MUG_RATIO))
        shape = Shape.PLATE if ratio < _PLATE_RATIO else Shape.BOWL
        return shape, confidence * min(1.0, 0.6 + 5.0 * near)
    if part.handle_rad is not None and ratio > _MUG_RATIO:
        return Shape.MUG, 0.6 * confidence
    if ratio < 0.12:
        return Shape.PLATE, 0.6 * confidence
    return Shape.CYLINDER, confidence


def _find_floor(points: Float[np.ndarray, "points 3"], hull: Hull, top_m: float, low_m: float) -> float | None:
    """Height of the bottom of an opening, if the inside of the rim is seen to lie low; else None."""
    some = points[:: max(1, len(points) // 5000)]
    inside = some[hull.contains(some[:, :2], -min(0.008, 0.25 * hull.width_m))]
    if len(inside) < 8:
        return None
    depth = max(0.004, min(0.012, 0.4 * (top_m - low_m)))
    cells = np.floor(inside[:, :2] / 0.004).astype(np.int64)
    keys = cells[:, 0] * 1_000_003 + cells[:, 1]
    cell = np.searchsorted(distinct(keys), keys)
    highest = np.full(int(cell.max()) + 1, -np.inf)
    np.maximum.at(highest, cell, inside[:, 2])
    is_low = highest < top_m - depth
    if is_low.mean() < 0.4:
        return None
    low = np.sort(highest[is_low])
    return middle_value(low[: max(4, len(low) // 4)])


def _guess_floor(points: Float[np.ndarray, "points 3"], circle: Circle, top_m: float) -> float | None:
    """Of a deep narrow opening seen from the side only the upper wall shows: the rim is a ring with nothing inside."""
    radius = np.linalg.norm(points[:, :2] - circle.center, axis=1)
    is_ring = radius[points[:, 2] > top_m - 0.004].min() > 0.6 * circle.radius_m
    inner = points[radius < 0.92 * circle.radius_m, 2]
    if not is_ring or circle.coverage < 0.7 or len(inner) < 8 or inner.min() > top_m - 0.012:
        return None
    return float(np.partition(inner, 2)[2])


def _find_handle(points: Float[np.ndarray, "points 3"], circle: Circle, top_m: float) -> tuple[float | None, int]:
    """Direction of a narrow piece that sticks out below the rim of a round body (None: there is none), its points."""
    offset = points[:, :2] - circle.center
    radius = np.linalg.norm(offset, axis=1)
    # Close to the table lies its own noise, which a colourless mug takes for its own.
    low_m = 0.75 * points[:, 2].min() + 0.25 * top_m
    is_between = (points[:, 2] < top_m - 0.004) & (points[:, 2] > low_m)
    outside = (radius > circle.radius_m + 0.005) & (radius < circle.radius_m + 0.04) & is_between
    if outside.sum() < max(6, 0.004 * len(points)):
        return None, 0
    directions = offset[outside] / radius[outside, None]
    mean = directions.mean(0)
    # A handle points one way; stray points around the whole round cancel out.
    angle = float(math.atan2(mean[1], mean[0])) if np.linalg.norm(mean) > 0.9 else None
    return angle, int(outside.sum())
