"""Where a sensor that measures depth is mounted, from what it sees: no target is needed, only a still scene.

In:  points of each look in the sensor's frame, the mount's poses at those moments, a guess of the mounting (a few
     centimetres and degrees off); for a second sensor also what the first saw.
Out: T_mount_sensor, how sure that is; or why that cannot be told.

Each look is kept as flat pieces, one a voxel, in its own sensor's frame. Under the right mounting the points of one
look lie on the flat pieces of another: Gauss-Newton on those distances. A piece that stands alone says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..mapping.blocks import block_keys
from ..odometry.rotations import exp, log, skew
from .outcome import Extrinsic, Refusal, RefusalReason, rotation_refusal

LEAST_LOOKS = 4
LEAST_TURN_RAD = 0.1
LEAST_POINTS = 8
"""In a voxel, for a flat piece."""
FLAT_SHARE = 0.02
"""Of a piece's spread that may lie across it."""
WIDE_SHARE = 0.01
"""Of a voxel's face that a flat piece must spread over (variance), also along its shorter side."""
LEAST_MATCHES = 60
LEAST_SHARE = 1e-5
"""Of the best-held direction's information that the worst-held must have."""
ROUNDS = 15
WORST_TURN_RAD, WORST_SHIFT_M = math.radians(0.5), 0.01
"""Stated deviations beyond which the scene is said not to hold the sensor."""


Terms = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]
"""For a mounting: the distances, how they change with it, and of which two looks each is [matches, 2]."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What a sensor saw, look by look, padded; and where its mount was."""

    points_sensor: Float[np.ndarray, "looks points 3"]
    is_there: Bool[np.ndarray, "looks points"]
    T_world_mount: Float[np.ndarray, "looks 4 4"]


@dataclass(frozen=True, slots=True)
class _Pieces:
    """The points of each voxel of each look: their middle, and their normal where they are flat."""

    keys: Annotated[Tensor, " pieces"]
    look: Annotated[Tensor, " pieces"]
    mean: Annotated[Tensor, "pieces 3"]
    normal: Annotated[Tensor, "pieces 3"]
    is_flat: Annotated[Tensor, " pieces"]


