"""When each sensor measures and when its measurement arrives; pictures are rendered only when read.

In:  the true world after every step.
Out: SensorFrame: all joint and IMU samples since the last read, the newest picture or scan of each sensor.

Noise of a picture depends on the episode's seed, the sensor and the number of the exposure, not on which
other pictures were read. The first picture of each sensor is waited for, so reset delivers it at time 0.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from ..perception.types import (
    WORLD,
    CameraImage,
    ContactSamples,
    ForceSamples,
    ImuSamples,
    JointSamples,
    LidarScan,
    SensorFrame,
    SensorKind,
)
from .faults import FaultEvent, SensorFaults
from .faulty_rows import FaultyRows
from .link_motion import LinkMotion, motions_of
from .noise import make_rng
from .raycast import RayRoom
from .sensors import Composition, JointsConfig, Sensor
from .sweep import Poses, Sweep
from .world import STEP_HZ, STEP_S

GRAVITY_WORLD = np.array([0.0, 0.0, -9.81])
PICTURES = (SensorKind.CAMERA, SensorKind.LIDAR)
TOUCHES = (SensorKind.WRIST_FORCE, SensorKind.CONTACT)
SWEEP_KNOTS = 4
"""At how many moments of a sweep poses are kept; between them bodies move evenly."""


@runtime_checkable
class Touching(Protocol):
    """An arm that feels."""

    def wrist_wrench(self) -> Float[np.ndarray, "6"]:
        """Force and torque at the wrist's origin, wrist's axes."""
        ...

    def finger_forces(self) -> Float[np.ndarray, " pads"]:
        """Normal force on each finger."""
        ...


class SensorRig:
    """All sensors of a robot during one episode."""

    def __init__(
        self,
        composition: Composition,
        joint_names: tuple[str, ...],
        room: RayRoom,
        seed: int,
        faults: Sequence[FaultEvent] = (),
    ) -> None:
        self._room = room
        self._pictures = [_Picture(s, seed, faults) for s in composition.sensors if s.spec.kind in PICTURES]
        self._touches = [_TouchTrack(s, seed) for s in composition.sensors if s.spec.kind in TOUCHES]
        self._imus = [_ImuTrack(s, seed) for s in composition.sensors if s.spec.kind is SensorKind.IMU]
        self._joints = _JointTrack(composition.joints, joint_names, seed)
        self._imu_rows = [FaultyRows(track.sensor.spec, faults, seed) for track in self._imus]
        self._touch_rows = [FaultyRows(track.sensor.spec, faults, seed) for track in self._touches]
        self._joint_rows = FaultyRows(composition.joints.spec, faults, seed)
        self.imu_mounts = tuple(dict.fromkeys(track.sensor.spec.mount for track in self._imus))

    def is_exposing(self, tick: int) -> bool:
        """Whether any camera or LiDAR measures at this step, so that `observe_poses` is due."""
        return any(picture.is_exposing(tick) for picture in self._pictures)

    def observe_poses(self, tick: int, poses: Poses) -> None:
        """Keep where everything is, for the sensors that measure now."""
        for picture in self._pictures:
            picture.expose(tick, poses)

    def observe_motion(
        self,
        tick: int,
        joints: tuple[Float[np.ndarray, "joints"], Float[np.ndarray, "joints"], float],
        mounts: Mapping[str, LinkMotion],
    ) -> None:
        """Take in the body's motion after a step."""
        self._joints.observe(tick, *joints)
        for track in self._imus:
            track.observe(tick, mounts[track.sensor.spec.mount])

    def observe_touch(self, tick: int, arm: Touching) -> None:
        """Take in what the wrist and the fingers feel, where a sensor measures it now."""
        for track in self._touches:
            if is_due(tick, track.sensor.spec.rate_hz):
                is_wrist = track.sensor.spec.kind is SensorKind.WRIST_FORCE
                track.rows.append((tick * STEP_S, arm.wrist_wrench() if is_wrist else arm.finger_forces()))

    def collect(self, tick: int, *, images: bool) -> SensorFrame:
        """Everything that has arrived by now; pictures are made here."""
        time_s = tick * STEP_S
        arrived = [picture.take(self._room, time_s, make=images) for picture in self._pictures]
        tracks = zip(self._imus, self._imu_rows, strict=True)
        imu = (rows.pass_on(track.take(time_s), time_s) for track, rows in tracks)
        touches = zip(self._touches, self._touch_rows, strict=True)
        felt = [rows.pass_on(track.take(time_s), time_s) for track, rows in touches]
        return SensorFrame(
            time_s,
            images=tuple(item for item in arrived if isinstance(item, CameraImage)),
            scans=tuple(item for item in arrived if isinstance(item, LidarScan)),
            imu=tuple(samples for samples in imu if samples is not None),
            joints=self._joint_rows.pass_on(self._joints.take(time_s), time_s),
            forces=tuple(item for item in felt if isinstance(item, ForceSamples)),
            contacts=tuple(item for item in felt if isinstance(item, ContactSamples)),
        )


