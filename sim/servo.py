"""An arm that follows a target which changes with every control step: jerk-limited, always on a way that is checked.

In:  targets for the joints, wanted openings of the gripper, the time on the robot's clock.
Out: Trajectory values for the robot, each from where the arm is commanded to be now to rest at the target.

A target is refused, and the former one kept, when the way to it would take the arm out of its joint limits, its tool
out of the workspace, or the arm into the table or itself. Every way ends at rest and was checked to its end, so the
arm can be left alone at any moment. Objects are not looked at: touching them is the task.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from ..planning.chase import Chase, MotionState
from ..planning.collision import FINGER, SELF, CollisionModel, Room
from ..planning.motion import workspace, worst_conflict
from ..planning.robot_model import RobotModel
from ..planning.timing import GRIPPER_COMMAND_MPS, motion_limits
from ..planning.types import TABLE, Trajectory

LIMIT_MARGIN_RAD = 0.01
SAMPLE_S = 1 / 120
CHECK_S = 0.025
ROOM = Room(table_m=0.0, required_m={("*", TABLE): 0.005, (FINGER, TABLE): 0.001, ("*", SELF): 0.005})


class Servo:
    """What the arm of one episode is told; `begin` starts another."""

    def __init__(self, model: RobotModel, collision: CollisionModel) -> None:
        self.model = model
        self._collision = collision
        self._limits = motion_limits(model.description)
        self.low_rad = model.position_min_rad + LIMIT_MARGIN_RAD
        self.high_rad = model.position_max_rad - LIMIT_MARGIN_RAD
        self.max_width_m = model.description.gripper.max_width_m
        self.begin(np.array(model.description.look_rad), self.max_width_m)

    def begin(self, positions_rad: Float[np.ndarray, "joints"], width_m: float, time_s: float = 0.0) -> None:
        """The arm rests here."""
        still = np.zeros(len(positions_rad))
        self._chase = Chase(MotionState(positions_rad, still, still), positions_rad, self._limits)
        self._start_s = time_s
        self._from_width_m = self.width_m = width_m

    @property
    def target_rad(self) -> Float[np.ndarray, "joints"]:
        """Where the arm is going."""
        return self._chase.target_rad

    def state(self, time_s: float) -> MotionState:
        """Where the arm is commanded to be."""
        return self._chase.state(time_s - self._start_s)

    def aim(
        self, target_rad: Float[np.ndarray, "joints"], width_m: float, time_s: float
    ) -> tuple[Trajectory, str | None]:
        """The motion from now on, and why the target was refused, if it was; the gripper always obeys."""
        now = self.state(time_s)
        opening_m = self._opening_m(time_s)
        chase = Chase(now, np.clip(target_rad, self.low_rad, self.high_rad), self._limits)
        refusal = self._why_not(chase, opening_m)
        if refusal is not None:
            chase = Chase(now, self.target_rad, self._limits)
        self._chase, self._start_s = chase, time_s
        self._from_width_m, self.width_m = opening_m, float(np.clip(width_m, 0.0, self.max_width_m))
        return self._make_trajectory(), refusal

    def _opening_m(self, time_s: float) -> float:
        """The commanded opening, on its way to `width_m`."""
        way_m = self.width_m - self._from_width_m
        gone_m = min(abs(way_m), GRIPPER_COMMAND_MPS * (time_s - self._start_s))
        return self._from_width_m + math.copysign(gone_m, way_m)

    def _make_trajectory(self) -> Trajectory:
        chase, way_m = self._chase, self.width_m - self._from_width_m
        duration_s = max(chase.duration_s, abs(way_m) / GRIPPER_COMMAND_MPS, SAMPLE_S)
        times_s = np.linspace(0.0, duration_s, math.ceil(duration_s / SAMPLE_S) + 1)
        states = [chase.state(float(time_s)) for time_s in times_s[:-1]] + [chase.state(math.inf)]
        gone_m = np.minimum(abs(way_m), GRIPPER_COMMAND_MPS * times_s)
        return Trajectory(
            self.model.description.arm_joints,
            times_s,
            np.array([state.positions_rad for state in states]),
            np.array([state.velocities_radps for state in states]),
            self._from_width_m + math.copysign(1.0, way_m) * gone_m,
        )

    def _why_not(self, chase: Chase, width_m: float) -> str | None:
        """Why this way may not be gone, in words; what is wrong at its start already may be left."""
        times_s = np.linspace(0.0, chase.duration_s, math.ceil(chase.duration_s / CHECK_S) + 1)
        way_rad = np.array([chase.state(float(time_s)).positions_rad for time_s in times_s])
        over_rad = np.maximum(way_rad - self.model.position_max_rad, self.model.position_min_rad - way_rad).max(axis=0)
        if over_rad.max() > 0.0:
            return f"{self.model.description.arm_joints[int(over_rad.argmax())]} would leave its limits"
        low, high = workspace(self.model)
        widths = np.full(len(way_rad), width_m)
        tool = self.model.links.index(self.model.description.tool_frame)
        places = self.model.link_poses(way_rad, widths)[tool][:, :3, 3]
        outside_m = np.maximum(low - places, places - high).max(axis=1)
        if outside_m.max() > max(float(outside_m[0]), 0.0) + 1e-6:
            return "the tool would leave the workspace"
        conflict = worst_conflict(self._collision.scan(way_rad, widths, ROOM), ROOM)
        if conflict is not None and conflict.index > 0:
            return f"the {conflict.part} would come too near to {'the ' * (conflict.owner == TABLE)}{conflict.owner}"
        return None
