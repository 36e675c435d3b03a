"""Vectors, quaternions and matrices whose components come first: every component is one plane of the batch in memory.

In:  vectors [3, …], unit quaternions xyzw [4, …], matrices [3, 3, …].
Out: the same; all elementwise, so that long sequences of many robots run at the speed of memory.

Formulas: Solà, Deray, Atchuthan, "A micro Lie theory for state estimation in robotics" (2018), appendix B.
"""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from .rotations import SMALL_RAD2


def cross(a: Annotated[Tensor, "3 *"], b: Annotated[Tensor, "3 *"]) -> Annotated[Tensor, "3 *"]:
    """Cross product; further axes broadcast."""
    return torch.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def turn(rotation: Annotated[Tensor, "3 3 *"], vector: Annotated[Tensor, "3 *"]) -> Annotated[Tensor, "3 *"]:
    """Matrix times vector."""
    return torch.stack([row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2] for row in rotation])


def quaternion_exp(vector_rad: Annotated[Tensor, "3 *"]) -> Annotated[Tensor, "4 *"]:
    """Unit quaternion of a rotation vector."""
    x, y, z = vector_rad
    square = x * x + y * y + z * z
    angle = square.clamp_min(SMALL_RAD2 / 4.0).sqrt()
    half = angle / 2.0
    series = 0.5 - square * (1.0 / 48.0 - square / 3840.0)
    share = torch.where(square < SMALL_RAD2, series, half.sin() / angle)
    real = torch.where(square < SMALL_RAD2, 1.0 - square * (0.125 - square / 384.0), half.cos())
    return torch.stack([share * x, share * y, share * z, real])


def quaternion_product(a_xyzw: Annotated[Tensor, "4 *"], b_xyzw: Annotated[Tensor, "4 *"]) -> Annotated[Tensor, "4 *"]:
    """The turn b, then the turn a."""
    x, y, z, w = a_xyzw
    p, q, r, s = b_xyzw
    return torch.stack(
        [
            w * p + x * s + y * r - z * q,
            w * q + y * s + z * p - x * r,
            w * r + z * s + x * q - y * p,
            w * s - x * p - y * q - z * r,
        ]
    )


def running_products(quats_xyzw: Annotated[Tensor, "4 * steps"]) -> Annotated[Tensor, "4 * steps"]:
    """q1, q1 q2, q1 q2 q3 …, in as many passes as the number of steps has binary digits (Hillis and Steele, 1986)."""
    products, shift = quats_xyzw, 1
    while shift < quats_xyzw.shape[-1]:
        longer = quaternion_product(products[..., :-shift], products[..., shift:])
        products = torch.cat([products[..., :shift], longer], dim=-1)
        shift *= 2
    return products


def matrix(quat_xyzw: Annotated[Tensor, "4 *"]) -> Annotated[Tensor, "3 3 *"]:
    """Rotation matrix of a quaternion; one whose length has drifted is taken for the unit one."""
    x, y, z, w = quat_xyzw
    double = 2.0 / (x * x + y * y + z * z + w * w)
    a, b, c = double * x, double * y, double * z
    xx, yy, zz, xy, xz, yz = a * x, b * y, c * z, a * y, a * z, b * z
    xw, yw, zw = a * w, b * w, c * w
    entries = [1 - yy - zz, xy - zw, xz + yw, xy + zw, 1 - xx - zz, yz - xw, xz - yw, yz + xw, 1 - xx - yy]
    return torch.stack(entries).unflatten(0, (3, 3))


def times_right_jacobian(
    rotation: Annotated[Tensor, "3 3 *"], vector_rad: Annotated[Tensor, "3 *"]
) -> Annotated[Tensor, "3 3 *"]:
    """R J(v), with exp(v + b) = exp(v) exp(J(v) b) for small b: a row times [v] is the row's cross product with v."""
    x, y, z = vector_rad
    square = x * x + y * y + z * z
    angle = square.clamp_min(SMALL_RAD2 / 4.0).sqrt()
    by_square = 1.0 / angle.square()
    near_half, near_sixth = 0.5 - square * (1.0 / 24.0 - square / 720.0), 1.0 / 6.0 - square / 120.0
    first = torch.where(square < SMALL_RAD2, near_half, (1.0 - angle.cos()) * by_square)
    second = torch.where(square < SMALL_RAD2, near_sixth, (1.0 - angle.sin() / angle) * by_square)
    rows = rotation.transpose(0, 1)  # components of the rows first
    once = cross(rows, vector_rad[:, None])
    return (rows - first * once + second * cross(once, vector_rad[:, None])).transpose(0, 1)
