"""Where a group of blocks of one colour comes apart: the straight cut after which both sides fill their outlines.

In:  the cells of a top, seen from above.
Out: the best cut's direction and place.
A convex outline costs a tenth of a millisecond and there are 312 cuts: the outline's reach in 32 directions, found for
all cuts at once, tells from below how large each can be, so that only the few that may be the best are measured.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import binary_fill_holes
from scipy.spatial import ConvexHull, QhullError

from .outlines import DIRECTIONS

_NOTCH_CELLS = 1.2
_ROUNDING = 1.0 - 1e-9
_YAWS_RAD = np.radians(np.arange(0, 180, 7.5))
_SHARES = np.linspace(0.2, 0.8, 13)
Cut = tuple[Float[np.ndarray, "2"], float]
"""Direction across the cut and how far along it the cut lies."""


def find_cut(cells: Int[np.ndarray, "cells 2"], cell_m: float, min_area_m2: float, limit_m2: float) -> Cut | None:
    """The cut whose two sides have the smallest outlines together, if they are smaller than the limit."""
    xy = (cells + 0.5) * cell_m
    across = np.stack([np.cos(_YAWS_RAD), np.sin(_YAWS_RAD)])
    along = xy @ across
    places = np.quantile(along, _SHARES, axis=0)
    num_low = (along[:, None] <= places).sum(axis=0)
    is_fair = np.minimum(num_low, len(xy) - num_low) * cell_m**2 >= min_area_m2
    least_m2 = np.where(is_fair, _least_areas(xy, along, num_low, cell_m), np.inf).T.ravel()
    best_m2, best = limit_m2, None
    for number in np.argsort(least_m2, kind="stable").tolist():
        if least_m2[number] * _ROUNDING >= best_m2:
            break
        yaw, place = divmod(number, len(_SHARES))
        side = along[:, yaw] > places[place, yaw]
        total_m2 = hull_area(xy[side], cell_m) + hull_area(xy[~side], cell_m)
        # Of equally good cuts the first.
        if total_m2 < best_m2 or (total_m2 == best_m2 and best is not None and number < best):
            best_m2, best = total_m2, number
    if best is None:
        return None
    yaw, place = divmod(best, len(_SHARES))
    return across[:, yaw], float(places[place, yaw])


def refine_cut(
    top: Float[np.ndarray, "tops 2"], direction: Float[np.ndarray, "2"], place_m: float, cell_m: float
) -> float:
    """Where, within two cells, the two sides' outlines are smallest together; halfway between equally good places."""
    some = top[:: max(1, len(top) // 1500)]
    along = some @ direction
    places = place_m + np.arange(-2.0, 2.01, 0.25) * cell_m
    totals = np.array([hull_area(some[along > p], 0.0) + hull_area(some[along <= p], 0.0) for p in places])
    return float(places[totals <= totals.min() + 1e-6].mean())


def has_notch(cells: Int[np.ndarray, "cells 2"]) -> bool:
    """Whether the convex outline holds empty cells beyond its own border; holes that are closed all round are none.

    Convex tops have no notch, and most tops are convex: this spares them the search for a cut.
    """
    grid = cells - cells.min(axis=0)
    filled = np.zeros(grid.max(axis=0) + 1, dtype=bool)
    filled[grid[:, 0], grid[:, 1]] = True
    try:
        sides = ConvexHull(grid).equations
    except QhullError:
        return False
    empty = np.argwhere(np.asarray(binary_fill_holes(filled)) == 0)
    depth_cells = -(empty @ sides[:, :2].T + sides[:, 2]).max(axis=1)
    return bool((depth_cells > _NOTCH_CELLS).any())


def hull_area(xy: Float[np.ndarray, "points 2"], cell_m: float) -> float:
    """Area of the convex outline of square cells, given by their middles."""
    try:
        hull = ConvexHull(xy)
    except (QhullError, ValueError):
        return 0.0
    return float(hull.volume) + float(hull.area) * cell_m / 2 + cell_m**2


def _least_areas(
    xy: Float[np.ndarray, "cells 2"],
    along: Float[np.ndarray, "cells yaws"],
    num_low: Int[np.ndarray, "places yaws"],
    cell_m: float,
) -> Float[np.ndarray, "places yaws"]:
    """For each cut, what both sides' outlines hold at least: the polygons through the outermost of their cells."""
    order = np.argsort(along, axis=0)
    reach = (xy @ DIRECTIONS.T)[order]
    low = _farthest(reach)
    high = len(xy) - 1 - _farthest(reach[::-1])[::-1]
    yaws = np.arange(len(_YAWS_RAD))
    # Sides without cells are left out by the caller.
    ends = (low[np.maximum(num_low - 1, 0), yaws], high[np.minimum(num_low, len(xy) - 1), yaws])
    return sum((_polygon_areas(xy[order[rows, yaws[:, None]]], cell_m) for rows in ends), start=np.zeros(num_low.shape))


def _farthest(reach: Float[np.ndarray, "cells yaws directions"]) -> Int[np.ndarray, "cells yaws directions"]:
    """In each direction, which of the cells up to each one reaches farthest."""
    is_farther = reach == np.maximum.accumulate(reach, axis=0)
    return np.maximum.accumulate(np.where(is_farther, np.arange(len(reach))[:, None, None], 0), axis=0)


def _polygon_areas(corners: Float[np.ndarray, "*cuts directions 2"], cell_m: float) -> Float[np.ndarray, "*cuts"]:
    """Areas of convex polygons, their cells' halves added around them, as `hull_area` does."""
    following = np.roll(corners, -1, axis=-2)
    areas = (corners[..., 0] * following[..., 1] - corners[..., 1] * following[..., 0]).sum(axis=-1) / 2
    around = np.linalg.norm(following - corners, axis=-1).sum(axis=-1)
    return areas + around * cell_m / 2 + cell_m**2
