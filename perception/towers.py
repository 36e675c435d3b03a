"""A tower of cubes of one colour: where one ends and the next begins, from the top one's edge down to the table.

In:  the points of one tall piece, its top rectangle, the height of what it stands on.
Out: the heights of the seams from above; None where cubes cannot be.

A seam between two faces of one colour is hard to see, but a cube is as high as it is wide: the top's edge gives the
first seam, the width of the faces below it the second, and so on. The last cube must end where the tower stands:
towers that do not come out even are none of cubes.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from .outlines import Rectangle, fit_rectangle

_SQUARE_M = 0.004
_LEAST_M, _MOST_M = 0.022, 0.065
_MOST_CUBES = 5
_SEAM_M, _BAND_M = 0.0025, 0.022
_MIN_POINTS = 40
_EVEN_M = 0.0035  # by how much the sum of the edges may miss, for each cube


def find_seams(
    points: Float[np.ndarray, "points 3"], top: Rectangle, top_m: float, base_m: float, spacing_m: float
) -> list[float] | None:
    """Heights of the seams, the highest first; None: no tower of at least two cubes."""
    edge_m = float(top.size_m.mean())
    if abs(float(top.size_m[0] - top.size_m[1])) > _SQUARE_M or not _LEAST_M < edge_m < _MOST_M:
        return None
    edges_m, seam_m = [edge_m], top_m - edge_m
    while seam_m - base_m > _LEAST_M:
        if len(edges_m) == _MOST_CUBES:
            return None
        edge_m = min(_width(points, seam_m, spacing_m) or edge_m, _MOST_M)
        edges_m.append(max(edge_m, edges_m[-1] - _SQUARE_M))
        seam_m -= edges_m[-1]
    missed_m = seam_m - base_m
    if len(edges_m) < 2 or abs(missed_m) > _EVEN_M * len(edges_m):
        return None
    # The top's edge was seen best: the others share what is missed.
    lower = np.array(edges_m[1:]) + missed_m / (len(edges_m) - 1)
    return [float(height) for height in top_m - edges_m[0] - np.concatenate([[0.0], np.cumsum(lower[:-1])])]


def _width(points: Float[np.ndarray, "points 3"], seam_m: float, spacing_m: float) -> float | None:
    """Of the faces right under a seam; None: too little of them was seen."""
    band = points[(points[:, 2] < seam_m - _SEAM_M) & (points[:, 2] > seam_m - _BAND_M), :2]
    return float(fit_rectangle(band, spacing_m).size_m[0]) if len(band) >= _MIN_POINTS else None
