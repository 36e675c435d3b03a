"""Objects that a user brings: a mesh or a URDF named in a scene file becomes an ObjectModel.

In:  the ObjectEntry and the folder of its scene file.
Out: ObjectModel in the object frame (middle of its bounding box, z up), or ObjectEntryError: key, then one line.

Nothing is repaired: a surface with holes, without volume or of an unlikely size is refused with what to do.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from ..perception.colors import PALETTE
from ..perception.types import Shape
from ..planning.lexicon import load_lexicon, split_words
from .catalogue import DENSITY_KGPM3, ConvexPart, ObjectModel, OwnLook
from .convex import ConvexError, decompose, make_hull_part
from .mesh_file import MESH_KINDS, read_mesh
from .scene_file import ObjectEntry
from .surface import Solid, Surface, find_flaw, measure_solid
from .urdf_file import read_urdf
from .user_files import ObjectFileError, UserFolder

OPEN_SHAPES = (Shape.BOWL, Shape.MUG, Shape.PLATE, Shape.TRAY)
SMALLEST_M, LARGEST_M = 0.005, 0.60
SHALLOWEST_M = 0.003
LIGHTEST_KG, HEAVIEST_KG = 0.0005, 10.0
Y_UP = np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])


class ObjectEntryError(ValueError):
    """What is wrong, and the key of the object's table that it is about."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True)
class _Source:
    """What a file gives, in the scene's units and axes: what is seen, what collides, the mass (None: not given)."""

    visual: Surface
    collision: Surface
    mass_kg: float | None
    is_urdf: bool


def load_object(entry: ObjectEntry, scene_path: Path) -> ObjectModel:
    """The model of an entry that names a mesh or a URDF."""
    key: Literal["mesh", "urdf"] = "urdf" if entry.urdf is not None else "mesh"
    written = str(entry.urdf or entry.mesh)
    try:
        source = _centred(_read(entry, key, written, scene_path))
    except ObjectFileError as problem:
        where = "" if str(problem).startswith(written) else f"{written}: "
        raise ObjectEntryError(key, f"{where}{problem}") from None
    size_m = np.ptp(source.visual.vertices, axis=0)
    _check_size(size_m, written)
    surface = _paint(source.visual, entry, key, written)
    solid = _measure(source, key, written)
    shape = Shape(entry.shape or Shape.THING)
    depth_m = _cavity_depth(source.collision, size_m, shape, written)
    parts = _make_parts(source, entry, key, written)
    mass_kg = _mass(entry, source, solid, key, written)
    color, color_rgb = surface.dominant_color()
    color = entry.color or color
    nouns = read_nouns(entry)
    look = OwnLook(surface, color, color_rgb, nouns, solid.center, mass_kg * solid.inertia_per_kg)
    kind = f"{Path(written).stem}-{_fingerprint(surface, parts, mass_kg, shape, color, nouns)}"
    return ObjectModel(kind, shape, size_m, mass_kg, tuple(parts), depth_m, look)


def _read(entry: ObjectEntry, key: Literal["mesh", "urdf"], written: str, scene_path: Path) -> _Source:
    folder = UserFolder(scene_path.parent)
    path = folder.find(written, scene_path, MESH_KINDS if key == "mesh" else (".urdf",))
    if key == "mesh":
        surface = read_mesh(folder, path)
        visual, collision, mass_kg = surface, surface, None
    else:
        urdf = read_urdf(folder, path)
        visual, collision, mass_kg = urdf.visual, urdf.collision, urdf.mass_kg
    turn = Y_UP if entry.up == "y" else np.eye(4)
    return _Source(visual.moved(turn, entry.scale), collision.moved(turn, entry.scale), mass_kg, key == "urdf")


def _centred(source: _Source) -> _Source:
    """With the middle of what is seen at the origin."""
    pose = np.eye(4)
    pose[:3, 3] = -(source.visual.vertices.min(axis=0) + source.visual.vertices.max(axis=0)) / 2
    return replace(source, visual=source.visual.moved(pose), collision=source.collision.moved(pose))


def _check_size(size_m: Float[np.ndarray, "3"], written: str) -> None:
    largest = float(size_m.max())
    unit = next((u for u, factor in _UNITS.items() if SMALLEST_M * 4 <= largest * factor <= LARGEST_M), None)
    hint = f"It is probably in {unit}: set scale = {_UNITS[unit]:g}" if unit else "Set `scale`"
    if largest > LARGEST_M:
        raise ObjectEntryError(
            "scale", f"{written}: is {largest:.3g} m long, expected at most {LARGEST_M:g} m. {hint}."
        )
    if size_m.min() <= 0.0:
        raise ObjectEntryError("mesh", f"{written}: is flat, expected a solid. Give it a thickness.")
    if largest < SMALLEST_M:
        raise ObjectEntryError(
            "scale", f"{written}: is {largest:.3g} m long, expected at least {SMALLEST_M:g} m. {hint}."
        )


