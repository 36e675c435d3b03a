"""Quantiles are numpy's, bit for bit."""

import numpy as np
import pytest
from verbot.perception.ranks import middle_value, value_at, values_at


@pytest.mark.parametrize("count", [1, 2, 3, 200, 1001])
def test_quantiles_are_those_of_numpy(count: int) -> None:
    values = np.random.default_rng(count).normal(size=(2, count))
    shares = (0.0, 0.01, 0.5, 0.985, 1.0)
    np.testing.assert_array_equal(values_at(values, *shares), np.quantile(values, shares, axis=1).T)
    assert value_at(values[0], 0.7) == np.quantile(values[0], 0.7)


def test_middle_value_is_the_upper_one_of_two() -> None:
    assert middle_value(np.array([4.0, 1.0, 3.0, 2.0])) == 3.0
