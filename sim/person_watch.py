"""Whether the robot moves fast near a person, on truth.

In:  where the corners of the robot's links (and of what it holds) are, and the person's capsules, 30 times a second.
Out: for each link the ticks at which a point of it was nearer than PERSON_M and faster than PERSON_MPS.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

PERSON_M = 0.15
PERSON_MPS = 0.25


class PersonWatch:
    """Keeps where the links were at the look before."""

    def __init__(self) -> None:
        self.ticks: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._former: dict[str, Float[np.ndarray, "vertices 3"]] = {}
        self._former_tick = 0

    def look(
        self,
        tick: int,
        bodies: Mapping[str, Float[np.ndarray, "vertices 3"]],
        capsules: Float[np.ndarray, "parts 7"],
        step_s: float,
    ) -> None:
        """Take in one look; the speed of a point is its way since the look before."""
        passed_s = (tick - self._former_tick) * step_s
        for name, points in bodies.items():
            former = self._former.get(name)
            if former is None or passed_s <= 0.0:
                continue
            is_near = distance_to_capsules(points, capsules) < PERSON_M
            if is_near.any():
                speed = float(np.linalg.norm(points[is_near] - former[is_near], axis=1).max()) / passed_s
                if speed > PERSON_MPS:
                    self.ticks[name].append((tick, speed))
        self._former, self._former_tick = dict(bodies), tick


def distance_to_capsules(
    points: Float[np.ndarray, "points 3"], capsules: Float[np.ndarray, "parts 7"]
) -> Float[np.ndarray, " points"]:
    """Distance of every point to the nearest capsule's surface; negative inside."""
    start, along, radius = capsules[:, :3], capsules[:, 3:6] - capsules[:, :3], capsules[:, 6]
    offset = points[:, None] - start
    share = np.clip(np.einsum("pci,ci->pc", offset, along) / np.maximum((along**2).sum(axis=1), 1e-12), 0.0, 1.0)
    return (np.linalg.norm(offset - share[:, :, None] * along, axis=2) - radius).min(axis=1)