_UNITS = {"millimetres": 0.001, "centimetres": 0.01, "inches": 0.0254, "metres, written in kilometres": 1000.0}


def _paint(surface: Surface, entry: ObjectEntry, key: str, written: str) -> Surface:
    if entry.color:
        return surface.painted(PALETTE[entry.color])
    if not surface.has_colors:
        raise ObjectEntryError(
            "color", f"is missing: {written} has no colours of its own. Add a colour for the object."
        )
    return surface


def _make_parts(source: _Source, entry: ObjectEntry, key: str, written: str) -> list[ConvexPart]:
    """Convex solids by the entry's way; a container by mesh is decomposed unless it says otherwise."""
    is_open = entry.shape in OPEN_SHAPES
    way = entry.collision or ("parts" if source.is_urdf else "decompose" if is_open else "hull")
    surface = source.collision
    try:
        if way == "hull":
            return [make_hull_part(surface.vertices[np.unique(surface.triangles)])]
        if way == "parts":
            return [make_hull_part(corners) for corners in surface.parts()]
        return decompose(surface)
    except ConvexError as problem:
        raise ObjectEntryError(key, f"{written}: {problem}.") from None


def _measure(source: _Source, key: str, written: str) -> Solid:
    """The solid that collides; a surface that encloses none is refused."""
    flaw = find_flaw(source.collision)
    if flaw:
        raise ObjectEntryError(key, f"{written}: {flaw}.")
    solid = measure_solid(source.collision)
    if solid.volume_m3 < 0.0:
        raise ObjectEntryError(key, f"{written}: is inside out. Flip its triangles (in Blender: recalculate normals).")
    if solid.volume_m3 < SMALLEST_M**3 / 10:
        raise ObjectEntryError(key, f"{written}: encloses no volume, so it has no mass. Give it a thickness.")
    return solid


def _mass(entry: ObjectEntry, source: _Source, solid: Solid, key: str, written: str) -> float:
    density = entry.density_kgpm3 or DENSITY_KGPM3
    mass_kg = entry.mass_kg or (None if entry.density_kgpm3 else source.mass_kg) or density * solid.volume_m3
    if not LIGHTEST_KG <= mass_kg <= HEAVIEST_KG:
        raise ObjectEntryError(
            "mass_kg",
            f"{written}: weighs {mass_kg:.3g} kg, expected {LIGHTEST_KG:g} to {HEAVIEST_KG:g}. Set `mass_kg`.",
        )
    return mass_kg


def _cavity_depth(surface: Surface, size_m: Float[np.ndarray, "3"], shape: Shape, written: str) -> float:
    """How deep a container is in its middle; only what is called one has an opening."""
    if shape not in OPEN_SHAPES:
        return 0.0
    floor_m = surface.height_in_middle()
    depth_m = 0.0 if floor_m is None else float(size_m[2] / 2 - floor_m)
    if depth_m < SHALLOWEST_M:
        raise ObjectEntryError(
            "shape", f"'{shape.value}' is open above, and {written} is not in its middle. Choose another shape or `up`."
        )
    return depth_m


def read_nouns(entry: ObjectEntry) -> tuple[str, ...]:
    """What commands may call it; words with another meaning in commands are refused."""
    nouns = (*((entry.noun,) if entry.noun else ()), *entry.synonyms)
    for noun in nouns:
        words = split_words(noun)
        phrases = load_lexicon().phrases
        taken = next((section for section in phrases if section != "nouns" and words in phrases[section]), None)
        if not words or "," in words or taken:
            what = f"means something else in commands ({taken})" if taken else "is no word"
            raise ObjectEntryError("noun", f"'{noun}' {what}. Choose another word for the object.")
    return nouns


def _fingerprint(surface: Surface, parts: list[ConvexPart], *rest: object) -> str:
    """Of everything that makes the object what it is."""
    digest = hashlib.sha256(repr(rest).encode())
    arrays = [surface.vertices, surface.triangles, surface.colors, *(p.vertices_object for p in parts)]
    if surface.skin is not None:
        arrays += [surface.skin.picture, surface.skin.uv, *surface.skin.pictures]
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()[:8]
