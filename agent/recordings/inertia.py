"""A second of dead reckoning on real IMU logs: ours beside gtsam's, from the same true start.

In:  a Recording with an IMU and a reference path.
Out: InertialErrors: how far the place is off after each span, for every start along the path.

Both sides get the same start (pose and velocity of the reference), the same steps (each with the mean of the samples at
its ends), the same gravity and the same biases: none, or a constant one found on the first quarter of the path, which
is then left out of the errors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module  # gtsam is an extra

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.interpolate import CubicSpline
from torch import Tensor

from ...perception.odometry.body_state import SIZE, BodyState
from ...perception.odometry.preintegration import ImuNoise, preintegrate
from ...perception.odometry.rotations import log
from ...perception.recordings.types import Recording, RecordingFileError

SPANS_S = (0.1, 0.2, 0.5, 1.0, 2.0)
EVERY_S = 1.0
LEARNT_SHARE = 0.25
STANDARD_GRAVITY_MPS2 = 9.80665
BIAS_STEPS = 5


@dataclass(frozen=True, slots=True)
class InertialErrors:
    """Metres off, for each start (rows) and span (columns), of ours and gtsam's, without and with a constant bias."""

    spans_s: tuple[float, ...]
    ours_m: Float[np.ndarray, "starts spans"]
    gtsam_m: Float[np.ndarray, "starts spans"]
    ours_unbiased_m: Float[np.ndarray, "starts spans"]
    gtsam_unbiased_m: Float[np.ndarray, "starts spans"]
    force_bias_mps2: tuple[float, ...]
    rate_bias_radps: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """The path that a recording's makers give, with its velocity: theirs, or the derivative of a spline through it."""

    times_s: Float[np.ndarray, "poses"]
    T_world_body: Float[np.ndarray, "poses 4 4"]
    velocity_world: Float[np.ndarray, "poses 3"]


@dataclass(frozen=True, slots=True)
class Bias:
    """A constant error of the IMU."""

    force_mps2: Float[np.ndarray, "3"]
    rate_radps: Float[np.ndarray, "3"]


NO_BIAS = Bias(np.zeros(3), np.zeros(3))


def measure_inertia(
    recording: Recording, gravity_mps2: float = STANDARD_GRAVITY_MPS2, spans_s: tuple[float, ...] = SPANS_S
) -> InertialErrors:
    """Starts stand a second apart, so that no two share a sample within a second."""
    reference = make_reference(recording)
    begin, end = max(0.0, reference.times_s[0]) + 0.5, reference.times_s[-1] - max(spans_s) - 0.5
    learnt_until_s = begin + LEARNT_SHARE * (end - begin)
    wanted_s = np.arange(begin, end, EVERY_S)
    starts = np.searchsorted(reference.times_s, wanted_s)
    learning = starts[reference.times_s[starts] < learnt_until_s]
    tested = starts[reference.times_s[starts] >= learnt_until_s]
    bias = find_bias(recording, reference, learning, gravity_mps2)
    found = {}
    for name, side in (("ours", _ours), ("gtsam", _gtsam)):
        for what, taken_off in (("", NO_BIAS), ("_unbiased", bias)):
            columns = [side(recording, reference, tested, span_s, gravity_mps2, taken_off) for span_s in spans_s]
            found[f"{name}{what}_m"] = np.column_stack(columns)
    return InertialErrors(
        spans_s, **found, force_bias_mps2=tuple(bias.force_mps2), rate_bias_radps=tuple(bias.rate_radps)
    )


def make_reference(recording: Recording) -> Reference:
    """The reference path, with its velocity."""
    poses = recording.poses
    if recording.imu is None or poses is None:
        raise RecordingFileError(f"'{recording.folder}' has no IMU or no path, expected an IMU log with its path.")
    velocity = poses.velocity_world
    if velocity is None:
        velocity = CubicSpline(poses.times_s, poses.T_world_body[:, :3, 3])(poses.times_s, 1)
    return Reference(poses.times_s, poses.T_world_body, velocity)


def normal_gravity_mps2(latitude_rad: float) -> float:
    """On the ellipsoid (Somigliana, with the constants of the World Geodetic System 1984)."""
    square = math.sin(latitude_rad) ** 2
    return 9.7803253359 * (1.0 + 0.00193185265241 * square) / math.sqrt(1.0 - 0.00669437999014 * square)


def find_bias(
    recording: Recording, reference: Reference, starts: Int[np.ndarray, "starts"], gravity_mps2: float
) -> Bias:
    """The constant bias that best explains where a second took the body: Gauss-Newton with our bias Jacobians."""
    force, rate = torch.zeros(1, 3, dtype=torch.float64), torch.zeros(1, 3, dtype=torch.float64)
    ends = _ends(reference, starts, 1.0)
    force_mps2, rate_radps, step_s = _steps(recording, reference, starts, ends)
    true_turn, true_place = _true_motion(reference, starts, ends, gravity_mps2)
    for _ in range(BIAS_STEPS):
        biases = force.expand(len(starts), 3), rate.expand(len(starts), 3)
        motion = preintegrate(force_mps2, rate_radps, step_s, ImuNoise(), *biases)
        turned = log(motion.turn.mT @ true_turn)
        apart = torch.cat([turned, true_place - motion.place_m], dim=1)
        none = torch.zeros_like(motion.turn_by_rate_bias)
        change = torch.cat(
            [
                torch.cat([none, motion.turn_by_rate_bias], dim=2),
                torch.cat([motion.place_by_force_bias, motion.place_by_rate_bias], dim=2),
            ],
            dim=1,
        )
        # Of a few starts the reference is off; the median of many would not be, so they count less.
        weight = 1.0 / (1.0 + (apart[:, 3:].norm(dim=1) / 0.05).square())
        normal = torch.einsum("n,nij,nik->jk", weight, change, change)
        step = torch.linalg.solve(normal, torch.einsum("n,nij,ni->j", weight, change, apart))
        force, rate = force + step[:3], rate + step[3:]
    return Bias(force[0].numpy(), rate[0].numpy())


