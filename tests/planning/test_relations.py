"""What the relations mean in metres."""

import math
from dataclasses import replace

import numpy as np
import pytest
from symbolic_scenes import make, make_scene, upon
from verbot.planning.footprints import gap_m, make_footprint
from verbot.planning.placement import goal_region
from verbot.planning.relations import evaluate, support_of
from verbot.planning.types import TABLE, Fact, Predicate

BOWL = make("bowl", "bowl", "green", 0.50, 0.10)
PLATE = make("plate", "plate", "white", 0.50, -0.15)
BASE = make("base", "block_large", "red", 0.38, 0.0)
OPPOSITE = {
    Predicate.LEFT_OF: Predicate.RIGHT_OF,
    Predicate.RIGHT_OF: Predicate.LEFT_OF,
    Predicate.BEHIND: Predicate.IN_FRONT_OF,
    Predicate.IN_FRONT_OF: Predicate.BEHIND,
}


def holds(predicate: Predicate, *names: str, scene) -> bool | None:
    return evaluate(Fact(predicate, names), scene).value


def test_block_upon_another_is_on_it_and_not_on_the_table():
    scene = make_scene(BASE, upon("a", "block_small", "blue", BASE))
    assert holds(Predicate.ON, "a", "base", scene=scene)
    assert not holds(Predicate.ON, "a", TABLE, scene=scene)
    assert support_of(scene.objects[1], scene) == "base"


def test_block_hanging_over_the_edge_by_more_than_half_is_not_on_it():
    scene = make_scene(BASE, make("a", "block_small", "blue", 0.38 + 0.026, 0.0, bottom=0.045))
    assert holds(Predicate.ON, "a", "base", scene=scene) is False


def test_block_held_above_another_is_not_on_it():
    scene = make_scene(BASE, make("a", "block_small", "blue", 0.38, 0.0, bottom=0.05), held="a")
    assert holds(Predicate.ON, "a", "base", scene=scene) is False
    assert holds(Predicate.HOLDING, "a", scene=scene)


@pytest.mark.parametrize("name", ["plate", "tray"])
def test_on_and_in_both_hold_on_plate_and_tray(name):
    under = make(name, name, "white", 0.45, 0.0, yaw=0.4)
    scene = make_scene(under, upon("a", "block_small", "blue", under))
    assert holds(Predicate.ON, "a", name, scene=scene)
    assert holds(Predicate.IN, "a", name, scene=scene)
    assert not holds(Predicate.ON, "a", TABLE, scene=scene)


def test_block_in_the_bowl_is_in_it_and_beside_it_is_not():
    scene = make_scene(BOWL, upon("a", "block_small", "blue", BOWL), make("b", "block_small", "red", 0.40, 0.10))
    assert holds(Predicate.IN, "a", "bowl", scene=scene)
    assert holds(Predicate.IN, "b", "bowl", scene=scene) is False
    assert holds(Predicate.ON, "a", "bowl", scene=scene) is False


def test_block_upon_the_rim_of_a_bowl_is_not_in_it():
    scene = make_scene(BOWL, make("a", "block_small", "blue", 0.50, 0.10, bottom=0.055))
    assert holds(Predicate.IN, "a", "bowl", scene=scene) is False


def test_bowl_on_a_tray_does_not_hold_the_tray():
    tray = make("tray", "tray", "white", 0.5, 0.0)
    scene = make_scene(tray, upon("bowl", "bowl", "green", tray))
    assert holds(Predicate.IN, "tray", "bowl", scene=scene) is False
    assert holds(Predicate.IN, "bowl", "tray", scene=scene)


@pytest.mark.parametrize(
    ("predicate", "dx", "dy"),
    [
        (Predicate.LEFT_OF, 0.0, 0.1),
        (Predicate.RIGHT_OF, 0.0, -0.1),
        (Predicate.BEHIND, 0.1, 0.0),
        (Predicate.IN_FRONT_OF, -0.1, 0.0),
    ],
)
def test_directions_are_those_of_somebody_at_the_base(predicate, dx, dy):
    scene = make_scene(BASE, make("a", "block_small", "blue", 0.38 + dx, dy))
    assert holds(predicate, "a", "base", scene=scene)
    assert holds(OPPOSITE[predicate], "base", "a", scene=scene)
    assert not holds(OPPOSITE[predicate], "a", "base", scene=scene)


