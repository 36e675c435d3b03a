"""A robot whose cameras are looked through at a steady rate, whatever the runtime asks for.

In:  any robot.
Out: the same robot, seen from outside: every frame is what an untapped read would have given. The pictures taken on
the way are kept beside, one row of them for every moment k / rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np

from ...perception.picture_codec import thinned
from ...perception.types import (
    CameraImage,
    ContactSamples,
    ForceSamples,
    ImuSamples,
    JointSamples,
    LidarScan,
    SensorFrame,
)
from ..robot import Robot, WrappedRobot

EPSILON_S = 1e-9
Samples = TypeVar("Samples", JointSamples, ImuSamples, ForceSamples, ContactSamples)
Picture = CameraImage | LidarScan


@dataclass(frozen=True, slots=True)
class SteadyPicture:
    """A picture or scan that had arrived by row `row`."""

    row: int
    picture: Picture


class SteadyRobot(WrappedRobot):
    """`rate_hz` 0 takes no pictures between the looks. Scans are kept at most `scan_hz` often."""

    def __init__(self, robot: Robot, rate_hz: float, scan_hz: float, max_width: int) -> None:
        super().__init__(robot)
        self._rate_hz, self._scan_hz, self._max_width = rate_hz, scan_hz, max_width
        self.pictures: list[SteadyPicture] = []
        self.samples: list[SensorFrame] = []
        """Every frame's samples, without pictures."""
        self._next_row = 1
        self._scanned_s: dict[str, float] = {}
        self._withheld: dict[str, Picture] = {}

    def reset(self, seed: int) -> SensorFrame:
        """Forgets the episode before; the first pictures are row 0."""
        frame = self._robot.reset(seed)
        self.pictures, self.samples, self._next_row = [], [], 1
        self._scanned_s, self._withheld = {}, {}
        if self._rate_hz > 0.0:
            self._keep(0, frame)
        self.samples.append(replace(frame, images=(), scans=()))
        return frame

    def read(self, until_s: float, *, images: bool = True) -> SensorFrame:
        """As the robot's own, in parts where rows begin on the way."""
        parts: list[SensorFrame] = []
        while self._rate_hz > 0.0 and (due_s := self._next_row / self._rate_hz) < until_s - EPSILON_S:
            parts.append(self._robot.read(due_s))
            self._keep(self._next_row, parts[-1])
            self._withhold(parts[-1])
            self._next_row += 1
        is_due = self._rate_hz > 0.0 and self._next_row / self._rate_hz <= until_s + EPSILON_S
        last = self._robot.read(until_s, images=images or is_due)
        if is_due:
            self._keep(self._next_row, last)
            self._next_row += 1
        self._withhold(last)
        frame = joined([*parts, last])
        self.samples.append(frame)
        if not images:
            return frame
        seen = [self._withheld[spec.name] for spec in self.sensors if spec.name in self._withheld]
        self._withheld = {}
        return replace(
            frame,
            images=tuple(item for item in seen if isinstance(item, CameraImage)),
            scans=tuple(item for item in seen if isinstance(item, LidarScan)),
        )

    def _withhold(self, frame: SensorFrame) -> None:
        """The newest of each sensor waits until the runtime looks, as it would have waited with the driver."""
        self._withheld |= {picture.sensor: picture for picture in (*frame.images, *frame.scans)}

    def _keep(self, row: int, frame: SensorFrame) -> None:
        self.pictures += [SteadyPicture(row, thinned(image, self._max_width)) for image in frame.images]
        for scan in frame.scans:
            before_s = self._scanned_s.get(scan.sensor)
            if self._scan_hz > 0.0 and (before_s is None or scan.time_s - before_s >= 1.0 / self._scan_hz - EPSILON_S):
                self._scanned_s[scan.sensor] = scan.time_s
                self.pictures.append(SteadyPicture(row, scan))


def joined(frames: Sequence[SensorFrame]) -> SensorFrame:
    """Frames read one after the other as one, its samples complete and without pictures."""
    joints = [frame.joints for frame in frames if frame.joints is not None]
    return SensorFrame(
        frames[-1].time_s,
        imu=_by_sensor([samples for frame in frames for samples in frame.imu]),
        joints=_chained(joints) if joints else None,
        forces=_by_sensor([samples for frame in frames for samples in frame.forces]),
        contacts=_by_sensor([samples for frame in frames for samples in frame.contacts]),
    )


def _by_sensor(parts: Sequence[Samples]) -> tuple[Samples, ...]:
    names = dict.fromkeys(part.sensor for part in parts if not isinstance(part, JointSamples))
    return tuple(_chained([part for part in parts if getattr(part, "sensor", None) == name]) for name in names)


def _chained(parts: Sequence[Samples]) -> Samples:
    """One value with the rows of all; what has no rows is the same in each."""
    if len(parts) == 1:
        return parts[0]
    rows = len(parts[0].times_s)
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(parts[0])
        if isinstance(value := getattr(parts[0], field.name), np.ndarray)
        and len(value) == rows
        and not field.name.startswith("T_")
    }
    return replace(parts[0], **columns)
