"""What stands on the table: a scene file (TOML) and a seed become a Scene.

In:  a built-in name or a path, and a seed.
Out: Scene with every object's centre and yaw in the world frame; table top at z = 0.
A file names fixed objects, with or without a place, and a [clutter] table that the seed fills from the catalogue.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..perception.colors import PALETTE
from ..perception.types import Shape
from .catalogue import KINDS, make_object
from .placement import TABLE_BOUNDS, Outline, find_free_pose, outline, rectangle
from .shading import Light, draw_light
from .toml_file import nearest, read_toml

SCENE_DIR = Path(__file__).parent / "data" / "scenes"
GRASP_GAP_M = 0.035
"""Room between outlines that lets a gripper finger in; what the clutter keeps to everything."""
ROOM_TAKEN = {Shape.BOWL: 1, Shape.PLATE: 1, Shape.TRAY: 2}
MAX_ROOM_TAKEN = 3
LAYOUT_TRIES = 40


class SceneError(ValueError):
    """A scene file or name that cannot become a scene; one line that says why."""


@dataclass(frozen=True, slots=True)
class PlacedObject:
    """One object; `position_world` is the centre of its box (for a mug the body's, without the handle)."""

    name: str
    kind: str
    color: str
    position_world: Float[np.ndarray, "3"]
    yaw_rad: float

    @property
    def shape(self) -> Shape:
        """Generic shape class of the kind."""
        return make_object(self.kind).shape


KeepOut = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Scene:
    """Objects, zones that the robot must not enter (x0, y0, z0, x1, y1, z1; world) and the light."""

    name: str
    objects: tuple[PlacedObject, ...]
    keep_out: tuple[KeepOut, ...] = ()
    light: Light = Light()

    def find(self, name: str) -> PlacedObject:
        """The object of that name; KeyError when there is none."""
        for placed in self.objects:
            if placed.name == name:
                return placed
        raise KeyError(name)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _check_kind(kind: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"unknown kind '{kind}'; {nearest(kind, KINDS)}")
    return kind


def _check_color(color: str) -> str:
    if color not in PALETTE:
        raise ValueError(f"unknown colour '{color}'; {nearest(color, PALETTE)}")
    return color


Coordinate = Annotated[float, Field(ge=-2.0, le=2.0)]


class ObjectEntry(_Strict):
    """A fixed object. Without `position_world` the seed places it; `on` puts it on or in another one."""

    kind: str
    color: str
    name: str | None = None
    position_world: tuple[Coordinate, Coordinate] | None = None
    yaw_rad: Annotated[float, Field(ge=-2 * math.pi, le=2 * math.pi)] | None = None
    on: str | None = None

    _kind = field_validator("kind")(_check_kind)
    _color = field_validator("color")(_check_color)

    @model_validator(mode="after")
    def _one_place(self) -> ObjectEntry:
        if self.on is not None and self.position_world is not None:
            raise ValueError("an object has either `on` or `position_world`, not both")
        return self


class ClutterEntry(_Strict):
    """What the seed adds. Counts are of all objects in the scene, fixed ones included."""

    min_total: Annotated[int, Field(ge=0, le=12)] = 5
    max_total: Annotated[int, Field(ge=0, le=12)] = 9
    kinds: tuple[str, ...] = tuple(KINDS)
    colors: tuple[str, ...] = tuple(PALETTE)
    unique_by: Literal["shape", "kind", "none"] = "shape"
    avoid: tuple[str, ...] = ()
    """Descriptions, "colour shape", that must not be added."""

    @field_validator("kinds")
    @classmethod
    def _known_kinds(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_check_kind(kind) for kind in kinds)

    @field_validator("colors")
    @classmethod
    def _known_colors(cls, colors: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_check_color(color) for color in colors)

    @model_validator(mode="after")
    def _ordered(self) -> ClutterEntry:
        if self.min_total > self.max_total:
            raise ValueError(f"min_total {self.min_total} is above max_total {self.max_total}")
        return self


class ZoneEntry(_Strict):
    """A box that no part of the robot and nothing it carries may enter, world frame."""

    min_world: tuple[Coordinate, Coordinate, Coordinate]
    max_world: tuple[Coordinate, Coordinate, Coordinate]

    @model_validator(mode="after")
    def _ordered(self) -> ZoneEntry:
        if any(low >= high for low, high in zip(self.min_world, self.max_world, strict=True)):
            raise ValueError(f"min_world {self.min_world} must be below max_world {self.max_world} on every axis")
        return self


class SceneFile(_Strict):
    """A scene as written; `draw` makes it a Scene."""

    name: str
    description: str = ""
    objects: tuple[ObjectEntry, ...] = ()
    clutter: ClutterEntry | None = None
    keep_out: tuple[ZoneEntry, ...] = ()


def list_scenes() -> tuple[str, ...]:
    """Names of the built-in scenes."""
    return tuple(sorted(path.stem for path in SCENE_DIR.glob("*.toml")))


def load_scene(name_or_path: str | Path) -> SceneFile:
    """A built-in scene by name, or a scene file by path; SceneError when it is neither or not well formed.

    Whether the objects fit is checked here too, by one draw.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        builtin = SCENE_DIR / f"{name_or_path}.toml"
        if not builtin.is_file():
            hint = nearest(str(name_or_path), list_scenes())
            raise SceneError(f"No scene named '{name_or_path}'; {hint} Or give the path of a .toml file.")
        path = builtin
    scene_file = read_toml(path, SceneFile, SceneError)
    try:
        draw(scene_file, 0)
    except SceneError as problem:
        raise SceneError(f"{path}: {problem}") from None
    return scene_file


def draw(scene_file: SceneFile, seed: int) -> Scene:
    """Fill the scene by seed: the same file and seed give the same scene."""
    rng = np.random.default_rng([seed, 0x5CE7E])
    light = draw_light(rng)
    entries = _name_entries(scene_file.objects)
    clutter = _draw_clutter(entries, scene_file.clutter, rng)
    zones = tuple((*zone.min_world, *zone.max_world) for zone in scene_file.keep_out)
    objects = _lay_out(entries, clutter, zones, scene_file.clutter, rng)
    return Scene(scene_file.name, objects, zones, light)


def describe(kind: str, color: str) -> str:
    """ "red block": colour and shape class, without size."""
    return f"{color} {make_object(kind).shape.value}"


def _name_entries(entries: Sequence[ObjectEntry]) -> list[ObjectEntry]:
    """Give every entry a unique name; given names must be unique already."""
    given = [entry.name for entry in entries if entry.name]
    for name in given:
        if given.count(name) > 1:
            raise SceneError(f"two objects are named '{name}', expected unique names. Rename one.")
    names: list[str] = list(given)
    named: list[ObjectEntry] = []
    for entry in entries:
        name = entry.name or _free_name(f"{entry.color}_{entry.kind}", names)
        names.append(name)
        named.append(entry.model_copy(update={"name": name}))
    for entry in named:
        if entry.on is not None and (entry.on == entry.name or entry.on not in names):
            raise SceneError(f"object '{entry.name}' is on '{entry.on}'; {nearest(entry.on, names)}")
    return named


def _free_name(stem: str, taken: Sequence[str]) -> str:
    number, name = 1, stem
    while name in taken:
        number, name = number + 1, f"{stem}_{number + 1}"
    return name


def _draw_clutter(
    fixed: Sequence[ObjectEntry], clutter: ClutterEntry | None, rng: np.random.Generator
) -> list[ObjectEntry]:
    """Objects to add, drawn until the count is reached; fewer when the catalogue's descriptions run out."""
    if clutter is None:
        return []
    total = int(rng.integers(clutter.min_total, clutter.max_total + 1))
    taken = {_key(entry, clutter) for entry in fixed}
    names = [str(entry.name) for entry in fixed]
    room_taken = sum(_room(entry.kind) for entry in fixed if entry.on is None)
    choices = [(kind, color) for kind in clutter.kinds for color in clutter.colors]
    added: list[ObjectEntry] = []
    while len(fixed) + len(added) < total and choices:
        kind, color = choices[int(rng.integers(len(choices)))]
        entry = ObjectEntry(kind=kind, color=color, name=_free_name(f"{color}_{kind}", names))
        is_repeat = clutter.unique_by != "none" and _key(entry, clutter) in taken
        is_too_large = _room(kind) > 0 and room_taken + _room(kind) > MAX_ROOM_TAKEN
        if is_repeat or is_too_large or describe(kind, color) in clutter.avoid:
            choices.remove((kind, color))
            continue
        taken.add(_key(entry, clutter))
        names.append(str(entry.name))
        room_taken += _room(kind)
        added.append(entry)
    return added


def _room(kind: str) -> int:
    return ROOM_TAKEN.get(make_object(kind).shape, 0)


def _key(entry: ObjectEntry, clutter: ClutterEntry) -> tuple[str, str]:
    """What makes an object's description unique."""
    return entry.color, entry.kind if clutter.unique_by == "kind" else make_object(entry.kind).shape.value


def _lay_out(
    fixed: Sequence[ObjectEntry],
    added: Sequence[ObjectEntry],
    zones: Sequence[KeepOut],
    clutter: ClutterEntry | None,
    rng: np.random.Generator,
) -> tuple[PlacedObject, ...]:
    """Place everything: given poses, then the rest by size at random, then what stands on others."""
    placed, taken = _place_given(fixed)
    taken += [rectangle((zone[0], zone[1], zone[3], zone[4])) for zone in zones if zone[2] < 0.25]
    waiting = [entry for entry in fixed if entry.position_world is None and entry.on is None]
    at_least = max(len(fixed), clutter.min_total if clutter else 0)
    most: dict[str, PlacedObject] = {}
    missing = waiting[0] if waiting else None
    for _ in range(LAYOUT_TRIES):
        trial, missing = _try_layout(waiting, added, taken, rng)
        if missing is None and len(trial) > len(most):
            most = trial
        if missing is None and len(trial) == len(waiting) + len(added):
            break
    total = len(placed) + len(most) + sum(entry.on is not None for entry in fixed)
    if missing is not None and not most and waiting:
        raise SceneError(
            f"object '{missing.name}' ({missing.color} {missing.kind}) finds no free place on the table with "
            f"{GRASP_GAP_M * 100:.1f} cm around it. Take objects out or give them a `position_world`."
        )
    if total < at_least:
        raise SceneError(
            f"only {total} of at least {at_least} objects fit on the table. Lower clutter.min_total or use small kinds."
        )
    placed.update(most)
    _place_on_others(fixed, placed)
    order = [str(entry.name) for entry in (*fixed, *added)]
    return tuple(placed[name] for name in order if name in placed)


def _place_given(fixed: Sequence[ObjectEntry]) -> tuple[dict[str, PlacedObject], list[Outline]]:
    """Objects with a given place; SceneError when one is off the table or overlaps another."""
    placed: dict[str, PlacedObject] = {}
    outlines: dict[str, Outline] = {}
    for entry in fixed:
        if entry.position_world is None:
            continue
        name, (x, y), yaw_rad = str(entry.name), entry.position_world, entry.yaw_rad or 0.0
        shape = outline(entry.kind, x, y, yaw_rad)
        if not shape.is_inside(TABLE_BOUNDS):
            x0, y0, x1, y1 = TABLE_BOUNDS
            raise SceneError(
                f"object '{name}' at ({x:g}, {y:g}) is off the table, expected all of it within x {x0:g} to {x1:g} "
                f"and y {y0:g} to {y1:g} m. Move it."
            )
        for other, other_shape in outlines.items():
            if (gap := shape.gap_m(other_shape)) < -1e-6:
                raise SceneError(f"object '{name}' overlaps '{other}' by {-gap * 1000:.0f} mm. Move one of them.")
        outlines[name] = shape
        placed[name] = _stand(entry, x, y, yaw_rad)
    return placed, list(outlines.values())


def _try_layout(
    waiting: Sequence[ObjectEntry], added: Sequence[ObjectEntry], taken: Sequence[Outline], rng: np.random.Generator
) -> tuple[dict[str, PlacedObject], ObjectEntry | None]:
    """One attempt, large objects first; the second value is the first fixed object that found no place."""
    result: dict[str, PlacedObject] = {}
    shapes = list(taken)
    by_size = sorted((*waiting, *added), key=lambda entry: -float(make_object(entry.kind).size_m[:2].max()))
    for entry in by_size:
        pose = find_free_pose(entry.kind, shapes, GRASP_GAP_M, rng, yaw_rad=entry.yaw_rad)
        if pose is None and entry in waiting:
            return {}, entry
        if pose is None:
            continue
        shapes.append(outline(entry.kind, *pose))
        result[str(entry.name)] = _stand(entry, *pose)
    return result, None


def _stand(entry: ObjectEntry, x: float, y: float, yaw_rad: float, floor_m: float = 0.0) -> PlacedObject:
    height_m = float(make_object(entry.kind).size_m[2])
    return PlacedObject(
        str(entry.name), entry.kind, entry.color, np.array([x, y, floor_m + height_m / 2]), float(yaw_rad)
    )


def _place_on_others(fixed: Sequence[ObjectEntry], placed: dict[str, PlacedObject]) -> None:
    """Objects that stand on or in others, once those are placed."""
    waiting = [entry for entry in fixed if entry.on is not None]
    while waiting:
        ready = [entry for entry in waiting if entry.on in placed]
        if not ready:
            names = ", ".join(f"'{entry.name}'" for entry in waiting)
            raise SceneError(f"objects {names} stand on each other in a ring. Put one of them on the table.")
        for entry in ready:
            base = placed[str(entry.on)]
            model = make_object(base.kind)
            floor_m = float(base.position_world[2] + model.size_m[2] / 2 - model.cavity_depth_m)
            x, y = base.position_world[:2]
            yaw_rad = base.yaw_rad if entry.yaw_rad is None else entry.yaw_rad
            placed[str(entry.name)] = _stand(entry, float(x), float(y), yaw_rad, floor_m)
            waiting.remove(entry)
