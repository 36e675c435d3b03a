"""Where objects stand on the table: outlines from above, gaps between them, random free places.

In:  catalogue kinds and poses (x, y, yaw) on the table.
Out: poses that keep the asked gap; outlines are rectangles along the object's own axes, handle included.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from .catalogue import make_object

# Top of the table and where objects are put, x_min, y_min, x_max, y_max in the world frame.
TABLE_BOUNDS = (0.15, -0.55, 0.85, 0.55)
WORK_AREA = (0.30, -0.32, 0.68, 0.32)

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Outline:
    """A rectangle seen from above: its four corners in the world, counter-clockwise."""

    corners_world: Float[np.ndarray, "4 2"]

    def gap_m(self, other: Outline) -> float:
        """Clear distance between two outlines; negative is overlap. Never more than the true distance."""
        first, second = self.corners_world, other.corners_world
        edges = np.concatenate([np.roll(first, -1, axis=0) - first, np.roll(second, -1, axis=0) - second])
        normals = np.stack([edges[:, 1], -edges[:, 0]], axis=1)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        a, b = first @ normals.T, second @ normals.T
        return float(np.maximum(b.min(axis=0) - a.max(axis=0), a.min(axis=0) - b.max(axis=0)).max())

    def is_inside(self, bounds: Bounds) -> bool:
        """Whether all corners lie in the rectangle."""
        low, high = np.array(bounds[:2]), np.array(bounds[2:])
        return bool(np.all(self.corners_world >= low - 1e-9) and np.all(self.corners_world <= high + 1e-9))


def rectangle(bounds: Bounds) -> Outline:
    """An outline along the world axes."""
    x0, y0, x1, y1 = bounds
    return Outline(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]))


@functools.cache
def footprint(kind: str) -> Bounds:
    """Bounds of a kind from above in its own frame, handle included."""
    vertices = np.concatenate([part.vertices_object for part in make_object(kind).parts])
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def outline(kind: str, x: float, y: float, yaw_rad: float) -> Outline:
    """Outline of an object of `kind` that stands at (x, y) turned by yaw."""
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    corners = rectangle(footprint(kind)).corners_world @ np.array([[cos, sin], [-sin, cos]])
    return Outline(corners + np.array([x, y]))


def find_free_pose(
    kind: str,
    taken: Sequence[Outline],
    gap_m: float,
    rng: np.random.Generator,
    *,
    yaw_rad: float | None = None,
    within: Bounds = WORK_AREA,
    tries: int = 200,
) -> tuple[float, float, float] | None:
    """A random (x, y, yaw) inside `within` at least `gap_m` from all `taken`; None when none was found.

    A given `yaw_rad` is kept.
    """
    for _ in range(tries):
        x, y = rng.uniform(within[:2], within[2:])
        turn_rad = rng.uniform(-math.pi, math.pi) if yaw_rad is None else yaw_rad
        shape = outline(kind, x, y, turn_rad)
        if shape.is_inside(within) and all(shape.gap_m(other) >= gap_m for other in taken):
            return float(x), float(y), float(turn_rad)
    return None
