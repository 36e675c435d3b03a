"""What a sensor's health says, reason by reason."""

from dataclasses import replace

import numpy as np
import pytest
from rendered_scenes import still_imu, still_joints
from verbot.perception.health import HealthMonitor
from verbot.perception.types import (
    CameraImage,
    HealthReason,
    Intrinsics,
    LidarScan,
    SensorFrame,
    SensorHealth,
    SensorKind,
    SensorSpec,
)

SPECS = (
    SensorSpec("eye", SensorKind.CAMERA, 10.0, 0.03),
    SensorSpec("lidar", SensorKind.LIDAR, 10.0, 0.05),
    SensorSpec("imu", SensorKind.IMU, 200.0, 0.002),
    SensorSpec("joints", SensorKind.JOINTS, 240.0, 0.0),
)


def _image(time_s: float) -> CameraImage:
    rgb = np.random.default_rng(0).integers(40, 200, (24, 32, 3), dtype=np.uint8)
    depth_m = np.ones((24, 32), np.float32)
    return CameraImage("eye", time_s, rgb, depth_m, Intrinsics(32, 24, 30.0, 30.0, 15.5, 11.5), np.eye(4))


def _scan(time_s: float, count: int = 100) -> LidarScan:
    points = np.random.default_rng(1).uniform(0.2, 3.0, (count, 3)).astype(np.float32)
    return LidarScan("lidar", time_s, points, np.full(count, time_s), np.ones(count, np.float32), np.eye(4))


def _frame(time_s: float) -> SensorFrame:
    imu, joints = still_imu(time_s, noise=0.0), still_joints(time_s, noise=0.0)
    return SensorFrame(time_s, (_image(time_s - 0.03),), (_scan(time_s - 0.05),), (imu,), joints)


def _health(*frames: SensorFrame, sensor: str, specs: tuple[SensorSpec, ...] = SPECS) -> SensorHealth:
    monitor = HealthMonitor(specs)
    for frame in frames:
        monitor.observe(frame)
    return next(h for h in monitor.report(frames[-1].time_s) if h.sensor == sensor)


@pytest.mark.parametrize("sensor", [spec.name for spec in SPECS])
def test_sensors_that_deliver_as_declared_are_ok(sensor: str) -> None:
    health = _health(*(_frame(0.1 * n) for n in range(1, 9)), sensor=sensor)
    assert (health.health, health.reason) == (1.0, HealthReason.OK)


def test_a_declared_sensor_that_never_spoke_is_silent() -> None:
    frames = [replace(_frame(0.1 * n), images=()) for n in range(1, 6)]
    health = _health(*frames, sensor="eye")
    assert (health.health, health.reason, health.age_s) == (0.0, HealthReason.SILENT, None)


def test_a_camera_that_stops_is_stale_at_the_next_look_and_only_then() -> None:
    frames = [_frame(0.1), replace(_frame(0.5), images=(), scans=())]
    assert _health(*frames, sensor="eye").reason is HealthReason.OK
    assert _health(*frames, replace(_frame(0.6), images=()), sensor="eye").reason is HealthReason.STALE


def test_an_imu_that_delivers_half_its_samples_has_the_wrong_rate() -> None:
    frames = []
    for n in range(1, 10):
        samples = still_imu(0.1 * n)
        halves = {k: getattr(samples, k)[::2] for k in ("times_s", "specific_force_mps2", "angular_rate_radps")}
        frames.append(replace(_frame(0.1 * n), imu=(replace(samples, **halves),)))
    health = _health(*frames, sensor="imu")
    assert health.reason is HealthReason.RATE
    assert health.health == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda image: replace(image, depth_m=np.zeros_like(image.depth_m)), HealthReason.EMPTY),
        (lambda image: replace(image, rgb=np.zeros_like(image.rgb)), HealthReason.EMPTY),
        (lambda image: replace(image, rgb=np.full_like(image.rgb, 255)), HealthReason.SATURATED),
        (lambda image: replace(image, depth_m=np.full_like(image.depth_m, np.nan)), HealthReason.NOT_FINITE),
        (lambda image: replace(image, T_mount_camera=np.full((4, 4), np.nan)), HealthReason.NOT_FINITE),
    ],
)
def test_a_bad_image_names_its_reason(change, reason: HealthReason) -> None:
    health = _health(replace(_frame(0.1), images=(change(_image(0.07)),)), sensor="eye")
    assert health.reason is reason
    assert health.health < 0.5


