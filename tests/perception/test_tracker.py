"""Ids that last, belief that outlasts occlusion, the object in the hand."""

from dataclasses import replace

import numpy as np
from verbot.perception.geometry import make_pose
from verbot.perception.measurement import Measurement
from verbot.perception.points import View
from verbot.perception.tracker import Tracker
from verbot.perception.types import CameraImage, Intrinsics, Shape

RED, BLUE = np.array([0.8, 0.1, 0.1]), np.array([0.1, 0.2, 0.8])
DOWN = np.array([[1.0, 0, 0, 0.5], [0, -1.0, 0, 0], [0, 0, -1.0, 1.0], [0, 0, 0, 1.0]])


def _measure(x: float, y: float, rgb: np.ndarray = RED, size: float = 0.045, z: float | None = None, **more):
    values = {
        "pose_world": make_pose(np.array([x, y, size / 2 if z is None else z])),
        "covariance": np.diag([1e-6] * 3 + [1e-4] * 3),
        "size_m": np.full(3, size),
        "color_rgb": rgb,
        "color": "red" if rgb is RED else "blue",
        "color_confidence": 1.0,
        "shape": Shape.BLOCK,
        "shape_confidence": 0.9,
        "sources": ("front", "wrist"),
        "cavity_depth_m": 0.0,
        "is_covered": False,
        "num_points": 1000,
    }
    return Measurement(**{**values, **more})


def _from_above(surface_m: float = 0.0) -> View:
    """A camera one metre above the table that sees a flat surface at a height."""
    depth_m = np.full((120, 160), 1.0 - surface_m, np.float32)
    rgb = np.full((120, 160, 3), 120, np.uint8)
    image = CameraImage("front", 0.0, rgb, depth_m, Intrinsics(160, 120, 120.0, 120.0, 79.5, 59.5), DOWN)
    return View(image, DOWN, None, 0.001)


def _tool_at(x: float, y: float, z: float) -> np.ndarray:
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[:3, 3] = x, y, z
    return pose


def test_ids_stay_with_their_objects_over_looks() -> None:
    tracker = Tracker()
    tracker.observe([_measure(0.4, 0.1), _measure(0.5, -0.1, BLUE)], [], 0.1)
    before = {o.color: o.id for o in tracker.states()}
    tracker.observe([_measure(0.501, -0.1, BLUE), _measure(0.4, 0.101)], [], 0.2)
    assert {o.color: o.id for o in tracker.states()} == before


def test_looks_at_a_resting_object_average() -> None:
    tracker = Tracker()
    rng = np.random.default_rng(0)
    for n in range(20):
        tracker.observe([_measure(0.4 + rng.normal(0, 0.001), 0.1)], [], 0.1 * n)
    (state,) = tracker.states()
    assert abs(state.position_world[0] - 0.4) < 0.0007
    assert state.covariance[0, 0] < 1e-6


def test_an_object_whose_place_is_seen_empty_is_gone_after_one_look() -> None:
    tracker = Tracker()
    tracker.observe([_measure(0.5, 0.0)], [], 0.1)
    tracker.observe([], [_from_above(0.0)], 0.2)
    assert tracker.states() == ()


def test_a_low_piece_whose_place_is_seen_empty_from_straight_above_is_gone() -> None:
    tracker = Tracker()
    tracker.observe([_measure(0.5, 0.0, size=0.014)], [], 0.1)
    tracker.observe([], [_from_above(0.0)], 0.2)
    assert tracker.states() == ()


def test_a_low_piece_that_is_seen_but_not_told_apart_stays() -> None:
    tracker = Tracker()
    tracker.observe([_measure(0.5, 0.0, size=0.014)], [], 0.1)
    tracker.observe([], [_from_above(0.014)], 0.2)
    assert len(tracker.states()) == 1


def test_where_another_thing_is_seen_what_stood_there_is_gone() -> None:
    bar = _measure(0.5, 0.0, z=0.01, size_m=np.array([0.046, 0.022, 0.02]))
    small = _measure(0.51, 0.022, z=0.01, size=0.02)
    tracker = Tracker()
    tracker.observe([bar, small], [], 0.1)
    # The bar was swept away, the small piece pushed into its place; no camera says that the place is empty.
    tracker.observe([_measure(0.51, 0.0, z=0.01, size=0.02)], [], 0.2)
    (left,) = tracker.states()
    assert abs(left.size_m[0] - 0.02) < 0.001


def test_what_lies_in_an_opening_does_not_disprove_what_holds_it() -> None:
    cup = _measure(0.5, 0.0, BLUE, size=0.07, cavity_depth_m=0.06, shape=Shape.MUG)
    crumb = _measure(0.5, 0.0, z=0.03, size=0.014)
    tracker = Tracker()
    tracker.observe([cup, crumb], [], 0.1)
    tracker.observe([crumb], [], 0.2)
    assert len(tracker.states()) == 2


