"""One demonstration in a worker: played as `verbot eval` plays it, judged on truth, and kept if it succeeded.

In:  Job; `options` say how much is kept.
Out: a line of `episodes.jsonl` (schema "verbot-demonstration/1"), and of a success its file, whole or not at all.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...policies.demonstration_file import pack_arrays
from ..assignment import DrawnEpisode, make_assignment
from ..config import ConfigError
from ..episode import Episode
from ..evaluation.demonstrate import TappedRobot
from ..evaluation.demonstrations import EpisodeOrigin
from ..evaluation.jobs import Job, run_config_of
from ..evaluation.worker import Answer
from ..robot import Robot
from ..suites import build_suite
from .arrays import Arrays, all_samples, mount_poses, picture_arrays, row_arrays, sample_arrays, steady_arrays
from .lines import make_line, write_file
from .noted import Notes
from .steady import SteadyRobot
from .steps import look_arrays, step_arrays

COUNTED = (("looks", "time_s"), ("steps", "turn"), ("rows", "time_s"))


@contextlib.contextmanager
def run_job(job: Job) -> Iterator[Answer]:
    """Play, judge, and write the file of a success before anybody hears of it."""
    drawn = build_suite(job.suite, job.settings, job.tasks).episode(job.task, job.seed)
    if getattr(drawn, "is_held_out", False):
        raise ConfigError(f"{job.key} is held out: no policy may be trained on it.")
    config = run_config_of(job, drawn)
    tap, notes = _Tap(job.options), Notes()
    with Episode(config, stage=lambda _: drawn.scene, tap=tap) as episode:
        result = episode.run(notes, assignment=make_assignment(drawn))
        line = make_line(job, result.values, _sentences(drawn, job.options["phrasings"]))
        if line["success"]:
            arrays = _arrays(job, episode, tap, notes)
            line |= {name: len(arrays[f"{name}.{column}"]) for name, column in COUNTED}
            line["file"] = write_file(job, pack_arrays(arrays))
    yield Answer(line)


class _Tap:
    """Wraps the robot of an episode and keeps hold of what it was wrapped in."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self.steady: SteadyRobot | None = None
        self.told: TappedRobot | None = None

    def __call__(self, robot: Robot) -> Robot:
        o = self._options
        self.steady = SteadyRobot(robot, o["rate_hz"], o["scan_hz"], o["motion_width"])
        self.told = TappedRobot(self.steady)
        return self.told


def _sentences(drawn: DrawnEpisode, most: int) -> list[dict[str, Any]]:
    """What was said, and otherwise worded; the goal in the simulator's own names."""
    turns = (drawn, *getattr(drawn, "later", ()))
    return [
        {
            "said": turn.command,
            "others": list(getattr(turn, "others", ())[:most]),
            "goal": [str(fact) for fact in turn.goal],
        }
        for turn in turns
    ]


def _arrays(job: Job, episode: Episode, tap: _Tap, notes: Notes) -> Arrays:
    assert tap.steady is not None  # the episode was built
    assert tap.told is not None
    model, samples = episode.parts.model, all_samples(tap.steady.samples)
    origin = EpisodeOrigin(suite=job.suite_name, task=job.task, seed=job.seed)
    motion = tap.told.motion(origin, episode.config.command, job.options["row_hz"])
    pose = mount_poses(samples.joints, model)
    pictures = [(k, p) for k, look in enumerate(notes.looks) for p in (*look.frame.images, *look.frame.scans)]
    started = {id(trajectory): start_s for start_s, trajectory in tap.told.commands}
    began_s = {k: started.get(id(step.trajectory), step.decided_s) for k, step in enumerate(notes.steps)}
    arrays = {
        **look_arrays(notes.looks),
        **step_arrays(notes.steps, began_s, model),
        **row_arrays(motion, model),
        **sample_arrays(samples),
        **picture_arrays("look", pictures, pose),
        **steady_arrays(tap.steady.pictures, len(motion.times_s), pose),
    }
    return arrays | {"rows.step": _step_of(arrays["rows.time_s"], arrays["steps.start_s"], arrays["steps.end_s"])}


def _step_of(times_s: np.ndarray, starts_s: np.ndarray, ends_s: np.ndarray) -> np.ndarray:
    """Which step's motion is played at each time; −1 for none."""
    number = np.searchsorted(starts_s, times_s + 1e-9, side="right") - 1
    ended = np.concatenate([ends_s, [0.0]])[number]
    return np.where((number >= 0) & (times_s < ended), number, -1).astype(np.int32)
