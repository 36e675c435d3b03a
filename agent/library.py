"""The road from a person's own code and sensors: perceive with any rig, plan and check, move nothing.

perceiver = make_perceiver()
scene = perceiver.update(SensorFrame(time_s=0.0, images=(CameraImage(…),)))
plan = CheckedPlanner("panda").plan("put the red block in the green bowl", scene)
"""

from __future__ import annotations

from typing import Any

from ..perception.types import Perceiver, SceneState
from ..planning.guard import Guard
from ..planning.planner import Planner
from ..planning.robot_description import RobotDescription
from ..planning.robot_model import RobotModel
from ..planning.rules import write_zone
from ..planning.types import MotionConvention
from .build import build_model, build_perceiver, build_policy, choose_device
from .rehearsal import CheckedPlan, rehearse


def make_perceiver(name: str = "fused", device: str = "auto", **settings: Any) -> Perceiver:
    """A perceiver without a robot: images carry their own camera pose (`mount="world"`)."""
    return build_perceiver(name, {name: settings}, None, None, choose_device(device))


class CheckedPlanner:
    """Sentences to checked plans for one robot, known by name or by its description."""

    def __init__(
        self,
        robot: str | RobotDescription = "panda",
        *,
        policy: str = "geometric",
        keep_out: tuple[tuple[float, float, float, float, float, float], ...] = (),
    ) -> None:
        self.model = RobotModel(robot) if isinstance(robot, RobotDescription) else build_model(robot)
        convention = MotionConvention(self.model.description.arm_joints)
        self._planner = Planner(self.model.description)
        self._policy = build_policy(policy, {}, convention, self.model)
        self._guard = Guard(self.model)
        self._constraints = tuple(write_zone(zone) for zone in keep_out)

    def plan(self, command: str, scene: SceneState, seed: int = 0) -> CheckedPlan:
        """The whole plan, every motion worked out and checked against the rules."""
        return rehearse(
            command,
            scene,
            self._planner,
            self._policy,
            self._guard,
            self.model,
            seed=seed,
            constraints=self._constraints,
        )
