import json
from pathlib import Path

import numpy as np
import pytest
from motion_scenes import look, panda
from verbot.planning.inverse_kinematics import IkSettings
from verbot.planning.robot_bodies import read_bodies
from verbot.planning.robot_description import description_from_dict, description_to_dict, load_robot
from verbot.planning.robot_model import RobotModel
from verbot.planning.tool_line import tool_line

HULL_SLACK_M = 0.001


def random_positions(num: int) -> np.ndarray:
    robot = panda()
    return np.random.default_rng(3).uniform(robot.position_min_rad, robot.position_max_rad, (num, 7))


def pybullet_folder() -> Path:
    data = pytest.importorskip("pybullet_data")
    return Path(data.getDataPath()) / "franka_panda"


def test_links_stand_where_pybullet_puts_them():
    pybullet = pytest.importorskip("pybullet")
    client = pybullet.connect(pybullet.DIRECT)
    body = pybullet.loadURDF(str(pybullet_folder() / "panda.urdf"), useFixedBase=True, physicsClientId=client)
    names = {}
    for joint in range(pybullet.getNumJoints(body, physicsClientId=client)):
        names[pybullet.getJointInfo(body, joint, physicsClientId=client)[12].decode()] = joint
    for positions in random_positions(20):
        for joint, value in enumerate([*positions, 0.0, 0.0, 0.02, 0.02]):
            pybullet.resetJointState(body, joint, value, physicsClientId=client)
        for link, index in names.items():
            state = pybullet.getLinkState(body, index, computeForwardKinematics=1, physicsClientId=client)
            ours = panda().link_pose(link.replace("grasptarget", "tool"), positions, 0.04)
            np.testing.assert_allclose(ours[:3, 3], state[4], atol=1e-6)
            rotation = np.array(pybullet.getMatrixFromQuaternion(state[5])).reshape(3, 3)
            np.testing.assert_allclose(ours[:3, :3], rotation, atol=1e-6)
    pybullet.disconnect(client)


def test_bodies_enclose_the_collision_meshes_to_one_millimetre():
    folder = pybullet_folder() / "meshes" / "collision"
    for link, mesh, turn in [
        *((f"panda_link{k}", f"link{k}", 1.0) for k in range(8)),
        ("panda_hand", "hand", 1.0),
        ("panda_leftfinger", "finger", 1.0),
        ("panda_rightfinger", "finger", -1.0),
    ]:
        lines = (folder / f"{mesh}.obj").read_text().splitlines()
        points = np.array([[float(v) for v in line.split()[1:4]] for line in lines if line.startswith("v ")])
        points[:, :2] *= turn
        outside = np.full(len(points), np.inf)
        for body in panda().bodies:
            if body.link == link:
                local = (points - body.T_link_body[:3, 3]) @ body.T_link_body[:3, :3]
                if body.is_capsule:
                    local[:, 2] -= np.clip(local[:, 2], -body.half_m[2], body.half_m[2])
                    distance = np.linalg.norm(local, axis=1) - body.radius_m
                else:
                    distance = np.linalg.norm(np.maximum(np.abs(local) - body.half_m, 0.0), axis=1)
                outside = np.minimum(outside, distance)
        assert outside.max() <= HULL_SLACK_M, link


def test_limits_are_the_tighter_of_urdf_and_data_sheet():
    model, description = panda().model, load_robot()
    for k, name in enumerate(description.arm_joints):
        index = model.joints[model.getJointId(name)].idx_q
        assert model.lowerPositionLimit[index] <= description.position_min_rad[k]
        assert model.upperPositionLimit[index] >= description.position_max_rad[k]


def test_look_pose_points_straight_down_away_from_limits():
    pose = panda().link_pose("panda_hand", look(), 0.08)
    np.testing.assert_allclose(pose[:3, 3], [0.40, 0.0, 0.60], atol=1e-4)
    np.testing.assert_allclose(pose[:3, 2], [0.0, 0.0, -1.0], atol=1e-4)
    assert np.minimum(look() - panda().position_min_rad, panda().position_max_rad - look()).min() > 0.5


def test_link_poses_of_many_samples_agree_with_single_ones():
    positions, widths = random_positions(10), np.linspace(0.0, 0.08, 10)
    poses = panda().link_poses(positions, widths)
    for row, link in enumerate(panda().links):
        single = panda().link_pose(link, positions[4], float(widths[4]))
        np.testing.assert_allclose(poses[row, 4], single, atol=1e-12)


