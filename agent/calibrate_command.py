"""`verbot calibrate`: where the cameras that the robot carries sit, and how far the IMU's clock is from the encoders'.

In:  a robot, which then moves to look around; or the run of an earlier calibration.
Out: calibration.json, residuals.svg and, after motion, the frames in a folder; exit 1 where anything was refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from scipy.spatial.transform import Rotation

from ..perception.calibration.outcome import Extrinsic, Refusal, TimeOffset
from ..perception.calibration.surfaces import solve_on_moving_mount
from ..perception.calibration.time_offset import solve_time_offset
from ..perception.frame_log import FrameLogReader
from ..perception.geometry import invert_pose
from ..perception.types import WORLD
from ..planning.robot_description import description_from_dict
from ..planning.robot_model import RobotModel
from .build import build_parts
from .calibrate_looks import Gathered, Sight
from .calibrate_motion import look_around
from .calibrate_plot import residuals_svg
from .config import ConfigError, RunConfig, make_run_config
from .episode import versions
from .recorder import rounded
from .recording import RecordedRobot
from .run_folder import RunFolder

SCHEMA = "verbot-calibration/1"
VOXEL_M = 0.03


@dataclass(frozen=True, slots=True)
class CalibrateOptions:
    """What the command line says; `recording` None: the robot moves."""

    recording: Path | None
    looks: int
    seed: int
    given: dict[str, Any]


def calibrate_command(options: CalibrateOptions, folder: RunFolder, console: Console) -> tuple[int, dict[str, Any]]:
    """The exit code, and what calibration.json holds.

    Raises:
        ConfigError, PluginError, RecordingError: an option is wrong, or the recording cannot be read.
    """
    if options.looks < 4:
        raise ConfigError(f"--looks is {options.looks}, expected at least 4: fewer cannot tell where a camera sits.")
    config = make_run_config(command="", seed=options.seed, **options.given)
    recording = options.recording
    gathered = _read(recording) if recording is not None else _move(options, config, folder, console)
    carried = {name: sight for name, sight in gathered.sights.items() if sight.mount != WORLD}
    if not carried and not gathered.imu:
        raise ConfigError(
            "No camera or LiDAR moves with the robot and no IMU was heard: nothing can be solved from this."
        )
    sensors = {name: _solve_sight(sight) for name, sight in carried.items()}
    clocks = {name: _solve_clock(gathered, name) for name in gathered.imu}
    values = {
        "schema": SCHEMA,
        "recording": None if recording is None else str(recording),
        "sensors": {name: _sight_to_dict(found, carried[name]) for name, found in sensors.items()},
        "clocks": {name: _clock_to_dict(found) for name, found in clocks.items()},
        "left_out": sorted(set(gathered.sights) - set(carried)),
        "versions": versions(config),
    }
    folder.write_json("calibration.json", values)
    solved = {name: found.shift_residuals_m for name, found in sensors.items() if isinstance(found, Extrinsic)}
    folder.write_text("residuals.svg", residuals_svg(solved))
    _tell(console, values, folder)
    return int(any(isinstance(found, Refusal) for found in (*sensors.values(), *clocks.values()))), values


def _read(recording: Path) -> Gathered:
    reader = FrameLogReader(recording / "frames" if (recording / "frames").is_dir() else recording)
    return Gathered(reader, RobotModel(description_from_dict(reader.header["robot"])))


def _move(options: CalibrateOptions, config: RunConfig, folder: RunFolder, console: Console) -> Gathered:
    parts = build_parts(config)
    robot = RecordedRobot(parts.robot, folder.path / "frames", "", parts.keep_out, parts.fixtures, parts.looks)
    try:
        console.print(f"[dim]{escape(config.robot)} looks at its table from {options.looks} places[/]")
        return Gathered(look_around(replace(parts, robot=robot), options.looks, options.seed), parts.model)
    finally:
        robot.close()


def _solve_sight(sight: Sight) -> Extrinsic | Refusal:
    return solve_on_moving_mount(sight.at(look.time_s for look in sight.looks), sight.T_mount_sensor, VOXEL_M)


def _solve_clock(gathered: Gathered, name: str) -> TimeOffset | Refusal:
    samples = gathered.imu[name]
    times_s = np.concatenate([one.times_s for one in samples])
    radps = np.linalg.norm(np.concatenate([one.angular_rate_radps for one in samples]), axis=1)
    return solve_time_offset(*gathered.angular_speed_of(samples[0].mount), times_s, radps)


def _sight_to_dict(found: Extrinsic | Refusal, sight: Sight) -> dict[str, Any]:
    about: dict[str, Any] = {"mount": sight.mount, "looks": len(sight.looks)}
    if isinstance(found, Refusal):
        return about | {"refused": found.reason.value, "text": found.text}
    error = invert_pose(sight.T_mount_sensor) @ found.T_mount_sensor
    turn_rad = float(np.linalg.norm(Rotation.from_matrix(error[:3, :3]).as_rotvec()))
    return about | {
        "T_mount_sensor": rounded(found.T_mount_sensor.tolist(), 7),
        "position_m": rounded(found.T_mount_sensor[:3, 3].tolist(), 6),
        "quat_xyzw": rounded(Rotation.from_matrix(found.T_mount_sensor[:3, :3]).as_quat().tolist(), 7),
        "from_declared": {"turn_rad": rounded(turn_rad), "shift_m": rounded(float(np.linalg.norm(error[:3, 3])))},
        "std": {"turn_rad": rounded(found.turn_std_rad, 7), "shift_m": rounded(found.shift_std_m, 7)},
        "residual_median_m": rounded(float(np.median(found.shift_residuals_m))),
        "matches": len(found.shift_residuals_m),
    }


def _clock_to_dict(found: TimeOffset | Refusal) -> dict[str, Any]:
    if isinstance(found, Refusal):
        return {"refused": found.reason.value, "text": found.text}
    return {name: rounded(getattr(found, name), 7) for name in ("offset_s", "std_s", "correlation")}


def _tell(console: Console, values: dict[str, Any], folder: RunFolder) -> None:
    for name, one in values["sensors"].items():
        if "refused" in one:
            console.print(f"[red]refused[/] {escape(name)}: {escape(one['text'])}")
            continue
        moved, std = one["from_declared"], one["std"]
        console.print(
            f"{escape(name)} on {escape(one['mount'])}: {math.degrees(moved['turn_rad']):.2f}° and "
            f"{1000 * moved['shift_m']:.1f} mm from where it is declared "
            f"(± {math.degrees(std['turn_rad']):.2f}°, {1000 * std['shift_m']:.1f} mm; {one['looks']} looks, "
            f"surfaces agree to {1000 * one['residual_median_m']:.2f} mm)"
        )
    for name, one in values["clocks"].items():
        if "refused" in one:
            console.print(f"[red]refused[/] clock of {escape(name)}: {escape(one['text'])}")
            continue
        console.print(f"clock of {escape(name)}: add {1000 * one['offset_s']:.1f} ms (± {1000 * one['std_s']:.1f} ms)")
    if values["left_out"]:
        console.print(f"[dim]left out, as they do not move with the robot: {escape(', '.join(values['left_out']))}[/]")
    console.print(f"[dim]written to {escape(str(folder.path))}[/]")
