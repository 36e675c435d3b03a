"""How far each sensor can be trusted, judged from what arrives against what was declared.

In:  SensorSpecs (or none: sensors are then learned from the frames) and SensorFrames.
Out: one SensorHealth for each sensor, with the reason when it is below one.
Pictures and scans are judged when a frame brings some, because between looks the driver keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Shaped

from .repeats import RepeatWatch
from .types import (
    CameraImage,
    HealthReason,
    LidarScan,
    SensorFrame,
    SensorHealth,
    SensorKind,
    SensorSpec,
)

_RATE_WINDOW_S = 0.5
_SLACK_S = 0.02
_IMU_LIMIT = 150.0
Finding = tuple[HealthReason, float]


@dataclass(slots=True)
class _Record:
    """What is known of one sensor."""

    spec: SensorSpec
    last_s: float | None = None
    finding: Finding = (HealthReason.OK, 1.0)
    disagreement: float = 0.0
    times_s: list[float] = field(default_factory=list)


class HealthMonitor:
    """Keeps one record a sensor."""

    def __init__(self, sensors: Sequence[SensorSpec]) -> None:
        self._records = {spec.name: _Record(spec) for spec in sensors}
        self._start_s: float | None = None
        self._repeats = RepeatWatch()

    def observe(self, frame: SensorFrame) -> SensorFrame:
        """Take in one frame; returns it without the samples of frozen encoders and IMUs, which would say rest."""
        if self._start_s is None:
            self._start_s = frame.time_s
        arrived: set[str] = set()
        for image in frame.images:
            is_old = self._repeats.is_picture_again(image.sensor, image.time_s, image.depth_m, image.rgb)
            finding = self._unless_frozen(image.sensor, _check_image(image), is_old)
            self._note(image.sensor, SensorKind.CAMERA, image.time_s, finding, arrived, image.mount)
        for scan in frame.scans:
            is_old = self._repeats.is_picture_again(scan.sensor, scan.time_s, scan.points_sensor)
            finding = self._unless_frozen(scan.sensor, _check_scan(scan), is_old)
            self._note(scan.sensor, SensorKind.LIDAR, scan.time_s, finding, arrived, scan.mount)
        for samples in frame.imu:
            if len(samples.times_s):
                last_s = float(samples.times_s[-1])
                values = np.concatenate([samples.specific_force_mps2, samples.angular_rate_radps], axis=1)
                is_old = self._repeats.is_sample_again(samples.sensor, samples.times_s, values)
                finding = self._unless_frozen(samples.sensor, _check_imu(values), is_old)
                record = self._note(samples.sensor, SensorKind.IMU, last_s, finding, arrived, samples.mount)
                _check_rate(record, samples.times_s, self._start_s)
        for touch, kind in ((frame.forces, SensorKind.WRIST_FORCE), (frame.contacts, SensorKind.CONTACT)):
            for felt in touch:
                if len(felt.times_s):
                    finding = _check_finite(felt.force_n)
                    record = self._note(felt.sensor, kind, float(felt.times_s[-1]), finding, arrived, felt.mount)
                    _check_rate(record, felt.times_s, self._start_s)
        if frame.joints is not None and len(frame.joints.times_s):
            name = next((n for n, r in self._records.items() if r.spec.kind is SensorKind.JOINTS), "joints")
            last_s = float(frame.joints.times_s[-1])
            values = np.column_stack([frame.joints.positions_rad, frame.joints.gripper_width_m])
            is_old = self._repeats.is_sample_again(name, frame.joints.times_s, values)
            finding = self._unless_frozen(name, _check_finite(values), is_old)
            record = self._note(name, SensorKind.JOINTS, last_s, finding, arrived)
            _check_rate(record, frame.joints.times_s, self._start_s)
        self._find_absent(frame, arrived)
        frozen = {name for name, record in self._records.items() if record.finding[0] is HealthReason.FROZEN}
        if not frozen:
            return frame
        are_joints_frozen = any(self._records[name].spec.kind is SensorKind.JOINTS for name in frozen)
        imu = tuple(samples for samples in frame.imu if samples.sensor not in frozen)
        return replace(frame, imu=imu, joints=None if are_joints_frozen else frame.joints)

    def disagrees(self, sensor: str, amount: float) -> None:
        """Fusion found a sensor's view beside the others': 0 agrees, 1 useless."""
        if sensor in self._records:
            self._records[sensor].disagreement = float(np.clip(amount, 0.0, 1.0))

    def trust(self, sensor: str) -> float:
        """Health of one sensor now; 1 for a sensor never heard of."""
        record = self._records.get(sensor)
        return 1.0 if record is None else record.finding[1] * (1.0 - record.disagreement)

    def report(self, time_s: float) -> tuple[SensorHealth, ...]:
        """All sensors in the order in which they were declared or first heard."""
        return tuple(_state(record, time_s) for record in self._records.values())

    def _unless_frozen(self, name: str, finding: Finding, is_old: bool) -> Finding:
        """What was found, unless a sensor with noise delivers what it delivered before."""
        record = self._records.get(name)
        has_noise = record is not None and any(sigma > 0.0 for sigma in record.spec.noise.values())
        return (HealthReason.FROZEN, 0.0) if is_old and has_noise and finding[1] > 0.0 else finding

    def _note(
        self, name: str, kind: SensorKind, last_s: float, finding: Finding, arrived: set[str], mount: str = "world"
    ) -> _Record:
        record = self._records.setdefault(name, _Record(SensorSpec(name, kind, 0.0, 0.0, mount)))
        arrived.add(name)
        record.finding = finding
        if np.isfinite(last_s):
            record.last_s = last_s if record.last_s is None else max(record.last_s, last_s)
        return record

    def _find_absent(self, frame: SensorFrame, arrived: set[str]) -> None:
        """Sensors that should have delivered by now and did not, or whose newest value is too old."""
        is_look = bool(frame.images or frame.scans)
        for name, record in self._records.items():
            spec = record.spec
            if spec.rate_hz <= 0:
                continue
            is_slow_kind = spec.kind in (SensorKind.CAMERA, SensorKind.LIDAR)
            allowed_s = spec.delay_s + (2.0 if is_slow_kind else 4.0) / spec.rate_hz + _SLACK_S
            since_s = frame.time_s - (record.last_s if record.last_s is not None else self._start_s or 0.0)
            if since_s <= allowed_s:
                continue
            if record.last_s is None:
                record.finding = (HealthReason.SILENT, 0.0)
            elif is_look or not is_slow_kind:
                reason = HealthReason.STALE if name in arrived or since_s < 5 * allowed_s else HealthReason.SILENT
                record.finding = (reason, float(np.clip(allowed_s / since_s, 0.0, 0.9)))


def _state(record: _Record, time_s: float) -> SensorHealth:
    reason, health = record.finding
    if record.disagreement > 0 and reason is HealthReason.OK:
        reason = HealthReason.DISAGREES
    age_s = None if record.last_s is None else float(time_s - record.last_s)
    return SensorHealth(record.spec.name, record.spec.kind, health * (1.0 - record.disagreement), reason, age_s)


def _check_image(image: CameraImage) -> Finding:
    depth = image.depth_m[::4, ::4]
    if not np.isfinite(image.T_mount_camera).all() or not np.isfinite(image.time_s):
        return HealthReason.NOT_FINITE, 0.0
    finite = float(np.isfinite(depth).mean())
    if finite < 0.98:
        return HealthReason.NOT_FINITE, finite if finite > 0.5 else 0.0
    valid = float((depth > 0.0).mean())
    rgb = image.rgb[::4, ::4]
    if valid < 0.02 or rgb.max(initial=0) < 12:
        return HealthReason.EMPTY, 0.0
    burnt = float((rgb.min(axis=-1) >= 254).mean())
    if burnt > 0.6:
        return HealthReason.SATURATED, 1.0 - burnt
    return HealthReason.OK, 1.0


def _check_scan(scan: LidarScan) -> Finding:
    if not np.isfinite(scan.T_mount_sensor).all() or not np.isfinite(scan.time_s):
        return HealthReason.NOT_FINITE, 0.0
    if len(scan.points_sensor) < 20:
        return HealthReason.EMPTY, 0.0
    return _check_finite(scan.points_sensor)


def _check_imu(values: Shaped[np.ndarray, "samples 6"]) -> Finding:
    reason, health = _check_finite(values)
    if reason is HealthReason.OK and float(np.abs(values).max(initial=0.0)) > _IMU_LIMIT:
        return HealthReason.SATURATED, 0.3
    return reason, health


def _check_finite(values: Shaped[np.ndarray, "rows columns"]) -> Finding:
    good = float(np.isfinite(values).all(axis=1).mean()) if len(values) else 1.0
    return (HealthReason.OK, 1.0) if good == 1.0 else (HealthReason.NOT_FINITE, good if good > 0.5 else 0.0)


def _check_rate(record: _Record, times_s: Shaped[np.ndarray, "samples"], start_s: float) -> None:
    """Too few samples in the last half second (once that much time has passed)."""
    if record.spec.rate_hz <= 0:
        return
    record.times_s += [float(t) for t in times_s if np.isfinite(t)]
    newest = max(record.times_s, default=0.0)
    record.times_s = [t for t in record.times_s if t > newest - _RATE_WINDOW_S]
    if newest - start_s < _RATE_WINDOW_S or record.finding[0] is not HealthReason.OK:
        return
    share = len(record.times_s) / (_RATE_WINDOW_S * record.spec.rate_hz)
    if share < 0.8:
        record.finding = (HealthReason.RATE, float(np.clip(share, 0.0, 1.0)))