def test_left_of_fails_when_far_or_more_behind_than_left_or_not_on_the_table():
    far = make_scene(BASE, make("a", "block_small", "blue", 0.38, 0.32))
    oblique = make_scene(BASE, make("a", "block_small", "blue", 0.50, 0.10))
    plate = make("plate", "plate", "white", 0.38, 0.15)
    on_plate = make_scene(BASE, plate, upon("a", "block_small", "blue", plate))
    for scene in (far, oblique, on_plate):
        assert holds(Predicate.LEFT_OF, "a", "base", scene=scene) is False


def test_next_to_depends_on_the_gap_between_outlines():
    near = make_scene(BOWL, make("a", "block_small", "blue", 0.50, 0.10 + 0.075 + 0.015 + 0.08))
    away = make_scene(BOWL, make("a", "block_small", "blue", 0.50, 0.10 + 0.075 + 0.015 + 0.14))
    assert holds(Predicate.NEXT_TO, "a", "bowl", scene=near)
    assert holds(Predicate.NEXT_TO, "a", "bowl", scene=away) is False
    assert evaluate(Fact(Predicate.NEXT_TO, ("a", "bowl")), away).margin_m == pytest.approx(-0.02, abs=1e-6)


def test_side_of_the_table_begins_beyond_the_middle_strip():
    scene = make_scene(make("a", "block_small", "blue", 0.5, 0.2), make("b", "block_small", "red", 0.5, 0.05))
    assert holds(Predicate.AT_SIDE, "a", "left", scene=scene)
    assert holds(Predicate.AT_SIDE, "b", "left", scene=scene) is False
    assert holds(Predicate.AT_SIDE, "a", "right", scene=scene) is False


def test_what_is_not_known_is_none():
    assert holds(Predicate.ON, "ghost", TABLE, scene=make_scene(BASE)) is None
    assert holds(Predicate.LEFT_OF, "base", "ghost", scene=make_scene(BASE)) is None
    assert holds(Predicate.ON, "base", TABLE, scene=make_scene(BASE, table=False)) is None
    assert holds(Predicate.HOLDING, "base", scene=make_scene(BASE, body=False)) is None


def test_wrong_number_of_arguments_and_unknown_side_are_named():
    with pytest.raises(ValueError, match="expected 2"):
        evaluate(Fact(Predicate.ON, ("base",)), make_scene(BASE))
    with pytest.raises(ValueError, match="left, right, front, back"):
        evaluate(Fact(Predicate.AT_SIDE, ("base", "top")), make_scene(BASE))


def test_confidence_falls_with_uncertain_positions_and_existence():
    fact = Fact(Predicate.ON, ("base", TABLE))
    sure = evaluate(fact, make_scene(BASE)).confidence
    vague = evaluate(fact, make_scene(replace(BASE, covariance=np.eye(6) * 1e-3))).confidence
    doubtful = evaluate(fact, make_scene(replace(BASE, existence=0.4))).confidence
    assert sure > 0.99
    assert vague < 0.7
    assert doubtful == pytest.approx(0.4)


def test_gap_between_turned_boxes_is_the_shortest_distance():
    a = make_footprint(make("a", "block_large", "red", 0.0, 0.0))
    b = make_footprint(make("b", "block_large", "red", 0.1, 0.0, yaw=math.pi / 4))
    assert gap_m(a, b) == pytest.approx(0.1 - 0.0225 - 0.0225 * math.sqrt(2))
    assert gap_m(a, b) == pytest.approx(gap_m(b, a))


def test_cylinder_lying_on_its_side_stands_as_high_as_it_is_wide():
    item = make("a", "cylinder", "red", 0.4, 0.0)
    pose = item.pose_world.copy()
    pose[:3, :3] = [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]
    pose[2, 3] = 0.02
    lying = replace(item, pose_world=pose)
    assert make_footprint(lying).bottom_m == pytest.approx(0.0)
    assert holds(Predicate.ON, "a", TABLE, scene=make_scene(lying))


