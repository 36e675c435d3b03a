"""The robot as planning knows it: kinematics, limits, collision shapes. Never PyBullet's.

In:  RobotDescription (URDF text with primitive collision shapes, limits, gripper), JSON-serialisable.
Out: RobotModel: poses of links, inverse kinematics, limits, capsules for the perceiver's mask.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GripperDescription:
    """A parallel gripper. The tool frame sits between the fingertips, z out of the hand, y along the closing axis.

    `finger_joints` each travel width/2; `finger_thickness_m` (along y), `finger_breadth_m` (along x) and
    `finger_reach_m` (along z, from hand body to tip) bound one finger for grasp planning; the tool frame is
    `tip_to_tool_m` inside of the fingertip.
    """

    finger_joints: tuple[str, str]
    max_width_m: float
    finger_thickness_m: float
    finger_breadth_m: float
    finger_reach_m: float
    tip_to_tool_m: float
    grip_force_n: float


@dataclass(frozen=True, slots=True)
class RobotDescription:
    """Everything that planning and perception know of a robot body; travels with every recording."""

    name: str
    urdf: str
    arm_joints: tuple[str, ...]
    tool_frame: str
    gripper: GripperDescription
    look_rad: tuple[float, ...]  # where the wrist camera sees the work area; also the rest pose
    position_min_rad: tuple[float, ...]
    position_max_rad: tuple[float, ...]
    velocity_max_radps: tuple[float, ...]
    acceleration_max_radps2: tuple[float, ...]
    jerk_max_radps3: tuple[float, ...]
    workspace_m: tuple[float, float, float, float, float, float]  # tool x, y, z min then max, world
