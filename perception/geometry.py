"""Poses and points: small mathematics that every stage of perception shares.

In:  4×4 poses (numpy or torch), points, depth images.
Out: the same, transformed. Points of images are computed on the tensor's own device.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from .types import Intrinsics


def transform_points(T_a_b: Float[Tensor, "4 4"], points_b: Float[Tensor, "points 3"]) -> Float[Tensor, "points 3"]:
    """Points given in frame b, in frame a."""
    return points_b @ T_a_b[:3, :3].T + T_a_b[:3, 3]


def back_project(
    u: Shaped[Tensor, "pixels"],
    v: Shaped[Tensor, "pixels"],
    depth_m: Float[Tensor, "pixels"],
    intrinsics: Intrinsics,
) -> Float[Tensor, "pixels 3"]:
    """Pixels (centres at integers) with depth along the optical axis become points in the camera frame."""
    x = (u.to(depth_m) - intrinsics.cx) / intrinsics.fx * depth_m
    y = (v.to(depth_m) - intrinsics.cy) / intrinsics.fy * depth_m
    return torch.stack([x, y, depth_m], dim=1)


def project_points(
    points_camera: Float[np.ndarray, "points 3"], intrinsics: Intrinsics
) -> Float[np.ndarray, "points 2"]:
    """Pinhole projection; pixels, u right, v down. Points must lie in front of the camera."""
    z = np.maximum(points_camera[:, 2], 1e-9)
    u = intrinsics.fx * points_camera[:, 0] / z + intrinsics.cx
    v = intrinsics.fy * points_camera[:, 1] / z + intrinsics.cy
    return np.stack([u, v], axis=1)


def make_pose(position: Float[np.ndarray, "3"], yaw_rad: float = 0.0) -> Float[np.ndarray, "4 4"]:
    """An upright pose turned about z."""
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    pose = np.eye(4)
    pose[:2, :2] = [[cos, -sin], [sin, cos]]
    pose[:3, 3] = position
    return pose


def invert_pose(T_a_b: Float[np.ndarray, "*poses 4 4"]) -> Float[np.ndarray, "*poses 4 4"]:
    """T_b_a, exact for rigid poses."""
    T_b_a = np.zeros_like(T_a_b)
    turned = T_a_b[..., :3, :3].swapaxes(-1, -2)
    T_b_a[..., :3, :3] = turned
    T_b_a[..., :3, 3] = -(turned @ T_a_b[..., :3, 3:])[..., 0]
    T_b_a[..., 3, 3] = 1.0
    return T_b_a


def rotation_between(source: Float[np.ndarray, "3"], target: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """The smallest rotation that turns unit vector `source` onto `target` (not opposite ones)."""
    axis = np.cross(source, target)
    skew = np.array([[0.0, -axis[2], axis[1]], [axis[2], 0.0, -axis[0]], [-axis[1], axis[0], 0.0]])
    return np.eye(3) + skew + skew @ skew / (1.0 + float(source @ target))


def wrap_angle(angle_rad: float, period_rad: float = 2.0 * math.pi) -> float:
    """The angle moved into ±period/2."""
    return (angle_rad + period_rad / 2.0) % period_rad - period_rad / 2.0


def is_pose(matrix: Float[np.ndarray, "..."]) -> bool:
    """Whether the matrix is a finite rigid transform (rotation within 1e-3)."""
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        return False
    rotation = matrix[:3, :3]
    return bool(np.abs(rotation @ rotation.T - np.eye(3)).max() < 1e-3 and np.linalg.det(rotation) > 0)


def near_capsules(
    points: Float[Tensor, "points 3"], capsules: Float[Tensor, "capsules 7"], margin_m: float
) -> Shaped[Tensor, "points"]:
    """True for points within the margin of any capsule (start xyz, end xyz, radius)."""
    near = torch.zeros(len(points), dtype=torch.bool, device=points.device)
    if not len(points) or not len(capsules):
        return near
    starts, ends, reach = capsules[:, :3], capsules[:, 3:6], capsules[:, 6:] + margin_m
    low, high = torch.minimum(starts, ends) - reach, torch.maximum(starts, ends) + reach
    met = ((low <= points.amax(0)) & (high >= points.amin(0))).all(1)
    if not met.any():
        return near
    low, high = low[met].amin(0), high[met].amax(0)
    (rows,) = torch.nonzero(((points >= low) & (points <= high)).all(1), as_tuple=True)
    middle = (low + high) / 2  # distances from here are small, so that their squares lose no digits
    local = (points[rows] - middle).T.contiguous()
    starts, axes, reach = starts[met] - middle, (ends - starts)[met], reach[met]
    lengths = (axes * axes).sum(1, keepdim=True)
    dot = torch.addmm(-(starts * axes).sum(1, keepdim=True), axes, local)
    along = (dot / lengths.clamp_min(1e-12)).clamp_(0.0, 1.0)
    # Squared distance to the nearest point of each axis, less the squared reach and the point's own square.
    beyond = torch.addmm((starts * starts).sum(1, keepdim=True) - reach * reach, starts, local, alpha=-2.0)
    beyond += along * (along * lengths - 2.0 * dot)
    near[rows] = beyond.amin(0) < -(local * local).sum(0)
    return near