ASKED = [
    Fact(Predicate.IN, ("a", "bowl")),
    Fact(Predicate.ON, ("a", "plate")),
    Fact(Predicate.ON, ("a", "base")),
    Fact(Predicate.ON, ("a", TABLE)),
    Fact(Predicate.LEFT_OF, ("a", "bowl")),
    Fact(Predicate.RIGHT_OF, ("a", "base")),
    Fact(Predicate.BEHIND, ("a", "base")),
    Fact(Predicate.IN_FRONT_OF, ("a", "plate")),
    Fact(Predicate.NEXT_TO, ("a", "bowl")),
    Fact(Predicate.AT_SIDE, ("a", "left")),
]


def put(scene, name, spot, yaw=0.0):
    item = scene.find(name)
    c, s = math.cos(yaw), math.sin(yaw)
    pose = item.pose_world.copy()
    pose[:2, :2] = [[c, -s], [s, c]]
    pose[:3, 3] = (spot.x_m, spot.y_m, spot.support_m + item.size_m[2] / 2)
    return replace(scene, objects=tuple(replace(o, pose_world=pose) if o.id == name else o for o in scene.objects))


@pytest.mark.parametrize("fact", ASKED, ids=str)
@pytest.mark.parametrize("yaw", [0.0, 0.6])
def test_every_spot_of_a_goal_region_makes_the_fact_true_without_touching_others(fact, yaw):
    scene = make_scene(BOWL, PLATE, BASE, make("a", "block_small", "blue", 0.60, 0.25))
    spots = goal_region(fact, scene).spots
    assert spots
    for spot in spots:
        after = put(scene, "a", spot, yaw)
        assert evaluate(fact, after).margin_m >= 0.005
        if spot.support_m == 0.0:
            placed = make_footprint(after.find("a"))
            assert min(gap_m(placed, make_footprint(o)) for o in after.objects if o.id != "a") > 0.01


def test_goal_region_on_an_occupied_block_names_what_is_there():
    scene = make_scene(BASE, upon("top", "block_small", "blue", BASE), make("a", "block_small", "red", 0.6, 0.2))
    region = goal_region(Fact(Predicate.ON, ("a", "base")), scene)
    assert region.spots == ()
    assert region.blocked_by == ("top",)


def test_goal_region_never_chooses_a_plate_for_a_side():
    scene = make_scene(
        make("b", "block_large", "red", 0.45, 0.10),
        make("plate", "plate", "white", 0.45, 0.26),
        make("a", "block_small", "blue", 0.60, -0.20),
    )
    fact = Fact(Predicate.LEFT_OF, ("a", "b"))
    region = goal_region(fact, scene)
    plate = make_footprint(scene.find("plate"))
    assert all(plate.inside_m(s.x_m, s.y_m) < -0.015 for s in region.spots)
    assert region.spots or region.blocked_by == ("plate",)


def test_goal_region_finds_a_second_place_in_a_tray():
    tray = make("tray", "tray", "white", 0.5, 0.0)
    scene = make_scene(tray, upon("a", "block_small", "red", tray), make("b", "block_small", "blue", 0.6, 0.3))
    spot = goal_region(Fact(Predicate.IN, ("b", "tray")), scene).spots[0]
    assert math.hypot(spot.x_m - 0.5, spot.y_m) > 0.04
    assert spot.support_m == pytest.approx(0.005)


def test_goal_region_keeps_free_what_other_goals_need():
    scene = make_scene(BASE, make("a", "block_small", "blue", 0.38, 0.11), make("b", "block_small", "red", 0.6, 0.3))
    wanted = Fact(Predicate.LEFT_OF, ("b", "base"))
    away = replace(scene, objects=tuple(o for o in scene.objects if o.id != "a"))
    best = goal_region(wanted, away).spots[0]
    aside = goal_region(Fact(Predicate.ON, ("a", TABLE)), scene, keep_free=[wanted]).spots[0]
    assert math.hypot(aside.x_m - best.x_m, aside.y_m - best.y_m) > 0.03


def test_goal_region_satisfies_two_facts_at_once():
    scene = make_scene(BASE, PLATE, make("a", "block_small", "blue", 0.6, 0.25))
    first, second = Fact(Predicate.LEFT_OF, ("a", "plate")), Fact(Predicate.BEHIND, ("a", "base"))
    spots = goal_region(first, scene, also=[second]).spots
    assert spots
    assert all(evaluate(f, put(scene, "a", s)).value for s in spots for f in (first, second))
