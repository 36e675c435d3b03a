import pytest
from hypothesis import given
from hypothesis import strategies as st
from verbot.agent.evaluation.rates import wilson_interval


def test_wilson_agrees_with_the_published_example() -> None:
    # Newcombe 1998, table I: 81 of 263 gives 0.2553 to 0.3662.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@given(st.integers(0, 300), st.integers(0, 300))
def test_wilson_holds_the_rate_and_stays_in_bounds(a: int, b: int) -> None:
    successes, trials = min(a, b), max(a, b)
    low, high = wilson_interval(successes, trials)
    assert 0.0 <= low <= high <= 1.0
    if trials:
        assert low <= successes / trials <= high


def test_more_successes_than_trials_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected"):
        wilson_interval(3, 2)


def test_more_confidence_is_a_wider_interval() -> None:
    low, high = wilson_interval(7, 10)
    wide_low, wide_high = wilson_interval(7, 10, confidence=0.99)
    assert wide_low < low
    assert high < wide_high


def test_nothing_tried_is_nothing_known() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_impossible_confidence_is_an_error(confidence: float) -> None:
    with pytest.raises(ValueError, match=r"for example 0\.95"):
        wilson_interval(1, 2, confidence)
