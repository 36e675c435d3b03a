"""The objects that scenes are made of, as unions of convex parts.

In:  a kind ("block_small", "bowl" …).
Out: ObjectModel: the same convex parts are simulated and drawn.

The object frame is the centre of the bounding box, z up; a mug's box is its body's, without the
handle, and its handle points along +x. Triangles are watertight for each part, wound outward.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ..perception.colors import PALETTE
from ..perception.types import Shape
from .surface import Surface

DENSITY_KGPM3 = 500.0
SEGMENTS = 24  # of a ring; divisible by four, so that flat facets face ±x and ±y
# Wedges of a ring end above the table: only the base disc touches it, which halves the cost of physics.
RAISED_M = 0.0015


@dataclass(frozen=True, slots=True)
class ConvexPart:
    """One convex solid, in the object's frame."""

    vertices_object: Float[np.ndarray, "vertices 3"]
    triangles: Int[np.ndarray, "triangles 3"]

    @property
    def volume_m3(self) -> float:
        """Enclosed volume; positive because triangles are wound outward."""
        return _signed_volume(self.vertices_object, self.triangles)


@dataclass(frozen=True, slots=True)
class OwnLook:
    """What an object from a user's file brings with it: how it looks, is called and weighs; object frame.

    `color` is the word for most of its surface, `nouns` are what commands may call it in this scene.
    """

    surface: Surface
    color: str
    color_rgb: Float[np.ndarray, "3"]
    nouns: tuple[str, ...]
    com_object: Float[np.ndarray, "3"]
    inertia_kgm2: Float[np.ndarray, "3"]


@dataclass(frozen=True, slots=True)
class ObjectModel:
    """One kind of object. `size_m` is along its own axes; `cavity_depth_m` is how deep its opening is (0: none)."""

    kind: str
    shape: Shape
    size_m: Float[np.ndarray, "3"]
    mass_kg: float
    parts: tuple[ConvexPart, ...]
    cavity_depth_m: float = 0.0
    own: OwnLook | None = None
    """Of objects from files; the catalogue's are drawn as their parts in the scene's colour."""

    def color_rgb(self, color: str) -> Float[np.ndarray, "3"]:
        """The colour (0–1) of such an object that the scene calls `color`."""
        return np.array(PALETTE[color]) if self.own is None else self.own.color_rgb.copy()

    def mesh(self) -> tuple[Float[np.ndarray, "vertices 3"], Int[np.ndarray, "triangles 3"]]:
        """All parts as one triangle soup for drawing."""
        offsets = itertools.accumulate((len(p.vertices_object) for p in self.parts), initial=0)
        triangles = [p.triangles + offset for p, offset in zip(self.parts, offsets, strict=False)]
        return np.concatenate([p.vertices_object for p in self.parts]), np.concatenate(triangles)


def add_object(model: ObjectModel) -> None:
    """Let this process know a kind from a file; its name holds the content's hash, so two never share one."""
    _ADDED.setdefault(model.kind, model)


@functools.cache
def make_object(kind: str) -> ObjectModel:
    """The model of a kind, one of KINDS or added from a file."""
    if kind in _ADDED:
        return _ADDED[kind]
    if kind not in _MAKERS:
        raise ValueError(f"No object kind '{kind}'. Expected one of: {', '.join(KINDS)}.")
    return _MAKERS[kind]()


def _block(kind: str, edge_m: float) -> ObjectModel:
    size_m = np.full(3, edge_m)
    return _model(kind, Shape.BLOCK, size_m, [make_box(np.zeros(3), size_m)])


def _bar(kind: str, length: float, width: float, height: float) -> ObjectModel:
    size_m = np.array([length, width, height])
    return _model(kind, Shape.BLOCK, size_m, [make_box(np.zeros(3), size_m)])


def _round(kind: str, radius_m: float, height_m: float, shape: Shape = Shape.CYLINDER) -> ObjectModel:
    return _model(
        kind,
        shape,
        np.array([2 * radius_m, 2 * radius_m, height_m]),
        [make_disc(radius_m, -height_m / 2, height_m / 2, segments=24)],
    )


def _bowl(kind: str, foot: float, lower: list[tuple[float, float]], upper: list[tuple[float, float]]) -> ObjectModel:
    """Flat floor, a sloping lower ring and an upright wall of 5.5 mm, which a parallel gripper takes at the rim.

    A wall that leans by 8° turns upright between the fingers: the bowl's centre moves by 11 mm in the hand.
    """
    (_, floor), (radius, top) = lower[-1], upper[2]
    parts = [make_disc(foot, -top, floor), *_ring(lower), *_ring(upper)]
    return _model(kind, Shape.BOWL, np.array([2 * radius, 2 * radius, 2 * top]), parts, cavity_depth_m=top - floor)