def test_a_scan_without_points_is_empty_and_values_that_are_not_finite_show() -> None:
    assert _health(replace(_frame(0.1), scans=(_scan(0.05, 0),)), sensor="lidar").reason is HealthReason.EMPTY
    bad = still_imu(0.1, force=(np.nan, 0.0, 0.0))
    assert _health(replace(_frame(0.1), imu=(bad,)), sensor="imu").reason is HealthReason.NOT_FINITE
    strong = still_imu(0.1, force=(400.0, 0.0, 0.0))
    assert _health(replace(_frame(0.1), imu=(strong,)), sensor="imu").reason is HealthReason.SATURATED


@pytest.mark.parametrize("noise_levels", [0, 1])
def test_a_picture_of_one_gray_is_uniform_and_a_picture_of_many_is_not(noise_levels: int) -> None:
    gray = np.random.default_rng(2).normal(121.0, noise_levels, (24, 32, 3)).astype(np.uint8)
    covered = replace(_frame(0.1), images=(replace(_image(0.07), rgb=gray),))
    health = _health(covered, sensor="eye")
    assert (health.reason, health.health) == (HealthReason.UNIFORM, 0.5)
    assert _health(_frame(0.1), sensor="eye").reason is HealthReason.OK


def test_a_sweep_that_ends_at_one_distance_everywhere_is_uniform_and_useless() -> None:
    scan = _scan(0.05)
    dome = scan.points_sensor / np.linalg.norm(scan.points_sensor, axis=1, keepdims=True) * np.float32(0.05)
    health = _health(replace(_frame(0.1), scans=(replace(scan, points_sensor=dome),)), sensor="lidar")
    assert (health.reason, health.health) == (HealthReason.UNIFORM, 0.0)


def test_undeclared_sensors_are_learned_from_the_frames() -> None:
    health = _health(_frame(0.1), sensor="eye", specs=())
    assert (health.kind, health.health) == (SensorKind.CAMERA, 1.0)


def test_disagreement_lowers_trust() -> None:
    monitor = HealthMonitor(SPECS)
    monitor.observe(_frame(0.1))
    monitor.disagrees("eye", 0.5)
    assert monitor.trust("eye") == 0.5
    assert monitor.report(0.1)[0].reason is HealthReason.DISAGREES


NOISY = tuple(replace(spec, noise={"value": 0.001}) for spec in SPECS)


@pytest.mark.parametrize("sensor", [spec.name for spec in SPECS])
def test_a_sensor_with_noise_that_repeats_itself_is_frozen(sensor: str) -> None:
    frames = [_frame(0.1 * n) for n in range(1, 4)]
    health = _health(*frames, sensor=sensor, specs=NOISY)
    assert (health.health, health.reason) == (0.0, HealthReason.FROZEN)


def test_a_sensor_that_shows_something_new_again_is_frozen_no_longer() -> None:
    thawed = _frame(0.4)
    image = replace(thawed.images[0], depth_m=np.full((24, 32), 1.01, np.float32))
    frames = [*(_frame(0.1 * n) for n in range(1, 4)), replace(thawed, images=(image,))]
    assert _health(*frames, sensor="eye", specs=NOISY).health == 1.0


def test_the_same_picture_delivered_twice_is_not_frozen() -> None:
    again = replace(_frame(0.2), images=_frame(0.1).images)
    assert _health(_frame(0.1), again, sensor="eye", specs=NOISY).reason is not HealthReason.FROZEN


def test_a_time_that_is_still_to_come_tells_of_a_wrong_clock() -> None:
    frame = _frame(1.0)
    ahead = replace(frame, images=(_image(1.1),))
    health = _health(ahead, sensor="eye")
    assert (health.health, health.reason) == (0.5, HealthReason.CLOCK)
    assert _health(frame, sensor="eye").reason is HealthReason.OK
