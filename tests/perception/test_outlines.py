"""Circles and rectangles from points with noise and gaps."""

import numpy as np
import pytest
from verbot.perception.outlines import _fit_lines, fit_circle, fit_rectangle, make_hull


def _grid(length: float, width: float, yaw: float, spacing: float = 0.001, noise: float = 0.0003) -> np.ndarray:
    rng = np.random.default_rng(1)
    x, y = np.meshgrid(np.arange(-0.2, 0.2, spacing), np.arange(-0.2, 0.2, spacing))
    world = np.column_stack([x.ravel(), y.ravel()])
    rotation = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    inside = (np.abs(world @ rotation) <= np.array([length, width]) / 2).all(1)
    return world[inside] + rng.normal(0, noise, (inside.sum(), 2)) + np.array([0.4, -0.1])


@pytest.mark.parametrize("yaw_deg", [0, 7, 33, 44, 80])
def test_a_rectangle_is_found_to_under_a_millimetre_and_a_degree(yaw_deg: float) -> None:
    found = fit_rectangle(_grid(0.06, 0.03, np.radians(yaw_deg)), 0.001)
    assert np.abs(found.center - (0.4, -0.1)).max() < 0.0008
    assert np.abs(found.size_m - (0.06, 0.03)).max() < 0.0015
    assert abs((found.yaw_rad - np.radians(yaw_deg) + np.pi / 2) % np.pi - np.pi / 2) < np.radians(1)


def test_two_faces_of_a_block_give_its_whole_outline() -> None:
    points = _grid(0.045, 0.045, 0.4)
    rotation = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    local = (points - (0.4, -0.1)) @ rotation
    faces = points[(local[:, 0] > 0.019) | (local[:, 1] < -0.019)]
    found = fit_rectangle(faces, 0.001)
    assert np.abs(found.center - (0.4, -0.1)).max() < 0.002
    assert np.abs(found.size_m - 0.045).max() < 0.003


def test_a_circle_with_a_bump_keeps_its_radius() -> None:
    rng = np.random.default_rng(0)
    angle, radius = rng.uniform(0, 2 * np.pi, 3000), 0.03 * np.sqrt(rng.uniform(0, 1, 3000))
    disc = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    bump = np.column_stack([rng.uniform(0.03, 0.045, 60), rng.uniform(-0.004, 0.004, 60)])
    found = fit_circle(np.concatenate([disc, bump]) + 0.2)
    assert found.radius_m == pytest.approx(0.03, abs=0.0008)
    assert np.abs(found.center - 0.2).max() < 0.0008


def test_a_hull_grows_and_shrinks_by_what_is_asked() -> None:
    hull = make_hull(_grid(0.04, 0.04, 0.0, noise=0.0) - (0.4, -0.1))
    assert hull.contains(np.array([[0.019, 0.0], [0.021, 0.0]])).tolist() == [True, False]
    assert hull.contains(np.array([[0.019, 0.0], [0.021, 0.0]]), 0.003).tolist() == [True, True]
    assert hull.contains(np.array([[0.019, 0.0]]), -0.003).tolist() == [False]
    assert hull.roundness == pytest.approx(2**0.5, abs=0.05)


def test_a_side_without_any_point_keeps_the_expected_line() -> None:
    places = np.tile(np.linspace(-0.02, 0.02, 9), (4, 1))
    is_seen = np.ones((4, 9), bool)
    is_seen[2] = False
    lines = _fit_lines(places, np.full((4, 9), 0.03), is_seen, np.full(4, 0.031))
    np.testing.assert_allclose(lines.offset, [0.03, 0.03, 0.031, 0.03], atol=1e-6)
    assert np.isfinite(lines.slope).all()