def _wide_bowl() -> ObjectModel:
    top = 0.0275
    lower = [(0.038, -0.026), (0.049, -0.026), (0.075, -0.004), (0.0695, -0.004), (0.038, -0.0215)]
    return _bowl("bowl", 0.0395, lower, [(0.0695, -0.004), (0.075, -0.004), (0.075, top), (0.0695, top)])


def _basin() -> ObjectModel:
    """A bowl that is narrower, higher and steeper."""
    top = 0.032
    lower = [(0.040, -0.0305), (0.051, -0.0305), (0.062, -0.016), (0.0565, -0.016), (0.040, -0.026)]
    return _bowl("basin", 0.0415, lower, [(0.0565, -0.016), (0.062, -0.016), (0.062, top), (0.0565, top)])


def _mug() -> ObjectModel:
    """A straight wall of 4 mm; the handle is three boxes on +x."""
    top, outer, inner = 0.0375, 0.030, 0.026
    wall = [(inner, -top + RAISED_M), (outer, -top + RAISED_M), (outer, top), (inner, top)]
    handle = [
        make_box(np.array([0.0375, 0.0, 0.020]), np.array([0.017, 0.008, 0.007])),
        make_box(np.array([0.0435, 0.0, 0.0]), np.array([0.007, 0.008, 0.047])),
        make_box(np.array([0.0375, 0.0, -0.020]), np.array([0.017, 0.008, 0.007])),
    ]
    # Sixteen facets: narrower ones let the mug rock between the fingers.
    parts = [make_disc(0.028, -top, -top + 0.006), *_ring(wall, segments=16), *handle]
    return _model("mug", Shape.MUG, np.array([2 * outer, 2 * outer, 2 * top]), parts, cavity_depth_m=0.069)


def _beaker() -> ObjectModel:
    """A tall mug without a handle."""
    top, outer, inner = 0.045, 0.028, 0.024
    wall = [(inner, -top + RAISED_M), (outer, -top + RAISED_M), (outer, top), (inner, top)]
    parts = [make_disc(0.026, -top, -top + 0.006), *_ring(wall, segments=16)]
    return _model("beaker", Shape.MUG, np.array([2 * outer, 2 * outer, 2 * top]), parts, cavity_depth_m=2 * top - 0.006)


def _plate(kind: str, radius: float, foot: float) -> ObjectModel:
    top = 0.0075
    low = -top + RAISED_M
    rim = [(foot, low), (foot + 0.008, low), (radius, top), (radius - 0.005, top), (foot, -0.0025)]
    parts = [make_disc(foot + 0.002, -top, -0.0025), *_ring(rim)]
    return _model(kind, Shape.PLATE, np.array([2 * radius, 2 * radius, 2 * top]), parts, cavity_depth_m=0.010)


def _open_box(
    kind: str, shape: Shape, length: float, width: float, height: float, wall: float, floor: float
) -> ObjectModel:
    """Four upright walls on a floor; the walls end just above the table, so that only the floor touches it."""
    middle = RAISED_M / 2
    end = np.array([wall, width, height - RAISED_M])
    side = np.array([length, wall, height - RAISED_M])
    parts = [
        make_box(np.array([0.0, 0.0, (floor - height) / 2]), np.array([length - wall, width - wall, floor])),
        *(make_box(np.array([s * (length - wall) / 2, 0, middle]), end) for s in (-1, 1)),
        *(make_box(np.array([0, s * (width - wall) / 2, middle]), side) for s in (-1, 1)),
    ]
    return _model(kind, shape, np.array([length, width, height]), parts, cavity_depth_m=height - floor)


def _model(
    kind: str,
    shape: Shape,
    size_m: Float[np.ndarray, "3"],
    parts: Iterable[ConvexPart],
    cavity_depth_m: float = 0.0,
) -> ObjectModel:
    solid = tuple(parts)
    mass_kg = DENSITY_KGPM3 * sum(part.volume_m3 for part in solid)
    return ObjectModel(kind, shape, size_m, mass_kg, solid, cavity_depth_m)


def make_box(center: Float[np.ndarray, "3"], size_m: Float[np.ndarray, "3"]) -> ConvexPart:
    """A box along the axes."""
    corners = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]) / 2
    below, above = (np.column_stack([corners, np.full(4, z)]) * size_m + center for z in (-0.5, 0.5))
    return _loft(below, above)


