"""The geometric policy: a plan step becomes motion by geometry alone, nothing learned.

In:  PolicyInput; only the scene, the task's goal and constraints and the step are looked at.
Out: Trajectory, or NoMotion with a reason.
The same scene, step and seed give the same motion, whatever was asked before.
"""

from __future__ import annotations

import zlib

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ..planning.robot_model import RobotModel
from ..planning.rules import read_zones
from ..planning.types import PILE, TABLE, Action, NoMotion, NoMotionReason, Predicate, Trajectory
from .motion import MotionMaker
from .policy import PolicyInput, PolicySpec, Sense
from .situation import Situation
from .skills import Skills
from .strokes import Strokes
from .surroundings import make_walls


class GeometricConfig(BaseModel):
    """How fast it moves and what it stays out of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    speed: float = Field(default=1.0, gt=0.0, le=1.0, description="part of the comfortable speed")
    keep_out: tuple[tuple[float, float, float, float, float, float], ...] = Field(
        default=(), description="boxes to stay out of: x, y, z minimum, then maximum; m, world frame"
    )


class GeometricPolicy:
    """Pick, place, open, close and look for one robot."""

    def __init__(self, config: GeometricConfig, model: RobotModel, maker: MotionMaker | None = None) -> None:
        self._config = config
        maker = maker or MotionMaker(model, config.speed)
        self._skills, self._strokes = Skills(maker), Strokes(maker)
        self._seed = 0

    def reset(self, seed: int) -> None:
        """Start an episode."""
        self._seed = seed

    def act(self, given: PolicyInput) -> Trajectory | NoMotion:
        """A motion for the step, from where the body is now."""
        scene, step = given.scene, given.step
        if scene.body is None:
            return NoMotion(NoMotionReason.NOT_SEEN, "the state of the arm is not known; no joints were read")
        zones, _ = read_zones(given.task.constraints)
        walls = make_walls([*self._config.keep_out, *zones])
        # Drawn from the step itself, so that a motion does not depend on how many came before.
        rng = np.random.default_rng([self._seed, zlib.crc32(str(step).encode()), step.attempt])
        now = Situation(scene, scene.body, step, rng, walls, given.task.goal)
        if step.action is Action.LOOK:
            return self._skills.look(now)
        if step.action is Action.SWEEP:
            return self._strokes.sweep(now, step.object_id or PILE, step.target_id or TABLE)
        item = scene.find(step.object_id) if step.object_id else None
        if item is None:
            return NoMotion(NoMotionReason.NOT_SEEN, f"{step.object_id} is not in the scene")
        if step.action is Action.PICK:
            return self._skills.pick(now, item)
        if step.action in (Action.OPEN, Action.CLOSE):
            return self._skills.slide(now, item, is_opening=step.action is Action.OPEN)
        if step.action is Action.POUR:
            into = scene.find(step.target_id or "")
            if into is None:
                return NoMotion(NoMotionReason.NOT_SEEN, f"{step.target_id} is not in the scene")
            return self._skills.pour(now, item, into)
        if step.action is Action.PUSH:
            return self._strokes.push(now, item, step.relation or Predicate.ON, step.target_id or TABLE)
        return self._skills.place(now, item, step.relation or Predicate.ON, step.target_id or TABLE)


SPEC = PolicySpec(
    name="geometric",
    needs=(Sense.SCENE, Sense.JOINTS),
    gives=None,
    config=GeometricConfig,
    build=GeometricPolicy,
    summary="inverse kinematics and collision-free motion planning, nothing learned",
    is_rehearsable=True,
)
