"""Mountings found from what sensors see of a room that stands still."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from verbot.perception.calibration.outcome import Extrinsic, Refusal, RefusalReason
from verbot.perception.calibration.surfaces import Looks, solve_against, solve_on_moving_mount
from verbot.sim.pinhole import pixel_directions
from verbot.sim.raycast import RayRoom
from verbot.sim.still_room import Walk, walk

VOXEL_M = 0.1


def pose(turn_rad: tuple[float, ...], shift_m: tuple[float, ...]) -> np.ndarray:
    made = np.eye(4)
    made[:3, :3], made[:3, 3] = Rotation.from_euler("xyz", turn_rad).as_matrix(), shift_m
    return made


T_HAND_CAMERA = pose((0.1, -0.2, 0.8), (0.05, 0.02, 0.1))
GUESS = T_HAND_CAMERA @ pose((0.02, -0.015, 0.02), (0.012, -0.01, 0.008))


@functools.cache
def room() -> Walk:
    return walk(8, seed=1, width=160, height=120)


def camera_looks(T_hand_camera: np.ndarray, num: int = 8) -> Looks:
    of = room()
    points = pixel_directions(of.intrinsics).reshape(1, -1, 3) * of.depth_m[:num].reshape(num, -1, 1)
    mounts = of.T_world_camera[:num] @ np.linalg.inv(T_hand_camera)
    return Looks(points.astype(float), (of.depth_m[:num] > 0).reshape(num, -1), mounts)


def lidar_looks(T_camera_lidar: np.ndarray, num: int, rng: np.random.Generator) -> Looks:
    """A LiDAR of 48 rings on the camera."""
    of = room()
    azimuth, elevation = np.meshgrid(np.linspace(-0.7, 0.7, 180), np.linspace(-0.5, 0.5, 48))
    level = np.cos(elevation)
    beams = np.stack([np.sin(azimuth) * level, np.sin(elevation), np.cos(azimuth) * level], axis=-1).reshape(-1, 3)
    scene, points = RayRoom([of.body]), []
    for T_world_camera in of.T_world_camera[:num]:
        T_world_lidar = T_world_camera @ T_camera_lidar
        hits = scene.cast(T_world_lidar[:3, 3], beams @ T_world_lidar[:3, :3].T)
        reach_m = np.where(hits.is_hit, hits.distance_m, 0.0) + rng.normal(0, 0.005, len(beams))
        points.append(beams * reach_m[:, None])
    made = np.array(points)
    return Looks(made, np.linalg.norm(made, axis=2) > 0.5, np.tile(np.eye(4), (num, 1, 1)))


def off(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Degrees and millimetres."""
    error = np.linalg.inv(truth) @ found
    turn_rad = np.linalg.norm(Rotation.from_matrix(error[:3, :3]).as_rotvec())
    return float(np.degrees(turn_rad)), float(1000 * np.linalg.norm(error[:3, 3]))


def test_a_camera_on_a_hand_is_found_from_the_room_that_it_sees() -> None:
    before_deg, before_mm = off(GUESS, T_HAND_CAMERA)
    assert before_deg > 1.5
    assert before_mm > 15.0
    found = solve_on_moving_mount(camera_looks(T_HAND_CAMERA), GUESS, VOXEL_M)
    assert isinstance(found, Extrinsic)
    turn_deg, shift_mm = off(found.T_mount_sensor, T_HAND_CAMERA)
    assert turn_deg < min(0.1, 3 * np.degrees(found.turn_std_rad))
    assert shift_mm < min(8.0, 3000 * found.shift_std_m)


