"""The tool along a straight line, as arm positions close to each other.

In:  where the arm is, where the tool should go.
Out: waypoints in joint space and the way of the tool up to each; None when the arm cannot follow.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation, Slerp  # pyright: ignore[reportMissingTypeStubs]

from .inverse_kinematics import IkSettings
from .robot_model import RobotModel

LINE_STEP_M = 0.01
LINE_JUMP_RAD = 0.25
"""Between neighbours on a line; more means that the arm would swing around."""
TURN_LEVER_M = 0.1
"""A turn counts as the way of a point this far from the axis, so that it too takes its time."""


def tool_line(
    model: RobotModel, start_rad: Float[np.ndarray, "joints"], T_world_goal: Float[np.ndarray, "4 4"]
) -> tuple[Float[np.ndarray, "waypoints joints"], Float[np.ndarray, " waypoints"]] | None:
    """Waypoints from the start on, the tool turning evenly on the way, and metres up to each of them."""
    T_world_start = model.tool_pose(start_rad)
    way_m = T_world_goal[:3, 3] - T_world_start[:3, 3]
    ends = Rotation.from_matrix(np.stack([T_world_start[:3, :3], T_world_goal[:3, :3]]))
    length_m = float(np.linalg.norm(way_m)) + TURN_LEVER_M * float((ends[1] * ends[0].inv()).magnitude())
    num = max(1, math.ceil(length_m / LINE_STEP_M))
    shares = np.arange(1, num + 1) / num
    poses = np.tile(np.eye(4), (num, 1, 1))
    poses[:, :3, :3] = Slerp([0.0, 1.0], ends)(shares).as_matrix()
    poses[:, :3, 3] = T_world_start[:3, 3] + shares[:, None] * way_m
    positions = [start_rad]
    for T_world_next in poses:
        found = follow_tool(model, T_world_next, positions[-1])
        if found is None or np.abs(found - positions[-1]).max() > LINE_JUMP_RAD:
            return None
        positions.append(found)
    return np.array(positions), np.linspace(0.0, length_m, num + 1)


def follow_tool(
    model: RobotModel, T_world_tool: Float[np.ndarray, "4 4"], near_rad: Float[np.ndarray, "joints"]
) -> Float[np.ndarray, "joints"] | None:
    """The arm position for a tool pose near the one that the arm has."""
    return model.solve_ik(T_world_tool, [near_rad], np.random.default_rng(0), IkSettings(num_restarts=0))
