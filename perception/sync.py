"""What is known at a moment: joints at an image's time, and whether the wrist stood still then.

In:  SensorFrames as they arrive, samples possibly late or out of order.
Out: interpolated joint positions and stillness for any recent time; None where nothing was measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from .types import ImuSamples, JointSamples

GRAVITY_MPS2 = 9.80665


@dataclass(slots=True)
class JointHistory:
    """Recent encoder readings, oldest first."""

    keep_s: float = 3.0
    names: tuple[str, ...] = ()
    times_s: Float[np.ndarray, "samples"] = field(default_factory=lambda: np.zeros(0))
    _values: Float[np.ndarray, "samples columns"] = field(default_factory=lambda: np.zeros((0, 1)))

    def add(self, samples: JointSamples) -> None:
        """Take in new readings; readings that are not finite are left out."""
        if samples.names != self.names:
            self.names, self.times_s = samples.names, np.zeros(0)
            self._values = np.zeros((0, 2 * len(samples.names) + 1))
        values = np.column_stack([samples.positions_rad, samples.velocities_radps, samples.gripper_width_m])
        good = np.isfinite(values).all(1) & np.isfinite(samples.times_s)
        times_s = np.concatenate([self.times_s, samples.times_s[good]])
        values = np.concatenate([self._values, values[good]])
        if not len(times_s):
            return
        order = np.argsort(times_s, kind="stable")
        order = order[times_s[order] >= times_s[order[-1]] - self.keep_s]
        self.times_s, self._values = times_s[order], values[order]

    def at(self, time_s: float, max_gap_s: float = 0.1) -> JointReading | None:
        """Readings interpolated at a time; None when none lies within `max_gap_s` of it."""
        after = int(np.searchsorted(self.times_s, time_s))
        near = [place for place in (after - 1, after) if 0 <= place < len(self.times_s)]
        gaps_s = [abs(float(self.times_s[place]) - time_s) for place in near]
        if not near or min(gaps_s) > max_gap_s:
            return None
        # Sorted, so the two on either side are the nearest; nothing lies between two readings of one time.
        share = gaps_s[0] / sum(gaps_s) if len(near) == 2 and sum(gaps_s) > 0.0 else 0.0
        row = self._values[near[0]] + share * (self._values[near[-1]] - self._values[near[0]])
        n = len(self.names)
        return JointReading(time_s, row[:n], row[n : 2 * n], float(row[2 * n]))

    def newest(self) -> JointReading | None:
        """The last reading."""
        return self.at(float(self.times_s[-1])) if len(self.times_s) else None

    def widths_after(self, time_s: float) -> list[tuple[float, float]]:
        """(time, gripper width) of all readings later than a time."""
        first = int(np.searchsorted(self.times_s, time_s, side="right"))
        return list(zip(self.times_s[first:].tolist(), self._values[first:, -1].tolist(), strict=True))

    def moved_rad(self, start_s: float, end_s: float) -> float | None:
        """Largest change of a joint within a span; None when there are no readings in it."""
        inside = (self.times_s >= start_s) & (self.times_s <= end_s)
        if not inside.any():
            return None
        positions = self._values[inside, : len(self.names)]
        return float((positions.max(0) - positions.min(0)).max()) if positions.size else 0.0


@dataclass(frozen=True, slots=True)
class JointReading:
    """Arm and gripper at one time."""

    time_s: float
    positions_rad: Float[np.ndarray, "joints"]
    velocities_radps: Float[np.ndarray, "joints"]
    gripper_width_m: float


@dataclass(slots=True)
class ImuHistory:
    """Recent samples of one IMU, oldest first."""

    keep_s: float = 1.0
    mount: str = ""
    T_mount_sensor: Float[np.ndarray, "4 4"] = field(default_factory=lambda: np.eye(4))
    times_s: Float[np.ndarray, "samples"] = field(default_factory=lambda: np.zeros(0))
    _values: Float[np.ndarray, "samples 6"] = field(default_factory=lambda: np.zeros((0, 6)))

    def add(self, samples: ImuSamples) -> None:
        """Take in new samples; samples that are not finite are left out."""
        self.mount, self.T_mount_sensor = samples.mount, samples.T_mount_sensor
        values = np.column_stack([samples.specific_force_mps2, samples.angular_rate_radps])
        good = np.isfinite(values).all(1) & np.isfinite(samples.times_s)
        times_s = np.concatenate([self.times_s, samples.times_s[good]])
        values = np.concatenate([self._values, values[good]])
        if not len(times_s):
            return
        order = np.argsort(times_s, kind="stable")
        order = order[times_s[order] >= times_s[order[-1]] - self.keep_s]
        self.times_s, self._values = times_s[order], values[order]

    def is_still(self, time_s: float, window_s: float = 0.06) -> bool | None:
        """Whether the IMU's body stood still around a time; None when it was not measured then.

        Still: turning below 0.03 rad/s, force steady and gravity's size.
        """
        inside = self._inside(time_s, window_s)
        if inside.sum() < 4:
            return None
        force, rate = self._values[inside, :3], self._values[inside, 3:]
        turning = np.linalg.norm(rate.mean(0))
        excess = abs(np.linalg.norm(force.mean(0)) - GRAVITY_MPS2)
        return bool(turning < 0.03 and excess < 0.4 and force.std(0).max() < 0.4)

    def up_mount(self, time_s: float, window_s: float = 0.3) -> Float[np.ndarray, "3"] | None:
        """Direction away from the earth in the mount's frame, from the mean force around a time; None: unknown."""
        inside = self._inside(time_s, window_s)
        if inside.sum() < 4:
            return None
        force = self.T_mount_sensor[:3, :3] @ self._values[inside, :3].mean(0)
        size = float(np.linalg.norm(force))
        return force / size if abs(size - GRAVITY_MPS2) < 0.5 else None

    def _inside(self, time_s: float, window_s: float) -> Bool[np.ndarray, "samples"]:
        return np.abs(self.times_s - time_s) <= window_s


def was_still(mount: str, time_s: float, joints: JointHistory, imus: Iterable[ImuHistory]) -> bool:
    """Whether what carries a sensor stood still when it measured: the IMU on that mount decides, else the joints.

    Both are asked where both were measured; not measured at all counts as moving.
    """
    opinions = [imu.is_still(time_s) for imu in imus if imu.mount == mount]
    moved_rad = joints.moved_rad(time_s - 0.04, time_s + 0.04)
    opinions.append(None if moved_rad is None else moved_rad < 0.004)
    known = [opinion for opinion in opinions if opinion is not None]
    return bool(known) and all(known)
