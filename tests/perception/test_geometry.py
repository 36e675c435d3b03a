"""Poses, points, pinholes."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from verbot.perception.geometry import (
    back_project,
    invert_pose,
    is_pose,
    make_pose,
    near_capsules,
    project_points,
    rotation_between,
    transform_points,
    wrap_angle,
)
from verbot.perception.types import Intrinsics

PINHOLE = Intrinsics(64, 48, 50.0, 52.0, 31.5, 23.5)


def test_back_projection_undoes_projection() -> None:
    u, v = torch.tensor([0, 10, 63]), torch.tensor([0, 20, 47])
    points = back_project(u, v, torch.tensor([0.5, 1.0, 2.0]), PINHOLE)
    pixels = project_points(points.numpy().astype(np.float64), PINHOLE)
    assert np.allclose(pixels, np.stack([u, v], axis=1), atol=1e-4)


def test_a_pose_and_its_inverse_cancel() -> None:
    pose = make_pose(np.array([0.3, -0.2, 0.1]), 0.7)
    points = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    there = transform_points(torch.tensor(pose, dtype=torch.float32), points)
    back = transform_points(torch.tensor(invert_pose(pose), dtype=torch.float32), there)
    assert torch.allclose(back, points, atol=1e-5)


@given(st.floats(-50, 50), st.sampled_from([np.pi / 2, np.pi, 2 * np.pi]))
def test_wrapped_angles_differ_by_whole_periods(angle: float, period: float) -> None:
    wrapped = wrap_angle(angle, period)
    assert -period / 2 - 1e-9 <= wrapped <= period / 2 + 1e-9
    assert abs((angle - wrapped) / period - round((angle - wrapped) / period)) < 1e-6


def test_rotation_between_turns_one_direction_onto_the_other() -> None:
    source, target = np.array([0.0, 0.0, 1.0]), np.array([0.6, 0.0, 0.8])
    assert np.allclose(rotation_between(source, target) @ source, target)


def test_only_rigid_finite_matrices_are_poses() -> None:
    assert is_pose(make_pose(np.zeros(3), 1.0))
    assert not is_pose(np.full((4, 4), np.nan))
    assert not is_pose(np.diag([2.0, 1.0, 1.0, 1.0]))
    assert not is_pose(np.eye(3))


def test_points_within_the_margin_of_a_capsule_are_near_it() -> None:
    capsule = torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.1]])
    points = torch.tensor([[0.11, 0.0, 0.5], [0.0, 0.0, 1.11], [0.13, 0.0, 0.5], [0.0, 0.0, 1.13]])
    assert near_capsules(points, capsule, 0.02).tolist() == [True, True, False, False]
