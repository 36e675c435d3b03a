"""Bring the cameras of one look into line with each other, horizontally, on the tops they both see.

In:  Segments whose points know which view saw them.
Out: the same Segments, each view's points shifted by what its tops lie beside the others'.
Heights are levelled on the table before (table.py); which camera is right cannot be known, so the mean stays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from .ranks import value_at
from .segments import Segment

_MIN_TOP_POINTS = 60
_MIN_TOPS = 3
_TOP_BAND_M = 0.004
_LIMIT_M = 0.01
_WORTH_M = 0.0004
_ANGLES = np.arange(4) * (np.pi / 4)
_AXES = np.column_stack([np.cos(_ANGLES), np.sin(_ANGLES)])


def align_views(
    segments: Sequence[Segment], spacing_m: Sequence[float]
) -> tuple[list[Segment], Float[np.ndarray, "views 2"]]:
    """Segments with aligned points, and the shift applied to each view (world x, y).

    `spacing_m` is each view's pixel on the table (NaN: no camera); finer views weigh more in the common mean.
    """
    num_views = len(spacing_m)
    shifts = np.zeros((num_views, 2))
    offsets = _find_offsets(segments, 1.0 / np.nan_to_num(np.asarray(spacing_m), nan=np.inf) ** 2)
    known = np.asarray(np.isfinite(offsets).all(axis=2))
    for view in range(num_views):
        tops = offsets[known[:, view], view]
        if len(tops) < _MIN_TOPS:
            continue
        middle = np.median(tops, axis=0)
        scatter = 1.4826 * np.median(np.abs(tops - middle), axis=0) / np.sqrt(len(tops))
        size = float(np.linalg.norm(middle))
        if max(_WORTH_M, 2.0 * float(np.linalg.norm(scatter))) < size < _LIMIT_M:
            shifts[view] = -middle
    if not shifts.any():
        return list(segments), shifts
    moved = []
    for segment in segments:
        points = segment.points.copy()
        points[:, :2] += shifts[segment.view]
        moved.append(Segment(points, segment.colors, segment.view))
    return moved, shifts


def _find_offsets(
    segments: Sequence[Segment], weights: Float[np.ndarray, "views"]
) -> Float[np.ndarray, "segments views 2"]:
    """Middle of each top as each view sees it, beside the mean over the views; NaN where not seen by two."""
    num_views = len(weights)
    offsets = np.full((len(segments), num_views, 2), np.nan)
    for number, segment in enumerate(segments):
        high = value_at(segment.points[:: max(1, len(segment.points) // 2000), 2], 0.98)
        is_top = segment.points[:, 2] > high - _TOP_BAND_M
        for view in range(num_views):
            xy = segment.points[is_top & (segment.view == view), :2]
            if len(xy) >= _MIN_TOP_POINTS:
                offsets[number, view] = _middle(xy)
        seen = np.asarray(np.isfinite(offsets[number]).all(axis=1))
        if seen.sum() < 2:
            offsets[number] = np.nan
        else:
            offsets[number] -= np.average(offsets[number, seen], axis=0, weights=weights[seen])
    return offsets


def _middle(xy: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "2"]:
    """Middle of the extents in four directions, a few outermost points left out."""
    along = np.sort(xy @ _AXES.T, axis=0)
    trim = len(xy) // 100
    middles = (along[trim] + along[-1 - trim]) / 2
    return np.array([(middles @ _AXES[:, 0]) / 2, (middles @ _AXES[:, 1]) / 2])
