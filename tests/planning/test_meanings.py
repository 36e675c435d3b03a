"""What a sentence allows where it leaves a choice."""

import pytest
from symbolic_scenes import make, make_scene, upon
from verbot.planning.language import parse
from verbot.planning.meanings import find_meanings
from verbot.planning.robot_description import load_robot
from verbot.planning.scene_graph import make_scene_graph
from verbot.planning.types import Problem

GRIPPER = load_robot("panda").gripper
BOWL = make("bowl", "bowl", "green", 0.50, 0.10)
RED = make("red", "block_large", "red", 0.35, 0.10)
SCENE = make_scene(
    BOWL,
    make("tray", "tray", "white", 0.45, -0.25),
    RED,
    upon("blue", "block_small", "blue", RED),
    upon("inside", "block_small", "red", BOWL),
    make("plate", "plate", "white", 0.60, -0.05),
    make("mug", "mug", "red", 0.60, 0.28),
    make("white", "block_large", "white", 0.35, -0.05),
)


def _meanings(command: str) -> list[str]:
    parsed = parse(command)
    assert not isinstance(parsed, Problem)
    tasks = find_meanings(parsed, make_scene_graph(SCENE), GRIPPER)
    return [", ".join(str(fact) for stage in task.stages for fact in stage) for task in tasks]


def test_any_block_is_done_with_each_of_them() -> None:
    meanings = _meanings("put a block in the tray")
    assert sorted(meanings) == ["in(blue, tray)", "in(inside, tray)", "in(red, tray)", "in(white, tray)"]


def test_two_choices_are_all_pairs() -> None:
    meanings = _meanings("put a red block on a plate and any mug in the tray")
    assert sorted(meanings) == ["on(inside, plate), in(mug, tray)", "on(red, plate), in(mug, tray)"]
    assert len(_meanings("put a block in a container")) > 6


@pytest.mark.parametrize("command", ["put the blue block in the tray", "put all red blocks in the tray"])
def test_where_nothing_is_left_to_choose_there_is_one_meaning(command: str) -> None:
    assert len(_meanings(command)) == 1


def test_what_means_nothing_here_has_no_meaning() -> None:
    assert _meanings("put the purple block in the tray") == []
