"""Where a parallel gripper can take an object, from its perceived geometry, best first.

In:  ObjectState, GripperDescription.
Out: Grasp values: tool poses pointing down, straight or leaning, and the opening to come with. Values that work are
     measured with simulated friction grasps. Nothing here knows neighbours or the arm; policies/skills.py does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ..perception.types import ObjectState, Shape
from ..planning.object_solids import WALL_M
from ..planning.robot_description import GripperDescription

OPEN_EXTRA_M = 0.020  # opened wider than the object by this much
TIP_ABOVE_SUPPORT_M = 0.0045  # fingertips stay this far above what the object stands on
DEPTH_SHARE = 0.6  # tool this share of the height below the top …
DEPTH_MAX_M = 0.025  # … but not deeper, or the hand comes down on the object
DEPTH_MIN_M = 0.0105  # the pads end this far above the tool; higher up they would not be covered
RAISE_M = 0.004  # a higher grasp keeps the hand above what stands beside the object
RAISE_COST = 20.0  # for each metre
# Askew to the faces, when nothing else has room: the fingers then turn the object until it lies flat between them.
ASKEW_RAD = (0.0, 0.2, -0.2, 0.4, -0.4)
ASKEW_COST = 1.0  # for each radian
# Leaning about the closing axis, where a wall or a board leaves the arm no way straight up.
LEANS_RAD = (0.3, -0.3, 0.55, -0.55)
LEAN_COST = 0.3  # for each radian
MUG_DEPTH_M = 0.036  # near its middle, or it rocks in the hand; the hand is then just above its rim
RIM_DEPTH_M = 0.016
RIM_OPEN_M = 0.040
TRAY_DEPTH_M = 0.012
TRAY_OPEN_M = 0.030
GRIP_SPARE_M = 0.005  # the object must be narrower than the widest opening by this much
NUM_AROUND = 8  # yaws tried on round objects (half a turn)
NUM_RIM = 16


@dataclass(frozen=True, slots=True)
class Grasp:
    """The tool's pose when the fingers close, the opening before, and how little it is liked.

    Where it `may_turn`, the fingers may be exchanged; where it `is_tight`, they may rub against a wall on their way.
    """

    T_world_tool: Float[np.ndarray, "4 4"]
    open_m: float
    cost: float
    may_turn: bool = True
    is_tight: bool = False


def make_grasps(item: ObjectState, gripper: GripperDescription) -> list[Grasp]:
    """All grasps of the object worth trying, by liking. Closing axes differ by less than half a turn."""
    upright = abs(float(item.pose_world[2, 2])) > 0.9
    if item.shape is Shape.PLATE:
        # Taken at the rim, a plate swings down about the fingers whatever the force (measured).
        return []
    if upright and item.shape is Shape.BOWL:
        return _rim_grasps(item, gripper)
    if upright and item.shape in (Shape.TRAY, Shape.BOX):
        return _tray_grasps(item, gripper)
    if upright and item.shape is Shape.MUG:
        return _mug_grasps(item, gripper)
    if upright and item.shape is Shape.CYLINDER:
        yaws = [item.yaw_rad + math.pi * k / NUM_AROUND for k in range(NUM_AROUND)]
        return [g for yaw in yaws for g in _body_grasp(item, gripper, yaw, float(item.size_m[0]), 0.0)]
    return _box_grasps(item, gripper)


def pointing_down(yaw_rad: float, position_world: Float[np.ndarray, "3"]) -> Float[np.ndarray, "4 4"]:
    """T_world_tool with z down and the closing axis (y) at the yaw."""
    c, s = math.cos(yaw_rad), math.sin(yaw_rad)
    pose = np.eye(4)
    # x = y × z, so that the frame is right-handed with z down.
    pose[:3, 0], pose[:3, 1], pose[:3, 2] = (-s, c, 0.0), (c, s, 0.0), (0.0, 0.0, -1.0)
    pose[:3, 3] = position_world
    return pose


def leaning(T_world_tool: Float[np.ndarray, "4 4"], lean_rad: float) -> Float[np.ndarray, "4 4"]:
    """The same grasp with the hand turned about the closing axis."""
    c, s = math.cos(lean_rad), math.sin(lean_rad)
    return T_world_tool @ np.array([[c, 0, s, 0], [0, 1, 0, 0], [-s, 0, c, 0], [0, 0, 0, 1]])


def turned_half(T_world_tool: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "4 4"]:
    """The same grasp with the fingers exchanged."""
    return T_world_tool @ np.diag([-1.0, -1.0, 1.0, 1.0])


def _box_grasps(item: ObjectState, gripper: GripperDescription) -> list[Grasp]:
    """Across each pair of faces that stands upright, the narrower first."""
    grasps: list[Grasp] = []
    for axis in range(3):
        direction = item.pose_world[:3, axis]
        if abs(float(direction[2])) > 0.35:
            continue
        yaw = math.atan2(float(direction[1]), float(direction[0]))
        width_m, across_m = float(item.size_m[axis]), float(np.delete(item.size_m, axis).max())
        for turn in ASKEW_RAD:
            askew_m = width_m * math.cos(turn) + across_m * abs(math.sin(turn))
            grasps += _body_grasp(item, gripper, yaw + turn, askew_m, width_m + ASKEW_COST * abs(turn))
        grasps += [
            replace(g, T_world_tool=leaning(g.T_world_tool, lean), cost=g.cost + LEAN_COST * abs(lean))
            for g in _body_grasp(item, gripper, yaw, width_m, width_m)[1:2]
            for lean in LEANS_RAD
        ]
    return sorted(grasps, key=lambda g: g.cost)


def _body_grasp(
    item: ObjectState, gripper: GripperDescription, yaw_rad: float, width_m: float, cost: float
) -> list[Grasp]:
    """Around the whole object, if it is narrow enough."""
    if width_m > gripper.max_width_m - GRIP_SPARE_M:
        return []
    top_m, bottom_m = _heights(item)
    depth_m = min(DEPTH_SHARE * (top_m - bottom_m), DEPTH_MAX_M)
    height_m = max(top_m - depth_m, bottom_m + TIP_ABOVE_SUPPORT_M + gripper.tip_to_tool_m)
    open_m = min(width_m + OPEN_EXTRA_M, gripper.max_width_m)
    highest_m = max(height_m, top_m - DEPTH_MIN_M)
    heights_m = [height_m, min(height_m + RAISE_M, highest_m), highest_m]
    return [
        Grasp(
            pointing_down(yaw_rad, np.array([*item.position_world[:2], z])), open_m, cost + RAISE_COST * (z - height_m)
        )
        for z in dict.fromkeys(heights_m)
    ]


def _mug_grasps(item: ObjectState, gripper: GripperDescription) -> list[Grasp]:
    """Around the body, closing across the handle; if need be up to 30° beside that."""
    width_m = float(item.size_m[0])
    if width_m > gripper.max_width_m - GRIP_SPARE_M:
        return _rim_grasps(item, gripper)
    top_m, bottom_m = _heights(item)
    height_m = max(top_m - MUG_DEPTH_M, bottom_m + TIP_ABOVE_SUPPORT_M + gripper.tip_to_tool_m)
    position = np.array([*item.position_world[:2], height_m])
    open_m = min(width_m + OPEN_EXTRA_M, gripper.max_width_m)
    offsets = [0.0, 0.26, -0.26, 0.52, -0.52]
    yaws = [item.yaw_rad + math.pi / 2 + offset for offset in offsets]
    return [Grasp(pointing_down(yaw, position), open_m, 0.05 * abs(o)) for yaw, o in zip(yaws, offsets, strict=True)]


def _rim_grasps(item: ObjectState, gripper: GripperDescription) -> list[Grasp]:
    """One finger inside, one outside; the side nearer to the robot is liked, it keeps the arm folded."""
    if item.cavity_depth_m < RIM_DEPTH_M + gripper.tip_to_tool_m:
        return []
    radius_m = float(item.size_m[:2].max()) / 2 - WALL_M / 2
    top_m, _ = _heights(item)
    center = item.position_world
    inward = math.atan2(-float(center[1]), -float(center[0]))
    grasps: list[Grasp] = []
    for k in range(NUM_RIM):
        angle = inward + math.pi * 2 * k / NUM_RIM
        offset = radius_m * np.array([math.cos(angle), math.sin(angle)])
        position = np.array([center[0] + offset[0], center[1] + offset[1], top_m - RIM_DEPTH_M])
        cost = 0.05 * (1.0 - math.cos(angle - inward))
        grasps.append(Grasp(pointing_down(angle, position), RIM_OPEN_M, cost))
    return grasps


def _tray_grasps(item: ObjectState, gripper: GripperDescription) -> list[Grasp]:
    """The middle of each wall, the long ones first."""
    half = item.size_m / 2
    top_m, _ = _heights(item)
    grasps: list[Grasp] = []
    for axis, sign in ((1, 1.0), (1, -1.0), (0, 1.0), (0, -1.0)):
        direction = sign * item.pose_world[:3, axis]
        middle = item.position_world + direction * (half[axis] - 0.003)
        yaw = math.atan2(float(direction[1]), float(direction[0]))
        cost = float(np.linalg.norm(middle[:2])) * 0.1 + (0.5 if axis == 0 else 0.0)
        position = np.array([middle[0], middle[1], top_m - TRAY_DEPTH_M])
        grasps.append(Grasp(pointing_down(yaw, position), TRAY_OPEN_M, cost))
    return sorted(grasps, key=lambda g: g.cost)


def _heights(item: ObjectState) -> tuple[float, float]:
    """Highest and lowest point of the object's box, also when it lies on its side."""
    half_m = float(np.abs(item.pose_world[2, :3]) @ item.size_m) / 2
    center_m = float(item.position_world[2])
    return center_m + half_m, center_m - half_m
