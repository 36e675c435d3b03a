"""Suites by name or by file, and the one episode that `SUITE/TASK` and a seed name.

In:  "table_road", or the path of a suite file (TOML).
Out: the built suite; for a scene written SUITE/TASK, the episode drawn from a seed (sentence, scene, goal).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from .assignment import DrawnEpisode
from .config import ConfigError
from .plugins import load_spec, make_config, names_of, split_name

Settings = Mapping[str, Mapping[str, Any]]


class SuiteFile(BaseModel):
    """A suite as a person writes it: which plug-in, which tasks, how many seeds, with which settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    suite: str
    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.-]+$")
    description: str = ""
    tasks: tuple[str, ...] = ()
    episodes: int | None = Field(default=None, ge=1)
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1)
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """For each plug-in its own settings, the suite's too."""


def read_suite(name_or_path: str) -> SuiteFile:
    """The suite file, or one that names the plug-in alone.

    Raises:
        ConfigError: the file cannot be read or holds an unknown key.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if name_or_path in names_of("suites"):
            return SuiteFile(suite=name_or_path, name=name_or_path)
        from ..sim.suites import SUITE_DIR, list_suites

        if name_or_path not in list_suites():
            return SuiteFile(suite=name_or_path, name=name_or_path)
        path = SUITE_DIR / f"{name_or_path}.toml"
    from ..sim.toml_file import read_toml  # a real robot runs where there is no simulator

    suite = read_toml(path, SuiteFile, ConfigError)
    return suite.model_copy(update={"name": suite.name or path.stem})


def build_suite(plugin: str, settings: Settings, tasks: Sequence[str] = ()) -> Any:
    """The suite, holding `tasks` where it lets its families be chosen.

    Raises:
        PluginError, ConfigError: no such suite, wrong settings, or a task that it does not have.
    """
    spec = load_spec("suites", plugin)
    values = dict(settings.get(plugin, {}))
    if tasks and "families" in spec.config.model_fields:
        values.setdefault("families", tuple(tasks))
    suite = spec.build(make_config(spec, values))
    if hasattr(suite, "bind_policies"):  # a suite of foreign environments, which have policies of their own
        suite.bind_policies(lambda name: _env_policy(name, settings))
    for task in tasks:
        if task not in suite.families:
            closest = difflib.get_close_matches(task, suite.families, n=1)
            hint = f"Did you mean '{closest[0]}'? " if closest else ""
            raise ConfigError(
                f"Suite '{plugin}' has no task '{task}'. {hint}It has: {', '.join(suite.families)}. Correct --tasks."
            )
    return suite


def _env_policy(name: str, settings: Settings) -> Callable[[Any], Any]:
    """How the environment policy of that name is made for an environment."""
    base, argument = split_name(name)
    spec = load_spec("env_policies", base)
    config = make_config(spec, dict(settings.get(base, {})), argument)
    return lambda env: spec.build(config, env)


def split_scene(scene: str) -> tuple[str, str] | None:
    """SUITE and TASK of a scene written SUITE/TASK (the suite by name or by file); None for any other scene."""
    suite, slash, task = scene.rpartition("/")
    is_task = bool(slash) and bool(task) and not task.endswith(".toml")
    return (suite, task) if is_task and (suite.endswith(".toml") or "/" not in suite) else None


def draw_scene(scene: str, seed: int, settings: Settings) -> DrawnEpisode | None:
    """The episode that SUITE/TASK and the seed name; None where the scene is not written so.

    Raises:
        ConfigError: the suite runs its own episodes, in a world that is not a robot on our road.
    """
    parts = split_scene(scene)
    if parts is None:
        return None
    chosen = read_suite(parts[0])
    suite = build_suite(chosen.suite, {**chosen.settings, **settings}, [parts[1]])
    if not hasattr(suite, "episode"):
        raise ConfigError(
            f"The suite '{chosen.suite}' runs its episodes itself. Use: verbot eval --suite {parts[0]} --tasks "
            f"{parts[1]} --seed {seed} --episodes 1 --no-controls"
        )
    return suite.episode(parts[1], seed)
