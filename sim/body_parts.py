"""Bodies as convex parts for renderers that know nothing else (policies/torch_scenes): planes, normals, colours.

In:  catalogue kinds; VisualBody meshes (arm, furniture, people).
Out: BodyParts: arrays by part, in the order of the kinds.

A catalogue part is the inside of its planes. Any other mesh becomes thin triangles, exact whatever its shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from .catalogue import ConvexPart, ObjectModel
from .raycast import VisualBody

MAX_PLANES = 28
HALF_THICKNESS_M = 2e-5  # of a triangle
EDGE_M = 1e-5  # triangles overlap by this much, so that no ray passes between them


@dataclass(frozen=True, slots=True)
class BodyParts:
    """Plane rows are (normal, offset), NaN where a part has fewer; NaN colours are the body's own.

    `is_solid` marks triangles of a closed mesh, which hide their own backs.
    """

    kinds: tuple[str, ...]
    kind: Int[np.ndarray, " parts"]
    planes: Float[np.ndarray, "parts planes 4"]
    shading: Float[np.ndarray, "parts planes 3"]
    corners: Float[np.ndarray, "parts 8 3"]
    colors: Float[np.ndarray, "parts 3"]
    is_solid: Bool[np.ndarray, " parts"]

    def arrays(self) -> dict[str, np.ndarray]:
        """For a file of arrays."""
        single = {name: getattr(self, name).astype(np.float32) for name in ("planes", "shading", "corners", "colors")}
        return {"kinds": np.array(self.kinds), "kind": self.kind, "is_solid": self.is_solid, **single}


@dataclass(frozen=True, slots=True)
class _Part:
    planes: Float[np.ndarray, "planes 4"]
    shading: Float[np.ndarray, "planes 3"]
    corners: Float[np.ndarray, "8 3"]
    color: Float[np.ndarray, "3"]
    is_solid: bool


def join_parts(models: Mapping[str, ObjectModel | VisualBody]) -> BodyParts:
    """All kinds together."""
    parts: list[_Part] = []
    kind: list[int] = []
    for number, model in enumerate(models.values()):
        own = [_convex_part(part) for part in model.parts] if isinstance(model, ObjectModel) else _mesh_parts(model)
        parts += own
        kind += [number] * len(own)
    planes = np.full((len(parts), MAX_PLANES, 4), np.nan)
    shading = np.zeros((len(parts), MAX_PLANES, 3))
    for row, part in enumerate(parts):
        planes[row, : len(part.planes)], shading[row, : len(part.planes)] = part.planes, part.shading
    return BodyParts(
        tuple(models),
        np.array(kind),
        planes,
        shading,
        np.array([part.corners for part in parts]),
        np.array([part.color for part in parts]),
        np.array([part.is_solid for part in parts]),
    )


def _convex_part(part: ConvexPart, color: Float[np.ndarray, "3"] | None = None) -> _Part:
    a, b, c = (part.vertices_object[part.triangles[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    rows = np.column_stack([normals, np.einsum("ij,ij->i", normals, a)])
    _, first = np.unique(rows.round(6), axis=0, return_index=True)
    planes = rows[np.sort(first)]
    if len(planes) > MAX_PLANES:
        raise ValueError(f"A convex part has {len(planes)} planes, expected at most {MAX_PLANES}. Draw it as a mesh.")
    corners = _box_corners(part.vertices_object[np.unique(part.triangles)])
    shown = np.full(3, np.nan) if color is None else color.astype(float)
    return _Part(planes, planes[:, :3], corners, shown, is_solid=False)


def _mesh_parts(body: VisualBody) -> list[_Part]:
    """Boxes as they are, everything else as triangles."""
    triangles = body.triangles.astype(int)
    box = np.full(len(triangles), -1)
    for first in range(0, len(triangles) - 11, 12):
        rows = triangles[first : first + 12]
        if (
            len(np.unique(rows)) == 8
            and len(np.unique(np.nan_to_num(body.colors[first : first + 12], nan=-1.0), axis=0)) == 1
        ):
            box[first : first + 12] = first
    parts = [
        _convex_part(ConvexPart(body.vertices.astype(float), triangles[first : first + 12]), body.colors[first])
        for first in np.unique(box[box >= 0])
    ]
    return parts + _triangle_parts(body, box < 0)


def _triangle_parts(body: VisualBody, chosen: Bool[np.ndarray, " triangles"]) -> list[_Part]:
    corners = body.vertices[body.triangles.astype(int)][chosen].astype(float)
    is_closed = _is_closed(corners)
    parts: list[_Part] = []
    for points, color in zip(corners, body.colors[chosen].astype(float), strict=True):
        normal = np.cross(points[1] - points[0], points[2] - points[0])
        length = float(np.linalg.norm(normal))
        if length < 1e-12:
            continue  # of no size
        normal /= length
        edges = np.roll(points, -1, axis=0) - points
        sides = np.cross(edges, normal)
        sides /= np.maximum(np.linalg.norm(sides, axis=1, keepdims=True), 1e-12)
        height = float(normal @ points[0])
        rows = [
            [*normal, height + HALF_THICKNESS_M],
            [*-normal, HALF_THICKNESS_M - height],
            *([*side, float(side @ point) + EDGE_M] for side, point in zip(sides, points, strict=True)),
        ]
        spanned = np.concatenate([points, np.repeat(points[:1], 5, axis=0)])
        parts.append(_Part(np.array(rows), np.tile(normal, (5, 1)), spanned, color, is_closed))
    return parts


def _is_closed(corners: Float[np.ndarray, "triangles 3 3"]) -> bool:
    """Whether every edge is passed once in each direction."""
    points, index = np.unique(corners.reshape(-1, 3).round(6), axis=0, return_inverse=True)
    triangles = index.reshape(-1, 3)
    edges = np.concatenate([triangles[:, [k, (k + 1) % 3]] for k in range(3)])
    forward = np.sort(edges[:, 0] * len(points) + edges[:, 1])
    backward = np.sort(edges[:, 1] * len(points) + edges[:, 0])
    return bool(np.array_equal(forward, backward)) and len(np.unique(forward)) == len(forward)


def _box_corners(points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "8 3"]:
    if len(points) <= 8:
        return np.concatenate([points, np.repeat(points[:1], 8 - len(points), axis=0)])
    low, high = points.min(axis=0), points.max(axis=0)
    return np.array([(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
