"""Hand-made scenes and motions for the tests of robot model, path, timing and guard."""

import functools

import numpy as np
from verbot.perception.types import BodyState, ObjectState, SceneState, Shape, SupportSurface
from verbot.planning.robot_description import load_robot
from verbot.planning.robot_model import RobotModel
from verbot.planning.timing import Timeline, motion_limits, time_path
from verbot.planning.types import Trajectory


@functools.cache
def panda() -> RobotModel:
    return RobotModel(load_robot("panda"))


def look() -> np.ndarray:
    return np.array(panda().description.look_rad)


def solid(name: str, shape: Shape, size: tuple[float, float, float], x: float, y: float, cavity: float = 0.0):
    pose = np.eye(4)
    pose[:3, 3] = (x, y, size[2] / 2)
    return ObjectState(
        id=name,
        pose_world=pose,
        covariance=np.zeros((6, 6)),
        size_m=np.array(size),
        color_rgb=np.ones(3),
        color="white",
        shape=shape,
        shape_confidence=1.0,
        existence=1.0,
        sources=("test",),
        last_seen_s=0.0,
        cavity_depth_m=cavity,
    )


def block(name: str, x: float, y: float, edge: float = 0.045) -> ObjectState:
    return solid(name, Shape.BLOCK, (edge, edge, edge), x, y)


def bowl(name: str, x: float, y: float) -> ObjectState:
    return solid(name, Shape.BOWL, (0.15, 0.15, 0.055), x, y, cavity=0.049)


def table_scene(*objects: ObjectState, at: np.ndarray | None = None, held: str | None = None) -> SceneState:
    positions = look() if at is None else at
    width = 0.08 if held is None else 0.045
    body = BodyState(panda().description.arm_joints, positions, np.zeros(7), width, held)
    table = SupportSurface(0.0, 0.0, (0.15, -0.55, 0.85, 0.55), 0.0)
    return SceneState(1.0, 1.0, tuple(objects), table, body, ())


def hand_at(x: float, y: float, z: float, seed: np.ndarray | None = None) -> np.ndarray:
    """Arm position with the hand pointing straight down."""
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[:3, 3] = (x, y, z)
    solution = panda().solve_ik(pose, [look() if seed is None else seed], np.random.default_rng(0))
    assert solution is not None
    return solution


def sweep(*positions: np.ndarray, start: np.ndarray | None = None) -> Trajectory:
    """A jerk-limited motion from the look pose through positions, hand open, stopping at each."""
    timeline = Timeline(panda().description.arm_joints, look() if start is None else start, 0.08)
    for position in positions:
        path = np.stack([timeline.positions_rad, position])
        timeline.follow(time_path(path, motion_limits(panda().description)))
    return timeline.build()
