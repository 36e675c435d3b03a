"""From any state of motion to a target at rest: what follows targets that change ten or twenty times a second.

In:  positions, velocities and accelerations now, a target, limits.
Out: Chase: the state at every moment until the target is reached; all joints arrive together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import ruckig as untyped_ruckig
from jaxtyping import Float

from .timing import MotionLimits

ruckig: Any = untyped_ruckig


@dataclass(frozen=True, slots=True)
class MotionState:
    """One moment of commanded motion."""

    positions_rad: Float[np.ndarray, "joints"]
    velocities_radps: Float[np.ndarray, "joints"]
    accelerations_radps2: Float[np.ndarray, "joints"]


class Chase:
    """A jerk-limited motion from `start` (time 0) to rest at `target_rad`."""

    def __init__(self, start: MotionState, target_rad: Float[np.ndarray, "joints"], limits: MotionLimits) -> None:
        num_joints = len(target_rad)
        wanted = ruckig.InputParameter(num_joints)
        wanted.current_position = start.positions_rad.tolist()
        wanted.current_velocity = start.velocities_radps.tolist()
        wanted.current_acceleration = start.accelerations_radps2.tolist()
        wanted.target_position = target_rad.tolist()
        wanted.max_velocity = limits.velocity_radps.tolist()
        wanted.max_acceleration = limits.acceleration_radps2.tolist()
        wanted.max_jerk = limits.jerk_radps3.tolist()
        self._profile: Any = ruckig.Trajectory(num_joints)
        result = ruckig.Ruckig(num_joints).calculate(wanted, self._profile)
        if result not in (ruckig.Result.Working, ruckig.Result.Finished):
            raise ValueError(
                f"ruckig could not time a motion to {target_rad} ({result}); expected finite numbers and a state "
                "within the limits. Start from the state of the motion before."
            )
        self.target_rad = target_rad
        self.duration_s = float(self._profile.duration)

    def state(self, time_s: float) -> MotionState:
        """The state at a time; at rest at the target from `duration_s` on."""
        if time_s >= self.duration_s:
            still = np.zeros(len(self.target_rad))
            return MotionState(self.target_rad, still, still)
        positions, velocities, accelerations = self._profile.at_time(time_s)
        return MotionState(np.array(positions), np.array(velocities), np.array(accelerations))
