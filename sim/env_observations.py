"""What a learner observes: the newest of each sensor as arrays of fixed shape. Never truth.

In:  a composition's sensors, SensorFrame values as they arrive.
Out: a gymnasium Dict space and observations in it; docs/gym.md has the table.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from jaxtyping import Float32

from ..perception.types import CameraImage, JointSamples, LidarScan, SensorFrame, SensorKind
from .robots.panda import MAX_WIDTH_M
from .sensors import Composition

KINDS = (SensorKind.CAMERA, SensorKind.LIDAR, SensorKind.IMU)
JOINTS, COMMAND = "joints", "command"
IMU_SAMPLES = 20
MAX_POSITION_RAD, MAX_VELOCITY_RADPS = 6.3, 10.0
MAX_COMMAND = 400
PRINTABLE = string.ascii_letters + string.digits + string.punctuation + " "

Observation = dict[str, Any]


class Observer:
    """Keeps the newest of each sensor during an episode."""

    def __init__(self, composition: Composition, modalities: Sequence[str], num_joints: int) -> None:
        self._sensors: Mapping[str, Any] = {s.spec.name: s for s in composition.sensors if s.spec.name in modalities}
        self._modalities = tuple(modalities)
        self._num_joints = num_joints
        parts = [self._make_space(name) for name in modalities]
        self.space = spaces.Dict({key: space for part in parts for key, space in part.items()})
        self.begin()

    def begin(self) -> None:
        """An episode starts; nothing has been observed."""
        self._newest: Observation = {}
        self._imu: dict[str, list[Float32[np.ndarray, "samples 6"]]] = {}

    def take(self, frame: SensorFrame) -> None:
        """Keep what arrived."""
        for image in frame.images:
            self._take_image(image)
        for scan in frame.scans:
            self._take_scan(scan)
        for samples in frame.imu:
            rows = np.concatenate([samples.specific_force_mps2, samples.angular_rate_radps], axis=1)
            kept = [*self._imu.get(samples.sensor, []), *rows.astype(np.float32)]
            self._imu[samples.sensor] = kept[-IMU_SAMPLES:]
        if frame.joints is not None and JOINTS in self._modalities:
            self._newest |= self._joint_arrays(frame.joints)

    def observation(self, command: str) -> Observation:
        """All newest arrays; they are the caller's."""
        newest = self._newest | {name: np.array(rows) for name, rows in self._imu.items()}
        newest |= {COMMAND: command}
        return {key: _fit(newest[key], space) for key, space in self.space.spaces.items()}

    def _make_space(self, name: str) -> dict[str, spaces.Space[Any]]:
        if name == JOINTS:
            low, high = np.zeros(1, np.float32), np.full(1, MAX_WIDTH_M + 0.01, np.float32)
            return {
                "joint_positions": _box(MAX_POSITION_RAD, (self._num_joints,)),
                "joint_velocities": _box(MAX_VELOCITY_RADPS, (self._num_joints,)),
                "gripper_width": spaces.Box(low, high),
            }
        if name == COMMAND:
            return {COMMAND: spaces.Text(MAX_COMMAND, min_length=1, charset=PRINTABLE)}
        sensor = self._sensors[name]
        config = sensor.config
        if sensor.spec.kind is SensorKind.CAMERA:
            size = (config.height, config.width)
            return {
                f"{name}_rgb": spaces.Box(0, 255, (*size, 3), np.uint8),
                f"{name}_depth": spaces.Box(0.0, 2 * config.range_max_m, size, np.float32),
            }
        if sensor.spec.kind is SensorKind.LIDAR:
            num_beams = config.rings * config.columns
            return {
                name: _box(2 * config.range_max_m, (num_beams, 4)),
                f"{name}_count": spaces.Box(0, num_beams, (1,), np.int32),
            }
        bounds = np.repeat([config.force_max_mps2, config.rate_max_radps], 3).astype(np.float32)
        high = np.tile(bounds, (IMU_SAMPLES, 1))
        return {name: spaces.Box(-high, high)}

    def _take_image(self, image: CameraImage) -> None:
        self._newest[f"{image.sensor}_rgb"] = image.rgb
        self._newest[f"{image.sensor}_depth"] = image.depth_m

    def _take_scan(self, scan: LidarScan) -> None:
        """Points in the mount's frame (the world for a sensor that stands beside the table) with intensity."""
        config = self._sensors[scan.sensor].config
        rows = np.zeros((config.rings * config.columns, 4), np.float32)
        num = len(scan.points_sensor)
        rows[:num, :3] = scan.points_sensor @ scan.T_mount_sensor[:3, :3].T + scan.T_mount_sensor[:3, 3]
        rows[:num, 3] = scan.intensity
        self._newest[scan.sensor] = rows
        self._newest[f"{scan.sensor}_count"] = np.array([num], np.int32)

    def _joint_arrays(self, joints: JointSamples) -> Observation:
        return {
            "joint_positions": joints.positions_rad[-1],
            "joint_velocities": joints.velocities_radps[-1],
            "gripper_width": joints.gripper_width_m[-1:],
        }


def known_modalities(composition: Composition) -> tuple[str, ...]:
    """All that can be observed with these sensors: of touch there is no observation yet."""
    return (*(sensor.spec.name for sensor in composition.sensors if sensor.spec.kind in KINDS), JOINTS, COMMAND)


def make_state(joints: JointSamples) -> Float32[np.ndarray, "numbers"]:
    """Positions and velocities of the arm's joints, as measured, in one row."""
    return np.concatenate([joints.positions_rad[-1], joints.velocities_radps[-1]]).astype(np.float32)


def _box(bound: float, shape: tuple[int, ...]) -> spaces.Box:
    return spaces.Box(-bound, bound, shape, np.float32)


def _fit(value: Any, space: spaces.Space[Any]) -> Any:
    """Of the space's type, and within it: noise may carry a measurement past the bounds."""
    if not isinstance(space, spaces.Box):
        return value
    return np.clip(value, space.low, space.high).astype(space.dtype)
