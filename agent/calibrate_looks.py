"""What a calibration is solved from: each sensor's still looks with the pose of its mount, and how fast things turned.

In:  SensorFrames, the robot's model.
Out: Looks by sensor, the robot's own body left out; angular speeds of each IMU and of the link that it is on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.spatial.transform import Rotation

from ..perception.calibration.surfaces import Looks
from ..perception.geometry import near_capsules
from ..perception.types import WORLD, CameraImage, LidarScan, SensorFrame
from ..planning.robot_model import RobotModel

STILL_RADPS = 0.02
PIXEL_STRIDE = 2
RANGE_M = (0.12, 2.5)
BODY_M = 0.03
"""Around the robot's body, also as far as a guess of the mounting may be off."""


@dataclass(slots=True)
class Look:
    """One picture or scan of an arm at rest."""

    time_s: float
    points_sensor: Float[np.ndarray, "points 3"]
    T_world_mount: Float[np.ndarray, "4 4"]


@dataclass(slots=True)
class Sight:
    """One sensor: where it is said to be, and its looks."""

    mount: str
    T_mount_sensor: Float[np.ndarray, "4 4"]
    looks: list[Look] = field(default_factory=list)

    def at(self, times_s: Iterable[float]) -> Looks:
        """The looks of those moments, padded."""
        by_time = {look.time_s: look for look in self.looks}
        chosen = [by_time[time_s] for time_s in times_s]
        longest = max((len(look.points_sensor) for look in chosen), default=0)
        points, is_there = np.zeros((len(chosen), longest, 3)), np.zeros((len(chosen), longest), bool)
        for index, look in enumerate(chosen):
            points[index, : len(look.points_sensor)] = look.points_sensor
            is_there[index, : len(look.points_sensor)] = True
        return Looks(points, is_there, np.array([look.T_world_mount for look in chosen]).reshape(-1, 4, 4))


class Gathered:
    """All frames of a recording or of a motion."""

    def __init__(self, frames: Iterable[SensorFrame], model: RobotModel) -> None:
        self.model = model
        kept = list(frames)
        samples = [frame.joints for frame in kept if frame.joints is not None]
        joined = [
            np.concatenate([getattr(sample, name) for sample in samples]) if samples else np.zeros(0)
            for name in ("times_s", "positions_rad", "velocities_radps", "gripper_width_m")
        ]
        order = np.unique(joined[0], return_index=True)[1]
        self.times_s, self.positions_rad, self.velocities_radps, self.widths_m = (values[order] for values in joined)
        self.sights: dict[str, Sight] = {}
        for frame in kept:
            for measured in (*frame.images, *frame.scans):
                self._add(measured)
        imu = [samples for frame in kept for samples in frame.imu]
        self.imu = {samples.sensor: [one for one in imu if one.sensor == samples.sensor] for samples in imu}

    def angular_speed_of(self, link: str) -> tuple[Float[np.ndarray, " times"], Float[np.ndarray, " times"]]:
        """Times and speeds (rad/s) of a link, from the encoders."""
        if len(self.times_s) < 3:
            return np.zeros(0), np.zeros(0)
        poses = self.model.link_poses(self.positions_rad, self.widths_m)[self.model.links.index(link)]
        turns = Rotation.from_matrix(poses[:, :3, :3])
        passed_s = self.times_s[2:] - self.times_s[:-2]
        return self.times_s[1:-1], np.linalg.norm((turns[:-2].inv() * turns[2:]).as_rotvec(), axis=1) / passed_s

    def _add(self, measured: CameraImage | LidarScan) -> None:
        """A look, unless the arm moved; the same picture may be delivered twice."""
        if not len(self.times_s):
            return
        is_camera = isinstance(measured, CameraImage)
        T_mount_sensor = measured.T_mount_camera if is_camera else measured.T_mount_sensor
        sight = self.sights.setdefault(measured.sensor, Sight(measured.mount, T_mount_sensor))
        nearest = int(np.abs(self.times_s - measured.time_s).argmin())
        is_new = all(look.time_s != measured.time_s for look in sight.looks)
        if not is_new or np.abs(self.velocities_radps[nearest]).max() > STILL_RADPS:
            return
        position_rad, width_m = self.positions_rad[nearest], float(self.widths_m[nearest])
        mount = np.eye(4) if measured.mount == WORLD else self.model.link_pose(measured.mount, position_rad, width_m)
        points = _points(measured) if is_camera else measured.points_sensor.astype(float)
        reach_m = np.linalg.norm(points, axis=1)
        points = points[np.isfinite(reach_m) & (reach_m > RANGE_M[0]) & (reach_m < RANGE_M[1])]
        points = points[~self._is_body(points, mount @ T_mount_sensor, position_rad, width_m)]
        sight.looks.append(Look(measured.time_s, points, mount))

    def _is_body(
        self, points: Float[np.ndarray, "points 3"], T_world_sensor: Float[np.ndarray, "4 4"],
        position_rad: Float[np.ndarray, "joints"], width_m: float,
    ) -> Bool[np.ndarray, " points"]:  # fmt: skip
        world = points @ T_world_sensor[:3, :3].T + T_world_sensor[:3, 3]
        capsules = torch.from_numpy(self.model.capsules(position_rad, width_m))
        return near_capsules(torch.from_numpy(world), capsules, BODY_M).numpy()


def _points(image: CameraImage) -> Float[np.ndarray, "points 3"]:
    lens, depth_m = image.intrinsics, image.depth_m[::PIXEL_STRIDE, ::PIXEL_STRIDE]
    row, column = (depth_m > 0).nonzero()
    sight = [(column * PIXEL_STRIDE - lens.cx) / lens.fx, (row * PIXEL_STRIDE - lens.cy) / lens.fy, np.ones(len(row))]
    return np.stack(sight, axis=1) * depth_m[row, column].astype(float)[:, None]
