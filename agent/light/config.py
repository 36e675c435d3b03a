"""What one light recording is made of.

In:  options of the command line.
Out: LightConfig, stored with what it made, so that a recording is only ever continued as it began.
"""

from __future__ import annotations

import os
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..config import ConfigError, check_values
from ..suites import build_suite, read_suite

DEFAULT_EPISODES = 100
FREE_TO_CHANGE = frozenset({"workers"})
Pixels = Annotated[int, Field(ge=16, le=4096, multiple_of=4)]


class LightConfig(BaseModel):
    """Which episodes of which suite, how many in a file, and whether pictures of their keyframes are kept too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    suite: str
    suite_name: str
    tasks: tuple[str, ...]
    episodes: int = Field(default=DEFAULT_EPISODES, ge=1, le=10_000_000, description="of each task")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="of each task's first episode")
    shard_size: int = Field(default=128, ge=1, le=100_000, description="episodes in one file")
    composition: str = "panda_table"
    pictures: tuple[Pixels, Pixels] | None = Field(default=None, description="width and height of kept pictures")
    workers: int = Field(default=1, ge=1, le=1024)
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict[str, dict[str, Any]])

    @field_validator("composition")
    @classmethod
    def _known(cls, composition: str) -> str:
        from ...sim.sensors import load_composition

        load_composition(composition)
        return composition

    @property
    def num_episodes(self) -> int:
        """Of all tasks."""
        return self.episodes * len(self.tasks)

    @property
    def num_shards(self) -> int:
        """Files."""
        return -(-self.num_episodes // self.shard_size)

    def in_shard(self, number: int) -> list[tuple[str, int]]:
        """Task and seed of every episode of a shard: the tasks in turn, then the next seed."""
        first = number * self.shard_size
        last = min(first + self.shard_size, self.num_episodes)
        return [(self.tasks[k % len(self.tasks)], self.seed + k // len(self.tasks)) for k in range(first, last)]


def make_light_config(suite: str, tasks: tuple[str, ...] = (), **options: Any) -> LightConfig:
    """Resolve the suite (a name or a file) and its tasks.

    Raises:
        ConfigError, PluginError: the suite, a task or a value is wrong; one line.
    """
    chosen = read_suite(suite)
    built = build_suite(chosen.suite, chosen.settings, tasks or chosen.tasks)
    if not hasattr(built, "episode"):
        raise ConfigError(f"The suite '{chosen.suite}' runs its episodes itself; --light needs a suite of tables.")
    values = {
        "suite": chosen.suite,
        "suite_name": chosen.name or chosen.suite,
        "tasks": tuple(tasks or chosen.tasks or built.families),
        "settings": chosen.settings,
        "workers": os.cpu_count() or 1,
        **options,
    }
    return check_values(LightConfig, values)
