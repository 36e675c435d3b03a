"""A pick and a place by script from true poses, for tests of the simulated body."""

from __future__ import annotations

import functools
import math

import numpy as np
from verbot.planning.robot_description import load_robot
from verbot.planning.robot_model import RobotModel
from verbot.planning.timing import LineSpeed, Timeline, motion_limits, time_path
from verbot.planning.types import Trajectory
from verbot.sim.robot import PandaConfig, SimRobot, build
from verbot.sim.scenes import PlacedObject, Scene

CARRY_M = 0.25


@functools.cache
def load_model() -> RobotModel:
    return RobotModel(load_robot("panda"))


def make_scene(*placed: tuple[str, str, float, float, float], keep_out=()) -> Scene:
    """Objects given as (name, kind, x, y, height of the centre), red."""
    objects = tuple(PlacedObject(n, kind, "red", np.array([x, y, z]), 0.0) for n, kind, x, y, z in placed)
    return Scene(name="test", objects=objects, keep_out=tuple(keep_out))


def make_robot(scene: Scene, **config) -> SimRobot:
    robot = build(PandaConfig(**config))
    robot.stage = lambda seed: scene
    return robot


def tool_down(x: float, y: float, z: float, closing_yaw_rad: float = -math.pi / 2) -> np.ndarray:
    """T_world_tool pointing down with its closing axis at that angle."""
    c, s = math.cos(closing_yaw_rad), math.sin(closing_yaw_rad)
    pose = np.eye(4)
    pose[:3, :3] = np.column_stack([[-s, c, 0.0], [c, s, 0.0], [0.0, 0.0, -1.0]])
    pose[:3, 3] = x, y, z
    return pose


class Script:
    """Writes one trajectory from a robot's look pose."""

    def __init__(self, robot: SimRobot, *, start_rad: np.ndarray | None = None, width_m: float = 0.08) -> None:
        self.model = load_model()
        self.limits = motion_limits(self.model.description)
        start = np.array(self.model.description.look_rad) if start_rad is None else start_rad
        self.timeline = Timeline(robot.convention.joint_names, start, width_m)
        self._rng = np.random.default_rng(0)

    def joints_to(self, T_world_tool: np.ndarray, width_m: float | None = None) -> Script:
        goal = self._solve(T_world_tool, self.timeline.positions_rad)
        return self.joints_to_position(goal, width_m)

    def joints_to_position(self, goal_rad: np.ndarray, width_m: float | None = None) -> Script:
        path = np.stack([self.timeline.positions_rad, goal_rad])
        self.timeline.follow(time_path(path, self.limits), width_m)
        return self

    def line_to(self, T_world_tool: np.ndarray, speed: float = 1.0) -> Script:
        start = self.model.tool_pose(self.timeline.positions_rad)
        positions = [self.timeline.positions_rad]
        shares = np.linspace(0.0, 1.0, 16)
        for share in shares[1:]:
            between = T_world_tool.copy()
            between[:3, 3] = start[:3, 3] + share * (T_world_tool[:3, 3] - start[:3, 3])
            positions.append(self._solve(between, positions[-1]))
        lengths = shares * float(np.linalg.norm(T_world_tool[:3, 3] - start[:3, 3]))
        line = LineSpeed().scaled(speed)
        self.timeline.follow(time_path(np.array(positions), self.limits, lengths_m=lengths, line=line))
        return self

    def grip(self, width_m: float, pause_s: float = 0.35) -> Script:
        self.timeline.pause(pause_s, width_m)
        return self

    def build(self) -> Trajectory:
        return self.timeline.build()

    def _solve(self, T_world_tool: np.ndarray, seed: np.ndarray) -> np.ndarray:
        solution = self.model.solve_ik(T_world_tool, [seed], self._rng)
        assert solution is not None
        return solution


def pick_script(robot: SimRobot, grasp: np.ndarray, open_m: float) -> Script:
    above, carry = grasp.copy(), grasp.copy()
    above[2, 3] += 0.10
    carry[2, 3] = CARRY_M
    return Script(robot).joints_to(above, open_m).line_to(grasp).grip(0.0).line_to(carry)


def place_script(script: Script, place: np.ndarray, open_m: float) -> Script:
    above, retreat = place.copy(), place.copy()
    above[2, 3] = CARRY_M
    retreat[2, 3] += 0.12
    return script.joints_to(above).line_to(place, speed=0.5).grip(open_m).line_to(retreat)


def play(robot: SimRobot, trajectory: Trajectory, rest_s: float = 0.3) -> None:
    robot.command(trajectory, robot.time_s)
    robot.read(robot.time_s + trajectory.duration_s + rest_s, images=False)
