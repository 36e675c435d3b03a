"""What stands on the table: a scene file (TOML) and a seed become a Scene.

In:  a built-in name or a path, and a seed.
Out: Scene with every object's centre and yaw in the world frame; table top at z = 0.
A file names fixed objects, with or without a place, and a [clutter] table that the seed fills from the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..perception.types import Fixture, Shape
from ..planning.types import NamedLook
from .catalogue import add_object, make_object
from .furniture import make_fixtures, outline_corners
from .layout import KeepOut, PlacedObject, boxes_taken, lay_out
from .object_files import ObjectEntryError, load_object, read_nouns
from .person import Person, draw_person
from .placement import TABLE_BOUNDS, Outline
from .scene_file import ClutterEntry, FixtureEntry, ObjectEntry, PaintedEntry, SceneError, SceneFile, TableEntry
from .shading import Light, draw_light
from .tabletop import find_texture
from .toml_file import nearest, read_toml
from .zones import Zone

__all__ = ["PlacedObject", "Scene", "SceneError", "SceneFile", "describe", "draw", "list_scenes", "load_scene"]

SCENE_DIR = Path(__file__).parent / "data" / "scenes"
ROOM_TAKEN = {Shape.BOWL: 1, Shape.PLATE: 1, Shape.TRAY: 2, Shape.BOX: 1}
MAX_ROOM_TAKEN = 3


@dataclass(frozen=True, slots=True)
class Scene:
    """Objects, boxes that the robot must not enter (x0, y0, z0, x1, y1, z1; world), the light, and who is there.

    `fixtures` is furniture that the robot knows; `openings_m`, how far its drawers stand open at first, it must see.
    `zones` are painted on the table.
    """

    name: str
    objects: tuple[PlacedObject, ...]
    keep_out: tuple[KeepOut, ...] = ()
    light: Light = Light()
    person: Person | None = None
    fixtures: tuple[Fixture, ...] = ()
    openings_m: Mapping[str, float] = field(default_factory=dict[str, float])
    table: TableEntry | None = None
    zones: tuple[Zone, ...] = ()

    @property
    def looks(self) -> tuple[NamedLook, ...]:
        """What commands may call the objects that have names of their own, and what is declared of objects."""
        looks: dict[NamedLook, None] = {}
        for placed in self.objects:
            model = make_object(placed.kind)
            nouns = placed.nouns or (model.own.nouns if model.own is not None else ())
            if nouns or placed.properties:
                x, y, z = (float(edge) for edge in model.size_m)
                looks[NamedLook(nouns, placed.color, (x, y, z), placed.properties)] = None
        return tuple(looks)

    def find(self, name: str) -> PlacedObject:
        """The object of that name; KeyError when there is none."""
        for placed in self.objects:
            if placed.name == name:
                return placed
        raise KeyError(name)


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
    scene_file = _read_objects(read_toml(path, SceneFile, SceneError), path)
    try:
        _fill(scene_file, 0)
    except SceneError as problem:
        raise SceneError(f"{path}: {problem}") from None
    return scene_file


def _read_objects(scene_file: SceneFile, path: Path) -> SceneFile:
    """The file with every object that comes from a mesh or URDF given its kind and colour, and pictures found."""
    entries: list[ObjectEntry] = []
    for index, entry in enumerate(scene_file.objects):
        if not entry.is_from_file:
            try:
                read_nouns(entry)
            except ObjectEntryError as problem:
                raise SceneError(f"{path}: 'objects.{index}.{problem.key}': {problem}") from None
            entries.append(entry)
            continue
        try:
            model = load_object(entry, path)
        except ObjectEntryError as problem:
            raise SceneError(f"{path}: 'objects.{index}.{problem.key}': {problem}") from None
        add_object(model)
        assert model.own is not None  # objects from files have a look of their own
        entries.append(entry.model_copy(update={"kind": model.kind, "color": model.own.color}))
    table = find_texture(scene_file.table, path) if scene_file.table else None
    return scene_file.model_copy(update={"objects": tuple(entries), "table": table})


def draw(scene_file: SceneFile, seed: int) -> Scene:
    """Fill the scene by seed: the same file and seed give the same scene; SceneError when it does not fit."""
    try:
        return _fill(scene_file, seed)
    except SceneError as problem:
        raise SceneError(f"Scene '{scene_file.name}', seed {seed}: {problem}") from None


def describe(kind: str, color: str) -> str:
    """Colour and shape class without size, such as "red block"."""
    return f"{color} {make_object(kind).shape.value}"


def _fill(scene_file: SceneFile, seed: int) -> Scene:
    rng = np.random.default_rng([seed, 0x5CE7E])
    light = draw_light(rng)
    if scene_file.light != "usual":  # a stream of its own: what stands where is the same under any light
        light = draw_light(np.random.default_rng([seed, 0x11647]), scene_file.light)
    entries = _name_entries(scene_file.objects)
    clutter = _draw_clutter(entries, scene_file.clutter, rng)
    keep_out = tuple((*zone.min_world, *zone.max_world) for zone in scene_file.keep_out)
    zones = _paint(scene_file.zones, [str(entry.name) for entry in (*entries, *clutter)])
    fixtures, openings_m = _set_up(scene_file.fixtures, entries)
    at_least = scene_file.clutter.min_total if scene_file.clutter else 0
    furniture = [Outline(outline_corners(fixture)) for fixture in fixtures]
    marked = [*boxes_taken(keep_out), *(Outline(zone.corners_world) for zone in zones)]
    objects = lay_out(entries, clutter, marked, at_least, rng, furniture)
    # A stream of its own: whether somebody is there changes nothing on the table.
    person = draw_person(scene_file.person, np.random.default_rng([seed, 0x9E50])) if scene_file.person else None
    return Scene(scene_file.name, objects, keep_out, light, person, fixtures, openings_m, scene_file.table, zones)


def _set_up(
    furniture: Sequence[FixtureEntry], objects: Sequence[ObjectEntry]
) -> tuple[tuple[Fixture, ...], dict[str, float]]:
    """The declared fixtures and how far each drawer is open; SceneError when they stand in each other's way."""
    fixtures: list[Fixture] = []
    openings_m: dict[str, float] = {}
    for entry in furniture:
        parts = make_fixtures(entry.kind, entry.name, entry.color, *entry.position_world, entry.yaw_rad)
        for part in parts:
            outline = Outline(outline_corners(part))
            if not outline.is_inside(TABLE_BOUNDS):
                raise SceneError(f"furniture '{entry.name}' does not stand wholly on the table. Move or turn it.")
            for other in fixtures:
                if outline.gap_m(Outline(outline_corners(other))) < 0.0:
                    raise SceneError(f"furniture '{entry.name}' and '{other.name}' are in each other's way. Move one.")
            if part.name in {str(o.name) for o in objects}:
                raise SceneError(f"an object and a piece of furniture are both named '{part.name}'. Rename one.")
            if part.slide is not None:
                openings_m[part.name] = entry.opening * part.slide.travel_m
        fixtures += parts
    return tuple(fixtures), openings_m


