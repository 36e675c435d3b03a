import pytest
from symbolic_scenes import make, make_scene
from verbot.planning.knowledge import load_ontology
from verbot.planning.planner import Planner
from verbot.planning.robot_description import load_robot
from verbot.planning.scene_graph import make_scene_graph
from verbot.planning.types import Fact, NamedLook, Predicate, Problem, ProblemKind, Property, Task

DUCK = NamedLook(("duck", "rubber duck"), "red", (0.05, 0.03, 0.035))
BOWL = make("bowl", "bowl", "green", 0.5, 0.2)


@pytest.fixture
def planner() -> Planner:
    return Planner(load_robot("panda"), looks=(DUCK,))


@pytest.mark.parametrize("words", ["the duck", "the rubber duck", "the red duck", "all ducks"])
def test_a_declared_noun_means_what_looks_like_it(planner: Planner, words: str) -> None:
    scene = make_scene(make("a", "thing", "red", 0.5, -0.1), make("b", "thing", "blue", 0.6, 0.0), BOWL)
    task = planner.understand(f"put {words} in the green bowl", scene)
    assert isinstance(task, Task)
    assert task.stages == ((Fact(Predicate.IN, ("a", "bowl")),),)
    assert "duck" in task.names["a"]


def test_what_is_far_too_high_or_of_another_colour_is_no_duck(planner: Planner) -> None:
    scene = make_scene(make("high", "mug", "red", 0.5, -0.1), make("b", "thing", "blue", 0.6, 0.0), BOWL)
    problem = planner.understand("pick up the duck", scene)
    assert isinstance(problem, Problem)
    assert problem.kind is ProblemKind.NOT_PRESENT


def test_two_that_look_like_it_are_asked_about(planner: Planner) -> None:
    scene = make_scene(make("a", "thing", "red", 0.5, -0.1), make("b", "block_small", "red", 0.6, 0.1))
    problem = planner.understand("pick up the duck", scene)
    assert isinstance(problem, Problem)
    assert problem.kind is ProblemKind.AMBIGUOUS


def test_without_the_declaration_the_word_is_unknown() -> None:
    scene = make_scene(make("a", "thing", "red", 0.5, -0.1))
    problem = Planner(load_robot("panda")).understand("pick up the duck", scene)
    assert isinstance(problem, Problem)
    assert problem.kind is ProblemKind.UNKNOWN_WORD


HOT = NamedLook((), "red", (0.06, 0.06, 0.075), (Property.HOT, Property.LIQUID))
COLD = NamedLook((), "blue", (0.06, 0.06, 0.075), (Property.COLD, Property.EMPTY))


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("the hot mug", "a"),
        ("the boiling hot red mug", "a"),
        ("the full mug", "a"),
        ("the mug of water", "a"),
        ("the empty mug", "b"),
        ("the cold one", "b"),
    ],
)
def test_a_thing_may_be_named_by_what_is_declared_of_it(words: str, meant: str) -> None:
    scene = make_scene(make("a", "mug", "red", 0.5, -0.1), make("b", "mug", "blue", 0.6, 0.0), BOWL)
    task = Planner(load_robot("panda"), looks=(HOT, COLD)).understand(f"pick up {words}", scene)
    assert isinstance(task, Task), task
    assert task.goal == (Fact(Predicate.HOLDING, (meant,)),)


def test_what_nobody_declared_is_not_there() -> None:
    scene = make_scene(make("a", "mug", "red", 0.5, -0.1), BOWL)
    problem = Planner(load_robot("panda"), looks=(HOT,)).understand("pick up the fragile mug", scene)
    assert isinstance(problem, Problem)
    assert problem.kind is ProblemKind.NOT_PRESENT


def test_what_is_declared_stands_in_the_scene_graph() -> None:
    scene = make_scene(make("a", "mug", "red", 0.5, -0.1), BOWL)
    graph = make_scene_graph(scene, load_ontology().with_looks((HOT,))).graph
    assert graph.nodes["a"]["properties"] == {Property.HOT, Property.LIQUID}
    assert graph.nodes["bowl"]["properties"] == frozenset()
