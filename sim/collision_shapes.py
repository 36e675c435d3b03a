"""Catalogue objects as Bullet collides them: a compound of convex hulls, and where its mass sits.

In:  ObjectModel.
Out: an OBJ file for PyBullet, written once for this process; the centre of mass.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial import HalfspaceIntersection

from .catalogue import ConvexPart, ObjectModel, make_object

HULL_MARGIN_M = 0.001  # Bullet keeps this distance around a convex hull; parts are shrunk by it

THINNEST_M = 1e-5  # what must be left of half a part's thickness


def center_of_mass(model: ObjectModel) -> Float[np.ndarray, "3"]:
    """Of a solid of even density, in the object's frame."""
    if model.own is not None:
        return model.own.com_object
    moment = np.zeros(3)
    volume = 0.0
    for part in model.parts:
        a, b, c = (part.vertices_object[part.triangles[:, k]] for k in range(3))
        signed = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6
        moment += (signed[:, None] * (a + b + c) / 4).sum(axis=0)
        volume += signed.sum()
    return moment / volume


def _shrink(part: ConvexPart, by_m: float) -> Float[np.ndarray, "vertices 3"]:
    """Corners of the part with every face moved inward; a part too thin for that stays as it is."""
    a, b, c = (part.vertices_object[part.triangles[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    offset = -np.einsum("ij,ij->i", normal, a) + by_m
    planes = np.unique(np.column_stack([normal, offset]).round(9), axis=0)
    middle = part.vertices_object.mean(axis=0)
    if (planes[:, :3] @ middle + planes[:, 3]).max() > -THINNEST_M:
        return part.vertices_object
    corners = HalfspaceIntersection(planes, middle).intersections
    return np.unique(corners.round(7), axis=0)


@functools.cache
def _collision_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="verbot-shapes-")


@functools.cache
def collision_file(kind: str) -> Path:
    """An OBJ with one `o` for each convex part, which PyBullet reads as a compound of hulls."""
    path = Path(_collision_folder().name) / f"{kind}.obj"
    lines: list[str] = []
    count = 1
    for index, part in enumerate(make_object(kind).parts):
        corners = _shrink(part, HULL_MARGIN_M)
        lines.append(f"o part{index}")
        lines += [f"v {x:.7f} {y:.7f} {z:.7f}" for x, y, z in corners]
        # Bullet takes the hull of the corners; any faces that name all of them will do.
        lines += [f"f {count} {count + k} {count + k + 1}" for k in range(1, len(corners) - 1)]
        count += len(corners)
    path.write_text("\n".join(lines) + "\n")
    return path
