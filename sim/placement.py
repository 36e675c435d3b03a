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
        return float(_gaps_m(self.corners_world[None], other.corners_world)[0])

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
    return Outline(_corners(kind, np.array([[x, y]]), np.array([yaw_rad]))[0])


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
    low, high = np.array(within[:2]), np.array(within[2:])
    places = rng.uniform(low, high, (tries, 2))
    yaws_rad = rng.uniform(-math.pi, math.pi, tries)
    if yaw_rad is not None:
        yaws_rad[:] = yaw_rad
    corners = _corners(kind, places, yaws_rad)
    is_free = np.all((corners >= low) & (corners <= high), axis=(1, 2))
    for other in taken:
        is_free[is_free] = _gaps_m(corners[is_free], other.corners_world) >= gap_m
    found = np.flatnonzero(is_free)
    if not len(found):
        return None
    return float(places[found[0], 0]), float(places[found[0], 1]), float(yaws_rad[found[0]])


def _corners(
    kind: str, places_world: Float[np.ndarray, "places 2"], yaws_rad: Float[np.ndarray, " places"]
) -> Float[np.ndarray, "places 4 2"]:
    cos, sin = np.cos(yaws_rad), np.sin(yaws_rad)
    turns = np.stack([np.stack([cos, -sin], axis=1), np.stack([sin, cos], axis=1)], axis=1)
    return np.einsum("pij,cj->pci", turns, rectangle(footprint(kind)).corners_world) + places_world[:, None]


def _gaps_m(
    first: Float[np.ndarray, "outlines 4 2"], second: Float[np.ndarray, "4 2"]
) -> Float[np.ndarray, " outlines"]:
    """Largest separation along the axes of either rectangle."""
    second = np.broadcast_to(second, first.shape)
    edges = np.concatenate([first[:, 1:3] - first[:, 0:2], second[:, 1:3] - second[:, 0:2]], axis=1)
    axes = edges / np.linalg.norm(edges, axis=2, keepdims=True)
    a, b = (np.einsum("oci,oki->okc", corners, axes) for corners in (first, second))
    return np.maximum(b.min(axis=2) - a.max(axis=2), a.min(axis=2) - b.max(axis=2)).max(axis=1)
