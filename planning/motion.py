"""A joint path from here to there that touches nothing.

In:  start and goal positions, a Room (what stands around, what is carried).
Out: waypoints whose straight joint-space connections are free at 0.005 rad, or None.
The straight line is tried first; else OMPL's RRTConnect searches, bounded by counts, never by time, with its random
numbers reseeded for each query, so that the answer does not depend on what ran before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pinocchio as untyped_pinocchio  # pyright: ignore[reportMissingImports]
from jaxtyping import Float
from ompl import base as untyped_base  # pyright: ignore[reportMissingTypeStubs]
from ompl import geometric as untyped_geometric  # pyright: ignore[reportMissingTypeStubs]
from ompl import util as untyped_util  # pyright: ignore[reportMissingTypeStubs]

from .collision import BASE, HELD, SELF, Clearance, CollisionModel, Room
from .moving_bodies import shape_of
from .object_solids import box_solid
from .robot_model import RobotModel
from .types import TABLE

pinocchio: Any = untyped_pinocchio
base: Any = untyped_base
geometric: Any = untyped_geometric
util: Any = untyped_util

RECHECK_RAD = 0.005
SEARCH_STEPS = 1500
SIMPLIFY_STEPS = 60
RANGE_RAD = 0.6
# The share of the space's extent at which edges are checked; finer when the recheck finds a collision.
RESOLUTIONS = (0.005, 0.0015)
SEARCH_MARGIN_M = 0.002

util.setLogLevel(util.LogLevel.LOG_NONE)


class PathPlanner:
    """Plans for one robot; every call starts from nothing."""

    def __init__(self, collision: CollisionModel) -> None:
        self.collision = collision
        self.model = collision.model

    def connect(
        self,
        start_rad: Float[np.ndarray, "joints"],
        goal_rad: Float[np.ndarray, "joints"],
        gripper_width_m: float,
        room: Room,
        seed: int,
    ) -> Float[np.ndarray, "waypoints joints"] | None:
        """Waypoints from start to goal, checked; None when none was found."""
        straight = np.stack([start_rad, goal_rad])
        if self._is_good(straight, gripper_width_m, room):
            return straight
        if not self._are_free(straight, gripper_width_m, room):
            return None
        rough = replace(room, solids=room.rough) if room.rough else room
        searched = rough if self._are_free(straight, gripper_width_m, rough) else room
        for attempt, resolution in enumerate(RESOLUTIONS):
            path = self._search(straight, gripper_width_m, searched, seed + attempt, resolution)
            if path is None:
                return None
            if self._is_good(path, gripper_width_m, room):
                return path
        return None

    def _is_good(
        self, waypoints_rad: Float[np.ndarray, "waypoints joints"], gripper_width_m: float, room: Room
    ) -> bool:
        """Free, and with the tool in the robot's workspace all the way."""
        dense = densify(waypoints_rad, RECHECK_RAD)
        places = self.model.tool_poses(dense)[:, :3, 3]
        low, high = workspace(self.model)
        if (places < low).any() or (places > high).any():
            return False
        return self.first_conflict(waypoints_rad, gripper_width_m, room) is None

    def first_conflict(
        self, waypoints_rad: Float[np.ndarray, "waypoints joints"], gripper_width_m: float, room: Room
    ) -> Clearance | None:
        """The deepest conflict on straight connections of the waypoints at `RECHECK_RAD`, or None."""
        dense = densify(waypoints_rad, RECHECK_RAD)
        return worst_conflict(self.collision.scan(dense, np.full(len(dense), gripper_width_m), room), room)

    def _are_free(self, positions_rad: Float[np.ndarray, "ends joints"], gripper_width_m: float, room: Room) -> bool:
        """Whether the positions themselves leave what the search wants to keep."""
        found = self.collision.scan(positions_rad, np.full(len(positions_rad), gripper_width_m), room)
        return all(c.distance_m >= room.required(c.part, c.owner) + SEARCH_MARGIN_M for c in found)

    def _search(
        self,
        ends_rad: Float[np.ndarray, "2 joints"],
        gripper_width_m: float,
        room: Room,
        seed: int,
        resolution: float,
    ) -> Float[np.ndarray, "waypoints joints"] | None:
        # OMPL draws every generator's seed from this one, so planner, space and sampler are made afresh after it.
        util.RNG.setSeed(seed % (2**31 - 2) + 1)
        num_joints = ends_rad.shape[1]
        space: Any = base.RealVectorStateSpace(num_joints)
        bounds: Any = base.RealVectorBounds(num_joints)
        for joint in range(num_joints):
            bounds.setLow(joint, float(self.model.position_min_rad[joint]))
            bounds.setHigh(joint, float(self.model.position_max_rad[joint]))
        space.setBounds(bounds)
        info: Any = base.SpaceInformation(space)
        check = _QuickCheck(self.collision, gripper_width_m, room)
        info.setStateValidityChecker(check.is_free_state)
        info.setStateValidityCheckingResolution(resolution)
        info.setup()
        problem: Any = base.ProblemDefinition(info)
        start, goal = space.allocState(), space.allocState()
        for joint in range(num_joints):
            start[joint], goal[joint] = float(ends_rad[0, joint]), float(ends_rad[1, joint])
        problem.setStartAndGoalStates(start, goal)
        planner: Any = geometric.RRTConnect(info)
        planner.setRange(RANGE_RAD)
        planner.setProblemDefinition(problem)
        planner.setup()
        counter = _Countdown(SEARCH_STEPS)
        planner.solve(base.PlannerTerminationCondition(counter))
        if not problem.hasExactSolution():
            return None
        path: Any = problem.getSolutionPath()
        simplifier: Any = geometric.PathSimplifier(info)
        simplifier.reduceVertices(path, SIMPLIFY_STEPS, SIMPLIFY_STEPS)
        simplifier.partialShortcutPath(path, SIMPLIFY_STEPS, SIMPLIFY_STEPS)
        states = path.getStates()
        return np.array([[state[i] for i in range(num_joints)] for state in states])


