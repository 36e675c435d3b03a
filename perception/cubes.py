"""Bars that are exactly two to four cubes long are taken for cubes that touch: in a row or in a tower.

In:  Measurements.
Out: the same, such bars replaced by their cubes. A seam between two like cubes cannot be seen; this is a guess by
proportion, right for toy blocks and wrong for a brick of exactly such a shape, and can be switched off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .measurement import Measurement
from .types import Shape

_COUNTS = (2, 3, 4)
_TOLERANCE = 0.12


def separate_cubes(measurements: Sequence[Measurement]) -> list[Measurement]:
    """Every bar of cubes as its cubes, from its low end."""
    return [piece for measurement in measurements for piece in _pieces(measurement)]


def _pieces(measured: Measurement) -> list[Measurement]:
    if measured.shape is not Shape.BLOCK or measured.is_covered:
        return [measured]
    length, width, height = (float(v) for v in measured.size_m)
    edges = {0: (length, width, height), 2: (height, width, length)}
    for axis, (long, edge, other) in edges.items():
        for count in _COUNTS:
            if abs(long / edge - count) < _TOLERANCE and abs(other / edge - 1.0) < _TOLERANCE / 2 + 0.02:
                return [_piece(measured, axis, number, count) for number in range(count)]
    return [measured]


def _piece(measured: Measurement, axis: int, number: int, count: int) -> Measurement:
    size_m = measured.size_m.copy()
    size_m[axis] /= count
    pose = measured.pose_world.copy()
    pose[:3, 3] += measured.pose_world[:3, axis] * size_m[axis] * (number - (count - 1) / 2)
    is_hidden = axis == 2 and number < count - 1
    # How a cube under another is turned and where exactly it stands, only its faces tell.
    doubt = np.square([0.003, 0.003, 0.001, 0.0, 0.0, 0.4] if is_hidden else [0.001, 0.001, 0.001, 0.0, 0.0, 0.0])
    return replace(
        measured,
        pose_world=pose,
        size_m=size_m,
        covariance=measured.covariance + np.diag(doubt),
        shape_confidence=0.7 * measured.shape_confidence,
        is_covered=is_hidden,
        num_points=measured.num_points // count,
    )
