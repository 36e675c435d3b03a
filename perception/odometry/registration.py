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

from .gaussians import Gaussians, flattened, invert_symmetric, turn_symmetric
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
    is_used = scan.count >= matching.min_points
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
    hessian: Tensor
    held: Tensor
    """What the Hessian would be if every Gaussian were a ball of one metre."""
    gradient: Tensor
    matched: Tensor
    chi_square: Tensor


def _linearize(
    mean: Tensor,
    covariance: Tensor,
    is_used: Tensor,
    surroundings: VoxelMap,
    turned: Tensor,
    place: Tensor,
    how: Matching,
) -> _System:
    arm = mean @ turned.mT  # from the body's origin, along the map's axes
    at = arm + place[:, None]
    slot = surroundings.find(at)
    there = slot.clamp_min(0)
    is_met = is_used & (slot >= 0) & (surroundings.count_at(there) >= how.min_map_points)
    apart = surroundings.mean[there] - at
    together = covariance + surroundings.covariance[there]
    whole = torch.tensor([1.0, 0, 0, 1.0, 0, 1.0]).to(together)  # any that can be inverted, where nothing was met
    a, b, c, d, e, f = invert_symmetric(torch.where(is_met[..., None], together, whole)).unbind(-1)
    x, y, z = apart.unbind(-1)
    pull = torch.stack([a * x + b * y + c * z, b * x + d * y + e * z, c * x + e * y + f * z], dim=-1)
    square = (pull * apart).sum(dim=-1)
    weight = is_met / (1.0 + square / how.kernel**2)
    inverse = torch.stack([a, b, c, b, d, e, c, e, f], dim=-1) * weight[..., None]
    # J = [-[arm], 1]: what the distance does when the body turns or moves.
    x, y, z = arm.unbind(-1)
    zero = torch.zeros_like(x)
    by_turn = torch.stack([zero, z, -y, -z, zero, x, y, -x, zero], dim=-1).unflatten(-1, (3, 3))
    inverse = inverse.unflatten(-1, (3, 3))
    jacobian = torch.cat([by_turn, torch.eye(3).to(by_turn).expand_as(by_turn)], dim=-1)
    weighed = inverse @ jacobian
    rows = jacobian.flatten(1, 2)
    hessian = rows.mT @ weighed.flatten(1, 2)
    held = rows.mT @ (jacobian * weight[..., None, None]).flatten(1, 2)
    gradient = (weighed.flatten(1, 2).mT @ apart.flatten(1, 2)[..., None]).squeeze(-1)
    num = is_met.sum(dim=1).clamp_min(1)
    fits = (is_met & (square < how.kernel**2 * 3)).sum(dim=1) / is_used.sum(dim=1).clamp_min(1)
    return _System(hessian, held, gradient, fits, (square.clamp_max(how.kernel**2) * is_met).sum(dim=1) / num)
