"""`verbot run --robot recording:FOLDER` on folders of real sensor data."""

import json
from pathlib import Path

import pytest
from verbot.agent.cli import main
from written_recordings import WRITERS


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_is_perceived_without_a_sentence(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    WRITERS[name](tmp_path / "data")
    code = main(["run", "--robot", f"recording:{tmp_path / 'data'}", "--out", str(tmp_path / "run"), "--json"])
    assert code == 0
    values = json.loads(capsys.readouterr().out)
    assert values == json.loads((tmp_path / "run" / "result.json").read_text())
    assert values["format"] == name
    assert len(values["sensors"]) == 1
    assert sum(values["sensors"].popitem()[1].values()) == values["moments"]
    assert (values["path"] is not None) == (name == "kitti_drive")


def test_a_sentence_is_refused_because_there_is_no_arm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    WRITERS["kitti_drive"](tmp_path / "data")
    robot = f"recording:{tmp_path / 'data'}"
    assert main(["run", "pick up the red block", "--robot", robot, "--out", str(tmp_path / "run")]) == 2
    assert "without an arm" in capsys.readouterr().err


def test_a_broken_recording_ends_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    WRITERS["imu_log"](tmp_path / "data")
    (tmp_path / "data" / "imu.txt").write_text("1 2 3\n")
    assert main(["run", "--robot", f"recording:{tmp_path / 'data'}", "--out", str(tmp_path / "run")]) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert "imu.txt" in told[0]
