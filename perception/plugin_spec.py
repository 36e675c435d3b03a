"""The entry point that every kind of plug-in offers; in the lowest package, so that every package can make one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class PluginSpec:
    """Cheap to import, built late: `build` imports what is heavy. Its arguments depend on the kind.

    robots: build(config, sensors: Mapping[str, PluginSpec]) -> Robot
    sensors: build(config) -> a sensor that the robot's family understands
    perceivers: build(config, PerceiverSetup) -> Perceiver
    suites: build(config) -> Suite
    env_policies: build(config, environment) -> EnvPolicy (sim/foreign_envs.py), for suites of foreign environments
    """

    name: str
    config: type[BaseModel]
    build: Callable[..., Any]
    summary: str = ""