def test_jacobian_is_the_derivative_of_the_tool_position():
    positions = look()
    jacobian = panda().jacobian(positions)
    for joint in range(7):
        moved = positions.copy()
        moved[joint] += 1e-6
        change = (panda().tool_pose(moved)[:3, 3] - panda().tool_pose(positions)[:3, 3]) / 1e-6
        np.testing.assert_allclose(jacobian[:3, joint], change, atol=1e-5)


def test_tools_and_jacobians_of_many_positions_agree_with_single_ones():
    positions = random_positions(5)
    tools, jacobians = panda().tools_and_jacobians(positions)
    for row in range(5):
        np.testing.assert_allclose(tools[row], panda().tool_pose(positions[row]), atol=1e-12)
        np.testing.assert_allclose(jacobians[row], panda().jacobian(positions[row]), atol=1e-12)


def test_tool_stays_on_the_line_at_every_waypoint():
    start = look()
    goal = panda().tool_pose(start)
    goal[:3, 3] += (0.05, -0.08, -0.15)
    found = tool_line(panda(), start, goal)
    assert found is not None
    reached = np.array([panda().tool_pose(positions) for positions in found[0]])
    way = goal[:3, 3] - reached[0, :3, 3]
    off = np.cross(reached[:, :3, 3] - reached[0, :3, 3], way / np.linalg.norm(way))
    assert np.linalg.norm(off, axis=1).max() < 1e-4
    np.testing.assert_allclose(reached[-1], goal, atol=2e-4)


def test_inverse_kinematics_solves_reachable_poses():
    rng, solved = np.random.default_rng(1), 0
    for positions in random_positions(12):
        wanted = panda().tool_pose(positions)
        found = panda().solve_ik(wanted, [look()], rng)
        if found is not None:
            solved += 1
            reached = panda().tool_pose(found)
            assert np.linalg.norm(reached[:3, 3] - wanted[:3, 3]) < 1e-3
            assert np.arccos(np.clip((np.trace(reached[:3, :3].T @ wanted[:3, :3]) - 1) / 2, -1, 1)) < np.radians(0.5)
            assert (found >= panda().position_min_rad).all()
            assert (found <= panda().position_max_rad).all()
    assert solved >= 11


def test_inverse_kinematics_repeats_itself():
    wanted = panda().tool_pose(random_positions(1)[0])
    first, second = (panda().solve_ik(wanted, [look()], np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_unreachable_pose_has_no_solution():
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[:3, 3] = (2.0, 0.0, 0.2)
    few = IkSettings(num_restarts=2)
    assert panda().solve_ik(pose, [look()], np.random.default_rng(0), few) is None


def test_capsules_contain_the_corners_of_hand_and_fingers():
    capsules = panda().capsules(look(), 0.05)
    for body in panda().bodies:
        if body.is_capsule:
            continue
        T_world_body = panda().link_pose(body.link, look(), 0.05) @ body.T_link_body
        corner = (T_world_body @ np.append(body.half_m, 1.0))[:3]
        start, end = capsules[:, :3], capsules[:, 3:6]
        along = np.clip(((corner - start) * (end - start)).sum(1) / ((end - start) ** 2).sum(1).clip(1e-12), 0, 1)
        distance = np.linalg.norm(corner - start - along[:, None] * (end - start), axis=1) - capsules[:, 6]
        assert distance.min() < 1e-6


def test_description_survives_json():
    description = load_robot()
    text = json.dumps(description_to_dict(description))
    assert description_from_dict(json.loads(text)) == description


def test_unknown_robot_is_an_error_that_names_the_known():
    with pytest.raises(ValueError, match="Known: panda"):
        load_robot("pandor")


def test_unknown_key_in_a_description_is_an_error():
    with pytest.raises(ValueError, match="colour"):
        description_from_dict(description_to_dict(load_robot()) | {"colour": "white"})


def test_mesh_as_collision_shape_is_an_error_that_says_what_to_do():
    shape = '<collision><geometry><mesh filename="a.obj"/></geometry></collision>'
    urdf = f'<robot name="x"><link name="a">{shape}</link></robot>'
    with pytest.raises(ValueError, match="Replace meshes"):
        read_bodies(urdf)


def test_model_names_a_joint_that_the_urdf_lacks():
    values = description_to_dict(load_robot())
    values["arm_joints"] = ("elbow", *values["arm_joints"][1:])
    with pytest.raises(ValueError, match="no joint 'elbow'"):
        RobotModel(description_from_dict(values))
