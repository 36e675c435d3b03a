"""A cloud of points as Gaussians, one for each occupied voxel: how many points, their mean, their covariance.

In:  points of a batch of robots, padded, in one frame.
Out: Gaussians: fewer and more telling than points; a wall is a flat one, a pole a long one.

Biber and Straßer, "The normal distributions transform" (2003); Koide et al., "Voxelized GICP" (2021). Symmetric
matrices are six numbers: xx, xy, xz, yy, yz, zz. What is summed over points has its components first, as in planes.py.
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
DIAGONAL = [0, 3, 5]


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
        order = is_kept.byte().argsort(dim=1, descending=True, stable=True)[:, : int(is_kept.sum(dim=1).max())]
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
    robots, num = points.shape[:2]
    places = points.permute(2, 0, 1).reshape(3, -1)
    robot = torch.arange(robots, device=points.device).repeat_interleave(num)
    if not is_there.all():
        chosen = is_there.flatten().nonzero().squeeze(1)
        places, robot = places[:, chosen], robot[chosen]
    if not len(robot):
        return Gaussians(points.new_zeros(robots, 0), points.new_zeros(robots, 0, 3), points.new_zeros(robots, 0, 6))
    cell = torch.floor(places / voxel_m)
    rank, one = _grouped(cell, robot)
    owner, groups = robot[one], len(one)
    center = (cell + 0.5) * voxel_m
    # Sums over small numbers, so that float32 keeps the millimetres.
    sums = places.new_zeros(10, groups).index_add_(1, rank, moments(places - center))
    count, mean, covariance = from_moments(sums)
    # Groups are sorted by robot: the place within a robot is the rank less that of the robot's first.
    first = torch.searchsorted(owner, torch.arange(robots, device=owner.device))
    within = torch.arange(groups, device=owner.device) - first[owner]
    width = int(within.max()) + 1
    rows = points.new_zeros(robots * width, 10)
    rows[owner * width + within] = torch.cat([count[None], center[:, one] + mean, covariance]).T
    rows = rows.view(robots, width, 10)
    return Gaussians(rows[..., 0], rows[..., 1:4], rows[..., 4:])


def _grouped(
    cell: Annotated[Tensor, "3 points"], robot: Annotated[Tensor, " points"]
) -> tuple[Annotated[Tensor, " points"], Annotated[Tensor, " groups"]]:
    """Points of one robot in one voxel are a group: each point's group, and of each group one point."""
    cell = cell.clamp(-HALF_RANGE, HALF_RANGE)
    low, top = torch.aminmax(cell, dim=1)
    wide, deep, high = (top - low + 1.0).long().tolist()
    volume = wide * deep * high
    # Short keys sort in half the time.
    kind = torch.int32 if volume * (int(robot[-1]) + 1) < 1 << 31 else torch.int64
    x, y, z = (cell - low[:, None]).to(kind)
    keys, order = ((x * deep + y) * high + z + robot.to(kind) * volume).sort(stable=True)
    is_new = torch.nn.functional.pad(keys[1:] != keys[:-1], (1, 0), value=True)
    return torch.empty_like(order).scatter_(0, order, is_new.cumsum(0) - 1), order[is_new]


def voxel_centers(points: Annotated[Tensor, "* 3"], voxel_m: float) -> Annotated[Tensor, "* 3"]:
    """The middle of the voxel that each point is in."""
    return (torch.floor(points / voxel_m) + 0.5) * voxel_m


def moments(points: Annotated[Tensor, "3 *"]) -> Annotated[Tensor, "10 *"]:
    """1, x, y, z, and the six products: their sums over points are all that a Gaussian needs."""
    x, y, z = points
    return torch.stack([torch.ones_like(x), x, y, z, x * x, x * y, x * z, y * y, y * z, z * z])


def from_moments(
    sums: Annotated[Tensor, "10 *"],
) -> tuple[Annotated[Tensor, "*"], Annotated[Tensor, "3 *"], Annotated[Tensor, "6 *"]]:
    """Count, mean, covariance."""
    share = 1.0 / sums[0].clamp_min(1.0)
    mean = sums[1:4] * share
    return sums[0], mean, sums[4:] * share - products(mean)


def products(vector: Annotated[Tensor, "3 *"]) -> Annotated[Tensor, "6 *"]:
    """The six different entries of v vᵀ."""
    x, y, z = vector
    return torch.stack([x * x, x * y, x * z, y * y, y * z, z * z])


