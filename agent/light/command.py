"""`verbot record --light`: options to a table of scenes; the exit code is 0 when every shard is there.

In:  the options that were given, by their names on the command line.
Out: the summary; ValueError for bad input, KeyboardInterrupt passes (what is whole stays).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from ..config import ConfigError
from ..run_folder import make_run_folder
from .config import LightConfig, make_light_config
from .record import record_light

CONFIG_OPTIONS = ("episodes", "seed", "workers", "pictures", "shard_size")
PLACE_OPTIONS = ("action", "light", "suite", "tasks", "robot", "out", "resume", "quiet", "json", "debug")


def light_command(given: Mapping[str, Any]) -> dict[str, Any]:
    """Record, or go on in `--out`."""
    config = _config(given)
    is_resuming, is_quiet = bool(given.get("resume")), bool(given.get("quiet"))
    out: Path | None = given.get("out")
    if is_resuming and out is None:
        raise ConfigError("--light --resume needs --out DIR, the recording to go on with.")
    folder = make_run_folder(f"record-{config.suite_name}", out).path
    summary = record_light(config, folder, is_resuming=is_resuming, is_quiet=is_quiet)
    console = Console(stderr=True, highlight=False, quiet=is_quiet)
    console.print(
        f"{summary.num_episodes} episodes, {summary.num_keyframes} keyframes, {summary.num_left_out} left out; "
        f"{summary.num_found} of {summary.num_shards} shards were there: {folder}",
        soft_wrap=True,
    )
    return summary.to_dict()


def _config(given: Mapping[str, Any]) -> LightConfig:
    if "suite" not in given:
        raise ConfigError("No suite given. Say which, for example: verbot record --light --suite tabletop")
    physical = sorted(set(given) - {*CONFIG_OPTIONS, *PLACE_OPTIONS})
    if physical:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in physical)
        raise ConfigError(f"{names} is for recordings with physics. Leave it out with --light.")
    options = {name: given[name] for name in CONFIG_OPTIONS if name in given}
    robot, _, composition = str(given.get("robot", "panda")).partition(":")
    if robot != "panda":
        raise ConfigError(f"--light knows the robot 'panda', not '{robot}'. Leave --robot out.")
    if composition:
        options["composition"] = composition
    return make_light_config(given["suite"], tuple(given.get("tasks", ())), **options)
