"""The episodes of an evaluation, each a Job with a key of its own; jobs travel to the workers as JSON.

In:  a resolved plan of suites, tasks, seeds and groups (what is under test, and its controls).
Out: Job values in the one order that decides everything: by seed, then task, then group, so that after any
     part of a run every group has met the same seeds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..assignment import DrawnEpisode
from ..config import RunConfig, make_run_config


@dataclass(frozen=True, slots=True)
class Group:
    """What is put to the test: a policy behind a perceiver in a mode. `control` names why, for a control."""

    policy: str
    perceiver: str
    mode: str
    control: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One episode to run. `suite` is the plug-in, `suite_name` how it is called in keys and reports."""

    suite: str
    suite_name: str
    task: str
    seed: int
    group: Group
    tasks: tuple[str, ...]
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    robot: str = "panda"
    device: str = "cpu"
    latency: str = "declared"
    faults: str | None = None
    judge: str = "truth"
    deadline_s: float = 180.0
    folder: str = ""
    film: bool = False  # take snapshots, because this group's films are not all made yet
    options: dict[str, Any] = field(default_factory=dict)  # what the callable that runs it needs beyond all this
    has_films: bool = False  # films are wanted at all; decides what a record says, so it never depends on progress

    @property
    def key(self) -> str:
        """Unique in a run: suite/task/seed/policy/perceiver/mode."""
        group = self.group
        parts = (self.suite_name, self.task, str(self.seed), group.policy, group.perceiver, group.mode)
        return "/".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """JSON for the wire."""
        return asdict(self)


def job_from_dict(values: dict[str, Any]) -> Job:
    """The inverse of `Job.to_dict`."""
    return Job(**{**values, "group": Group(**values["group"]), "tasks": tuple(values["tasks"])})


def run_config_of(job: Job, drawn: DrawnEpisode) -> RunConfig:
    """The run that plays this job's episode."""
    return make_run_config(
        command=drawn.command,
        scene=f"{job.suite}/{job.task}",
        robot=job.robot,
        mode=job.group.mode,
        policy=job.group.policy,
        perceiver=job.group.perceiver,
        seed=job.seed,
        latency=job.latency,
        faults=job.faults or getattr(drawn, "faults", None),
        device=job.device,
        deadline_s=job.deadline_s,
        settings=job.settings,
    )


def make_jobs(
    first: Job, tasks: Sequence[str], seeds: range, groups: Sequence[Group], control_episodes: int
) -> Iterator[Job]:
    """Every job of an evaluation in its order; `first` holds what all have in common.

    A control that is also under test is not run twice: its key would be the same.
    """
    from dataclasses import replace

    for number, seed in enumerate(seeds):
        for task in tasks:
            for group in groups:
                if group.control is None or number < control_episodes:
                    yield replace(first, task=task, seed=seed, group=group)
