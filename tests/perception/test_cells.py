"""Cells are counted as numpy counts them."""

import numpy as np
import pytest
from verbot.perception.cells import count_distinct, count_rows, distinct, distinct_rows, number_rows


@pytest.fixture(params=(0, 1, 2000))
def rows(request: pytest.FixtureRequest) -> np.ndarray:
    return np.random.default_rng(3).integers(-40, 30, (request.param, 2))


def test_distinct_values_are_those_of_numpy(rows: np.ndarray) -> None:
    found, counts = np.unique(rows[:, 0], return_counts=True)
    np.testing.assert_array_equal(distinct(rows[:, 0]), found)
    np.testing.assert_array_equal(count_distinct(rows[:, 0])[0], found)
    np.testing.assert_array_equal(count_distinct(rows[:, 0])[1], counts)


def test_distinct_rows_are_those_of_numpy(rows: np.ndarray) -> None:
    found, counts = np.unique(rows, axis=0, return_counts=True)
    np.testing.assert_array_equal(distinct_rows(rows), found)
    np.testing.assert_array_equal(count_rows(rows)[0], found)
    np.testing.assert_array_equal(count_rows(rows)[1], counts)


def test_numbered_rows_give_the_rows_back(rows: np.ndarray) -> None:
    kinds, number = number_rows(rows)
    np.testing.assert_array_equal(kinds[number], rows)
