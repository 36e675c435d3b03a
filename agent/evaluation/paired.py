"""Two contenders on the same episodes: is B worse, by how much, and is it at worst a margin worse?

In:  how many shared episodes both solved, only A, only B, neither.
Out: p values, and limits of the difference B − A of the success rates.
Pairing takes out what makes an episode hard for both, so that far fewer episodes show a difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

from scipy.optimize import root_scalar
from scipy.stats import binom

from .rates import two_sided_z


def mcnemar(only_a: int, only_b: int, is_exact: bool = False) -> float:
    """Two-sided p value that both succeed equally often: McNemar's test with the binomial distribution.

    The mid-p value (M. W. Fagerland, S. Lydersen, P. Laake, BMC Medical Research Methodology 13:91, 2013) keeps its
    level but for a trace and finds more than the exact one, which `is_exact` asks for.
    """
    check_counts(0, only_a, only_b, 0)
    num_discordant = only_a + only_b
    if num_discordant == 0:
        return 1.0
    fewer = min(only_a, only_b)
    tail = float(binom.cdf(fewer, num_discordant, 0.5))
    p = 2.0 * tail if is_exact else 2.0 * tail - float(binom.pmf(fewer, num_discordant, 0.5))
    return min(1.0, p)


def difference_interval(
    both: int, only_a: int, only_b: int, neither: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Limits of B − A: the score interval of T. Tango, Statistics in Medicine 17 (1998)."""
    num_pairs = check_counts(both, only_a, only_b, neither)
    z = two_sided_z(confidence)
    if num_pairs == 0:
        return -1.0, 1.0
    observed = (only_b - only_a) / num_pairs
    # Towards ±1 the statistic grows past any z, unless the difference itself lies there.
    low, high = -1.0, 1.0
    edge = 1e-12
    if _score(only_a, only_b, num_pairs, -1.0 + edge) > z:
        low = _solve(lambda d: _score(only_a, only_b, num_pairs, d) - z, -1.0 + edge, observed)
    if _score(only_a, only_b, num_pairs, 1.0 - edge) < -z:
        high = _solve(lambda d: _score(only_a, only_b, num_pairs, d) + z, observed, 1.0 - edge)
    return low, high


def non_inferiority(both: int, only_a: int, only_b: int, neither: int, margin: float) -> float:
    """One-sided p value that B is worse than A by `margin` or more (Tango's score test).

    It is at most (1 − confidence) / 2 exactly when the lower limit of `difference_interval` lies above −margin.
    """
    if not 0.0 < margin < 1.0:
        raise ValueError(f"A margin of {margin:g} says nothing: expected between 0 and 1, for example 0.05.")
    num_pairs = check_counts(both, only_a, only_b, neither)
    if num_pairs == 0:
        return 1.0
    return NormalDist().cdf(-_score(only_a, only_b, num_pairs, -margin))


def cohens_g(only_a: int, only_b: int) -> float | None:
    """Effect: the share of B among the pairs that only one solved, less a half; None where there is no such pair.

    0.05 is small, 0.15 medium, 0.25 large (J. Cohen, Statistical Power Analysis, 1988); below zero A is ahead.
    """
    num_discordant = only_a + only_b
    return None if num_discordant == 0 else only_b / num_discordant - 0.5


def check_counts(both: int, only_a: int, only_b: int, neither: int) -> int:
    """How many pairs there are; raises when a count is below zero."""
    counts = (both, only_a, only_b, neither)
    if min(counts) < 0:
        raise ValueError(f"Pairs {counts} hold a count below zero: expected both, only A, only B, neither ≥ 0.")
    return sum(counts)


def _score(only_a: int, only_b: int, num_pairs: int, difference: float) -> float:
    """How many standard errors the data lie above that difference, estimated under it."""
    b, c, n, d = only_b, only_a, num_pairs, difference
    linear = -b - c + (2 * n - b + c) * d
    constant = -c * d * (1.0 - d)
    share_a = (math.sqrt(max(0.0, linear * linear - 8.0 * n * constant)) - linear) / (4.0 * n)
    variance = n * (2.0 * share_a + d * (1.0 - d))
    numerator = b - c - n * d
    if variance <= 0.0:
        return 0.0 if numerator == 0.0 else math.copysign(math.inf, numerator)
    return numerator / math.sqrt(variance)


def _solve(excess: Callable[[float], float], low: float, high: float) -> float:
    return float(root_scalar(excess, bracket=(low, high), xtol=1e-12).root)
