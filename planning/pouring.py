"""When a tilted cup pours into what is below it: the same geometry for doing, watching and judging.

In:  two ObjectStates, the cup at the pose it has in the hand.
Out: how far it is tilted, where its spout is, whether what flows out falls into the other's opening.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from ..perception.types import ObjectState
from .relations import cavity

POUR_TILT_RAD = 1.75  # 100°: the floor of the cup is higher than its rim
POUR_HOLD_S = 0.5  # tilted so for this long


def tilt_rad(pose_world: Float[np.ndarray, "4 4"]) -> float:
    """Angle between the object's z and the vertical."""
    return math.acos(min(max(float(pose_world[2, 2]), -1.0), 1.0))


def spout_world(cup: ObjectState) -> Float[np.ndarray, "3"]:
    """The lowest point of the rim."""
    axis = cup.pose_world[:3, 2]
    downhill = axis * axis[2] - np.array([0.0, 0.0, 1.0])
    length = float(np.linalg.norm(downhill))
    downhill = downhill / length if length > 1e-6 else cup.pose_world[:3, 0]
    radius_m = float(cup.size_m[:2].max()) / 2
    return cup.position_world + axis * float(cup.size_m[2]) / 2 + downhill * radius_m


def is_pouring(cup: ObjectState, into: ObjectState) -> bool:
    """Tilted far enough, with its spout above the other's opening."""
    if tilt_rad(cup.pose_world) < POUR_TILT_RAD:
        return False
    spout = spout_world(cup)
    is_above = float(spout[2]) > into.top_m - into.cavity_depth_m
    return is_above and cavity(into).inside_m(float(spout[0]), float(spout[1])) > 0.0
