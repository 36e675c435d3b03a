"""Whether a policy that says "90% sure" succeeds nine times in ten.

In:  the confidence of each episode and whether it succeeded.
Out: bins of equal width with Wilson intervals, and the expected calibration error with its interval
     (M. P. Naeini, G. F. Cooper, M. Hauskrecht, AAAI 2015).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from .rates import wilson_interval

RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Episodes whose confidence lies in `low` to `high`; means and interval are None where there are none."""

    low: float
    high: float
    episodes: int
    mean_confidence: float | None
    success_rate: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Reliability:
    """Bins from the least to the most confident. `ece` 0 is honest; it is biased upwards where episodes are few."""

    bins: tuple[ReliabilityBin, ...]
    ece: float
    ece_interval: tuple[float, float]


def reliability(
    confidences: Float[np.ndarray, "episodes"],
    successes: Bool[np.ndarray, "episodes"],
    num_bins: int = 10,
    confidence: float = 0.95,
    rng_seed: int = 0,
) -> Reliability:
    """Compare what was promised with what came; a confidence on an edge belongs to the bin above it."""
    if len(confidences) == 0 or len(confidences) != len(successes):
        raise ValueError(
            f"{len(confidences)} confidences for {len(successes)} outcomes: expected one each, and at least one."
        )
    if not bool(np.all((confidences >= 0.0) & (confidences <= 1.0))):
        raise ValueError("A confidence lies outside 0 to 1: expected probabilities.")
    indices = np.minimum((confidences * num_bins).astype(int), num_bins - 1)
    bins = tuple(
        _bin(i, num_bins, confidences[indices == i], successes[indices == i], confidence) for i in range(num_bins)
    )
    rng = np.random.default_rng(rng_seed)
    # Only sums per bin enter the error, so each resample is one draw of episodes and three counts.
    gaps = confidences - successes
    drawn = rng.integers(0, len(gaps), (RESAMPLES, len(gaps)))
    errors = [_error(gaps[rows], indices[rows], num_bins) for rows in drawn]
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(errors, (tail, 100.0 - tail))
    return Reliability(bins, _error(gaps, indices, num_bins), (float(low), float(high)))


def _bin(
    index: int,
    num_bins: int,
    confidences: Float[np.ndarray, "members"],
    successes: Bool[np.ndarray, "members"],
    confidence: float,
) -> ReliabilityBin:
    low, high = index / num_bins, (index + 1) / num_bins
    if len(confidences) == 0:
        return ReliabilityBin(low, high, 0, None, None, None)
    interval = wilson_interval(int(successes.sum()), len(successes), confidence)
    return ReliabilityBin(low, high, len(successes), float(confidences.mean()), float(successes.mean()), interval)


def _error(gaps: Float[np.ndarray, "episodes"], indices: np.ndarray, num_bins: int) -> float:
    """Σ over the bins of |Σ (confidence − success)| / episodes, which is Σ share · |mean confidence − rate|."""
    sums = np.bincount(indices, weights=gaps, minlength=num_bins)
    return float(np.abs(sums).sum() / len(gaps))
