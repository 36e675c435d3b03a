from pathlib import Path

import numpy as np
import pytest
from scripted_motion import make_robot, make_scene
from test_robot import frame_bytes
from verbot.perception.types import SensorFrame
from verbot.sim.fault_file import FaultEntry, FaultError, FaultFile, FaultKind, list_faults, load_faults
from verbot.sim.faults import draw_faults
from verbot.sim.robot import SimRobot

BLOCK = ("it", "block_large", 0.45, 0.1, 0.0225)
NOW = (0.0, 0.0)


def frames(
    *entries: FaultEntry, until_s: tuple[float, ...] = (0.5, 1.0, 1.5), composition: str = "panda_table"
) -> tuple[SimRobot, list[SensorFrame]]:
    robot = make_robot(make_scene(BLOCK), composition=composition)
    if entries:
        robot.inject(FaultFile(name="test", faults=entries))
    seen = [robot.reset(0), *(robot.read(time_s) for time_s in until_s)]
    robot.close()
    return robot, seen


@pytest.fixture(scope="module")
def sound() -> list[SensorFrame]:
    return frames()[1]


def test_a_dropped_camera_delivers_nothing_while_it_is_gone() -> None:
    _, seen = frames(FaultEntry(kind=FaultKind.DROPPED, sensor="front", start_s=(0.3, 0.3), duration_s=(0.4, 0.4)))
    fresh = [any(i.sensor == "front" and i.time_s > frame.time_s - 0.2 for i in frame.images) for frame in seen]
    assert fresh == [True, False, True, True]


def test_a_frozen_camera_repeats_its_picture_under_fresh_times(sound: list[SensorFrame]) -> None:
    _, seen = frames(FaultEntry(kind=FaultKind.FROZEN, sensor="front", start_s=(0.6, 0.6)))
    second, third = (next(i for i in frame.images if i.sensor == "front") for frame in seen[2:])
    assert second.time_s < third.time_s == next(i for i in sound[3].images if i.sensor == "front").time_s
    assert (second.depth_m == third.depth_m).all()


def test_late_encoders_arrive_with_their_true_times(sound: list[SensorFrame]) -> None:
    _, seen = frames(FaultEntry(kind=FaultKind.LATE, sensor="joints", start_s=(0.1, 0.1), delay_s=0.3))
    late, prompt = seen[3].joints, sound[3].joints
    assert late is not None
    assert prompt is not None
    assert late.times_s[-1] == pytest.approx(prompt.times_s[-1] - 0.3, abs=0.005)


def test_bias_and_noise_change_what_they_name_only(sound: list[SensorFrame]) -> None:
    _, seen = frames(
        FaultEntry(kind=FaultKind.BIASED, sensor="imu", start_s=NOW, amounts={"force_mps2": 1.0}),
        FaultEntry(kind=FaultKind.NOISY, sensor="front", start_s=NOW, amounts={"depth_m": 0.01}),
    )
    off = seen[1].imu[0].specific_force_mps2 - sound[1].imu[0].specific_force_mps2
    assert np.abs(off) == pytest.approx(1.0)
    assert (seen[1].imu[0].angular_rate_radps == sound[1].imu[0].angular_rate_radps).all()
    noisy, clean = seen[1].images[0], sound[1].images[0]
    error = (noisy.depth_m - clean.depth_m)[clean.depth_m > 0]
    assert error.std() == pytest.approx(0.01, rel=0.05)
    assert (noisy.rgb == clean.rgb).all()
    assert (seen[1].images[1].depth_m == sound[1].images[1].depth_m).all()


def test_a_shifted_lidar_measures_from_elsewhere_and_does_not_say_so(sound: list[SensorFrame]) -> None:
    _, seen = frames(FaultEntry(kind=FaultKind.SHIFTED, sensor="lidar", start_s=NOW, shift_m=0.06))
    assert (seen[0].scans[0].T_mount_sensor == sound[0].scans[0].T_mount_sensor).all()
    moved = np.median(seen[0].scans[0].points_sensor, axis=0) - np.median(sound[0].scans[0].points_sensor, axis=0)
    assert np.linalg.norm(moved) > 0.005


