"""Damped least squares from one start to one solution, or from many near ones at once.

In:  wanted T_world_tool, a start, a reference posture that the redundant joint leans to.
Out: joint positions within limits whose tool pose is within tolerance, or None. Restarts are RobotModel.solve_ik's.
"""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# (numpy's stubs leave the type of a matrix product open.)

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, slots=True)
class IkSettings:
    """How hard to try. Tolerances are far below what is needed, since a good start converges quadratically."""

    position_tolerance_m: float = 2e-5
    rotation_tolerance_rad: float = 1e-4
    max_iterations: int = 60
    patience: int = 10  # steps without getting a tenth nearer, after which a start is given up
    num_restarts: int = 30
    num_choices: int = 3
    num_refinements: int = 8  # of poses whose starts are near
    limit_margin_rad: float = 0.01
    lean: float = 0.1


@runtime_checkable
class Kinematics(Protocol):
    """What the solver needs of a robot."""

    position_min_rad: Float[np.ndarray, "joints"]
    position_max_rad: Float[np.ndarray, "joints"]

    def tool_pose(self, positions_rad: Float[np.ndarray, "joints"]) -> Float[np.ndarray, "4 4"]:
        """T_world_tool."""
        ...

    def jacobian(self, positions_rad: Float[np.ndarray, "joints"]) -> Float[np.ndarray, "6 joints"]:
        """Of the tool, world axes."""
        ...

    def tools_and_jacobians(
        self, positions_rad: Float[np.ndarray, "samples joints"]
    ) -> tuple[Float[np.ndarray, "samples 4 4"], Float[np.ndarray, "samples 6 joints"]]:
        """T_world_tool and Jacobian of many positions at once."""
        ...


def improve(
    robot: Kinematics,
    T_world_tool: Float[np.ndarray, "4 4"],
    start_rad: Float[np.ndarray, "joints"],
    reference_rad: Float[np.ndarray, "joints"],
    settings: IkSettings,
) -> Float[np.ndarray, "joints"] | None:
    """Follow the error downhill from the start, leaning to the reference where the pose leaves freedom."""
    low = robot.position_min_rad + settings.limit_margin_rad
    high = robot.position_max_rad - settings.limit_margin_rad
    positions = np.clip(start_rad, low, high)
    previous = best = np.inf
    stuck = 0
    damping = 1e-4
    for _ in range(settings.max_iterations):
        error = pose_error(robot.tool_pose(positions), T_world_tool)
        size = float(np.linalg.norm(error[:3])), float(np.linalg.norm(error[3:]))
        if size[0] < settings.position_tolerance_m and size[1] < settings.rotation_tolerance_rad:
            return positions
        total = size[0] + 0.2 * size[1]
        damping = min(0.1, damping * 4) if total > previous else max(1e-6, damping / 3)
        previous = total
        stuck = 0 if total < 0.9 * best else stuck + 1
        best = min(best, total)
        if stuck >= settings.patience:
            return None
        jacobian = robot.jacobian(positions)
        # Reach far errors in bounded steps: the linear model is only good nearby.
        error = error * min(1.0, 0.2 / max(size[0], 1e-12), 0.6 / max(size[1], 1e-12))
        inverse = jacobian.T @ np.linalg.inv(jacobian @ jacobian.T + damping * np.eye(6))
        step = inverse @ error
        lean = settings.lean * np.clip(reference_rad - positions, -1.0, 1.0)
        step = step + lean - inverse @ (jacobian @ lean)
        positions = np.clip(positions + np.clip(step, -0.5, 0.5), low, high)
    return None


def refine_all(
    robot: Kinematics,
    T_world_tools: Float[np.ndarray, "poses 4 4"],
    starts_rad: Float[np.ndarray, "poses joints"],
    settings: IkSettings,
) -> Float[np.ndarray, "poses joints"] | None:
    """For each pose the solution nearest to its start, which must be near; None unless all are found."""
    positions = starts_rad
    for _ in range(settings.num_refinements):
        reached, jacobians = robot.tools_and_jacobians(positions)
        turns = rotation_vectors(T_world_tools[:, :3, :3] @ reached[:, :3, :3].transpose(0, 2, 1))
        errors = np.concatenate([T_world_tools[:, :3, 3] - reached[:, :3, 3], turns], axis=1)
        far = np.sqrt((errors[:, :3] ** 2).sum(axis=1).max()), np.sqrt((turns**2).sum(axis=1).max())
        if far[0] < settings.position_tolerance_m and far[1] < settings.rotation_tolerance_rad:
            low = robot.position_min_rad + settings.limit_margin_rad
            high = robot.position_max_rad - settings.limit_margin_rad
            return positions if ((positions >= low) & (positions <= high)).all() else None
        turned = jacobians.transpose(0, 2, 1)
        damped = jacobians @ turned + 1e-6 * np.eye(6)
        steps = (turned @ np.linalg.solve(damped, errors[:, :, None]))[:, :, 0]
        positions = positions + np.clip(steps, -0.5, 0.5)
    return None


def pose_error(T_world_from: Float[np.ndarray, "4 4"], T_world_to: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "6"]:
    """Translation and rotation vector from one pose to another, world axes."""
    return np.concatenate(
        [T_world_to[:3, 3] - T_world_from[:3, 3], rotation_vector(T_world_to[:3, :3] @ T_world_from[:3, :3].T)]
    )


def rotation_vector(R_from_to: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "3"]:
    """Axis times angle of a rotation matrix; angle in 0…pi."""
    twice_sin = np.array(
        [R_from_to[2, 1] - R_from_to[1, 2], R_from_to[0, 2] - R_from_to[2, 0], R_from_to[1, 0] - R_from_to[0, 1]]
    )
    sin, cos = float(np.linalg.norm(twice_sin)) / 2, (float(np.trace(R_from_to)) - 1.0) / 2
    angle = float(np.arctan2(sin, cos))
    if sin > 1e-9:
        return twice_sin * (angle / (2.0 * sin))
    if cos > 0:
        return twice_sin / 2
    # Half a turn: the axis is the largest column of the matrix plus identity.
    columns = R_from_to + np.eye(3)
    axis = columns[:, int(np.argmax(np.diag(columns)))]
    return angle * axis / np.linalg.norm(axis)


def rotation_vectors(R_from_to: Float[np.ndarray, "turns 3 3"]) -> Float[np.ndarray, "turns 3"]:
    """The same for many rotations of less than half a turn."""
    twice_sin = np.stack(
        [
            R_from_to[:, 2, 1] - R_from_to[:, 1, 2],
            R_from_to[:, 0, 2] - R_from_to[:, 2, 0],
            R_from_to[:, 1, 0] - R_from_to[:, 0, 1],
        ],
        axis=1,
    )
    sin = np.sqrt((twice_sin**2).sum(axis=1)) / 2
    cos = (np.trace(R_from_to, axis1=1, axis2=2) - 1.0) / 2
    return twice_sin * np.where(sin > 1e-9, np.arctan2(sin, cos) / np.maximum(2.0 * sin, 1e-12), 0.5)[:, None]
