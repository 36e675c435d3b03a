"""What a folder of real sensor data holds, once it has been read.

In:  filled by the readers of this package.
Out: Recording: its moments in order, and what was measured beside them. What a SensorFrame has no place for (a picture
     without depth, labels, a reference path) stands here. None means "not in the files", never zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Shaped, UInt8

from ..types import ImuSamples, Intrinsics, SensorFrame, SensorSpec

BODY = "body"
"""Mount of what moves with a vehicle, a rig or a hand."""


class RecordingFileError(ValueError):
    """A file is absent, cut off, or not what its format says; the message is one line."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A colour picture without depth."""

    sensor: str
    time_s: float
    rgb: UInt8[np.ndarray, "height width 3"]
    intrinsics: Intrinsics | None = None
    T_lidar_camera: Float[np.ndarray, "4 4"] | None = None


@dataclass(frozen=True, slots=True)
class LabelledBox:
    """What a person marked: the box's frame sits at its centre, x along its length, z up; `size_m` along those axes.

    `picture_box` is left, top, right, bottom in pixels. A mere region of the picture has neither pose nor size.
    """

    kind: str
    picture_box: tuple[float, float, float, float]
    size_m: tuple[float, float, float] | None
    T_lidar_box: Float[np.ndarray, "4 4"] | None

    def holds(self, points_lidar: Shaped[np.ndarray, "points 3"]) -> Bool[np.ndarray, "points"]:
        """Which points lie in the box."""
        if self.T_lidar_box is None or self.size_m is None:
            return np.zeros(len(points_lidar), bool)
        points_box = (points_lidar - self.T_lidar_box[:3, 3]) @ self.T_lidar_box[:3, :3]
        return np.all(np.abs(points_box) <= np.array(self.size_m) / 2.0, axis=1)


@dataclass(frozen=True, slots=True)
class PoseTrack:
    """Where a body was, as the recording's makers worked it out: a reference, not a measurement. World: z up."""

    times_s: Float[np.ndarray, "poses"]
    T_world_body: Float[np.ndarray, "poses 4 4"]
    velocity_world: Float[np.ndarray, "poses 3"] | None = None


@dataclass(frozen=True, slots=True)
class WheelSpeeds:
    """Speed of each wheel over the ground."""

    times_s: Float[np.ndarray, "samples"]
    speed_mps: Float[np.ndarray, "samples wheels"]


@dataclass(frozen=True, slots=True)
class GnssFixes:
    """What a satellite receiver said, in the frame of the PoseTrack."""

    times_s: Float[np.ndarray, "fixes"]
    position_world: Float[np.ndarray, "fixes 3"]
    speed_mps: Float[np.ndarray, "fixes"]


@dataclass(frozen=True, slots=True)
class StraightScan:
    """A sweep that its makers straightened, point for point the same as the raw one, in a frame of their own."""

    points_other: Float[np.ndarray, "points 3"]


@dataclass(frozen=True, slots=True)
class Moment:
    """One step of a recording."""

    frame: SensorFrame
    pictures: tuple[Picture, ...] = ()
    boxes: tuple[LabelledBox, ...] = ()
    straight: StraightScan | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """A folder of real data. Moments are read when asked for; what is small lies ready.

    `is_sequence` is false where the moments have nothing to do with one another: then their times mean nothing.
    """

    format: str
    folder: Path
    sensors: tuple[SensorSpec, ...]
    num_moments: int
    load_moment: Callable[[int], Moment]
    is_sequence: bool = True
    imu: ImuSamples | None = None
    poses: PoseTrack | None = None
    wheels: WheelSpeeds | None = None
    fixes: GnssFixes | None = None

    def moments(self) -> Iterator[Moment]:
        """All of them, in the order of time."""
        return (self.load_moment(number) for number in range(self.num_moments))
