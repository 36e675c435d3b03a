"""Which objects and facts a command means in a scene."""

import pytest
from symbolic_scenes import make, make_scene, upon
from verbot.planning.feasibility import lasting_facts
from verbot.planning.grounding import ground
from verbot.planning.language import parse
from verbot.planning.phrases import Reference
from verbot.planning.references import describe, resolve
from verbot.planning.robot_description import load_robot
from verbot.planning.scene_graph import make_scene_graph
from verbot.planning.types import TABLE, Fact, Predicate, Problem, ProblemKind, Task

GRIPPER = load_robot("panda").gripper
BOWL = make("bowl", "bowl", "green", 0.50, 0.10)
TRAY = make("tray", "tray", "white", 0.45, -0.25, yaw=0.3)
RED = make("red", "block_large", "red", 0.35, 0.10)
BLUE = upon("blue", "block_small", "blue", RED)
INSIDE = upon("inside", "block_small", "red", BOWL)
PLATE = make("plate", "plate", "white", 0.60, -0.05)
MUG = make("mug", "mug", "red", 0.60, 0.28)
WHITE = make("white", "block_large", "white", 0.35, -0.05)
SCENE = make_scene(BOWL, TRAY, RED, BLUE, INSIDE, PLATE, MUG, WHITE)


def understand(command, scene=SCENE):
    parsed = parse(command)
    assert not isinstance(parsed, Problem), parsed
    return ground(parsed, make_scene_graph(scene), GRIPPER)


def goal(command, scene=SCENE):
    task = understand(command, scene)
    assert isinstance(task, Task), task
    return [[str(fact) for fact in stage] for stage in task.stages]


def problem(command, scene=SCENE):
    found = understand(command, scene)
    assert isinstance(found, Problem), found
    assert "\n" not in found.message
    return found


@pytest.mark.parametrize(
    ("command", "facts"),
    [
        ("put the blue block in the mug", ["in(blue, mug)"]),
        ("put the small red block on the plate", ["on(inside, plate)"]),
        ("put the red block in the bowl on the plate", ["on(inside, plate)"]),
        ("put the block on the large red block in the bowl", ["in(blue, bowl)"]),
        ("put the block nearest the mug on the plate", ["on(inside, plate)"]),
        ("put the rightmost block in the bowl", ["in(white, bowl)"]),
        ("put the white block left of the mug", ["left_of(white, mug)"]),
        ("move the cup to the right side", ["at_side(mug, right)"]),
        ("put the white block on the bowl", ["in(white, bowl)"]),
        ("pick up the block right of the large red block", ["holding(white)"]),
        ("put the blue block and the white block in the tray",
         ["in(blue, tray)", "in(white, tray)"]),
        ("put every red block in the tray", ["in(inside, tray)", "in(red, tray)"]),
        ("put all blocks in the bowl on the plate", ["on(inside, plate)"]),
        ("take the small red block out of the bowl", ["on(inside, table)"]),
        ("put the bowl on the right side of the table", ["at_side(bowl, right)"]),
    ],
)  # fmt: skip
def test_command_means_these_facts(command, facts):
    assert goal(command) == [facts]


def test_then_begins_a_stage_and_and_does_not():
    assert goal("put the blue block in the mug and put the white block on the plate") == [
        ["in(blue, mug)", "on(white, plate)"]
    ]
    assert goal("put the blue block in the mug then put the white block on the plate") == [
        ["in(blue, mug)"],
        ["on(white, plate)"],
    ]


def test_picking_up_and_putting_is_one_thing():
    assert goal("pick up the blue block and put it in the mug") == [["in(blue, mug)"]]


def test_what_is_only_picked_up_is_picked_up_last():
    assert goal("pick up the blue block and put the white block on the plate") == [
        ["on(white, plate)"],
        ["holding(blue)"],
    ]


def test_all_leaves_out_the_target_and_what_carries_it():
    scene = make_scene(TRAY, upon("bowl", "bowl", "green", TRAY), RED)
    assert goal("put everything in the bowl", scene) == [["in(red, bowl)"]]


def test_ambiguous_reference_asks_and_every_answer_works():
    question = problem("put the block on the plate")
    assert question.kind is ProblemKind.AMBIGUOUS
    assert question.message.startswith("Which block: ")
    assert len(question.candidates) == 4
    answers = {goal(f"put {candidate} on the plate")[0][0] for candidate in question.candidates}
    assert len(answers) == 4


def test_missing_object_lists_what_is_seen():
    answer = problem("pick up the purple cylinder")
    assert answer.kind is ProblemKind.NOT_PRESENT
    assert '"the purple cylinder"' in answer.message
    assert "red mug" in answer.message


def test_unlikely_objects_are_not_spoken_of():
    scene = make_scene(RED, make("ghost", "block_small", "blue", 0.5, 0.2, existence=0.1))
    assert problem("pick up the blue block", scene).kind is ProblemKind.NOT_PRESENT


