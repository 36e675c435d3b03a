import math

import numpy as np
import pytest
from scripted_motion import load_model, make_robot, make_scene, pick_script, place_script, play, tool_down
from verbot.sim.body_poses import BodyPoses
from verbot.sim.robots.panda import Panda
from verbot.sim.world import World

POSITIONS = np.array([[0.3, -0.4, 0.2, -2.0, 0.1, 1.7, 0.5], [-1.0, 0.6, 0.9, -1.2, -0.7, 2.4, -1.3]])


@pytest.mark.parametrize("positions_rad", POSITIONS)
def test_links_stand_where_the_planning_model_says(positions_rad):
    world = World()
    world.reset()
    panda = Panda(world.client, positions_rad, 0.05)
    model = load_model()
    for link, pose in BodyPoses(panda.link_places()).items():
        np.testing.assert_allclose(pose, model.link_pose(link, positions_rad, 0.05), atol=1e-5, err_msg=link)
    np.testing.assert_allclose(panda.tool_position(), model.tool_pose(positions_rad)[:3, 3], atol=1e-5)
    world.close()


def test_arm_follows_a_trajectory_within_a_tenth_of_a_milliradian():
    robot = make_robot(make_scene())
    robot.reset(0)
    trajectory = pick_script(robot, tool_down(0.5, 0.1, 0.05), 0.06).build()
    robot.command(trajectory, 0.0)
    worst = 0.0
    while robot.time_s < trajectory.duration_s:
        robot.read(robot.time_s + 5 / 240, images=False)
        commanded = robot._motion.state(robot.time_s)[0]
        worst = max(worst, float(np.abs(robot.world.arm.joint_state()[0] - commanded).max()))
    robot.close()
    assert worst < 1e-4


@pytest.mark.parametrize(
    ("kind", "height_m", "grasp", "open_m", "width_m"),
    [
        ("block_small", 0.030, tool_down(0.45, 0.1, 0.013), 0.05, 0.030),
        ("cylinder", 0.060, tool_down(0.45, 0.1, 0.030), 0.06, 0.040),
        ("mug", 0.075, tool_down(0.45, 0.1, 0.0375), 0.08, 0.060),
        ("bowl", 0.055, tool_down(0.45 - 0.0722, 0.1, 0.039, math.pi), 0.04, 0.0055),
    ],
)
def test_friction_grasp_lifts_and_places_within_three_millimetres(kind, height_m, grasp, open_m, width_m):
    robot = make_robot(make_scene(("it", kind, 0.45, 0.1, height_m / 2)))
    robot.reset(0)
    script = pick_script(robot, grasp, open_m)
    play(robot, script.build())
    assert robot.world.gripped() == "it"
    assert robot.world.object_pose("it")[2, 3] > 0.2
    assert robot.world.arm.joint_state()[2] == pytest.approx(width_m, abs=0.0012)
    place = grasp.copy()
    place[:3, 3] += [0.08, -0.25, 0.001]
    follow = type(script)(robot, start_rad=script.timeline.positions_rad, width_m=script.timeline.width_m)
    play(robot, place_script(follow, place, min(0.08, width_m + 0.02)).build())
    np.testing.assert_allclose(robot.world.object_pose("it")[:2, 3], [0.53, -0.15], atol=3e-3)
    score = robot.judge.score(())
    robot.close()
    assert score.violations == ()
