"""Camera to hand, or camera to base, from poses of the hand and of a target that the camera sees: A X = X B.

In:  poses of the hand in the base (encoders), poses of a target in the camera at the same moments.
Out: where the camera is mounted, where the target is, how sure that is; or why that cannot be told.

First in closed form (turns: Park and Martin, "Robot sensor calibration", 1994; shifts: least squares), then least
squares on all poses together, turns and shifts weighed by their own residuals.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..geometry import invert_pose
from ..odometry.rotations import exp, log, skew
from .outcome import Extrinsic, Refusal, RefusalReason, rotation_refusal

LEAST_POSES = 4
LEAST_TURN_RAD = 0.1
ROUNDS = 20
WORST_TURN_RAD, WORST_SHIFT_M = 0.1, 0.05
"""Residuals beyond these are no noise: the target moved, or poses do not belong together."""


def solve_camera_on_hand(
    T_base_hand: Float[np.ndarray, "poses 4 4"], T_camera_target: Float[np.ndarray, "seen 4 4"]
) -> Extrinsic | Refusal:
    """T_hand_camera of a camera that moves with the hand, while the target stays where it is."""
    return _solve(T_base_hand, T_camera_target)


def solve_camera_on_base(
    T_base_hand: Float[np.ndarray, "poses 4 4"], T_camera_target: Float[np.ndarray, "seen 4 4"]
) -> Extrinsic | Refusal:
    """T_base_camera of a camera that stays where it is, while the hand carries the target."""
    return _solve(invert_pose(T_base_hand), T_camera_target)


def _solve(a: Float[np.ndarray, "poses 4 4"], b: Float[np.ndarray, "seen 4 4"]) -> Extrinsic | Refusal:
    """X of A X B = Z, where A takes the camera's mount into the frame in which the target is fixed (at Z)."""
    if a.shape != b.shape or a.shape[1:] != (4, 4):
        raise ValueError(
            f"Hand-eye calibration got poses of shapes {a.shape} and {b.shape}, expected two times (poses, 4, 4). "
            "Pair each pose of the hand with the target's of the same moment."
        )
    is_sound = np.isfinite(a).all(axis=(1, 2)) & np.isfinite(b).all(axis=(1, 2))
    a, b = a[is_sound], b[is_sound]
    if len(a) < LEAST_POSES:
        text = f"Only {len(a)} pairs of poses, at least {LEAST_POSES} are needed. Look from more places."
        return Refusal(RefusalReason.TOO_FEW, text)
    moved_a, moved_b = _motions(torch.from_numpy(a), torch.from_numpy(b))
    refusal = rotation_refusal(log(moved_a[:, :3, :3]).numpy(), LEAST_TURN_RAD)
    if refusal is not None:
        return refusal
    x = _closed_form(moved_a, moved_b)
    return _refined(torch.from_numpy(a), torch.from_numpy(b), x)


def _motions(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Between all pairs of moments: A' X = X B'."""
    first, second = torch.triu_indices(len(a), len(a), 1)
    return torch.linalg.inv(a[second]) @ a[first], b[second] @ torch.linalg.inv(b[first])


def _closed_form(a: Tensor, b: Tensor) -> Tensor:
    """The turn that lays the axes of one side's motions on the other's, then the shift."""
    x = torch.eye(4, dtype=a.dtype)
    u, _, v = torch.linalg.svd(log(a[:, :3, :3]).T @ log(b[:, :3, :3]))
    x[:3, :3] = u @ torch.diag(torch.tensor([1.0, 1.0, float(torch.det(u @ v))], dtype=a.dtype)) @ v
    left = (a[:, :3, :3] - torch.eye(3, dtype=a.dtype)).flatten(0, 1)
    right = (b[:, :3, 3] @ x[:3, :3].T - a[:, :3, 3]).flatten()
    x[:3, 3] = torch.linalg.lstsq(left, right[:, None]).solution[:, 0]
    return x


def _refined(a: Tensor, b: Tensor, x: Tensor) -> Extrinsic | Refusal:
    """Gauss-Newton on X and Z together; weights follow the residuals."""
    z = a[0] @ x @ b[0]
    weight = torch.ones(6, dtype=a.dtype)
    free = 6.0 - 12.0 / len(a)  # of the six numbers of each pair, what the twelve unknowns do not take up
    normal = torch.eye(12, dtype=a.dtype)
    for _ in range(ROUNDS):
        error = torch.linalg.inv(z) @ a @ x @ b
        residual = _residual(error)
        sigma2 = residual.square().mean(dim=0).view(2, 3).mean(dim=1) * 6.0 / free
        weight = (1.0 / sigma2.clamp_min(1e-16)).repeat_interleave(3)
        by_x, by_z = _adjoint(torch.linalg.inv(b)), -_adjoint(torch.linalg.inv(error))
        # The residual's shift is that of the error itself, not of its logarithm: what turns it, turns it at the origin.
        jacobian = torch.cat([by_x, by_z], dim=2)
        jacobian[:, 3:] = error[:, :3, :3] @ jacobian[:, 3:]
        normal = torch.einsum("nij,i,nik->jk", jacobian, weight, jacobian)
        step = -torch.linalg.solve(normal, torch.einsum("nij,i,ni->j", jacobian, weight, residual))
        x, z = x @ _exp(step[:6]), z @ _exp(step[6:])
        if float(step.abs().max()) < 1e-12:
            break
    residual = _residual(torch.linalg.inv(z) @ a @ x @ b)
    turn_rad, shift_m = residual[:, :3].norm(dim=1).numpy(), residual[:, 3:].norm(dim=1).numpy()
    turn_rms, shift_rms = float(np.sqrt(np.square(turn_rad).mean())), float(np.sqrt(np.square(shift_m).mean()))
    if turn_rms > WORST_TURN_RAD or shift_rms > WORST_SHIFT_M:
        return Refusal(
            RefusalReason.INCONSISTENT,
            f"No mounting explains these poses (left over: {np.degrees(turn_rms):.1f}°, {1000 * shift_rms:.0f} mm). "
            "The target must not move, and both poses of a pair must be of one moment.",
        )
    return Extrinsic(x.numpy(), torch.linalg.inv(normal)[:6, :6].numpy(), turn_rad, shift_m)


def _residual(error: Tensor) -> Tensor:
    return torch.cat([log(error[:, :3, :3]), error[:, :3, 3]], dim=1)


def _adjoint(pose: Tensor) -> Tensor:
    """Takes a small motion (turn, shift) behind a pose to the same one before it."""
    turn = pose[..., :3, :3]
    top = torch.cat([turn, torch.zeros_like(turn)], dim=-1)
    return torch.cat([top, torch.cat([skew(pose[..., :3, 3]) @ turn, turn], dim=-1)], dim=-2)


def _exp(twist: Tensor) -> Tensor:
    """A small motion as a pose; turn and shift apart."""
    pose = torch.eye(4, dtype=twist.dtype)
    pose[:3, :3], pose[:3, 3] = exp(twist[:3]), twist[3:]
    return pose
