"""The interval of a mean score, by drawing the episodes again with replacement.

In:  scores of independent episodes, 0 to 1.
Out: limits of their mean; the same scores and seed give the same limits.

B. Efron's percentile bootstrap (Annals of Statistics 7, 1979) of the episodes and two imagined ones, a score of 0 and
one of 1. Without these it believes that what was never seen cannot happen: ten perfect episodes would prove a mean of
exactly 1, and of scores near the ceiling it misses the truth every other time, as BCa limits do too. The price is
an interval too wide where there are few episodes and all scores lie close together. Measured in
`docs/benchmarks/coverage.json`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

IMAGINED_SCORES = (0.0, 1.0)
CHUNK = 2_000_000


def mean_interval(
    values: Float[np.ndarray, "episodes"], rng_seed: int = 0, confidence: float = 0.95, resamples: int = 2000
) -> tuple[float, float]:
    """The middle `confidence` of the means of the resamples; nothing measured means nothing known: 0 to 1."""
    if not bool(np.all((values >= 0.0) & (values <= 1.0))):
        raise ValueError("A score lies outside 0 to 1: expected scores between 0 and 1.")
    if len(values) == 0:
        return 0.0, 1.0
    # Sorted, so that the order in which episodes were written has no say.
    sample = np.sort(np.append(values, IMAGINED_SCORES))
    rng = np.random.default_rng(rng_seed)
    rows = max(1, CHUNK // len(sample))  # memory stays flat for any number of episodes
    means = np.concatenate(
        [
            sample[rng.integers(0, len(sample), (min(rows, resamples - first), len(sample)))].mean(axis=1)
            for first in range(0, resamples, rows)
        ]
    )
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(means, (tail, 100.0 - tail))
    return float(low), float(high)
