"""Where a moving rig is, under a condition: odometry on whatever is left of LiDAR, depth camera and IMU.

In:  a Walk or a Drive, a Condition.
Out: EgoFound: how far the path is off, and whether every number was one.

Messages arrive as they would: what is late comes after its time, what is frozen comes again under fresh times. Poses
are compared live, so that lateness counts. Sensor health leaves out what it does not believe; the odometry does with
the rest. A depth picture is a sweep of one moment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Float32

from ...perception.geometry import invert_pose
from ...perception.health import LEAST_TRUST, HealthMonitor
from ...perception.odometry.body_state import BodyState
from ...perception.odometry.odometry import InertialSamples, OdometryConfig, Sweep
from ...perception.odometry.registration import Matching
from ...perception.odometry.timeline import Timeline, TimelineConfig
from ...perception.types import ImuSamples, LidarScan, SensorFrame, SensorKind, SensorSpec
from ...sim.moving_rig import IMU_HZ, SWEEP_S
from ...sim.room_walk import Walk
from .conditions import BIASES, LATE_S, OFFSET_S, Condition

ROOM = OdometryConfig(
    scan_voxel_m=0.25,
    map_voxel_m=0.4,
    coarse_voxel_m=1.2,
    unsure_m=0.15,
    map_slots=1 << 15,
    matching=Matching(along_m=0.2, line_m=0.015),
)
FREEZES_S = 3.0
RELATIVE_SWEEPS = 10
SPECS = (
    SensorSpec("lidar", SensorKind.LIDAR, 1.0 / SWEEP_S, 0.0, noise={"range_m": 0.01}),
    SensorSpec("camera", SensorKind.LIDAR, 1.0 / SWEEP_S, 0.0, noise={"depth_m": 0.002}),
    SensorSpec("imu", SensorKind.IMU, float(IMU_HZ), 0.0, noise={"force_mps2": 0.03}),
)


@dataclass(frozen=True, slots=True)
class EgoFound:
    """`rms_m` of place over the path from the common start; `second_m`, `second_rad`: gone wrong in a second."""

    rms_m: float
    second_m: float
    second_rad: float
    is_finite: bool


@dataclass(frozen=True, slots=True)
class _Message:
    """What one sensor sends, and when it arrives."""

    arrival_s: float
    kind: str
    scan: LidarScan | None = None
    imu: ImuSamples | None = None


def follow(walk: Walk, condition: Condition, config: OdometryConfig = ROOM) -> EgoFound:
    """How far the path as believed at each sweep's end, live, is off."""
    return compare(follow_poses(walk, condition, config), walk.T_world_rig)


def follow_poses(walk: Walk, condition: Condition, config: OdometryConfig = ROOM) -> Float[np.ndarray, "sweeps 4 4"]:
    """T_map_rig at each sweep's end, as believed then."""
    messages = sorted(_messages(walk, condition), key=lambda message: message.arrival_s)
    rig, believed, place = _Rig(config), [], 0
    for scan in walk.scans:
        arrived: list[_Message] = []
        while place < len(messages) and messages[place].arrival_s <= scan.end_s + 1e-9:
            arrived.append(messages[place])
            place += 1
        believed.append(rig.take(arrived, scan.end_s))
    return np.array(believed)


def compare(T_map_rig: Float[np.ndarray, "sweeps 4 4"], T_world_rig: Float[np.ndarray, "sweeps 4 4"]) -> EgoFound:
    """Both paths begin at the same pose."""
    true = invert_pose(T_world_rig[0]) @ T_world_rig
    apart_m = np.linalg.norm(T_map_rig[:, :3, 3] - true[:, :3, 3], axis=1)
    later = RELATIVE_SWEEPS
    gone = invert_pose(invert_pose(T_map_rig[:-later]) @ T_map_rig[later:]) @ (
        invert_pose(true[:-later]) @ true[later:]
    )
    cosine = (np.trace(gone[:, :3, :3], axis1=1, axis2=2) - 1.0) / 2.0
    return EgoFound(
        float(np.sqrt((apart_m**2).mean())),
        float(np.linalg.norm(gone[:, :3, 3], axis=1).mean()),
        float(np.arccos(np.clip(cosine, -1.0, 1.0)).mean()),
        bool(np.isfinite(T_map_rig).all()),
    )


def _messages(walk: Walk, condition: Condition) -> list[_Message]:
    """All that is sent, perturbed as the condition says."""
    sent: list[_Message] = []
    per_sweep = round(SWEEP_S * IMU_HZ)
    rng = np.random.default_rng(0x5E6)
    signs = np.sign(rng.standard_normal(6))
    for number, (scan, picture) in enumerate(zip(walk.scans, walk.pictures, strict=True)):
        rows = slice(number * per_sweep, (number + 1) * per_sweep)
        moment_s = np.full(len(picture), scan.end_s)
        samples = ImuSamples(
            "imu", walk.imu_times_s[rows], walk.force_mps2[rows], walk.rate_radps[rows], np.eye(4), "rig"
        )
        sent.append(_Message(scan.end_s, "lidar", scan=_as_scan("lidar", scan.end_s, scan.points_sensor, scan.times_s)))
        sent.append(_Message(scan.end_s, "camera", scan=_as_scan("camera", scan.end_s, picture, moment_s)))
        sent.append(_Message(scan.end_s, "imu", imu=samples))
    sent = [message for message in sent if message.kind in condition.left]
    if condition.wrong is None:
        return sent
    frozen: dict[str, _Message] = {}
    return [
        _perturbed(message, str(condition.how), signs, frozen) if message.kind == condition.wrong else message
        for message in sent
    ]