def is_due(tick: int, rate_hz: float) -> bool:
    """Whether the step is the one nearest to a moment of that rate."""
    return round(round(tick * rate_hz / STEP_HZ) * STEP_HZ / rate_hz) == tick


@dataclass(slots=True)
class _Exposure:
    number: int
    sweep: Sweep
    shown_s: float | None = None

    @property
    def time_s(self) -> float:
        return self.sweep.end_s


class _Picture:
    """A camera or LiDAR: exposures on their way, the newest that has arrived."""

    def __init__(self, sensor: Sensor, seed: int, faults: Sequence[FaultEvent]) -> None:
        self._sensor = sensor
        self._seed = seed
        self._faults = SensorFaults(sensor.spec.name, faults)
        self._last: _Exposure | None = None
        self._pending: deque[_Exposure] = deque()
        self._arrived: _Exposure | None = None
        sweep_s = getattr(sensor, "sweep_s", 0.0)
        self._sweep_ticks = round(sweep_s * STEP_HZ)
        self._knot_ticks = max(1, self._sweep_ticks // SWEEP_KNOTS)
        self._knots: deque[tuple[int, Poses]] = deque()

    def is_exposing(self, tick: int) -> bool:
        """Whether this step's poses are wanted, for an exposure or for a moment of a sweep."""
        is_knot = self._sweep_ticks > 0 and tick % self._knot_ticks == 0
        return is_knot or self.exposure_at(tick) is not None

    def exposure_at(self, tick: int) -> int | None:
        """The number of the exposure that falls on this step, if one does."""
        number = round(tick * self._sensor.spec.rate_hz / STEP_HZ)
        return number if round(number * STEP_HZ / self._sensor.spec.rate_hz) == tick else None

    def expose(self, tick: int, poses: Poses) -> None:
        if not self.is_exposing(tick):
            return
        self._knots.append((tick, poses))
        # One knot before the sweep's beginning stays.
        while len(self._knots) > 1 and self._knots[1][0] <= tick - self._sweep_ticks:
            self._knots.popleft()
        number = self.exposure_at(tick)
        if number is not None:
            ticks, swept = zip(*self._knots, strict=True)
            self._pending.append(_Exposure(number, Sweep(tuple(t * STEP_S for t in ticks), swept)))

    def take(self, room: RayRoom, time_s: float, *, make: bool) -> CameraImage | LidarScan | None:
        while self._pending and (self._arrival_s(self._pending[0]) <= time_s + 1e-9 or time_s == 0.0):
            self._arrive(self._pending.popleft())
        if not make or self._arrived is None:
            return None
        exposure, self._arrived = self._arrived, None
        measured = self._measure(room, exposure)
        if not self._faults:
            return measured
        if exposure.shown_s is not None:
            measured = _restamped(measured, exposure.shown_s)
        if offset_s := self._faults.offset_s(exposure.time_s):
            measured = _restamped(measured, measured.time_s + offset_s)
        return self._faults.worsen(measured, make_rng(self._seed, "fault", self._sensor.spec.name, exposure.number))

    def _measure(self, room: RayRoom, exposure: _Exposure) -> CameraImage | LidarScan:
        spec = self._sensor.spec
        rng = make_rng(self._seed, spec.name, exposure.number)
        moved = self._faults.displacement(exposure.time_s)
        if self._sweep_ticks and moved is None:
            return self._sensor.measure_sweep(room, exposure.sweep, rng)
        poses = exposure.sweep.poses[-1]
        room.move(poses)
        T_world_mount = np.eye(4) if spec.mount == WORLD else poses[spec.mount]
        if moved is not None:
            T_mount_sensor = self._sensor.T_mount_sensor
            T_world_mount = T_world_mount @ T_mount_sensor @ moved @ np.linalg.inv(T_mount_sensor)
        return self._sensor.measure(room, T_world_mount, exposure.time_s, rng)

    def _arrival_s(self, exposure: _Exposure) -> float:
        return exposure.time_s + self._sensor.spec.delay_s + self._faults.delay_s(exposure.time_s)

    def _arrive(self, exposure: _Exposure) -> None:
        """The newest is kept; of a frozen sensor what it saw before, under the new time."""
        if self._faults.is_dropped(exposure.time_s):
            return
        if self._last is not None and self._faults.is_frozen(exposure.time_s):
            self._arrived = replace(self._last, shown_s=exposure.time_s)
        else:
            self._last = self._arrived = exposure


def _restamped(measured: CameraImage | LidarScan, time_s: float) -> CameraImage | LidarScan:
    """The same again as if it had been measured at another time."""
    if isinstance(measured, LidarScan):
        point_times_s = measured.point_times_s + (time_s - measured.time_s)
        return replace(measured, time_s=time_s, point_times_s=point_times_s)
    return replace(measured, time_s=time_s)


@dataclass(slots=True)
class _ImuTrack:
    """True motion of an IMU's place, from which its samples are made.

    Specific force comes from differences of velocity over one step and belongs to the step's middle: positions
    differentiated twice, or the difference taken for the step's end, add more error than the sensor has.
    """

    sensor: Sensor
    seed: int
    _rng: np.random.Generator = field(init=False)
    _next_sample: int = field(init=False, default=0)
    _times_s: list[float] = field(init=False, default_factory=list)
    _motions: list[LinkMotion] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._rng = make_rng(self.seed, self.sensor.spec.name)
        self.sensor.reset()

    def observe(self, tick: int, motion: LinkMotion) -> None:
        if not self._times_s:  # at rest before the episode
            self._times_s.append((tick - 1) * STEP_S)
            self._motions.append(motion.at_rest())
        self._times_s.append(tick * STEP_S)
        self._motions.append(motion)

    def take(self, time_s: float) -> ImuSamples | None:
        spec = self.sensor.spec
        newest_s = min(time_s - spec.delay_s, self._times_s[-1] - STEP_S / 2) + 1e-9
        count = int(np.floor(newest_s * spec.rate_hz)) + 1 - self._next_sample
        if count <= 0:
            return None
        due_s = (self._next_sample + np.arange(count)) / spec.rate_hz
        self._next_sample += count
        samples = self.sensor.measure(due_s, *self._true_motion(due_s), self._rng)
        self._forget_before(due_s[-1] - 3 * STEP_S)
        return samples

    def _true_motion(
        self, due_s: Float[np.ndarray, " samples"]
    ) -> tuple[Float[np.ndarray, "samples 3"], Float[np.ndarray, "samples 3"]]:
        """Specific force and angular rate in the sensor's frame."""
        times = np.array(self._times_s)
        T_world_mount, velocities, rates = motions_of(self._motions)
        lever_mount = self.sensor.T_mount_sensor[:3, 3]
        rotations = T_world_mount[:, :3, :3] @ self.sensor.T_mount_sensor[:3, :3]
        velocities = velocities + np.cross(rates, T_world_mount[:, :3, :3] @ lever_mount)
        middle = (times[1:] + times[:-1]) / 2
        acceleration = np.diff(velocities, axis=0) / np.diff(times)[:, None]
        turned = (rotations[1:] + rotations[:-1]) / 2
        force = np.einsum("nji,nj->ni", turned, acceleration - GRAVITY_WORLD)
        rate = np.einsum("nji,nj->ni", rotations, rates)
        force_at, rate_at = (
            np.column_stack([np.interp(due_s, at, values[:, axis]) for axis in range(3)])
            for at, values in ((middle, force), (times, rate))
        )
        return force_at, rate_at

    def _forget_before(self, time_s: float) -> None:
        keep = int(np.searchsorted(self._times_s, time_s))
        del self._times_s[:keep], self._motions[:keep]


@dataclass(slots=True)
class _TouchTrack:
    """What a touch sensor has measured and nobody has read yet."""

    sensor: Sensor
    seed: int
    rows: deque[tuple[float, Float[np.ndarray, " values"]]] = field(init=False, default_factory=deque)
    _rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._rng = make_rng(self.seed, self.sensor.spec.name)
        self.sensor.reset()

    def take(self, time_s: float) -> ForceSamples | ContactSamples | None:
        due = _take_due(self.rows, time_s, self.sensor.spec.delay_s)
        if not due:
            return None
        times_s, values = (np.array(column) for column in zip(*due, strict=True))
        return self.sensor.measure(times_s, values, self._rng)


class _JointTrack:
    """Encoder readings that have not been read yet."""

    def __init__(self, config: JointsConfig, names: tuple[str, ...], seed: int) -> None:
        self._config = config
        self._names = names
        self._rng = make_rng(seed, config.name)
        self._rows: deque[tuple[float, Float[np.ndarray, "joints"], Float[np.ndarray, "joints"], float]] = deque()

    def observe(
        self,
        tick: int,
        positions_rad: Float[np.ndarray, "joints"],
        velocities_radps: Float[np.ndarray, "joints"],
        width_m: float,
    ) -> None:
        rate = min(self._config.rate_hz, STEP_HZ)
        if is_due(tick, rate):
            self._rows.append((tick * STEP_S, positions_rad, velocities_radps, width_m))

    def take(self, time_s: float) -> JointSamples | None:
        due = _take_due(self._rows, time_s, self._config.delay_s)
        if not due:
            return None
        times, positions, velocities, widths = (np.array(column) for column in zip(*due, strict=True))
        noise = self._rng.standard_normal((len(due), 2 * positions.shape[1] + 1))
        num = positions.shape[1]
        return JointSamples(
            self._names,
            times,
            positions + self._config.position_noise_rad * noise[:, :num],
            velocities + self._config.velocity_noise_radps * noise[:, num:-1],
            widths + self._config.width_noise_m * noise[:, -1],
        )


def _take_due(rows: deque[Any], time_s: float, delay_s: float) -> list[Any]:
    """Take off what has arrived by now, oldest first; rows begin with their time. At time 0 all is waited for."""
    due: list[Any] = []
    while rows and (rows[0][0] + delay_s <= time_s + 1e-9 or time_s == 0.0):
        due.append(rows.popleft())
    return due
