"""Groups of one colour are what their names say, for every seed."""

import numpy as np
import pytest
from verbot.perception.types import Shape
from verbot.sim.catalogue import make_object
from verbot.sim.hard_groups import CASES, MOST_TOUCHING_GAP_M, draw_hard_group
from verbot.sim.placement import WORK_AREA, outline

SEEDS = range(40)


def _members(case: str, seed: int) -> list:
    group = draw_hard_group(case, seed)
    return [group.scene.find(name) for name in group.members]


def _outline(placed):
    x, y, _ = placed.position_world.tolist()
    return outline(placed.kind, x, y, placed.yaw_rad)


@pytest.mark.parametrize("case", CASES)
def test_a_group_is_of_one_colour_within_the_work_area_and_clear_of_the_others(case: str) -> None:
    for seed in SEEDS:
        group = draw_hard_group(case, seed)
        members = [group.scene.find(name) for name in group.members]
        others = [o for o in group.scene.objects if o.name not in group.members]
        assert len({member.color for member in members}) == 1
        assert all(_outline(member).is_inside(WORK_AREA) for member in members)
        assert all(_outline(m).gap_m(_outline(o)) > 0.03 for m in members for o in others)


def test_blocks_in_an_l_touch_and_do_not_cut_into_each_other() -> None:
    for seed in SEEDS:
        middle, first, second = map(_outline, _members("corner", seed))
        for arm in (first, second):
            assert -1e-6 < middle.gap_m(arm) <= MOST_TOUCHING_GAP_M + 1e-6
        assert first.gap_m(second) > -1e-6


def test_a_tower_stands_on_the_table_each_block_on_the_one_below() -> None:
    for seed in SEEDS:
        floor_m = 0.0
        for block in _members("tower", seed):
            height_m = float(make_object(block.kind).size_m[2])
            assert block.position_world[2] - height_m / 2 == pytest.approx(floor_m)
            floor_m += height_m


def test_a_nested_block_stands_in_its_bowl() -> None:
    for seed in SEEDS:
        bowl, block = _members("nested", seed)
        assert (bowl.shape, block.shape) == (Shape.BOWL, Shape.BLOCK)
        away_m = float(np.linalg.norm(bowl.position_world[:2] - block.position_world[:2]))
        half_m = float(np.hypot(*make_object(block.kind).size_m[:2])) / 2
        assert away_m + half_m < make_object(bowl.kind).size_m[0] / 2


def test_a_seed_gives_the_same_group_and_an_unknown_case_is_refused() -> None:
    again = [[tuple(o.position_world) for o in draw_hard_group("tower", 3).scene.objects] for _ in range(2)]
    assert again[0] == again[1]
    with pytest.raises(ValueError, match="no hard case 'heap'"):
        draw_hard_group("heap", 0)
