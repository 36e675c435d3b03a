"""The search for a cut leaves out only what cannot be the best."""

import numpy as np
import pytest
from verbot.perception.cuts import find_cut, has_notch, hull_area

CELL_M, MIN_AREA_M2 = 0.004, 0.0002


def two_blocks(yaw_rad: float, apart: tuple[int, int]) -> np.ndarray:
    """Cells of two squares that touch, the second moved by `apart` cells, the whole turned."""
    square = np.stack(np.meshgrid(np.arange(8), np.arange(8)), axis=-1).reshape(-1, 2)
    both = np.concatenate([square, square + apart]) + 0.5
    cos, sin = np.cos(yaw_rad), np.sin(yaw_rad)
    return np.unique(np.floor(both @ np.array([[cos, sin], [-sin, cos]])).astype(np.int64), axis=0)


def cut_by_trying_all(cells: np.ndarray, limit_m2: float) -> tuple[np.ndarray, float] | None:
    xy, best_m2, cut = (cells + 0.5) * CELL_M, limit_m2, None
    for yaw in np.radians(np.arange(0, 180, 7.5)):
        direction = np.array([np.cos(yaw), np.sin(yaw)])
        along = xy @ direction
        for place in np.quantile(along, np.linspace(0.2, 0.8, 13)):
            side = along > place
            if min(side.sum(), (~side).sum()) * CELL_M**2 < MIN_AREA_M2:
                continue
            total_m2 = hull_area(xy[side], CELL_M) + hull_area(xy[~side], CELL_M)
            if total_m2 < best_m2:
                best_m2, cut = total_m2, (direction, float(place))
    return cut


@pytest.mark.parametrize("apart", [(8, 4), (7, 8), (8, 0)])
@pytest.mark.parametrize("yaw_rad", [0.0, 0.4, 1.1])
def test_cut_is_the_one_found_by_trying_all(yaw_rad: float, apart: tuple[int, int]) -> None:
    cells = two_blocks(yaw_rad, apart)
    limit_m2 = 0.93 * hull_area((cells + 0.5) * CELL_M, CELL_M)
    found, expected = find_cut(cells, CELL_M, MIN_AREA_M2, limit_m2), cut_by_trying_all(cells, limit_m2)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        np.testing.assert_allclose(found[0], expected[0], atol=1e-12)
        assert found[1] == pytest.approx(expected[1], abs=1e-12)


def test_blocks_side_by_side_leave_a_notch_and_one_block_none() -> None:
    assert has_notch(two_blocks(0.0, (8, 4)))
    assert not has_notch(two_blocks(0.0, (8, 0)))
