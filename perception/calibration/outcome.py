"""What a calibration answers: a pose with its uncertainty, or why the motion does not say it.

In:  information matrices of solvers.
Out: Extrinsic, TimeOffset or Refusal.

A refusal is an expected answer and not an error: someone who calibrates wants to be told how to move.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


class RefusalReason(enum.StrEnum):
    """Why nothing was solved."""

    TOO_FEW = "too_few"
    NO_ROTATION = "no_rotation"
    PARALLEL_AXES = "parallel_axes"
    FLAT_SCENE = "flat_scene"
    NO_OVERLAP = "no_overlap"
    NO_EXCITATION = "no_excitation"
    INCONSISTENT = "inconsistent"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing was solved; `text` says what was seen and how to move instead."""

    reason: RefusalReason
    text: str


@dataclass(frozen=True, slots=True)
class Extrinsic:
    """T_mount_sensor. The covariance is of turn (rad), then shift (m), both in the sensor's frame, to be put behind it.

    Residuals are those that remain: of each pair of poses, or the distances of pieces from surfaces (no turns then).
    """

    T_mount_sensor: Float[np.ndarray, "4 4"]
    covariance: Float[np.ndarray, "6 6"]
    turn_residuals_rad: Float[np.ndarray, " turns"]
    shift_residuals_m: Float[np.ndarray, " shifts"]

    @property
    def turn_std_rad(self) -> float:
        """In the worst direction."""
        return float(np.sqrt(np.linalg.eigvalsh(self.covariance[:3, :3])[-1]))

    @property
    def shift_std_m(self) -> float:
        """In the worst direction."""
        return float(np.sqrt(np.linalg.eigvalsh(self.covariance[3:, 3:])[-1]))


@dataclass(frozen=True, slots=True)
class TimeOffset:
    """Add `offset_s` to the second clock's times to have the first's; `correlation` is 1 where both say the same."""

    offset_s: float
    std_s: float
    correlation: float


def rotation_refusal(turns_rad: Float[np.ndarray, "pairs 3"], least_rad: float) -> Refusal | None:
    """Whether turns between looks (rotation vectors) span too little to tell where a sensor is mounted.

    With turns about one axis alone, the shift along it is never seen; without turns, no shift is.
    """
    scatter = np.linalg.eigvalsh(turns_rad.T @ turns_rad / max(1, len(turns_rad)))
    first, second = np.sqrt(np.clip(scatter[::-1][:2], 0.0, None))
    degrees = np.degrees([first, second, least_rad])
    if first < least_rad:
        return Refusal(
            RefusalReason.NO_ROTATION,
            f"The mount hardly turned (root mean square {degrees[0]:.1f}°, at least {degrees[2]:.1f}° is needed). "
            "Turn it about two axes between looks.",
        )
    if second < least_rad:
        return Refusal(
            RefusalReason.PARALLEL_AXES,
            f"The mount turned about one axis alone ({degrees[0]:.1f}° about it, {degrees[1]:.1f}° across it, at least "
            f"{degrees[2]:.1f}° is needed): the shift along that axis cannot be seen. Tilt it as well as turning it.",
        )
    return None
