"""Two pieces of motion without a stop between them: the second begins while the first still comes to rest.

In:  TimedPaths, of which the second begins where the first ends.
Out: the first until then, and the rest, in which what is left of the first adds to the second.
Nothing is checked here: a corner is cut, and velocities add. Before the overlap and after it both are what they were.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicHermiteSpline  # pyright: ignore[reportMissingTypeStubs]

from .timing import SAMPLE_S, TimedPath


def blend(first: TimedPath, second: TimedPath, overlap_s: float) -> tuple[TimedPath, TimedPath]:
    """The two with about `overlap_s` in common, at most all of either."""
    first_s, second_s = float(first.times_s[-1]), float(second.times_s[-1])
    # The cut is one of the first's samples, so that its first part needs no other.
    cut = int(np.searchsorted(first.times_s, first_s - min(overlap_s, second_s)))
    times = np.linspace(0.0, second_s, max(1, round(second_s / SAMPLE_S)) + 1)
    left, new = _states(first, first.times_s[cut] + times), _states(second, times)
    head = TimedPath(first.times_s[: cut + 1], first.positions_rad[: cut + 1], first.velocities_radps[: cut + 1])
    positions, velocities = new[0] + left[0] - first.positions_rad[-1], new[1] + left[1]
    positions[-1], velocities[-1] = second.positions_rad[-1], 0.0
    return head, TimedPath(times, positions, velocities)


def _states(
    path: TimedPath, times_s: Float[np.ndarray, "times"]
) -> tuple[Float[np.ndarray, "times joints"], Float[np.ndarray, "times joints"]]:
    """Positions and velocities at any times; beyond its end the path rests."""
    curve = CubicHermiteSpline(path.times_s, path.positions_rad, path.velocities_radps)
    within = np.minimum(times_s, path.times_s[-1])
    return np.asarray(curve(within)), np.asarray(curve(within, 1))