def _ours(
    recording: Recording,
    reference: Reference,
    starts: Int[np.ndarray, "starts"],
    span_s: float,
    gravity_mps2: float,
    bias: Bias,
) -> Float[np.ndarray, "starts"]:
    ends = _ends(reference, starts, span_s)
    force, rate, step_s = _steps(recording, reference, starts, ends)
    force_bias = torch.from_numpy(bias.force_mps2).expand(len(starts), 3)
    rate_bias = torch.from_numpy(bias.rate_radps).expand(len(starts), 3)
    motion = preintegrate(force, rate, step_s, ImuNoise(), force_bias, rate_bias)
    poses = torch.from_numpy(reference.T_world_body[starts])
    velocity = torch.from_numpy(reference.velocity_world[starts])
    gravity = torch.tensor([0.0, 0.0, -gravity_mps2], dtype=torch.float64).expand(len(starts), 3)
    certain = torch.zeros(len(starts), SIZE, SIZE, dtype=torch.float64)
    map_error = certain[:, :6, 0]
    start = BodyState(poses[:, :3, :3], poses[:, :3, 3], velocity, force_bias, rate_bias, gravity, map_error, certain)
    reached = start.after_imu(motion, ImuNoise()).place_map.numpy()
    return np.linalg.norm(reached - reference.T_world_body[ends, :3, 3], axis=1)


def _gtsam(
    recording: Recording,
    reference: Reference,
    starts: Int[np.ndarray, "starts"],
    span_s: float,
    gravity_mps2: float,
    bias: Bias,
) -> Float[np.ndarray, "starts"]:
    gtsam = import_module("gtsam")
    ends = _ends(reference, starts, span_s)
    force, rate, step_s = (values.numpy() for values in _steps(recording, reference, starts, ends))
    constant = gtsam.imuBias.ConstantBias(bias.force_mps2, bias.rate_radps)
    off_m = []
    for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
        summed = gtsam.PreintegratedImuMeasurements(gtsam.PreintegrationParams.MakeSharedU(gravity_mps2), constant)
        for k in np.nonzero(step_s[row])[0]:
            summed.integrateMeasurement(force[row, k], rate[row, k], step_s[row, k])
        pose = reference.T_world_body[start]
        state = gtsam.NavState(gtsam.Rot3(pose[:3, :3]), pose[:3, 3], reference.velocity_world[start])
        reached = summed.predict(state, constant)
        off_m.append(float(np.linalg.norm(reached.position() - reference.T_world_body[end, :3, 3])))
    return np.array(off_m)


def _ends(reference: Reference, starts: Int[np.ndarray, "starts"], span_s: float) -> Int[np.ndarray, "starts"]:
    """The pose nearest to so much later."""
    period_s = float(np.median(np.diff(reference.times_s)))
    return starts + round(span_s / period_s)


def _steps(
    recording: Recording, reference: Reference, starts: Sequence[int] | np.ndarray, ends: Sequence[int] | np.ndarray
) -> tuple[Tensor, Tensor, Tensor]:
    """Force, rate and length of each step from start to end; shorter spans are padded with steps of length 0."""
    imu = recording.imu
    assert imu is not None  # make_reference has looked
    values = np.column_stack([imu.specific_force_mps2, imu.angular_rate_radps])
    rows = []
    for start, end in zip(starts, ends, strict=True):
        begin_s, end_s = reference.times_s[start], reference.times_s[end]
        inside = imu.times_s[(imu.times_s > begin_s) & (imu.times_s < end_s)]
        edges_s = np.concatenate([[begin_s], inside, [end_s]])
        at_edges = np.column_stack([np.interp(edges_s, imu.times_s, column) for column in values.T])
        rows.append(np.column_stack([(at_edges[1:] + at_edges[:-1]) / 2.0, np.diff(edges_s)]))
    padded = np.zeros((len(rows), max(len(row) for row in rows), 7))
    for number, row in enumerate(rows):
        padded[number, : len(row)] = row
    steps = torch.from_numpy(padded)
    return steps[..., :3], steps[..., 3:6], steps[..., 6]


def _true_motion(
    reference: Reference, starts: Int[np.ndarray, "starts"], ends: Int[np.ndarray, "starts"], gravity_mps2: float
) -> tuple[Tensor, Tensor]:
    """Turn and change of place of the reference as preintegration sums them: without gravity and first velocity."""
    first, last = reference.T_world_body[starts], reference.T_world_body[ends]
    time_s = (reference.times_s[ends] - reference.times_s[starts])[:, None]
    gone = last[:, :3, 3] - first[:, :3, 3] - reference.velocity_world[starts] * time_s
    gone[:, 2] += 0.5 * gravity_mps2 * time_s[:, 0] ** 2
    back = first[:, :3, :3].transpose(0, 2, 1)
    return torch.from_numpy(back @ last[:, :3, :3]), torch.from_numpy(np.einsum("nij,nj->ni", back, gone))
