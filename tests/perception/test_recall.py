"""Between two looks only what changed is described anew, and every change is seen."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from rendered_scenes import CLUTTER, COMPOSITION, StillBody, Thing, found, look, look_with, make_box, make_room
from verbot.perception import objects
from verbot.perception.perceiver import FusedPerceiver
from verbot.perception.points import View
from verbot.perception.types import PerceiverSetup, SceneState, SensorFrame
from verbot.perception.visibility import look_at_box
from verbot.sim.camera import Camera, CameraConfig

RED = CLUTTER[0]
EARLIER = (look(CLUTTER, 0.4, seed=3), look(CLUTTER, 0.7, seed=4))
CAMERA = Camera(CameraConfig(name="own", position_m=(1.0, 0.0, 0.8), look_at_m=(0.5, 0, 0), width=320, height=240))


def _see_twice(*frames: SensorFrame, earlier: Sequence[SensorFrame] = EARLIER) -> tuple[SceneState, SceneState]:
    """The scenes after two looks at what was looked at before: by then it is well known."""
    perceiver = FusedPerceiver(PerceiverSetup(COMPOSITION.specs, StillBody()))
    *_, first, second = (perceiver.update(frame) for frame in (*earlier, *frames))
    return first, second


def _changed(thing: Thing, **changes) -> Sequence[Thing]:
    return [replace(t, **changes) if t is thing else t for t in CLUTTER]


@pytest.fixture(scope="module")
def first() -> SensorFrame:
    return look(CLUTTER, 1.0, seed=1)


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many points each described piece had."""
    counts: list[int] = []
    describe = objects.describe_segment

    def count(segment, *more):
        counts.append(len(segment.points))
        return describe(segment, *more)

    monkeypatch.setattr(objects, "describe_segment", count)
    return counts


def test_what_rests_is_described_three_times_and_then_seen_again(first: SensorFrame, described: list[int]) -> None:
    before, after = _see_twice(first, look(CLUTTER, 2.0, seed=2))
    assert 0 <= len(described) - 3 * len(CLUTTER) <= 1  # noise may look like a change once
    assert {o.id for o in after.objects} == {o.id for o in before.objects}
    assert all(o.last_seen_s == 2.0 for o in after.objects)
    assert all(set(o.sources) >= {"front", "wrist"} for o in after.objects)


@pytest.mark.parametrize(
    "change",
    [{"x": RED.x + 0.004}, {"yaw_rad": RED.yaw_rad + 0.15}, {"color": "green"}, {"kind": "block_small"}],
    ids=("moved", "turned", "of another colour", "smaller"),
)
def test_only_what_changed_is_described_anew(change: dict, first: SensorFrame, described: list[int]) -> None:
    things = _changed(RED, **change)
    before, after = _see_twice(first, look(things, 2.0, seed=2))
    assert 1 <= len(described) - 3 * len(CLUTTER) <= 2
    old, new = found(RED, before.objects), found(things[0], after.objects, within_m=0.01)
    assert not np.allclose(np.append(old.pose_world, old.color_rgb), np.append(new.pose_world, new.color_rgb))


def test_four_millimetres_are_seen(first: SensorFrame) -> None:
    things = _changed(RED, x=RED.x + 0.004)
    before, after = _see_twice(first, look(things, 2.0, seed=2), earlier=())
    step_m = found(things[0], after.objects).position_world[0] - found(RED, before.objects).position_world[0]
    assert step_m > 0.0015  # a move of less than 6 mm is averaged with what was believed


def test_an_object_taken_away_is_gone_and_the_others_stay(first: SensorFrame) -> None:
    _, after = _see_twice(first, look(CLUTTER[1:], 2.0, seed=2))
    assert len(after.objects) == len(CLUTTER) - 1


def test_an_object_set_on_a_known_one_stands_on_it(first: SensorFrame) -> None:
    top = Thing("block_small", "blue", RED.x, RED.y, RED.yaw_rad, floor_m=float(RED.size_m[2]))
    _, after = _see_twice(first, look([*CLUTTER, top], 2.0, seed=2))
    assert len(after.objects) == len(CLUTTER) + 1
    assert abs(found(top, after.objects).bottom_m - top.floor_m) < 0.004


def test_a_like_object_set_beside_a_known_one_is_another_one(first: SensorFrame) -> None:
    beside = replace(RED, y=RED.y + 0.07, yaw_rad=0.9)
    _, after = _see_twice(first, look([*CLUTTER, beside], 2.0, seed=2))
    assert len(after.objects) == len(CLUTTER) + 1
    found(beside, after.objects, within_m=0.004)
    found(RED, after.objects, within_m=0.004)


def test_what_hides_half_an_object_is_no_change_of_it(described: list[int]) -> None:
    block = Thing("block_large", "red", 0.45, 0.0, 0.2)
    # Higher above the table than objects are.
    board = make_box("board", (0.80, 0.050, 0.525), (0.01, 0.10, 0.10), (0.5, 0.5, 0.5))
    perceiver = FusedPerceiver(PerceiverSetup(()))
    looks = [look_with([CAMERA], make_room([block]), time_s, seed=round(10 * time_s)) for time_s in (0.4, 0.7, 1.0)]
    before = [perceiver.update(frame) for frame in looks][-1]
    frame = look_with([CAMERA], make_room([block], extra=[board]), 2.0, seed=2)
    after = perceiver.update(frame)
    (old,), (new,) = before.objects, after.objects
    view = View(frame.images[0], frame.images[0].T_mount_camera, None, 0.001)
    assert 0.2 < look_at_box(old.pose_world, old.size_m, 0.0, [view]).on < 0.8
    assert len(described) == 3
    assert new.last_seen_s == 2.0
    np.testing.assert_allclose(new.position_world, old.position_world, atol=5e-4)


def test_an_object_that_moved_while_it_was_hidden_is_found_where_it_lies(first: SensorFrame) -> None:
    perceiver = FusedPerceiver(PerceiverSetup(COMPOSITION.specs, StillBody()))
    perceiver.update(first)
    perceiver.update(replace(look(CLUTTER, 2.0, seed=2), images=(), scans=()))
    things = _changed(RED, x=RED.x - 0.03, y=RED.y + 0.02)
    after = perceiver.update(look(things, 3.0, seed=3))
    assert len(after.objects) == len(CLUTTER)
    found(things[0], after.objects, within_m=0.003)


def test_a_handle_that_one_look_missed_is_found_by_the_next_ones() -> None:
    mug = Thing("mug", "blue", 0.5, 0.1, 1.2)
    hidden = make_box("board", (0.545, 0.215, 0.12), (0.15, 0.01, 0.24), (0.5, 0.5, 0.5))
    perceiver = FusedPerceiver(PerceiverSetup(()))
    cameras = [CAMERA]
    scenes = [
        perceiver.update(look_with(cameras, make_room([mug], extra=extra), time_s, seed=k))
        for k, (time_s, extra) in enumerate([(0.5, [hidden]), (1.0, []), (1.5, []), (2.0, [])])
    ]
    seen = found(mug, scenes[-1].objects)
    yaw_rad = np.arctan2(seen.pose_world[1, 0], seen.pose_world[0, 0])
    assert abs(np.angle(np.exp(1j * (yaw_rad - mug.yaw_rad)))) < 0.2
