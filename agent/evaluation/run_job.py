"""One job in a worker: a fresh episode, judged, and its record; nothing is shared with the job before.

In:  Job.
Out: the record, one line of `results.jsonl` (schema "verbot-episode/1") as a dict, keys in their order.
A foreign world brings its own way to run an episode: its suite is an `EpisodeSuite`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

SCHEMA = "verbot-episode/1"


@dataclass(frozen=True, slots=True)
class EpisodeRequest:
    """What a suite with its own road is asked for. Everything random must come from `seed`.

    `picture` is where a small JPEG of the final look belongs; `film`, when given, where a film (MP4) of the
    episode belongs if it fails. Both are optional to write; say in the answer that they were.
    `deadline_s` counts the world's own time, where it has one.
    """

    task: str
    seed: int
    policy: str
    perceiver: str
    mode: str
    deadline_s: float
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    picture: Path | None = None
    film: Path | None = None


@runtime_checkable
class EpisodeSuite(Protocol):
    """A suite that runs its episodes itself, for worlds that are not a robot on our road.

    It is built anew in every worker by its entry point (`verbot.suites`) from its settings.
    """

    @property
    def families(self) -> tuple[str, ...]:
        """Names of the tasks, in order."""
        ...

    @property
    def controls(self) -> tuple[str, ...]:
        """Which controls make sense here: "random", "oracle", both or none."""
        ...

    def check(self, policy: str, perceiver: str, settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Raise ValueError (one line) when the suite cannot run this policy; asked before anything is run."""
        ...

    def run_episode(self, request: EpisodeRequest) -> Mapping[str, Any]:
        """Run one episode from its seed and return record values; a policy that raises may raise through.

        Required: command (str), success_truth (bool), score (0–1), ended_by (str: "done", "deadline",
        "policy_error", …). Optional, else null or empty: success_perceived, detail, failure (one of
        failures.FAILURES; found from ended_by when absent), criteria, violations, replans, time_s,
        path_length_m, confidence, clutter, light, faults, steps, error, has_picture, has_video, timings_s.
        """
        ...