def test_touch_sensors_fall_silent_and_are_biased_like_any_other() -> None:
    _, seen = frames(
        FaultEntry(kind=FaultKind.BIASED, sensor="wrist_force", start_s=(0.5, 0.5), amounts={"force_n": 20.0}),
        FaultEntry(kind=FaultKind.DROPPED, sensor="contact", start_s=(0.5, 0.5)),
        composition="panda_touch",
    )
    before, after = (frame.forces[0].force_n.mean(axis=0) for frame in (seen[1], seen[3]))
    assert np.abs(after - before) == pytest.approx(20.0, abs=0.5)
    assert [len(frame.contacts) for frame in seen[1:]] == [1, 0, 0]


def test_a_push_moves_the_object() -> None:
    robot = make_robot(make_scene(BLOCK))
    robot.inject(FaultFile(name="t", faults=(FaultEntry(kind=FaultKind.PUSH, start_s=NOW, speed_mps=0.8),)))
    robot.reset(0)
    before = robot.world.object_pose("it")[:2, 3]
    robot.read(1.0, images=False)
    moved_m = np.linalg.norm(robot.world.object_pose("it")[:2, 3] - before)
    robot.close()
    assert 0.01 < moved_m < 0.2


def test_other_sensors_are_untouched_bit_for_bit(sound: list[SensorFrame]) -> None:
    _, seen = frames(FaultEntry(kind=FaultKind.DROPPED, sensor="imu", start_s=NOW))
    for ours, theirs in zip(seen, sound, strict=True):
        without = SensorFrame(theirs.time_s, theirs.images, theirs.scans, (), theirs.joints)
        assert frame_bytes(SensorFrame(ours.time_s, ours.images, ours.scans, (), ours.joints)) == frame_bytes(without)


def test_events_follow_from_the_seed() -> None:
    robot, _ = frames(until_s=())
    file, scene = load_faults("joints_dropped"), make_scene(BLOCK)
    assert draw_faults(file, robot.sensors, scene, 3) == draw_faults(file, robot.sensors, scene, 3)
    assert draw_faults(file, robot.sensors, scene, 3) != draw_faults(file, robot.sensors, scene, 4)


def test_every_built_in_fault_fits_the_robot_and_says_what_it_is() -> None:
    robot, _ = frames(until_s=())
    for name in list_faults():
        file = load_faults(name)
        robot.inject(file)
        assert file.description, name


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('[[faults]]\nkind = "droped"\nsensor = "front"', "droped"),
        ('[[faults]]\nkind = "dropped"', "needs the key 'sensor'"),
        ('[[faults]]\nkind = "late"\nsensor = "front"', "needs the key 'delay_s'"),
        ('[[faults]]\nkind = "dropped"\nsensor = "front"\ndelay_s = 1.0', "has no key 'delay_s'"),
        ('[[faults]]\nkind = "dropped"\nsensor = "front"\nstart = [0, 1]', "did you mean 'start_s'"),
        ('[[faults]]\nkind = "dropped"\nsensor = "front"\nstart_s = [2, 1]', "must not fall"),
        ("faults = []", "faults"),
    ],
)
def test_a_wrong_fault_file_is_told_in_one_line_with_file_and_key(tmp_path: Path, text: str, match: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(FaultError, match=match) as caught:
        load_faults(str(path))
    assert "mine.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_sensor_that_the_robot_lacks_is_told() -> None:
    robot, _ = frames(until_s=())
    with pytest.raises(FaultError, match="did you mean 'front'"):
        robot.inject(FaultFile(name="x", faults=(FaultEntry(kind=FaultKind.DROPPED, sensor="frnt"),)))


def test_a_sensor_with_a_wrong_clock_states_times_beside_the_true_ones(sound: list[SensorFrame]) -> None:
    _, seen = frames(
        FaultEntry(kind=FaultKind.MISTIMED, sensor="front", start_s=NOW, offset_s=0.15),
        FaultEntry(kind=FaultKind.MISTIMED, sensor="imu", start_s=NOW, offset_s=-0.1),
    )
    wrong, right = (next(i for i in frame[3].images if i.sensor == "front") for frame in (seen, sound))
    assert wrong.time_s == pytest.approx(right.time_s + 0.15)
    assert (wrong.depth_m == right.depth_m).all()
    assert seen[3].imu[0].times_s == pytest.approx(sound[3].imu[0].times_s - 0.1)
