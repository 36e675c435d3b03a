import numpy as np
import pytest
from scipy.stats import multinomial
from verbot.agent.evaluation.episodes_needed import for_difference, for_width
from verbot.agent.evaluation.paired import mcnemar
from verbot.agent.evaluation.rates import wilson_interval


@pytest.mark.parametrize(("width", "rate"), [(0.1, 0.5), (0.2, 0.9), (0.05, 0.25), (0.3, 0.0), (0.1, 1.0)])
def test_the_number_is_the_least_that_gives_the_width(width: float, rate: float) -> None:
    def reached(n: int) -> float:
        # Wilson's width at a rate that need not be a whole number of successes.
        z2 = 1.959963985**2
        return 2.0 * np.sqrt(z2 * (rate * (1 - rate) / n + z2 / (4 * n * n))) / (1 + z2 / n)

    needed = for_width(width, rate)
    assert reached(needed) <= width + 1e-9 < reached(needed - 1) + 2e-9


def test_the_width_is_kept_by_wilson_itself() -> None:
    needed = for_width(0.1, 0.5)
    assert needed == 381
    low, high = wilson_interval(needed // 2, needed)
    assert high - low <= 0.1


def test_the_planned_number_of_pairs_finds_the_difference_as_often_as_planned() -> None:
    needed = for_difference(0.7, 0.9, power=0.8)
    assert needed < 90
    share_a, share_b = 0.7 * 0.1, 0.9 * 0.3
    tables = [(a, b, needed - a - b) for a in range(needed + 1) for b in range(needed + 1 - a)]
    found = [mcnemar(a, b) <= 0.05 for a, b, _ in tables]
    power = multinomial.pmf(np.array(tables), needed, (share_a, share_b, 1 - share_a - share_b))[found].sum()
    assert 0.78 < power < 0.85


def test_contenders_that_fail_on_the_same_episodes_need_fewer_pairs() -> None:
    assert for_difference(0.7, 0.9, discordant_share=0.2) < 0.7 * for_difference(0.7, 0.9)


def test_more_power_and_a_smaller_difference_cost_more() -> None:
    assert for_difference(0.7, 0.9, power=0.9) > for_difference(0.7, 0.9)
    assert for_difference(0.8, 0.9) > for_difference(0.7, 0.9)
    assert for_difference(0.7, 0.9, confidence=0.99) > for_difference(0.7, 0.9)


def test_impossible_questions_are_errors() -> None:
    with pytest.raises(ValueError, match="two rates"):
        for_difference(0.5, 0.5)
    with pytest.raises(ValueError, match="discordant share"):
        for_difference(0.5, 0.8, discordant_share=0.2)
    with pytest.raises(ValueError, match="power"):
        for_difference(0.5, 0.8, power=1.0)
    with pytest.raises(ValueError, match="width"):
        for_width(0.0)
    with pytest.raises(ValueError, match="success rate"):
        for_width(0.1, 1.5)


def test_where_nearly_all_discordant_pairs_go_one_way_fewer_are_needed() -> None:
    # ((1.959964·√0.22 + 0.841621·√(0.22 − 0.2²)) / 0.2)² by hand.
    assert for_difference(0.7, 0.9, discordant_share=0.22) == 41
