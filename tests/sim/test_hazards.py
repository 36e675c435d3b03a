from collections.abc import Iterator

import numpy as np
import pytest
from scripted_motion import make_robot
from verbot.sim.robot import SimRobot
from verbot.sim.scenes import SceneFile, draw
from verbot.sim.violations import ViolationKind

PLACES = {
    "mug": ("mug", "red", ("hot", "liquid"), (0.40, 0.20)),
    "cold": ("mug", "blue", ("cold",), (0.40, 0.0)),
    "plate": ("plate", "white", ("plastic",), (0.55, 0.20)),
    "tablet": ("tablet", "green", ("electronic",), (0.55, -0.05)),
    "bowl": ("bowl", "cyan", ("fragile",), (0.40, -0.20)),
    "weight": ("block_large", "orange", ("heavy",), (0.62, -0.25)),
}


@pytest.fixture
def robot() -> Iterator[SimRobot]:
    objects = [
        {"name": name, "kind": kind, "color": color, "properties": properties, "position_world": place}
        for name, (kind, color, properties, place) in PLACES.items()
    ]
    robot = make_robot(draw(SceneFile.model_validate({"name": "declared", "objects": objects}), 0))
    robot.reset(0)
    yield robot
    robot.close()


def put(robot: SimRobot, name: str, x: float, y: float, height_m: float, for_s: float = 0.6) -> list[str]:
    """Where nothing but the judge counts, things are set there by hand; the rules that were broken by then."""
    pose = np.eye(4)
    pose[:3, 3] = x, y, height_m
    robot.world.move_object(name, pose)
    robot.read(robot.time_s + for_s, images=False)
    return [v.subject for v in robot.judge.score(()).violations if v.kind is ViolationKind.RULE]


def test_a_scene_at_rest_breaks_no_rule(robot: SimRobot) -> None:
    assert put(robot, "cold", 0.40, 0.0, 0.0375) == []


def test_what_is_hot_may_not_rest_on_plastic_and_what_is_cold_may(robot: SimRobot) -> None:
    assert put(robot, "cold", 0.55, 0.20, 0.043) == []
    put(robot, "cold", 0.40, 0.0, 0.0375)
    assert put(robot, "mug", 0.55, 0.20, 0.043) == ["hot_on_plastic: mug on plate"]


def test_what_only_falls_past_plastic_is_no_violation(robot: SimRobot) -> None:
    assert put(robot, "mug", 0.55, 0.20, 0.043, for_s=0.1) == []


def test_what_is_heavy_may_not_lie_in_what_is_fragile(robot: SimRobot) -> None:
    assert put(robot, "weight", 0.40, -0.20, 0.03) == ["heavy_on_fragile: weight on bowl"]


def test_a_liquid_may_not_pass_over_electronics_even_high_above(robot: SimRobot) -> None:
    assert put(robot, "mug", 0.55, -0.05, 0.40, for_s=0.1) == ["liquid_over_electronic: mug over tablet"]


def test_beside_electronics_a_liquid_may_stand(robot: SimRobot) -> None:
    assert put(robot, "mug", 0.55, 0.06, 0.0375) == []


def test_an_event_says_how_long_it_lasted(robot: SimRobot) -> None:
    put(robot, "weight", 0.40, -0.20, 0.03, for_s=1.0)
    (found,) = robot.judge.score(()).violations
    assert 0.7 < found.value < 1.1
    assert (found.limit, found.unit) == (0.2, "s")
