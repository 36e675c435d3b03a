"""The road: bad data never raises, nothing of the arm becomes an object, the same frames give the same scene."""

import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from rendered_scenes import CLUTTER, COMPOSITION, StillBody, look, still_imu, still_joints
from verbot.perception.perceiver import SPEC, FusedConfig, FusedPerceiver
from verbot.perception.types import HealthReason, PerceiverSetup, SceneState, SensorFrame
from verbot.planning.robot_model import RobotModel
from verbot.sim.robot import PandaConfig, SimRobot
from verbot.sim.scenes import draw, load_scene
from verbot.sim.sensors import load_composition

SETUP = PerceiverSetup(COMPOSITION.specs, StillBody())
FRAME = look(CLUTTER)
FRONT, WRIST = FRAME.images
SCAN = FRAME.scans[0]


def _perceive(*frames: SensorFrame) -> SceneState:
    perceiver = FusedPerceiver(SETUP)
    for frame in frames[:-1]:
        perceiver.update(frame)
    return perceiver.update(frames[-1])


def _with_front(**changes) -> SensorFrame:
    return replace(FRAME, images=(replace(FRONT, **changes), WRIST))


def _garbage() -> SensorFrame:
    rng = np.random.default_rng(0)
    noise = [rng.uniform(0, 3, i.depth_m.shape).astype(np.float32) for i in FRAME.images]
    return replace(FRAME, images=tuple(replace(i, depth_m=d) for i, d in zip(FRAME.images, noise, strict=True)))


