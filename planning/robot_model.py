"""The robot as planning knows it: kinematics, limits, collision shapes. Never PyBullet's.

In:  RobotDescription (URDF text with primitive collision shapes, limits, gripper), JSON-serialisable.
Out: RobotModel: poses of links, inverse kinematics, limits, capsules for the perceiver's mask.
"""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# (numpy's stubs leave the type of a matrix product open.)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pinocchio as untyped_pinocchio  # pyright: ignore[reportMissingImports]
from jaxtyping import Float

from .inverse_kinematics import IkSettings, improve
from .robot_bodies import LinkBody, bodies_as_capsules, read_bodies
from .robot_description import RobotDescription

pinocchio: Any = untyped_pinocchio


class RobotModel:
    """Kinematics of one described robot. Poses are in the world frame, the base stands at its origin.

    Not for use by several threads at once: pinocchio's working memory is reused.
    """

    def __init__(self, description: RobotDescription) -> None:
        self.description = description
        self.bodies: tuple[LinkBody, ...] = read_bodies(description.urdf)
        self.position_min_rad = np.array(description.position_min_rad)
        self.position_max_rad = np.array(description.position_max_rad)
        self.model: Any = pinocchio.buildModelFromXML(description.urdf)
        self._data: Any = self.model.createData()
        self._frames: dict[str, int] = {frame.name: i for i, frame in enumerate(self.model.frames)}
        for name in (*description.arm_joints, *description.gripper.finger_joints):
            if not self.model.existJointName(name):
                raise ValueError(
                    f"The URDF of '{description.name}' has no joint '{name}', expected one for each of arm_joints and "
                    "finger_joints. Correct the name in the description."
                )
        self._arm = np.array([self._index_of(name) for name in description.arm_joints])
        self._fingers = np.array([self._index_of(name) for name in description.gripper.finger_joints])
        self._tool = self._frames[description.tool_frame]
        self._chain = self._read_chain()
        self._tool_in_joint = self._in_joint(description.tool_frame)
        placed = [self._in_joint(body.link) for body in self.bodies]
        self._body_joints = [joint for joint, _ in placed]
        self._T_joint_bodies = np.stack([T @ b.T_link_body for (_, T), b in zip(placed, self.bodies, strict=True)])
        self._mask = bodies_as_capsules(self.bodies)

    @property
    def links(self) -> tuple[str, ...]:
        """Names of all links (and other frames) in the order of `link_poses`."""
        return tuple(self._frames)

    @property
    def joint_links(self) -> tuple[str, ...]:
        """For each arm joint the link that it moves."""
        ids = [int(self.model.getJointId(name)) for name in self.description.arm_joints]
        bodies = [frame for frame in self.model.frames if "BODY" in str(frame.type)]
        return tuple(next(frame.name for frame in bodies if frame.parentJoint == joint) for joint in ids)

    def link_pose(
        self, link: str, positions_rad: Float[np.ndarray, "joints"], gripper_width_m: float
    ) -> Float[np.ndarray, "4 4"]:
        """T_world_link."""
        if link not in self._frames:
            raise ValueError(
                f"Robot '{self.description.name}' has no link '{link}'. Known: {', '.join(self._frames)}. Use one."
            )
        pinocchio.forwardKinematics(self.model, self._data, self.configuration(positions_rad, gripper_width_m))
        placement: Any = pinocchio.updateFramePlacement(self.model, self._data, self._frames[link])
        return np.array(placement.homogeneous)

    def tool_pose(self, positions_rad: Float[np.ndarray, "joints"]) -> Float[np.ndarray, "4 4"]:
        """T_world_tool; the tool frame sits between the fingertips."""
        return self.link_pose(self.description.tool_frame, positions_rad, 0.0)

    def link_poses(
        self, positions_rad: Float[np.ndarray, "samples joints"], gripper_width_m: Float[np.ndarray, "samples"]
    ) -> Float[np.ndarray, "links samples 4 4"]:
        """T_world_link of all `links` at once, for many samples; agrees with `link_pose`."""
        joints = self._joint_poses(positions_rad, gripper_width_m)
        return np.stack([joints[frame.parentJoint] @ frame.placement.homogeneous for frame in self.model.frames])

    def tool_poses(self, positions_rad: Float[np.ndarray, "samples joints"]) -> Float[np.ndarray, "samples 4 4"]:
        """T_world_tool for many samples."""
        joint, T_joint_tool = self._tool_in_joint
        return self._joint_poses(positions_rad, np.zeros(len(positions_rad)))[joint] @ T_joint_tool

    def body_poses(
        self, positions_rad: Float[np.ndarray, "samples joints"], gripper_width_m: Float[np.ndarray, "samples"]
    ) -> tuple[Float[np.ndarray, "bodies samples 4 4"], Float[np.ndarray, "samples 4 4"]]:
        """T_world_body of all `bodies`, and T_world_tool, for many samples."""
        joints = self._joint_poses(positions_rad, gripper_width_m)
        poses = np.stack([joints[joint] for joint in self._body_joints]) @ self._T_joint_bodies[:, None]
        joint, T_joint_tool = self._tool_in_joint
        return poses, joints[joint] @ T_joint_tool

    def _joint_poses(
        self, positions_rad: Float[np.ndarray, "samples joints"], gripper_width_m: Float[np.ndarray, "samples"]
    ) -> list[Float[np.ndarray, "samples 4 4"]]:
        """T_world_joint of all joints; the first is the world's."""
        num_samples = len(positions_rad)
        travel = np.zeros((num_samples, self.model.nq))
        travel[:, self._arm] = positions_rad
        travel[:, self._fingers] = gripper_width_m[:, None] / 2
        # One row of factors for each joint: of a turn its sine and cosine, of a slide its length.
        linear, sin, cos = (part.T[:, :, None, None] for part in (travel, np.sin(travel), np.cos(travel)))
        joints: list[Float[np.ndarray, "samples 4 4"]] = [np.broadcast_to(np.eye(4), (num_samples, 4, 4))]
        for link in self._chain:
            first = linear[link.column] if link.slides else sin[link.column]
            placed = link.still + first * link.by_first + cos[link.column] * link.by_cos
            joints.append(joints[link.parent] @ placed)
        return joints

    def capsules(
        self, positions_rad: Float[np.ndarray, "joints"], gripper_width_m: float
    ) -> Float[np.ndarray, "capsules 7"]:
        """The body as capsules in the world frame: start xyz, end xyz, radius; boxes are covered by capsules."""
        poses = {
            link: self.link_pose(link, positions_rad, gripper_width_m) for link in {name for name, _ in self._mask}
        }
        rows = np.array([row for _, row in self._mask])
        T_world_links = np.stack([poses[link] for link, _ in self._mask])
        start = np.einsum("nij,nj->ni", T_world_links[:, :3, :3], rows[:, :3]) + T_world_links[:, :3, 3]
        end = np.einsum("nij,nj->ni", T_world_links[:, :3, :3], rows[:, 3:6]) + T_world_links[:, :3, 3]
        return np.concatenate([start, end, rows[:, 6:]], axis=1)

    def jacobian(self, positions_rad: Float[np.ndarray, "joints"]) -> Float[np.ndarray, "6 joints"]:
        """Of the tool frame: linear then angular velocity, in world axes."""
        reference = pinocchio.ReferenceFrame.LOCAL_WORLD_ALIGNED
        full: Any = pinocchio.computeFrameJacobian(
            self.model, self._data, self.configuration(positions_rad, 0.0), self._tool, reference
        )
        return np.array(full[:, self._arm])

    def tools_and_jacobians(
        self, positions_rad: Float[np.ndarray, "samples joints"]
    ) -> tuple[Float[np.ndarray, "samples 4 4"], Float[np.ndarray, "samples 6 joints"]]:
        """T_world_tool and `jacobian` of many positions at once."""
        poses = self._joint_poses(positions_rad, np.zeros(len(positions_rad)))
        joint, T_joint_tool = self._tool_in_joint
        tools = poses[joint] @ T_joint_tool
        jacobians = np.zeros((len(positions_rad), 6, len(self._arm)))
        columns = [link.column for link in self._chain]
        for number, column in enumerate(self._arm):
            index = columns.index(column)
            link, T_world_joint = self._chain[index], poses[index + 1]
            axis_world = T_world_joint[:, :3, :3] @ link.axis
            if link.slides:
                jacobians[:, :3, number] = axis_world
                continue
            jacobians[:, :3, number] = np.cross(axis_world, tools[:, :3, 3] - T_world_joint[:, :3, 3])
            jacobians[:, 3:, number] = axis_world
        return tools, jacobians

    def manipulability(self, positions_rad: Float[np.ndarray, "joints"]) -> float:
        """Smallest singular value of the tool's Jacobian (rotation scaled by 0.2 m): 0 at a singularity."""
        scaled = self.jacobian(positions_rad) * np.array([1.0, 1.0, 1.0, 0.2, 0.2, 0.2])[:, None]
        return float(np.linalg.svd(scaled, compute_uv=False)[-1])

    def solve_ik(
        self,
        T_world_tool: Float[np.ndarray, "4 4"],
        seeds: Sequence[Float[np.ndarray, "joints"]],
        rng: np.random.Generator,
        settings: IkSettings | None = None,
    ) -> Float[np.ndarray, "joints"] | None:
        """Arm position within limits that puts the tool there, near the first seed if possible; None if none found.

        Seeds are tried in order; then random restarts, of which the one closest to the first seed wins.
        """
        settings = settings or IkSettings()
        reference = np.asarray(seeds[0], dtype=float) if len(seeds) else np.array(self.description.look_rad)
        for seed in seeds:
            solution = improve(self, T_world_tool, np.asarray(seed, dtype=float), reference, settings)
            if solution is not None:
                return solution
        found: list[Float[np.ndarray, "joints"]] = []
        for _ in range(settings.num_restarts):
            start = rng.uniform(self.position_min_rad, self.position_max_rad)
            solution = improve(self, T_world_tool, start, reference, settings)
            if solution is not None:
                found.append(solution)
            if len(found) >= settings.num_choices:
                break
        if not found:
            return None
        costs = [float(np.abs(q - reference).max()) - 2.0 * self.manipulability(q) for q in found]
        return found[int(np.argmin(costs))]

    def _index_of(self, joint: str) -> int:
        return int(self.model.joints[self.model.getJointId(joint)].idx_q)

    def configuration(
        self, positions_rad: Float[np.ndarray, "joints"], gripper_width_m: float
    ) -> Float[np.ndarray, "all"]:
        """Pinocchio's configuration vector of arm and fingers."""
        full = np.zeros(self.model.nq)
        full[self._arm] = positions_rad
        full[self._fingers] = gripper_width_m / 2
        return full

    def _in_joint(self, link: str) -> tuple[int, Float[np.ndarray, "4 4"]]:
        """The joint that moves a link, and where the link is behind it."""
        frame = self.model.frames[self._frames[link]]
        return int(frame.parentJoint), np.array(frame.placement.homogeneous)

    def _read_chain(self) -> list[_ChainLink]:
        """How each joint places what is behind it."""
        chain: list[_ChainLink] = []
        for index in range(1, self.model.njoints):
            joint = self.model.joints[index]
            # A unit joint's motion subspace is its axis: three numbers of translation, three of rotation.
            subspace = np.array(joint.createData().S).reshape(6, -1)[:, 0] if joint.nv == 1 else np.zeros(6)
            if joint.nv != 1 or joint.nq != 1:
                raise ValueError(
                    f"Joint '{self.model.names[index]}' has {joint.nq} coordinates, expected one. Use revolute joints "
                    "with limits or prismatic ones."
                )
            placement = np.array(self.model.jointPlacements[index].homogeneous)
            parent, column = int(self.model.parents[index]), int(joint.idx_q)
            chain.append(
                _slide(parent, column, placement, subspace[:3])
                if np.any(subspace[:3])
                else _turn(parent, column, placement, subspace[3:])
            )
        return chain


@dataclass(frozen=True, slots=True)
class _ChainLink:
    """A joint's T_parent_joint as a sum: `still`, plus `by_first` times sine or length, plus `by_cos` times cosine."""

    parent: int
    column: int
    slides: bool
    axis: Float[np.ndarray, "3"]
    still: Float[np.ndarray, "4 4"]
    by_first: Float[np.ndarray, "4 4"]
    by_cos: Float[np.ndarray, "4 4"]


def _slide(parent: int, column: int, placement: Float[np.ndarray, "4 4"], axis: Float[np.ndarray, "3"]) -> _ChainLink:
    along = np.zeros((4, 4))
    along[:3, 3] = axis
    return _ChainLink(parent, column, True, axis, placement, placement @ along, np.zeros((4, 4)))


def _turn(parent: int, column: int, placement: Float[np.ndarray, "4 4"], axis: Float[np.ndarray, "3"]) -> _ChainLink:
    """Rodrigues' formula: I + sin K + (1 - cos) K²."""
    x, y, z = axis
    cross = np.zeros((4, 4))
    cross[:3, :3] = [[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]
    square = cross @ cross
    return _ChainLink(
        parent, column, False, axis, placement @ (np.eye(4) + square), placement @ cross, -placement @ square
    )
