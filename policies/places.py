"""Where and how to let go of a held object so that a fact comes true, best first.

In:  the Fact, the scene, how the object sits in the hand.
Out: Placement values: tool poses pointing straight down at the lowest height, and how far the fingers may open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ..perception.types import ObjectState, Shape
from ..planning.containment import GoalSpot
from ..planning.types import Predicate
from .grasps import pointing_down

DROP_M = 0.0015  # let go this far above the support
NUM_YAWS = 8
UPRIGHT, INCLINED = 0.9, 0.98  # cosines
ALIGNED = (Predicate.ON, Predicate.SIDE_BY_SIDE, Predicate.UPON_BOTH)
ROUND = (Shape.CYLINDER, Shape.BOWL, Shape.PLATE)


@dataclass(frozen=True, slots=True)
class Placement:
    """The tool's pose at the release when nothing is in the way, and how little it is liked."""

    T_world_tool: Float[np.ndarray, "4 4"]
    spot: GoalSpot
    cost: float


def make_placements(
    item: ObjectState,
    target: ObjectState | None,
    relation: Predicate,
    spots: tuple[GoalSpot, ...],
    T_hand_object: Float[np.ndarray, "4 4"],
    yaw_now_rad: float,
) -> list[Placement]:
    """Every spot with every tool yaw worth trying; `yaw_now_rad` is the closing axis' yaw relative to the arm's."""
    placements: list[Placement] = []
    for rank, spot in enumerate(spots):
        azimuth = math.atan2(spot.y_m, spot.x_m)
        for yaw in _tool_yaws(target if relation in ALIGNED else None, item, T_hand_object, azimuth):
            wrist = abs(_wrap(yaw - azimuth - yaw_now_rad))
            # A wrist turned far from the arm's direction comes near to its limits.
            turned = max(0.0, abs(_wrap(yaw - azimuth - math.pi / 2)) - 1.0)
            cost = 0.02 * rank + 0.01 * wrist + 0.05 * turned
            placements.append(Placement(tool_over(item, T_hand_object, spot, yaw), spot, cost))
    return sorted(placements, key=lambda p: p.cost)


def tool_over(
    item: ObjectState, T_hand_object: Float[np.ndarray, "4 4"], spot: GoalSpot, yaw_rad: float
) -> Float[np.ndarray, "4 4"]:
    """Tool pose at which the object's centre is over the spot and its lowest point `DROP_M` above the support.

    The hand points down, unless it holds something upright from the side, which then stays upright.
    """
    R_hand_object = T_hand_object[:3, :3]
    if item.pose_world[2, 2] > UPRIGHT and R_hand_object[2, 2] > -INCLINED:
        return _upright_over(item, T_hand_object, spot, yaw_rad)
    T_world_object = pointing_down(yaw_rad, np.zeros(3)) @ T_hand_object
    half_m = float(np.abs(T_world_object[2, :3]) @ item.size_m) / 2
    center = np.array([spot.x_m, spot.y_m, spot.support_m + DROP_M + half_m])
    return pointing_down(yaw_rad, center - T_world_object[:3, 3])


def _upright_over(
    item: ObjectState, T_hand_object: Float[np.ndarray, "4 4"], spot: GoalSpot, yaw_rad: float
) -> Float[np.ndarray, "4 4"]:
    closing_object = T_hand_object[1, :3]
    T_world_object = np.eye(4)
    turn = yaw_rad - math.atan2(float(closing_object[1]), float(closing_object[0]))
    T_world_object[:2, :2] = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
    T_world_object[:3, 3] = (spot.x_m, spot.y_m, spot.support_m + DROP_M + float(item.size_m[2]) / 2)
    return T_world_object @ np.linalg.inv(T_hand_object)


def left_there(
    item: ObjectState, T_hand_object: Float[np.ndarray, "4 4"], T_world_tool: Float[np.ndarray, "4 4"]
) -> ObjectState:
    """The object at the pose where it is let go."""
    return replace(item, pose_world=T_world_tool @ T_hand_object)


def _tool_yaws(
    support: ObjectState | None, item: ObjectState, T_hand_object: Float[np.ndarray, "4 4"], azimuth: float
) -> list[float]:
    """Yaws of the closing axis. Upon something with corners the object's faces are lined up with it."""
    if support is None or support.shape in ROUND or item.shape in ROUND or support.cavity_depth_m > 0:
        return [azimuth + math.pi / 2 + 2 * math.pi * k / NUM_YAWS for k in range(NUM_YAWS)]
    T_object_hand = np.linalg.inv(T_hand_object)
    # Yaw of the closing axis when the object's yaw is zero.
    closing = math.atan2(float(T_object_hand[1, 1]), float(T_object_hand[0, 1]))
    return [_wrap(support.yaw_rad + closing + k * math.pi / 2) for k in range(4)]


def _wrap(angle: float) -> float:
    return (angle + math.pi) % (2 * math.pi) - math.pi
