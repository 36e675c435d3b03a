"""How a cup is taken and tilted so that what is in it falls into something.

In:  the cup and what it is poured into, as perceived; how the cup sits in the hand.
Out: grasps from the side, which leave the opening free; ways of the tool that turn and tilt the cup, best first.
While it is carried the cup stays upright; its spout (the lowest point of the rim) is what is led over the opening.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from ..perception.types import ObjectState
from ..planning.robot_description import GripperDescription
from .grasps import GRIP_SPARE_M, OPEN_EXTRA_M, Grasp, turned_half

PITCHES_RAD = (0.35, 0.55, 0.75)  # of the approach below the horizontal; flatter, the hand meets the table
BESIDE_HANDLE_RAD = (0.0, 0.39, -0.39, 0.79, -0.79)  # of the approach; the handle points away from the hand
HOLD_ABOVE_MIDDLE_M = 0.010
HOLD_BEHIND_M = 0.005  # with the axis this far beyond the tool the palm keeps clear of the cup
MOST_ASKEW_RAD = 1.3  # of the approach from the direction in which the arm points
TILT_RAD = 2.45  # so steep that what sticks to the wall slides off it
ABOVE_RIM_M = 0.030  # the spout over the rim of what is poured into
STANDING_M = 0.075  # so much higher while the cup is upright
BEFORE_MIDDLE_M = 0.015  # what falls flies on by about this much
TURNS_RAD = (-0.4, 0.0, 0.4, -0.8, 0.8, -1.2, 1.2)
SIDEWAYS_RAD = (0.0, math.pi / 4, -math.pi / 4)  # of the tilt, seen from the hand; further sideways the wrist ends
STEP_RAD = 0.12
STEP_M = 0.03


@dataclass(frozen=True, slots=True)
class Pour:
    """Tool poses: `approach` from where the tool is to where the tilting begins, `tilt` on to its end."""

    approach: Float[np.ndarray, "steps 4 4"]
    tilt: Float[np.ndarray, "tilts 4 4"]


def make_pour_grasps(cup: ObjectState, gripper: GripperDescription) -> list[Grasp]:
    """Both fingers around the body, the hand beside it and inclined, the handle on the far side."""
    width_m = float(cup.size_m[:2].max())
    if width_m > gripper.max_width_m - GRIP_SPARE_M or cup.pose_world[2, 2] < 0.9:
        return []
    position = cup.position_world + np.array([0.0, 0.0, HOLD_ABOVE_MIDDLE_M])
    straight = math.atan2(float(position[1]), float(position[0]))
    open_m = min(width_m + OPEN_EXTRA_M, gripper.max_width_m)
    grasps: list[Grasp] = []
    for pitch in PITCHES_RAD:
        for beside in BESIDE_HANDLE_RAD:
            azimuth = cup.yaw_rad + beside
            askew = abs(math.remainder(azimuth - straight, 2 * math.pi))
            if askew <= MOST_ASKEW_RAD:
                # Straight ahead the elbow has no room; a little to the side is liked best.
                cost = 0.05 * abs(beside) + 0.05 * abs(askew - 0.5) + 0.02 * abs(pitch - 0.55)
                T_world_tool = _inclined(azimuth, pitch, position)
                T_world_tool[:3, 3] -= HOLD_BEHIND_M * T_world_tool[:3, 2]
                grasps.append(Grasp(T_world_tool, open_m, cost, may_turn=False))
                # The other way round the wrist has other limits, which matter once it tilts.
                grasps.append(Grasp(turned_half(T_world_tool), open_m, cost + 0.01, may_turn=False))
    return sorted(grasps, key=lambda grasp: grasp.cost)


def make_pours(
    cup: ObjectState,
    into: ObjectState,
    T_world_tool: Float[np.ndarray, "4 4"],
    T_hand_object: Float[np.ndarray, "4 4"],
) -> Iterator[Pour]:
    """Ways to tilt the cup that is in the hand: with it turned less first."""
    T_object_hand = np.linalg.inv(T_hand_object)
    start = T_world_tool @ T_hand_object
    approach_rad = math.atan2(float(T_world_tool[1, 2]), float(T_world_tool[0, 2]))
    for turn in TURNS_RAD:
        for sideways in SIDEWAYS_RAD:
            heading = approach_rad + turn + sideways
            tilts = np.arange(0.0, TILT_RAD + STEP_RAD, STEP_RAD)
            poses = [_tilted(cup, into, start, turn, heading, tilt) for tilt in tilts]
            yield Pour(_straight(start, poses[0], turn) @ T_object_hand, np.array(poses) @ T_object_hand)


def _tilted(
    cup: ObjectState,
    into: ObjectState,
    start: Float[np.ndarray, "4 4"],
    turn_rad: float,
    heading_rad: float,
    tilt_rad: float,
) -> Float[np.ndarray, "4 4"]:
    """T_world_cup, turned about the vertical and tilted towards the heading, its spout over the opening."""
    ahead = np.array([math.cos(heading_rad), math.sin(heading_rad), 0.0])
    axis = np.array([-ahead[1], ahead[0], 0.0])
    upright = Rotation.from_euler("z", turn_rad).as_matrix() @ start[:3, :3]
    tilting = Rotation.from_rotvec(axis * tilt_rad).as_matrix()
    rim = np.array([0.0, 0.0, float(cup.size_m[2]) / 2]) + ahead * float(cup.size_m[:2].max()) / 2
    spout = into.position_world - ahead * BEFORE_MIDDLE_M
    spout[2] = into.top_m + ABOVE_RIM_M + STANDING_M * max(0.0, math.cos(tilt_rad))
    pose = np.eye(4)
    pose[:3, :3] = tilting @ upright
    pose[:3, 3] = spout - tilting @ rim
    return pose


def _straight(
    start: Float[np.ndarray, "4 4"], end: Float[np.ndarray, "4 4"], turn_rad: float
) -> Float[np.ndarray, "steps 4 4"]:
    """In a straight line, turning about the vertical only."""
    way = end[:3, 3] - start[:3, 3]
    num = max(2, math.ceil(float(np.linalg.norm(way)) / STEP_M), math.ceil(abs(turn_rad) / STEP_RAD))
    poses = np.tile(start, (num + 1, 1, 1))
    for k, share in enumerate(np.linspace(0.0, 1.0, num + 1)):
        poses[k, :3, :3] = Rotation.from_euler("z", turn_rad * share).as_matrix() @ start[:3, :3]
        poses[k, :3, 3] = start[:3, 3] + share * way
    return poses


def _inclined(azimuth: float, pitch: float, position_world: Float[np.ndarray, "3"]) -> Float[np.ndarray, "4 4"]:
    """T_world_tool with z along the azimuth and down by the pitch, the closing axis (y) level."""
    z = np.array([math.cos(azimuth) * math.cos(pitch), math.sin(azimuth) * math.cos(pitch), -math.sin(pitch)])
    y = np.array([-math.sin(azimuth), math.cos(azimuth), 0.0])
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2], pose[:3, 3] = np.cross(y, z), y, z, position_world
    return pose
