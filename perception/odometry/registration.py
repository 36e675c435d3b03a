"""Where a scan fits into the map: Gauss-Newton on distances between Gaussians, for a batch of robots.

In:  the scan's Gaussians in the body's frame, the map, a predicted pose.
Out: Fit: pose, how much the match says of it, how well it fits.

The distance of two Gaussians is weighed by the inverse of both covariances together (Segal, Haehnel, Thrun,
"Generalized-ICP", 2009; per voxel as in Koide et al., 2021), and by a Cauchy kernel against what moved or is new.
Along a surface a Gaussian holds a little, which helps to find the way from afar, but says nothing: that part is taken
off the information, so that along a corridor none is left (in place of the remapping of Zhang, Kaess, Singh, 2016).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from .gaussians import SQUARE, Gaussians, flattened, invert_symmetric, moments, turn_symmetric, unit
from .rotations import exp, turned
from .voxel_map import VoxelMap

SPARED = 4


@dataclass(frozen=True, slots=True)
class Matching:
    """How scans are matched."""

    max_iterations: int = 12
    enough_m: float = 5e-5
    enough_rad: float = 1e-5
    floor_m: float = 0.005
    """One sigma added to every Gaussian: the roughness that voxels of finite size do not show."""
    along_m: float = 0.5
    """One sigma along a surface: where in its voxel a Gaussian lies, the rings decide, and they go with the robot."""
    pairs_hold_m: float = 0.01
    pairs_hold_rad: float = 0.0005
    """A scan that moved less than this keeps its pairs: few Gaussians would fall into another voxel."""
    line_m: float = 0.03
    """What is less wide than this has no normal: one ring on a wall. A LiDAR with fewer beams wants more."""
    kernel: float = 3.0
    """In sigmas: what fits worse than this counts half."""
    min_points: int = 3
    min_map_points: int = 6

    @property
    def shape(self) -> tuple[float, float, float]:
        """What every Gaussian is given of width: along its surface, across it, and below what it is a line."""
        return self.along_m, self.floor_m, self.line_m


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
    mean = scan.mean.permute(2, 0, 1).contiguous()
    # Turned once: within the few degrees that a prediction is off, the shape of a Gaussian stays what it was.
    flat = flattened(scan.covariance.permute(2, 0, 1).contiguous(), *matching.shape)
    covariance = turn_symmetric(R_map_body, flat.permute(1, 2, 0)).permute(2, 0, 1)
    turn, place, done = R_map_body, place_map, 0
    moved = torch.zeros(len(place_map), 6, dtype=place_map.dtype, device=place_map.device)  # from the prior's mean
    since = moved  # the pairs were made
    is_moving = torch.ones(len(place_map), 1, dtype=torch.bool, device=place_map.device)
    pairs = _meet(mean, covariance, scan.count > 0, surroundings, turn, place, matching)
    pulled = _pull(pairs, turn, place, matching.kernel)
    while done < matching.max_iterations and is_moving.any():
        step = torch.linalg.solve(pulled.hessian + prior, pulled.gradient - turned(prior, moved))
        step = torch.where(is_moving, step, torch.zeros_like(step))
        turn, place, moved, since = exp(step[:, :3]) @ turn, place + step[:, 3:], moved + step, since + step
        is_large = (step[:, :3].abs() > matching.enough_rad) | (step[:, 3:].abs() > matching.enough_m)
        is_moving = is_moving & is_large.any(dim=1, keepdim=True)
        is_off = (since[:, :3].abs() > matching.pairs_hold_rad) | (since[:, 3:].abs() > matching.pairs_hold_m)
        is_off = is_off.any(dim=1, keepdim=True) & is_moving
        if is_off.any():
            fresh = _meet(mean, covariance, scan.count > 0, surroundings, turn, place, matching)
            pairs, since = pairs.replaced(is_off, fresh), since * ~is_off
        pulled = _pull(pairs, turn, place, matching.kernel)
        done += 1
    information = _positive(pulled.hessian - _held(pairs, pulled) / (2.0 * matching.along_m**2))
    is_close = pairs.is_met & (pulled.square < 3.0 * matching.kernel**2)
    chi_square = (pulled.square.clamp_max(matching.kernel**2) * pairs.is_met).sum(dim=1)
    return Fit(
        turn,
        place,
        information,
        is_close.sum(dim=1) / (scan.count > 0).sum(dim=1).clamp_min(1),
        chi_square / pairs.is_met.sum(dim=1).clamp_min(1),
        done,
    )


@dataclass(frozen=True, slots=True)
class Renewal:
    """What laying a scan into the map does to the error of the map as seen from there."""

    share: Annotated[Tensor, "robots 6 6"]
    """How much of the map's error is the pose's from now on."""
    spread: Annotated[Tensor, "robots 6 6"]
    """Covariance that the new Gaussians' own errors bring, were each as exact as it says."""


