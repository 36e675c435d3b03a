"""The faults of one episode: drawn from a fault file by seed, asked by sensors and body while it runs.

In:  FaultFile, the sensors' declarations, the scene's objects, the episode's seed.
Out: FaultEvents; for each sensor a SensorFaults that says what becomes of what was measured at a time.
Nothing here is seen by the agent but what the sensors then deliver.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from ..perception.types import CameraImage, LidarScan, SensorSpec
from .fault_file import SENSOR_KINDS, FaultEntry, FaultError, FaultFile, FaultKind, Quantity
from .scenes import Scene
from .toml_file import nearest

PUSHED_KINDS = ("block_small", "block_large", "cylinder", "mug")
TABLE_CENTER = np.array([0.5, 0.0])
MAX_TURN_RAD = math.pi / 3
"""A push goes this far to either side of the way to the table's middle."""


@dataclass(frozen=True, slots=True)
class FaultEvent:
    """One fault from `start_s` to `end_s` (inf: to the end). `signs` are drawn once for whatever needs a direction."""

    entry: FaultEntry
    start_s: float
    end_s: float
    sensor: str | None = None
    object: str | None = None
    heading_rad: float = 0.0
    signs: tuple[float, ...] = ()

    @property
    def kind(self) -> FaultKind:
        """What goes wrong."""
        return self.entry.kind

    def is_on(self, time_s: float) -> bool:
        """Whether something that happens now is concerned."""
        return self.start_s <= time_s < self.end_s

    def to_dict(self) -> dict[str, Any]:
        """For results."""
        given = self.entry.model_dump(mode="json", exclude_none=True)
        for name in ("kind", "sensor", "object", "start_s", "duration_s", "times"):
            given.pop(name, None)
        end_s = None if math.isinf(self.end_s) else round(self.end_s, 4)
        subject = {"sensor": self.sensor} if self.sensor else {"object": self.object} if self.object else {}
        return {"kind": self.kind.value, **subject, "start_s": round(self.start_s, 4), "end_s": end_s, **given}


def draw_faults(file: FaultFile, sensors: Sequence[SensorSpec], scene: Scene, seed: int) -> tuple[FaultEvent, ...]:
    """The events of an episode; FaultError when the file names a sensor or an object that is not there."""
    rng = np.random.default_rng([seed, 0xFA017])
    events: list[FaultEvent] = []
    for entry in file.faults:
        for _ in range(entry.times):
            start_s = float(rng.uniform(*entry.start_s))
            end_s = math.inf if entry.duration_s is None else start_s + float(rng.uniform(*entry.duration_s))
            signs = tuple(float(sign) for sign in rng.standard_normal(16))
            event = FaultEvent(entry, start_s, end_s, signs=signs)
            if entry.kind is FaultKind.PUSH:
                event = _aim(event, scene, rng)
            names = find_sensors(entry, file.name, sensors) if entry.kind in SENSOR_KINDS else (None,)
            events += [replace(event, sensor=name) for name in names]
    return tuple(event for event in events if event.kind is not FaultKind.PUSH or event.object is not None)


def find_sensors(entry: FaultEntry, where: str, sensors: Sequence[SensorSpec]) -> tuple[str, ...]:
    """Names of the sensors that an entry means."""
    wanted = str(entry.sensor)
    found = tuple(s.name for s in sensors if wanted in ("all", s.name, s.kind.value))
    if not found:
        known = {"all", *(s.name for s in sensors), *(s.kind.value for s in sensors)}
        raise FaultError(f"{where}: this robot has no sensor '{wanted}'; {nearest(wanted, known)}")
    return found


def _aim(event: FaultEvent, scene: Scene, rng: np.random.Generator) -> FaultEvent:
    """Which object is pushed, and where to: roughly to the table's middle, so that it stays on the table."""
    named = [o for o in scene.objects if o.name == event.entry.object]
    if event.entry.object is not None and not named:
        known = [o.name for o in scene.objects]
        raise FaultError(f"The scene has no object '{event.entry.object}'; {nearest(event.entry.object, known)}")
    choices = named or [o for o in scene.objects if o.kind in PUSHED_KINDS]
    if not choices:
        return event
    chosen = choices[int(rng.integers(len(choices)))]
    x, y = TABLE_CENTER - chosen.position_world[:2]
    heading_rad = math.atan2(y, x) + float(rng.uniform(-MAX_TURN_RAD, MAX_TURN_RAD))
    return replace(event, object=chosen.name, heading_rad=heading_rad)


