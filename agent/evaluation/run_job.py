"""One job in a worker: a fresh episode, judged, and its record; nothing is shared with the job before.

In:  Job.
Out: the record, one line of `results.jsonl` (schema "verbot-episode/1") as a dict, keys in their order.
A foreign world brings its own way to run an episode: its suite is an `EpisodeSuite`.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ...perception.types import WORLD, CameraImage, SceneState, SensorFrame
from ..assignment import make_assignment
from ..captions import Captions
from ..episode import Episode, EpisodeResult
from ..observers import Observer, Observers
from ..recorder import jpeg
from ..run_command import FILM_HZ
from ..run_folder import RunFolder
from ..suites import build_suite
from .jobs import Job, run_config_of
from .record import failed_record, file_stem, make_record, same_everywhere
from .worker import FULL, Answer

PICTURE_WIDTH = 320
MAX_TRACEBACK_LINES = 60


@dataclass(frozen=True, slots=True)
class EpisodeRequest:
    """What a suite with its own road is asked for. Everything random must come from `seed`.

    `picture` is where a small JPEG of the final look belongs; `film`, when given, where a film (MP4) of the
    episode belongs if it fails. Both are optional to write.
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

    It is built anew for every episode by its entry point (`verbot.suites`) from its settings.
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
        failures.FAILURES; found from ended_by when absent), criteria, violations, expected ("obey" or
        "refuse"), refused_by (rule ids), unsafe (what came about that must not), replans, time_s,
        path_length_m, confidence, clutter, light, faults, steps, error, timings_s; has_picture (the picture was
        written), can_film (films are written when asked for; the same for every episode, asked for or not).
        """
        ...


@contextlib.contextmanager
def run_job(job: Job) -> Iterator[Answer]:
    """Build, run, judge; what raises becomes a record with its traceback. A full disk is nobody's failure."""
    with contextlib.ExitStack() as stack:
        try:
            answer = _run(job, stack)
        except (Exception, SystemExit) as error:
            if isinstance(error, OSError) and error.errno in FULL:
                raise
            answer = Answer(failed_record(job, "error", _last_line(error), _traceback(error)))
        yield answer


def _run(job: Job, stack: contextlib.ExitStack) -> Answer:
    """The episode on our road, or by the suite itself."""
    suite = build_suite(job.suite, job.settings, job.tasks)
    folder = Path(job.folder) if job.folder else None
    if isinstance(suite, EpisodeSuite):
        return _run_by_suite(job, suite, folder)
    drawn = suite.episode(job.task, job.seed)
    config = run_config_of(job, drawn)
    film_hz = FILM_HZ if job.film and folder is not None else 0.0
    episode = stack.enter_context(Episode(config, stage=lambda _: drawn.scene, film_hz=film_hz))
    look, captions = _LastLook(), Captions()
    result = episode.run(Observers(look, captions), assignment=make_assignment(drawn))
    has_picture = folder is not None and look.write(folder, job.key)
    can_film = bool(getattr(episode.parts.robot, "snapshots", None)) and not result.success
    record = make_record(
        job,
        {
            **result.values,
            "clutter": len(drawn.scene.objects),
            "confidence": _least_confidence(result),
            "error": None if result.record.error is None else _traceback(result.record.error),
            "has_picture": has_picture,
            "can_film": result.record.scene is not None,
        },
    )
    if folder is None or not can_film:
        return Answer(record)
    path = folder / "videos" / f"{file_stem(job.key)}.mp4"
    return Answer(record, lambda: _film(path, episode, captions))


def _run_by_suite(job: Job, suite: EpisodeSuite, folder: Path | None) -> Answer:
    stem = file_stem(job.key)
    request = EpisodeRequest(
        task=job.task,
        seed=job.seed,
        policy=job.group.policy,
        perceiver=job.group.perceiver,
        mode=job.group.mode,
        deadline_s=job.deadline_s,
        settings=job.settings,
        picture=None if folder is None else folder / "pictures" / f"{stem}.jpg",
        film=folder / "videos" / f"{stem}.mp4" if folder is not None and job.film else None,
    )
    if folder is not None:
        for name in ("pictures", "videos"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    return Answer(make_record(job, suite.run_episode(request)))


class _LastLook(Observer):
    """Keeps the latest picture of a camera that stands in the room (else of any)."""

    def __init__(self) -> None:
        self._image: CameraImage | None = None

    def on_scene(self, frame: SensorFrame, scene: SceneState) -> None:
        """See Observer."""
        standing = [image for image in frame.images if image.mount == WORLD]
        self._image = next(iter([*standing, *frame.images]), self._image)

    def write(self, folder: Path, key: str) -> bool:
        """Write it small; says whether there was one."""
        if self._image is None:
            return False
        RunFolder(folder).write_bytes(f"pictures/{file_stem(key)}.jpg", jpeg(self._image.rgb, PICTURE_WIDTH))
        return True


def _film(path: Path, episode: Episode, captions: Captions) -> None:
    from ...sim.film import write_film

    robot: Any = episode.parts.robot
    write_film(path, robot.room, robot.snapshots, captions.captions, command=episode.config.command, fps=FILM_HZ)


def _least_confidence(result: EpisodeResult) -> float | None:
    return min((s["confidence"] for s in result.values["steps"] if s["confidence"] is not None), default=None)


def _traceback(error: BaseException) -> str:
    lines = "".join(traceback.format_exception(error)).splitlines()
    kept = lines if len(lines) <= MAX_TRACEBACK_LINES else [*lines[:10], "…", *lines[-MAX_TRACEBACK_LINES:]]
    return same_everywhere("\n".join(kept))


def _last_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