def _paint(entries: Sequence[PaintedEntry], taken: Sequence[str]) -> tuple[Zone, ...]:
    """Zones with unique names, on the table and apart from each other."""
    names = list(taken)
    zones: list[Zone] = []
    for entry in entries:
        name = entry.name or _free_name(f"{entry.color}_zone", names)
        if name in names:
            raise SceneError(f"zone '{name}' has the name of something else, expected unique names. Rename one.")
        names.append(name)
        zone = Zone(name, entry.color, entry.center_world, entry.size_m, entry.yaw_rad)
        if not Outline(zone.corners_world).is_inside(TABLE_BOUNDS):
            raise SceneError(f"zone '{name}' reaches over the edge of the table. Move it or make it smaller.")
        for other in zones:
            if Outline(zone.corners_world).gap_m(Outline(other.corners_world)) < 0.0:
                raise SceneError(f"zone '{name}' overlaps zone '{other.name}'. Move one of them.")
        zones.append(zone)
    return tuple(zones)


def _name_entries(entries: Sequence[ObjectEntry]) -> list[ObjectEntry]:
    """Give every entry a unique name; given names must be unique already."""
    given = [entry.name for entry in entries if entry.name]
    for name in given:
        if given.count(name) > 1:
            raise SceneError(f"two objects are named '{name}', expected unique names. Rename one.")
    names: list[str] = list(given)
    named: list[ObjectEntry] = []
    for entry in entries:
        name = entry.name or _free_name(f"{entry.color}_{entry.called}", names)
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
