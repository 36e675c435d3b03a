"""Groups of one colour come apart where geometry tells, and nowhere else."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from rendered_scenes import COMPOSITION, StillBody, Thing, found, look, look_with, make_box, make_room, own_cameras
from verbot.perception.levels import part_blocks
from verbot.perception.outlines import fit_rectangle
from verbot.perception.perceiver import FusedPerceiver
from verbot.perception.towers import find_seams
from verbot.perception.types import ObjectState, PerceiverSetup, Shape

SPACING_M = 0.0012


def _faces(
    size_m: Sequence[float], x: float, y: float, floor_m: float = 0.0, seen: Sequence[float] = (1, 1)
) -> np.ndarray:
    """Points of a block's top and of two of its sides, at the high or low end of each axis."""
    steps = [np.arange(-edge / 2, edge / 2, SPACING_M) for edge in size_m]
    top = np.stack(np.meshgrid(steps[0], steps[1], [size_m[2] / 2]), axis=-1).reshape(-1, 3)
    front = np.stack(np.meshgrid([seen[0] * size_m[0] / 2], steps[1], steps[2]), axis=-1).reshape(-1, 3)
    side = np.stack(np.meshgrid(steps[0], [seen[1] * size_m[1] / 2], steps[2]), axis=-1).reshape(-1, 3)
    return np.concatenate([top, front, side]) + (x, y, floor_m + size_m[2] / 2)


def _turned(points: np.ndarray, yaw_rad: float) -> np.ndarray:
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    return points @ np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])


def _noisy(points: np.ndarray) -> np.ndarray:
    return points + 0.0005 * np.random.default_rng(0).standard_normal(points.shape)


@pytest.mark.parametrize("yaw_rad", [0.0, 0.5, 1.2])
def test_blocks_of_three_heights_in_an_l_come_apart_at_their_steps(yaw_rad: float) -> None:
    blocks = [
        _faces((0.045,) * 3, 0.0, 0.0, seen=(-1, -1)),
        _faces((0.035,) * 3, 0.0402, 0.0, seen=(1, -1)),
        _faces((0.040,) * 3, 0.0, 0.0427, seen=(-1, 1)),
    ]
    numbers = part_blocks(_noisy(_turned(np.concatenate(blocks), yaw_rad)), 0.003, 0.001)
    assert numbers is not None
    truth = np.repeat([0, 1, 2], [len(block) for block in blocks])
    of_truth = [int(np.bincount(numbers[truth == k]).argmax()) for k in range(3)]
    assert sorted(of_truth) == [0, 1, 2]
    assert (np.array(of_truth)[truth] == numbers).mean() > 0.97


@pytest.mark.parametrize("size_m", [(0.045, 0.045, 0.045), (0.09, 0.03, 0.03), (0.13, 0.18, 0.012)])
def test_one_block_of_any_proportion_stays_one(size_m: tuple[float, float, float]) -> None:
    assert part_blocks(_noisy(_turned(_faces(size_m, 0.1, 0.2), 0.4)), 0.003, 0.001) is None


def test_seams_of_a_tower_are_where_cubes_of_their_widths_end() -> None:
    edges_m, floor_m, parts = (0.048, 0.041, 0.033), 0.0, []
    for edge_m in edges_m:
        parts.append(_faces((edge_m,) * 3, 0.0, 0.0, floor_m))
        floor_m += edge_m
    points = np.concatenate(parts)
    top = fit_rectangle(points[points[:, 2] > floor_m - 0.002, :2], SPACING_M)
    seams_m = find_seams(points, top, floor_m, 0.0, SPACING_M)
    assert seams_m == pytest.approx([0.089, 0.048], abs=0.002)


def test_what_does_not_come_out_even_is_no_tower_of_cubes() -> None:
    points = _faces((0.03, 0.03, 0.075), 0.0, 0.0)
    top = fit_rectangle(points[points[:, 2] > 0.074, :2], SPACING_M)
    assert find_seams(points, top, 0.075, 0.0, SPACING_M) is None


def _see(*things: Thing) -> tuple[ObjectState, ...]:
    return FusedPerceiver(PerceiverSetup(COMPOSITION.specs, StillBody())).update(look(things)).objects


def test_a_turned_tower_of_two_sizes_and_one_colour_is_two_blocks_with_their_heights() -> None:
    lower = Thing("block_large", "green", 0.5, 0.1, 0.2)
    upper = Thing("block_small", "green", 0.501, 0.099, 0.9, floor_m=0.045)
    objects = _see(lower, upper)
    assert len(objects) == 2
    for thing in (lower, upper):
        seen = found(thing, objects, 0.006)
        assert seen.shape is Shape.BLOCK
        assert abs(seen.top_m - thing.floor_m - thing.size_m[2]) < 0.003


def test_a_small_and_a_large_block_of_one_colour_side_by_side_are_two() -> None:
    large, small = Thing("block_large", "red", 0.45, 0.0), Thing("block_small", "red", 0.4878, 0.005)
    objects = _see(large, small)
    assert len(objects) == 2
    assert found(large, objects, 0.005).id != found(small, objects, 0.005).id


def test_a_letter_with_strokes_of_one_height_stays_one() -> None:
    blue = (0.12, 0.28, 0.80)
    bars = [
        make_box("a", (0.45, 0.0, 0.015), (0.08, 0.018, 0.03), blue),
        make_box("b", (0.45, 0.035, 0.015), (0.018, 0.06, 0.03), blue),
    ]
    (letter,) = FusedPerceiver(PerceiverSetup(())).update(look_with(own_cameras(), make_room([], extra=bars))).objects
    assert letter.size_m[2] == pytest.approx(0.03, abs=0.003)


def test_crumbs_of_one_colour_a_few_millimetres_apart_are_each_one_object() -> None:
    crumbs = [
        Thing("crumb_small", "yellow", 0.45 + dx, 0.05 + dy, turn)
        for dx, dy, turn in ((0.0, 0.0, 0.0), (0.022, 0.0, 0.6), (0.003, 0.023, 0.3))
    ]
    objects = _see(*crumbs)
    assert len(objects) == 3
    assert len({found(crumb, objects, 0.004).id for crumb in crumbs}) == 3