def renewal(
    scan: Gaussians,
    surroundings: VoxelMap,
    R_map_body: Annotated[Tensor, "robots 3 3"],
    place_map: Annotated[Tensor, "robots 3"],
    matching: Matching,
) -> Renewal:
    """After the scan was laid there; every fourth Gaussian speaks for its neighbours."""
    count, mean, six = (values[:, ::SPARED] for values in (scan.count, scan.mean, scan.covariance))
    arm = mean @ R_map_body.mT
    slots = surroundings.find(arm + place_map[:, None])
    met_count, _, met_covariance = surroundings.read(slots)
    flat = flattened(six.permute(2, 0, 1).contiguous(), *matching.shape)
    covariance = turn_symmetric(R_map_body, flat.permute(1, 2, 0)).permute(2, 0, 1)
    is_met = (count >= matching.min_points) & (met_count >= matching.min_map_points)
    inverse = invert_symmetric(torch.where(is_met, covariance + met_covariance, unit(covariance)[:, None, None]))
    arms = moments(arm.permute(2, 0, 1)).transpose(0, 1)
    whole, new = (
        SPARED * _assemble(torch.bmm(arms, (inverse * weight).permute(1, 2, 0))).double()
        for weight in (is_met, is_met * surroundings.renewed[slots.clamp_min(0)])
    )
    tiny = torch.eye(6).to(whole)
    by_whole = torch.linalg.inv(whole + tiny)
    return Renewal(by_whole @ (new + tiny), by_whole @ new @ by_whole)


def _positive(matrix: Annotated[Tensor, "robots 6 6"]) -> Annotated[Tensor, "robots 6 6"]:
    """Without its negative eigenvalues; a metre counts as much as a radian."""
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ (values.clamp_min(0.0)[..., None] * vectors.mT)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The scan's Gaussians and those of the map that they fell on, components first."""

    mean: Annotated[Tensor, "3 robots gaussians"]
    is_met: Annotated[Tensor, "robots gaussians"]
    met_mean: Annotated[Tensor, "3 robots gaussians"]
    inverse: Annotated[Tensor, "6 robots gaussians"]
    """Of both covariances together."""

    def replaced(self, is_chosen: Annotated[Tensor, "robots 1"], other: _Pairs) -> _Pairs:
        """With another's pairs for the robots chosen."""
        return _Pairs(
            self.mean,
            torch.where(is_chosen, other.is_met, self.is_met),
            torch.where(is_chosen, other.met_mean, self.met_mean),
            torch.where(is_chosen, other.inverse, self.inverse),
        )


@dataclass(frozen=True, slots=True)
class _Pulled:
    hessian: Annotated[Tensor, "robots 6 6"]
    gradient: Annotated[Tensor, "robots 6"]
    arms: Annotated[Tensor, "robots 10 gaussians"]
    weight: Annotated[Tensor, "robots gaussians"]
    square: Annotated[Tensor, "robots gaussians"]
    """Of the distance, in sigmas."""


