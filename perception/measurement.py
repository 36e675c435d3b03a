"""What one look says of one object.

In:  made by objects.py from a described part.
Out: Measurement, which the tracker joins with what it believes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from .types import Shape


@dataclass(frozen=True, slots=True)
class Measurement:
    """One object as seen in one look; fields as in ObjectState. `shares` and `features` are a fusion network's."""

    pose_world: Float[np.ndarray, "4 4"]
    covariance: Float[np.ndarray, "6 6"]
    size_m: Float[np.ndarray, "3"]
    color_rgb: Float[np.ndarray, "3"]
    color: str
    color_confidence: float
    shape: Shape
    shape_confidence: float
    sources: tuple[str, ...]
    cavity_depth_m: float
    is_covered: bool
    num_points: int
    shares: tuple[tuple[str, float], ...] = ()
    features: Float[np.ndarray, "features"] | None = None
