"""The interval of a mean score, by drawing the episodes again with replacement.

In:  scores of independent episodes, 0 to 1.
Out: limits of their mean; the same scores and seed give the same limits.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def mean_interval(
    values: Float[np.ndarray, "episodes"], rng_seed: int = 0, confidence: float = 0.95, resamples: int = 2000
) -> tuple[float, float]:
    """The middle `confidence` of the means of resamples (B. Efron, Annals of Statistics 7, 1979)."""
    if not bool(np.all((values >= 0.0) & (values <= 1.0))):
        raise ValueError("A score lies outside 0 to 1: expected scores between 0 and 1.")
    if len(values) == 0:
        return 0.0, 1.0
    rng = np.random.default_rng(rng_seed)
    means = values[rng.integers(0, len(values), (resamples, len(values)))].mean(axis=1)
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(means, (tail, 100.0 - tail))
    return float(low), float(high)
