"""Suites: named sets of task families, each an endless row of seeded episodes.

In:  a suite's config.
Out: TableRoad: `families` and `episode(family, seed)`.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, field_validator

from ..perception.plugin_spec import PluginSpec
from .tasks.episodes import Episode, TaskError, draw_episode
from .tasks.families import FAMILIES
from .toml_file import nearest


class TableRoadConfig(BaseModel):
    """Which families the suite holds, in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    families: tuple[str, ...] = ("put_in", "stack", "spatial")

    @field_validator("families")
    @classmethod
    def _known(cls, families: tuple[str, ...]) -> tuple[str, ...]:
        for family in families:
            if family not in FAMILIES:
                raise ValueError(f"unknown family '{family}'; {nearest(family, FAMILIES)}")
        return families


@dataclass(frozen=True, slots=True)
class TableRoad:
    """Objects on one table: put in, stack, put beside, and what else the families offer."""

    config: TableRoadConfig

    @property
    def families(self) -> tuple[str, ...]:
        """Names of the families, in order."""
        return self.config.families

    def episode(self, family: str, seed: int) -> Episode:
        """The episode of that family and seed; TaskError when the suite has no such family."""
        if family not in self.families:
            raise TaskError(f"Suite 'table_road' has no family '{family}', expected one of {', '.join(self.families)}.")
        return draw_episode(family, seed)


TABLE_ROAD = PluginSpec("table_road", TableRoadConfig, TableRoad, "objects on one table, by friction grasp")
