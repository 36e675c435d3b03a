"""Bad input on the live path: each kind shows as health with its reason, and none touches what was known."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from real_data import shared_data
from rendered_scenes import COMPOSITION, StillBody, Thing, look
from verbot.perception.health import HealthMonitor
from verbot.perception.perceiver import FusedPerceiver
from verbot.perception.recordings.open_recording import open_recording
from verbot.perception.types import (
    CameraImage,
    HealthReason,
    ImuSamples,
    LidarScan,
    PerceiverSetup,
    SceneState,
    SensorFrame,
    SensorKind,
)

THINGS = (Thing("block_large", "red", 0.5, 0.1), Thing("block_large", "green", 0.45, -0.15))
ELSEWHERE = (Thing("block_large", "red", 0.6, 0.3), Thing("block_large", "green", 0.3, -0.3))
GOOD = tuple(look(THINGS, 1.0 + 0.1 * number, number) for number in range(3))
NEXT = look(THINGS, 1.3, 9)
OLD = look(ELSEWHERE, 0.5, 5)
SETUP = PerceiverSetup(COMPOSITION.specs, StillBody())
CAMERAS = ("front", "wrist")


def _images(frame: SensorFrame, change: Callable[[CameraImage], CameraImage]) -> SensorFrame:
    return replace(frame, images=tuple(change(image) for image in frame.images))


def _scans(frame: SensorFrame, change: Callable[[LidarScan], LidarScan]) -> SensorFrame:
    return replace(frame, scans=tuple(change(scan) for scan in frame.scans))


def _spoilt_points(scan: LidarScan) -> LidarScan:
    points = scan.points_sensor.copy()
    points[::3], points[1::5, 2] = np.inf, np.nan
    return replace(scan, points_sensor=points)


def _empty(scan: LidarScan) -> LidarScan:
    return replace(
        scan,
        points_sensor=scan.points_sensor[:0],
        point_times_s=scan.point_times_s[:0],
        intensity=scan.intensity[:0],
    )


def _lens(**changes: float | np.ndarray) -> Callable[[CameraImage], CameraImage]:
    return lambda image: replace(image, intrinsics=replace(image.intrinsics, **changes))


def _zoomed(image: CameraImage) -> CameraImage:
    i = image.intrinsics
    return replace(image, intrinsics=replace(i, fx=2.0 * i.fx, fy=2.0 * i.fy))


def _imu(samples: ImuSamples, chosen: slice | np.ndarray, times_s: np.ndarray | None = None) -> ImuSamples:
    return replace(
        samples,
        times_s=samples.times_s[chosen] if times_s is None else times_s,
        specific_force_mps2=samples.specific_force_mps2[chosen],
        angular_rate_radps=samples.angular_rate_radps[chosen],
    )


def _ten_times(samples: ImuSamples) -> ImuSamples:
    times_s = np.linspace(samples.times_s[0], samples.times_s[-1], 10 * len(samples.times_s))
    return _imu(samples, np.repeat(np.arange(len(samples.times_s)), 10), times_s)


def _after(*times_s: float) -> list[SensorFrame]:
    return [look(THINGS, time_s, round(10 * time_s)) for time_s in times_s]


# What arrives, which sensors must say what.
BAD: dict[str, tuple[list[SensorFrame], tuple[str, ...], HealthReason]] = {
    "points not finite": ([_scans(NEXT, _spoilt_points)], ("lidar",), HealthReason.NOT_FINITE),
    "empty scan": ([_scans(NEXT, _empty)], ("lidar",), HealthReason.EMPTY),
    "focal length zero": ([_images(NEXT, _lens(fx=0.0))], CAMERAS, HealthReason.INTRINSICS),
    "focal length not finite": ([_images(NEXT, _lens(fy=float("nan")))], CAMERAS, HealthReason.INTRINSICS),
    "focal length doubled": ([_images(NEXT, _zoomed)], CAMERAS, HealthReason.INTRINSICS),
    "centre far out": ([_images(NEXT, _lens(cx=5000.0))], CAMERAS, HealthReason.INTRINSICS),
    "pictures of the past": ([replace(NEXT, images=OLD.images)], CAMERAS, HealthReason.CLOCK),
    "a scan of the past": ([replace(NEXT, scans=OLD.scans)], ("lidar",), HealthReason.CLOCK),
    "everything of the past": ([OLD], (*CAMERAS, "lidar", "imu", "joints"), HealthReason.CLOCK),
    "imu times backwards": (
        [replace(NEXT, imu=tuple(_imu(s, slice(None), s.times_s[::-1].copy()) for s in NEXT.imu))],
        ("imu",),
        HealthReason.CLOCK,
    ),
    "imu with a hole": (
        [replace(NEXT, imu=tuple(_imu(s, np.r_[0:3, 17:20]) for s in NEXT.imu))],
        ("imu",),
        HealthReason.GAP,
    ),
    "no imu": ([replace(NEXT, imu=())], ("imu",), HealthReason.STALE),
    "camera blackout": ([_images(NEXT, lambda i: replace(i, rgb=np.zeros_like(i.rgb)))], CAMERAS, HealthReason.EMPTY),
    "cameras gone": ([replace(f, images=()) for f in _after(1.3, 1.4, 1.5, 1.6)], CAMERAS, HealthReason.STALE),
    "ten pictures and scans instead of one": (
        [replace(NEXT, images=NEXT.images * 10, scans=NEXT.scans * 10)],
        (*CAMERAS, "lidar"),
        HealthReason.RATE,
    ),
    "ten times the imu's rate": (
        [replace(NEXT, imu=tuple(_ten_times(s) for s in NEXT.imu))],
        ("imu",),
        HealthReason.RATE,
    ),
}
LATER = [replace(f, images=(), scans=()) for f in _after(1.7, 1.8, 1.9, 2.0, 2.1)] + _after(2.2)


def _seen(*frames: SensorFrame) -> SceneState:
    perceiver = FusedPerceiver(SETUP)
    return [perceiver.update(frame) for frame in frames][-1]


@pytest.mark.parametrize("name", BAD)
def test_bad_input_shows_its_reason_and_leaves_the_scene_as_it_was(name: str) -> None:
    frames, sensors, reason = BAD[name]
    before, after = _seen(*GOOD), _seen(*GOOD, *frames)
    health = {state.sensor: state for state in after.health}
    for sensor in sensors:
        assert health[sensor].reason is reason, (sensor, health[sensor])
        assert health[sensor].health < 1.0
    assert {state.sensor for state in after.health if state.reason is not HealthReason.OK} == set(sensors)
    assert [o.id for o in after.objects] == [o.id for o in before.objects]
    for one, other in zip(before.objects, after.objects, strict=True):
        assert np.linalg.norm(one.position_world - other.position_world) < 5e-4
        assert np.isfinite(other.covariance).all()


@pytest.mark.parametrize("name", BAD)
def test_after_bad_input_good_input_is_believed_again(name: str) -> None:
    scene = _seen(*GOOD, *BAD[name][0], *LATER)
    graver = [state for state in scene.health if state.reason not in (HealthReason.OK, HealthReason.GAP)]
    assert not graver
    assert len(scene.objects) == len(THINGS)


def test_a_picture_of_another_size_than_its_intrinsics_is_refused_where_it_is_made() -> None:
    image = NEXT.images[0]
    with pytest.raises(ValueError, match="scale the intrinsics"):
        replace(image, intrinsics=replace(image.intrinsics, width=image.intrinsics.width + 1))


def test_pictures_of_another_resolution_through_the_same_lens_are_the_same_camera() -> None:
    def halved(image: CameraImage) -> CameraImage:
        i = image.intrinsics
        small = replace(
            i, width=i.width // 2, height=i.height // 2, fx=i.fx / 2, fy=i.fy / 2,
            cx=(i.cx - 0.5) / 2, cy=(i.cy - 0.5) / 2,
        )  # fmt: skip
        return replace(image, rgb=image.rgb[::2, ::2], depth_m=image.depth_m[::2, ::2], intrinsics=small)

    scene = _seen(*GOOD, _images(NEXT, halved))
    assert all(state.reason is HealthReason.OK for state in scene.health)


def test_of_a_burst_only_the_newest_picture_is_looked_at() -> None:
    late = replace(NEXT, images=(*OLD.images, *NEXT.images))
    assert len(_seen(*GOOD, late).objects) == len(THINGS)


def _reason(recording: str, *frames: SensorFrame) -> HealthReason:
    monitor = HealthMonitor(open_recording(shared_data(recording)).sensors)
    for frame in frames:
        monitor.observe(frame)
    kinds = (SensorKind.LIDAR, SensorKind.IMU, SensorKind.CAMERA)
    states = {state.kind: state for state in monitor.report(frames[-1].time_s)}
    return next(states[kind].reason for kind in kinds if kind in states)


def test_a_real_lidar_is_ok_until_its_points_or_clock_are_not() -> None:
    moments = list(open_recording(shared_data("camera_lidar_drive")).moments())
    first, second = moments[0].frame, moments[1].frame
    assert _reason("camera_lidar_drive", first, second) is HealthReason.OK
    assert _reason("camera_lidar_drive", first, _scans(second, _spoilt_points)) is HealthReason.NOT_FINITE
    assert _reason("camera_lidar_drive", first, _scans(second, _empty)) is HealthReason.EMPTY
    assert _reason("camera_lidar_drive", second, first) is HealthReason.CLOCK
    assert _reason("camera_lidar_drive", first, replace(second, scans=second.scans * 10)) is HealthReason.RATE


def test_a_real_imu_is_ok_until_it_has_a_hole_or_runs_backwards() -> None:
    pieces = [m.frame for m in list(open_recording(shared_data("imu_trajectory")).moments())[:12]]
    assert _reason("imu_trajectory", *pieces) is HealthReason.OK
    assert _reason("imu_trajectory", *pieces[:6], *pieces[8:9]) is HealthReason.GAP
    assert _reason("imu_trajectory", *pieces[:6], pieces[3]) is HealthReason.CLOCK
    fast = replace(pieces[6], imu=tuple(_ten_times(s) for s in pieces[6].imu))
    assert _reason("imu_trajectory", *pieces[:6], fast) is HealthReason.RATE


def test_a_real_depth_camera_is_ok_until_it_is_dark_or_its_lens_changes() -> None:
    frames = [m.frame for m in open_recording(shared_data("rgbd_room")).moments()]
    dark = _images(frames[2], lambda i: replace(i, rgb=np.zeros_like(i.rgb)))
    assert _reason("rgbd_room", *frames[:3]) is HealthReason.OK
    assert _reason("rgbd_room", *frames[:2], dark) is HealthReason.EMPTY
    assert _reason("rgbd_room", *frames[:2], _images(frames[2], _zoomed)) is HealthReason.INTRINSICS
    assert _reason("rgbd_room", frames[1], frames[0]) is HealthReason.CLOCK
