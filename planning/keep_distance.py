"""How near a motion comes to a person, and how fast it is there.

In:  arm positions over time, what the hand carries, the person as seen.
Out: for every moment the smallest distance of the body to the person and the speed of its fastest point that is near.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..perception.types import PersonState
from .playback import Playback
from .robot_model import RobotModel

PEOPLE = "people"
"""The constraint by which a scene declares that people may be there."""
_ALONG = np.linspace(0.0, 1.0, 5)
_CARRIED_M = 0.06  # around the tool, for what the hand carries
_STEP_S = 0.02


@dataclass(frozen=True, slots=True)
class Approach:
    """Distances to the person and speeds of the points nearer than `near_m`, at moments of a motion."""

    times_s: Float[np.ndarray, " moments"]
    distances_m: Float[np.ndarray, " moments"]
    speeds_mps: Float[np.ndarray, " moments"]

    @property
    def fastest_mps(self) -> float:
        """The highest speed near the person; 0 when the motion stays away."""
        return float(self.speeds_mps.max(initial=0.0))


def measure_approach(playback: Playback, model: RobotModel, person: PersonState, near_m: float) -> Approach:
    """Look at the motion every 20 ms."""
    duration_s = playback.trajectory.duration_s
    times = np.linspace(0.0, duration_s, max(2, int(np.ceil(duration_s / _STEP_S)) + 1))
    positions, _, _ = playback.states(times)
    widths = playback.widths_m(times)
    points, radii = _body_points(model, positions, widths)
    low, high = person.columns_world[:, :3], person.columns_world[:, 3:]
    beyond = np.zeros(points.shape[:2]) + np.inf
    for box_low, box_high in zip(low, high, strict=True):
        offset = np.maximum(np.maximum(box_low - points, points - box_high), 0.0)
        beyond = np.minimum(beyond, np.linalg.norm(offset, axis=2))
    distances = beyond - radii
    speeds = np.zeros_like(distances)
    passed_s = np.maximum(np.diff(times), 1e-9)[:, None]
    speeds[1:] = np.linalg.norm(np.diff(points, axis=0), axis=2) / passed_s
    near = np.where(distances < near_m, speeds, 0.0)
    return Approach(times, distances.min(axis=1), near.max(axis=1))


def _body_points(
    model: RobotModel, positions: Float[np.ndarray, "moments joints"], widths_m: Float[np.ndarray, " moments"]
) -> tuple[Float[np.ndarray, "moments points 3"], Float[np.ndarray, " points"]]:
    """Points along the axes of the robot's capsules and at the tool, each with the radius around it."""
    rows: list[Float[np.ndarray, "points 3"]] = []
    radii = np.zeros(0)
    for joints, width_m in zip(positions, widths_m, strict=True):
        capsules = model.capsules(joints, float(width_m))
        axis = capsules[:, 3:6] - capsules[:, :3]
        along = capsules[:, None, :3] + _ALONG[None, :, None] * axis[:, None]
        rows.append(np.concatenate([along.reshape(-1, 3), model.tool_pose(joints)[None, :3, 3]]))
        radii = np.append(np.repeat(capsules[:, 6], len(_ALONG)), _CARRIED_M)
    return np.array(rows), radii
