import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from verbot.agent.evaluation.sequential import (
    RateSequence,
    anytime_interval,
    episodes_until,
    exact_interval,
)


def _stopped(width: float, rate: float, seed: int) -> RateSequence:
    rng = np.random.default_rng(seed)
    sequence = RateSequence(width)
    while not sequence.is_done:
        sequence.update(bool(rng.random() < rate))
    return sequence


def test_it_stops_at_the_first_episode_whose_interval_is_narrow_enough() -> None:
    sequence = RateSequence(0.2)
    while not sequence.is_done:
        before = sequence.episodes
        sequence.update(sequence.episodes % 3 > 0)
    low, high = sequence.interval
    assert high - low <= 0.2
    low, high = exact_interval(sum(n % 3 > 0 for n in range(before)), before, 0.05 * 0.65)
    assert high - low > 0.2


def test_after_the_stop_nothing_moves() -> None:
    sequence = _stopped(0.3, 0.5, seed=0)
    stood = (sequence.interval, sequence.episodes, sequence.successes)
    for _ in range(50):
        sequence.update(True)
    assert (sequence.interval, sequence.episodes, sequence.successes) == stood
    assert sequence.is_done


def test_before_the_stop_the_interval_is_the_one_that_holds_at_all_times() -> None:
    sequence = RateSequence(0.1)
    assert sequence.interval == (0.0, 1.0)
    for success in (True, False, True):
        sequence.update(success)
    assert not sequence.is_done
    assert sequence.interval == pytest.approx(anytime_interval(2, 3, 0.005))


def test_the_truth_is_held_at_the_stop_and_at_the_worst_interruption_exactly() -> None:
    """Every path of 0s and 1s, by its probability: no sampling."""
    width = 0.4
    for rate in (0.02, 0.1, 0.3, 0.41, 0.5, 0.75):
        alive, lost = {0: 1.0}, 0.0
        n = 0
        while alive:
            n += 1
            moved: dict[int, float] = {}
            for successes, weight in alive.items():
                moved[successes] = moved.get(successes, 0.0) + weight * (1.0 - rate)
                moved[successes + 1] = moved.get(successes + 1, 0.0) + weight * rate
            alive = {}
            for successes, weight in moved.items():
                low, high = exact_interval(successes, n, 0.05 * 0.65)
                is_done = high - low <= width
                if not is_done:
                    low, high = anytime_interval(successes, n, 0.05 * 0.1)
                if not low <= rate <= high:
                    lost += weight
                elif not is_done:
                    alive[successes] = weight
        assert n <= episodes_until(width)
        assert lost <= 0.05


def test_a_rate_near_the_edge_needs_fewer_episodes() -> None:
    assert _stopped(0.15, 0.97, seed=1).episodes < 0.5 * _stopped(0.15, 0.5, seed=1).episodes


def test_expected_episodes_are_about_what_it_takes() -> None:
    taken = [_stopped(0.2, 0.8, seed).episodes for seed in range(40)]
    assert np.mean(taken) == pytest.approx(episodes_until(0.2, 0.8), rel=0.05)
    assert max(taken) <= episodes_until(0.2)


def test_waiting_costs_less_than_a_third_more_than_a_fixed_number() -> None:
    # 381 episodes give Wilson's interval a width of 0.1 at a rate of one half.
    assert 381 < episodes_until(0.1) < 1.33 * 381


@given(st.integers(0, 60), st.integers(0, 60))
def test_anytime_interval_holds_what_was_seen_and_ends_where_the_bet_is_won(successes: int, failures: int) -> None:
    n = successes + failures
    low, high = anytime_interval(successes, n, 0.05)
    assert 0.0 <= low <= high <= 1.0
    if n == 0:
        return
    assert low <= successes / n <= high
    for limit in {low, high} - {0.0, 1.0}:
        # A uniform prior spreads its stake evenly over the n + 1 counts.
        won = 1.0 / (n + 1) / binom.pmf(successes, n, limit)
        assert math.isclose(won, 20.0, rel_tol=1e-3)


def test_exact_interval_leaves_half_the_error_on_each_side() -> None:
    low, high = exact_interval(3, 20, 0.05)
    assert binom.sf(2, 20, low) == pytest.approx(0.025)
    assert binom.cdf(3, 20, high) == pytest.approx(0.025)
    assert exact_interval(0, 20, 0.05)[0] == 0.0
    assert exact_interval(20, 20, 0.05)[1] == 1.0


@pytest.mark.parametrize("width", [0.0, 1.0, -0.1])
def test_impossible_width_is_an_error(width: float) -> None:
    with pytest.raises(ValueError, match=r"for example 0\.1"):
        RateSequence(width)
