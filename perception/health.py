"""How far each sensor can be trusted, judged from what arrives against what was declared.

In:  SensorSpecs (or none: sensors are then learned from the frames) and SensorFrames.
Out: one SensorHealth for each sensor, with the reason when it is below one.
Pictures and scans are judged when a frame brings some, because between looks the driver keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Shaped

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

LEAST_TRUST = 0.3
"""A sensor that is trusted less is left out."""
_RATE_WINDOW_S = 0.5
_SLACK_S = 0.02
_IMU_LIMIT = 150.0
_TOO_FAST, _MANY, _FAST_HEALTH = (
    2.0,
    10,
    0.5,
)  # more than this times the declared rate: still true, but something is wrong
_GAP_PERIODS, _GAP_HEALTH = 4.0, 0.7
_SAME_S = 1e-6
_AHEAD_S, _AHEAD_HEALTH = 0.02, 0.5
_CENTRE_BEYOND = 1.0  # widths of the picture that the optical centre may lie beside it (cut-out pictures)
_SAME_LENS = 0.02
_GRAY_BITS, _LEAST_PICTURE_BITS = 2, 1.2
"""A plain table seen from straight above has 1.8 bits and more in steps of four levels, a usual picture 3."""
_SOME, _NEAREST_M, _RANGE_STEP, _LEAST_SWEEP_BITS = 1000, 0.02, 0.18, 0.5
_UNIFORM_HEALTH = 0.5  # a plain wall looks like that too: what depth it brings may be true
Finding = tuple[HealthReason, float]


@dataclass(slots=True)
class _Record:
    """What is known of one sensor."""

    spec: SensorSpec
    last_s: float | None = None
    finding: Finding = (HealthReason.OK, 1.0)
    disagreement: float = 0.0
    disagrees_by: HealthReason = HealthReason.DISAGREES
    times_s: Float[np.ndarray, " samples"] = field(default_factory=lambda: np.zeros(0))
    lens: tuple[float, ...] | None = None
    """The camera's intrinsics as shares of the picture, so that other resolutions of the same lens are the same."""


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
            record = self._note(image.sensor, SensorKind.CAMERA, image.time_s, finding, arrived, image.mount)
            _check_lens(record, image)
        for scan in frame.scans:
            is_old = self._repeats.is_picture_again(scan.sensor, scan.time_s, scan.points_sensor)
            finding = self._unless_frozen(scan.sensor, _check_scan(scan), is_old)
            self._note(scan.sensor, SensorKind.LIDAR, scan.time_s, finding, arrived, scan.mount)
        self._check_burst(frame)
        for samples in frame.imu:
            if len(samples.times_s):
                values = np.concatenate([samples.specific_force_mps2, samples.angular_rate_radps], axis=1)
                is_old = self._repeats.is_sample_again(samples.sensor, samples.times_s, values)
                finding = self._unless_frozen(samples.sensor, _check_imu(values), is_old)
                record = self._note_samples(
                    samples.sensor, SensorKind.IMU, samples.times_s, finding, arrived, samples.mount
                )
                _check_rate(record, samples.times_s, self._start_s)
        for touch, kind in ((frame.forces, SensorKind.WRIST_FORCE), (frame.contacts, SensorKind.CONTACT)):
            for felt in touch:
                if len(felt.times_s):
                    finding = _check_finite(felt.force_n)
                    record = self._note_samples(felt.sensor, kind, felt.times_s, finding, arrived, felt.mount)
                    _check_rate(record, felt.times_s, self._start_s)
        if frame.joints is not None and len(frame.joints.times_s):
            name = next((n for n, r in self._records.items() if r.spec.kind is SensorKind.JOINTS), "joints")
            times_s = frame.joints.times_s
            values = np.column_stack([frame.joints.positions_rad, frame.joints.gripper_width_m])
            is_old = self._repeats.is_sample_again(name, times_s, values)
            finding = self._unless_frozen(name, _check_finite(values), is_old)
            record = self._note_samples(name, SensorKind.JOINTS, times_s, finding, arrived)
            _check_rate(record, frame.joints.times_s, self._start_s)
        self._check_future(frame, arrived)
        self._find_absent(frame, arrived)
        frozen = {name for name, record in self._records.items() if record.finding[0] is HealthReason.FROZEN}
        if not frozen:
            return frame
        are_joints_frozen = any(self._records[name].spec.kind is SensorKind.JOINTS for name in frozen)
        imu = tuple(samples for samples in frame.imu if samples.sensor not in frozen)
        return replace(frame, imu=imu, joints=None if are_joints_frozen else frame.joints)

    def disagrees(self, sensor: str, amount: float, reason: HealthReason = HealthReason.DISAGREES) -> None:
        """Fusion found a sensor's view beside the others', or its own before: 0 agrees, 1 useless."""
        if sensor in self._records:
            self._records[sensor].disagreement = float(np.clip(amount, 0.0, 1.0))
            self._records[sensor].disagrees_by = reason

    def trust(self, sensor: str) -> float:
        """Health of one sensor now; 1 for a sensor never heard of."""
        record = self._records.get(sensor)
        return 1.0 if record is None else record.finding[1] * (1.0 - record.disagreement)

    def has_wrong_clock(self, sensor: str) -> bool:
        """Whether the times that a sensor states cannot be."""
        record = self._records.get(sensor)
        return record is not None and record.finding[0] is HealthReason.CLOCK

    def is_blind(self) -> bool:
        """Whether no camera can be trusted at all, or there is none."""
        cameras = [name for name, record in self._records.items() if record.spec.kind is SensorKind.CAMERA]
        return all(self.trust(name) < LEAST_TRUST for name in cameras)

    def noise(self, sensor: str, quantity: str) -> float | None:
        """One sigma as declared; None where nothing is."""
        record = self._records.get(sensor)
        return None if record is None else record.spec.noise.get(quantity)

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
        if not np.isfinite(last_s):
            return record
        if record.last_s is not None and last_s < record.last_s - _SAME_S:
            record.finding = (HealthReason.CLOCK, 0.0)  # an older look would be taken for the present
        record.last_s = last_s if record.last_s is None else max(record.last_s, last_s)
        return record

    def _note_samples(
        self,
        name: str,
        kind: SensorKind,
        times_s: Shaped[np.ndarray, "samples"],
        finding: Finding,
        arrived: set[str],
        mount: str = "world",
    ) -> _Record:
        """Samples that come late are put where they belong; only their share lowers trust."""
        before_s = self._records[name].last_s if name in self._records else None
        finite_s = times_s[np.isfinite(times_s)]
        known_s = np.concatenate([[-np.inf if before_s is None else before_s], finite_s])
        newest_s = np.maximum.accumulate(known_s)
        late = float((known_s[1:] < newest_s[:-1] - _SAME_S).mean()) if len(finite_s) else 0.0
        record = self._note(name, kind, float(newest_s[-1]), finding, arrived, mount)
        if late > 0.0:
            _doubt(record, HealthReason.CLOCK, float(np.clip(1.0 - late, 0.1, 0.9)))
        period_s = 1.0 / record.spec.rate_hz if record.spec.rate_hz > 0 else np.inf
        hole_s = float(np.diff(newest_s[np.isfinite(newest_s)]).max(initial=0.0))
        if hole_s > _GAP_PERIODS * period_s + _SLACK_S:
            _doubt(record, HealthReason.GAP, _GAP_HEALTH)
        return record

    def _check_burst(self, frame: SensorFrame) -> None:
        """Far more pictures or scans at once than the declared rate explains; only the newest will be looked at."""
        times_s: dict[str, list[float]] = {}
        for measured in (*frame.images, *frame.scans):
            times_s.setdefault(measured.sensor, []).append(measured.time_s)
        for name, came_s in times_s.items():
            record = self._records[name]
            expected = 1.0 + record.spec.rate_hz * (max(came_s) - min(came_s))
            if record.spec.rate_hz > 0 and len(came_s) > _TOO_FAST * expected:
                _doubt(record, HealthReason.RATE, _FAST_HEALTH)

    def _check_future(self, frame: SensorFrame, arrived: set[str]) -> None:
        """What bears a time that has not come yet has a wrong clock: true of what rests, useless for what moves."""
        for name in arrived:
            record = self._records[name]
            if record.last_s is not None and record.last_s > frame.time_s + _AHEAD_S:
                _doubt(record, HealthReason.CLOCK, _AHEAD_HEALTH)

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


