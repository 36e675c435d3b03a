"""Whether the arm is where its motion says it should be by now, as its own encoders tell.

In:  the trajectory under way, encoder readings.
Out: a reason to break off, or None. Silence is a reason too: nobody knows then what the arm does.
"""

from __future__ import annotations

import numpy as np

from ..perception.types import SensorFrame
from .playback import Playback
from .types import Trajectory

SILENT_S = 0.3
ASTRAY_RAD = 0.06


class TrackingWatch:
    """Watches one motion, which begins at `start_s` on the robot's clock."""

    def __init__(self, trajectory: Trajectory, start_s: float) -> None:
        self._playback = Playback(trajectory)
        self._names = trajectory.joint_names
        self._duration_s = trajectory.duration_s
        self._start_s = start_s
        self._heard_s = start_s

    def fault(self, frame: SensorFrame) -> str | None:
        """What is wrong now, in words."""
        if frame.joints is not None and len(frame.joints.times_s):
            self._heard_s = max(self._heard_s, float(frame.joints.times_s[-1]))
            if (reason := self._astray(frame)) is not None:
                return reason
        silent_s = frame.time_s - self._heard_s
        return f"the encoders have been silent for {silent_s:.2f} s" if silent_s > SILENT_S else None

    def _astray(self, frame: SensorFrame) -> str | None:
        assert frame.joints is not None  # the caller has looked
        elapsed_s = float(frame.joints.times_s[-1]) - self._start_s
        if elapsed_s < 0.0 or frame.joints.names != self._names:
            return None
        wanted = self._playback.states(np.array([min(elapsed_s, self._duration_s)]))[0][0]
        off_rad = np.abs(frame.joints.positions_rad[-1] - wanted)
        worst = int(np.nanargmax(off_rad)) if np.isfinite(off_rad).any() else 0
        if np.isfinite(off_rad).all() and off_rad[worst] <= ASTRAY_RAD:
            return None
        return f"{self._names[worst]} reads {off_rad[worst]:.2f} rad beside where its motion should be"
