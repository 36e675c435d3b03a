"""What is found on drawn tables under a condition, against truth.

In:  a Condition, seeds.
Out: ObjectsFound: recall, precision, colour, shape, errors of place.

The robot looks as long as it would before it moves: once, or until its patience with dead cameras ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from ...perception.types import SceneState
from ..build import build_parts
from ..config import make_run_config
from ..doubt import HOLD_S, LOOK_AGAIN_S, why_blind, why_in_doubt
from ..runtime import SETTLE_S
from .conditions import Condition
from .tasks import is_finite

NEAR_M = 0.03


@dataclass(frozen=True, slots=True)
class ObjectsFound:
    """Of all objects of all scenes. `off_m` is across the table; None where nothing was found."""

    objects: int
    found: int
    false: int
    colors_right: int
    shapes_right: int
    off_m: tuple[float, ...]
    is_finite: bool

    def plus(self, other: ObjectsFound) -> ObjectsFound:
        """Both together."""
        return ObjectsFound(
            self.objects + other.objects,
            self.found + other.found,
            self.false + other.false,
            self.colors_right + other.colors_right,
            self.shapes_right + other.shapes_right,
            self.off_m + other.off_m,
            self.is_finite and other.is_finite,
        )


def look_at_table(condition: Condition, seed: int) -> ObjectsFound:
    """One drawn table."""
    parts = build_parts(make_run_config(command="", seed=seed, device="cpu"))
    try:
        if (faults := condition.faults()) is not None:
            parts.robot.inject(faults)  # type: ignore[attr-defined]
        parts.perceiver.reset()
        parts.perceiver.update(parts.robot.reset(seed))
        seen = parts.perceiver.update(parts.robot.read(parts.robot.time_s + SETTLE_S))
        end_s = parts.robot.time_s + HOLD_S
        while (why_in_doubt(seen) or why_blind(seen)) and parts.robot.time_s < end_s - 1e-9:
            seen = parts.perceiver.update(parts.robot.read(parts.robot.time_s + LOOK_AGAIN_S))
        return compare_objects(seen, parts.robot.judge.start_scene)  # type: ignore[attr-defined]
    finally:
        parts.robot.close()


def compare_objects(seen: SceneState, truth: SceneState) -> ObjectsFound:
    """Pairs of least distance, none farther apart than NEAR_M."""
    apart_m: Float[np.ndarray, "true seen"] = np.array(
        [[float(np.linalg.norm(s.position_world - t.position_world)) for s in seen.objects] for t in truth.objects]
    ).reshape(len(truth.objects), len(seen.objects))
    rows, columns = linear_sum_assignment(np.minimum(apart_m, NEAR_M))
    near = [(i, j) for i, j in zip(rows, columns, strict=True) if apart_m[i, j] < NEAR_M]
    pairs = [(truth.objects[i], seen.objects[j]) for i, j in near]
    return ObjectsFound(
        len(truth.objects),
        len(pairs),
        len(seen.objects) - len(pairs),
        sum(true.color == mine.color for true, mine in pairs),
        sum(true.shape is mine.shape for true, mine in pairs),
        tuple(float(np.linalg.norm(mine.position_world[:2] - true.position_world[:2])) for true, mine in pairs),
        is_finite(seen),
    )
