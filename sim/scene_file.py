"""A scene as a person writes it: TOML, checked strictly.

In:  parsed TOML.
Out: SceneFile; unknown keys, kinds and colours are errors that name the nearest known one.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..perception.colors import PALETTE
from .catalogue import KINDS
from .toml_file import nearest

RESERVED_NAMES = ("table", "pedestal", "floor")


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
    """A fixed object. Without `position_world` the seed places it; `on` puts it on or in another one."""

    kind: str
    color: str
    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_ -]*$")] | None = None
    position_world: tuple[Coordinate, Coordinate] | None = None
    yaw_rad: Annotated[float, Field(ge=-2 * math.pi, le=2 * math.pi)] | None = None
    on: str | None = None

    _kind = field_validator("kind")(_check_kind)
    _color = field_validator("color")(_check_color)

    @field_validator("name")
    @classmethod
    def _free_name(cls, name: str | None) -> str | None:
        if name is not None and (name in RESERVED_NAMES or name.startswith("panda_")):
            raise ValueError(f"the name '{name}' belongs to the robot or the room. Choose another")
        return name

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
