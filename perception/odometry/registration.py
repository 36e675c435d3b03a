"""Where a scan fits into the map: Gauss-Newton on distances between Gaussians, for a batch of robots.

In:  the scan's Gaussians in the body's frame, the map, a predicted pose.
Out: Fit: pose, how much the match says of it, how well it fits.

The distance of two Gaussians is weighed by the inverse of both covariances together (Segal, Haehnel, Thrun,
"Generalized-ICP", 2009; per voxel as in Koide et al., 2021), and by a Cauchy kernel against what moved or is new.
Along a surface a Gaussian holds a little, which helps to find the way from afar, but says nothing: that part is taken
off the information, so that along a corridor none is left (in place of the remapping of Zhang, Kaess, Singh, 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from .gaussians import SQUARE, Gaussians, flattened, invert_symmetric, moments, turn_symmetric, unit
from .rotations import exp
from .voxel_map import VoxelMap


@dataclass(frozen=True, slots=True)
class Matching:
    """How scans are matched."""

    max_iterations: int = 12
    enough_m: float = 5e-5
    enough_rad: float = 1e-5
    floor_m: float = 0.005
    """One sigma added to every Gaussian: the roughness that voxels of finite size do not show."""
    along_m: float = 0.1
    kernel: float = 3.0
    """In sigmas: what fits worse than this counts half."""
    min_points: int = 3
    min_map_points: int = 6


@dataclass(frozen=True, slots=True)
class Fit:
    """Errors are (turn, place) about the body's origin along the map's axes, in rad and m."""

    R_map_body: Annotated[Tensor, "robots 3 3"]
    place_map: Annotated[Tensor, "robots 3"]
    information: Annotated[Tensor, "robots 6 6"]
    matched: Annotated[Tensor, "robots"]
    """Share of the scan's Gaussians that found one in the map and fit it."""
    chi_square: Annotated[Tensor, "robots"]
    """Mean squared distance in sigmas, per matched Gaussian."""
    iterations: int


def register(
    scan: Gaussians,
    surroundings: VoxelMap,
    R_map_body: Annotated[Tensor, "robots 3 3"],
    place_map: Annotated[Tensor, "robots 3"],
    prior: Annotated[Tensor, "robots 6 6"],
    matching: Matching,
) -> Fit:
    """The pose that fits the map, held back by a weak `prior` (information) where the map does not say.

    Robots whose step has become small stay as they are, so that none depends on the others of its batch.
    """
    scan = scan.with_points(matching.min_points)
    is_used = scan.count > 0
    # Turned once: within the few degrees that a prediction is off, the shape of a Gaussian stays what it was.
    covariance = turn_symmetric(R_map_body, flattened(scan.covariance, matching.along_m, matching.floor_m))
    moved = torch.zeros(len(place_map), 6, dtype=place_map.dtype, device=place_map.device)  # from the prior's mean
    turned, place, done = R_map_body, place_map, 0
    is_moving = torch.ones(len(place_map), 1, dtype=torch.bool, device=place_map.device)
    system = _linearize(scan.mean, covariance, is_used, surroundings, turned, place, matching)
    while done < matching.max_iterations and is_moving.any():
        step = torch.linalg.solve(system.hessian + prior, system.gradient - (prior @ moved[..., None]).squeeze(-1))
        step = torch.where(is_moving, step, torch.zeros_like(step))
        turned, place, moved = exp(step[:, :3]) @ turned, place + step[:, 3:], moved + step
        system = _linearize(scan.mean, covariance, is_used, surroundings, turned, place, matching)
        is_large = (step[:, :3].abs() > matching.enough_rad) | (step[:, 3:].abs() > matching.enough_m)
        is_moving = is_moving & is_large.any(dim=1, keepdim=True)
        done += 1
    information = _positive(system.hessian - system.held / (2.0 * matching.along_m**2))
    return Fit(turned, place, information, system.matched, system.chi_square, done)