def _doubt(record: _Record, reason: HealthReason, health: float) -> None:
    """What lowers trust somewhat; a graver finding stands."""
    if record.finding[0] is HealthReason.OK:
        record.finding = (reason, health)


def _state(record: _Record, time_s: float) -> SensorHealth:
    reason, health = record.finding
    if record.disagreement > 0 and reason is HealthReason.OK:
        reason = record.disagrees_by
    age_s = None if record.last_s is None else float(time_s - record.last_s)
    return SensorHealth(record.spec.name, record.spec.kind, health * (1.0 - record.disagreement), reason, age_s)


def _check_lens(record: _Record, image: CameraImage) -> None:
    """A camera's model must be possible, and stay what it was when the camera was first heard."""
    i = image.intrinsics
    numbers = (i.fx, i.fy, i.cx, i.cy)
    if all(np.ndim(number) == 0 and np.isfinite(number) for number in numbers) and i.fx > 0.0 and i.fy > 0.0:
        lens = (i.fx / i.width, i.fy / i.height, (i.cx + 0.5) / i.width, (i.cy + 0.5) / i.height)
        is_near = all(-_CENTRE_BEYOND <= centre <= 1.0 + _CENTRE_BEYOND for centre in lens[2:])
        record.lens = lens if record.lens is None and is_near else record.lens
        if is_near and record.lens is not None and np.allclose(lens, record.lens, atol=_SAME_LENS):
            return
    record.finding = (HealthReason.INTRINSICS, 0.0)


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
    if entropy_bits(rgb[::2, ::2, 1] >> _GRAY_BITS) < _LEAST_PICTURE_BITS:
        return HealthReason.UNIFORM, _UNIFORM_HEALTH
    return HealthReason.OK, 1.0


