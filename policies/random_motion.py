"""The random policy: a control that any policy worth its name must beat clearly.

In:  PolicyInput; the scene is looked at only to keep clear of it, sentence and step not at all.
Out: a Trajectory to a random tool pose that the arm can reach, then a random opening of the gripper; NoMotion
     when none of a few draws has a free way. Made by the same motion tools as the geometric policy's, so that
     what is compared is the choice and not the driving.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field

from ..perception.types import BodyState, ObjectState
from ..planning.object_solids import width_between
from ..planning.robot_model import RobotModel
from ..planning.rules import read_zones
from ..planning.timing import TimedPath, Timeline
from ..planning.types import HeldSpan, NoMotion, NoMotionReason, Trajectory
from .motion import MotionMaker
from .policy import PolicyInput, PolicySpec, Sense
from .situation import Situation
from .surroundings import carrying, make_walls

MAX_DRAWS = 12


class RandomConfig(BaseModel):
    """Where the tool may be sent, world frame."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low_m: tuple[float, float, float] = (0.30, -0.35, 0.04)
    high_m: tuple[float, float, float] = (0.65, 0.35, 0.35)
    speed: float = Field(default=1.0, gt=0.0, le=1.0, description="part of the comfortable speed")


class RandomPolicy:
    """Goes somewhere and opens or closes the hand."""

    def __init__(self, config: RandomConfig, model: RobotModel) -> None:
        self._config = config
        self._maker = MotionMaker(model, config.speed)
        self._max_width_m = model.description.gripper.max_width_m
        self._seed = 0

    def reset(self, seed: int) -> None:
        """Start an episode."""
        self._seed = seed

    def act(self, given: PolicyInput) -> Trajectory | NoMotion:
        """A random motion from where the body is now."""
        scene, body = given.scene, given.scene.body
        if body is None:
            return NoMotion(NoMotionReason.NOT_SEEN, "the state of the arm is not known; no joints were read")
        # Drawn from seed and time: the same input gives the same motion, and the next one differs.
        rng = np.random.default_rng([self._seed, int(round(scene.time_s * 1000))])
        zones, _ = read_zones(given.task.constraints)
        now = Situation(scene, body, given.step, rng, make_walls(zones))
        item = None if body.held is None else scene.find(body.held)
        for _ in range(MAX_DRAWS):
            motion = self._draw(now, body, item)
            if motion is not None:
                return motion
        return NoMotion(NoMotionReason.NO_PATH, f"none of {MAX_DRAWS} random places has a free way")

    def _draw(self, now: Situation, body: BodyState, item: ObjectState | None) -> Trajectory | None:
        T_world_tool = self._draw_pose(now.rng)
        width_m = float(now.rng.uniform(0.0, self._max_width_m))
        goal_rad = self._maker.reach(T_world_tool, [body.positions_rad], now.rng)
        if goal_rad is None:
            return None
        room, T_hand_object = now.room(), np.eye(4)
        gap_m = float(np.clip(body.gripper_width_m, 0.0, self._max_width_m))
        if item is not None:
            T_hand_object = np.linalg.inv(self._maker.model.tool_pose(body.positions_rad)) @ item.pose_world
            room = carrying(room, item, T_hand_object)
            gap_m = width_between(item, T_hand_object, self._max_width_m)
        # The hand must pass at the end as wide as it will open there.
        way = self._maker.transit(body.positions_rad, goal_rad, max(gap_m, width_m), room, now.rng)
        if not isinstance(way, TimedPath):
            return None
        timeline = Timeline(body.joint_names, body.positions_rad, 0.0 if item is not None else gap_m)
        timeline.follow(way)
        arrived_s = timeline.time_s
        timeline.pause(0.2, width_m)
        held = () if item is None else (HeldSpan(item.id, 0.0, arrived_s, T_hand_object),)
        return timeline.build(held=held, label="random", target_pose_world=T_world_tool)

    def _draw_pose(self, rng: np.random.Generator) -> Float[np.ndarray, "4 4"]:
        """The tool pointing down, turned anyhow."""
        yaw_rad = rng.uniform(-math.pi / 2, math.pi / 2)
        cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
        T_world_tool = np.eye(4)
        T_world_tool[:3, :3] = [[cos, sin, 0.0], [sin, -cos, 0.0], [0.0, 0.0, -1.0]]
        T_world_tool[:3, 3] = rng.uniform(self._config.low_m, self._config.high_m)
        return T_world_tool


SPEC = PolicySpec(
    name="random",
    needs=(Sense.SCENE, Sense.JOINTS),
    gives=None,
    config=RandomConfig,
    build=RandomPolicy,
)
