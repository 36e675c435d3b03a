"""Hand-made scenes for the tests of the geometric policy."""

import functools
from dataclasses import replace

import numpy as np
from verbot.perception.types import BodyState, ObjectState, SceneState, SensorFrame, Shape, SupportSurface
from verbot.planning.guard import Guard
from verbot.planning.robot_description import load_robot
from verbot.planning.robot_model import RobotModel
from verbot.planning.types import Action, NoMotion, PlanStep, Predicate, Task, Trajectory
from verbot.policies.geometric import GeometricConfig, GeometricPolicy
from verbot.policies.policy import PolicyInput

SIZES = {
    Shape.BLOCK: ((0.045, 0.045, 0.045), 0.0),
    Shape.CYLINDER: ((0.04, 0.04, 0.06), 0.0),
    Shape.BOWL: ((0.15, 0.15, 0.055), 0.049),
    Shape.MUG: ((0.06, 0.06, 0.075), 0.069),
    Shape.PLATE: ((0.17, 0.17, 0.015), 0.010),
    Shape.BOX: ((0.22, 0.16, 0.06), 0.056),
    Shape.TRAY: ((0.26, 0.18, 0.025), 0.021),
    Shape.THING: ((0.09, 0.05, 0.04), 0.0),
}
TASK = Task("test", ())


@functools.cache
def panda() -> RobotModel:
    return RobotModel(load_robot("panda"))


@functools.cache
def guard() -> Guard:
    return Guard(panda())


def fresh_policy(seed: int = 0, **config) -> GeometricPolicy:
    policy = GeometricPolicy(GeometricConfig(**config), panda())
    policy.reset(seed)
    return policy


def make(name: str, shape: Shape, x: float, y: float, yaw: float = 0.0, size=None, bottom: float = 0.0) -> ObjectState:
    usual, cavity = SIZES[shape]
    size = np.array(size or usual)
    pose = np.eye(4)
    pose[:2, :2] = [[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]
    pose[:3, 3] = (x, y, bottom + size[2] / 2)
    covariance = 1e-6 * np.eye(6)
    return ObjectState(name, pose, covariance, size, np.ones(3), "white", shape, 1.0, 1.0, ("test",), 0.0, cavity)


def on_table(*objects: ObjectState) -> SceneState:
    look = np.array(panda().description.look_rad)
    body = BodyState(panda().description.arm_joints, look, np.zeros(7), 0.08, None)
    table = SupportSurface(0.0, 0.0, (0.15, -0.55, 0.85, 0.55), 0.0)
    return SceneState(1.0, 1.0, objects, table, body, ())


def after(scene: SceneState, motion: Trajectory, held: str | None) -> SceneState:
    """The scene when the motion went as meant."""
    objects = list(scene.objects)
    for span in motion.held:
        row = min(int(np.searchsorted(motion.times_s, span.end_s)), len(motion.times_s) - 1)
        pose = panda().tool_pose(motion.positions_rad[row]) @ span.T_hand_object
        objects = [replace(o, pose_world=pose) if o.id == span.object_id else o for o in objects]
    width = 0.02 if held else float(motion.gripper_width_m[-1])
    body = BodyState(motion.joint_names, motion.positions_rad[-1], np.zeros(7), width, held)
    return replace(scene, objects=tuple(objects), body=body)


def act(scene: SceneState, step: PlanStep, policy: GeometricPolicy | None = None) -> Trajectory | NoMotion:
    return (policy or fresh_policy()).act(PolicyInput(SensorFrame(scene.time_s), scene, TASK, step))


def pick(name: str, attempt: int = 0) -> PlanStep:
    return PlanStep(Action.PICK, "", name, attempt=attempt)


def place(name: str, relation: Predicate, target: str, attempt: int = 0) -> PlanStep:
    return PlanStep(Action.PLACE, "", name, relation, target, attempt=attempt)
