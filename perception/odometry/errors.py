"""How far an odometry drifts, by segments of the true path.

In:  estimated and true poses at the same moments, each in any frame of its own.
Out: mean relative error of place, in percent of the segment's length, over segments of several lengths.

As in Geiger, Lenz, Urtasun, "Are we ready for autonomous driving? The KITTI vision benchmark suite" (2012), with
shorter segments for shorter drives.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from ..geometry import invert_pose

LENGTHS_M = (20.0, 40.0, 60.0, 80.0, 100.0)
EVERY = 5
"""Segments begin at every fifth pose."""


def segment_error_percent(
    estimated: Float[np.ndarray, "poses 4 4"],
    true: Float[np.ndarray, "poses 4 4"],
    lengths_m: Sequence[float] = LENGTHS_M,
) -> float:
    """NaN when the path is shorter than the shortest segment."""
    along_m = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(true[:, :3, 3], axis=0), axis=1))])
    errors = []
    for length_m in lengths_m:
        starts = np.arange(0, len(true), EVERY)
        ends = np.searchsorted(along_m, along_m[starts] + length_m)
        starts, ends = starts[ends < len(true)], ends[ends < len(true)]
        if not len(starts):
            continue
        gone_estimated = invert_pose(estimated[starts]) @ estimated[ends]
        gone_true = invert_pose(true[starts]) @ true[ends]
        apart = invert_pose(gone_estimated) @ gone_true
        errors.append(np.linalg.norm(apart[:, :3, 3], axis=1) / length_m)
    return 100.0 * float(np.concatenate(errors).mean()) if errors else float("nan")
