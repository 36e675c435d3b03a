"""What happens around the episodes: pretended ones, so that they can fail as they are told to."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from pretended_demonstrations import RUN_JOB
from verbot.agent.demonstrations.command import RecordOptions, record_command

GIVEN: dict[str, Any] = {"suite": "table_road", "tasks": ["put_in", "stack"], "episodes": 3, "workers": 2}


def record(folder: Path, resume: bool = False, **pretended: Any) -> tuple[int, dict[str, Any]]:
    given = {} if resume else {**GIVEN, "settings": {"pretended": pretended}}
    return record_command(given, RecordOptions(out=folder, resume=resume, quiet=True, run_job=RUN_JOB))


def lines(folder: Path) -> dict[str, dict[str, Any]]:
    found = [json.loads(text) for text in (folder / "episodes.jsonl").read_text().splitlines()]
    return {line["key"].removesuffix("/geometric/fused/planner"): line for line in found}


def test_failures_are_counted_and_named_and_the_next_seed_takes_their_place(tmp_path: Path) -> None:
    code, summary = record(tmp_path, fails=[1], raises=[2])
    assert code == 0
    assert summary["total"]["kept"] == 6
    assert summary["tasks"]["stack"]["failures"] == {"misplaced": 1, "error": 1}
    assert summary["tasks"]["stack"]["failed_seeds"] == ["stack/1", "stack/2"]
    found = lines(tmp_path)
    put_in = {key for key in found if key.startswith("table_road/put_in")}
    assert put_in == {f"table_road/put_in/{k}" for k in range(5)}  # lines come in the order in which episodes end
    assert found["table_road/put_in/2"]["error"].endswith("RuntimeError: pretended\n")
    assert {line["file"]["path"] for line in found.values() if line["file"]} == {
        f"episodes/{path.name}" for path in (tmp_path / "episodes").iterdir()
    }


def test_a_task_that_never_succeeds_ends_with_one_line_and_exit_code_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, summary = record(tmp_path, fails=list(range(100)))
    told = capsys.readouterr().err.strip().splitlines()
    assert code == 1
    assert summary["total"] | {"tried": 52, "kept": 0} == summary["total"]
    assert len(told) == 1
    assert "put_in lacks 3, stack lacks 3" in told[0]


def test_full_disk_ends_with_one_line_and_resume_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert record(tmp_path, fills_disk=[1])[0] == 1
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert "No space left" in told[0]
    (tmp_path / "room_was_made").touch()
    code, summary = record(tmp_path, resume=True)
    assert (code, summary["total"]["kept"], summary["total"]["tried"]) == (0, 6, 6)


def test_ctrl_c_ends_with_130_and_keeps_what_is_done(tmp_path: Path) -> None:
    program = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from verbot.agent.demonstrations.command import RecordOptions, record_command\n"
        f"options = RecordOptions(out=Path(sys.argv[2]), run_job={RUN_JOB!r})\n"
        "if __name__ == '__main__':\n"
        "    sys.exit(record_command(json.loads(sys.argv[1]), options)[0])\n"
    )
    given = {**GIVEN, "settings": {"pretended": {"wall_s": 0.3}}}
    folder = tmp_path / "set"
    process = subprocess.Popen(
        [sys.executable, "-c", program, json.dumps(given), str(folder)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )
    pause = threading.Event()
    while process.poll() is None and not ((folder / "summary.json").exists() or _has_lines(folder, 2)):
        pause.wait(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "Traceback" not in told
    assert "--resume" in told
    assert json.loads((folder / "summary.json").read_text())["stopped_by"] == "interrupted"
    code, summary = record(folder, resume=True)
    assert (code, summary["total"]["kept"], summary["total"]["tried"]) == (0, 6, 6)


def _has_lines(folder: Path, num: int) -> bool:
    path = folder / "episodes.jsonl"
    return path.exists() and path.read_bytes().count(b"\n") >= num
