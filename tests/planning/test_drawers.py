"""Drawers in words, facts and search: hand-made scenes with the furniture of the simulator."""

from dataclasses import replace

import numpy as np
import pytest
from verbot.perception.furniture import fixture_state
from verbot.planning.placement import goal_region
from verbot.planning.planner import Planner
from verbot.planning.relations import evaluate
from verbot.planning.robot_description import load_robot
from verbot.planning.types import Fact, Plan, Predicate, Problem, Task
from verbot.sim.furniture import make_fixtures

from .symbolic_scenes import make, make_scene

CABINET, DRAWER = make_fixtures("drawer_cabinet", "cabinet", "white", 0.66, 0.26, 0.0)
(SHELF,) = make_fixtures("shelf", "shelf", "white", 0.55, -0.38, -np.pi / 2)
COVARIANCE = 1e-6 * np.eye(6)
PLANNER = Planner(load_robot("panda"))


def scene_with(opening_m, *things):
    furniture = [
        fixture_state(CABINET, None, COVARIANCE, (), 1.0),
        fixture_state(DRAWER, opening_m, COVARIANCE, (), 1.0),
        fixture_state(SHELF, None, COVARIANCE, (), 1.0),
    ]
    return make_scene(make("a", "block_small", "red", 0.40, -0.10), *things, *furniture)


def steps_for(command, scene):
    PLANNER.reset()
    task = PLANNER.understand(command, scene)
    assert isinstance(task, Task), task
    plan = PLANNER.revise(task, scene, None, None)
    assert isinstance(plan, Plan)
    return [str(step) for step in plan.steps]


def in_drawer(opening_m):
    x, y, z = DRAWER.opened_pose_world(opening_m)[:3, 3]
    return make("b", "block_small", "blue", float(x), float(y), bottom=float(z) - 0.0355)


@pytest.mark.parametrize("opening_m", [0.0, 0.05])
def test_a_drawer_that_is_not_open_is_opened_before_something_goes_in(opening_m):
    assert steps_for("put the red block in the drawer and close it", scene_with(opening_m)) == [
        "open(cabinet_drawer)",
        "pick(a)",
        "place(a, in, cabinet_drawer)",
        "close(cabinet_drawer)",
    ]


def test_an_open_drawer_is_not_opened_again():
    steps = steps_for("open the drawer, put the red block in it and shut it", scene_with(0.12))
    assert steps == ["pick(a)", "place(a, in, cabinet_drawer)", "close(cabinet_drawer)"]


def test_what_lies_in_a_shut_drawer_is_taken_out_through_the_open_one():
    steps = steps_for("take the blue block out of the drawer", scene_with(0.0, in_drawer(0.0)))
    assert steps == ["open(cabinet_drawer)", "pick(b)", "place(b, on, table)"]


def test_a_half_open_drawer_is_closed_without_opening_it_first():
    assert steps_for("close the cabinet", scene_with(0.06)) == ["close(cabinet_drawer)"]


def test_everything_does_not_mean_the_furniture():
    steps = steps_for("put everything on the shelf", scene_with(0.0))
    assert steps == ["pick(a)", "place(a, on, shelf)"]


@pytest.mark.parametrize("command", ["open the red block", "open the shelf"])
def test_what_has_no_drawer_cannot_be_opened(command):
    answer = PLANNER.understand(command, scene_with(0.0))
    assert isinstance(answer, Problem)
    assert "cannot be opened" in answer.message


def test_a_drawer_never_seen_is_neither_open_nor_closed():
    scene = scene_with(None)
    assert evaluate(Fact(Predicate.OPEN, (DRAWER.name,)), scene).value is None
    assert evaluate(Fact(Predicate.CLOSED, (DRAWER.name,)), scene).value is None


def test_what_is_too_high_for_the_drawer_to_shut_is_refused():
    tall = make("b", "cylinder", "blue", 0.45, -0.2)
    tall = replace(tall, size_m=np.array([0.04, 0.04, 0.12]))
    answer = PLANNER.understand("put the blue cylinder in the drawer", scene_with(0.0, tall))
    assert isinstance(answer, Problem)


def test_nothing_is_put_aside_where_the_drawer_comes_out():
    scene = scene_with(0.0, make("b", "block_small", "blue", 0.47, 0.26))
    spots = goal_region(Fact(Predicate.ON, ("b", "table")), scene).spots
    assert spots
    assert not any(0.37 < s.x_m < 0.56 and 0.165 < s.y_m < 0.355 for s in spots)
