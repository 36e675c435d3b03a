"""What no camera has seen may have any colour: it is asked for, or taken where only one thing fits."""

from dataclasses import replace

from symbolic_scenes import make, make_scene
from verbot.perception.types import UNKNOWN_COLOR
from verbot.planning.grounding import ground
from verbot.planning.knowledge import load_ontology
from verbot.planning.language import parse
from verbot.planning.references import describe
from verbot.planning.robot_description import load_robot
from verbot.planning.scene_graph import make_scene_graph
from verbot.planning.types import NamedLook, Problem, ProblemKind, Property, Task

GRIPPER = load_robot("panda").gripper


def unknown(name, kind, x, y):
    return replace(make(name, kind, "red", x, y), color=UNKNOWN_COLOR)


BOWL, LEFT, RIGHT = (
    unknown("bowl", "bowl", 0.5, 0.0),
    unknown("left", "block_small", 0.4, 0.3),
    unknown("right", "block_small", 0.4, -0.3),
)


def understand(command, *things):
    return ground(parse(command), make_scene_graph(make_scene(*things)), GRIPPER)


def test_a_color_that_two_may_have_is_a_question_with_places_for_answers() -> None:
    asked = understand("put the red block in the bowl", BOWL, LEFT, RIGHT)
    assert isinstance(asked, Problem)
    assert asked.kind is ProblemKind.AMBIGUOUS
    assert asked.candidates == ("the leftmost block", "the rightmost block")


def test_the_only_one_that_fits_is_taken() -> None:
    task = understand("put the red block in the blue bowl", BOWL, LEFT)
    assert isinstance(task, Task)
    assert [str(fact) for fact in task.goal] == ["in(left, bowl)"]


def test_one_that_is_known_to_have_the_color_is_meant() -> None:
    task = understand("put the red block in the bowl", BOWL, LEFT, make("seen", "block_small", "red", 0.5, 0.3))
    assert isinstance(task, Task)
    assert task.goal[0].args[0] == "seen"


def test_all_of_a_color_is_a_question() -> None:
    asked = understand("put all red blocks in the bowl", BOWL, LEFT, RIGHT)
    assert isinstance(asked, Problem)
    assert asked.kind is ProblemKind.AMBIGUOUS


def test_no_description_names_a_color_that_is_not_known() -> None:
    graph = make_scene_graph(make_scene(BOWL, LEFT, RIGHT))
    assert [describe(thing, graph) for thing in (BOWL, LEFT)] == ["the bowl", "the leftmost block"]


def test_what_is_declared_of_a_color_may_hold_of_what_has_no_known_color() -> None:
    look = NamedLook(color="red", size_m=(0.03, 0.03, 0.03), nouns=("kettle",), properties=(Property.HOT,))
    assert Property.HOT in load_ontology().with_looks([look]).properties_of(LEFT)
