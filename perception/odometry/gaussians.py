"""A cloud of points as Gaussians, one for each occupied voxel: how many points, their mean, their covariance.

In:  points of a batch of robots, padded, in one frame.
Out: Gaussians: fewer and more telling than points; a wall is a flat one, a pole a long one.

Biber and Straßer, "The normal distributions transform" (2003); Koide et al., "Voxelized GICP" (2021). Symmetric
matrices are six numbers: xx, xy, xz, yy, yz, zz.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

HALF_RANGE = 1 << 16
"""Voxels on either side of the origin along each axis; beyond it keys would meet."""
ROWS = (0, 0, 0, 1, 1, 2)
COLUMNS = (0, 1, 2, 1, 2, 2)
SQUARE = (0, 1, 2, 1, 3, 4, 2, 4, 5)
"""Which of the six numbers stands where in the matrix, row by row."""


@dataclass(frozen=True, slots=True)
class Gaussians:
    """Means and covariances with the number of points behind each; a count of zero is padding."""

    count: Annotated[Tensor, "robots gaussians"]
    mean: Annotated[Tensor, "robots gaussians 3"]
    covariance: Annotated[Tensor, "robots gaussians 6"]

    def moved(self, rotation: Annotated[Tensor, "robots 3 3"], place: Annotated[Tensor, "robots 3"]) -> Gaussians:
        """The same in another frame."""
        mean = self.mean @ rotation.mT + place[:, None]
        return Gaussians(self.count, mean, turn_symmetric(rotation, self.covariance))

    def with_points(self, least: int) -> Gaussians:
        """Those behind which there are that many points, packed anew."""
        is_kept = self.count >= least
        order = is_kept.int().argsort(dim=1, descending=True, stable=True)[:, : int(is_kept.sum(dim=1).max())]
        mean, covariance = (
            values.gather(1, order[..., None].expand(*order.shape, values.shape[2]))
            for values in (self.mean, self.covariance)
        )
        return Gaussians((self.count * is_kept).gather(1, order), mean, covariance)


def voxel_keys(points: Annotated[Tensor, "* 3"], voxel_m: float) -> Annotated[Tensor, "*"]:
    """One whole number for each voxel."""
    cell = torch.floor(points / voxel_m).long() + HALF_RANGE
    return (cell[..., 0] << 34) | (cell[..., 1] << 17) | cell[..., 2]


def make_gaussians(
    points: Annotated[Tensor, "robots points 3"], is_there: Annotated[Tensor, "robots points"], voxel_m: float
) -> Gaussians:
    """One Gaussian for each occupied voxel; robots with fewer are padded."""
    robots = len(points)
    chosen = is_there.flatten().nonzero().squeeze(1)
    flat = points.reshape(-1, 3)[chosen]
    robot = torch.div(chosen, points.shape[1], rounding_mode="floor")
    keys, group = torch.unique(voxel_keys(flat, voxel_m) | (robot << 51), return_inverse=True)
    # Keys sort by robot: the place within a robot is the rank less that of the robot's first.
    owner = keys >> 51
    first = torch.searchsorted(owner, torch.arange(robots, device=owner.device))
    rank = torch.arange(len(keys), device=owner.device) - first[owner]
    width = int(rank.max()) + 1 if len(keys) else 0
    around = flat - voxel_centers(flat, voxel_m)  # small numbers, so that float32 keeps the millimetres
    row = (owner * width + rank)[group]
    sums = torch.zeros(robots * width, 10, dtype=points.dtype, device=points.device)
    sums.index_add_(0, row, moments(around))
    origin = torch.zeros(robots * width, 3, dtype=points.dtype, device=points.device)
    origin[row] = flat - around
    count, mean, covariance = from_moments(sums)
    return Gaussians(
        count.view(robots, width), (origin + mean).view(robots, width, 3), covariance.view(robots, width, 6)
    )


def voxel_centers(points: Annotated[Tensor, "* 3"], voxel_m: float) -> Annotated[Tensor, "* 3"]:
    """The middle of the voxel that each point is in."""
    return (torch.floor(points / voxel_m) + 0.5) * voxel_m


def moments(points: Annotated[Tensor, "* 3"]) -> Annotated[Tensor, "* 10"]:
    """1, x, y, z, and the six products: their sums over points are all that a Gaussian needs."""
    x, y, z = points.unbind(-1)
    return torch.stack([torch.ones_like(x), x, y, z, x * x, x * y, x * z, y * y, y * z, z * z], dim=-1)


def from_moments(
    sums: Annotated[Tensor, "* 10"],
) -> tuple[Annotated[Tensor, "*"], Annotated[Tensor, "* 3"], Annotated[Tensor, "* 6"]]:
    """Count, mean, covariance."""
    count = sums[..., 0]
    share = 1.0 / count.clamp_min(1.0)
    mean = sums[..., 1:4] * share[..., None]
    return count, mean, sums[..., 4:] * share[..., None] - products(mean)


def products(vector: Annotated[Tensor, "* 3"]) -> Annotated[Tensor, "* 6"]:
    """The six different entries of v vᵀ."""
    x, y, z = vector.unbind(-1)
    return torch.stack([x * x, x * y, x * z, y * y, y * z, z * z], dim=-1)


def turn_symmetric(rotation: Annotated[Tensor, "robots 3 3"], six: Annotated[Tensor, "robots n 6"]) -> Tensor:
    """R S Rᵀ: linear in the six entries, so one small matrix does it for all of a robot's."""
    a, b = rotation[:, ROWS], rotation[:, COLUMNS]  # rows of the result's six entries
    straight = a[:, :, ROWS] * b[:, :, COLUMNS]
    crossed = a[:, :, COLUMNS] * b[:, :, ROWS]
    is_diagonal = torch.tensor([row == column for row, column in zip(ROWS, COLUMNS, strict=True)], device=six.device)
    return six @ torch.where(is_diagonal, straight, straight + crossed).mT


