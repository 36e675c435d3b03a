"""`verbot run --robot recording:FOLDER` without a sentence, on real sensor data: perceive only, nothing can move.

In:  a folder that perception/recordings knows, the options of a run.
Out: result.json in a run's folder: what became of each sensor's health, what was seen last, and the path driven.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape

from ..perception.odometry.odometry import Odometry, OdometryConfig
from ..perception.recordings.open_recording import is_recording, open_recording
from ..perception.recordings.types import Recording
from ..perception.types import Perceiver, PerceiverSetup, SceneState
from .build import choose_device
from .config import RunConfig, make_run_config
from .episode import versions
from .plugins import load_spec, make_config, split_name
from .recorder import rounded
from .recordings.drive import follow_scan
from .run_folder import RunFolder

SCHEMA = "verbot-perceived/1"


def real_data_of(robot: str | None) -> Path | None:
    """The folder of real sensor data that `--robot recording:FOLDER` names; None for every other robot."""
    base, argument = split_name(robot or "")
    return Path(argument) if base == "recording" and argument and is_recording(argument) else None


def perceive_command(data: Path, folder: RunFolder, given: dict[str, Any], console: Console) -> dict[str, Any]:
    """Every moment through perceiver and, where there are sweeps, odometry.

    Raises:
        RecordingFileError: a file is not what it should be.
        ConfigError, PluginError: an option is wrong.
    """
    config = make_run_config(command="", robot=f"recording:{data}", **given)
    recording = open_recording(data)
    perceiver = _build_perceiver(config, recording)
    counts: dict[str, Counter[str]] = {}
    poses: list[np.ndarray] = []
    odometry: Odometry | None = None
    scene: SceneState | None = None
    for moment in recording.moments():
        if not recording.is_sequence:
            perceiver.reset()
        scene = perceiver.update(moment.frame)
        for health in scene.health:
            counts.setdefault(health.sensor, Counter())[health.reason.value] += 1
        if recording.is_sequence and moment.frame.scans:
            odometry = odometry or Odometry(1, OdometryConfig())
            poses.append(follow_scan(odometry, moment.frame.scans[0]))
    values = _values(config, recording, scene, counts, poses)
    folder.write_text("config.toml", config.to_toml())
    folder.write_json("result.json", values)
    _tell(console, values)
    return values


def _build_perceiver(config: RunConfig, recording: Recording) -> Perceiver:
    base, argument = split_name(config.perceiver)
    spec = load_spec("perceivers", base)
    # Cameras without depth are in the recording, but no frame brings their pictures.
    first = recording.load_moment(0).frame
    heard = {measured.sensor for measured in (*first.images, *first.scans, *first.imu)}
    declared = tuple(sensor for sensor in recording.sensors if recording.is_sequence and sensor.name in heard)
    setup = PerceiverSetup(declared, device=choose_device(config.device))
    return spec.build(make_config(spec, config.settings.get(base, {}), argument), setup)


def _values(
    config: RunConfig,
    recording: Recording,
    scene: SceneState | None,
    counts: dict[str, Counter[str]],
    poses: list[np.ndarray],
) -> dict[str, Any]:
    table = scene.table if scene is not None else None
    values: dict[str, Any] = {
        "schema": SCHEMA,
        "recording": str(recording.folder),
        "format": recording.format,
        "moments": recording.num_moments,
        "sensors": {name: dict(reasons) for name, reasons in counts.items()},
        "table": None
        if table is None
        else {
            "height_m": rounded(table.height_m),
            "tilt_rad": rounded(table.tilt_rad),
        },
        "objects": [
            {"id": o.id, "shape": o.shape.value, "color": o.color, "position_m": rounded(o.position_world)}
            for o in (scene.objects if scene is not None else ())
        ],
        "path": None,
        "perceiver": config.perceiver,
        "versions": versions(config),
    }
    if poses:
        path = np.array(poses)[:, :3, 3]
        length_m = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
        values["path"] = {"length_m": rounded(length_m), "place_m": rounded(path)}
    return values


def _tell(console: Console, values: dict[str, Any]) -> None:
    console.print(f"[bold]{escape(values['recording'])}[/]  [dim]{values['format']}, {values['moments']} moments[/]")
    for name, reasons in values["sensors"].items():
        told = ", ".join(f"{reason} {count}×" for reason, count in reasons.items())
        console.print(f"[dim]sensor[/] {escape(name)}: {told}")
    if values["table"] is not None:
        console.print(
            f"[dim]seen[/]   surface at {values['table']['height_m']:.3f} m, {len(values['objects'])} objects"
        )
    if values["path"] is not None:
        console.print(f"[dim]path[/]   {values['path']['length_m']:.2f} m by LiDAR odometry")
