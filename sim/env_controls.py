"""Ways to move the arm by numbers from -1 to 1: joints, joint steps, steps of the hand, keyframes.

In:  an action, the Servo of the arm, the time.
Out: Trajectory to play, how long to play it, why the action was refused if it was (then the arm keeps its target).
docs/gym.md has the table of actions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from ..planning.collision import CollisionModel
from ..planning.inverse_kinematics import IkSettings
from ..planning.motion import PathPlanner, densify, workspace
from ..planning.robot_model import RobotModel
from ..planning.timing import LineSpeed, TimedPath, Timeline, motion_limits, time_path
from ..planning.tool_line import follow_tool, tool_line
from ..planning.types import Trajectory
from .servo import ROOM, Servo

JOINT_SPEED_RADPS = 1.0
HAND_SPEED_MPS = 0.25
HAND_TURN_RADPS = 1.0
MAX_LEAD_RAD = 0.8  # the hand's target may run ahead of the arm by this much in any joint
LINE_M = 0.20  # keyframes nearer than this are gone to in a straight line of the tool, if one is free
GRIP_S = 0.3  # fingers that have met an object need this to hold it
REST_S = 0.05
STILL_S = 0.15  # after a keyframe: until a picture of the arm at rest has arrived
SPLINE_STEPS_RAD = (10.0, 0.25, 0.1)
HAND_DOWN_QUAT_XYZW = (1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Motion:
    """What an action became."""

    trajectory: Trajectory
    duration_s: float
    refusal: str | None


@runtime_checkable
class Control(Protocol):
    """One kind of action; the last number of every action is the opening of the gripper, -1 closed to 1 open."""

    size: int
    steps_per_motion: int
    """Actions allowed for each motion of the task's step limit (a pick, a place)."""

    def begin(self, rng: np.random.Generator) -> None:
        """An episode starts with the arm at rest."""
        ...

    def move(self, action: Float[np.ndarray, "numbers"], time_s: float) -> Motion:
        """The motion that begins now."""
        ...


class _Streamed:
    """Actions at a rate, each a new target that the servo goes to."""

    size = 8

    def __init__(self, servo: Servo, hz: int) -> None:
        self._servo, self._step_s = servo, 1.0 / hz
        self.steps_per_motion = 5 * hz

    def begin(self, rng: np.random.Generator) -> None:
        """Nothing is drawn."""

    def _aim(
        self, target_rad: Float[np.ndarray, "joints"], action: Float[np.ndarray, "numbers"], time_s: float
    ) -> Motion:
        trajectory, refusal = self._servo.aim(target_rad, _opening_m(action, self._servo), time_s)
        return Motion(trajectory, self._step_s, refusal)


class JointSteps(_Streamed):
    """Each joint's target moves by up to 1 rad/s."""

    def move(self, action: Float[np.ndarray, "numbers"], time_s: float) -> Motion:
        """From the target so far, not from where the arm is: an action of zeros lets it arrive."""
        target_rad = self._servo.target_rad + action[:-1] * (JOINT_SPEED_RADPS * self._step_s)
        return self._aim(target_rad, action, time_s)


class JointTargets(_Streamed):
    """Each joint's target: -1 its lower limit, 1 its upper one."""

    def move(self, action: Float[np.ndarray, "numbers"], time_s: float) -> Motion:
        """As fast as comfortable, jerk-limited."""
        low, high = self._servo.low_rad, self._servo.high_rad
        return self._aim(low + (action[:-1] + 1.0) / 2 * (high - low), action, time_s)


class HandSteps(_Streamed):
    """The tool's target moves by up to 0.25 m/s and turns by up to 1 rad/s, along and about the world's axes."""

    size = 7

    def __init__(self, servo: Servo, hz: int) -> None:
        super().__init__(servo, hz)
        self._T_world_target = np.eye(4)

    def begin(self, rng: np.random.Generator) -> None:
        """The target starts where the tool is."""
        self._T_world_target = self._servo.model.tool_pose(self._servo.target_rad)

    def move(self, action: Float[np.ndarray, "numbers"], time_s: float) -> Motion:
        """Inverse kinematics from the target before; the target slides along the walls of the workspace."""
        low, high = workspace(self._servo.model)
        T_world_target = self._T_world_target.copy()
        step_m = action[:3] * (HAND_SPEED_MPS * self._step_s)
        T_world_target[:3, 3] = np.clip(T_world_target[:3, 3] + step_m, low + 1e-3, high - 1e-3)
        turn = Rotation.from_rotvec(action[3:6] * (HAND_TURN_RADPS * self._step_s))
        T_world_target[:3, :3] = turn.as_matrix() @ T_world_target[:3, :3]
        found = follow_tool(self._servo.model, T_world_target, self._servo.target_rad)
        refusal = "the arm cannot reach there" if found is None else None
        if found is not None and np.abs(found - self._servo.state(time_s).positions_rad).max() > MAX_LEAD_RAD:
            found, refusal = None, "the arm would have to turn too fast"
        target_rad = self._servo.target_rad if found is None else found
        motion = self._aim(target_rad, action, time_s)
        if refusal is None and motion.refusal is None:
            self._T_world_target = T_world_target
        return replace(motion, refusal=refusal or motion.refusal)


