"""The tool along a straight line, as arm positions close to each other.

In:  where the arm is, where the tool should go.
Out: waypoints in joint space and the way of the tool up to each; None when the arm cannot follow.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation, Slerp  # pyright: ignore[reportMissingTypeStubs]

from .inverse_kinematics import IkSettings, refine_all
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
    positions = _all_at_once(model, start_rad, poses)
    if positions is None:
        positions = _one_by_one(model, start_rad, poses)
    return None if positions is None else (positions, np.linspace(0.0, length_m, num + 1))


def _all_at_once(
    model: RobotModel, start_rad: Float[np.ndarray, "joints"], poses: Float[np.ndarray, "poses 4 4"]
) -> Float[np.ndarray, "waypoints joints"] | None:
    """From the end, which is near enough on most lines, even steps between give starts for all the others."""
    end_rad = follow_tool(model, poses[-1], start_rad)
    if end_rad is None:
        return None
    shares = np.arange(1, len(poses) + 1) / len(poses)
    found = refine_all(model, poses, start_rad + shares[:, None] * (end_rad - start_rad), IkSettings())
    if found is None:
        return None
    positions = np.concatenate([start_rad[None], found])
    return positions if np.abs(np.diff(positions, axis=0)).max() <= LINE_JUMP_RAD else None


def _one_by_one(
    model: RobotModel, start_rad: Float[np.ndarray, "joints"], poses: Float[np.ndarray, "poses 4 4"]
) -> Float[np.ndarray, "waypoints joints"] | None:
    positions = [start_rad]
    for T_world_next in poses:
        found = follow_tool(model, T_world_next, positions[-1])
        if found is None or np.abs(found - positions[-1]).max() > LINE_JUMP_RAD:
            return None
        positions.append(found)
    return np.array(positions)


def follow_tool(
    model: RobotModel, T_world_tool: Float[np.ndarray, "4 4"], near_rad: Float[np.ndarray, "joints"]
) -> Float[np.ndarray, "joints"] | None:
    """The arm position for a tool pose near the one that the arm has."""
    return model.solve_ik(T_world_tool, [near_rad], np.random.default_rng(0), IkSettings(num_restarts=0))
