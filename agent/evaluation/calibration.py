"""Whether a policy that says "90% sure" succeeds nine times in ten.

In:  the confidence of each episode and whether it succeeded.
Out: bins of equal width with Wilson intervals, and the expected calibration error with its interval
     (M. P. Naeini, G. F. Cooper, M. Hauskrecht, AAAI 2015).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from .rates import wilson_interval

RESAMPLES = 500


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
    """Bins from the least to the most confident; `ece` 0 is honest, and above 0 by chance where episodes are few."""

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
    gaps = confidences - successes
    error = _error(gaps, indices, num_bins)
    interval = _error_interval(confidences, gaps, indices, num_bins, confidence, np.random.default_rng(rng_seed))
    return Reliability(bins, error, interval)


def _error_interval(
    confidences: Float[np.ndarray, "episodes"],
    gaps: Float[np.ndarray, "episodes"],
    indices: Int[np.ndarray, "episodes"],
    num_bins: int,
    confidence: float,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Limits of the true error. Chance alone makes any error look larger, in the data and again in each resample.

    So the lower limit is the upper one of the resamples, reflected; and it is 0 where an honest policy's error would
    often be as large (J. Bröcker, L. A. Smith, Weather and Forecasting 22, 2007).
    """
    observed, num = _error(gaps, indices, num_bins), len(gaps)
    resampled, honest = [], []
    for _ in range(RESAMPLES):
        rows = rng.integers(0, num, num)
        resampled.append(_error(gaps[rows], indices[rows], num_bins))
        honest.append(_error(confidences - (rng.random(num) < confidences), indices, num_bins))
    high = float(np.percentile(resampled, 50.0 + 50.0 * confidence))
    is_consistent = observed <= float(np.percentile(honest, 100.0 * confidence))
    return 0.0 if is_consistent else max(0.0, 2.0 * observed - high), min(1.0, high)


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


def _error(gaps: Float[np.ndarray, "episodes"], indices: Int[np.ndarray, "episodes"], num_bins: int) -> float:
    """Σ over the bins of |Σ (confidence − success)| / episodes, which is Σ share · |mean confidence − rate|."""
    sums = np.bincount(indices, weights=gaps, minlength=num_bins)
    return float(np.abs(sums).sum() / len(gaps))