class Keyframes:
    """A pose of the tool and an opening: the planner moves the arm there, then the gripper obeys.

    Three numbers place the tool within the workspace; four are its orientation as a quaternion xyzw of any length
    (zeros: the hand straight down). Objects are not known to the planner, which keeps off the table and itself.
    """

    size = 8
    steps_per_motion = 4

    def __init__(self, servo: Servo, planner: PathPlanner) -> None:
        self._servo, self._planner = servo, planner
        self._limits = motion_limits(servo.model.description)
        self._rng = np.random.default_rng(0)

    def begin(self, rng: np.random.Generator) -> None:
        """The search for paths draws from `rng`."""
        self._rng = rng

    def move(self, action: Float[np.ndarray, "numbers"], time_s: float) -> Motion:
        """There along a free path; a pose without one leaves the arm where it is, and the gripper still obeys."""
        start_rad, width_m = self._servo.target_rad, self._servo.width_m
        timeline = Timeline(self._servo.model.description.arm_joints, start_rad, width_m)
        path, refusal = self._find_path(start_rad, self.pose_of(action))
        if path is not None:
            timeline.follow(path)
        wanted_m = _opening_m(action, self._servo)
        timeline.pause(GRIP_S if wanted_m != width_m else REST_S, wanted_m)
        self._servo.begin(timeline.positions_rad, wanted_m, time_s + timeline.time_s)
        trajectory = timeline.build(label="keyframe")
        return Motion(trajectory, trajectory.duration_s + STILL_S, refusal)

    def pose_of(self, action: Float[np.ndarray, "numbers"]) -> Float[np.ndarray, "4 4"]:
        """T_world_tool that an action asks for."""
        low, high = workspace(self._servo.model)
        quat_xyzw = action[3:7] if np.linalg.norm(action[3:7]) > 1e-3 else np.array(HAND_DOWN_QUAT_XYZW)
        T_world_tool = np.eye(4)
        T_world_tool[:3, :3] = Rotation.from_quat(quat_xyzw).as_matrix()
        T_world_tool[:3, 3] = low + (action[:3] + 1.0) / 2 * (high - low)
        return T_world_tool

    def _find_path(
        self, start_rad: Float[np.ndarray, "joints"], T_world_goal: Float[np.ndarray, "4 4"]
    ) -> tuple[TimedPath | None, str | None]:
        model = self._servo.model
        is_near = float(np.linalg.norm(T_world_goal[:3, 3] - model.tool_pose(start_rad)[:3, 3])) <= LINE_M
        line = tool_line(model, start_rad, T_world_goal) if is_near else None
        if line is not None and self._planner.first_conflict(line[0], self._servo.width_m, ROOM) is None:
            return time_path(line[0], self._limits, lengths_m=line[1], line=LineSpeed()), None
        seeds = [np.array(model.description.look_rad), start_rad]
        goal_rad = model.solve_ik(T_world_goal, seeds, self._rng, IkSettings(num_restarts=8))
        if goal_rad is None:
            return None, "the arm cannot reach there"
        seed = int(self._rng.integers(2**31 - 2))
        path = self._planner.connect(start_rad, goal_rad, self._servo.width_m, ROOM, seed)
        if path is None:
            return None, "no way there keeps off the table and the arm itself"
        for step_rad in SPLINE_STEPS_RAD if len(path) > 2 else (math.inf,):
            # A smooth curve cuts corners; with more points on the straight pieces it keeps nearer to them.
            timed = time_path(path if math.isinf(step_rad) else densify(path, step_rad), self._limits)
            if self._planner.first_conflict(timed.positions_rad, self._servo.width_m, ROOM) is None:
                return timed, None
        return None, "the way there cannot be made smooth"


def make_control(name: str, model: RobotModel, hz: int) -> tuple[Control, Servo]:
    """The control of that name in CONTROLS, and the servo that it drives."""
    collision = CollisionModel(model)
    servo = Servo(model, collision)
    return CONTROLS[name](servo, collision, hz), servo


CONTROLS: Mapping[str, Callable[[Servo, CollisionModel, int], Control]] = {
    "joint_delta": lambda servo, collision, hz: JointSteps(servo, hz),
    "joint": lambda servo, collision, hz: JointTargets(servo, hz),
    "ee_delta": lambda servo, collision, hz: HandSteps(servo, hz),
    "keyframe": lambda servo, collision, hz: Keyframes(servo, PathPlanner(collision)),
}


def _opening_m(action: Float[np.ndarray, "numbers"], servo: Servo) -> float:
    return float((action[-1] + 1.0) / 2 * servo.max_width_m)
