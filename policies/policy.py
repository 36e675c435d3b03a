"""The policy road: a plan step and a scene in, one trajectory (or an honest "cannot") out."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from ..perception.types import SceneState, SensorFrame
from ..planning.robot_model import RobotModel
from ..planning.types import MotionConvention, NoMotion, PlanStep, Task, Trajectory


class Sense(enum.StrEnum):
    """What a policy needs to have sensed."""

    CAMERA = "camera"
    LIDAR = "lidar"
    IMU = "imu"
    JOINTS = "joints"
    SCENE = "scene"


@dataclass(frozen=True, slots=True)
class PolicyInput:
    """Everything a policy may look at. Geometric policies use the scene, learned ones the frame too."""

    frame: SensorFrame
    scene: SceneState
    task: Task
    step: PlanStep


@runtime_checkable
class Policy(Protocol):
    """One step's motion at a time; state lives in the policy and `reset` forgets it."""

    def reset(self, seed: int) -> None:
        """Start an episode; all randomness comes from this seed."""
        ...

    def act(self, given: PolicyInput) -> Trajectory | NoMotion:
        """A motion for the current step that starts where the body is now."""
        ...


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """The entry point of a policy (`verbot.policies`): cheap to import, built late.

    `build` takes (config, robot_model) and returns a Policy.
    """

    name: str
    needs: tuple[Sense, ...]
    gives: MotionConvention | None  # None: whatever the robot's convention is
    config: type[BaseModel]
    build: Callable[[Any, RobotModel], Policy]
    summary: str = ""
    is_rehearsable: bool = False
    """Whether each motion does its whole step and depends on nothing but what `act` is given: then a plan is thought
    through to its end before the robot begins."""
