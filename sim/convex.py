"""Convex parts of any surface, for Bullet to collide: its hull, the hulls of its parts, or a decomposition (V-HACD).

In:  corners, or a closed Surface in metres.
Out: ConvexParts with few corners. Decompositions are kept in the user's cache by the hash of the surface.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial import ConvexHull, QhullError

from .catalogue import ConvexPart
from .surface import Surface

MAX_CORNERS = 48
DIRECTIONS = 160  # in which the outermost corners of a larger hull are kept
MAX_SECONDS = 120
CACHE = Path(".cache") / "verbot" / "convex"
SETTINGS = {"resolution": 200_000, "maxNumVerticesPerCH": 32, "concavity": 0.001, "depth": 16}
# V-HACD tells every step on the standard output, which is the result's, and cannot be interrupted.
PROGRAM = "import pybullet, sys, json; pybullet.vhacd(sys.argv[1], sys.argv[2], sys.argv[3], **json.loads(sys.argv[4]))"


class ConvexError(ValueError):
    """Corners or a surface that cannot be made of convex solids."""


def make_hull_part(corners: Float[np.ndarray, "corners 3"]) -> ConvexPart:
    """The hull of the corners; of a fine one the outermost corners in directions all around."""
    try:
        points = corners[ConvexHull(corners).vertices]
        if len(points) > MAX_CORNERS:
            points = points[np.unique((points @ _directions().T).argmax(axis=0))]
        hull = ConvexHull(points)
    except QhullError:
        raise ConvexError("is flat, expected a solid") from None
    triangles = hull.simplices.astype(int)
    a, b, c = (points[triangles[:, k]] for k in range(3))
    is_inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), hull.equations[:, :3]) < 0
    triangles[is_inward] = triangles[is_inward][:, ::-1]
    return ConvexPart(points, triangles)


def decompose(surface: Surface, cache: Path | None = None) -> list[ConvexPart]:
    """A closed surface as convex parts, so that its hollow stays open; takes seconds once for each surface."""
    text = _as_obj(surface)
    keep = (cache or Path.home() / CACHE) / f"{hashlib.sha256(f'{SETTINGS}{text}'.encode()).hexdigest()}.npz"
    try:
        hulls = _load(keep)
    except (OSError, ValueError, zipfile.BadZipFile):  # absent, or cut off by an accident: made again
        hulls = _run_vhacd(text)
        with contextlib.suppress(OSError):  # a folder that cannot be written costs only time
            _store(keep, hulls)
    return [make_hull_part(corners) for corners in hulls]


def _as_obj(surface: Surface) -> str:
    corners = "".join(f"v {x:.6f} {y:.6f} {z:.6f}\n" for x, y, z in surface.vertices)
    return corners + "".join(f"f {a} {b} {c}\n" for a, b, c in surface.triangles + 1)


def _run_vhacd(text: str) -> list[Float[np.ndarray, "_ 3"]]:
    with tempfile.TemporaryDirectory(prefix="verbot-convex-") as folder:
        source, result = Path(folder) / "in.obj", Path(folder) / "out.obj"
        source.write_text(text)
        arguments = [str(source), str(result), str(Path(folder) / "log.txt"), json.dumps(SETTINGS)]
        try:
            subprocess.run(
                [sys.executable, "-c", PROGRAM, *arguments],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=MAX_SECONDS,
                check=True,
            )
            lines = result.read_text().splitlines()
        except (subprocess.SubprocessError, OSError):
            raise ConvexError("cannot be cut into convex parts; simplify it, or use collision = 'hull'") from None
    hulls: list[list[list[float]]] = []
    for line in lines:
        if line.startswith("o "):
            hulls.append([])
        elif line.startswith("v "):
            hulls[-1].append([float(word) for word in line.split()[1:4]])
    return [np.array(corners) for corners in hulls]


def _load(path: Path) -> list[Float[np.ndarray, "_ 3"]]:
    with np.load(path, allow_pickle=False) as stored:
        return [stored[f"part{index}"] for index in range(len(stored.files))]


def _store(path: Path, hulls: list[Float[np.ndarray, "_ 3"]]) -> None:
    """The file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as part:
        np.savez(part, **{f"part{index}": corners for index, corners in enumerate(hulls)})  # pyright: ignore[reportArgumentType]
    os.replace(part.name, path)


def _directions() -> Float[np.ndarray, "directions 3"]:
    """Spread evenly over the sphere, the axes among them so that flat faces stay where they are."""
    k = np.arange(DIRECTIONS) + 0.5
    z = 1.0 - 2.0 * k / DIRECTIONS
    angle = k * math.pi * (1.0 + math.sqrt(5.0))
    ring = np.sqrt(1.0 - z * z)
    return np.concatenate([np.column_stack([ring * np.cos(angle), ring * np.sin(angle), z]), np.eye(3), -np.eye(3)])
