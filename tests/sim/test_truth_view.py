import numpy as np
import pytest
from drawn_rooms import HAND_AT_LOOK_POSE, make_box, make_room, make_table
from verbot.perception.types import CameraImage
from verbot.sim.camera import Camera, CameraConfig
from verbot.sim.pinhole import make_intrinsics
from verbot.sim.raycast import RayRoom
from verbot.sim.scenes import draw, load_scene
from verbot.sim.truth_view import look_truly


def test_every_object_in_view_has_its_own_instance_and_the_sky_has_none() -> None:
    scene = draw(load_scene("table"), 3)
    camera = Camera(CameraConfig(name="c", position_m=(1.25, 0.0, 0.75), look_at_m=(0.45, 0.0, 0.0)))
    view = look_truly(make_room(scene), camera.intrinsics, camera.T_mount_sensor)
    for placed in scene.objects:
        assert view.mask(placed.name).sum() > 50, placed.name
    assert (view.instance[0] == -1).all()
    assert np.isinf(view.depth_m[0]).all()
    assert not view.normal_world[0].any()
    with pytest.raises(KeyError, match="no body 'ghost'"):
        view.mask("ghost")


def test_normals_are_of_unit_length_and_face_the_camera() -> None:
    view = look_truly(
        RayRoom([make_table(), make_box("b", (0.45, 0.0, 0.05), (0.1, 0.1, 0.1))]),
        make_intrinsics(160, 120, 1.0),
        HAND_AT_LOOK_POSE,
    )
    seen = view.instance >= 0
    assert seen.any()
    assert np.abs(np.linalg.norm(view.normal_world[seen], axis=1) - 1.0).max() < 1e-5
    np.testing.assert_allclose(
        view.normal_world[view.mask("table")], np.tile([0.0, 0.0, 1.0], (view.mask("table").sum(), 1)), atol=1e-6
    )


def test_what_the_agent_gets_of_a_camera_holds_no_truth() -> None:
    assert set(CameraImage.__slots__) == {
        "sensor",
        "time_s",
        "rgb",
        "depth_m",
        "intrinsics",
        "T_mount_camera",
        "mount",
    }


def test_true_depth_and_the_camera_s_depth_differ_by_its_errors_only() -> None:
    room = make_room(draw(load_scene("table"), 3))
    keys = {"depth_noise_m": 0.0, "depth_noise_per_m": 0.0, "edge_dropout": 0.0, "random_dropout": 0.0}
    camera = Camera(
        CameraConfig(name="c", position_m=(1.25, 0.0, 0.75), look_at_m=(0.45, 0.0, 0.0), grazing_rad=1.58, **keys)
    )
    measured = camera.measure(room, np.eye(4), 0.0, np.random.default_rng(0)).depth_m
    view = look_truly(room, camera.intrinsics, camera.T_mount_sensor)
    seen = measured > 0
    assert (np.abs(measured[seen] - view.depth_m[seen]) < 1e-3).mean() > 0.9995
