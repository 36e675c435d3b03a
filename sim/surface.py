"""A coloured triangle surface, and what is true of the solid that it encloses.

In:  triangles from mesh files or simple solids.
Out: joined, moved and measured; why it encloses no solid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32, Int, Int32

from ..perception.colors import name_color
from .textures import Skin, join_skins

MERGE_M = 1e-9
"""Corners nearer than this, as part of the size, are one: files write a corner again for each picture."""


@dataclass(frozen=True, slots=True)
class Surface:
    """Triangles wound outward with a colour (0–1, NaN: none given) and the number of the part they belong to."""

    vertices: Float[np.ndarray, "vertices 3"]
    triangles: Int[np.ndarray, "triangles 3"]
    colors: Float32[np.ndarray, "triangles 3"]
    part: Int32[np.ndarray, " triangles"]
    skin: Skin | None = None

    @property
    def has_colors(self) -> bool:
        """Whether every triangle has a colour of its own."""
        return bool(np.isfinite(self.colors).all())

    def moved(self, T_new_old: Float[np.ndarray, "4 4"], scale: float = 1.0) -> Surface:
        """Scaled, then moved."""
        return replace(self, vertices=scale * self.vertices @ T_new_old[:3, :3].T + T_new_old[:3, 3])

    def painted(self, rgb: tuple[float, float, float]) -> Surface:
        """All in one colour."""
        colors = np.tile(np.asarray(rgb, np.float32), (len(self.triangles), 1))
        return replace(self, colors=colors, skin=None)

    def parts(self) -> list[Float[np.ndarray, "_ 3"]]:
        """The corners of each part."""
        return [self.vertices[np.unique(self.triangles[self.part == p])] for p in np.unique(self.part)]

    def dominant_color(self) -> tuple[str, Float[np.ndarray, "3"]]:
        """The colour word that covers the largest area, and its mean colour."""
        corners = self.vertices[self.triangles]
        areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        distinct, index = np.unique(self.colors.round(2), axis=0, return_inverse=True)
        words = np.array([name_color(rgb)[0] for rgb in distinct.astype(float)])[index.ravel()]
        word = max(sorted(set(words)), key=lambda w: float(areas[words == w].sum()))
        chosen = words == word
        weights = np.maximum(areas[chosen], 1e-12)
        return str(word), np.average(self.colors[chosen].astype(float), axis=0, weights=weights)

    def height_in_middle(self) -> float | None:
        """Highest z of the surface on the line x = y = 0; None where nothing is."""
        a, b, c = (self.vertices[self.triangles[:, k]] for k in range(3))
        # Weights of the corners by the signed areas of the triangles that the origin makes with the sides, from above.
        sides = np.stack([_cross2(b, c), _cross2(c, a), _cross2(a, b)], axis=1)
        area = sides.sum(axis=1)
        is_over = (np.abs(area) > 1e-15) & (np.all(sides >= 0, axis=1) | np.all(sides <= 0, axis=1))
        if not is_over.any():
            return None
        heights = np.stack([a[:, 2], b[:, 2], c[:, 2]], axis=1)[is_over]
        return float(((heights * sides[is_over]).sum(axis=1) / area[is_over]).max())


@dataclass(frozen=True, slots=True)
class Solid:
    """Volume, centre of mass, and inertia about it for one kilogram, along the frame's axes."""

    volume_m3: float
    center: Float[np.ndarray, "3"]
    inertia_per_kg: Float[np.ndarray, "3"]


def join_surfaces(surfaces: Sequence[Surface]) -> Surface:
    """One surface; the parts stay apart."""
    starts = np.cumsum([0, *(len(s.vertices) for s in surfaces)])
    first_part = np.cumsum([0, *(int(s.part.max(initial=-1)) + 1 for s in surfaces)])
    skin = join_skins([s.skin for s in surfaces], [len(s.triangles) for s in surfaces])
    if skin is not None:  # without the row for misses, which only a room has
        skin = Skin(skin.picture[:-1], skin.uv[:-1], skin.pictures)
    return Surface(
        np.concatenate([s.vertices for s in surfaces]),
        np.concatenate([s.triangles + start for s, start in zip(surfaces, starts, strict=False)]),
        np.concatenate([s.colors for s in surfaces]),
        np.concatenate([s.part + np.int32(start) for s, start in zip(surfaces, first_part, strict=False)]),
        skin,
    )


def find_flaw(surface: Surface) -> str | None:
    """Why the surface encloses no solid, or None: every edge must belong to two triangles that agree on the outside."""
    extent = float(np.ptp(surface.vertices, axis=0).max())
    keys = np.round((surface.vertices - surface.vertices.min(axis=0)) / max(extent * MERGE_M, 1e-300))
    _, merged = np.unique(keys, axis=0, return_inverse=True)
    triangles = merged.ravel()[surface.triangles]
    is_flat = (triangles == np.roll(triangles, 1, axis=1)).any(axis=1)
    triangles = triangles[~is_flat]
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    num = int(merged.max(initial=0)) + 1
    there, back = edges[:, 0] * num + edges[:, 1], edges[:, 1] * num + edges[:, 0]
    count = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)[1]
    if (count == 1).any():
        return f"has {int((count == 1).sum())} open edges, expected a closed surface. Close its holes"
    if (count % 2 == 1).any():
        return f"is not manifold at {int((count % 2 == 1).sum())} edges. Remove the triangles inside it"
    balance = np.sort(there), np.sort(back)
    if not np.array_equal(*balance):
        return "has triangles that face the wrong way. Make all of them face outward (in Blender: recalculate normals)"
    return None


def measure_solid(surface: Surface) -> Solid:
    """Of even density; negative volume means that the surface is inside out."""
    a, b, c = (surface.vertices[surface.triangles[:, k]] for k in range(3))
    signed = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6
    volume = float(signed.sum())
    if volume == 0.0:
        return Solid(0.0, np.zeros(3), np.zeros(3))
    total = a + b + c
    center = (signed[:, None] * total / 4).sum(axis=0) / volume
    # The second moments of a tetrahedron with one corner at the origin.
    squares = (signed[:, None] * (a * a + b * b + c * c + total * total) / 20).sum(axis=0) / volume - center**2
    return Solid(volume, center, squares.sum() - squares)


def _cross2(p: Float[np.ndarray, "points 3"], q: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, " points"]:
    return p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]
