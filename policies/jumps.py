"""Motion in jumps: where the geometric policy would grasp and let go, without the ways in between.

In:  as policies/motion.py.
Out: TimedPaths of a few poses at made-up times: for keyframes (training data), never for a robot.

What is left out is the way through the air and how fast anything goes. What decides a keyframe stays: grasps and
places with room for the hand, inverse kinematics at both ends of every lift, and lanes over the table free of things.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from ..planning.collision import Room
from ..planning.robot_model import RobotModel
from ..planning.timing import TimedPath
from ..planning.tool_line import follow_tool
from ..planning.types import NoMotionReason
from .geometric import GeometricConfig, GeometricPolicy
from .motion import Blocked, MotionMaker

PIECE_S = 0.1
LEVEL_M = 0.03
"""A line that gains less height runs over the table, where what stands in its way decides whether it is taken."""


class Jumps(MotionMaker):
    """Pieces of motion from which only the ends are taken."""

    def line(
        self,
        start_rad: Float[np.ndarray, "joints"],
        T_world_goal: Float[np.ndarray, "4 4"],
        width_m: float,
        room: Room,
        *,
        pace: float = 1.0,
        gentle: float = 1.0,
    ) -> TimedPath | Blocked:
        """Up and down: whether the arm reaches the end. Over the table: checked all along."""
        T_world_start = self.model.tool_pose(start_rad)
        if abs(float(T_world_goal[2, 3] - T_world_start[2, 3])) < LEVEL_M:
            return super().line(start_rad, T_world_goal, width_m, room, pace=pace, gentle=gentle)
        end_rad = follow_tool(self.model, T_world_goal, start_rad)
        if end_rad is None:
            return Blocked(NoMotionReason.NO_IK, "the arm cannot reach the end of the straight line")
        return _jump(np.stack([start_rad, end_rad]))

    def transit(
        self,
        start_rad: Float[np.ndarray, "joints"],
        goal_rad: Float[np.ndarray, "joints"],
        width_m: float,
        room: Room,
        rng: np.random.Generator,
        *,
        is_empty: bool = False,
    ) -> TimedPath | Blocked:
        """There, by no way."""
        rng.integers(2**31 - 2)  # what is drawn afterwards must not depend on how motion is made
        return _jump(np.stack([start_rad, goal_rad]))

    def joined(
        self, first: TimedPath, second: TimedPath, width_m: float, room: Room, *, free_s: float = 0.0
    ) -> tuple[TimedPath, TimedPath]:
        """Every pose stays one of its own."""
        return first, second

    def _time_line(
        self,
        positions_rad: Float[np.ndarray, "waypoints joints"],
        lengths_m: Float[np.ndarray, "waypoints"],
        pace: float,
        gentle: float,
    ) -> TimedPath:
        return _jump(positions_rad)


def make_keyframe_policy(model: RobotModel) -> GeometricPolicy:
    """The geometric policy, moving in jumps."""
    return GeometricPolicy(GeometricConfig(), model, Jumps(model, 1.0))


def _jump(positions_rad: Float[np.ndarray, "waypoints joints"]) -> TimedPath:
    return TimedPath(np.linspace(0.0, PIECE_S, len(positions_rad)), positions_rad, np.zeros_like(positions_rad))
