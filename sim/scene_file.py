"""A scene as a person writes it: TOML, checked strictly.

In:  parsed TOML.
Out: SceneFile; unknown keys, kinds and colours are errors that name the nearest known one.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..perception.colors import PALETTE
from ..planning.types import Property
from .catalogue import CLUTTER_COLORS, CLUTTER_KINDS, KINDS
from .furniture import FURNITURE_KINDS
from .placement import TABLE_BOUNDS
from .shading import LightName
from .toml_file import nearest

RESERVED_NAMES = ("table", "pedestal", "floor", "person")
TORSO_ROOM_M = 0.17
ARM_REACH_M = 0.70
MOST_OBJECTS = 16
SHOULDER_WORLD_M = 0.45

FILE_KEYS = {"mass_kg", "density_kgpm3", "scale", "up", "collision", "shape"}


class SceneError(ValueError):
    """A scene file or name that cannot become a scene; one line that says why."""


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
    """A fixed object: of the catalogue (`kind`) or from a file (`mesh`, `urdf`), whose kind is known once it is read.

    Without `position_world` the seed places it; `on` puts it on or in another one. `docs/own_objects.md` shows files.
    """

    kind: str = ""
    color: str = ""
    """Needed by the catalogue's kinds; paints a file's object all over, which else has its own colours."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_ -]*$")] | None = None
    position_world: tuple[Coordinate, Coordinate] | None = None
    yaw_rad: Annotated[float, Field(ge=-2 * math.pi, le=2 * math.pi)] | None = None
    on: str | None = None
    mesh: str | None = None
    urdf: str | None = None
    mass_kg: Annotated[float, Field(gt=0.0)] | None = None
    density_kgpm3: Annotated[float, Field(gt=0.0, le=25_000.0)] | None = None
    scale: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] = 1.0
    up: Literal["y", "z"] = "z"
    collision: Literal["hull", "decompose", "parts"] | None = None
    shape: Literal["block", "cylinder", "bowl", "mug", "plate", "tray", "thing"] | None = None
    """What it looks like from above to a perceiver that knows these shapes; "thing" is none of the others."""
    noun: str | None = None
    synonyms: tuple[str, ...] = ()
    properties: tuple[Property, ...] = ()
    """What no camera sees of it and the robot is told."""

    _kind = field_validator("kind")(_check_kind)
    _color = field_validator("color")(_check_color)

    @field_validator("properties", mode="before")
    @classmethod
    def _known_properties(cls, properties: object) -> object:
        known = [word.value for word in Property]
        for word in properties if isinstance(properties, list | tuple) else ():
            if word not in known:
                raise ValueError(f"unknown property '{word}'; {nearest(str(word), known)}")
        return properties

    @property
    def is_from_file(self) -> bool:
        """Whether a mesh or URDF says what it is."""
        return self.mesh is not None or self.urdf is not None

    @property
    def called(self) -> str:
        """What it is, in a word: part of its name when it has none."""
        return self.noun or Path(self.mesh or self.urdf or self.kind).stem

    @model_validator(mode="after")
    def _one_source(self) -> ObjectEntry:
        given = [key for key in ("kind", "mesh", "urdf") if getattr(self, key)]
        if len(given) != 1:
            raise ValueError(f"an object has one of `kind`, `mesh` and `urdf`, not {' and '.join(given) or 'none'}")
        if not self.is_from_file:
            extra = sorted(self.model_fields_set & FILE_KEYS)
            if extra:
                raise ValueError(f"`{extra[0]}` belongs to objects with `mesh` or `urdf`. Take it out")
            if not self.color:
                raise ValueError(f"a {self.kind} needs a `color`; {nearest('', PALETTE)}")
        if self.mass_kg is not None and self.density_kgpm3 is not None:
            raise ValueError("an object has `mass_kg` or `density_kgpm3`, not both")
        if self.synonyms and not self.noun:
            raise ValueError("`synonyms` come with a `noun`. Add it")
        return self

    @field_validator("name")
    @classmethod
    def _free_name(cls, name: str | None) -> str | None:
        if name is not None and (name in RESERVED_NAMES or name.startswith(("panda_", "person_"))):
            raise ValueError(f"the name '{name}' belongs to the robot or the room. Choose another")
        return name

    @model_validator(mode="after")
    def _one_place(self) -> ObjectEntry:
        if self.on is not None and self.position_world is not None:
            raise ValueError("an object has either `on` or `position_world`, not both")
        return self


