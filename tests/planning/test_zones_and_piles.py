"""Zones, piles, pushing and sweeping: what the words mean and what is planned for them."""

from dataclasses import replace

import numpy as np
import pytest
from verbot.perception.types import ObjectState, SceneState, Shape, SupportSurface
from verbot.planning.placement import goal_region
from verbot.planning.planner import Planner
from verbot.planning.relations import evaluate
from verbot.planning.robot_description import load_robot
from verbot.planning.types import PILE, Action, Fact, Outcome, OutcomeKind, PlanStatus, Predicate, Problem, Task

TABLE_AT = SupportSurface(0.0, 0.001, (0.15, -0.55, 0.85, 0.55), 0.0)


def make(
    name: str, color: str, x: float, y: float, size=(0.03, 0.03, 0.03), shape: Shape = Shape.BLOCK, seen_s: float = 1.0
) -> ObjectState:
    pose = np.eye(4)
    pose[:3, 3] = (x, y, size[2] / 2)
    return ObjectState(
        name, pose, 1e-6 * np.eye(6), np.array(size), np.zeros(3), color, shape, 1.0, 1.0, ("test",), seen_s
    )


def make_scene() -> SceneState:
    zones = (
        make("zone_1", "blue", 0.5, 0.25, (0.16, 0.16, 0.0), Shape.ZONE),
        make("zone_2", "yellow", 0.5, -0.25, (0.16, 0.16, 0.0), Shape.ZONE),
    )
    crumbs = [make(f"crumb_{k}", "purple", 0.45 + 0.02 * k, 0.0, (0.015, 0.015, 0.015)) for k in range(3)]
    objects = (make("red", "red", 0.4, 0.1), make("green", "green", 0.6, 0.1), *crumbs)
    return SceneState(1.0, 1.0, objects, TABLE_AT, None, (), "test", zones)


def understand(command: str, scene: SceneState | None = None) -> Task:
    task = Planner(load_robot("panda")).understand(command, scene or make_scene())
    assert isinstance(task, Task), task
    return task


@pytest.mark.parametrize(
    ("command", "moved", "zone"),
    [
        ("push the red block into the blue zone", "red", "zone_1"),
        ("slide the green cube over to the yellow area", "green", "zone_2"),
        ("shove the red block to the left zone", "red", "zone_1"),
        ("sweep the red block into the rightmost field", "red", "zone_2"),
    ],
)
def test_a_thing_that_is_to_be_pushed_is_planned_as_one_push(command: str, moved: str, zone: str) -> None:
    task, fact = understand(command), Fact(Predicate.IN, (moved, zone))
    assert task.goal == (fact,)
    assert task.manners == {fact: Action.PUSH}
    plan = Planner(load_robot("panda")).revise(task, make_scene(), None, None)
    assert [str(step) for step in plan.steps] == [f"push({moved}, in, {zone})"]


def test_a_thing_that_is_to_be_put_in_a_zone_is_picked_and_placed() -> None:
    task = understand("put the red block in the blue zone")
    plan = Planner(load_robot("panda")).revise(task, make_scene(), None, None)
    assert [step.action for step in plan.steps] == [Action.PICK, Action.PLACE]


@pytest.mark.parametrize("words", ["the pile", "all the small pieces", "the crumbs", "the purple heap of crumbs"])
def test_a_pile_is_swept_as_a_whole(words: str) -> None:
    task = understand(f"sweep {words} into the yellow zone")
    assert task.goal[0].args[0].partition(":")[0] == PILE
    assert list(task.manners.values()) == [Action.SWEEP]


def test_everything_on_the_table_means_no_zone() -> None:
    task = understand("put everything in the blue zone")
    assert {fact.args[0] for fact in task.goal} == {o.id for o in make_scene().objects}


def test_nothing_is_pushed_onto_a_thing() -> None:
    answer = Planner(load_robot("panda")).understand("push the red block onto the green block", make_scene())
    assert isinstance(answer, Problem)
    assert "over the table" in answer.message


def test_a_pile_is_in_a_zone_when_its_last_piece_is() -> None:
    scene, fact = make_scene(), Fact(Predicate.IN, (PILE, "zone_1"))
    inside = tuple(make(o.id, o.color, 0.47 + 0.02 * k, 0.25, tuple(o.size_m)) for k, o in enumerate(scene.objects[2:]))
    swept = replace(scene, objects=(*scene.objects[:2], *inside))
    assert evaluate(fact, swept).value is True
    left = replace(scene, objects=(*scene.objects[:2], *inside[:2], scene.objects[4]))
    assert evaluate(fact, left).value is False


def test_pieces_that_the_last_look_did_not_show_count_no_more() -> None:
    scene, fact = make_scene(), Fact(Predicate.IN, (PILE, "zone_1"))
    there = make("crumb_9", "purple", 0.5, 0.25, (0.015, 0.015, 0.015), seen_s=2.0)
    assert evaluate(fact, replace(scene, objects=(*scene.objects, there))).value is True


def test_many_strokes_that_miss_use_up_no_replans_but_not_without_end() -> None:
    planner, scene = Planner(load_robot("panda")), make_scene()
    task = understand("sweep the pile into the blue zone")
    plan, outcome, num_strokes = None, None, 0
    for _ in range(40):
        plan = planner.revise(task, scene, plan, outcome)
        if plan.current is None:
            break
        num_strokes += plan.current.action is Action.SWEEP
        outcome = Outcome(OutcomeKind.MISSED, plan.current, "some are left")
    assert plan is not None
    assert plan.status is PlanStatus.GAVE_UP
    assert 8 <= num_strokes <= 20


def test_spots_in_a_zone_lie_well_inside_and_clear_of_what_is_there() -> None:
    scene = make_scene()
    there = make("other", "red", 0.5, 0.25)
    region = goal_region(Fact(Predicate.IN, ("green", "zone_1")), replace(scene, objects=(*scene.objects, there)))
    assert region.spots
    for spot in region.spots:
        assert max(abs(spot.x_m - 0.5), abs(spot.y_m - 0.25)) <= 0.06
        assert np.hypot(spot.x_m - 0.5, spot.y_m - 0.25) > 0.03
