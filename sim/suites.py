"""Suites: named sets of task families, each an endless row of seeded episodes.

In:  a suite's config: families, and the conditions under which they are played.
Out: TableRoad: `families` (its tasks) and `episode(task, seed)`. A task is a family, or FAMILY@CONDITION.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..perception.plugin_spec import PluginSpec
from .fault_file import load_faults
from .scene_file import MOST_OBJECTS
from .shading import LightName
from .tasks import held_out
from .tasks.episodes import Episode, TaskError, draw_episode
from .tasks.families import EVERY_FAMILY, FAMILIES
from .tasks.family import TRAINING, Variation
from .toml_file import nearest

SUITE_DIR = Path(__file__).parent / "data" / "suites"
EVERY = "*"


def list_suites() -> tuple[str, ...]:
    """Names of the built-in suite files."""
    return tuple(sorted(path.stem for path in SUITE_DIR.glob("*.toml")))


class ConditionConfig(BaseModel):
    """What differs from training: the wording, what stands there and how much, the light, what goes wrong.

    What is held out stands in `tasks/held_out.py` and in docs/suites.md.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    held_out_phrases: bool = False
    held_out_colors: bool = False
    held_out_shapes: bool = False
    held_out_pairs: bool = False
    light: LightName = TRAINING.light
    min_objects: Annotated[int, Field(ge=1, le=MOST_OBJECTS)] = TRAINING.min_objects
    max_objects: Annotated[int, Field(ge=1, le=MOST_OBJECTS)] = TRAINING.max_objects
    faults: str | None = None

    @field_validator("faults")
    @classmethod
    def _known_faults(cls, faults: str | None) -> str | None:
        if faults is not None:
            load_faults(faults)
        return faults

    @model_validator(mode="after")
    def _agrees(self) -> ConditionConfig:
        if self.min_objects > self.max_objects:
            raise ValueError(
                f"condition '{self.name}': min_objects {self.min_objects} is above max_objects {self.max_objects}"
            )
        if self.held_out_pairs and self.held_out_colors:
            raise ValueError(
                f"condition '{self.name}': held_out_pairs need training's colours, of which held_out_colors leaves "
                "none. Take one of them out"
            )
        return self

    @property
    def variation(self) -> Variation:
        """For drawing."""
        return Variation(
            is_held_out=self.held_out_phrases,
            is_pair_held_out=self.held_out_pairs,
            colors=held_out.COLORS if self.held_out_colors else TRAINING.colors,
            kinds=held_out.KINDS if self.held_out_shapes else TRAINING.kinds,
            light=self.light,
            min_objects=self.min_objects,
            max_objects=self.max_objects,
        )


class TableRoadConfig(BaseModel):
    """Which families the suite holds, in order ("*": all), and under which conditions; none: as in training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    families: tuple[str, ...] = ("put_in", "stack", "spatial")
    conditions: tuple[ConditionConfig, ...] = ()

    @field_validator("families")
    @classmethod
    def _known(cls, families: tuple[str, ...]) -> tuple[str, ...]:
        if families == (EVERY,):
            return tuple(FAMILIES)
        for family in families:
            if family not in EVERY_FAMILY:
                raise ValueError(f"unknown family '{family}'; {nearest(family, EVERY_FAMILY)}")
        return families

    @field_validator("conditions")
    @classmethod
    def _named_once(cls, conditions: tuple[ConditionConfig, ...]) -> tuple[ConditionConfig, ...]:
        names = [condition.name for condition in conditions]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two conditions are named '{name}', expected unique names. Rename one")
        return conditions


@dataclass(frozen=True, slots=True)
class TableRoad:
    """Objects on one table: put in, stack, put beside, and what else the families offer."""

    config: TableRoadConfig

    @property
    def families(self) -> tuple[str, ...]:
        """Names of the tasks, in order."""
        names = [condition.name for condition in self.config.conditions]
        if not names:
            return self.config.families
        return tuple(f"{family}@{name}" for name in names for family in self.config.families)

    def episode(self, family: str, seed: int) -> Episode:
        """The episode of that task and seed; TaskError when the suite has no such task."""
        if family not in self.families:
            raise TaskError(f"Suite 'table_road' has no family '{family}', expected one of {', '.join(self.families)}.")
        base, _, name = family.partition("@")
        condition = next((c for c in self.config.conditions if c.name == name), None)
        if condition is None:
            return draw_episode(base, seed)
        return replace(draw_episode(base, seed, condition.variation), faults=condition.faults)


TABLE_ROAD = PluginSpec("table_road", TableRoadConfig, TableRoad, "objects on one table, by friction grasp")
