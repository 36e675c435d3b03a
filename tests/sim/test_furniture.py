"""Furniture in the world and as it is seen: a drawer slides, stops, and its opening is measured from points alone."""

import numpy as np
import pytest
from verbot.agent.build import build_parts
from verbot.agent.config import make_run_config
from verbot.perception.furniture import fixture_from_dict, fixture_to_dict
from verbot.sim.furniture import make_fixtures
from verbot.sim.scenes import SceneError, SceneFile, draw, load_scene

FIXTURES = make_fixtures("drawer_cabinet", "cabinet", "white", 0.66, 0.26, 0.3)


def test_a_fixture_survives_a_log_exactly():
    for fixture in FIXTURES:
        again = fixture_from_dict(fixture_to_dict(fixture))
        assert np.array_equal(again.pose_world, fixture.pose_world)
        assert (again.boxes, again.slide, again.shape) == (fixture.boxes, fixture.slide, fixture.shape)


def test_objects_keep_clear_of_the_drawer_and_its_way():
    for seed in range(8):
        scene = draw(load_scene("drawer"), seed)
        for placed in scene.objects:
            x, y = placed.position_world[:2]
            assert not (0.37 < x < 0.76 and 0.14 < y < 0.38)


def test_furniture_off_the_table_is_an_error_that_names_it():
    fixtures = [{"kind": "shelf", "name": "rack", "position_world": [0.2, 0.5]}]
    with pytest.raises(SceneError, match="rack"):
        draw(SceneFile.model_validate({"name": "x", "fixtures": fixtures}), 0)


@pytest.fixture(scope="module")
def parts():
    built = build_parts(make_run_config(command="", scene="drawer", seed=3, device="cpu"))
    yield built
    built.robot.close()


def test_the_opening_is_seen_to_the_millimetre_and_furniture_is_no_object(parts):
    robot = parts.robot
    frame = robot.reset(3)
    for opening_m in (0.0, 0.04, 0.13):
        robot.world.furniture[0].set_opening(opening_m)
        frame = robot.read(robot.time_s + 0.4)
        scene = parts.perceiver.update(frame)
        drawer = scene.find("cabinet_drawer")
        assert drawer.opening_m == pytest.approx(opening_m, abs=0.0015)
        assert 0 < drawer.covariance[0, 0] < 0.003**2
        assert len(scene.objects) == len(robot.world.objects) + 2


def test_a_drawer_stays_where_it_is_left(parts):
    robot = parts.robot
    robot.reset(3)
    body = robot.world.furniture[0]
    body.set_opening(0.05)
    robot.read(robot.time_s + 0.3, images=False)
    assert body.opening_m == pytest.approx(0.05, abs=1e-4)
