"""Labelled looks: what is said of every pixel and point is true, and a shard gives back what was put in."""

import numpy as np
import pytest
from verbot.perception.geometry import invert_pose
from verbot.perception.labelled_looks import LabelledLook, LabelledLooksError, load_looks, save_looks
from verbot.perception.types import Shape
from verbot.sim.labelled_looks import MEASURING, LookSettings, draw_look
from verbot.sim.loose_layout import KINDS, strew
from verbot.sim.tasks import held_out

SETTINGS = LookSettings(width=160, absent=0.0, worse=0.0, another_camera=1.0)


@pytest.fixture(scope="module")
def looks() -> list[LabelledLook]:
    return [draw_look(MEASURING + number, SETTINGS) for number in range(3)]


def _in_object(look: LabelledLook, points_world: np.ndarray, index: int) -> np.ndarray:
    item = look.objects[index]
    return points_world @ invert_pose(item.pose_world)[:3, :3].T + invert_pose(item.pose_world)[:3, 3]


def test_points_of_an_instance_lie_on_its_object_where_the_camera_truly_was(looks):
    for look in looks:
        for image in look.frame.images:
            instances = look.instances[image.sensor]
            v, u = np.nonzero((instances >= 0) & (image.depth_m > 0))
            i, depth = image.intrinsics, image.depth_m[v, u]
            camera = np.stack([(u - i.cx) / i.fx * depth, (v - i.cy) / i.fy * depth, depth], axis=1)
            pose = look.true_T_world_sensor[image.sensor]
            world = camera @ pose[:3, :3].T + pose[:3, 3]
            for index in np.unique(instances[v, u]):
                local = _in_object(look, world[instances[v, u] == index], int(index))
                beyond = np.abs(local) - look.objects[index].size_m / 2
                beyond[:, 0] -= 0.025 if look.objects[index].shape is Shape.MUG else 0.0  # the handle
                assert np.percentile(beyond.max(axis=1), 95) < 0.008


def test_points_of_a_scan_are_labelled_with_what_they_lie_on(looks):
    for look in looks:
        (scan,) = look.frame.scans
        pose, instances = look.true_T_world_sensor[scan.sensor], look.instances[scan.sensor]
        world = scan.points_sensor @ pose[:3, :3].T + pose[:3, 3]
        assert len(instances) == len(world)
        assert (np.abs(world[instances < 0, 2]) < 0.03).mean() > 0.2  # much of the rest is the table
        for index in np.unique(instances[instances >= 0]):
            local = _in_object(look, world[instances == index], int(index))
            assert (np.abs(local).max(axis=1) < look.objects[index].size_m.max()).mean() > 0.95


def test_the_same_seed_gives_the_same_look_and_another_seed_another(looks):
    again = draw_look(MEASURING, SETTINGS)
    assert np.array_equal(again.frame.images[0].rgb, looks[0].frame.images[0].rgb)
    assert np.array_equal(again.frame.scans[0].points_sensor, looks[0].frame.scans[0].points_sensor)
    assert not np.array_equal(again.frame.images[0].rgb, looks[1].frame.images[0].rgb)


def test_a_shard_gives_back_what_was_put_in(looks, tmp_path):
    save_looks(tmp_path / "some.safetensors", looks)
    for before, after in zip(looks, load_looks(tmp_path / "some.safetensors"), strict=True):
        assert after.seed == before.seed
        assert after.is_moving == before.is_moving
        assert after.conditions == before.conditions
        for mine, theirs in zip(after.frame.images, before.frame.images, strict=True):
            assert np.array_equal(mine.rgb, theirs.rgb)
            assert mine.intrinsics == theirs.intrinsics
            assert np.abs(mine.depth_m - theirs.depth_m).max() < 4e-5
        assert np.array_equal(after.frame.scans[0].points_sensor, before.frame.scans[0].points_sensor)
        assert np.array_equal(after.frame.joints.positions_rad, before.frame.joints.positions_rad)
        for name, instances in before.instances.items():
            assert np.array_equal(after.instances[name], instances)
        for mine, theirs in zip(after.objects, before.objects, strict=True):
            assert np.array_equal(mine.pose_world, theirs.pose_world)
            assert mine.shape is theirs.shape


def test_what_is_no_shard_is_refused_in_one_line(tmp_path):
    (tmp_path / "none.safetensors").write_bytes(b"\x00" * 64)
    for path in (tmp_path / "none.safetensors", tmp_path / "absent.safetensors"):
        with pytest.raises(LabelledLooksError) as problem:
            load_looks(path)
        assert "\n" not in str(problem.value)


def test_an_absent_sensor_delivers_nothing_and_is_named():
    look = draw_look(MEASURING, LookSettings(width=160, absent=1.0, worse=0.0))
    assert not look.frame.images
    assert not look.frame.scans
    assert not look.instances
    assert set(look.conditions.values()) == {"absent"}


def test_a_moving_wrist_is_believed_where_it_is_not():
    exact = LookSettings(width=160, moving=1.0, absent=0.0, worse=0.0, mount_m=0.0, mount_rad=0.0)
    moved = [draw_look(MEASURING + number, exact) for number in range(4)]
    off_m = {
        name: max(np.linalg.norm((m.true_T_world_sensor[name] - m.T_world_sensor[name])[:3, 3]) for m in moved)
        for name in ("wrist", "front")
    }
    assert off_m["wrist"] > 5e-4
    assert off_m["front"] < 1e-12


def test_strewn_things_do_not_overlap_and_some_touch_and_some_stand_on_others():
    upon = 0
    for seed in range(30):
        things = strew(np.random.default_rng(seed))
        for number, thing in enumerate(things):
            bottom_m = thing.pose_world[2, 3] - thing.size_m[2] / 2
            upon += bottom_m > 0.002
            for other in things[:number]:
                is_over = thing.top_m - thing.size_m[2] > 0.002 or other.top_m - other.size_m[2] > 0.002
                assert is_over or thing.outline().gap_m(other.outline()) > -1e-6
    assert upon > 10


def test_no_kind_that_is_held_out_of_training_is_strewn():
    assert not set(KINDS) & set(held_out.KINDS.values())
