import numpy as np
import pytest
from verbot.agent.evaluation.calibration import reliability
from verbot.agent.evaluation.rates import wilson_interval


def test_error_is_the_mean_gap_weighted_by_the_episodes_of_each_bin() -> None:
    confidences = np.array([0.95] * 8 + [0.25] * 2)
    successes = np.array([True] * 6 + [False] * 2 + [True, False])
    # |0.95 − 0.75| for 8 of 10, |0.25 − 0.5| for 2 of 10.
    assert reliability(confidences, successes).ece == pytest.approx(0.8 * 0.2 + 0.2 * 0.25)


def test_bins_tell_their_episodes_rate_and_wilson_interval() -> None:
    found = reliability(np.array([0.91, 0.99, 0.95, 0.1]), np.array([True, True, False, False]))
    last = found.bins[-1]
    assert (last.low, last.high, last.episodes) == (0.9, 1.0, 3)
    assert last.mean_confidence == pytest.approx(0.95)
    assert last.success_rate == pytest.approx(2 / 3)
    assert last.interval == wilson_interval(2, 3)
    assert found.bins[5].episodes == 0
    assert found.bins[5].interval is None


def test_edges_belong_to_the_bin_above_and_certainty_to_the_last() -> None:
    found = reliability(np.array([0.0, 0.1, 0.3, 1.0]), np.array([False, True, True, True]))
    assert [b.episodes for b in found.bins] == [1, 1, 0, 1, 0, 0, 0, 0, 0, 1]


def test_interval_holds_the_error_of_an_honest_policy_and_shrinks_with_episodes() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for n in (50, 800):
        confidences = rng.uniform(0.5, 1.0, n)
        found = reliability(confidences, rng.random(n) < confidences - 0.3)
        low, high = found.ece_interval
        assert low < 0.3 < high
        widths.append(high - low)
    assert widths[1] < 0.5 * widths[0]


def test_impossible_input_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        reliability(np.array([]), np.array([], bool))
    with pytest.raises(ValueError, match="probabilities"):
        reliability(np.array([1.5]), np.array([True]))


def test_interval_of_an_honest_policy_reaches_down_to_zero() -> None:
    rng = np.random.default_rng(1)
    confidences = rng.uniform(0.5, 1.0, 60)
    found = [reliability(confidences, rng.random(60) < confidences) for _ in range(20)]
    assert all(f.ece > 0.0 for f in found)
    assert sum(f.ece_interval[0] == 0.0 for f in found) >= 17
