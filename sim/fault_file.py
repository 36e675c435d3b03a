"""Faults as a person writes them: TOML, checked strictly; what goes wrong, with which sensor, when.

In:  a built-in name or a path.
Out: FaultFile. `start_s` and `duration_s` are ranges from which each episode's seed draws.
"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from .toml_file import nearest, read_toml

FAULT_DIR = Path(__file__).parent / "data" / "faults"


class FaultError(ValueError):
    """Faults that cannot be read or do not fit the robot; one line that says why."""


class FaultKind(enum.StrEnum):
    """What goes wrong."""

    DROPPED = "dropped"  # nothing arrives
    FROZEN = "frozen"  # the last measurement comes again and again, with fresh times
    LATE = "late"  # it arrives `delay_s` later than declared, with its true time
    MISTIMED = "mistimed"  # it bears a time that is `offset_s` beside the true one
    NOISY = "noisy"  # `amounts` are one sigma, added
    BIASED = "biased"  # `amounts` are added, with signs drawn by seed
    SHIFTED = "shifted"  # the sensor has moved by `shift_m` and `turn_rad`; its calibration does not know
    PUSH = "push"  # an object is hit from outside
    SLIP = "slip"  # the fingers become smooth


SENSOR_KINDS = tuple(kind for kind in FaultKind if kind not in (FaultKind.PUSH, FaultKind.SLIP))
NEEDED: dict[FaultKind, tuple[str, ...]] = {
    FaultKind.DROPPED: (),
    FaultKind.FROZEN: (),
    FaultKind.LATE: ("delay_s",),
    FaultKind.MISTIMED: ("offset_s",),
    FaultKind.NOISY: ("amounts",),
    FaultKind.BIASED: ("amounts",),
    FaultKind.SHIFTED: ("shift_m", "turn_rad"),
    FaultKind.PUSH: ("speed_mps",),
    FaultKind.SLIP: ("friction",),
}
Quantity = Literal[
    "depth_m",
    "pixel",
    "range_m",
    "force_mps2",
    "rate_radps",
    "position_rad",
    "velocity_radps",
    "width_m",
    "force_n",
    "torque_nm",
]
Range = Annotated[tuple[Annotated[float, Field(ge=0.0, le=3600.0)], float], Field()]


class FaultEntry(BaseModel):
    """One fault. `sensor` is a name, a kind (camera, lidar, imu, joints, wrist_force, contact) or "all".

    `object` is a name; without one it is drawn.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FaultKind
    sensor: str | None = None
    start_s: Range = (0.5, 4.0)
    duration_s: Range | None = None
    """None: to the end of the episode."""
    times: Annotated[int, Field(ge=1, le=20)] = 1
    delay_s: Annotated[float, Field(gt=0.0, le=10.0)] | None = None
    offset_s: Annotated[float, Field(ge=-10.0, le=10.0)] | None = None
    amounts: dict[Quantity, Annotated[float, Field(ge=0.0)]] | None = None
    shift_m: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    turn_rad: Annotated[float, Field(ge=0.0, le=3.2)] | None = None
    speed_mps: Annotated[float, Field(gt=0.0, le=3.0)] | None = None
    object: str | None = None
    friction: Annotated[float, Field(ge=0.0, le=1.0)] | None = None

    @field_validator("start_s", "duration_s")
    @classmethod
    def _ordered(cls, limits: tuple[float, float] | None) -> tuple[float, float] | None:
        if limits is not None and limits[0] > limits[1]:
            raise ValueError(f"{list(limits)} must not fall; write [earliest, latest]")
        return limits

    @model_validator(mode="after")
    def _fits_kind(self) -> FaultEntry:
        needed = NEEDED[self.kind]
        optional = {name for names in NEEDED.values() for name in names}
        given = {name for name in optional if getattr(self, name) is not None}
        if self.kind in SENSOR_KINDS and self.sensor is None:
            raise ValueError(f"'{self.kind}' needs the key 'sensor'; add it")
        missing = [name for name in needed if name not in given]
        is_enough = self.kind is FaultKind.SHIFTED and len(missing) < len(needed)  # a way, a turn, or both
        if missing and not is_enough:
            raise ValueError(f"'{self.kind}' needs the key '{missing[0]}'; add it")
        if extra := sorted(given - set(needed)):
            raise ValueError(f"'{self.kind}' has no key '{extra[0]}'; remove it")
        return self


class FaultFile(BaseModel):
    """Faults as written; sim/faults.py draws them for an episode."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    description: str = ""
    faults: Annotated[tuple[FaultEntry, ...], Field(min_length=1)]


def list_faults() -> tuple[str, ...]:
    """Names of the built-in faults."""
    return tuple(sorted(path.stem for path in FAULT_DIR.glob("*.toml")))


def load_faults(name_or_path: str) -> FaultFile:
    """Built-in faults by name, or a file by path; FaultError when it is neither or not well formed."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = FAULT_DIR / f"{name_or_path}.toml"
        if not path.is_file():
            hint = nearest(name_or_path, list_faults())
            raise FaultError(f"No faults named '{name_or_path}'; {hint} Or give the path of a .toml file.")
    found = read_toml(path, FaultFile, FaultError)
    return found.model_copy(update={"name": found.name or path.stem})
