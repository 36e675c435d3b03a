"""True motion of one link, from which IMUs are simulated.

In:  what PyBullet tells of a link after each step.
Out: poses, velocities of the link's origin and angular velocities of many steps at once, in the world.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .body_poses import poses_of

Vector = tuple[float, float, float]


class LinkMotion(NamedTuple):
    """One link at one moment, in the world frame. PyBullet tells the velocity of the centre of mass."""

    position_world: Vector
    quat_xyzw: tuple[float, float, float, float]
    com_world: Vector
    com_velocity_mps: Vector
    angular_radps: Vector

    def at_rest(self) -> LinkMotion:
        """The same place without motion."""
        return self._replace(com_velocity_mps=(0.0, 0.0, 0.0), angular_radps=(0.0, 0.0, 0.0))


def motions_of(
    motions: Sequence[LinkMotion],
) -> tuple[Float[np.ndarray, "times 4 4"], Float[np.ndarray, "times 3"], Float[np.ndarray, "times 3"]]:
    """T_world_link, velocity of its origin, angular velocity."""
    positions, quats, com, com_velocities, angular = (np.array(column) for column in zip(*motions, strict=True))
    return poses_of(positions, quats), com_velocities + np.cross(angular, positions - com), angular
