"""Each bad input ends with one line, the right exit code, and what was recorded so far kept."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from verbot.agent.cli import main
from verbot.agent.config import make_run_config
from verbot.agent.episode import Episode


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    code = main(["run", "--no-video", *arguments])
    return code, capsys.readouterr().err.strip().splitlines()


@pytest.mark.parametrize(
    ("sentence", "code", "words"),
    [
        ("", 2, "command"),
        ("colorless green ideas sleep furiously", 2, ""),
        ("put the flurb in the green bowl", 2, "flurb"),
        ("put the purple mug on the white tray", 2, ""),
        ("put the red block on the red block", 2, ""),
        ("put the red block in the green bowl and put the green bowl on the red block", 2, ""),
    ],
)
def test_bad_sentence_is_one_line_and_its_exit_code(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, sentence: str, code: int, words: str
) -> None:
    got, lines = _run(capsys, sentence, "--out", str(tmp_path))
    assert got == code
    told = [line for line in lines if line.startswith(("cannot", "which?"))]
    assert len(told) == 1
    assert words in told[0]
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["success"] is False
    assert result["problem"]["message"] in told[0]


def test_two_candidates_are_a_question_with_exit_code_four(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, lines = _run(capsys, "pick up the block", "--scene", "blocks", "--out", str(tmp_path))
    assert code == 4
    assert any(line.startswith("which?") and "?" in line for line in lines)
    assert len(json.loads((tmp_path / "result.json").read_text())["problem"]["candidates"]) >= 2


@pytest.mark.parametrize(
    ("text", "words"),
    [("objects = [", "scene.toml"), ("[[objects]]\nkind = 'block_small'\ncolour = 'red'\n", "color")],
)
def test_wrong_scene_file_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, words: str
) -> None:
    scene = tmp_path / "scene.toml"
    scene.write_text(text)
    code, lines = _run(capsys, "pick up the red block", "--scene", str(scene), "--out", str(tmp_path / "run"))
    assert code == 2
    assert words in lines[-1]
    assert lines[-1].startswith("verbot: ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--policy", "geometrik"), "geometric"),
        (("--scene", "no_such_scene"), "table"),
        (("--mode", "hybrid"), "--mode planner"),
        (("--robot", "recording:/no/such/folder"), "/no/such/folder"),
    ],
)
def test_wrong_option_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    code, lines = _run(capsys, "pick up the red block", *arguments, "--out", str(tmp_path / "run"))
    assert code == 2
    assert words in lines[-1]
    assert "Traceback" not in "\n".join(lines)


def test_out_directory_that_cannot_be_written_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, lines = _run(capsys, "pick up the red block", "--out", str(tmp_path / "file" / "run"))
    assert code == 2
    assert "Cannot write to" in lines[-1]
    assert "--out" in lines[-1]


def test_keep_out_zone_refuses_with_the_rule_and_exit_code_three(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, lines = _run(capsys, "put the red block in the green bowl", "--scene", "forbidden", "--out", str(tmp_path))
    assert code == 3, lines
    assert any(line.startswith("refused") and "keep_out" in line for line in lines)
    result = json.loads((tmp_path / "result.json").read_text())
    # Refused as a whole before the first motion: nothing was picked up to be left in the hand.
    assert result["path_length_m"] == 0.0
    assert [step["outcome"] for step in result["steps"]] == ["refused"] * len(result["steps"])


def test_interrupt_in_the_middle_keeps_what_was_recorded(tmp_path: Path) -> None:
    line = [
        sys.executable,
        "-m",
        "verbot.agent.cli",
        "run",
        "put the red block in the green bowl",
        "--out",
        str(tmp_path),
    ]
    process = subprocess.Popen([*line, "--no-video", "--record"], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "scenes.json").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "Traceback" not in told
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["ended_by"] == "interrupted"
    assert (tmp_path / "report.html").exists()
    assert (tmp_path / "frames" / "frames.bin").stat().st_size > 0


def test_interrupt_whose_exception_was_swallowed_still_stops_before_the_next_motion() -> None:
    config = make_run_config(command="put the red block in the green bowl")
    with Episode(config, is_interrupted=lambda: True) as episode:
        values = episode.run().values
    assert values["ended_by"] == "interrupted"
    assert values["path_length_m"] == pytest.approx(0.0, abs=0.001)