BAD: dict[str, Callable[[], SensorFrame]] = {
    "no cameras": lambda: replace(FRAME, images=()),
    "no lidar": lambda: replace(FRAME, scans=()),
    "no joints": lambda: replace(FRAME, joints=None),
    "nothing": lambda: SensorFrame(1.0),
    "depth not finite": lambda: _with_front(depth_m=np.full_like(FRONT.depth_m, np.nan)),
    "some depth not finite": lambda: _with_front(
        depth_m=np.where(np.arange(480)[:, None] % 3 == 0, np.float32(np.inf), FRONT.depth_m)
    ),
    "black": lambda: _with_front(rgb=np.zeros_like(FRONT.rgb)),
    "camera pose not finite": lambda: _with_front(T_mount_camera=np.full((4, 4), np.nan)),
    "camera on an unknown link": lambda: _with_front(mount="nowhere"),
    "negative depth": lambda: _with_front(depth_m=-FRONT.depth_m),
    "scan not finite": lambda: replace(
        FRAME, scans=(replace(SCAN, points_sensor=np.full_like(SCAN.points_sensor, np.nan)),)
    ),
    "joints not finite": lambda: replace(
        FRAME, joints=replace(still_joints(1.0), positions_rad=np.full((24, 7), np.nan))
    ),
    "imu not finite": lambda: replace(FRAME, imu=(still_imu(1.0, force=(np.nan, 0.0, 0.0)),)),
    "garbage depth": _garbage,
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data_never_raises_and_never_puts_out_a_number_that_is_not_finite(name: str) -> None:
    scene = _perceive(BAD[name]())
    for o in scene.objects:
        for values in (o.pose_world, o.covariance, o.size_m, o.color_rgb):
            assert np.isfinite(values).all()


@pytest.mark.parametrize(
    "name", ["no lidar", "depth not finite", "black", "camera pose not finite", "imu not finite", "scan not finite"]
)
def test_one_lost_sensor_leaves_all_objects_seen(name: str) -> None:
    assert len(_perceive(BAD[name]()).objects) == len(CLUTTER)


def test_a_lost_camera_widens_the_covariance() -> None:
    both, one = _perceive(FRAME), _perceive(replace(FRAME, images=(FRONT,), scans=()))
    assert np.median([o.covariance[0, 0] for o in one.objects]) > np.median([o.covariance[0, 0] for o in both.objects])


def test_an_image_from_a_turning_wrist_is_not_used() -> None:
    scene = _perceive(replace(FRAME, images=(WRIST,), imu=(still_imu(1.0, rate=(0.0, 0.5, 0.0)),)))
    assert not any("wrist" in o.sources for o in scene.objects)


@pytest.mark.parametrize(("moved_rad", "is_used"), [(0.0, True), (0.05, False)])
def test_pictures_after_encoders_fell_silent_are_used_only_if_the_arm_stood_still(
    moved_rad: float, is_used: bool
) -> None:
    last = still_joints(0.6)
    swing = np.linspace(0.0, moved_rad, len(last.times_s))[:, None]
    silent = SensorFrame(0.6, joints=replace(last, positions_rad=last.positions_rad + swing))
    scene = _perceive(silent, replace(FRAME, joints=None))
    assert (scene.seen_s is not None) == is_used


def test_an_imu_whose_gravity_contradicts_the_kinematics_disagrees() -> None:
    scene = _perceive(replace(FRAME, imu=(still_imu(1.0, force=(1.2, 0.0, -9.73)),)))
    health = next(h for h in scene.health if h.sensor == "imu")
    assert health.reason is HealthReason.DISAGREES
    assert health.health < 1.0


@pytest.mark.parametrize(("lift_m", "reason"), [(0.0, HealthReason.OK), (0.006, HealthReason.INNOVATION)])
def test_a_camera_that_sees_the_table_elsewhere_than_before_tells_so(lift_m: float, reason: HealthReason) -> None:
    rng = np.random.default_rng(0)
    looks = []
    for time_s, up_m in ((1.0, 0.0), (1.1, 0.0), (1.2, 0.0), (1.3, lift_m)):
        T_mount_camera = FRONT.T_mount_camera.copy()
        T_mount_camera[2, 3] += up_m
        depth_m = FRONT.depth_m + rng.normal(0.0, 1e-4, FRONT.depth_m.shape).astype(np.float32)
        seen = replace(FRONT, time_s=time_s - 0.02, T_mount_camera=T_mount_camera, depth_m=depth_m)
        looks.append(replace(FRAME, time_s=time_s, images=(seen,), scans=()))
    scene = _perceive(*looks)
    assert next(h for h in scene.health if h.sensor == "front").reason is reason


def test_frames_without_images_keep_the_scene_and_follow_the_body() -> None:
    before = _perceive(FRAME)
    after = _perceive(FRAME, SensorFrame(1.1, joints=still_joints(1.1)))
    assert after.seen_s == before.seen_s == 1.0
    assert after.time_s == 1.1
    assert len(after.objects) == len(CLUTTER)
    assert after.body is not None


def test_the_same_frames_give_the_same_bytes() -> None:
    again = replace(FRAME, time_s=1.2)
    assert pickle.dumps(_perceive(FRAME, again)) == pickle.dumps(_perceive(FRAME, again))


def test_reset_forgets_everything() -> None:
    perceiver = FusedPerceiver(SETUP)
    perceiver.update(FRAME)
    perceiver.reset()
    scene = perceiver.update(SensorFrame(0.0))
    assert (scene.objects, scene.table, scene.seen_s, scene.body) == ((), None, None, None)


def test_the_entry_point_builds_a_perceiver_from_its_config() -> None:
    assert isinstance(SPEC.build(FusedConfig(), PerceiverSetup(())), FusedPerceiver)


def test_nothing_of_the_arm_becomes_an_object() -> None:
    robot = SimRobot(PandaConfig(), load_composition("panda_table"))
    scene_file = load_scene("table")
    robot.stage = lambda seed: draw(scene_file, seed)
    perceiver = FusedPerceiver(PerceiverSetup(robot.sensors, RobotModel(robot.description)))
    try:
        perceiver.update(robot.reset(3))
        scene = perceiver.update(robot.read(robot.time_s + 0.25))
    finally:
        robot.close()
    assert len(scene.objects) == len(draw(scene_file, 3).objects)
    assert all(h.reason is HealthReason.OK for h in scene.health)
    assert scene.table is not None
    assert abs(scene.table.height_m) < 0.001
