import pytest
from verbot.agent.evaluation.multiple import holm


def test_holm_agrees_with_the_steps_done_by_hand() -> None:
    # Sorted: 0.005·4, 0.01·3, 0.03·2, 0.04·1; the last may not fall below the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_adjusted_values_stop_at_one() -> None:
    assert holm([0.6, 0.9]) == (1.0, 1.0)


def test_one_test_needs_no_correction_and_none_gives_none() -> None:
    assert holm([0.03]) == (0.03,)
    assert holm([]) == ()


def test_impossible_p_value_is_an_error() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.1, float("nan")])