def invert_symmetric(six: Annotated[Tensor, "* 6"]) -> Annotated[Tensor, "* 6"]:
    """Inverse of positive symmetric matrices, by cofactors."""
    a, b, c, d, e, f = six.unbind(-1)
    first, second, third = d * f - e * e, c * e - b * f, b * e - c * d
    by_det = 1.0 / (a * first + b * second + c * third)
    entries = [first, second, third, a * f - c * c, b * c - a * e, a * d - b * b]
    return torch.stack(entries, dim=-1) * by_det[..., None]


def thinnest(six: Annotated[Tensor, "* 6"]) -> Annotated[Tensor, "* 3"]:
    """Unit eigenvector of the smallest eigenvalue: the normal of what is flat.

    Eigenvalues by the cosine formula (Smith, 1961); the vector is the longest cross product of two rows of S - λ 1.
    """
    scale = (six[..., 0] + six[..., 3] + six[..., 5]).clamp_min(torch.finfo(six.dtype).tiny)
    a, b, c, d, e, f = (six / scale[..., None]).unbind(-1)
    off = b * b + c * c + e * e
    third = 1.0 / 3.0  # of the trace, which is one now
    spread = ((a - third).square() + (d - third).square() + (f - third).square() + 2.0 * off).clamp_min(1e-12)
    radius = (spread / 6.0).sqrt()
    u, v, w = (a - third) / radius, (d - third) / radius, (f - third) / radius
    b1, c1, e1 = b / radius, c / radius, e / radius
    half_det = 0.5 * (u * (v * w - e1 * e1) - b1 * (b1 * w - e1 * c1) + c1 * (b1 * e1 - v * c1))
    smallest = third + 2.0 * radius * torch.cos(torch.acos(half_det.clamp(-1.0, 1.0)) / 3.0 + 2.0 * torch.pi / 3.0)
    rows = torch.stack(
        [
            torch.stack([a - smallest, b, c], dim=-1),
            torch.stack([b, d - smallest, e], dim=-1),
            torch.stack([c, e, f - smallest], dim=-1),
        ],
        dim=-2,
    )
    crosses = torch.linalg.cross(rows, rows.roll(1, dims=-2), dim=-1)
    longest = crosses.square().sum(dim=-1).argmax(dim=-1)[..., None, None].expand(*six.shape[:-1], 1, 3)
    return torch.nn.functional.normalize(crosses.gather(-2, longest).squeeze(-2), dim=-1)


def flattened(six: Annotated[Tensor, "* 6"], along_m: float, across_m: float) -> Annotated[Tensor, "* 6"]:
    """With at least those spreads along the surface and across it.

    One ring of a LiDAR on the ground is a line: without this it would hold the next scan's ring in place.
    """
    return six + along_m**2 * unit(six) + (across_m**2 - along_m**2) * products(thinnest(six))


def unit(like: Tensor) -> Annotated[Tensor, "6"]:
    """The identity, of the same kind."""
    return torch.tensor([1.0, 0.0, 0.0, 1.0, 0.0, 1.0], dtype=like.dtype, device=like.device)
