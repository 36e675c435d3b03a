"""The interval of a success rate: E. B. Wilson's score interval, JASA 22 (1927).

In:  counts of independent episodes.
Out: two-sided limits between 0 and 1; nothing tried means nothing known: 0 to 1.
`docs/benchmarks/coverage.json` says how often these limits hold the truth, exactly, over a grid.
"""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The rates that a score test does not reject."""
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials: expected 0 ≤ successes ≤ trials.")
    z = two_sided_z(confidence)
    if trials == 0:
        return 0.0, 1.0
    rate = successes / trials
    center = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    low = 0.0 if successes == 0 else max(0.0, center - half)
    high = 1.0 if successes == trials else min(1.0, center + half)
    return low, high


def two_sided_z(confidence: float) -> float:
    """How many standard deviations to each side hold `confidence` of a normal distribution."""
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"A confidence of {confidence:g} is impossible: expected between 0 and 1, for example 0.95.")
    return NormalDist().inv_cdf(0.5 + confidence / 2)
