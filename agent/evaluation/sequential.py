"""Stop when the interval of a success rate is narrow enough, without the error that looking again and again brings.

In:  a width (high − low) and the outcomes of episodes in a fixed order: by index, never by who finished first, because
     quick episodes are not like slow ones.
Out: an interval that may be read after any episode, for any reason to stop there; it holds the truth at least as
     often as `confidence` says, whatever the rule for stopping.

Two intervals share the error that is allowed:
- While it runs, a confidence sequence that holds at all times at once: the rates that the beta-binomial mixture of
  H. Robbins (Annals of Mathematical Statistics 41, 1970) has not ruled out. Paid for with a tenth of the error, it
  covers whoever interrupts a run, looks, and quotes what is seen.
- At the first episode at which the exact interval of C. Clopper and E. Pearson (Biometrika 26, 1934) at a stricter
  level is narrow enough, that interval, which then stands. The fixed-width rule of J. Frey (American Statistician 64,
  2010): its stopping points are known beforehand, so its coverage can be enumerated, and the share below is the one
  at which rule and interruption together keep their word. A sequence valid at all times, by itself, needs about
  three times the episodes.
`docs/benchmarks/coverage.json` holds the enumeration.
"""

from __future__ import annotations

import math
from functools import lru_cache

from scipy.optimize import root_scalar
from scipy.special import betaincinv, betaln

ANYTIME_SHARE = 0.1
RULE_SHARE = 0.65


class RateSequence:
    """One rate, one episode after the other. After the stop further episodes are counted but move nothing."""

    def __init__(self, width: float, confidence: float = 0.95) -> None:
        """Start with nothing known.

        Args:
            width: how wide the interval may be, high − low.
            confidence: how often the interval shall hold the truth.
        """
        if not 0.0 < width < 1.0:
            raise ValueError(f"A width of {width:g} cannot be waited for: expected between 0 and 1, for example 0.1.")
        if not 0.0 < confidence < 1.0:
            raise ValueError(f"A confidence of {confidence:g} is impossible: expected between 0 and 1.")
        self._width = width
        self._error = 1.0 - confidence
        self._successes = 0
        self._episodes = 0
        self._stopped_at: tuple[int, int] | None = None

    @property
    def episodes(self) -> int:
        """How many episodes the interval rests on."""
        return self._episodes if self._stopped_at is None else self._stopped_at[1]

    @property
    def successes(self) -> int:
        """How many of them succeeded."""
        return self._successes if self._stopped_at is None else self._stopped_at[0]

    @property
    def is_done(self) -> bool:
        """Whether the interval is narrow enough; once true it stays true."""
        return self._stopped_at is not None

    @property
    def interval(self) -> tuple[float, float]:
        """What may be quoted now."""
        if self._stopped_at is None:
            return anytime_interval(self._successes, self._episodes, self._error * ANYTIME_SHARE)
        return exact_interval(*self._stopped_at, self._error * RULE_SHARE)

    def update(self, success: bool) -> None:
        """Take the next episode in the fixed order."""
        self._episodes += 1
        self._successes += bool(success)
        if self._stopped_at is None:
            low, high = exact_interval(self._successes, self._episodes, self._error * RULE_SHARE)
            if high - low <= self._width:
                self._stopped_at = (self._successes, self._episodes)


def exact_interval(successes: int, trials: int, error: float) -> tuple[float, float]:
    """Clopper's and Pearson's interval at a fixed number of trials."""
    failures = trials - successes
    low = 0.0 if successes == 0 else float(betaincinv(successes, failures + 1, error / 2))
    high = 1.0 if failures == 0 else float(betaincinv(successes + 1, failures, 1.0 - error / 2))
    return low, high


def anytime_interval(successes: int, trials: int, error: float) -> tuple[float, float]:
    """The rates under which a bettor with a uniform prior has not won 1 / `error` times the stake.

    By Ville's inequality the true rate is ever left out with a probability of at most `error`.
    """
    if trials == 0:
        return 0.0, 1.0
    failures = trials - successes
    log_mixture = float(betaln(successes + 1, failures + 1))
    limit = -math.log(error)

    def excess(rate: float) -> float:
        fit = successes * math.log(rate) if successes else 0.0
        fit += failures * math.log1p(-rate) if failures else 0.0
        return log_mixture - fit - limit

    # The excess is convex in the rate and below zero at the observed one.
    observed, edge = successes / trials, 1e-12
    low, high = 0.0, 1.0
    if successes and excess(edge) > 0.0:
        low = float(root_scalar(excess, bracket=(edge, observed if failures else 1.0 - edge), xtol=1e-12).root)
    if failures and excess(1.0 - edge) > 0.0:
        high = float(root_scalar(excess, bracket=(observed if successes else edge, 1.0 - edge), xtol=1e-12).root)
    return low, high


@lru_cache
def episodes_until(width: float, rate_guess: float = 0.5, confidence: float = 0.95) -> int:
    """About how many episodes the rule needs if the rate is as guessed; a guess of 0.5 is the most it can need."""
    error = (1.0 - confidence) * RULE_SHARE
    few, many = 0, 1
    while _width_at(many, rate_guess, error) > width:
        few, many = many, 2 * many
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if _width_at(middle, rate_guess, error) <= width else (middle, many)
    return many


def _width_at(trials: int, rate: float, error: float) -> float:
    low, high = exact_interval(round(trials * rate), trials, error)
    return high - low
