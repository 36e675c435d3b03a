"""An example robot: ideal joints, a gripper that takes what is between its fingers, one camera."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from verbot.perception.plugin_spec import PluginSpec
from verbot.perception.types import JointSamples, SensorFrame, SensorKind, SensorSpec
from verbot.planning.robot_description import load_robot
from verbot.planning.robot_model import RobotModel
from verbot.planning.types import MotionConvention, Trajectory

from .boxes import Box, look_at, starting_boxes, take_picture

PERIOD_S = 1.0 / 100.0
STOP_S = 0.4


class IdealConfig(BaseModel):
    """Where the camera stands, world frame, metres."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    camera_at: tuple[float, float, float] = (1.05, -0.35, 0.75)
    camera_looks_at: tuple[float, float, float] = (0.45, 0.0, 0.0)
    camera_hz: float = Field(default=10.0, gt=0.0, le=100.0)


class IdealRobot:
    """A Panda whose joints are where they were told to be."""

    def __init__(self, config: IdealConfig) -> None:
        self._config = config
        self.description = load_robot("panda")
        self.convention = MotionConvention(self.description.arm_joints)
        self.sensors = (
            SensorSpec("desk", SensorKind.CAMERA, config.camera_hz, 0.0),
            SensorSpec("joints", SensorKind.JOINTS, 1.0 / PERIOD_S, 0.0),
        )
        self._model = RobotModel(self.description)
        self._T_world_camera = look_at(np.array(config.camera_at), np.array(config.camera_looks_at))
        self.reset(0)

    @property
    def time_s(self) -> float:
        """Seconds since reset."""
        return self._tick * PERIOD_S

    @property
    def is_moving(self) -> bool:
        """Whether a trajectory or a stop is being played."""
        return self._motion is not None and self.time_s < self._start_s + self._motion.duration_s

    def reset(self, seed: int) -> SensorFrame:
        """Boxes drawn by seed, arm in the look pose, hand open."""
        self._tick = 0
        self._motion: Trajectory | None = None
        self._start_s = 0.0
        self._positions = np.array(self.description.look_rad)
        self._velocities = np.zeros(len(self._positions))
        self._width_m = self.description.gripper.max_width_m
        self._boxes = starting_boxes(np.random.default_rng(seed))
        self._carried: tuple[Box, np.ndarray] | None = None
        return self._frame([self._sample()], images=True)

    def command(self, trajectory: Trajectory, start_s: float) -> None:
        """Take the trajectory; it is played while time passes in `read`."""
        self._motion, self._start_s = trajectory, start_s

    def read(self, until_s: float, *, images: bool = True) -> SensorFrame:
        """Let time pass."""
        samples = []
        while self.time_s < until_s - 1e-9:
            self._tick += 1
            self._follow()
            samples.append(self._sample())
        return self._frame(samples or [self._sample()], images)

    def stop(self) -> None:
        """Slow down evenly to rest: velocity falls to zero over STOP_S."""
        times_s = np.linspace(0.0, STOP_S, 41)
        left = 1.0 - times_s / STOP_S
        positions = self._positions + np.outer(times_s - times_s**2 / (2 * STOP_S), self._velocities)
        widths = np.full(len(times_s), self._width_m)
        names = self.description.arm_joints
        self.command(Trajectory(names, times_s, positions, np.outer(left, self._velocities), widths), self.time_s)

    def close(self) -> None:
        """Nothing is held open."""

    def _follow(self) -> None:
        motion = self._motion
        elapsed_s = self.time_s - self._start_s
        if motion is None or elapsed_s < 0:
            return
        before = self._positions
        at_s = min(elapsed_s, motion.duration_s)
        self._positions = np.array([np.interp(at_s, motion.times_s, column) for column in motion.positions_rad.T])
        self._velocities = (self._positions - before) / PERIOD_S
        self._move_gripper(float(np.interp(at_s, motion.times_s, motion.gripper_width_m)))

    def _move_gripper(self, wanted_m: float) -> None:
        T_world_tool = self._model.tool_pose(self._positions)
        if self._carried is not None:
            box, offset_tool = self._carried
            box.position_world = T_world_tool[:3, :3] @ offset_tool + T_world_tool[:3, 3]
            if wanted_m > box.edge_m + 0.005:
                self._let_go(box)
        elif wanted_m < self._width_m:
            for box in self._boxes:
                offset_tool = T_world_tool[:3, :3].T @ (box.position_world - T_world_tool[:3, 3])
                if np.abs(offset_tool).max() < box.edge_m / 2 and wanted_m < box.edge_m:
                    self._carried = (box, offset_tool)
        self._width_m = max(wanted_m, self._carried[0].edge_m) if self._carried else wanted_m

    def _let_go(self, box: Box) -> None:
        """It falls onto the highest thing below its centre."""
        self._carried = None
        floor_m = 0.0
        for other in self._boxes:
            apart_m = np.abs(other.position_world[:2] - box.position_world[:2]).max()
            if other is not box and apart_m < other.edge_m / 2 and other.position_world[2] < box.position_world[2]:
                floor_m = max(floor_m, float(other.position_world[2]) + other.edge_m / 2)
        box.position_world[2] = floor_m + box.edge_m / 2

    def _sample(self) -> tuple[float, np.ndarray, np.ndarray, float]:
        return self.time_s, self._positions.copy(), self._velocities.copy(), self._width_m

    def _frame(self, samples: list[Any], images: bool) -> SensorFrame:
        times, positions, velocities, widths = (np.array(column) for column in zip(*samples, strict=True))
        joints = JointSamples(self.description.arm_joints, times, positions, velocities, widths)
        pictures = (take_picture(self._boxes, self._T_world_camera, self.time_s),) if images else ()
        return SensorFrame(self.time_s, images=pictures, joints=joints)


def _build(config: IdealConfig, sensors: Mapping[str, PluginSpec]) -> IdealRobot:
    return IdealRobot(config)


SPEC = PluginSpec("ideal", IdealConfig, _build, summary="example: ideal joints, three boxes, numpy alone")
