"""What one look makes of rendered scenes, against truth."""

import math

import numpy as np
import pytest
from rendered_scenes import (
    CLUTTER,
    COMPOSITION,
    StillBody,
    Thing,
    found,
    look,
    look_with,
    make_box,
    make_room,
    own_cameras,
)
from verbot.perception.perceiver import FusedConfig, FusedPerceiver
from verbot.perception.types import ObjectState, PerceiverSetup, Shape
from verbot.sim.catalogue import make_object

SETUP = PerceiverSetup(COMPOSITION.specs, StillBody())
TURNS = {Shape.BLOCK: math.pi / 2, Shape.TRAY: math.pi, Shape.MUG: 2 * math.pi}


def _see(*things: Thing) -> tuple[ObjectState, ...]:
    return FusedPerceiver(SETUP).update(look(things)).objects


@pytest.fixture(scope="module")
def clutter() -> tuple[ObjectState, ...]:
    return _see(*CLUTTER)


def test_every_object_is_found_once(clutter: tuple[ObjectState, ...]) -> None:
    assert len(clutter) == len(CLUTTER)
    assert len({found(thing, clutter).id for thing in CLUTTER}) == len(CLUTTER)


@pytest.mark.parametrize("thing", CLUTTER, ids=lambda t: f"{t.color}_{t.kind}")
def test_place_size_colour_and_shape_are_right(thing: Thing, clutter: tuple[ObjectState, ...]) -> None:
    seen, model = found(thing, clutter), make_object(thing.kind)
    assert seen.color == thing.color
    assert seen.shape is model.shape
    assert np.linalg.norm(seen.position_world[:2] - thing.position[:2]) < 0.003
    assert abs(seen.top_m - (thing.position[2] + model.size_m[2] / 2)) < 0.002
    assert abs(seen.bottom_m) < 0.002
    assert np.abs(np.sort(seen.size_m) - np.sort(model.size_m)).max() < 0.004
    assert abs(seen.cavity_depth_m - model.cavity_depth_m) < 0.004
    if model.shape in TURNS:
        turn = TURNS[model.shape]
        assert abs((seen.yaw_rad - thing.yaw_rad + turn / 2) % turn - turn / 2) < math.radians(5)


def test_objects_name_all_sensors_that_saw_them(clutter: tuple[ObjectState, ...]) -> None:
    assert {name for o in clutter for name in o.sources} == {"front", "wrist", "lidar"}
    assert sum("lidar" in o.sources for o in clutter) >= 5


def test_errors_are_within_three_of_the_stated_deviations(clutter: tuple[ObjectState, ...]) -> None:
    for thing in CLUTTER:
        seen = found(thing, clutter)
        assert np.linalg.eigvalsh(seen.covariance).min() > 0
        error = seen.position_world - thing.position
        assert np.abs(error / np.sqrt(np.diag(seen.covariance)[:3])).max() < 3.0


def test_a_block_on_a_block_of_another_colour_gives_both_with_their_heights() -> None:
    lower = Thing("block_large", "purple", 0.45, 0.05, 0.4)
    upper = Thing("block_small", "yellow", 0.452, 0.048, 0.1, floor_m=0.045)
    objects = _see(lower, upper, Thing("block_small", "red", 0.4, -0.2))
    assert len(objects) == 3
    for thing in (lower, upper):
        seen = found(thing, objects, 0.006)
        assert seen.color == thing.color
        assert abs(seen.bottom_m - thing.floor_m) < 0.002
        assert abs(seen.top_m - thing.floor_m - thing.size_m[2]) < 0.002


@pytest.mark.parametrize("color", ["blue", "green"])
def test_a_block_in_a_bowl_gives_both_even_in_the_bowls_colour(color: str) -> None:
    bowl, block = Thing("bowl", "green", 0.5, -0.1), Thing("block_large", color, 0.5, -0.1, 0.3, floor_m=0.006)
    objects = _see(bowl, block)
    seen_bowl = next(o for o in objects if o.shape is Shape.BOWL)
    seen_block = next(o for o in objects if o.shape is Shape.BLOCK)
    assert len(objects) == 2
    assert np.linalg.norm(seen_bowl.position_world - bowl.position) < 0.003
    assert np.abs(seen_bowl.size_m - bowl.size_m).max() < 0.004
    assert np.linalg.norm(seen_block.position_world - block.position) < 0.004


