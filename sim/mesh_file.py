"""Mesh files: OBJ with its MTL and pictures, STL, PLY.

In:  a file in the user's folder.
Out: Surface with a colour for each triangle (materials, pictures) and a part for each object or group.

OBJ is read here: the common readers drop what they do not understand, follow paths anywhere and go on without the
picture that is missing. Only triangles and polygons are read, no curves; polygons are cut into fans.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from .surface import Surface
from .textures import NO_PICTURE, Skin
from .user_files import MEGABYTE, ObjectFileError, UserFolder

MESH_KINDS = (".obj", ".stl", ".ply")
PICTURE_KINDS = (".png", ".jpg", ".jpeg")
MESH_LIMIT_BYTES = 30 * MEGABYTE
PICTURE_LIMIT_BYTES = 20 * MEGABYTE
TEXT_LIMIT_BYTES = 1 * MEGABYTE
MAX_TRIANGLES = 50_000  # every one costs each picture half a microsecond
PICTURE_PIXELS = 512  # finer pictures show less than a camera's pixel on the table
MAX_PICTURE_PIXELS = 8192


@dataclass(frozen=True, slots=True)
class Material:
    """A colour and perhaps a picture, which the colour tints."""

    rgb: tuple[float, float, float] = (0.8, 0.8, 0.8)
    picture: Float32[np.ndarray, "_ _ 3"] | None = None


def read_mesh(folder: UserFolder, path: Path) -> Surface:
    """The surface in the file's own units and axes; ObjectFileError when there is none."""
    data = folder.read(path, MESH_LIMIT_BYTES)
    surface = _read_obj(folder, path, data) if path.suffix.lower() == ".obj" else _read_other(path)
    if not len(surface.triangles):
        raise ObjectFileError(f"{path.name}: has no triangles. Export the mesh itself, not an empty selection.")
    if len(surface.triangles) > MAX_TRIANGLES:
        raise ObjectFileError(
            f"{path.name}: has {len(surface.triangles)} triangles, at most {MAX_TRIANGLES}. Simplify it first."
        )
    if not np.isfinite(surface.vertices).all():
        raise ObjectFileError(f"{path.name}: has corners that are no finite numbers. Export it again.")
    return surface


def read_picture(folder: UserFolder, path: Path) -> Float32[np.ndarray, "rows columns 3"]:
    """Colours from 0 to 1, at most 512 pixels wide and high."""
    from PIL import Image, UnidentifiedImageError

    data = folder.read(path, PICTURE_LIMIT_BYTES)
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
            if max(image.size) > MAX_PICTURE_PIXELS:
                raise ObjectFileError(f"{path.name}: is {image.width}×{image.height}, at most {MAX_PICTURE_PIXELS}.")
            small = image.convert("RGB")
            small.thumbnail((PICTURE_PIXELS, PICTURE_PIXELS))
            return np.asarray(small, np.float32) / np.float32(255.0)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as problem:
        if isinstance(problem, ObjectFileError):
            raise
        raise ObjectFileError(f"{path.name}: is no PNG or JPEG picture. Save it as one.") from None


@dataclass(slots=True)
class _Obj:
    """What the lines of an OBJ file have said so far."""

    corners: list[tuple[float, float, float]] = field(default_factory=list)
    places: list[tuple[float, float]] = field(default_factory=list)
    triangles: list[tuple[int, int, int]] = field(default_factory=list)
    uv: list[tuple[int, int, int]] = field(default_factory=list)
    material: list[int] = field(default_factory=list)
    part: list[int] = field(default_factory=list)
    materials: list[Material] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    current: int = -1
    num_parts: int = 0


def _read_obj(folder: UserFolder, path: Path, data: bytes) -> Surface:
    obj = _Obj()
    text = data.decode("utf-8", errors="replace").replace("\\\n", " ")
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        try:
            _read_line(folder, path, obj, words)
        except ObjectFileError as problem:
            raise ObjectFileError(f"{path.name} line {number}: {problem}") from None
        except (ValueError, IndexError):
            raise ObjectFileError(f"{path.name} line {number}: '{line.strip()[:40]}' is malformed OBJ.") from None
    return _make_surface(obj)


def _read_line(folder: UserFolder, path: Path, obj: _Obj, words: list[str]) -> None:
    match words[0]:
        case "v":
            obj.corners.append((float(words[1]), float(words[2]), float(words[3])))
        case "vt":
            obj.places.append((float(words[1]), float(words[2]) if len(words) > 2 else 0.0))
        case "f":
            _read_face(obj, words[1:])
        case "o" | "g":
            # A name before the first triangle begins nothing new.
            obj.num_parts = obj.part[-1] + 1 if obj.part else 0
        case "mtllib":
            found = folder.find(" ".join(words[1:]), path, (".mtl",))
            for name, material in read_materials(folder, found).items():
                obj.names[name] = len(obj.materials)
                obj.materials.append(material)
        case "usemtl":
            name = " ".join(words[1:])
            if name not in obj.names:
                known = ", ".join(obj.names) or "none: the file names no mtllib"
                raise ObjectFileError(f"no material '{name}', expected one of: {known}.")
            obj.current = obj.names[name]
        case _:
            pass  # normals, smoothing groups, lines: nothing that is drawn or collides here


