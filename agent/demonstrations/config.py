"""What one dataset of demonstrations is made of: every option resolved, bounded and stored in `dataset.json`.

In:  options of the command line, a suite by name or file.
Out: RecordConfig with nothing left open: it alone continues or repeats the recording.
"""

from __future__ import annotations

import os
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..config import ConfigError, check_values
from ..evaluation.config import with_suite
from ..suites import build_suite

FREE_TO_CHANGE = ("workers", "hang_s", "episodes", "most_seeds", "suite_file")
"""What may differ when a recording is resumed: the episodes that are there would have been the same."""
SPARE_SEEDS = 20


class RecordConfig(BaseModel):
    """One dataset. `settings` of each plug-in (the suite too) go to that plug-in's own config."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    suite: str
    suite_name: str = ""
    suite_file: str | None = None
    tasks: tuple[str, ...] = ()
    episodes: int = Field(default=20, ge=1, le=1_000_000)
    """Successful ones, of each task."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    most_seeds: int | None = Field(default=None, ge=1)
    """Tried of each task before it is given up; None: twice the episodes and some more."""
    workers: int = Field(default=1, ge=1, le=1024)
    robot: str = "panda"
    policy: str = "geometric"
    perceiver: str = "fused"
    rate_hz: float = Field(default=10.0, ge=0.0, le=60.0)
    """Rows of state, target and pictures in each second; 0: no pictures between the looks, rows at 10 Hz."""
    scan_hz: float = Field(default=2.0, ge=0.0, le=60.0)
    motion_width: int = Field(default=128, ge=16, le=4096)
    """Pictures between the looks have at most so many columns."""
    phrasings: int = Field(default=4, ge=0, le=100)
    """Further sentences of the same meaning, at most."""
    deadline_s: float = Field(default=180.0, gt=0.0, le=3600.0)
    hang_s: float = Field(default=600.0, gt=0.0)
    latency: Literal["zero", "declared"] = "declared"
    device: Literal["cpu", "cuda"] = "cpu"
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @property
    def row_hz(self) -> float:
        """Rate of the rows."""
        return self.rate_hz or 10.0

    @property
    def seeds_tried(self) -> int:
        """How many seeds of a task are tried at most."""
        return self.most_seeds or 2 * self.episodes + SPARE_SEEDS


def make_record_config(**options: Any) -> RecordConfig:
    """Resolve a recording: options, then what the suite's file says, then defaults.

    Raises:
        ConfigError, PluginError: a key, a value, the suite or a task is wrong, or a task is held out.
    """
    if "suite" not in options:
        raise ConfigError("No suite given. Say which, for example: verbot record --suite tabletop --tasks put_in")
    check_values(RecordConfig, options)
    values = options if options.get("suite_name") else with_suite(options, ("seed",))
    config = check_values(RecordConfig, {"workers": os.cpu_count() or 1, **values})
    tasks = config.tasks or tuple(build_suite(config.suite, config.settings).families)
    suite = build_suite(config.suite, config.settings, tasks)
    if not hasattr(suite, "episode"):
        raise ConfigError(
            f"The suite '{config.suite_name}' runs its episodes itself, and its world has none of our sensors. "
            "Record a suite of the table, for example --suite tabletop."
        )
    for task in tasks:
        if getattr(suite.episode(task, config.seed), "is_held_out", False):
            raise ConfigError(
                f"The sentences or things of '{task}' are held out: no policy may be trained on them. Leave it out of "
                "--tasks."
            )
    return config.model_copy(update={"tasks": tasks})
