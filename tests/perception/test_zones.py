"""Zones as cameras see them: found where they are painted, and nothing else taken for one."""

from dataclasses import replace

import numpy as np
import pytest
from verbot.perception.perceiver import FusedPerceiver
from verbot.perception.types import PerceiverSetup, SceneState, Shape
from verbot.planning.robot_model import RobotModel
from verbot.sim.robot import PandaConfig, build
from verbot.sim.scenes import draw, load_scene
from verbot.sim.shading import Light

WARM = Light(toward_light=(-0.663, 0.491, 0.565), key=0.70, ambient=0.27, tint=(1.06, 1.04, 0.87))


def see(scene_name: str, seed: int = 0, light: Light | None = None) -> SceneState:
    robot = build(PandaConfig())
    try:
        scene = draw(load_scene(scene_name), seed)
        robot.stage = lambda _: scene if light is None else replace(scene, light=light)
        perceiver = FusedPerceiver(PerceiverSetup(robot.sensors, RobotModel(robot.description)))
        perceiver.update(robot.reset(seed))
        return perceiver.update(robot.read(0.2))
    finally:
        robot.close()


@pytest.fixture(scope="module")
def zones_scene() -> SceneState:
    return see("zones")


def test_painted_zones_are_seen_where_they_are(zones_scene: SceneState) -> None:
    found = {zone.color: zone for zone in zones_scene.zones}
    assert set(found) == {"blue", "yellow"}
    np.testing.assert_allclose(found["blue"].position_world[:2], (0.50, 0.24), atol=0.004)
    np.testing.assert_allclose(sorted(found["yellow"].size_m[:2]), (0.14, 0.18), atol=0.008)


def test_zones_are_no_objects_and_leave_the_objects_as_they_are(zones_scene: SceneState) -> None:
    assert all(item.shape is not Shape.ZONE for item in zones_scene.objects)
    red = next(item for item in zones_scene.objects if item.color == "red")
    np.testing.assert_allclose(red.position_world, (0.45, 0.02, 0.0225), atol=0.004)
    assert zones_scene.table is not None
    assert abs(zones_scene.table.height_m) < 0.001


def test_plates_bowls_and_blocks_are_no_zones() -> None:
    assert not see("table", 1).zones
    assert not see("sorting", 0).zones


def test_a_table_between_two_colours_has_no_zones_in_its_shadows() -> None:
    assert not see("table", 0, WARM).zones
    assert {zone.color for zone in see("zones", 0, WARM).zones} == {"blue", "yellow"}