def _meet(
    mean: Annotated[Tensor, "3 robots gaussians"],
    covariance: Annotated[Tensor, "6 robots gaussians"],
    is_used: Annotated[Tensor, "robots gaussians"],
    surroundings: VoxelMap,
    turn: Annotated[Tensor, "robots 3 3"],
    place: Annotated[Tensor, "robots 3"],
    how: Matching,
) -> _Pairs:
    count, met_mean, met_covariance = surroundings.look_up(mean.permute(1, 2, 0) @ turn.mT + place[:, None])
    is_met = is_used & (count >= how.min_map_points)
    # Where nothing was met, any matrix that can be inverted.
    together = torch.where(is_met, covariance + met_covariance, unit(covariance)[:, None, None])
    return _Pairs(mean, is_met, met_mean, invert_symmetric(together))


def _pull(
    pairs: _Pairs, turn: Annotated[Tensor, "robots 3 3"], place: Annotated[Tensor, "robots 3"], kernel: float
) -> _Pulled:
    """The normal equations of the step that brings the pairs together."""
    arm = torch.einsum("rij,jrn->irn", turn, pairs.mean)  # from the body's origin, along the map's axes
    x, y, z = apart = pairs.met_mean - arm - place.T[..., None]
    a, b, c, d, e, f = pairs.inverse
    pull = torch.stack([a * x + b * y + c * z, b * x + d * y + e * z, c * x + e * y + f * z])
    square = (pull * apart).sum(dim=0)
    weight = pairs.is_met / (1.0 + square / kernel**2)
    arms = moments(arm).transpose(0, 1)
    pulls = torch.bmm(arms[:, :4], (pull * weight).permute(1, 2, 0))
    hessian = _assemble(torch.bmm(arms, (pairs.inverse * weight).permute(1, 2, 0)))
    return _Pulled(hessian, torch.cat([_crossed(pulls[:, 1:]), pulls[:, 0]], dim=1), arms, weight, square)


def _held(pairs: _Pairs, pulled: _Pulled) -> Annotated[Tensor, "robots 6 6"]:
    """What the Hessian would be if every Gaussian were a ball of one metre."""
    return _assemble((pulled.arms @ pulled.weight[..., None]) * unit(pairs.inverse))


def _assemble(sums: Annotated[Tensor, "robots 10 6"]) -> Annotated[Tensor, "robots 6 6"]:
    """Jᵀ W J over all Gaussians, with J = [-[arm], 1]: its entries are sums of (products of) arm times entries of W."""
    return (sums.flatten(1) @ _assembly(sums.dtype, sums.device)).unflatten(1, (6, 6))


@functools.cache
def _assembly(dtype: torch.dtype, device: torch.device) -> Annotated[Tensor, "60 36"]:
    """Which sum counts how much in which entry."""
    each = torch.eye(60, dtype=dtype, device=device).unflatten(1, (10, 6))
    weights = each[..., SQUARE].unflatten(-1, (3, 3))  # [sum, moment, 3, 3]
    level, once, twice = weights[:, 0], weights[:, 1:4], weights[:, 4:][:, SQUARE].unflatten(1, (3, 3))
    cross = _cross(dtype, device)
    mixed = torch.einsum("iab,rabj->rij", cross, once)
    turning = torch.einsum("iab,jdc,radbc->rij", cross, cross, twice)
    whole = torch.cat([torch.cat([turning, mixed], dim=2), torch.cat([mixed.mT, level], dim=2)], dim=1)
    return whole.flatten(1)


def _crossed(products: Annotated[Tensor, "robots 3 3"]) -> Annotated[Tensor, "robots 3"]:
    """The sum of cross products from the sum of outer products."""
    return products.flatten(1) @ _cross(products.dtype, products.device).flatten(1).T


@functools.cache
def _cross(dtype: torch.dtype, device: torch.device) -> Annotated[Tensor, "3 3 3"]:
    """The tensor that makes cross products."""
    cross = torch.zeros(3, 3, 3, dtype=dtype, device=device)
    for i, a, b in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        cross[i, a, b], cross[i, b, a] = 1.0, -1.0
    return cross
