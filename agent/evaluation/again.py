"""The command that runs one episode of an evaluation again.

In:  a line of results.jsonl and the evaluation's config.
Out: a line for the shell.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..suites import build_suite
from .stored import EpisodeLine

BUILT_IN = {"mode": "planner", "robot": "panda", "latency": "declared", "device": "cpu"}
DEADLINE_S = 180.0


def replay_command(
    line: EpisodeLine, config: Mapping[str, Any], is_foreign: bool = False, folder: Path | None = None
) -> str:
    """The command that runs this episode again, identically; quoted for a POSIX shell.

    `is_foreign`: the suite has worlds of its own, which `verbot run` does not drive. `folder` is the evaluation's:
    what no option can say (settings of plug-ins, the deadline) is read from its config.toml.
    """
    suite, seed = str(config.get("suite_file") or line.suite), str(line.seed)
    who = ["--policy", line.entrant.policy, "--perceiver", line.entrant.perceiver]
    if line.entrant.mode not in ("", BUILT_IN["mode"]):
        who += ["--mode", line.entrant.mode]
    if config.get("latency") not in (None, BUILT_IN["latency"]):
        who += ["--latency", str(config["latency"])]
    if is_foreign:
        where = ["--suite", suite, "--tasks", line.task, "--seed", seed, "--episodes", "1", "--no-controls"]
        return shlex.join(["verbot", "eval", *where, *who])
    if config.get("robot") not in (None, BUILT_IN["robot"]):
        who += ["--robot", str(config["robot"])]
    if faults := line.values.get("faults"):
        who += ["--faults", str(faults)]
    if config.get("device") not in (None, BUILT_IN["device"]):
        who += ["--device", str(config["device"])]
    if folder is not None and (config.get("settings") or config.get("deadline_s") not in (None, DEADLINE_S)):
        who += ["--config", str(folder / "config.toml")]
    return shlex.join(["verbot", "run", "--scene", f"{suite}/{line.task}", "--seed", seed, *who])


def runs_itself(config: Mapping[str, Any]) -> bool:
    """Whether the suite is one with its own worlds; False where it is not installed here."""
    try:
        suite = build_suite(str(config["suite"]), config.get("settings") or {})
    except (KeyError, ValueError, TypeError):
        return False
    return hasattr(suite, "run_episode")
