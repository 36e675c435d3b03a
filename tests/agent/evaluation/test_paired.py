import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import multinomial
from verbot.agent.evaluation.paired import cohens_g, difference_interval, mcnemar, non_inferiority

counts = st.integers(0, 40)


def test_mid_p_value_counts_the_observed_table_by_half() -> None:
    exact = 2 * sum(math.comb(12, k) for k in range(3)) / 2**12
    assert mcnemar(2, 10, is_exact=True) == pytest.approx(exact)
    assert mcnemar(2, 10) == pytest.approx(exact - math.comb(12, 2) / 2**12)


@given(counts, counts)
def test_mcnemar_does_not_care_who_is_called_a(only_a: int, only_b: int) -> None:
    assert mcnemar(only_a, only_b) == mcnemar(only_b, only_a)
    assert 0.0 <= mcnemar(only_a, only_b) <= mcnemar(only_a, only_b, is_exact=True) <= 1.0


def test_equal_contenders_and_no_discordant_pair_have_p_one() -> None:
    assert mcnemar(5, 5) == pytest.approx(1.0)
    assert mcnemar(0, 0) == 1.0


@pytest.mark.parametrize("share", [0.05, 0.15, 0.3])
def test_mid_p_test_keeps_its_level_where_there_is_no_difference(share: float) -> None:
    n = 40
    tables = [(a, b, n - a - b) for a in range(n + 1) for b in range(n + 1 - a)]
    weights = multinomial.pmf(np.array(tables), n, (share, share, 1 - 2 * share))
    error = weights[[mcnemar(a, b) <= 0.05 for a, b, _ in tables]].sum()
    assert 0.01 < error <= 0.052


def _score_by_search(only_a: int, only_b: int, rest: int, difference: float) -> float:
    """Tango's statistic with the restricted maximum likelihood found by search, not by his formula."""
    n = only_a + only_b + rest

    def loss(share_a: float) -> float:
        shares = (share_a, share_a + difference, 1.0 - 2.0 * share_a - difference)
        return -sum(k * math.log(max(s, 1e-300)) for k, s in zip((only_a, only_b, rest), shares, strict=True))

    bounds = (max(0.0, -difference), (1.0 - difference) / 2.0)
    share_a = float(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x)
    return (only_b - only_a - n * difference) / math.sqrt(n * (2 * share_a + difference * (1.0 - difference)))


@pytest.mark.parametrize("table", [(30, 12, 4, 14), (20, 1, 9, 0), (43, 1, 0, 0), (0, 3, 3, 2)])
def test_limits_are_the_differences_that_the_score_test_just_rejects(table: tuple[int, int, int, int]) -> None:
    both, only_a, only_b, neither = table
    low, high = difference_interval(*table)
    assert _score_by_search(only_a, only_b, both + neither, low) == pytest.approx(1.959964, abs=1e-3)
    assert _score_by_search(only_a, only_b, both + neither, high) == pytest.approx(-1.959964, abs=1e-3)


@given(counts, counts, counts, counts)
def test_limits_hold_the_difference_and_turn_around_with_the_contenders(
    both: int, only_a: int, only_b: int, neither: int
) -> None:
    low, high = difference_interval(both, only_a, only_b, neither)
    assert -1.0 <= low <= high <= 1.0
    if both + only_a + only_b + neither:
        assert low - 1e-9 <= (only_b - only_a) / (both + only_a + only_b + neither) <= high + 1e-9
    assert difference_interval(neither, only_b, only_a, both) == pytest.approx((-high, -low), abs=1e-6)


def test_extreme_tables_have_limits() -> None:
    assert difference_interval(0, 0, 10, 0)[1] == 1.0
    assert difference_interval(0, 10, 0, 0)[0] == -1.0
    assert difference_interval(0, 0, 0, 0) == (-1.0, 1.0)
    low, high = difference_interval(10, 0, 0, 0)
    assert low == pytest.approx(-high)
    assert 0.2 < high < 0.35


@given(counts, counts, st.integers(1, 40), st.sampled_from([0.02, 0.1, 0.3]))
def test_non_inferiority_is_shown_exactly_when_the_interval_excludes_the_margin(
    only_a: int, only_b: int, rest: int, margin: float
) -> None:
    low, _ = difference_interval(rest, only_a, only_b, 0)
    p = non_inferiority(rest, only_a, only_b, 0, margin)
    if abs(low + margin) > 1e-9:
        assert (p < 0.025) == (low > -margin)


def test_a_wider_margin_is_easier_to_keep() -> None:
    assert non_inferiority(80, 6, 4, 10, 0.1) < non_inferiority(80, 6, 4, 10, 0.05) < 0.5
    assert non_inferiority(0, 0, 0, 0, 0.1) == 1.0


def test_cohens_g_is_the_lead_among_the_discordant() -> None:
    assert cohens_g(1, 3) == pytest.approx(0.25)
    assert cohens_g(3, 1) == pytest.approx(-0.25)
    assert cohens_g(0, 0) is None


def test_impossible_input_is_an_error() -> None:
    with pytest.raises(ValueError, match="≥ 0"):
        mcnemar(-1, 2)
    with pytest.raises(ValueError, match=r"for example 0\.05"):
        non_inferiority(1, 1, 1, 1, 0.0)
