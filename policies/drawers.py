"""Opening and closing a drawer: the handle between the fingers, a straight line along its axis.

In:  SceneState with a drawer (ObjectState.fixture) whose opening is seen, a PlanStep.
Out: grasps of the handle and the way to go, for policies/skills.py. The drawer is what the hand carries from closing to
     opening the fingers, so that guard and rehearsal move it, with all that is in it, along with the hand.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from ..perception.types import ObjectState
from ..planning.robot_description import GripperDescription
from ..planning.types import NoMotion, NoMotionReason
from .grasps import OPEN_EXTRA_M, Grasp, leaning, pointing_down

HANDLE_DEPTH_M = 0.016  # the tool this far below the top of the handle
ALONG_SHARES = (0.6, 0.75, 0.45)  # of the handle's length from the drawer, where the fingers take it
TILTS_RAD = (0.0, 0.25, 0.5)  # the hand leans away from the cabinet, if upright it has no room
TILT_COST = 0.1
OPEN_TO_SHARE = 0.95  # of the travel: the last of it would push against the stop
SHUT_TO_M = 0.0
MIN_MOVE_M = 0.004


def handle_grasps(item: ObjectState, gripper: GripperDescription) -> list[Grasp]:
    """Ways to take the handle, best first: fingers on both sides of it, across the direction in which it moves."""
    assert item.fixture is not None
    slide = item.fixture.slide
    if slide is None:
        return []
    axis = item.pose_world[:3, :3] @ np.array(slide.axis)
    across = np.cross([0.0, 0.0, 1.0], axis)
    size = np.array(slide.handle.size_m)
    width_m = float(np.abs(item.pose_world[:3, :3].T @ across) @ size)
    open_m = min(width_m + OPEN_EXTRA_M, gripper.max_width_m)
    if width_m + 0.004 > gripper.max_width_m:
        return []
    length_m = float(np.abs(np.array(slide.axis)) @ size)
    center = (item.pose_world @ np.array([*slide.handle.center_m, 1.0]))[:3]
    yaw = math.atan2(float(across[1]), float(across[0]))
    grasps: list[Grasp] = []
    for rank, share in enumerate(ALONG_SHARES):
        place = center + axis * (share - 0.5) * length_m
        place[2] = center[2] + size[2] / 2 - HANDLE_DEPTH_M
        for tilt in TILTS_RAD:
            T_world_tool = pointing_down(yaw, place)
            # The hand leans towards where the drawer comes out.
            turned = leaning(T_world_tool, tilt)
            if float(turned[:3, 2] @ axis) > 0.0:
                turned = leaning(T_world_tool, -tilt)
            grasps.append(Grasp(turned, open_m, 0.02 * rank + TILT_COST * tilt))
    return sorted(grasps, key=lambda g: g.cost)


def way_to_go(item: ObjectState, *, is_opening: bool) -> Float[np.ndarray, "3"] | NoMotion:
    """How the drawer has to move, in the world."""
    slide = item.fixture.slide if item.fixture is not None else None
    if slide is None:
        return NoMotion(NoMotionReason.NO_GRASP, f"{item.id} is no drawer: it cannot be opened or closed")
    if item.opening_m is None:
        return NoMotion(NoMotionReason.NOT_SEEN, f"how far {item.id} is open has not been seen")
    goal_m = OPEN_TO_SHARE * slide.travel_m if is_opening else SHUT_TO_M
    move_m = goal_m - item.opening_m
    if abs(move_m) < MIN_MOVE_M:
        move_m = math.copysign(MIN_MOVE_M, 1.0 if is_opening else -1.0)
    return item.pose_world[:3, :3] @ np.array(slide.axis) * move_m
