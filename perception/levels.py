"""Blocks of one colour side by side: where their tops, seen from above, come apart into rectangles of one height each.

In:  the points of one piece that is closed above.
Out: for each point the number of the block that it lies on; None where the tops are one rectangle, or no rectangles.

Blocks that touch share their faces' direction, so that straight cuts along it and across it part them: at a step in
height, or where a side jumps. Each cut must explain clearly more cells than it costs.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import gaussian_filter, label
from scipy.spatial import KDTree

from .cuts import refine_cut

_LEVEL_M = 0.0018  # cells this near to a level lie on it
_LEAST_SIDE_M = 0.017
_GAIN_SHARE, _GAIN_CELLS = 0.05, 8.0
_MOST_LEFT = 0.10  # of the cells, neither on a block's level nor empty where nothing is
_BLUR_CELLS = 1.5
_MOST_BLOCKS = 9
_LEAST_PATCH_M2 = 0.00012
ENDS = ("start", "stop")
_BORDER = 0.3  # how much a cell at a block's border counts: half of it may lie beside


@dataclass(frozen=True, slots=True)
class _Top:
    """A window of the map (rows, columns), the height of most of its cells, and how many cells it does not explain."""

    rows: slice
    columns: slice
    level_m: float
    cost: float


@dataclass(frozen=True, slots=True)
class _Map:
    """Heights by cell in axes turned by `yaw_rad`; NaN: nothing was seen there."""

    yaw_rad: float
    corner: Float[np.ndarray, "2"]
    cell_m: float
    heights_m: Float[np.ndarray, "rows columns"]


def part_blocks(
    points: Float[np.ndarray, "points 3"], cell_m: float, noise_m: float
) -> Int[np.ndarray, " points"] | None:
    """Which block each point lies on, if there are several."""
    near_m = max(_LEVEL_M, 2.0 * noise_m)
    found = _make_map(points, _direction(points, cell_m), cell_m)
    tops = _cut(found, near_m)
    num_cells = int(np.isfinite(found.heights_m).sum())
    if len(tops) < 2 or sum(top.cost for top in tops) > _MOST_LEFT * num_cells:
        return None
    return _nearest_top(points, found, tops, near_m)


def _direction(points: Float[np.ndarray, "points 3"], cell_m: float) -> float:
    """Which way the steps of the heights run, modulo a right angle."""
    heights = _make_map(points, 0.0, cell_m, border=4).heights_m
    filled = np.where(np.isfinite(heights), heights, points[:, 2].min())
    across, along = np.gradient(gaussian_filter(filled, _BLUR_CELLS))
    way = np.hypot(across, along) ** 2 * np.exp(4j * np.arctan2(along, across))
    return float(np.angle(way.sum())) / 4


def _make_map(points: Float[np.ndarray, "points 3"], yaw_rad: float, cell_m: float, border: int = 0) -> _Map:
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    local = points[:, :2] @ np.array([[cos, -sin], [sin, cos]])
    corner = local.min(axis=0) - border * cell_m
    cells = np.floor((local - corner) / cell_m).astype(np.int64)
    shape = cells.max(axis=0) + 1 + border
    highest = np.full(shape[0] * shape[1], -np.inf)
    np.maximum.at(highest, cells[:, 0] * shape[1] + cells[:, 1], points[:, 2])
    highest[np.isinf(highest)] = np.nan
    return _Map(yaw_rad, corner, cell_m, highest.reshape(shape))


def _cut(found: _Map, near_m: float) -> list[_Top]:
    """Cut the map in two as long as that explains more."""
    rows, columns = found.heights_m.shape
    whole = _explain(found.heights_m, slice(0, rows), slice(0, columns), near_m)
    waiting, done = [whole] if whole is not None else [], []
    least = max(2, math.ceil(_LEAST_SIDE_M / found.cell_m))
    while waiting:
        top = waiting.pop()
        halves = _best_cut(found.heights_m, top, near_m, least)
        if halves is None or len(waiting) + len(done) + 2 > _MOST_BLOCKS:
            done.append(top)
        else:
            waiting += halves
    return _join(found.heights_m, done, near_m)


def _join(heights_m: np.ndarray, tops: list[_Top], near_m: float) -> list[_Top]:
    """A cut through one block, made before a better one was found, is taken back."""
    for first, second in itertools.combinations(tops, 2):
        if abs(first.level_m - second.level_m) > near_m:
            continue
        pairs = ((first.rows, second.rows), (first.columns, second.columns))
        rows, columns = (slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in pairs)
        both = _explain(heights_m, rows, columns, near_m)
        if both is not None and both.cost < first.cost + second.cost + _needed(heights_m[rows, columns]):
            return _join(heights_m, [t for t in tops if t is not first and t is not second] + [both], near_m)
    return tops


def _needed(window: np.ndarray) -> float:
    """How many more cells a cut has to explain."""
    return max(_GAIN_CELLS, _GAIN_SHARE * float(np.isfinite(window).sum()))


def _best_cut(heights_m: np.ndarray, top: _Top, near_m: float, least: int) -> tuple[_Top, _Top] | None:
    needed = _needed(heights_m[top.rows, top.columns])
    if top.cost < needed:
        return None
    best, best_cost = None, top.cost - needed
    for axis, whole in enumerate((top.rows, top.columns)):
        for place in range(whole.start + least, whole.stop - least + 1):
            parts = [slice(whole.start, place), slice(place, whole.stop)]
            windows = [(part, top.columns) if axis == 0 else (top.rows, part) for part in parts]
            low = _explain(heights_m, *windows[0], near_m)
            if low is None or low.cost >= best_cost or _is_thin(low, least):
                continue
            high = _explain(heights_m, *windows[1], near_m)
            if high is not None and low.cost + high.cost < best_cost and not _is_thin(high, least):
                best, best_cost = (low, high), low.cost + high.cost
    return best


def _is_thin(top: _Top, least: int) -> bool:
    return min(top.rows.stop - top.rows.start, top.columns.stop - top.columns.start) < least


def _explain(heights_m: np.ndarray, rows: slice, columns: slice, near_m: float) -> _Top | None:
    """The window shrunk to what is filled, and what one flat rectangle leaves unexplained of it."""
    window = heights_m[rows, columns]
    is_filled = np.isfinite(window)
    by_row, by_column = np.flatnonzero(is_filled.any(axis=1)), np.flatnonzero(is_filled.any(axis=0))
    if not len(by_row):
        return None
    rows = slice(rows.start + int(by_row[0]), rows.start + int(by_row[-1]) + 1)
    columns = slice(columns.start + int(by_column[0]), columns.start + int(by_column[-1]) + 1)
    rows, columns = _trim(heights_m, rows, columns)
    inside = heights_m[rows, columns]
    values = inside[np.isfinite(inside)]
    if not len(values):
        return None
    level_m = float(np.median(values))
    is_off: Bool[np.ndarray, "rows columns"] = ~(np.abs(inside - level_m) < near_m)
    within = int(is_off[1:-1, 1:-1].sum())
    beside = int(is_off.sum()) - within + int(is_filled.sum()) - len(values)
    return _Top(rows, columns, level_m, within + _BORDER * beside)


def _trim(heights_m: np.ndarray, rows: slice, columns: slice) -> tuple[slice, slice]:
    """Without border lines that are mostly empty: stray cells do not make a block wider."""
    for _ in range(2):
        is_filled = np.isfinite(heights_m[rows, columns])
        ends = []
        for axis, whole in ((1, rows), (0, columns)):
            share = is_filled.mean(axis=axis)
            start, stop = whole.start, whole.stop
            if share[0] < 0.35 and stop - start > 3:
                start += 1
            if share[-1] < 0.35 and stop - start > 3:
                stop -= 1
            ends.append(slice(start, stop))
        rows, columns = ends
    return rows, columns


def _nearest_top(
    points: Float[np.ndarray, "points 3"], found: _Map, tops: list[_Top], near_m: float
) -> Int[np.ndarray, " points"]:
    """The block on whose surface a point lies: its faces reach down from its level."""
    cos, sin = math.cos(found.yaw_rad), math.sin(found.yaw_rad)
    local = points[:, :2] @ np.array([[cos, -sin], [sin, cos]])
    starts, stops = (np.array([[getattr(w, end) for w in (t.rows, t.columns)] for t in tops]) for end in ENDS)
    low, high = (found.corner + ends * found.cell_m for ends in (starts, stops))
    levels_m = np.array([top.level_m for top in tops])
    for first, second in itertools.permutations(range(len(tops)), 2):
        is_level = abs(levels_m[first] - levels_m[second]) < near_m
        for axis in (0, 1):
            overlap = np.minimum(high[first], high[second])[1 - axis] - np.maximum(low[first], low[second])[1 - axis]
            if is_level and overlap > 0.0 and abs(high[first, axis] - low[second, axis]) < 2.5 * found.cell_m:
                inside = (local > np.minimum(low[first], low[second])) & (local < np.maximum(high[first], high[second]))
                is_top = inside.all(axis=1) & (np.abs(points[:, 2] - levels_m[[first, second]].mean()) < near_m)
                seam_m = refine_cut(local[is_top], np.eye(2)[axis], float(low[second, axis]), found.cell_m)
                high[first, axis] = low[second, axis] = seam_m
    beside = np.maximum(low[:, None] - local, local - high[:, None]).max(axis=2)
    beyond = np.stack([beside, points[:, 2] - levels_m[:, None]], axis=2)
    outside = np.hypot(*np.maximum(beyond, 0.0).transpose(2, 0, 1))
    return np.abs(outside + np.minimum(beyond.max(axis=2), 0.0)).argmin(axis=0)


def part_at_gaps(points: Float[np.ndarray, "points 3"], cell_m: float) -> Int[np.ndarray, " points"] | None:
    """Which of several patches each point lies in, seen from above; None where all is one patch.

    Pieces are made of coarse voxels, over which small things a few millimetres apart still touch.
    """
    cells = np.floor(points[:, :2] / cell_m).astype(np.int64)
    cells -= cells.min(axis=0)
    filled = np.zeros(cells.max(axis=0) + 1, dtype=bool)
    filled[cells[:, 0], cells[:, 1]] = True
    labelled, count = label(filled)  # pyright: ignore[reportGeneralTypeIssues]
    patches = np.asarray(labelled, dtype=np.int64)
    sizes = np.bincount(patches.ravel(), minlength=count + 1)[1:]
    large = np.flatnonzero(sizes * cell_m**2 >= _LEAST_PATCH_M2) + 1
    if len(large) < 2:
        return None
    own = patches[cells[:, 0], cells[:, 1]]
    number = np.full(count + 1, -1)
    number[large] = np.arange(len(large))
    result = number[own]
    stray = result < 0
    if stray.any():
        kept = np.flatnonzero(~stray)
        nearest = np.asarray(KDTree(points[kept, :2]).query(points[stray, :2])[1], dtype=np.int64)
        result[stray] = result[kept[nearest]]
    return result
