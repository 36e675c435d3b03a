"""Rotations in batches on a torch device: exponential and logarithm.

In:  rotation vectors (rad), matrices or unit quaternions (xyzw), any leading axes.
Out: tensors with the same leading axes, device and dtype, smooth through zero.

Formulas: Solà, Deray, Atchuthan, "A micro Lie theory for state estimation in robotics" (2018), appendix B.
Plain annotations instead of jaxtyping: this part also runs where only torch and numpy are installed.
"""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

SMALL_RAD2 = 1e-4
"""Below this squared angle the series are exact to the last digit, and the quotients lose digits."""


def skew(vector: Annotated[Tensor, "* 3"]) -> Annotated[Tensor, "* 3 3"]:
    """The matrix whose product with b is the cross product of the vector and b."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))


def turned(matrix: Annotated[Tensor, "* rows columns"], vector: Annotated[Tensor, "* columns"]) -> Tensor:
    """Matrix times vector, for each of a batch."""
    return (matrix @ vector[..., None]).squeeze(-1)


def thrice(rotation: Annotated[Tensor, "robots 3 3"]) -> Annotated[Tensor, "robots 9 9"]:
    """The rotation three times along the diagonal: it turns turn, place and velocity alike."""
    return torch.block_diag(*[torch.ones(3, 3)] * 3).to(rotation) * rotation.repeat(1, 3, 3)


def exp(vector_rad: Annotated[Tensor, "* 3"]) -> Annotated[Tensor, "* 3 3"]:
    """Rotation matrix of a rotation vector."""
    square, angle = _sizes(vector_rad)
    first = _choose(square, 1.0 - square / 6.0 + square.square() / 120.0, angle.sin() / angle)
    second = _choose(square, 0.5 - square / 24.0 + square.square() / 720.0, (1.0 - angle.cos()) / angle.square())
    return _combine(vector_rad, first, second)


def log(rotation: Annotated[Tensor, "* 3 3"]) -> Annotated[Tensor, "* 3"]:
    """Rotation vector of a matrix, at most half a turn."""
    quat_xyzw = to_quaternion(rotation)
    imaginary, real = quat_xyzw[..., :3], quat_xyzw[..., 3]
    square, size = _sizes(imaginary)
    near = (1.0 - square / (3.0 * real.square())) / real  # of atan(s / w) / s, with w near one
    return 2.0 * _choose(square, near, torch.atan2(size, real) / size)[..., None] * imaginary


def to_quaternion(rotation: Annotated[Tensor, "* 3 3"]) -> Annotated[Tensor, "* 4"]:
    """Unit quaternion with w of at least zero.

    Of the four rows of 4 q qᵀ, which the matrix gives, the longest is taken: no division by a small number.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = (row.unbind(-1) for row in rotation.unbind(-2))
    a, b, c = zy - yz, xz - zx, yx - xy
    rows = torch.stack(
        [
            torch.stack([1.0 + xx - yy - zz, xy + yx, xz + zx, a], dim=-1),
            torch.stack([xy + yx, 1.0 - xx + yy - zz, yz + zy, b], dim=-1),
            torch.stack([xz + zx, yz + zy, 1.0 - xx - yy + zz, c], dim=-1),
            torch.stack([a, b, c, 1.0 + xx + yy + zz], dim=-1),
        ],
        dim=-2,
    )
    longest = rows.diagonal(dim1=-2, dim2=-1).argmax(dim=-1)[..., None, None].expand(*rows.shape[:-2], 1, 4)
    quat_xyzw = torch.nn.functional.normalize(rows.gather(-2, longest).squeeze(-2), dim=-1)
    return torch.where(quat_xyzw[..., 3:] < 0.0, -quat_xyzw, quat_xyzw)


def _sizes(vector: Tensor) -> tuple[Tensor, Tensor]:
    """Squared length and length, the second never zero so that what is divided by it stays finite."""
    square = vector.square().sum(dim=-1)
    return square, square.clamp_min(SMALL_RAD2 / 4.0).sqrt()


def _choose(square: Tensor, series: Tensor, quotient: Tensor) -> Tensor:
    return torch.where(square < SMALL_RAD2, series, quotient)


def _combine(vector: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """1 + first [v] + second [v]²."""
    x, y, z = vector.unbind(-1)
    a, b, c = first * x, first * y, first * z
    xx, yy, zz = second * x * x, second * y * y, second * z * z
    xy, xz, yz = second * x * y, second * x * z, second * y * z
    entries = [1 - yy - zz, xy - c, xz + b, xy + c, 1 - xx - zz, yz - a, xz - b, yz + a, 1 - xx - yy]
    return torch.stack(entries, dim=-1).unflatten(-1, (3, 3))
