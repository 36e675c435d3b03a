"""Moves the hand to places from which sensors can be calibrated: tilted and turned about the middle of the table.

In:  the built parts of a run, how many places.
Out: every SensorFrame that was read; every motion was planned around what is seen and allowed by the guard.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from ..perception.types import BodyState, SceneState, SensorFrame
from ..planning.timing import TimedPath, Timeline
from ..planning.types import Action, PlanStep, Task, Trajectory
from ..policies.motion import MotionMaker
from ..policies.surroundings import make_room
from .build import Parts
from .config import ConfigError

SETTLE_S = 0.25
"""After a motion, so that pictures of the resting arm have arrived."""
MIDDLE_WORLD = (0.47, 0.0, 0.02)
AWAY_M = (0.30, 0.38)
TILTS_RAD = (0.1, 0.5)
TRIES = 6
"""Places drawn for each look, of which the first with a free way is taken."""


def look_around(parts: Parts, num_looks: int, seed: int) -> Iterator[SensorFrame]:
    """Frames as they are read; the robot is at rest before and after.

    Raises:
        ConfigError: the robot tells no joint positions.
    """
    robot, rng = parts.robot, np.random.default_rng(seed)
    maker = MotionMaker(parts.model, 1.0)
    task = Task("calibrate", (), constraints=parts.constraints)
    step = PlanStep(Action.LOOK, "to see the same things from elsewhere")
    frame = robot.reset(seed)
    yield frame
    scene = parts.perceiver.update(frame)
    for number in range(num_looks):
        frame = robot.read(robot.time_s + SETTLE_S)
        yield frame
        scene = parts.perceiver.update(frame)
        if scene.body is None:
            raise ConfigError("The robot's joints were not read, so that it cannot be moved. Check `verbot doctor`.")
        for _ in range(TRIES):
            trajectory = _way(maker, scene, scene.body, _draw_pose(rng, number), rng)
            if trajectory is None:
                continue
            verdict = parts.guard.check(trajectory, scene, task, step)
            if verdict.trajectory is not None:
                robot.command(verdict.trajectory, robot.time_s)
                yield robot.read(robot.time_s + float(verdict.trajectory.times_s[-1]), images=False)
                break
    yield robot.read(robot.time_s + SETTLE_S)


def _draw_pose(rng: np.random.Generator, number: int) -> Float[np.ndarray, "4 4"]:
    """The tool above the middle of the table, pointing at it from one side, each time from another."""
    side_rad = 2.4 * number + rng.uniform(-0.3, 0.3)  # the golden angle: all sides soon
    tilt_rad, away_m = rng.uniform(*TILTS_RAD), rng.uniform(*AWAY_M)
    lean = Rotation.from_rotvec(tilt_rad * np.array([math.cos(side_rad), math.sin(side_rad), 0.0]))
    turn = Rotation.from_euler("z", rng.uniform(-0.7, 0.7))
    pose = np.eye(4)
    pose[:3, :3] = (lean * turn).as_matrix() @ np.diag([1.0, -1.0, -1.0])
    pose[:3, 3] = np.array(MIDDLE_WORLD) - away_m * pose[:3, 2]
    return pose


def _way(
    maker: MotionMaker, scene: SceneState, body: BodyState, T_world_tool: Float[np.ndarray, "4 4"],
    rng: np.random.Generator,
) -> Trajectory | None:  # fmt: skip
    goal_rad = maker.reach(T_world_tool, [body.positions_rad], rng)
    if goal_rad is None:
        return None
    way = maker.transit(body.positions_rad, goal_rad, body.gripper_width_m, make_room(scene), rng)
    if not isinstance(way, TimedPath):
        return None
    timeline = Timeline(body.joint_names, body.positions_rad, body.gripper_width_m)
    timeline.follow(way)
    return timeline.build(label="calibrate", target_pose_world=T_world_tool)
