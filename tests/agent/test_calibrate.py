"""`verbot calibrate`: a camera that is not where it is declared is found, by motion and again from the recording."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from verbot.agent.calibrate_command import CalibrateOptions, calibrate_command
from verbot.agent.calibrate_plot import residuals_svg
from verbot.agent.cli import main
from verbot.agent.run_folder import RunFolder
from verbot.perception.frame_log import FrameLogReader, FrameLogWriter

KNOCKED = """description = "The wrist camera sits 1 cm beside its calibration."

[[faults]]
kind = "shifted"
sensor = "wrist"
shift_m = 0.01
turn_rad = 0.01
start_s = [0.0, 0.0]
"""


def calibrate(folder: Path, recording: Path | None = None, **given: str) -> tuple[int, dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    options = CalibrateOptions(recording, 9, 1, dict(given))
    return calibrate_command(options, RunFolder(folder), Console(file=io.StringIO()))


@pytest.fixture(scope="module")
def knocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a calibration of a robot whose wrist camera was knocked."""
    folder = tmp_path_factory.mktemp("calibrate")
    (folder / "knocked.toml").write_text(KNOCKED)
    code, _ = calibrate(folder / "moved", faults=str(folder / "knocked.toml"))
    assert code == 0
    return folder / "moved"


def test_a_wrist_camera_that_was_knocked_is_found_where_it_is(knocked: Path) -> None:
    values = json.loads((knocked / "calibration.json").read_text())
    found = values["sensors"]["wrist"]
    assert abs(found["from_declared"]["shift_m"] - 0.01) < 0.0025
    assert abs(found["from_declared"]["turn_rad"] - 0.01) < 0.002
    assert found["std"]["shift_m"] < 0.002
    assert found["residual_median_m"] < 0.001
    assert abs(values["clocks"]["imu"]["offset_s"]) < 0.005
    assert values["left_out"] == ["front", "lidar"]
    assert "wrist" in (knocked / "residuals.svg").read_text()


def test_the_recording_of_a_calibration_gives_the_same_again_without_motion(knocked: Path, tmp_path: Path) -> None:
    code, again = calibrate(tmp_path / "again", knocked)
    first = json.loads((knocked / "calibration.json").read_text())
    assert code == 0
    assert again["sensors"] == first["sensors"]
    assert again["clocks"] == first["clocks"]


def test_a_recording_with_too_little_motion_is_refused_with_its_reason(
    knocked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = FrameLogReader(knocked / "frames")
    with FrameLogWriter(tmp_path / "short", reader.header) as writer:
        for logged, _ in zip(reader.records(), range(4), strict=False):
            writer.append(logged.frame, logged.tag)
    assert main(["calibrate", str(tmp_path / "short"), "--out", str(tmp_path / "out"), "--json"]) == 1
    values = json.loads(capsys.readouterr().out)
    assert values["sensors"]["wrist"]["refused"] in {"too_few", "no_rotation"}
    assert "needed" in values["sensors"]["wrist"]["text"]


def test_a_folder_that_is_no_recording_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "expected a recording's folder" in capsys.readouterr().err


def test_the_plot_shows_every_sensor_and_says_when_there_is_none() -> None:
    drawn = residuals_svg({"wrist": np.linspace(0, 1e-3, 50), "other": np.full(9, 2e-4)})
    assert "wrist: 50 matches, median 0.50 mm" in drawn
    assert "other: 9 matches" in drawn
    assert "no sensor was solved" in residuals_svg({})