class SensorFaults:
    """What is wrong with one sensor, and when."""

    def __init__(self, sensor: str, events: Sequence[FaultEvent]) -> None:
        self._events = tuple(event for event in events if event.sensor == sensor)

    def __bool__(self) -> bool:
        return bool(self._events)

    def is_dropped(self, time_s: float) -> bool:
        """Whether what is measured now never arrives."""
        return any(event.kind is FaultKind.DROPPED for event in self._on(time_s))

    def is_frozen(self, time_s: float) -> bool:
        """Whether what was measured before comes again instead."""
        return any(event.kind is FaultKind.FROZEN for event in self._on(time_s))

    def delay_s(self, time_s: float) -> float:
        """By how much what is measured now comes later than declared."""
        late = (event.entry.delay_s for event in self._on(time_s) if event.kind is FaultKind.LATE)
        return sum((delay for delay in late if delay is not None), 0.0)

    def offset_s(self, time_s: float) -> float:
        """By how much the time that a measurement bears differs from when it was taken."""
        return sum((event.entry.offset_s or 0.0 for event in self._on(time_s) if event.kind is FaultKind.MISTIMED), 0.0)

    def displacement(self, time_s: float) -> Float[np.ndarray, "4 4"] | None:
        """T_declared_true of the sensor's frame; None where it is where it should be."""
        moved = [event for event in self._on(time_s) if event.kind is FaultKind.SHIFTED]
        if not moved:
            return None
        pose = np.eye(4)
        for event in moved:
            way, axis = np.array(event.signs[0:3]), np.array(event.signs[3:6])
            step = np.eye(4)
            step[:3, 3] = way / np.linalg.norm(way) * (event.entry.shift_m or 0.0)
            turn = axis / np.linalg.norm(axis) * (event.entry.turn_rad or 0.0)
            step[:3, :3] = Rotation.from_rotvec(turn).as_matrix()
            pose = pose @ step
        return pose

    def error(
        self, quantity: Quantity, times_s: Float[np.ndarray, " samples"], width: int, rng: np.random.Generator
    ) -> Float[np.ndarray, "samples width"]:
        """What is added to `width` values measured at each time: noise and bias."""
        found = np.zeros((len(times_s), width))
        for event in self._events:
            amount = (event.entry.amounts or {}).get(quantity, 0.0)
            if amount <= 0.0:
                continue
            is_on = (times_s >= event.start_s) & (times_s < event.end_s)
            if event.kind is FaultKind.NOISY:
                found += is_on[:, None] * amount * rng.standard_normal(found.shape)
            elif event.kind is FaultKind.BIASED:
                signs = event.signs[:width] if width <= len(event.signs) else event.signs[:1]
                found += is_on[:, None] * amount * np.sign(signs)
        return found

    def worsen(self, measured: CameraImage | LidarScan, rng: np.random.Generator) -> CameraImage | LidarScan:
        """A picture or scan with the noise and bias of its time."""
        at_s = np.array([measured.time_s])
        if isinstance(measured, LidarScan):
            range_m = np.linalg.norm(measured.points_sensor, axis=1)
            error_m = self.error("range_m", np.full(len(range_m), measured.time_s), 1, rng)[:, 0]
            scale = 1.0 + error_m / np.maximum(range_m, 1e-6)
            return replace(measured, points_sensor=(measured.points_sensor * scale[:, None]).astype(np.float32))
        pixels = measured.depth_m.size
        depth_m, rgb = measured.depth_m, measured.rgb
        if self._has("depth_m"):
            worse = depth_m + self.error("depth_m", at_s, pixels, rng).reshape(depth_m.shape)
            depth_m = np.where(depth_m > 0.0, np.maximum(worse, 0.0), np.float32(0.0)).astype(np.float32)
        if self._has("pixel"):
            error = 255.0 * self.error("pixel", at_s, rgb.size, rng).reshape(rgb.shape)
            rgb = np.clip(rgb + error, 0.0, 255.0).astype(np.uint8)
        return replace(measured, depth_m=depth_m, rgb=rgb)

    def _has(self, quantity: Quantity) -> bool:
        return any(quantity in (event.entry.amounts or {}) for event in self._events)

    def _on(self, time_s: float) -> list[FaultEvent]:
        return [event for event in self._events if event.is_on(time_s)]
