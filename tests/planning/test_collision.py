import numpy as np
import pytest
from motion_scenes import block, bowl, hand_at, look, panda, solid
from verbot.perception.types import Shape
from verbot.planning.collision import FINGER, HAND, HELD, SELF, CollisionModel, Room
from verbot.planning.object_solids import box_solid, hull_of, inflation_m, solids_of, width_between
from verbot.planning.types import TABLE

MODEL = CollisionModel(panda())


def distances(positions: np.ndarray, width: float, room: Room, near_m: float = 0.05) -> dict:
    found = MODEL.scan(positions[None], np.array([width]), room, near_m=near_m)
    return {(c.part, c.owner): c.distance_m for c in found}


def test_fingertip_height_above_the_table_is_exact():
    found = distances(hand_at(0.5, 0.0, 0.020), 0.04, Room())
    # 7.2 mm from tool to tip, and the body is 0.2 mm larger than the finger.
    np.testing.assert_allclose(found[(FINGER, TABLE)], 0.020 - 0.0074, atol=2e-4)


def test_open_fingers_stand_beside_a_block_at_the_expected_distance():
    found = distances(hand_at(0.5, 0.0, 0.025), 0.065, Room(solids_of(block("b", 0.5, 0.0))))
    np.testing.assert_allclose(found[(FINGER, "b")], 0.010, atol=5e-4)


def test_closed_fingers_inside_a_block_have_negative_distance():
    found = distances(hand_at(0.5, 0.0, 0.025), 0.0, Room(solids_of(block("b", 0.5, 0.0))))
    assert found[(FINGER, "b")] < -0.01


def test_many_samples_at_once_find_the_same_as_one_after_the_other():
    ways = np.linspace(look(), hand_at(0.5, 0.0, 0.02), 21)
    room = Room(solids_of(block("b", 0.5, 0.03)) + solids_of(bowl("c", 0.45, -0.12)))
    together = MODEL.scan(ways, np.full(21, 0.05), room)
    single = [distances(position, 0.05, room, near_m=0.02) for position in ways]
    for c in together:
        assert c.distance_m == pytest.approx(min(found[(c.part, c.owner)] for found in single), abs=1e-9)
    assert any(c.distance_m < 0.02 and c.owner in "bc" for c in together)


def test_nothing_near_gives_the_lower_bound():
    found = distances(look(), 0.08, Room(solids_of(block("b", 0.5, 0.3))), near_m=0.05)
    assert found[(FINGER, "b")] == 0.05
    assert found[(HAND, "b")] == 0.05


def test_look_pose_is_free_of_itself():
    assert distances(look(), 0.08, Room())[("arm", SELF)] > 0.03


def test_folded_arm_meets_itself():
    folded = np.array([0.0, -1.7, 0.0, -3.0, 0.0, 0.5, 0.0])
    assert distances(folded, 0.08, Room(table_m=None))[("arm", SELF)] < 0.0


def test_carried_object_is_measured_in_the_hand():
    item = block("b", 0.0, 0.0)
    carried = tuple(s.moved(np.diag([1.0, 1.0, -1.0, 1.0]) @ np.linalg.inv(item.pose_world)) for s in hull_of(item))
    found = distances(hand_at(0.5, 0.0, 0.06), 0.045, Room(carried=carried))
    np.testing.assert_allclose(found[(HELD, TABLE)], 0.06 - 0.0225, atol=1e-4)


def test_a_finger_fits_into_a_bowl_that_is_hollow():
    hollow = distances(hand_at(0.5, 0.0, 0.03), 0.02, Room(solids_of(bowl("b", 0.5, 0.0))))
    full = distances(hand_at(0.5, 0.0, 0.03), 0.02, Room(hull_of(bowl("b", 0.5, 0.0))))
    assert hollow[(FINGER, "b")] > 0.005
    assert full[(FINGER, "b")] < 0.0


def test_bounds_never_hide_a_smaller_distance():
    rng = np.random.default_rng(0)
    solids = tuple(
        box_solid(f"o{k}", low, low + rng.uniform(0.02, 0.1, 3))
        for k, low in enumerate(rng.uniform([0.3, -0.3, 0.0], [0.6, 0.3, 0.3], (6, 3)))
    )
    positions = np.stack([hand_at(x, y, z) for x, y, z in rng.uniform([0.35, -0.25, 0.05], [0.6, 0.25, 0.3], (8, 3))])
    together = MODEL.scan(positions, np.full(8, 0.05), Room(solids), near_m=0.3)
    single = [MODEL.scan(p[None], np.array([0.05]), Room((s,)), near_m=0.3) for p in positions for s in solids]
    for clearance in together:
        least = [
            c.distance_m for found in single for c in found if (c.part, c.owner) == (clearance.part, clearance.owner)
        ]
        np.testing.assert_allclose(clearance.distance_m, min(least), atol=1e-6)


def test_gripper_alone_measures_as_on_the_arm():
    positions = hand_at(0.5, 0.1, 0.08)
    room = Room(solids_of(block("b", 0.55, 0.12)))
    found = MODEL.gripper_clearances(panda().tool_pose(positions), 0.06, room)
    alone = {(c.part, c.owner): c.distance_m for c in found}
    whole = distances(positions, 0.06, room, near_m=0.02)
    for key in ((FINGER, "b"), (HAND, "b"), (FINGER, TABLE)):
        np.testing.assert_allclose(alone[key], whole[key], atol=1e-6)


def test_uncertain_objects_are_widened_by_at_most_five_millimetres():
    item = block("b", 0.5, 0.0)
    assert inflation_m(item) == 0.0
    item.covariance[0, 0] = 0.001**2
    np.testing.assert_allclose(inflation_m(item), 0.002)
    item.covariance[0, 0] = 1.0
    assert inflation_m(item) == 0.005


def test_fingers_around_an_object_are_as_far_apart_as_it_is_wide():
    assert width_between(block("b", 0, 0), np.eye(4), 0.08) == 0.045
    at_rim = np.eye(4)
    at_rim[1, 3] = 0.072
    assert width_between(bowl("b", 0, 0), at_rim, 0.08) < 0.02
    assert width_between(solid("c", Shape.CYLINDER, (0.04, 0.04, 0.06), 0, 0), np.eye(4), 0.08) == 0.04
