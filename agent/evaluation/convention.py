"""How the numbers of a demonstrated action are to be read, and the reading itself, both ways.

In:  Convention (as a dataset declares it), actions (frames, values), where the body was at first.
Out: Targets: per frame the tool's pose or the joints' positions, and the opening of the gripper; SI units.

An action of frame k says where the body shall be one frame later. `delta` adds to the target before (at first: to
where the body was). Frame "base": tool position and rotation vector in the base's axes. Frame "tool": in the axes
of the tool, which for absolute actions is the tool as it was at first. The gripper is always the last value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from scipy.spatial.transform import Rotation

from ...planning.robot_model import RobotModel

SCALES = {"rad": 1.0, "deg": math.pi / 180.0, "m": 1.0, "mm": 0.001}
POSE_VALUES = 6


class Convention(BaseModel):
    """What a dataset declares of its actions. `gripper`: "width" in units of length, or a share of the opening."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frame: Literal["joint", "base", "tool"] = "joint"
    mode: Literal["absolute", "delta"] = "absolute"
    gripper: Literal["width", "opening", "closing"] = "width"
    angle: Literal["rad", "deg"] = "rad"
    length: Literal["m", "mm"] = "m"
    rate_hz: float = Field(default=25.0, gt=0.0, le=1000.0)
    state_angle: Literal["rad", "deg"] | None = None
    """Unit of angles in `observation.state`; None: as in the actions."""
    state_length: Literal["m", "mm"] | None = None

    def num_values(self, num_joints: int) -> int:
        """How many values an action has."""
        return (num_joints if self.frame == "joint" else POSE_VALUES) + 1


@dataclass(frozen=True, slots=True)
class Start:
    """Where the body was when the demonstration began."""

    positions_rad: Float[np.ndarray, "joints"]
    T_base_tool: Float[np.ndarray, "4 4"]


@dataclass(frozen=True, slots=True)
class Targets:
    """What the actions ask for. Of `positions_rad` and `T_base_tools` the one that the frame speaks of is there."""

    widths_m: Float[np.ndarray, "frames"]
    positions_rad: Float[np.ndarray, "frames joints"] | None = None
    T_base_tools: Float[np.ndarray, "frames 4 4"] | None = None


def read_states(
    states: Float[np.ndarray, "frames values"], convention: Convention
) -> tuple[Float[np.ndarray, "frames joints"], Float[np.ndarray, "frames"]]:
    """Joint positions and gripper width out of `observation.state` (joints, then width)."""
    angle = SCALES[convention.state_angle or convention.angle]
    length = SCALES[convention.state_length or convention.length]
    return states[:, :-1] * angle, states[:, -1] * length


def read_actions(
    actions: Float[np.ndarray, "frames values"], convention: Convention, start: Start, max_width_m: float
) -> Targets:
    """What the actions mean under the convention."""
    angle, length = SCALES[convention.angle], SCALES[convention.length]
    gripper = actions[:, -1]
    widths_m = {
        "width": gripper * length,
        "opening": gripper * max_width_m,
        "closing": (1.0 - gripper) * max_width_m,
    }[convention.gripper]
    if convention.frame == "joint":
        positions = actions[:, :-1] * angle
        if convention.mode == "delta":
            positions = start.positions_rad + np.cumsum(positions, axis=0)
        return Targets(widths_m, positions_rad=positions)
    motions = _poses(actions[:, :3] * length, actions[:, 3:6] * angle)
    if convention.mode == "absolute":
        return Targets(widths_m, T_base_tools=start.T_base_tool @ motions if convention.frame == "tool" else motions)
    poses, former = np.empty_like(motions), start.T_base_tool
    for index, motion in enumerate(motions):
        former = former @ motion if convention.frame == "tool" else _moved_in_base(former, motion)
        poses[index] = former
    return Targets(widths_m, T_base_tools=poses)


def write_actions(
    positions_rad: Float[np.ndarray, "frames joints"],
    widths_m: Float[np.ndarray, "frames"],
    convention: Convention,
    start: Start,
    model: RobotModel,
) -> Float[np.ndarray, "frames values"]:
    """The inverse of `read_actions`: commanded joints and openings as a dataset of this convention holds them."""
    angle, length = SCALES[convention.angle], SCALES[convention.length]
    max_width_m = model.description.gripper.max_width_m
    gripper = {
        "width": widths_m / length,
        "opening": widths_m / max_width_m,
        "closing": 1.0 - widths_m / max_width_m,
    }[convention.gripper]
    if convention.frame == "joint":
        former = np.concatenate([start.positions_rad[None], positions_rad[:-1]])
        values = (positions_rad - former if convention.mode == "delta" else positions_rad) / angle
        return np.column_stack([values, gripper])
    poses = tool_poses(positions_rad, model)
    former = np.concatenate([start.T_base_tool[None], poses[:-1]])
    if convention.frame == "tool":
        motions = np.linalg.inv(former if convention.mode == "delta" else start.T_base_tool) @ poses
    elif convention.mode == "delta":
        motions = poses.copy()
        motions[:, :3, 3] -= former[:, :3, 3]
        motions[:, :3, :3] = poses[:, :3, :3] @ former[:, :3, :3].transpose(0, 2, 1)
    else:
        motions = poses
    turns = Rotation.from_matrix(motions[:, :3, :3]).as_rotvec()
    return np.column_stack([motions[:, :3, 3] / length, turns / angle, gripper])


def make_start(positions_rad: Float[np.ndarray, "joints"], model: RobotModel) -> Start:
    """The body at these joint positions."""
    return Start(positions_rad, model.tool_pose(positions_rad))


def tool_poses(positions_rad: Float[np.ndarray, "frames joints"], model: RobotModel) -> Float[np.ndarray, "frames 4 4"]:
    """T_base_tool for each frame."""
    return np.stack([model.tool_pose(position) for position in positions_rad])


def _moved_in_base(pose: Float[np.ndarray, "4 4"], motion: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "4 4"]:
    moved = pose.copy()
    moved[:3, 3] += motion[:3, 3]
    moved[:3, :3] = motion[:3, :3] @ pose[:3, :3]
    return moved


def _poses(
    positions: Float[np.ndarray, "frames 3"], turns: Float[np.ndarray, "frames 3"]
) -> Float[np.ndarray, "frames 4 4"]:
    poses = np.tile(np.eye(4), (len(positions), 1, 1))
    poses[:, :3, 3] = positions
    poses[:, :3, :3] = Rotation.from_rotvec(turns).as_matrix()
    return poses
