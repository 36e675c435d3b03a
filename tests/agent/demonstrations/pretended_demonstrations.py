"""Pretended demonstrations, by `settings["pretended"]`: to try the engine itself, without any robot."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from verbot.agent.demonstrations.lines import make_line, write_file
from verbot.agent.evaluation.jobs import Job
from verbot.agent.evaluation.worker import Answer

RUN_JOB = "pretended_demonstrations:run_job"


@contextlib.contextmanager
def run_job(job: Job) -> Iterator[Answer]:
    wants = job.settings["pretended"]
    threading.Event().wait(wants.get("wall_s", 0.0))
    if job.seed in wants.get("raises", ()):
        raise RuntimeError("pretended")
    if job.seed in wants.get("fills_disk", ()) and not (Path(job.folder) / "room_was_made").exists():
        raise OSError(28, "No space left on device")
    success = job.seed not in wants.get("fails", ())
    line = make_line(job, {"success_truth": success, "ended_by": "done", "failure": "misplaced", "time_s": 9.0}, ())
    if success:
        line["file"] = write_file(job, job.key.encode())
    yield Answer(line)
