"""Whether a sensor still sees the table where it saw it itself: its mount was knocked, or it drifts.

In:  PlaneFits of a look.
Out: by sensor the innovation, in standard deviations, beyond what a sound sensor shows.

What moved is the sensor if others still see the table where it was, and may be the table if nobody does: either way the
sensor no longer measures what it was calibrated for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from .table import PlaneFit

TAUGHT_LOOKS = 2
GATE_SIGMAS = 3.0
HEIGHT_STD_M, TILT_STD_RAD = 0.001, 0.002
"""What a sound sensor's table moves between two looks, objects that hide other parts of it included."""
_LEARNING = 0.2


@dataclass(slots=True)
class _Belief:
    plane: Float[np.ndarray, "3"]
    looks: int = 1


@dataclass(slots=True)
class TableMemory:
    """Where each sensor has seen the table: height at the world's origin, slope along x and y."""

    _beliefs: dict[str, _Belief] = field(default_factory=dict)

    def innovations(self, planes: Iterable[PlaneFit]) -> dict[str, float]:
        """How many standard deviations each sensor's table lies from where that sensor saw it; sound ones teach."""
        found = {}
        for fit in planes:
            slope = -fit.normal[:2] / fit.normal[2]
            plane = np.array([fit.height_m, *slope])
            belief = self._beliefs.get(fit.sensor)
            if belief is None:
                self._beliefs[fit.sensor] = _Belief(_at_origin(plane, fit.center))
                continue
            here = belief.plane.copy()
            here[0] += here[1:] @ fit.center
            off = plane - here
            sigmas = np.abs(off) / np.array([np.hypot(HEIGHT_STD_M, fit.std_m), TILT_STD_RAD, TILT_STD_RAD])
            found[fit.sensor] = float(sigmas.max()) if belief.looks >= TAUGHT_LOOKS else 0.0
            if found[fit.sensor] < GATE_SIGMAS:
                belief.plane += _LEARNING * (_at_origin(plane, fit.center) - belief.plane)
                belief.looks += 1
        return found


def _at_origin(plane: Float[np.ndarray, "3"], center: Float[np.ndarray, "2"]) -> Float[np.ndarray, "3"]:
    """The same plane with its height at the origin."""
    return np.array([plane[0] - plane[1:] @ center, *plane[1:]])