def entropy_bits(values: Shaped[np.ndarray, "..."]) -> float:
    """Shannon's entropy of which whole numbers (from 0) the values lie at."""
    counts = np.bincount(values.astype(np.int64).ravel())
    shares = counts[counts > 0] / values.size
    return float(-(shares * np.log2(shares)).sum())


def _check_scan(scan: LidarScan) -> Finding:
    if not np.isfinite(scan.T_mount_sensor).all() or not np.isfinite(scan.time_s):
        return HealthReason.NOT_FINITE, 0.0
    if len(scan.points_sensor) < 20:
        return HealthReason.EMPTY, 0.0
    finding = _check_finite(scan.points_sensor)
    if finding[0] is HealthReason.OK:
        range_m = np.linalg.norm(scan.points_sensor[:: 1 + len(scan.points_sensor) // _SOME], axis=1)
        if entropy_bits(np.log(np.maximum(range_m, _NEAREST_M) / _NEAREST_M) / _RANGE_STEP) < _LEAST_SWEEP_BITS:
            return HealthReason.UNIFORM, 0.0  # a covered dome: every beam ends at one distance
    return finding


def _check_imu(values: Shaped[np.ndarray, "samples 6"]) -> Finding:
    reason, health = _check_finite(values)
    if reason is HealthReason.OK and float(np.abs(values).max(initial=0.0)) > _IMU_LIMIT:
        return HealthReason.SATURATED, 0.3
    return reason, health


def _check_finite(values: Shaped[np.ndarray, "rows columns"]) -> Finding:
    good = float(np.isfinite(values).all(axis=1).mean()) if len(values) else 1.0
    return (HealthReason.OK, 1.0) if good == 1.0 else (HealthReason.NOT_FINITE, good if good > 0.5 else 0.0)


def _check_rate(record: _Record, times_s: Shaped[np.ndarray, "samples"], start_s: float) -> None:
    """Far too many samples at once, or too few in the last half second (once that much time has passed)."""
    if record.spec.rate_hz <= 0:
        return
    span_s = float(np.ptp(times_s)) if np.isfinite(times_s).all() else np.inf
    if len(times_s) > max(_MANY, _TOO_FAST * (1.0 + record.spec.rate_hz * span_s)):
        _doubt(record, HealthReason.RATE, _FAST_HEALTH)
    known_s = np.concatenate([record.times_s, times_s[np.isfinite(times_s)]])
    newest = float(known_s.max(initial=-np.inf))
    record.times_s = known_s[known_s > newest - _RATE_WINDOW_S]
    if newest - start_s < _RATE_WINDOW_S or record.finding[0] is not HealthReason.OK:
        return
    share = len(record.times_s) / (_RATE_WINDOW_S * record.spec.rate_hz)
    if share < 0.8:
        record.finding = (HealthReason.RATE, float(np.clip(share, 0.0, 1.0)))
