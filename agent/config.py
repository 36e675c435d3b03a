"""What one run is made of: every option resolved, bounded and written beside its result."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .stopwatch import Latency

RUN_FILE = "a config.toml that a run wrote"
Config = TypeVar("Config", bound=BaseModel)


class ConfigError(ValueError):
    """A setting is wrong; the message is one line."""


class RunConfig(BaseModel):
    """One episode. `settings` of each plug-in go to that plug-in's own config."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str = Field(max_length=2000)
    scene: str = "table"
    robot: str = "panda"
    mode: Literal["planner", "policy", "hybrid"] = "planner"
    policy: str = "geometric"
    perceiver: str = "fused"
    words: str = "tower"
    """Who finds things by words beyond the lexicon (docs/words.md): tower, tower:FILE, a plug-in's name, or off."""
    words_sure: float = Field(default=0.9, ge=0.5, le=1.0)
    """From this score on what was found is acted on; below it is asked."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    faults: str | None = None
    """What goes wrong on purpose: a built-in name or a file (docs/suites.md)."""
    speed: float = Field(default=1.0, gt=0.0, le=1.0)
    latency: Latency = Latency.DECLARED
    device: Literal["auto", "cpu", "cuda"] = "auto"
    max_replans: int = Field(default=5, ge=0, le=50)
    deadline_s: float = Field(default=180.0, gt=0.0, le=3600.0)
    max_steps: int | None = Field(default=None, ge=1, le=1000)
    """Motions allowed for a sentence; None: what the suite says, else any number."""
    look_hz: float = Field(default=0.0, ge=0.0, le=30.0)
    """Looks with cameras and LiDAR while the arm moves; 0: only between motions."""
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)

    def to_toml(self) -> str:
        """Text that `load_run_config` reads back."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def load_run_config(path: Path, **overrides: Any) -> RunConfig:
    """Read a config.toml, of a run or of an evaluation; options given on the command line win.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or holds an unknown key or a value out of bounds.
    """
    values = read_toml_values(path, RUN_FILE)
    if "suite" in values:  # an evaluation's file: what its episodes and a single run have in common
        shared = ("robot", "mode", "latency", "device", "deadline_s", "settings")
        values = {name: values[name] for name in shared if name in values}
    return make_run_config(**{**values, **overrides})


def read_settings(path: Path) -> dict[str, dict[str, Any]]:
    """The plug-ins' settings of a config.toml, before the rest of it is looked at."""
    return read_toml_values(path, RUN_FILE).get("settings", {})


def read_toml_values(path: Path, wanted: str) -> dict[str, Any]:
    """What a TOML file says; `wanted` ends the advice when it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}. Give {wanted}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}. Correct that line.") from error


def make_run_config(**values: Any) -> RunConfig:
    """RunConfig with errors in one line that name the nearest key."""
    return check_values(RunConfig, values)


def check_values(model: type[Config], values: dict[str, Any]) -> Config:
    """The values as their model, with errors in one line that name the nearest key."""
    try:
        return model(**values)
    except ValidationError as error:
        # An unknown key explains a missing one (a typing slip), so it is told first.
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            closest = difflib.get_close_matches(key, model.model_fields, n=1)
            hint = f" Did you mean '{closest[0]}'?" if closest else f" Known: {', '.join(model.model_fields)}."
            raise ConfigError(f"Unknown setting '{key}'.{hint}") from error
        raise ConfigError(f"Setting '{key}' is {first['input']!r}: {first['msg']}. Correct it.") from error