def test_a_hidden_object_is_still_believed() -> None:
    tracker = Tracker()
    tracker.observe([_measure(0.5, 0.0)], [], 0.1)
    for n in range(10):
        tracker.observe([], [_from_above(0.3)], 0.2 + n)
    (state,) = tracker.states()
    assert state.existence > 0.9
    assert state.last_seen_s == 0.1


def test_an_object_outside_every_view_is_still_believed() -> None:
    tracker = Tracker()
    tracker.observe([_measure(3.0, 0.0)], [], 0.1)
    tracker.observe([], [_from_above(0.0)], 0.2)
    assert len(tracker.states()) == 1


def test_a_moved_object_keeps_its_id() -> None:
    tracker = Tracker()
    tracker.observe([_measure(0.5, 0.0), _measure(0.4, 0.2, BLUE)], [], 0.1)
    before = {o.color: o.id for o in tracker.states()}
    tracker.observe([_measure(0.65, -0.2), _measure(0.4, 0.2, BLUE)], [_from_above(0.0)], 0.2)
    assert {o.color: o.id for o in tracker.states()} == before


def test_an_object_found_in_part_first_takes_its_old_name_back_when_it_is_seen_whole() -> None:
    tracker = Tracker()
    tracker.observe([_measure(0.4, 0.1)], [], 0.1)
    name = tracker.states()[0].id
    tracker.observe([_measure(0.55, 0.12, size=0.024, shape=Shape.THING)], [_from_above()], 0.2)
    tracker.observe([_measure(0.553, 0.12)], [_from_above()], 0.3)
    assert [o.id for o in tracker.states()] == [name]
    assert tracker.states()[0].position_world[0] > 0.54


def test_the_gripped_object_moves_with_the_hand_and_stays_where_it_is_let_go() -> None:
    tracker = Tracker()
    tracker.observe([_measure(0.4, 0.1), _measure(0.5, -0.1, BLUE)], [], 0.1)
    tracker.grip(_tool_at(0.401, 0.1, 0.03), 0.045)
    held = tracker.held_track()
    assert held is not None
    assert max(held.colors, key=held.colors.__getitem__) == "red"
    tracker.carry(_tool_at(0.6, 0.2, 0.28))
    state = next(o for o in tracker.states() if o.id == tracker.held)
    assert np.allclose(state.position_world, (0.599, 0.2, 0.2725), atol=1e-6)
    tracker.carry(_tool_at(0.6, 0.2, 0.03))
    tracker.release(is_lost=False)
    assert tracker.held is None
    tracker.observe([_measure(0.598, 0.201), _measure(0.5, -0.1, BLUE)], [_from_above(0.0)], 2.0)
    assert {o.id for o in tracker.states()} == {"object_1", "object_2"}


def test_fingers_too_far_apart_for_an_object_do_not_hold_it() -> None:
    tracker = Tracker()
    tracker.observe([_measure(0.4, 0.1)], [], 0.1)
    tracker.grip(_tool_at(0.4, 0.1, 0.03), 0.075)
    assert tracker.held is None


def test_closing_on_nothing_where_an_object_was_believed_disproves_it() -> None:
    tracker = Tracker()
    tracker.observe([_measure(0.4, 0.1)], [], 0.1)
    tracker.grasp_nothing(_tool_at(0.4, 0.1, 0.02))
    assert tracker.states() == ()


def test_a_piece_of_a_known_object_is_no_new_object() -> None:
    tracker = Tracker()
    tracker.observe([_measure(0.4, 0.1, size=0.06)], [], 0.1)
    pieces = [_measure(0.41, 0.1, size=0.02, z=0.03, shape=Shape.THING, num_points=90)]
    tracker.observe([_measure(0.4, 0.1, size=0.06), *pieces], [], 0.2)
    assert len(tracker.states()) == 1


def test_a_tower_that_looks_like_one_block_is_remembered_as_two() -> None:
    tracker = Tracker()
    low, high = _measure(0.4, 0.1), _measure(0.4, 0.1, z=0.0675)
    tracker.observe([low, high], [], 0.1)
    tower = replace(low, pose_world=make_pose(np.array([0.4, 0.1, 0.045])), size_m=np.array([0.045, 0.045, 0.09]))
    tracker.observe([tower], [], 0.2)
    assert sorted(round(float(o.size_m[2]), 3) for o in tracker.states()) == [0.045, 0.045]


def test_an_object_let_go_high_up_is_found_where_it_fell() -> None:
    tracker = Tracker()
    tracker.observe([_measure(0.4, 0.1), _measure(0.5, -0.2, BLUE)], [], 0.1)
    tracker.grip(_tool_at(0.4, 0.1, 0.03), 0.045)
    tracker.carry(_tool_at(0.5, 0.2, 0.3))
    tracker.release(is_lost=True)
    tracker.observe([_measure(0.55, 0.27), _measure(0.5, -0.2, BLUE)], [], 1.0)
    states = {o.id: o for o in tracker.states()}
    assert set(states) == {"object_1", "object_2"}
    assert np.allclose(states["object_1"].position_world[:2], (0.55, 0.27))
