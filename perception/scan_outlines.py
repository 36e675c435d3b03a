"""Outlines of things from the few points that a LiDAR leaves on them: circles and rectangles seen from one side.

In:  points of one thing, those on its sides (or rim) and those on its top, and where the LiDAR stands.
Out: Outline: centre, size, turn, and how far the points lie from it.

A LiDAR sees the sides that face it and few rows of the top; what it does not see is what makes the outline whole: a
circle is round, a block is as deep as it is wide where the far edge lies between two rings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import ConvexHull, QhullError

_TURNS_RAD = np.arange(45) * (math.pi / 90)
_FAR = 0.35
_EDGE = 0.04  # share of the points that may lie beyond an edge


@dataclass(frozen=True, slots=True)
class Outline:
    """From above. `size_m` is along its own axes, x first; `off_m` how far points of the edge lie beside it."""

    center: Float[np.ndarray, "2"]
    size_m: Float[np.ndarray, "2"]
    yaw_rad: float
    is_round: bool
    off_m: float

    def inside_m(self, xy: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, " points"]:
        """How far inside the edge each point lies; negative outside."""
        offset = xy - self.center
        if self.is_round:
            return self.size_m[0] / 2 - np.hypot(offset[:, 0], offset[:, 1])
        return (self.size_m / 2 - np.abs(offset @ _axes(self.yaw_rad).T)).min(axis=1)

    def faces_away(
        self, xy: Float[np.ndarray, "points 2"], sensor_xy: Float[np.ndarray, "2"]
    ) -> Bool[np.ndarray, " points"]:
        """Which points lie nearest to a side that cannot be seen from there, unless through an opening."""
        offset, to_sensor = xy - self.center, sensor_xy - self.center
        to_sensor = to_sensor / np.linalg.norm(to_sensor)
        if self.is_round:
            return offset @ to_sensor < -_FAR * self.size_m[0] / 2
        local, ahead = offset @ _axes(self.yaw_rad).T, _axes(self.yaw_rad) @ to_sensor
        nearest = np.argmax(np.abs(local) - self.size_m / 2, axis=1)
        rows = np.arange(len(xy))
        is_beyond = offset @ to_sensor < -_FAR * float(self.size_m.min()) / 2
        return (np.sign(local[rows, nearest]) * ahead[nearest] < 0.0) & is_beyond


def fit_round(edge: Float[np.ndarray, "points 2"]) -> Outline | None:
    """The circle through points of the edge; None when they say nothing of one."""
    if len(edge) < 5:
        return None
    kept: Bool[np.ndarray, " points"] = np.ones(len(edge), dtype=bool)
    center, radius_m = edge.mean(axis=0), 0.0
    for _ in range(4):  # a handle is no part of the round
        middle = edge[kept].mean(axis=0)
        local = edge[kept] - middle
        columns = np.column_stack([2.0 * local, np.ones(len(local))])
        found, _, rank, _ = np.linalg.lstsq(columns, (local**2).sum(axis=1), rcond=None)
        square = float(found[2] + found[:2] @ found[:2])
        if rank < 3 or square <= 0.0:
            return None
        center, radius_m = middle + found[:2], math.sqrt(square)
        off = np.abs(np.hypot(*(edge - center).T) - radius_m)
        kept = off <= max(0.004, 2.5 * float(np.median(off)))
        if kept.sum() < 5:
            return None
    return Outline(center, np.full(2, 2.0 * radius_m), 0.0, True, _typical(off[kept], len(edge)))


def corners_of(every: Float[np.ndarray, "all 2"]) -> Float[np.ndarray, "corners 2"]:
    """The outermost points: of rows of points on something wide, only their ends lie on its edge."""
    try:
        return every[ConvexHull(every).vertices]
    except QhullError:  # all on one line
        return every


def fit_rectangle_around(every: Float[np.ndarray, "all 2"]) -> Outline:
    """The rectangle on whose sides the outermost points lie: of a wide thing all sides are seen over its rim."""
    corners = corners_of(every)
    found: list[tuple[float, Outline]] = []
    for yaw_rad in _TURNS_RAD:
        axes = _axes(float(yaw_rad))
        local = corners @ axes.T
        low, high = local.min(axis=0), local.max(axis=0)
        off_m = float(np.minimum(np.minimum(local - low, high - local).min(axis=1), 0.02).mean())
        size, middle = high - low, axes.T @ ((low + high) / 2)
        turned = bool(size[1] > size[0])
        outline = Outline(middle, size[::-1].copy() if turned else size, yaw_rad + turned * math.pi / 2, False, off_m)
        found.append((off_m + 0.02 * float(size.sum()), outline))
    return min(found, key=lambda each: each[0])[1]


def fit_square(
    edge: Float[np.ndarray, "points 2"],
    every: Float[np.ndarray, "all 2"],
    sensor_xy: Float[np.ndarray, "2"],
    spacing_m: tuple[float, float],
) -> Outline:
    """The rectangle whose sides that face the LiDAR lie on the points of the edge.

    `spacing_m`: between columns, and between rings on what lies flat. A depth that ends between two rings is taken to
    be the width.
    """
    found: list[tuple[float, Outline]] = []
    for yaw_rad in _TURNS_RAD:
        axes = _axes(float(yaw_rad))
        low, high = _ends(every @ axes.T)
        to_sensor = axes @ sensor_xy - (low + high) / 2
        near = np.where(to_sensor > 0, high, low)
        gaps = np.abs(edge @ axes.T - near)
        is_facing = np.abs(to_sensor) > 0.2 * np.linalg.norm(to_sensor)
        gaps = np.where(is_facing, gaps, np.inf)
        off_m = float(np.minimum(gaps.min(axis=1), 0.02).mean()) if len(edge) else 0.0
        outline = _completed(low, high, to_sensor, axes, float(yaw_rad), spacing_m, off_m)
        found.append((off_m + 0.02 * float(outline.size_m.sum()), outline))
    return min(found, key=lambda each: each[0])[1]


def _completed(
    low: Float[np.ndarray, "2"],
    high: Float[np.ndarray, "2"],
    to_sensor: Float[np.ndarray, "2"],
    axes: Float[np.ndarray, "2 2"],
    yaw_rad: float,
    spacing_m: tuple[float, float],
    off_m: float,
) -> Outline:
    """The box with its unseen ends: half a column at the sides; in depth up to a ring more, if that makes a square."""
    column_m, ring_m = spacing_m
    facing = np.abs(to_sensor) / np.linalg.norm(to_sensor)
    size = high - low
    # Seen across, an end lies within a column of the last point; seen along, within a ring.
    unseen = column_m * (1.0 - facing) + ring_m * facing
    deep = int(np.argmax(facing))
    wide = 1 - deep
    size[wide] += 0.5 * unseen[wide]
    grown = size.copy()
    grown[deep] = min(max(size[deep], size[wide]), size[deep] + 1.2 * unseen[deep])
    away = -np.sign(to_sensor)
    middle = (low + high) / 2
    middle[deep] += away[deep] * (grown[deep] - (high - low)[deep]) / 2
    if grown[1] > grown[0]:
        return Outline(axes.T @ middle, grown[::-1].copy(), yaw_rad + math.pi / 2, False, off_m)
    return Outline(axes.T @ middle, grown, yaw_rad, False, off_m)


def _ends(local: Float[np.ndarray, "points 2"]) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]]:
    """Where the points end on both axes, a stray one in 25 left out."""
    num = min(int(_EDGE * len(local)), len(local) - 1)
    ordered = np.sort(local, axis=0)
    return ordered[num].copy(), ordered[len(local) - 1 - num].copy()


def _axes(yaw_rad: float) -> Float[np.ndarray, "2 2"]:
    return np.array([[math.cos(yaw_rad), math.sin(yaw_rad)], [-math.sin(yaw_rad), math.cos(yaw_rad)]])


def _typical(off_m: Float[np.ndarray, " points"], count: int) -> float:
    """Mean distance; what was left out counts as far away."""
    return float((off_m.sum() + 0.02 * (count - len(off_m))) / count)
