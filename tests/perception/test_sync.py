"""Joints at an image's time, stillness of the wrist."""

import numpy as np
import pytest
from rendered_scenes import still_imu, still_joints
from verbot.perception.sync import ImuHistory, JointHistory, was_still
from verbot.perception.types import JointSamples


def _moving(start_s: float, stop_s: float, rate_radps: float = 1.0) -> JointSamples:
    times_s = np.arange(start_s, stop_s, 1 / 240.0)
    positions = rate_radps * times_s[:, None]
    return JointSamples(("a",), times_s, positions, np.full_like(positions, rate_radps), 0.08 - 0.01 * times_s)


def test_joints_are_interpolated_at_a_time_between_samples() -> None:
    history = JointHistory()
    history.add(_moving(0.0, 1.0))
    reading = history.at(0.5021)
    assert reading is not None
    assert reading.positions_rad[0] == pytest.approx(0.5021, abs=1e-9)
    assert reading.gripper_width_m == pytest.approx(0.08 - 0.005021, abs=1e-9)


def test_readings_that_arrive_late_take_their_place() -> None:
    ordered, late = JointHistory(), JointHistory()
    ordered.add(_moving(0.0, 0.4))
    late.add(_moving(0.2, 0.4))
    late.add(_moving(0.0, 0.2))
    assert np.allclose(ordered.times_s, late.times_s)


def test_no_reading_near_a_time_gives_none() -> None:
    history = JointHistory()
    assert history.at(0.0) is None
    history.add(_moving(0.0, 0.1))
    assert history.at(1.0) is None


def test_readings_that_are_not_finite_are_left_out() -> None:
    samples = _moving(0.0, 0.1)
    samples.positions_rad[3] = np.nan
    history = JointHistory()
    history.add(samples)
    assert len(history.times_s) == len(samples.times_s) - 1


def test_a_turning_imu_is_not_still_and_a_resting_one_is() -> None:
    resting, turning = ImuHistory(), ImuHistory()
    resting.add(still_imu(1.0))
    turning.add(still_imu(1.0, rate=(0.0, 0.2, 0.0)))
    assert resting.is_still(0.97) is True
    assert turning.is_still(0.97) is False
    assert resting.is_still(5.0) is None


def test_the_imu_says_where_up_is() -> None:
    imu = ImuHistory()
    imu.add(still_imu(1.0))
    up = imu.up_mount(1.0)
    assert up is not None
    assert np.allclose(up, (0, 0, -1))


def test_a_wrist_counts_as_moving_when_the_imu_or_the_joints_say_so_or_nothing_is_known() -> None:
    joints, moving, imu, shaken = JointHistory(), JointHistory(), ImuHistory(), ImuHistory()
    joints.add(still_joints(1.0))
    moving.add(_moving(0.5, 1.0))
    imu.add(still_imu(1.0))
    shaken.add(still_imu(1.0, force=(0.0, 3.0, -9.8)))
    assert was_still("panda_hand", 0.97, joints, [imu])
    assert was_still("panda_hand", 0.97, joints, [])
    assert not was_still("panda_hand", 0.97, joints, [shaken])
    assert not was_still("panda_hand", 0.97, moving, [imu])
    assert not was_still("panda_hand", 0.97, JointHistory(), [])