def workspace(model: RobotModel) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
    """Corners of the box in which the tool may be."""
    corners = np.array(model.description.workspace_m)
    return corners[:3], corners[3:]


def densify(
    waypoints_rad: Float[np.ndarray, "waypoints joints"], step_rad: float
) -> Float[np.ndarray, "samples joints"]:
    """Points on the straight connections, no joint moving more than `step_rad` between neighbours."""
    pieces = [waypoints_rad[:1]]
    for a, b in zip(waypoints_rad[:-1], waypoints_rad[1:], strict=True):
        num = max(1, int(np.ceil(np.abs(b - a).max() / step_rad)))
        pieces.append(a + (b - a) * (np.arange(1, num + 1) / num)[:, None])
    return np.concatenate(pieces)


def worst_conflict(clearances: list[Clearance], room: Room) -> Clearance | None:
    """The clearance that falls short of what the room requires by most, or None."""
    short = [c for c in clearances if c.distance_m < room.required(c.part, c.owner) - 1e-9]
    return min(short, key=lambda c: c.distance_m - room.required(c.part, c.owner), default=None)


class _Countdown:
    """True once it was asked `steps` times."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def __call__(self) -> bool:
        self._left -= 1
        return self._left < 0


class _QuickCheck:
    """One configuration at a time, yes or no, in pinocchio and coal; same primitives and limits as CollisionModel."""

    def __init__(self, collision: CollisionModel, gripper_width_m: float, room: Room) -> None:
        self._collision = collision
        self._width = gripper_width_m
        self._num_joints = len(collision.model.description.arm_joints)
        kinematics: Any = collision.model.model
        self._kinematics, self._data = kinematics, kinematics.createData()
        self._shapes: Any = pinocchio.GeometryModel()
        self._parts: list[str] = []
        frames = {frame.name: i for i, frame in enumerate(kinematics.frames)}
        for body, shape, part in zip(collision.model.bodies, collision.shapes, collision.parts, strict=True):
            self._add(part, frames[body.link], body.T_link_body, shape)
        num_bodies = len(self._parts)
        self._tool = tool = frames[collision.model.description.tool_frame]
        self._low, self._high = workspace(collision.model)
        for solid in room.carried:
            self._add(HELD, tool, solid.T_world_solid, shape_of(solid))
        num_moving = len(self._parts)
        solids = list(room.solids)
        if room.table_m is not None:
            corner = np.array([2.0, 2.0, room.table_m])
            solids.append(box_solid(TABLE, np.array([-2.0, -2.0, room.table_m - 0.5]), corner))
        for solid in solids:
            self._add(solid.owner, 0, solid.T_world_solid, shape_of(solid))
        self._pair_up(num_bodies, num_moving, room)

    def is_free_state(self, state: Any) -> bool:
        """The same for OMPL's state."""
        return self.is_free([state[i] for i in range(self._num_joints)])

    def is_free(self, positions_rad: list[float]) -> bool:
        """Whether nothing is nearer than the room requires."""
        model = self._collision.model
        full = model.configuration(np.array(positions_rad), self._width)
        pinocchio.framesForwardKinematics(self._kinematics, self._data, full)
        place: Any = self._data.oMf[self._tool].translation
        if (place < self._low).any() or (place > self._high).any():
            return False
        return not pinocchio.computeCollisions(
            self._kinematics, self._data, self._shapes, self._shapes_data, full, True
        )

    def _add(self, name: str, frame: int, T_frame_shape: Float[np.ndarray, "4 4"], shape: Any) -> None:
        placed: Any = self._kinematics.frames[frame]
        joint, placement = placed.parentJoint, placed.placement * pinocchio.SE3(T_frame_shape)
        self._shapes.addGeometryObject(pinocchio.GeometryObject(f"{len(self._parts)}", joint, frame, placement, shape))
        self._parts.append(name)

    def _pair_up(self, num_bodies: int, num_moving: int, room: Room) -> None:
        first, second = self._collision.self_pairs
        pairs = [(int(a), int(b), room.required("arm", SELF)) for a, b in zip(first, second, strict=True)]
        before_wrist = [i for i in range(num_bodies) if self._collision.depth[i] <= 5]
        pairs += [(i, j, room.required("arm", SELF)) for i in before_wrist for j in range(num_bodies, num_moving)]
        for i in range(num_moving):
            for j in range(num_moving, len(self._parts)):
                if self._parts[i] != BASE:
                    pairs.append((i, j, room.required(self._parts[i], self._parts[j])))
        for i, j, _ in pairs:
            self._shapes.addCollisionPair(pinocchio.CollisionPair(i, j))
        self._shapes_data: Any = self._shapes.createData()
        for request, (_, _, required_m) in zip(self._shapes_data.collisionRequests, pairs, strict=True):
            request.security_margin = required_m + SEARCH_MARGIN_M
