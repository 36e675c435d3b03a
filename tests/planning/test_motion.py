import numpy as np
from motion_scenes import block, hand_at, panda
from verbot.planning.collision import CollisionModel, Room
from verbot.planning.motion import PathPlanner, densify, worst_conflict
from verbot.planning.object_solids import box_solid, solids_of

MODEL = CollisionModel(panda())
PLANNER = PathPlanner(MODEL)
LEFT, RIGHT = hand_at(0.55, 0.27, 0.15), hand_at(0.5, -0.27, 0.15)
WALL = box_solid("wall", np.array([0.35, -0.01, 0.0]), np.array([0.75, 0.01, 0.30]))


def is_free(path: np.ndarray, room: Room) -> bool:
    dense = densify(path, 0.004)
    return worst_conflict(MODEL.scan(dense, np.full(len(dense), 0.04), room), room) is None


def test_a_free_way_is_straight():
    path = PLANNER.connect(LEFT, RIGHT, 0.04, Room(solids_of(block("b", 0.5, 0.0))), seed=1)
    assert path is not None
    assert len(path) == 2


def test_a_wall_is_gone_around_without_touching():
    room = Room((WALL,))
    path = PLANNER.connect(LEFT, RIGHT, 0.04, room, seed=1)
    assert path is not None
    assert len(path) > 2
    assert is_free(path, room)
    np.testing.assert_allclose(path[[0, -1]], [LEFT, RIGHT])


def test_the_same_seed_finds_the_same_way_whatever_ran_before():
    room = Room((WALL,))
    first = PLANNER.connect(LEFT, RIGHT, 0.04, room, seed=7)
    PLANNER.connect(RIGHT, LEFT, 0.04, room, seed=3)
    second = PathPlanner(CollisionModel(panda())).connect(LEFT, RIGHT, 0.04, room, seed=7)
    np.testing.assert_array_equal(first, second)


def test_a_goal_inside_an_obstacle_has_no_way():
    tomb = box_solid("tomb", np.array([0.4, -0.35, 0.0]), np.array([0.6, -0.2, 0.3]))
    assert PLANNER.connect(LEFT, RIGHT, 0.04, Room((tomb,)), seed=1) is None


def test_required_distance_is_kept_along_the_way():
    room = Room((WALL,), required_m={("*", "*"): 0.015})
    path = PLANNER.connect(LEFT, RIGHT, 0.04, room, seed=2)
    assert path is not None
    assert is_free(path, room)


def test_dense_points_are_close_and_keep_the_waypoints():
    path = densify(np.stack([LEFT, RIGHT]), 0.005)
    assert np.abs(np.diff(path, axis=0)).max() <= 0.005 + 1e-12
    np.testing.assert_allclose(path[-1], RIGHT)
