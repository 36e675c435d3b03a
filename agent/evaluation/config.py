"""What one evaluation is made of: every option resolved, bounded and stored beside its results.

In:  an evaluation's TOML file, a suite's name or file, options of the command line (they win).
Out: EvalConfig with nothing left open, so that the stored file alone continues or repeats the evaluation.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field

from ..config import ConfigError, check_values, read_toml_values
from ..suites import build_suite, read_suite
from .stopping import most_episodes

EVAL_FILE = "the TOML file of an evaluation"
DEFAULT_EPISODES = 20
MAX_CONTROL_EPISODES = 20
# What may differ when an evaluation is resumed: the results that are there would have been the same.
FREE_TO_CHANGE = ("workers", "hang_s", "fail_below", "until_ci", "episodes", "control_episodes", "judge", "suite_file")


class EvalConfig(BaseModel):
    """One evaluation. `settings` of each plug-in (the suite too) go to that plug-in's own config."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    suite: str
    suite_name: str = ""
    suite_file: str | None = None
    tasks: tuple[str, ...] = ()
    policies: tuple[str, ...] = Field(default=("geometric",), min_length=1)
    perceivers: tuple[str, ...] = Field(default=("fused",), min_length=1)
    mode: Literal["planner", "policy", "hybrid"] = "planner"
    robot: str = "panda"
    faults: str | None = None
    episodes: int = Field(default=DEFAULT_EPISODES, ge=1, le=1_000_000)
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    workers: int = Field(default=1, ge=1, le=1024)
    judge: Literal["truth", "perceived", "human"] = "truth"
    controls: bool = True
    control_episodes: int | None = Field(default=None, ge=1)
    until_ci: float | None = Field(default=None, gt=0.0, lt=1.0)
    fail_below: float | None = Field(default=None, ge=0.0, le=1.0)
    deadline_s: float = Field(default=180.0, gt=0.0, le=3600.0)
    hang_s: float = Field(default=600.0, gt=0.0)
    videos: int = Field(default=2, ge=0)
    latency: Literal["zero", "declared"] = "declared"
    device: Literal["cpu", "cuda"] = "cpu"
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)

    def to_toml(self) -> str:
        """Text that `load_eval_config` reads back."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def make_eval_config(path: Path | None = None, **options: Any) -> EvalConfig:
    """Resolve an evaluation: file, then options over it, then what the suite says, then defaults.

    Raises:
        ConfigError, PluginError: a key, a value, the suite or a task is wrong; one line.
    """
    values = {**(read_toml_values(path, EVAL_FILE) if path is not None else {}), **options}
    if "suite" not in values:
        raise ConfigError("No suite given. Say which, for example: verbot eval --suite table_road")
    check_values(EvalConfig, values)
    if not values.get("suite_name"):
        values = with_suite(values)
    values.setdefault("workers", os.cpu_count() or 1)
    config = check_values(EvalConfig, values)
    tasks = config.tasks or tuple(build_suite(config.suite, config.settings).families)
    build_suite(config.suite, config.settings, tasks)
    episodes = config.episodes
    if config.until_ci is not None and "episodes" not in values:
        episodes = math.ceil(most_episodes(config.until_ci) / len(tasks))
    control_episodes = config.control_episodes or min(episodes, MAX_CONTROL_EPISODES)
    if config.until_ci is not None and config.judge == "human":
        raise ConfigError("--until-ci needs to know each result at once; a person judges later. Use --judge truth.")
    return config.model_copy(update={"tasks": tasks, "episodes": episodes, "control_episodes": control_episodes})


def check_same(
    stored: BaseModel, given: BaseModel, free: Sequence[str] = FREE_TO_CHANGE, what: str = "evaluation"
) -> None:
    """Raise ConfigError when something cannot go on as another: its results would not belong together."""
    for name in type(stored).model_fields:
        before, now = getattr(stored, name), getattr(given, name)
        if name not in free and before != now:
            raise ConfigError(
                f"Cannot resume: {name} was {_shown(before)} when this {what} began and is {_shown(now)} now. "
                "Give the options it began with (or none), or another --out."
            )


def read_stored_options(path: Path) -> dict[str, Any]:
    """The stored config.toml of an evaluation, to be resumed."""
    values = read_toml_values(path, EVAL_FILE)
    check_values(EvalConfig, values)
    return values


def with_suite(values: dict[str, Any], takes: Sequence[str] = ("episodes", "seed")) -> dict[str, Any]:
    """What a suite file says, below what was given; of its numbers those that are taken."""
    name_or_path = values["suite"]
    suite = read_suite(name_or_path)
    below: dict[str, Any] = {"tasks": suite.tasks}
    below |= {name: getattr(suite, name) for name in takes if getattr(suite, name) is not None}
    settings = {**suite.settings, **values.get("settings", {})}
    above = {"suite": suite.suite, "suite_name": suite.name, "settings": settings}
    if name_or_path.endswith(".toml"):
        above["suite_file"] = name_or_path
    return {**below, **values, **above}


def _shown(value: Any) -> str:
    return ", ".join(str(item) for item in value) if isinstance(value, tuple) else str(value)
