"""How many episodes a question costs, told before the first one runs.

In:  the width of an interval, or two rates to be told apart.
Out: episodes for each contender; for a difference, pairs of episodes on shared seeds.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from .rates import two_sided_z


def for_width(width: float, rate_guess: float = 0.5, confidence: float = 0.95) -> int:
    """The smallest number at which Wilson's interval is no wider (high − low), if the rate is as guessed.

    A guess of 0.5 is the worst case: no rate needs more.
    """
    if not 0.0 < width < 1.0:
        raise ValueError(
            f"An interval of width {width:g} cannot be asked for: expected between 0 and 1, for example 0.1."
        )
    _check_rate(rate_guess)
    z2 = two_sided_z(confidence) ** 2
    # Width² = 4 z² (r(1−r)/n + z²/4n²) / (1 + z²/n)² ≤ w², times n²: a quadratic in n.
    spread = rate_guess * (1.0 - rate_guess)
    half = z2 * (width * width - 2.0 * spread)
    root = (-half + math.sqrt(half * half - width * width * z2 * z2 * (width * width - 1.0))) / (width * width)
    return max(1, math.ceil(root - 1e-9))


def for_difference(
    rate_a: float,
    rate_b: float,
    power: float = 0.8,
    confidence: float = 0.95,
    discordant_share: float | None = None,
) -> int:
    """Pairs at which McNemar's test finds this difference with that power (R. J. Connor, Biometrics 43, 1987).

    `discordant_share` is the share of pairs in which exactly one succeeds. Unknown, it is that of contenders who
    fail independently; on shared seeds hard episodes are hard for both, so that fewer pairs usually do.
    """
    for rate in (rate_a, rate_b):
        _check_rate(rate)
    if not 0.5 <= power < 1.0:
        raise ValueError(f"A power of {power:g} cannot be planned for: expected from 0.5 to below 1, for example 0.8.")
    gap = abs(rate_a - rate_b)
    if gap == 0.0:
        raise ValueError(f"Both rates are {rate_a:g}: no number of episodes shows a difference. Give two rates.")
    share = rate_a * (1.0 - rate_b) + rate_b * (1.0 - rate_a) if discordant_share is None else discordant_share
    if not gap - 1e-9 <= share <= 1.0:
        raise ValueError(
            f"A discordant share of {share:g} is impossible for rates {gap:g} apart: expected between {gap:g} and 1."
        )
    z_test, z_power = two_sided_z(confidence), NormalDist().inv_cdf(power)
    return math.ceil(((z_test * math.sqrt(share) + z_power * math.sqrt(max(0.0, share - gap * gap))) / gap) ** 2 - 1e-9)


def _check_rate(rate: float) -> None:
    if not 0.0 <= rate <= 1.0:
        raise ValueError(f"A success rate of {rate:g} is impossible: expected between 0 and 1.")
