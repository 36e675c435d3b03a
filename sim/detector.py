"""How well a LiDAR hears what comes back.

In:  of each echo its range, the cosine of incidence and the surface's brightness.
Out: the chance that it is heard, and how strong it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

NEVER = np.float32(-1.0)
"""A chance that no number from 0 up stays below."""


@dataclass(frozen=True, slots=True)
class Detector:
    """Losses as in LidarConfig; by default there are none."""

    range_min_m: float = 0.0
    range_max_m: float = math.inf
    random_dropout: float = 0.0
    grazing_rad: float = math.pi / 2
    dark_albedo: float = 0.0

    def hear(
        self,
        range_m: Float32[np.ndarray, " echoes"],
        cosine: Float32[np.ndarray, " echoes"],
        albedo: Float32[np.ndarray, " echoes"],
    ) -> tuple[Float32[np.ndarray, " echoes"], Float32[np.ndarray, " echoes"]]:
        """Chance (0–1, NEVER out of range) and intensity (0–1): less from surfaces that are dark or met at a slant."""
        chance = np.full(len(range_m), np.float32(1.0 - self.random_dropout))
        limit = math.cos(self.grazing_rad)
        if limit > 1e-9:
            chance *= np.minimum(cosine / np.float32(limit), np.float32(1.0))
        if self.dark_albedo > 0.0:
            chance *= np.minimum(albedo / np.float32(self.dark_albedo), np.float32(1.0))
        chance[(range_m < self.range_min_m) | (range_m > self.range_max_m)] = NEVER
        return chance, np.minimum(albedo * cosine, np.float32(1.0))


PERFECT = Detector()