def test_size_is_relative_to_the_same_shape():
    scene = make_scene(make("a", "block_small", "red", 0.4, 0.0), make("b", "block_large", "red", 0.4, 0.2), BOWL)
    assert goal("pick up the little block", scene) == [["holding(a)"]]
    assert goal("pick up the biggest block", scene) == [["holding(b)"]]
    alone = make_scene(make("b", "block_large", "red", 0.4, 0.2), BOWL)
    assert goal("pick up the small block", alone) == [["holding(b)"]]


def test_misperceived_shape_is_found_by_its_color():
    scene = make_scene(make("letter", "thing", "blue", 0.4, 0.0), RED)
    assert goal("pick up the blue block", scene) == [["holding(letter)"]]


@pytest.mark.parametrize(
    "command",
    [
        "put the white block on the white block",
        "put the large red block on the blue block and the blue block on the large red block",
        "put the blue block in the mug and put the blue block on the plate",
        "put the blue block left of the mug and put the blue block right of the mug",
        "put the blue block left of the mug and put the mug left of the blue block",
        "put the blue block in the bowl and put the blue block next to the mug",
        "move the mug to the left side and move the mug to the right side",
        "put the blue block on the white block and put the small red block on the white block",
        "pick up the blue block and the white block",
    ],
)
def test_contradiction_is_named(command):
    assert problem(command).kind is ProblemKind.CONTRADICTORY


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("move the plate to the left", "no edge"),
        ("put the bowl in the mug", "does not fit"),
        ("stack the white block on the bowl", "open at the top"),
        ("put the blue block in the white block", "no opening"),
        ("put the tray on the white block", "does not fit"),
        ("move the table to the left", "cannot be moved"),
    ],
)
def test_what_the_body_cannot_do_is_said(command, why):
    answer = problem(command)
    assert answer.kind is ProblemKind.UNREACHABLE
    assert why in answer.message


def test_object_out_of_reach_is_said():
    scene = make_scene(RED, BOWL, make("far", "block_small", "blue", 0.78, 0.40))
    assert "out of the arm's reach" in problem("put the blue block in the bowl", scene).message


def test_it_needs_something_before():
    assert problem("put it in the bowl").kind is ProblemKind.NOT_UNDERSTOOD


def test_goals_undone_later_on_purpose_do_not_last():
    task = understand("put the blue block in the mug then put the blue block on the plate")
    assert isinstance(task, Task)
    assert [str(f) for f in lasting_facts(task.stages)] == ["on(blue, plate)"]
    moved = understand("put the blue block left of the mug then move the mug to the right side")
    assert isinstance(moved, Task)
    assert [str(f) for f in lasting_facts(moved.stages)] == ["at_side(mug, right)"]


def test_descriptions_are_short_and_unique():
    graph = make_scene_graph(SCENE)
    words = [describe(o, graph) for o in SCENE.objects]
    assert len(set(words)) == len(words)
    assert describe(RED, graph) == "the large red block"
    assert describe(MUG, graph) == "the red mug"


def test_identical_objects_are_told_apart_by_place():
    twins = [make(f"t{i}", "block_small", "red", 0.35 + 0.08 * i, 0.1 * i) for i in range(3)]
    scene = make_scene(*twins, BOWL)
    graph = make_scene_graph(scene)
    words = [describe(o, graph) for o in twins]
    assert len(set(words)) == 3
    for item, phrase in zip(twins, words, strict=True):
        assert goal(f"pick up {phrase}", scene) == [[f"holding({item.id})"]]


def test_description_of_many_lookalikes_ends():
    objects = [make(f"o{i}", "block_small", "red", 0.35 + 0.05 * (i % 3), 0.1 * (i // 3)) for i in range(9)]
    bowls = [make(f"b{i}", "bowl", "green", 0.6, -0.2 + 0.3 * i) for i in range(2)]
    graph = make_scene_graph(make_scene(*objects, *bowls))
    assert all(describe(o, graph).startswith("the ") for o in objects)


def test_scene_graph_holds_classes_and_believed_relations():
    graph = make_scene_graph(SCENE)
    assert "container" in graph.graph.nodes["bowl"]["classes"]
    assert graph.graph.edges["blue", "red", "on"]["belief"].value
    assert graph.graph.has_edge("red", TABLE, key="on")
    assert graph.supports["inside"] == "bowl"
    assert graph.belief(Fact(Predicate.IN, ("inside", "bowl"))).confidence > 0.99


def test_any_takes_one_that_carries_nothing():
    graph = make_scene_graph(make_scene(RED, BLUE, WHITE))
    assert resolve(Reference(noun="block", quantifier="any"), graph) in (("blue",), ("white",))