def make_disc(inradius_m: float, bottom_m: float, top_m: float, segments: int = SEGMENTS) -> ConvexPart:
    """A prism whose facets touch the circle of that radius from outside, one facing +x."""
    rim = inradius_m * _directions(segments)
    return _loft(*(np.column_stack([rim, np.full(segments, z)]) for z in (bottom_m, top_m)))


def _ring(profile: list[tuple[float, float]], segments: int = SEGMENTS) -> list[ConvexPart]:
    """A convex (radius, z) profile carried around z: one wedge for each segment; radii are those of the facets."""
    radius, z = np.array(profile).T
    slices = [np.column_stack([np.outer(radius, direction), z]) for direction in _directions(segments)]
    return [_loft(slices[k], slices[(k + 1) % segments]) for k in range(segments)]


def _directions(segments: int) -> Float[np.ndarray, "segments 2"]:
    """Corners of the regular polygon around the unit circle, with a facet facing +x."""
    angle = (np.arange(segments) - 0.5) * 2 * math.pi / segments
    return np.column_stack([np.cos(angle), np.sin(angle)]) / math.cos(math.pi / segments)


def _loft(first: Float[np.ndarray, "corners 3"], second: Float[np.ndarray, "corners 3"]) -> ConvexPart:
    """The solid between two flat polygons with matching corners."""
    n = len(first)
    vertices = np.concatenate([first, second])
    fans = [(0, k + 1, k) for k in range(1, n - 1)] + [(n, n + k, n + k + 1) for k in range(1, n - 1)]
    sides = [t for k in range(n) for t in ((k, (k + 1) % n, n + k), ((k + 1) % n, n + (k + 1) % n, n + k))]
    triangles = np.array(fans + sides)
    if _signed_volume(vertices, triangles) < 0:
        triangles = triangles[:, ::-1].copy()
    return ConvexPart(vertices, triangles)


def _signed_volume(vertices: Float[np.ndarray, "vertices 3"], triangles: Int[np.ndarray, "triangles 3"]) -> float:
    a, b, c = (vertices[triangles[:, k]] - vertices[0] for k in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


_MAKERS = {
    "block_small": functools.partial(_block, "block_small", 0.030),
    "block_large": functools.partial(_block, "block_large", 0.045),
    "crumb_small": functools.partial(_block, "crumb_small", 0.015),
    "crumb_large": functools.partial(_block, "crumb_large", 0.020),
    "cylinder": functools.partial(_round, "cylinder", 0.020, 0.060),
    "bowl": _wide_bowl,
    "mug": _mug,
    "plate": functools.partial(_plate, "plate", 0.085, 0.056),
    "tray": functools.partial(_open_box, "tray", Shape.TRAY, 0.26, 0.18, 0.025, 0.006, 0.004),
    "bin": functools.partial(_open_box, "bin", Shape.BOX, 0.14, 0.14, 0.045, 0.005, 0.004),
    "box": functools.partial(_open_box, "box", Shape.BOX, 0.20, 0.14, 0.06, 0.004, 0.004),
    "tablet": functools.partial(_bar, "tablet", 0.18, 0.13, 0.012),
    "pad": functools.partial(_round, "pad", 0.055, 0.008, Shape.PLATE),
    "disc_small": functools.partial(_round, "disc_small", 0.020, 0.025),
    "disc_medium": functools.partial(_round, "disc_medium", 0.0275, 0.025),
    "disc_large": functools.partial(_round, "disc_large", 0.035, 0.025),
    # Held out of training scenes (tasks/held_out.py): other proportions, the same shape classes.
    "brick": functools.partial(_bar, "brick", 0.062, 0.028, 0.036),
    "slab": functools.partial(_bar, "slab", 0.050, 0.050, 0.025),
    "can": functools.partial(_round, "can", 0.029, 0.085),
    "basin": _basin,
    "beaker": _beaker,
    "saucer": functools.partial(_plate, "saucer", 0.068, 0.044),
    "square_tray": functools.partial(_open_box, "square_tray", Shape.TRAY, 0.19, 0.19, 0.028, 0.006, 0.004),
    "crate": functools.partial(_open_box, "crate", Shape.BOX, 0.18, 0.12, 0.052, 0.005, 0.004),
}
KINDS = tuple(_MAKERS)
PIECES = ("crumb_small", "crumb_large")
"""Kinds that lie about in piles; a seed strews them only where a scene asks for them."""
_ADDED: dict[str, ObjectModel] = {}
CLUTTER_KINDS = ("block_small", "block_large", "cylinder", "bowl", "mug", "plate", "tray")
CLUTTER_COLORS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "white")
"""What scenes are filled up with, and in which colours, unless they say otherwise."""
