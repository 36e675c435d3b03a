"""`verbot run`: one episode into its folder, with film, report and result, whatever happens on the way.

The order is the point: config before motion, scenes and pictures while it runs, result and report at the
end, also after Ctrl-C or an error, so that what was recorded so far is kept and can be read.
"""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from .assignment import Assignment, make_assignment
from .config import RunConfig
from .episode import Episode, EpisodeResult
from .observers import Observer, Observers
from .recorder import Recorder
from .report import write_report
from .run_folder import RunFolder
from .stopwatch import Stopwatch
from .suites import draw_scene, split_scene

FILM_HZ = 12.5


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What is kept of a run."""

    video: bool = True
    record: bool = False
    rerun: bool = False


def run_command(
    config: RunConfig, folder: RunFolder, options: RunOptions, observer: Observer, stopwatch: Stopwatch
) -> EpisodeResult:
    """Run, judge, film, report. Errors of plug-ins and files come through after what was recorded is kept."""
    folder.write_text("config.toml", config.to_toml())
    if split_scene(config.scene) is not None:
        import torch

        torch.set_num_threads(1)  # as in an evaluation: sums over several threads differ in the last bits
    frames = folder.path / "frames" if options.record else None
    with (
        _interruptible() as is_interrupted,
        Episode(
            config,
            stopwatch=stopwatch,
            film_hz=FILM_HZ if options.video else 0.0,
            record_to=frames,
            is_interrupted=is_interrupted,
        ) as episode,
    ):
        recorder = Recorder(folder, episode.parts.model)
        watchers: list[Observer] = [recorder, observer]
        if options.rerun:
            from .rerun_log import RerunLog

            watchers.append(RerunLog(folder.path / "episode.rrd", episode.parts.model))
        result = episode.run(Observers(*watchers), assignment=stated_assignment(config))
        if result.record.error is not None:
            folder.write_text("error.log", "".join(traceback.format_exception(result.record.error)))
        with _uninterrupted():
            if options.video:
                _film(episode, folder, recorder, stopwatch)
            _finish(result, folder, stopwatch)
    return result


def stated_assignment(config: RunConfig) -> Assignment | None:
    """What a suite says of its own episode; None for another sentence or scene."""
    drawn = draw_scene(config.scene, config.seed, config.settings)
    return make_assignment(drawn) if drawn is not None and drawn.command == config.command else None


def _film(episode: Episode, folder: RunFolder, recorder: Recorder, stopwatch: Stopwatch) -> None:
    """A simulated robot can be filmed from outside; a real one or a recording has no such camera."""
    robot: Any = episode.parts.robot
    if not getattr(robot, "snapshots", None):
        return
    with stopwatch.stage("film"):
        from ..sim.film import write_film

        path = folder.path / "episode.mp4"
        write_film(path, robot.room, robot.snapshots, recorder.captions, command=episode.config.command, fps=FILM_HZ)


def _finish(result: EpisodeResult, folder: RunFolder, stopwatch: Stopwatch) -> None:
    timings = {name: round(value, 4) for name, value in stopwatch.timings_s.items()}
    result.values["timings_s"] = {**timings, "total": round(stopwatch.since_start_s(), 4)}
    folder.write_json("result.json", result.values)
    write_report(folder)


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Ctrl-C and SIGTERM end a run alike: the arm comes to rest, the files are written.

    Gives what says whether one came: the exception alone can be lost in a library that calls back into Python.
    """
    came = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        came.set()
        raise KeyboardInterrupt

    before = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, interrupt)
    except ValueError:  # not in the main thread: the caller keeps its own handling
        yield came.is_set
        return
    try:
        yield came.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """A second Ctrl-C while the files are written would leave them out; it waits these few seconds."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