def turn_symmetric(rotation: Annotated[Tensor, "robots 3 3"], six: Annotated[Tensor, "robots n 6"]) -> Tensor:
    """R S Rᵀ: linear in the six entries, so one small matrix does it for all of a robot's."""
    a, b = rotation[:, ROWS], rotation[:, COLUMNS]  # rows of the result's six entries
    straight = a[:, :, ROWS] * b[:, :, COLUMNS]
    crossed = a[:, :, COLUMNS] * b[:, :, ROWS]
    is_diagonal = torch.tensor([row == column for row, column in zip(ROWS, COLUMNS, strict=True)], device=six.device)
    return six @ torch.where(is_diagonal, straight, straight + crossed).mT


def invert_symmetric(six: Annotated[Tensor, "6 *"]) -> Annotated[Tensor, "6 *"]:
    """Inverse of positive symmetric matrices, by cofactors."""
    a, b, c, d, e, f = six
    first, second, third = d * f - e * e, c * e - b * f, b * e - c * d
    by_det = 1.0 / (a * first + b * second + c * third)
    return torch.stack([first, second, third, a * f - c * c, b * c - a * e, a * d - b * b]) * by_det


def thinnest(six: Annotated[Tensor, "6 *"]) -> tuple[Annotated[Tensor, "3 *"], Annotated[Tensor, "*"]]:
    """Unit eigenvector of the smallest eigenvalue, the normal of what is flat, and the middle eigenvalue.

    Eigenvalues by the cosine formula (Smith, 1961); the vector is the longest column of the adjugate of S - λ 1.
    """
    scale = (six[0] + six[3] + six[5]).clamp_min(torch.finfo(six.dtype).tiny)
    a, b, c, d, e, f = six / scale
    off = b * b + c * c + e * e
    third = 1.0 / 3.0  # of the trace, which is one now
    spread = ((a - third).square() + (d - third).square() + (f - third).square() + 2.0 * off).clamp_min(1e-12)
    radius = (spread / 6.0).sqrt()
    u, v, w = (a - third) / radius, (d - third) / radius, (f - third) / radius
    b1, c1, e1 = b / radius, c / radius, e / radius
    half_det = 0.5 * (u * (v * w - e1 * e1) - b1 * (b1 * w - e1 * c1) + c1 * (b1 * e1 - v * c1))
    angle = torch.acos(half_det.clamp(-1.0, 1.0)) / 3.0
    smallest = third + 2.0 * radius * torch.cos(angle + 2.0 * torch.pi / 3.0)
    middle = 1.0 - smallest - (third + 2.0 * radius * torch.cos(angle))
    a, d, f = a - smallest, d - smallest, f - smallest
    # Crosses of the rows two by two: all are along the vector, and so make a symmetric matrix of rank one.
    xx, xy, xz, yy, yz, zz = d * f - e * e, c * e - b * f, b * e - c * d, a * f - c * c, b * c - a * e, a * d - b * b
    is_x, is_y = (xx >= yy) & (xx >= zz), yy >= zz
    longest = torch.stack(
        [
            torch.where(is_x, xx, torch.where(is_y, xy, xz)),
            torch.where(is_x, xy, torch.where(is_y, yy, yz)),
            torch.where(is_x, xz, torch.where(is_y, yz, zz)),
        ]
    )
    size = longest.square().sum(dim=0).clamp_min(torch.finfo(six.dtype).tiny).sqrt()
    return longest / size, middle * scale


def flattened(
    six: Annotated[Tensor, "6 *"], along_m: float, across_m: float, line_m: float
) -> Annotated[Tensor, "6 *"]:
    """With at least those spreads along the surface and across it.

    One ring of a LiDAR on the ground is a line: without this it would hold the next scan's ring in place. What is less
    wide than `line_m` (one sigma) counts as a line, which has no normal; from twice as much on it is a surface.
    """
    normal, middle = thinnest(six)
    flatness = ((middle / line_m**2 - 1.0) / 3.0).clamp(0.0, 1.0)
    grown = six + (across_m**2 - along_m**2) * flatness * products(normal)
    grown[DIAGONAL] += along_m**2
    return grown


def unit(like: Tensor) -> Annotated[Tensor, "6"]:
    """The identity, of the same kind."""
    return torch.tensor([1.0, 0.0, 0.0, 1.0, 0.0, 1.0], dtype=like.dtype, device=like.device)
