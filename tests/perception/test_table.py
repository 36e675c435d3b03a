"""The table is found, and every sensor levelled on it."""

import numpy as np
import pytest
from verbot.perception.table import SurfaceSample, find_table, level_correction


def _sample(name: str, height_m: float = 0.0, slope: float = 0.0, noise_m: float = 0.001, seed: int = 0):
    rng = np.random.default_rng(seed)
    xy = rng.uniform((0.2, -0.5), (0.8, 0.5), (4000, 2))
    z = height_m + slope * (xy[:, 0] - 0.5) + rng.normal(0, noise_m, 4000)
    origin = np.array([1.2, 0.0, 0.8])
    return SurfaceSample(name, np.column_stack([xy, z]), origin, 0.0007)


def test_the_height_is_found_wherever_the_table_stands() -> None:
    fit = find_table([_sample("a", 0.72)], None, None)
    assert fit is not None
    assert fit.surface.height_m == pytest.approx(0.72, abs=0.0005)
    assert fit.surface.tilt_rad < 0.001
    assert np.allclose(fit.surface.bounds_world, (0.2, -0.5, 0.8, 0.5), atol=0.01)


def test_a_pedestal_level_with_the_table_is_not_part_of_it() -> None:
    table = _sample("a")
    rng = np.random.default_rng(1)
    pedestal = np.column_stack([rng.uniform((0.05, -0.14), (0.2, 0.14), (400, 2)), rng.normal(0, 0.001, 400)])
    points = np.concatenate([table.points_world, pedestal])
    fit = find_table([SurfaceSample("a", points, np.zeros(3), 0.001)], 0.0, None)
    assert fit is not None
    assert np.allclose(fit.surface.bounds_world, (0.2, -0.5, 0.8, 0.5), atol=0.02)


def test_no_surface_gives_none() -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (3000, 3)) * (1, 1, 30)
    assert find_table([SurfaceSample("a", points, np.zeros(3), 0.001)], None, None) is None
    assert find_table([], None, None) is None


def test_a_tilted_sensor_is_levelled_at_the_common_height() -> None:
    sample = _sample("tilted", 0.004, slope=0.01)
    fit = find_table([sample], 0.0, None)
    assert fit is not None
    correction = level_correction(fit.planes["tilted"], sample.origin_world, 0.0)
    level = sample.points_world @ correction[:3, :3].T + correction[:3, 3]
    assert np.abs(np.polyfit(level[:, 0], level[:, 2], 1)).max() < 5e-4


def test_the_odd_one_of_three_sensors_is_named_and_left_out() -> None:
    fit = find_table([_sample("a"), _sample("b", seed=1), _sample("odd", 0.012, seed=2)], 0.0, None)
    assert fit is not None
    assert fit.disagreeing == ("odd",)
    assert abs(fit.surface.height_m) < 0.0005