def _positive(matrix: Annotated[Tensor, "robots 6 6"]) -> Annotated[Tensor, "robots 6 6"]:
    """Without its negative eigenvalues; a metre counts as much as a radian."""
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ (values.clamp_min(0.0)[..., None] * vectors.mT)


@dataclass(frozen=True, slots=True)
class _System:
    hessian: Annotated[Tensor, "robots 6 6"]
    held: Annotated[Tensor, "robots 6 6"]
    """What the Hessian would be if every Gaussian were a ball of one metre."""
    gradient: Annotated[Tensor, "robots 6"]
    matched: Annotated[Tensor, "robots"]
    chi_square: Annotated[Tensor, "robots"]


def _linearize(
    mean: Annotated[Tensor, "robots gaussians 3"],
    covariance: Annotated[Tensor, "robots gaussians 6"],
    is_used: Annotated[Tensor, "robots gaussians"],
    surroundings: VoxelMap,
    turned: Annotated[Tensor, "robots 3 3"],
    place: Annotated[Tensor, "robots 3"],
    how: Matching,
) -> _System:
    arm = mean @ turned.mT  # from the body's origin, along the map's axes
    at = arm + place[:, None]
    is_met, count, met_mean, met_covariance = surroundings.look_up(at)
    is_met = is_met & is_used & (count >= how.min_map_points)
    apart = met_mean - at
    # Where nothing was met, any matrix that can be inverted.
    together = torch.where(is_met[..., None], covariance + met_covariance, unit(covariance))
    inverse = invert_symmetric(together)
    a, b, c, d, e, f = inverse.unbind(-1)
    x, y, z = apart.unbind(-1)
    pull = torch.stack([a * x + b * y + c * z, b * x + d * y + e * z, c * x + e * y + f * z], dim=-1)
    square = (pull * apart).sum(dim=-1)
    weight = (is_met / (1.0 + square / how.kernel**2))[..., None]
    arms = moments(arm).mT
    pulls = arms[:, :4] @ (pull * weight)
    num = is_met.sum(dim=1).clamp_min(1)
    return _System(
        _assemble(arms @ (inverse * weight)),
        _assemble(arms @ weight * unit(covariance)),
        torch.cat([_crossed(pulls[:, 1:]), pulls[:, 0]], dim=1),
        (is_met & (square < 3.0 * how.kernel**2)).sum(dim=1) / is_used.sum(dim=1).clamp_min(1),
        (square.clamp_max(how.kernel**2) * is_met).sum(dim=1) / num,
    )


def _assemble(sums: Annotated[Tensor, "robots 10 6"]) -> Annotated[Tensor, "robots 6 6"]:
    """Jᵀ W J over all Gaussians, with J = [-[arm], 1]: its entries are sums of (products of) arm times entries of W."""
    weights = sums[..., SQUARE].unflatten(-1, (3, 3))  # [robots, moment, 3, 3]
    level, once, twice = weights[:, 0], weights[:, 1:4], weights[:, 4:][:, SQUARE].unflatten(1, (3, 3))
    cross = _cross(sums)
    mixed = torch.einsum("iab,rabj->rij", cross, once)
    turning = torch.einsum("iab,jdc,radbc->rij", cross, cross, twice)
    return torch.cat([torch.cat([turning, mixed], dim=2), torch.cat([mixed.mT, level], dim=2)], dim=1)


def _crossed(products: Annotated[Tensor, "robots 3 3"]) -> Annotated[Tensor, "robots 3"]:
    """The sum of cross products from the sum of outer products."""
    return torch.einsum("iab,rab->ri", _cross(products), products)


def _cross(like: Tensor) -> Annotated[Tensor, "3 3 3"]:
    """The tensor that makes cross products."""
    cross = torch.zeros(3, 3, 3, dtype=like.dtype, device=like.device)
    for i, a, b in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        cross[i, a, b], cross[i, b, a] = 1.0, -1.0
    return cross