def _read_face(obj: _Obj, words: list[str]) -> None:
    corners: list[int] = []
    places: list[int] = []
    for word in words:
        numbers = word.split("/")
        corners.append(_index(numbers[0], len(obj.corners), "corner"))
        places.append(_index(numbers[1], len(obj.places), "vt") if len(numbers) > 1 and numbers[1] else -1)
    if len(corners) < 3:
        raise ValueError
    for k in range(1, len(corners) - 1):
        obj.triangles.append((corners[0], corners[k], corners[k + 1]))
        obj.uv.append((places[0], places[k], places[k + 1]))
        obj.material.append(obj.current)
        obj.part.append(obj.num_parts)


def _index(word: str, count: int, what: str) -> int:
    """Counted from 1, or backwards from the end with a minus."""
    number = int(word)
    index = number - 1 if number > 0 else count + number
    if not 0 <= index < count or number == 0:
        raise ObjectFileError(f"a face names {what} {number}, the file has {count} up to there.")
    return index


def _make_surface(obj: _Obj) -> Surface:
    num = len(obj.triangles)
    triangles = np.array(obj.triangles, int).reshape(num, 3)
    material = np.array(obj.material, int)
    table = np.array([*(m.rgb for m in obj.materials), (np.nan,) * 3], np.float32)
    colors = table[material]
    vertices = np.array(obj.corners, float).reshape(-1, 3)
    part = np.array(obj.part, np.int32)
    bearing = [index for index, m in enumerate(obj.materials) if m.picture is not None]
    uv_index = np.array(obj.uv, int).reshape(num, 3)
    has_picture = np.isin(material, bearing) & (uv_index >= 0).all(axis=1) if num else np.zeros(0, bool)
    if not has_picture.any():
        return Surface(vertices, triangles, colors, part)
    numbers = np.full(len(obj.materials) + 1, NO_PICTURE, np.int32)
    numbers[bearing] = np.arange(len(bearing))
    pictures = tuple(_tinted(obj.materials[index]) for index in bearing)
    places = np.array([*obj.places, (0.0, 0.0)], np.float32)
    skin = Skin(np.where(has_picture, numbers[material], np.int32(NO_PICTURE)), places[uv_index], pictures)
    return Surface(vertices, triangles, skin.mean_colors(colors), part, skin)


def _tinted(material: Material) -> Float32[np.ndarray, "rows columns 3"]:
    assert material.picture is not None  # the caller has chosen those that have one
    return material.picture * np.array(material.rgb, np.float32)


def read_materials(folder: UserFolder, path: Path) -> dict[str, Material]:
    """The materials of an MTL file: Kd and map_Kd. Options of a map are not understood and said so."""
    found: dict[str, Material] = {}
    name = ""
    for number, line in enumerate(folder.read_text(path, TEXT_LIMIT_BYTES).splitlines(), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        try:
            if words[0] == "newmtl":
                name = " ".join(words[1:])
                found[name] = Material()
            elif words[0] == "Kd":
                rgb = float(words[1]), float(words[2]), float(words[3])
                if not all(0.0 <= c <= 1.0 for c in rgb):
                    raise ValueError
                found[name] = Material(rgb, found[name].picture)
            elif words[0] == "map_Kd":
                if words[1].startswith("-"):
                    raise ObjectFileError(f"the option {words[1]} of map_Kd is not understood. Leave it out.")
                picture = read_picture(folder, folder.find(" ".join(words[1:]), path, PICTURE_KINDS))
                found[name] = Material(found[name].rgb, picture)
        except ObjectFileError as problem:
            raise ObjectFileError(f"{path.name} line {number}: {problem}") from None
        except (ValueError, IndexError, KeyError):
            raise ObjectFileError(f"{path.name} line {number}: '{line.strip()[:40]}' is malformed MTL.") from None
    return found


def _read_other(path: Path) -> Surface:
    """STL and PLY, by Open3D: each is one file."""
    import open3d

    with open3d.utility.VerbosityContextManager(open3d.utility.VerbosityLevel.Error):
        mesh = open3d.io.read_triangle_mesh(path)
    triangles = np.asarray(mesh.triangles).astype(int).reshape(-1, 3)
    if not len(triangles):
        raise ObjectFileError(f"{path.name}: is no {path.suffix[1:].upper()} mesh that can be read. Export it again.")
    colors = np.full((len(triangles), 3), np.nan, np.float32)
    if mesh.has_vertex_colors():
        colors = np.asarray(mesh.vertex_colors)[triangles].mean(axis=1).astype(np.float32)
    return Surface(np.asarray(mesh.vertices).astype(float), triangles, colors, np.zeros(len(triangles), np.int32))
