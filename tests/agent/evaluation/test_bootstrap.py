import numpy as np
import pytest
from verbot.agent.evaluation.bootstrap import mean_interval


def test_same_scores_and_seed_give_the_same_limits_in_any_order() -> None:
    scores = np.random.default_rng(1).random(40)
    assert mean_interval(scores) == mean_interval(scores[::-1])
    assert mean_interval(scores) != mean_interval(scores, rng_seed=1)


def test_ten_perfect_scores_prove_no_mean_of_one() -> None:
    low, high = mean_interval(np.ones(10))
    assert 0.6 < low < 0.9
    assert high == 1.0


def test_many_scores_agree_with_the_normal_interval() -> None:
    scores = np.random.default_rng(2).choice([0.0, 0.5, 1.0], 2000)
    half = 1.96 * scores.std() / np.sqrt(len(scores))
    expected = (scores.mean() - half, scores.mean() + half)
    assert mean_interval(scores) == pytest.approx(expected, abs=0.1 * half)


def test_more_confidence_is_a_wider_interval() -> None:
    scores = np.linspace(0.0, 1.0, 30)
    low, high = mean_interval(scores, confidence=0.8)
    wide_low, wide_high = mean_interval(scores, confidence=0.99)
    assert wide_low < low < high < wide_high


def test_limits_hold_scores_near_the_ceiling() -> None:
    rng = np.random.default_rng(3)
    intervals = [mean_interval(rng.choice([0.0, 1.0], 20, p=[0.05, 0.95]), resamples=400) for _ in range(200)]
    assert sum(low <= 0.95 <= high for low, high in intervals) >= 184


def test_resamples_in_pieces_give_as_many_means(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.random.default_rng(4).random(50)
    whole = mean_interval(scores)
    monkeypatch.setattr("verbot.agent.evaluation.bootstrap.CHUNK", 52 * 7)
    assert mean_interval(scores) == pytest.approx(whole, abs=1e-12)


def test_nothing_measured_is_nothing_known() -> None:
    assert mean_interval(np.array([])) == (0.0, 1.0)


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_score_outside_its_range_is_an_error(score: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        mean_interval(np.array([0.5, score]))