def test_a_cylinder_that_rises_above_its_plate_of_the_same_colour_gives_both() -> None:
    plate, cylinder = Thing("plate", "orange", 0.5, 0.1), Thing("cylinder", "orange", 0.51, 0.09, floor_m=0.005)
    objects = _see(plate, cylinder)
    assert {o.shape for o in objects} == {Shape.PLATE, Shape.CYLINDER}
    assert abs(found(cylinder, objects).bottom_m - 0.005) < 0.003


def test_two_touching_blocks_of_one_colour_are_two() -> None:
    first, second = Thing("block_large", "orange", 0.40, -0.20), Thing("block_large", "orange", 0.40, -0.1549)
    objects = _see(first, second)
    assert len(objects) == 2
    assert found(first, objects, 0.004).id != found(second, objects, 0.004).id


def test_three_blocks_that_touch_in_an_l_are_three() -> None:
    corner = Thing("block_large", "cyan", 0.45, 0.0)
    others = Thing("block_large", "cyan", 0.4955, 0.0), Thing("block_large", "cyan", 0.45, 0.0455)
    objects = _see(corner, *others)
    assert len(objects) == 3
    assert len({found(t, objects, 0.005).id for t in (corner, *others)}) == 3


def test_a_persons_own_cameras_see_the_same_on_a_table_of_any_height() -> None:
    objects = (
        FusedPerceiver(PerceiverSetup(())).update(look_with(own_cameras(), make_room(CLUTTER, table_m=-0.30))).objects
    )
    assert len(objects) == len(CLUTTER)
    for thing in CLUTTER:
        raised = Thing(thing.kind, thing.color, thing.x, thing.y, thing.yaw_rad, -0.30)
        seen = found(raised, objects, 0.005)
        assert seen.color == thing.color
        assert seen.shape is make_object(thing.kind).shape


def test_a_letter_of_a_colour_outside_the_palette_is_one_thing_with_its_size() -> None:
    pink = (0.95, 0.45, 0.65)
    bars = [
        make_box("a", (0.45, 0.0, 0.01), (0.07, 0.018, 0.02), pink),
        make_box("b", (0.424, 0.026, 0.01), (0.018, 0.07, 0.02), pink),
    ]
    (letter,) = FusedPerceiver(PerceiverSetup(())).update(look_with(own_cameras(), make_room([], extra=bars))).objects
    assert letter.shape is Shape.THING
    assert letter.color == "pink"
    assert letter.size_m[2] == pytest.approx(0.02, abs=0.002)
    assert 0.06 < letter.size_m[0] < 0.10


def test_a_brick_of_two_cubes_stays_one_where_cubes_are_not_expected() -> None:
    brick = make_box("brick", (0.45, 0.0, 0.02), (0.08, 0.04, 0.04), (0.1, 0.3, 0.8))
    frame = look_with(own_cameras(), make_room([], extra=[brick]))
    assert len(FusedPerceiver(PerceiverSetup(()), FusedConfig(separate_cubes=False)).update(frame).objects) == 1
    assert len(FusedPerceiver(PerceiverSetup(())).update(frame).objects) == 2


def test_an_empty_table_has_no_objects() -> None:
    assert _see() == ()


@pytest.mark.parametrize("y", [0.2, -0.2])
def test_the_handle_of_a_mug_that_stands_near_the_robot_is_the_mugs(y: float) -> None:
    """From where the cameras are, the handle shows apart from the body."""
    (mug,) = _see(Thing("mug", "purple", 0.361, y, math.copysign(1.9, y)))
    assert mug.shape is Shape.MUG
    assert abs(mug.yaw_rad - math.copysign(1.9, y)) < math.radians(5)


def test_a_crumb_of_a_mugs_colour_beside_it_is_no_handle() -> None:
    seen = _see(Thing("mug", "purple", 0.45, 0.1, 0.0), Thing("crumb_small", "purple", 0.45, 0.145))
    assert sorted(o.shape for o in seen) == [Shape.BLOCK, Shape.MUG]
    mug = next(o for o in seen if o.shape is Shape.MUG)
    assert abs(mug.yaw_rad) < math.radians(5)
