"""Which measurement belongs to which known object.

In:  known objects (pose, size, colour, shape) and the Measurements of one look.
Out: for known objects, by their place in the list, the measurement that is theirs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from .measurement import Measurement
from .types import UNKNOWN_COLOR, Shape

Known = tuple[Float[np.ndarray, "4 4"], Float[np.ndarray, "3"], Float[np.ndarray, "3"], Shape]

_GATE_M = 0.06
_NEVER = 1e3
NO_COLOR_RGB = np.full(3, 0.5)
"""Stands where no colour was measured; nothing that is measured is exactly so."""


def associate(known: Sequence[Known], measurements: Sequence[Measurement]) -> dict[int, Measurement]:
    """The assignment of least total difference; pairs beyond the gate are left out."""
    if not known or not measurements:
        return {}
    cost = np.array([[_difference(k, m) for m in measurements] for k in known])
    rows, columns = linear_sum_assignment(cost)
    return {int(r): measurements[int(c)] for r, c in zip(rows, columns, strict=True) if cost[r, c] < _NEVER}


def _difference(known: Known, measured: Measurement) -> float:
    pose, size, color, shape = known
    offset = measured.pose_world[:3, 3] - pose[:3, 3]
    gap_m = float(np.hypot(offset[0], offset[1]))
    hue = hue_apart(color, measured)
    bulk = 0.0 if measured.is_covered else float(np.abs(size - measured.size_m).max())
    # Something else in the very same place and size is the same object in another light.
    is_same_place = gap_m < 0.015 and abs(offset[2]) < 0.012 and bulk < 0.015
    if gap_m > _GATE_M or abs(offset[2]) > _GATE_M or (hue > 0.25 and not is_same_place):
        return _NEVER
    return gap_m / 0.02 + abs(float(offset[2])) / 0.03 + hue / 0.1 + bulk / 0.03 + 0.5 * (shape is not measured.shape)


def hue_apart(color_rgb: Float[np.ndarray, "3"], measured: Measurement) -> float:
    """How much a measurement's colour differs from a known one; one that was not measured differs from none."""
    if measured.color == UNKNOWN_COLOR or np.array_equal(color_rgb, NO_COLOR_RGB):
        return 0.0
    return float(np.abs(chroma_of(color_rgb) - chroma_of(measured.color_rgb)).sum())


def chroma_of(rgb: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
    """Colour without brightness."""
    return rgb / max(float(rgb.sum()), 0.1)
