import numpy as np
import pytest
from scripted_motion import make_scene
from verbot.sim.catalogue import KINDS, make_object
from verbot.sim.robots.panda import Panda
from verbot.sim.world import World, pose_of


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def start(world: World, *placed, **options) -> None:
    world.reset()
    world.attach(Panda(world.client, np.array([0, -0.5, 0, -2.13, 0, 1.64, 0.785]), 0.08))
    world.place(make_scene(*placed, **options))
    world.settle()


def step(world: World, seconds: float) -> None:
    for _ in range(round(seconds * 240)):
        world.step()


@pytest.mark.parametrize("kind", KINDS)
def test_object_placed_on_the_table_stays_where_the_scene_says(world, kind):
    height = make_object(kind).size_m[2] / 2
    start(world, ("it", kind, 0.5, 0.1, height))
    step(world, 1.0)
    pose = world.object_pose("it")
    np.testing.assert_allclose(pose[:3, 3], [0.5, 0.1, height], atol=4e-4)
    assert pose[2, 2] > 0.99999


def test_block_let_go_above_a_bowl_comes_to_rest_on_its_floor(world):
    start(world, ("bowl", "bowl", 0.5, 0.1, 0.0275), ("block", "block_small", 0.5, 0.1, 0.08))
    step(world, 1.5)
    assert world.object_pose("block")[2, 3] == pytest.approx(0.006 + 0.015, abs=1e-3)


def test_sleeping_object_falls_when_its_support_is_moved_away(world):
    start(world, ("under", "block_large", 0.5, 0.1, 0.0225), ("upper", "block_large", 0.5, 0.1, 0.0675))
    step(world, 4.0)
    world.move_object("under", pose_of((0.4, -0.2, 0.0225), (0.0, 0.0, 0.0, 1.0)))
    step(world, 1.0)
    assert world.object_pose("upper")[2, 3] == pytest.approx(0.0225, abs=1e-3)
    np.testing.assert_allclose(world.object_pose("under")[:2, 3], [0.4, -0.2], atol=1e-3)


def test_push_moves_a_sleeping_object_along_the_impulse(world):
    start(world, ("block", "block_large", 0.5, 0.1, 0.0225))
    step(world, 4.0)
    world.push("block", np.array([0.0, -0.02, 0.0]))
    step(world, 1.0)
    moved = world.object_pose("block")[:3, 3] - [0.5, 0.1, 0.0225]
    assert moved[1] < -0.005
    assert abs(moved[0]) < 0.002


def test_every_visual_body_has_a_pose_and_triangles_stay_few(world):
    start(world, ("mug", "mug", 0.5, 0.1, 0.0375), ("tray", "tray", 0.5, -0.2, 0.0125))
    bodies, poses = world.visual_bodies(), world.body_poses()
    assert {body.name for body in bodies} == set(poses)
    assert sum(len(body.triangles) for body in bodies if body.name.startswith("panda_")) < 4000


def test_two_worlds_do_not_disturb_each_other(world):
    other = World()
    start(world, ("block", "block_large", 0.5, 0.1, 0.0225))
    start(other, ("block", "block_large", 0.4, -0.1, 0.0225))
    other.push("block", np.array([0.05, 0.0, 0.0]))
    step(other, 0.5)
    other.close()
    assert world.object_pose("block")[0, 3] == pytest.approx(0.5, abs=1e-4)
