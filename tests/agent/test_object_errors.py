"""What counts as found, false and solved."""

from dataclasses import replace

import numpy as np
from verbot.agent.object_errors import compare, is_solved, summarize
from verbot.perception.geometry import make_pose
from verbot.perception.types import ObjectState, SceneState, Shape


def _object(name: str, x: float, shape: Shape = Shape.BLOCK) -> ObjectState:
    return ObjectState(
        id=name,
        pose_world=make_pose(np.array([x, 0.0, 0.02]), 0.0),
        covariance=1e-6 * np.eye(6),
        size_m=np.full(3, 0.04),
        color_rgb=np.array([1.0, 0.0, 0.0]),
        color="red",
        shape=shape,
        shape_confidence=1.0,
        existence=1.0,
        sources=("front",),
        last_seen_s=0.0,
    )


def _scene(*objects: ObjectState) -> SceneState:
    return SceneState(0.0, 0.0, objects, None, None, health=())


TRUE = _scene(_object("a", 0.0), _object("b", 0.04), _object("far", 0.5))


def test_one_thing_seen_for_two_misses_one() -> None:
    compared = compare(_scene(_object("1", 0.015), _object("2", 0.5)), TRUE)
    assert [o.id for o in compared.missed] == ["b"]
    assert compared.invented == ()
    assert summarize([compared])["recall"] == round(2 / 3, 4)


def test_what_is_not_asked_for_is_neither_missed_nor_false() -> None:
    assert compare(_scene(_object("1", 0.0), _object("2", 0.04)), TRUE, {"far"}).missed == ()
    compared = compare(_scene(_object("1", 0.0), _object("2", 0.04), _object("3", 0.5)), TRUE, {"far"})
    assert (len(compared.pairs), compared.invented) == (2, ())


def test_a_group_is_solved_only_in_place_in_shape_and_with_nothing_more() -> None:
    right = _scene(_object("1", 0.001), _object("2", 0.041), _object("3", 0.5))
    assert is_solved(compare(right, TRUE), ("a", "b"), 0.01)
    beside = replace(right, objects=(_object("1", 0.012), *right.objects[1:]))
    turned_round = replace(right, objects=(_object("1", 0.0, Shape.CYLINDER), *right.objects[1:]))
    more = replace(right, objects=(*right.objects, _object("4", 0.02)))
    assert not any(is_solved(compare(scene, TRUE), ("a", "b"), 0.01) for scene in (beside, turned_round, more))
