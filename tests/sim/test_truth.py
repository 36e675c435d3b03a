import numpy as np
import pytest
from scripted_motion import make_robot, make_scene, pick_script, play, tool_down
from verbot.agent.doubt import why_in_doubt
from verbot.perception.types import PerceiverSetup, SensorFrame, Shape
from verbot.sim.truth import ORACLE, OracleConfig, truth

BLOCK = ("it", "block_large", 0.45, 0.1, 0.0225)
BOWL = ("bowl", "bowl", 0.5, -0.15, 0.0275)


@pytest.fixture
def robot():
    robot = make_robot(make_scene(BLOCK, BOWL))
    robot.reset(0)
    yield robot
    robot.close()


def test_truth_names_objects_as_the_scene_does_with_exact_sizes_and_places(robot):
    scene = truth(robot.world, 1.5)
    block, bowl = scene.find("it"), scene.find("bowl")
    assert scene.source == "truth"
    assert scene.time_s == 1.5
    assert (block.shape, block.color, bowl.shape) == (Shape.BLOCK, "red", Shape.BOWL)
    np.testing.assert_allclose(block.position_world, [0.45, 0.1, 0.0225], atol=4e-4)
    np.testing.assert_allclose(bowl.size_m, [0.15, 0.15, 0.055])
    assert bowl.cavity_depth_m == pytest.approx(0.049)


def test_truth_says_what_is_held_only_while_both_fingers_press_on_it(robot):
    assert truth(robot.world).body.held is None
    play(robot, pick_script(robot, tool_down(0.45, 0.1, 0.022), 0.065).build())
    scene = truth(robot.world)
    assert scene.body.held == "it"
    assert scene.find("it").position_world[2] > 0.2


def test_oracle_returns_truth_at_the_frames_time_and_is_flagged(robot):
    perceiver = ORACLE.build(OracleConfig(), PerceiverSetup(robot.sensors))
    perceiver.bind(robot)
    scene = perceiver.update(robot.read(0.2, images=False))
    assert (scene.source, scene.time_s) == ("truth", pytest.approx(0.2, abs=1e-9))
    assert perceiver.is_oracle
    assert {h.sensor for h in scene.health} == {s.name for s in robot.sensors}
    assert why_in_doubt(scene) is None


def test_oracle_without_a_robot_says_what_to_do():
    with pytest.raises(RuntimeError, match="Call bind"):
        ORACLE.build(OracleConfig(), PerceiverSetup(())).update(SensorFrame(0.0))