class ClutterEntry(_Strict):
    """What the seed adds. Counts are of all objects in the scene, fixed ones included."""

    min_total: Annotated[int, Field(ge=0, le=MOST_OBJECTS)] = 5
    max_total: Annotated[int, Field(ge=0, le=MOST_OBJECTS)] = 9
    kinds: tuple[str, ...] = CLUTTER_KINDS
    colors: tuple[str, ...] = CLUTTER_COLORS
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


class FixtureEntry(_Strict):
    """Furniture on the table, known to the robot: at yaw 0 its front faces it. `opening` of a drawer: 0 to 1."""

    kind: str
    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
    color: str = "white"
    position_world: tuple[Coordinate, Coordinate]
    yaw_rad: Annotated[float, Field(ge=-2 * math.pi, le=2 * math.pi)] = 0.0
    opening: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0

    _color = field_validator("color")(_check_color)

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, kind: str) -> str:
        if kind not in FURNITURE_KINDS:
            raise ValueError(f"unknown kind of furniture '{kind}'; {nearest(kind, FURNITURE_KINDS)}")
        return kind

    @field_validator("name")
    @classmethod
    def _free_name(cls, name: str) -> str:
        if name in RESERVED_NAMES or name.startswith(("panda_", "person_")):
            raise ValueError(f"the name '{name}' belongs to the robot or the room. Choose another")
        return name


Place = tuple[Coordinate, Coordinate, Annotated[float, Field(ge=-0.7, le=0.9)]]
Period = Annotated[float, Field(ge=1.0, le=120.0)]


class PersonEntry(_Strict):
    """A person beside the table: where they stand, where their hand is, and how they move, all smoothly.

    The body sways in a circle of `sway_m`. From `begins_s` on it walks to `walk_to_world` and back in `walk_period_s`,
    and the hand goes to `reach_to_world` and back in `reach_period_s`, again and again.
    """

    at_world: tuple[Coordinate, Coordinate]
    hand_world: Place | None = None
    sway_m: Annotated[float, Field(ge=0.0, le=0.10)] = 0.01
    sway_period_s: Period = 5.0
    walk_to_world: tuple[Coordinate, Coordinate] | None = None
    walk_period_s: Period = 8.0
    reach_to_world: Place | None = None
    reach_period_s: Period = 6.0
    begins_s: Annotated[float, Field(ge=0.0, le=600.0)] = 0.0
    shirt: str = "blue"

    _color = field_validator("shirt")(_check_color)

    @model_validator(mode="after")
    def _beside_the_table(self) -> PersonEntry:
        for key, place in (("at_world", self.at_world), ("walk_to_world", self.walk_to_world)):
            if place is not None and _is_in_table(*place):
                raise ValueError(f"{key} {place} is inside the table; a body needs {TORSO_ROOM_M} m from its edge")
        for key, hand in (("hand_world", self.hand_world), ("reach_to_world", self.reach_to_world)):
            if hand is not None and math.dist(hand, (*self.at_world, SHOULDER_WORLD_M)) > ARM_REACH_M:
                raise ValueError(f"{key} {hand} is out of reach, {ARM_REACH_M} m from the shoulder. Bring it nearer")
        return self


def _is_in_table(x: float, y: float) -> bool:
    x0, y0, x1, y1 = TABLE_BOUNDS
    room = TORSO_ROOM_M
    return x0 - room < x < x1 + room and y0 - room < y < y1 + room


class TableEntry(_Strict):
    """How the table looks: a picture (PNG, JPEG) that repeats every `tile_m`; perceivers know the plain one best."""

    texture: str
    tile_m: Annotated[float, Field(ge=0.02, le=2.0)] = 0.4


class PaintedEntry(_Strict):
    """A coloured rectangle painted on the table; objects that the seed places keep clear of it."""

    color: str
    center_world: tuple[Coordinate, Coordinate]
    size_m: tuple[Annotated[float, Field(ge=0.05, le=0.6)], Annotated[float, Field(ge=0.05, le=0.6)]]
    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_ -]*$")] | None = None
    yaw_rad: Annotated[float, Field(ge=-2 * math.pi, le=2 * math.pi)] = 0.0

    _color = field_validator("color")(_check_color)


class SceneFile(_Strict):
    """A scene as written; `draw` makes it a Scene."""

    name: str
    description: str = ""
    objects: tuple[ObjectEntry, ...] = ()
    clutter: ClutterEntry | None = None
    keep_out: tuple[ZoneEntry, ...] = ()
    zones: tuple[PaintedEntry, ...] = ()
    person: PersonEntry | None = None
    light: LightName = "usual"
    """"harsh": low, from another side, with dark shadows, warm or cool."""
    table: TableEntry | None = None
    fixtures: tuple[FixtureEntry, ...] = ()
