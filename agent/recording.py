"""A recording as a robot: replays a frame log, deaf to motion; and the robot that writes one.

In:  `frames/` of a run made with `--record`.
Out: the same SensorFrames in the same order, bit for bit, with the robot's own description.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from ..perception.frame_log import FrameLogReader, FrameLogWriter, LoggedFrame
from ..perception.furniture import fixture_from_dict, fixture_to_dict
from ..perception.plugin_spec import PluginSpec
from ..perception.recordings.open_recording import is_recording
from ..perception.types import Fixture, SensorFrame, SensorKind, SensorSpec
from ..planning.robot_description import RobotDescription, description_from_dict, description_to_dict
from ..planning.types import MotionConvention, NamedLook, Property, Trajectory
from .robot import Robot, WrappedRobot


class RecordingConfig(BaseModel):
    """`path` is the `frames` folder of a run (or the run's folder)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str


class RecordingError(ValueError):
    """The log is absent, damaged, or was made by another road; the message is one line."""


class RecordingRobot:
    """Plays back what a robot's sensors delivered, read for read."""

    def __init__(self, path: Path) -> None:
        folder = path / "frames" if (path / "frames").is_dir() else path
        if is_recording(path):
            raise RecordingError(
                f"'{path}' holds real sensor data without an arm: nothing can be moved there. Leave out the sentence "
                f"to perceive only: verbot run --robot recording:{path}"
            )
        self._reader = FrameLogReader(folder)
        header = self._reader.header
        self.description: RobotDescription = description_from_dict(header["robot"])
        self.convention = MotionConvention(
            tuple(header["convention"]["joint_names"]),
            header["convention"]["absolute"],
            header["convention"]["rate_hz"],
            header["convention"]["gripper"],
        )
        self.sensors = tuple(_sensor_from_dict(s) for s in header["sensors"])
        self.keep_out = tuple(tuple(zone) for zone in header["keep_out"])
        self.fixtures = tuple(fixture_from_dict(values) for values in header.get("fixtures", []))
        self.looks = tuple(
            NamedLook(
                tuple(look["nouns"]),
                look["color"],
                tuple(look["size_m"]),
                tuple(Property(known) for known in look.get("properties", ())),
            )
            for look in header.get("looks", ())
        )
        self.command_text: str = header.get("command", "")
        self._frames: Iterator[LoggedFrame] = iter(())
        self._time_s = 0.0
        self._is_moving = False

    @property
    def time_s(self) -> float:
        """Time of the frame last read."""
        return self._time_s

    @property
    def is_moving(self) -> bool:
        """As it was recorded."""
        return self._is_moving

    def reset(self, seed: int) -> SensorFrame:
        """Back to the first frame."""
        self._frames = self._reader.records()
        self._time_s = 0.0
        return self._next()

    def command(self, trajectory: Trajectory, start_s: float) -> None:
        """Deaf: a recording cannot be moved."""

    def read(self, until_s: float, *, images: bool = True) -> SensorFrame:
        """The next recorded frame; says so when the road asks for another moment than was recorded."""
        frame = self._next()
        if abs(frame.time_s - until_s) > 1e-6 and frame.time_s < until_s:
            raise RecordingError(
                f"The recording has a frame at {frame.time_s:.3f} s where {until_s:.3f} s was asked for: made by "
                "another version or with other options. Replay it with the version and config.toml that made it."
            )
        return frame

    def stop(self) -> None:
        """Deaf."""

    def close(self) -> None:
        """Nothing is held open."""

    def _next(self) -> SensorFrame:
        try:
            logged = next(self._frames)
        except StopIteration:
            raise RecordingError(
                f"The recording ends at {self._time_s:.3f} s and the run asks for more: the run it was made from was "
                "interrupted there, or its config differs."
            ) from None
        self._time_s, self._is_moving = logged.frame.time_s, bool(logged.tag["is_moving"])
        return logged.frame


class RecordedRobot(WrappedRobot):
    """Any robot, with every frame it delivers written to a log first."""

    def __init__(
        self,
        robot: Robot,
        folder: Path,
        command: str,
        keep_out: tuple[tuple[float, ...], ...],
        fixtures: tuple[Fixture, ...] = (),
        looks: tuple[NamedLook, ...] = (),
    ) -> None:
        super().__init__(robot)
        self.keep_out, self.fixtures, self.looks = keep_out, fixtures, looks
        self._folder, self._command = folder, command
        self._writer: FrameLogWriter | None = None

    def reset(self, seed: int) -> SensorFrame:
        """Starts a new log."""
        frame = self._robot.reset(seed)
        self._writer = FrameLogWriter(self._folder, self._header())
        return self._log(frame)

    def read(self, until_s: float, *, images: bool = True) -> SensorFrame:
        """Passed on and logged."""
        return self._log(self._robot.read(until_s, images=images))

    def close(self) -> None:
        """Closes the log too."""
        self._robot.close()
        if self._writer is not None:
            self._writer.close()

    def _log(self, frame: SensorFrame) -> SensorFrame:
        assert self._writer is not None  # reset comes first
        self._writer.append(frame, {"is_moving": self._robot.is_moving})
        return frame

    def _header(self) -> dict[str, Any]:
        return {
            "robot": description_to_dict(self.description),
            "convention": asdict(self.convention),
            "sensors": [asdict(s) for s in self.sensors],
            "keep_out": [list(zone) for zone in self.keep_out],
            "fixtures": [fixture_to_dict(fixture) for fixture in self.fixtures],
            "looks": [asdict(look) for look in self.looks],
            "command": self._command,
        }


def _sensor_from_dict(values: Mapping[str, Any]) -> SensorSpec:
    return SensorSpec(**{**values, "kind": SensorKind(values["kind"])})


def _build(config: RecordingConfig, sensors: Mapping[str, PluginSpec]) -> RecordingRobot:
    return RecordingRobot(Path(config.path))


SPEC = PluginSpec("recording", RecordingConfig, _build, summary="replays the frames of a run made with --record")