def test_a_lidar_on_a_camera_is_found_without_any_motion() -> None:
    truth = pose((0.05, 0.1, -0.04), (0.08, -0.1, 0.03))
    lidar = lidar_looks(truth, 4, np.random.default_rng(0))
    camera = camera_looks(np.eye(4), 4)
    still = Looks(camera.points_sensor, camera.is_there, lidar.T_world_mount)
    found = solve_against(lidar, still, np.eye(4), truth @ pose((0.02, -0.015, 0.02), (0.012, -0.01, 0.008)), VOXEL_M)
    assert isinstance(found, Extrinsic)
    turn_deg, shift_mm = off(found.T_mount_sensor, truth)
    assert turn_deg < min(0.4, 3 * np.degrees(found.turn_std_rad))
    assert shift_mm < min(8.0, 3000 * found.shift_std_m)


def test_a_camera_beside_the_robot_is_found_from_one_on_its_hand() -> None:
    moving = camera_looks(T_HAND_CAMERA, 4)
    base = np.tile(np.eye(4), (4, 1, 1))
    # The camera that stands beside the robot: where the first look was taken from, four times.
    standing = Looks(moving.points_sensor[[0] * 4], moving.is_there[[0] * 4], base)
    truth = room().T_world_camera[0]
    guess = truth @ pose((0.02, -0.015, 0.02), (0.012, -0.01, 0.008))
    found = solve_against(standing, moving, T_HAND_CAMERA, guess, VOXEL_M)
    assert isinstance(found, Extrinsic)
    turn_deg, shift_mm = off(found.T_mount_sensor, truth)
    assert turn_deg < 0.1
    assert shift_mm < 4.0


def test_a_hand_that_only_slides_or_turns_about_one_axis_is_refused() -> None:
    looks = camera_looks(T_HAND_CAMERA)
    sliding, turning = looks.T_world_mount.copy(), looks.T_world_mount.copy()
    sliding[:, :3, :3] = sliding[0, :3, :3]
    turning[:, :3, :3] = Rotation.from_euler("z", np.linspace(0, 2, 8)[:, None]).as_matrix()
    refusals = [
        solve_on_moving_mount(Looks(looks.points_sensor, looks.is_there, mounts), GUESS, VOXEL_M)
        for mounts in (sliding, turning)
    ]
    reasons = [refusal.reason for refusal in refusals if isinstance(refusal, Refusal)]
    assert reasons == [RefusalReason.NO_ROTATION, RefusalReason.PARALLEL_AXES]


def test_a_single_wall_does_not_hold_a_lidar() -> None:
    across, up = (values.ravel() for values in np.meshgrid(np.linspace(-1, 1, 120), np.linspace(-1, 1, 120)))
    wall = np.stack([across, up, np.full_like(up, 2.0)], axis=1)[None] + np.random.default_rng(0).normal(
        0, 0.002, (1, 14400, 3)
    )
    looks = Looks(wall, np.ones(wall.shape[:2], bool), np.eye(4)[None])
    refusal = solve_against(looks, looks, np.eye(4), pose((0.01, 0, 0), (0, 0, 0.01)), VOXEL_M)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.FLAT_SCENE


def test_sensors_that_see_nothing_in_common_are_refused() -> None:
    camera = camera_looks(np.eye(4), 1)
    away = Looks(camera.points_sensor + (50.0, 0.0, 0.0), camera.is_there, camera.T_world_mount)
    refusal = solve_against(away, camera, np.eye(4), np.eye(4), VOXEL_M)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.NO_OVERLAP


def test_points_that_are_not_finite_are_left_out() -> None:
    looks = camera_looks(T_HAND_CAMERA)
    looks.points_sensor[:, ::7] = np.nan
    found = solve_on_moving_mount(looks, GUESS, VOXEL_M)
    assert isinstance(found, Extrinsic)
    assert off(found.T_mount_sensor, T_HAND_CAMERA)[0] < 0.15


def test_looks_that_are_not_paired_raise_in_one_line() -> None:
    with pytest.raises(ValueError, match="Pair looks"):
        solve_against(camera_looks(np.eye(4), 2), camera_looks(np.eye(4), 1), np.eye(4), np.eye(4))