def solve_on_moving_mount(looks: Looks, guess: Float[np.ndarray, "4 4"], voxel_m: float = 0.08) -> Extrinsic | Refusal:
    """T_mount_sensor of a sensor that a hand or a vehicle carries, from the looks' agreement among themselves."""
    num = len(looks.points_sensor)
    if num < LEAST_LOOKS:
        text = f"Only {num} looks, at least {LEAST_LOOKS} are needed. Look from more places."
        return Refusal(RefusalReason.TOO_FEW, text)
    mounts = torch.from_numpy(looks.T_world_mount)
    first, second = torch.triu_indices(num, num, 1)
    moved = torch.linalg.inv(mounts[second]) @ mounts[first]
    refusal = rotation_refusal(log(moved[:, :3, :3]).numpy(), LEAST_TURN_RAD)
    if refusal is not None:
        return refusal
    shifts = sorted({1 + k * (num - 1) // 6 for k in range(6)} - {num})
    x = torch.from_numpy(guess)
    for size_m in (2.0 * voxel_m, voxel_m):
        pieces = _make_pieces(looks, size_m)

        def terms(x: Tensor, pieces: _Pieces = pieces, size_m: float = size_m) -> tuple[Tensor, Tensor, Tensor]:
            every = [_between_looks(x, pieces, mounts, shift, size_m) for shift in shifts if shift < num]
            residual, rows, pair = zip(*every, strict=True)
            return torch.cat(residual), torch.cat(rows), torch.cat(pair)

        outcome = _solve(x, terms, size_m)
        if isinstance(outcome, Refusal):
            return outcome
        x = torch.from_numpy(outcome.T_mount_sensor)
    return outcome


def solve_against(
    looks: Looks, reference: Looks, T_mount_reference: Float[np.ndarray, "4 4"], guess: Float[np.ndarray, "4 4"],
    voxel_m: float = 0.08,
) -> Extrinsic | Refusal:  # fmt: skip
    """T_mount_sensor, from the looks at the same moments of another sensor whose mounting is known.

    LiDAR to camera: one mount, the camera's frame (`T_mount_reference` the identity). Camera to base: the mount is the
    base, the reference a camera on the hand. Nothing need move, if the surfaces face in three directions.
    """
    if len(looks.points_sensor) != len(reference.points_sensor):
        raise ValueError(
            f"solve_against got {len(looks.points_sensor)} looks and {len(reference.points_sensor)} of the reference, "
            "expected as many. Pair looks of the same moment."
        )
    if not len(looks.points_sensor):
        return Refusal(RefusalReason.TOO_FEW, "No looks, at least one is needed.")
    between = torch.linalg.inv(torch.from_numpy(reference.T_world_mount @ T_mount_reference))
    T_reference_mount = between @ torch.from_numpy(looks.T_world_mount)
    x = torch.from_numpy(guess)
    for size_m in (2.0 * voxel_m, voxel_m):
        ours, theirs = _make_pieces(looks, size_m), _make_pieces(reference, size_m)

        def terms(
            x: Tensor, ours: _Pieces = ours, theirs: _Pieces = theirs, size_m: float = size_m
        ) -> tuple[Tensor, Tensor, Tensor]:
            pose = (T_reference_mount @ x)[ours.look]
            normal, residual, is_match = _distances(theirs, ours.look, ours.mean, pose, size_m)
            turn = pose[:, :3, :3]
            rows = torch.cat([-turn @ skew(ours.mean), turn], dim=2)
            looks_of = torch.stack([ours.look, ours.look + len(T_reference_mount)], dim=1)
            return residual[is_match], (normal[:, None] @ rows).squeeze(1)[is_match], looks_of[is_match]

        outcome = _solve(x, terms, size_m)
        if isinstance(outcome, Refusal):
            return outcome
        x = torch.from_numpy(outcome.T_mount_sensor)
    return outcome


def _make_pieces(looks: Looks, voxel_m: float) -> _Pieces:
    look, index = (looks.is_there & np.isfinite(looks.points_sensor).all(axis=2)).nonzero()
    points = torch.from_numpy(looks.points_sensor[look, index].astype(np.float64))
    cell = torch.floor(points / voxel_m).long()
    keys, group, count = torch.unique(block_keys(torch.from_numpy(look), cell), return_inverse=True, return_counts=True)
    share = 1.0 / count[:, None].to(points)
    mean = torch.zeros(len(keys), 3).to(points).index_add_(0, group, points) * share
    around = points - mean[group]
    spread = (
        torch.zeros(len(keys), 9).to(points).index_add_(0, group, (around[:, :, None] * around[:, None]).flatten(1))
    )
    sizes, axes = torch.linalg.eigh((spread * share).unflatten(1, (3, 3)))
    # Thin across, and wide along both other axes: one row of pixels is no surface.
    is_flat = (sizes[:, 0] < FLAT_SHARE * sizes.sum(dim=1)) & (sizes[:, 1] > WIDE_SHARE * voxel_m**2)
    is_kept = (count >= LEAST_POINTS) & (keys >= 0)
    return _Pieces(keys[is_kept], keys[is_kept] >> 48, mean[is_kept], axes[is_kept, :, 0], is_flat[is_kept])


def _between_looks(
    x: Tensor, pieces: _Pieces, mounts: Annotated[Tensor, "looks 4 4"], shift: int, voxel_m: float
) -> tuple[Annotated[Tensor, " matches"], Annotated[Tensor, "matches 6"], Annotated[Tensor, "matches 2"]]:
    """Pieces of each look on the flat pieces of the look so many earlier."""
    earlier = (pieces.look - shift) % len(mounts)
    motion = torch.linalg.inv(mounts.roll(shift, dims=0)) @ mounts
    pose = (torch.linalg.inv(x) @ motion @ x)[pieces.look]
    normal, residual, is_match = _distances(pieces, earlier, pieces.mean, pose, voxel_m)
    turn = pose[:, :3, :3]
    place = (turn @ pieces.mean[..., None]).squeeze(-1) + pose[:, :3, 3]
    # X stands on both sides of the motion: what it changes here it takes back there, all of it where nothing turns.
    by_turn = skew(place) - turn @ skew(pieces.mean)
    by_shift = turn - torch.eye(3, dtype=turn.dtype)
    rows = (normal[:, None] @ torch.cat([by_turn, by_shift], dim=2)).squeeze(1)
    return residual[is_match], rows[is_match], torch.stack([pieces.look, earlier], dim=1)[is_match]


def _distances(
    pieces: _Pieces, look: Tensor, points: Annotated[Tensor, "points 3"], pose: Annotated[Tensor, "points 4 4"],
    voxel_m: float,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Normals of the flat pieces where the points come to lie, distances from them, and where there is such a piece."""
    place = (pose[:, :3, :3] @ points[..., None]).squeeze(-1) + pose[:, :3, 3]
    keys = block_keys(look, torch.floor(place / voxel_m).long())
    at = torch.searchsorted(pieces.keys, keys).clamp_max(max(0, len(pieces.keys) - 1))
    normal = pieces.normal[at]
    residual = (normal * (place - pieces.mean[at])).sum(dim=1)
    return normal, residual, (pieces.keys[at] == keys) & pieces.is_flat[at] & (residual.abs() < 0.5 * voxel_m)


def _solve(x: Tensor, terms: Terms, voxel_m: float) -> Extrinsic | Refusal:
    """Gauss-Newton with Tukey's weights."""
    residual, rows, pair = terms(x)
    weight, normal = torch.ones_like(residual), torch.eye(6, dtype=x.dtype)
    for _ in range(ROUNDS):
        if len(residual) < LEAST_MATCHES:
            return Refusal(
                RefusalReason.NO_OVERLAP,
                f"Only {len(residual)} places were seen twice, at least {LEAST_MATCHES} are needed. "
                "Look at the same things from every place, and begin with a better guess.",
            )
        reach_m = 4.685 * max(1.4826 * float(residual.abs().median()), 1e-5)
        weight = (1.0 - (residual / reach_m).square()).clamp_min(0.0).square()
        normal = rows.T @ (rows * weight[:, None])
        if _worst_share(normal) < LEAST_SHARE:
            return _flat_scene("one direction of surfaces or motion is missing altogether")
        step = -torch.linalg.solve(normal, rows.T @ (weight * residual))
        change = torch.eye(4, dtype=x.dtype)
        change[:3, :3], change[:3, 3] = exp(step[:3]), step[3:]
        x = x @ change
        residual, rows, pair = terms(x)
        if float(step.abs().max()) < 1e-7:
            break
    covariance = _covariance(normal, rows, residual, pair)
    found = Extrinsic(x.numpy(), covariance, np.zeros(0), residual.abs().numpy())
    if found.turn_std_rad > WORST_TURN_RAD or found.shift_std_m > WORST_SHIFT_M:
        turn_deg, shift_mm = math.degrees(found.turn_std_rad), 1000.0 * found.shift_std_m
        return _flat_scene(f"deviations up to {turn_deg:.2g}° and {shift_mm:.2g} mm")
    return found


def _worst_share(normal: Tensor) -> float:
    """How much less the worst direction is held than the best; turns count at a metre's distance."""
    sizes = torch.linalg.eigvalsh(normal)
    return float(sizes[0] / sizes[-1].clamp_min(1e-12))


def _covariance(normal: Tensor, rows: Tensor, residual: Tensor, pair: Tensor) -> Float[np.ndarray, "6 6"]:
    """From how single looks pull at the answer.

    What is wrong with a look is wrong with all its points together, so that counting matches would promise far too
    much (White's sandwich estimate, with looks in place of matches).
    """
    reach_m = 4.685 * max(1.4826 * float(residual.abs().median()), 1e-5)
    weight = (1.0 - (residual / reach_m).square()).clamp_min(0.0).square()
    pull = rows * (weight * residual)[:, None]
    pulls = torch.zeros(int(pair.max()) + 1, 6, dtype=rows.dtype)
    pulls.index_add_(0, pair[:, 0], pull).index_add_(0, pair[:, 1], pull)
    inverse = torch.linalg.inv(normal)
    by_looks = inverse @ (pulls.T @ pulls) @ inverse
    by_matches = inverse * float((weight * residual.square()).sum() / weight.sum())
    return (by_looks + by_matches).numpy()


def _flat_scene(what: str) -> Refusal:
    return Refusal(
        RefusalReason.FLAT_SCENE,
        f"The surfaces seen do not hold the sensor ({what}). "
        "Look at surfaces that face in three directions, such as a corner or boxes.",
    )