def _perturbed(message: _Message, how: str, signs: Float[np.ndarray, "6"], frozen: dict[str, _Message]) -> _Message:
    if how == "late":
        return replace(message, arrival_s=message.arrival_s + LATE_S)
    if how == "time-shifted":
        return _shifted(message, OFFSET_S)
    if how == "frozen":
        if message.arrival_s <= FREEZES_S:
            frozen["last"] = message
            return message
        last = frozen["last"]
        if message.imu is not None and last.imu is not None:
            row = slice(-1, None)
            same = [np.repeat(v[row], len(message.imu.times_s), axis=0) for v in _values(last.imu)]
            return replace(message, imu=replace(message.imu, specific_force_mps2=same[0], angular_rate_radps=same[1]))
        return replace(_shifted(last, message.arrival_s - last.arrival_s), arrival_s=message.arrival_s)
    amounts = BIASES[message.kind]
    if message.imu is not None:
        return replace(
            message,
            imu=replace(
                message.imu,
                specific_force_mps2=message.imu.specific_force_mps2 + signs[:3] * amounts["force_mps2"],
                angular_rate_radps=message.imu.angular_rate_radps + signs[3:] * amounts["rate_radps"],
            ),
        )
    assert message.scan is not None  # every message is one or the other
    points = message.scan.points_sensor
    range_m = np.linalg.norm(points, axis=1, keepdims=True)
    longer = points * (1.0 + signs[0] * next(iter(amounts.values())) / np.maximum(range_m, 0.1))
    return replace(message, scan=replace(message.scan, points_sensor=longer.astype(np.float32)))


def _values(imu: ImuSamples) -> tuple[Float[np.ndarray, "samples 3"], Float[np.ndarray, "samples 3"]]:
    return imu.specific_force_mps2, imu.angular_rate_radps


def _shifted(message: _Message, offset_s: float) -> _Message:
    """The same under other times."""
    scan, imu = message.scan, message.imu
    if scan is not None:
        scan = replace(scan, time_s=scan.time_s + offset_s, point_times_s=scan.point_times_s + offset_s)
    return replace(message, scan=scan, imu=None if imu is None else replace(imu, times_s=imu.times_s + offset_s))


class _Rig:
    """Sensor health before the odometry, and the camera's pictures joined with the sweeps of their moments."""

    def __init__(self, config: OdometryConfig) -> None:
        self._timeline = Timeline(1, TimelineConfig(odometry=config))
        self._health = HealthMonitor(SPECS)
        self._waiting: list[LidarScan] = []

    def take(self, arrived: list[_Message], now_s: float) -> Float[np.ndarray, "4 4"]:
        """The pose now, after all that has arrived and is believed."""
        scans = tuple(message.scan for message in arrived if message.scan is not None)
        imu = tuple(message.imu for message in arrived if message.imu is not None)
        frame = self._health.observe(SensorFrame(now_s, scans=scans, imu=imu))
        for samples in frame.imu:
            if not self._health.has_wrong_clock("imu"):  # what comes late is put where it belongs
                columns = (samples.times_s, samples.specific_force_mps2, samples.angular_rate_radps)
                self._timeline.add_imu(InertialSamples(*(torch.from_numpy(np.asarray(c))[None] for c in columns)))
        self._waiting += [scan for scan in scans if scan.sensor == "camera" and self._is_believed("camera")]
        sweeps = [scan for scan in scans if scan.sensor == "lidar" and self._is_believed("lidar")]
        for sweep in sweeps or self._alone(now_s):
            together = [sweep, *(p for p in self._waiting if p is not sweep and _is_same_moment(p, sweep))]
            self._waiting = [p for p in self._waiting if p.time_s > sweep.time_s + SWEEP_S / 2]
            self._add(together)
        if not any(self._is_heard(sensor, now_s) for sensor in ("lidar", "camera")):
            self._add([_as_scan("nothing", now_s, np.zeros((1, 3), np.float32), np.array([now_s]))])
        state = self._timeline.state_at(now_s)
        return np.eye(4) if state is None else _pose(state)

    def _alone(self, now_s: float) -> list[LidarScan]:
        """Pictures are sweeps of their own while no LiDAR is believed whose late sweeps they could join."""
        return [] if self._is_heard("lidar", now_s) else list(self._waiting)

    def _is_heard(self, sensor: str, now_s: float) -> bool:
        ages_s = {h.sensor: h.age_s for h in self._health.report(now_s)}
        return self._is_believed(sensor) and ages_s.get(sensor) is not None

    def _is_believed(self, sensor: str) -> bool:
        """What moves needs the right time."""
        return self._health.trust(sensor) >= LEAST_TRUST and not self._health.has_wrong_clock(sensor)

    def _add(self, together: list[LidarScan]) -> None:
        points = torch.from_numpy(np.concatenate([scan.points_sensor for scan in together]))[None]
        times_s = torch.from_numpy(np.concatenate([scan.point_times_s for scan in together]))[None]
        ends_s = torch.tensor([together[0].time_s], dtype=torch.float64)
        is_there = torch.full(points.shape[:2], together[0].sensor != "nothing")
        self._timeline.add_sweep(Sweep(points, times_s, is_there, ends_s - SWEEP_S, ends_s))


def _is_same_moment(one: LidarScan, other: LidarScan) -> bool:
    return abs(one.time_s - other.time_s) < SWEEP_S / 2


def _as_scan(
    sensor: str, time_s: float, points: Float32[np.ndarray, "points 3"], times_s: Float[np.ndarray, " points"]
) -> LidarScan:
    return LidarScan(sensor, time_s, points, times_s, np.zeros(len(points), np.float32), np.eye(4), "rig")


def _pose(state: BodyState) -> Float[np.ndarray, "4 4"]:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = state.R_map_body[0], state.place_map[0]
    return pose
