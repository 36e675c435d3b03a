"""What a LiDAR alone tells of the things on the table: where they are, how large, of what shape. Not their colour.

In:  points of steady scans above the table, and where the LiDAR stands.
Out: Measurements without colour, with wide covariance. What it cannot tell stays a "thing"; nothing is made up.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from .associate import NO_COLOR_RGB
from .geometry import make_pose
from .measurement import Measurement
from .scan_outlines import Outline, corners_of, fit_rectangle_around, fit_round, fit_square
from .types import UNKNOWN_COLOR, Shape

_MIN_POINTS = 5
_LOOSE = 1.6  # neighbours lie within so many spacings
_RIM_M = 0.008
_OPEN_SHARE, _WALL_SHARE = 0.35, 0.85
_PLATE_RATIO, _MUG_RATIO, _BOX_DEPTH_M = 0.2, 0.7, 0.03
_EVEN, _EVEN_WIDE, _CUBE, _OFF_M = 1.35, 0.5, 0.25, 0.001
_MIN_SIZE_M = 0.012
_SAME_RIM_M, _WHOLE_GAP_RAD, _RIM_WIDTH_M = 0.010, 2.0, 0.016
_SECTORS, _AROUND, _MOST_OTHERS, _LONG_SIDE_M = 24, 0.6, 5, 0.08
_WIDE_MUG_M = 0.05
_MAX_MERGED_M, _MIN_OPENING_M = 0.34, 0.09


@dataclass(frozen=True, slots=True)
class ScanQuality:
    """What limits a scan: where the LiDAR stands, its rings and columns, noise, the mount's error; the table's height.

    `ring_rad` and `column_rad` are the angles between neighbouring rings and columns.
    """

    sensor: str
    origin_world: Float[np.ndarray, "3"]
    ring_rad: float
    column_rad: float
    noise_m: float
    systematic_m: float
    table_m: float


def measure_scan_objects(points_world: Float[np.ndarray, "points 3"], quality: ScanQuality) -> list[Measurement]:
    """One measurement for each thing that the points make, the largest first."""
    clusters = [points_world[own] for own in _cluster(points_world, quality)]
    clusters = _absorb(_join_rims(clusters, quality), quality)
    found = [m for points in clusters if (m := _describe(points, quality)) is not None]
    return sorted(found, key=lambda m: -m.num_points)


def _frame(points: Float[np.ndarray, "points 3"], quality: ScanQuality) -> tuple[float, float, Float[np.ndarray, "2"]]:
    """Spacing of columns and of rings on what lies flat there, and the direction away from the LiDAR."""
    offset = points.mean(axis=0) - quality.origin_world
    range_m = float(np.linalg.norm(offset))
    steep = max(abs(float(offset[2])) / range_m, 0.15)
    away = offset[:2] / max(float(np.hypot(offset[0], offset[1])), 1e-6)
    return range_m * quality.column_rad, range_m * quality.ring_rad / steep, away


def _cluster(points: Float[np.ndarray, "points 3"], quality: ScanQuality) -> list[Int[np.ndarray, " rows"]]:
    """Points that neighbouring beams left beside each other; rings lie farther apart than columns."""
    if len(points) < _MIN_POINTS:
        return []
    column_m, ring_m, away = _frame(points, quality)
    across = np.array([-away[1], away[0]])
    scaled = np.column_stack([points[:, :2] @ away / ring_m, points[:, :2] @ across / (2.0 * column_m)])
    pairs = KDTree(scaled).query_pairs(_LOOSE, output_type="ndarray")
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(points),) * 2)
    _, labels = connected_components(graph, directed=False)
    order = np.argsort(labels, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    return [group for group in groups if len(group) >= _MIN_POINTS]


def _join_rims(clusters: Sequence[Float[np.ndarray, "_ 3"]], quality: ScanQuality) -> list[Float[np.ndarray, "_ 3"]]:
    """Sides of one opening lie apart: clusters that lie all around one circle or rectangle are one thing."""
    left = sorted(clusters, key=lambda c: -float(np.ptp(c[:, :2], axis=0).max()))
    number = 0
    while number < len(left):
        others = [c for c in left[number + 1 :] if _may_belong(left[number], c)]
        sets = [more for count in (3, 2, 1) for more in itertools.combinations(others[:_MOST_OTHERS], count)]
        joined = next((more for more in sets if _is_one_rim([left[number], *more], quality)), ())
        left[number] = np.concatenate([left[number], *joined])
        left = [c for c in left if not any(c is part for part in joined)]
        number += 0 if joined else 1
    return left


def _may_belong(one: Float[np.ndarray, "_ 3"], other: Float[np.ndarray, "_ 3"]) -> bool:
    """Whether both are as high, near, and neither is whole without the other."""
    together = np.concatenate([one, other])[:, :2]
    tops_m = [float(np.sort(c[:, 2])[-2:].mean()) for c in (one, other)]
    is_near = np.hypot(*np.ptp(together, axis=0)) < _MAX_MERGED_M
    return bool(is_near and abs(tops_m[0] - tops_m[1]) < _SAME_RIM_M) and not (_is_whole(one) or _is_whole(other))


def _is_one_rim(parts: Sequence[Float[np.ndarray, "_ 3"]], quality: ScanQuality) -> bool:
    """Whether all lie on one circle or rectangle, most of the way around, and leave its middle empty."""
    if max(float(np.ptp(part[:, :2], axis=0).max()) for part in parts) < _LONG_SIDE_M:
        return False
    every = np.concatenate(parts)[:, :2]
    for outline in (fit_round(corners_of(every)), fit_rectangle_around(every)):
        if outline is None or outline.size_m.max() > _MAX_MERGED_M or outline.size_m.min() < _MIN_OPENING_M:
            continue
        inside_m = outline.inside_m(every)
        on_rim = (inside_m > -_RIM_M) & (inside_m < _RIM_WIDTH_M)
        angles = np.floor((np.arctan2(*(every[on_rim] - outline.center).T) / math.pi + 1.0) * (_SECTORS / 2))
        if outline.off_m < 0.005 and on_rim.mean() > 0.9 and len(np.unique(angles)) >= _AROUND * _SECTORS:
            return True
    return False


def _is_whole(points: Float[np.ndarray, "points 3"]) -> bool:
    """Whether the outermost points are a circle all around already."""
    corners = corners_of(points[:, :2])
    circle = fit_round(corners)
    if circle is None or circle.off_m > 0.004 or circle.size_m[0] < _MIN_OPENING_M:
        return False
    angles = np.sort(np.arctan2(*(corners - circle.center).T))
    gaps = np.diff(np.append(angles, angles[0] + 2 * math.pi))
    return bool(gaps.max() < _WHOLE_GAP_RAD)


def _absorb(clusters: Sequence[Float[np.ndarray, "_ 3"]], quality: ScanQuality) -> list[Float[np.ndarray, "_ 3"]]:
    """What lies within the outline of something wide and no higher than its rim is a part of it."""
    left = sorted(clusters, key=lambda c: -float(np.prod(np.ptp(c[:, :2], axis=0))))
    number = 0
    while number < len(left):
        own = left[number]
        column_m, ring_m, _ = _frame(own, quality)
        top_m, _ = _top(own, column_m, quality)
        outline, _, _ = _outline(own, top_m, (column_m, ring_m), quality)
        number += 1
        if outline.size_m.min() < _MIN_OPENING_M or outline.size_m.max() > _MAX_MERGED_M:
            continue
        parts = [
            c
            for c in left[number:]
            if (outline.inside_m(c[:, :2]) > -_RIM_M).mean() > 0.85 and c[:, 2].max() < top_m + _RIM_M
        ]
        left[number - 1] = np.concatenate([own, *parts])
        left[number:] = [c for c in left[number:] if not any(c is part for part in parts)]
    return left


def _describe(points: Float[np.ndarray, "points 3"], quality: ScanQuality) -> Measurement | None:
    column_m, ring_m, _ = _frame(points, quality)
    top_m, top_std_m = _top(points, column_m, quality)
    height_m = top_m - quality.table_m
    outline, is_open, confidence = _outline(points, top_m, (column_m, ring_m), quality)
    if outline.size_m.min() < _MIN_SIZE_M or outline.size_m.max() > 0.6 or height_m < 0.006:
        return None
    shape = _classify(outline, is_open, height_m)
    if shape is Shape.THING:
        confidence = min(confidence, 0.4)
    center = np.array([*outline.center, (top_m + quality.table_m) / 2])
    floor_m = _floor(points, outline, top_m, quality) if is_open else top_m
    return Measurement(
        make_pose(center, 0.0 if outline.is_round else _narrow_turn(outline)),
        _covariance(outline, (column_m, ring_m), top_std_m, quality),
        np.array([*outline.size_m, height_m]),
        NO_COLOR_RGB.copy(),
        UNKNOWN_COLOR,
        0.0,
        shape,
        confidence,
        (quality.sensor,),
        top_m - floor_m if is_open else 0.0,
        False,
        len(points),
    )


def _narrow_turn(outline: Outline) -> float:
    long, wide = outline.size_m
    if long - wide < 0.15 * long:
        return (outline.yaw_rad + math.pi / 4) % (math.pi / 2) - math.pi / 4
    return outline.yaw_rad


def _top(points: Float[np.ndarray, "points 3"], column_m: float, quality: ScanQuality) -> tuple[float, float]:
    """Height of the top and its standard deviation: exact where a row lies flat on it, else up to a ring more."""
    heights = np.sort(points[:, 2])
    highest = float(heights[-max(1, min(3, len(heights) // 6)) :].mean())
    level = points[points[:, 2] > highest - max(0.004, 2.0 * quality.noise_m)]
    offset = level.mean(axis=0) - quality.origin_world
    flat_m = float(np.hypot(offset[0], offset[1]))
    deep = np.ptp(np.hypot(*(level[:, :2] - quality.origin_world[:2]).T))
    if len(level) >= 3 and deep > 0.006:
        return float(np.median(level[:, 2])), max(quality.noise_m / 2, 0.001)
    step_m = quality.ring_rad * float(np.linalg.norm(offset)) * flat_m / float(np.linalg.norm(offset))
    return highest + step_m / 4, step_m / 4


def _outline(
    points: Float[np.ndarray, "points 3"], top_m: float, spacing_m: tuple[float, float], quality: ScanQuality
) -> tuple[Outline, bool, float]:
    """The better of circle and rectangle, whether it is open above, how sure (0–1)."""
    every = points[:, :2]
    is_side = points[:, 2] < top_m - max(0.005, 2.5 * quality.noise_m)
    sides = every[is_side] if is_side.sum() >= 5 else every
    square = fit_square(sides, every, quality.origin_world[:2], spacing_m)
    rim = points[points[:, 2] > top_m - 2.5 * _RIM_M]
    edges = [rim[:, :2], sides]
    if square.size_m.min() > _MIN_OPENING_M:
        square, edges = fit_rectangle_around(every), [corners_of(every)]
    largest_m = 1.25 * float(np.ptp(every, axis=0).max()) + 0.01
    rounds = [
        r
        for edge in edges
        if (r := fit_round(edge)) is not None and r.size_m[0] < largest_m and (r.inside_m(every) > -0.006).mean() > 0.8
    ]
    if not rounds:
        return square, _is_open(points, square, top_m, quality), 0.5
    best = min(rounds, key=lambda r: r.off_m)
    is_wide = square.size_m.min() > _MIN_OPENING_M
    # Half a plate is hidden by its own rim or by others and still round; few points of a block fit a circle as well.
    is_cube = abs(top_m - quality.table_m - square.size_m.mean()) < _CUBE * square.size_m.mean()
    even = _EVEN_WIDE if is_wide else _EVEN if is_cube else 1.0 / _EVEN  # most blocks are about as high as wide
    ratio = (square.off_m + _OFF_M) / (best.off_m + _OFF_M) / even
    chosen = best if ratio > 1.0 else square
    sure = 0.5 + 0.4 * min(1.0, abs(math.log(ratio)) / math.log(2.0))
    return chosen, _is_open(points, chosen, top_m, quality), sure


def _is_open(points: Float[np.ndarray, "points 3"], outline: Outline, top_m: float, quality: ScanQuality) -> bool:
    """Whether sides that face away from the LiDAR are seen below the top, which a solid thing hides."""
    xy = points[:, :2]
    is_far = outline.faces_away(xy, quality.origin_world[:2])
    is_low = points[:, 2] < top_m - max(0.006, 0.12 * (top_m - quality.table_m))
    if is_far.sum() >= 3:
        on_wall = outline.inside_m(xy[is_far]) < min(_RIM_M, 0.1 * float(outline.size_m[0]))
        is_ring = outline.is_round and outline.size_m[0] > _WIDE_MUG_M and on_wall.mean() > _WALL_SHARE
        return bool(is_low[is_far].mean() > _OPEN_SHARE or is_ring)
    is_inner = outline.inside_m(xy) > 0.25 * float(outline.size_m.min())
    return bool(outline.size_m.min() > _MIN_OPENING_M and is_inner.mean() < 0.1)


def _floor(points: Float[np.ndarray, "points 3"], outline: Outline, top_m: float, quality: ScanQuality) -> float:
    """Height of the bottom of an opening: never seen by so few points, so a thin one over the table."""
    return quality.table_m + min(0.005, 0.3 * (top_m - quality.table_m))


def _classify(outline: Outline, is_open: bool, height_m: float) -> Shape:
    if outline.off_m > 0.15 * float(outline.size_m.min()):
        return Shape.THING
    wide = float(outline.size_m[0])
    if outline.is_round:
        ratio = height_m / wide
        if ratio < _PLATE_RATIO:
            return Shape.PLATE
        if is_open:
            return Shape.MUG if ratio > _MUG_RATIO else Shape.BOWL
        return Shape.CYLINDER
    if is_open:
        return Shape.BOX if height_m > _BOX_DEPTH_M + 0.005 else Shape.TRAY
    return Shape.BLOCK


def _covariance(
    outline: Outline, spacing_m: tuple[float, float], top_std_m: float, quality: ScanQuality
) -> Float[np.ndarray, "6 6"]:
    """Of (x, y, z, rotation vector): the outline between columns and rings, and the mount's error."""
    flat = quality.systematic_m**2 + (0.3 * spacing_m[0]) ** 2 + (0.12 * spacing_m[1]) ** 2 + outline.off_m**2
    height = (top_std_m / 2) ** 2 + (0.5 * quality.systematic_m) ** 2
    yaw = (math.pi / math.sqrt(3)) ** 2 if outline.is_round else (0.15 + outline.off_m / outline.size_m.max()) ** 2
    return np.diag([flat, flat, height, 0.05**2, 0.05**2, yaw])
