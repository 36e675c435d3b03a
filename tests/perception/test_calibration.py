"""Calibration: hand-eye from poses, clocks from turning; what the motion does not say is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from verbot.perception.calibration.hand_eye import solve_camera_on_base, solve_camera_on_hand
from verbot.perception.calibration.outcome import Extrinsic, Refusal, RefusalReason, TimeOffset
from verbot.perception.calibration.time_offset import solve_time_offset
from verbot.perception.geometry import invert_pose

TURN_NOISE_RAD, SHIFT_NOISE_M = 0.004, 0.002


def pose(rotation: Rotation, shift: np.ndarray) -> np.ndarray:
    made = np.eye(4)
    made[:3, :3], made[:3, 3] = rotation.as_matrix(), shift
    return made


def drawn_pose(rng: np.random.Generator, turn_rad: float, shift_m: float) -> np.ndarray:
    return pose(Rotation.from_rotvec(rng.normal(0, turn_rad, 3)), rng.normal(0, shift_m, 3))


def looks(
    rng: np.random.Generator, num: int, *, noise: float = 1.0, axes: tuple[float, ...] = (1.0, 1.0, 1.0)
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Poses of the hand and of the target in a camera on it, and T_hand_camera."""
    T_hand_camera, T_base_target = drawn_pose(rng, 0.5, 0.1), drawn_pose(rng, 1.0, 0.5)
    turns = rng.normal(0, 0.5, (num, 3)) * axes
    hands = np.array([pose(Rotation.from_rotvec(turn), rng.normal(0, 0.3, 3)) for turn in turns])
    seen = invert_pose(hands @ T_hand_camera) @ T_base_target
    errors = [drawn_pose(rng, noise * TURN_NOISE_RAD, noise * SHIFT_NOISE_M) for _ in range(num)]
    return hands, seen @ np.array(errors), T_hand_camera


def test_exact_poses_give_the_exact_mounting() -> None:
    hands, targets, truth = looks(np.random.default_rng(0), 6, noise=0.0)
    found = solve_camera_on_hand(hands, targets)
    assert isinstance(found, Extrinsic)
    assert np.allclose(found.T_mount_sensor, truth, atol=1e-9)


def test_a_camera_beside_the_robot_is_found_from_a_target_in_the_hand() -> None:
    rng = np.random.default_rng(1)
    T_base_camera, T_hand_target = drawn_pose(rng, 1.0, 1.0), drawn_pose(rng, 0.5, 0.1)
    hands = np.array([drawn_pose(rng, 0.5, 0.3) for _ in range(8)])
    found = solve_camera_on_base(hands, invert_pose(T_base_camera) @ hands @ T_hand_target)
    assert isinstance(found, Extrinsic)
    assert np.allclose(found.T_mount_sensor, T_base_camera, atol=1e-9)


def test_the_stated_uncertainty_is_that_of_a_hundred_calibrations() -> None:
    rng = np.random.default_rng(2)
    squares = []
    for _ in range(100):
        hands, targets, truth = looks(rng, 20)
        found = solve_camera_on_hand(hands, targets)
        assert isinstance(found, Extrinsic)
        error = invert_pose(truth) @ found.T_mount_sensor
        off = np.concatenate([Rotation.from_matrix(error[:3, :3]).as_rotvec(), error[:3, 3]])
        squares.append(off @ np.linalg.solve(found.covariance, off))
    # The mean of a hundred chi-squared numbers of six degrees lies so with 95%; estimated variances widen it a little.
    assert 5.34 < np.mean(squares) < 6.95


def test_more_looks_make_the_mounting_surer() -> None:
    few, many = (solve_camera_on_hand(*looks(np.random.default_rng(3), num)[:2]) for num in (6, 60))
    assert isinstance(few, Extrinsic)
    assert isinstance(many, Extrinsic)
    assert many.shift_std_m < 0.5 * few.shift_std_m
    assert many.turn_std_rad < 0.5 * few.turn_std_rad


@pytest.mark.parametrize(
    ("axes", "reason"),
    [((0.0, 0.0, 0.0), RefusalReason.NO_ROTATION), ((0.0, 0.0, 1.0), RefusalReason.PARALLEL_AXES)],
)
def test_motion_that_cannot_tell_is_refused_with_its_reason(axes: tuple[float, ...], reason: RefusalReason) -> None:
    refusal = solve_camera_on_hand(*looks(np.random.default_rng(4), 12, axes=axes)[:2])
    assert isinstance(refusal, Refusal)
    assert refusal.reason is reason


def test_three_looks_are_too_few_and_broken_ones_do_not_count() -> None:
    hands, targets, _ = looks(np.random.default_rng(5), 6)
    targets[:3] = np.nan
    refusal = solve_camera_on_hand(hands, targets)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.TOO_FEW


def test_a_target_that_moves_is_refused() -> None:
    rng = np.random.default_rng(6)
    hands, targets, _ = looks(rng, 20)
    moving = targets @ np.array([drawn_pose(rng, 0.3, 0.3) for _ in range(20)])
    refusal = solve_camera_on_hand(hands, moving)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.INCONSISTENT


def test_poses_that_are_not_paired_raise_in_one_line() -> None:
    hands, targets, _ = looks(np.random.default_rng(7), 6)
    with pytest.raises(ValueError, match="Pair each pose"):
        solve_camera_on_hand(hands, targets[:5])


def turning(times_s: np.ndarray) -> np.ndarray:
    return np.abs(0.8 * np.sin(1.3 * times_s) + 0.5 * np.sin(3.1 * times_s + 1.0))


@pytest.mark.parametrize("offset_s", [-0.31, 0.0, 0.0137])
def test_the_offset_of_two_clocks_is_found_to_a_fraction_of_a_sample(offset_s: float) -> None:
    rng = np.random.default_rng(8)
    imu_s, joints_s = np.arange(0.0, 12.0, 0.005), np.arange(0.0, 12.0, 0.02)
    imu = turning(imu_s) + rng.normal(0, 0.02, len(imu_s))
    joints = turning(joints_s + offset_s) + rng.normal(0, 0.02, len(joints_s))
    found = solve_time_offset(imu_s, imu, joints_s, joints)
    assert isinstance(found, TimeOffset)
    assert abs(found.offset_s - offset_s) < 0.003
    assert abs(found.offset_s - offset_s) < 3 * found.std_s < 0.003
    assert found.correlation > 0.95


def test_clocks_are_not_compared_where_nothing_turns_or_two_things_turn() -> None:
    rng, times_s = np.random.default_rng(9), np.arange(0.0, 10.0, 0.01)
    still = solve_time_offset(times_s, rng.normal(0, 0.01, 1000), times_s, rng.normal(0, 0.01, 1000))
    apart = solve_time_offset(times_s, turning(times_s), times_s, np.abs(rng.normal(0, 0.5, 1000)))
    short = solve_time_offset(times_s[:60], turning(times_s[:60]), times_s[:60], turning(times_s[:60]))
    refusals = [found.reason for found in (still, apart, short) if isinstance(found, Refusal)]
    assert refusals == [RefusalReason.NO_EXCITATION, RefusalReason.INCONSISTENT, RefusalReason.TOO_FEW]
