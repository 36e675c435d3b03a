"""Our straightening of real sweeps beside the straightened sweeps that their makers give.

In:  a Recording of sweeps with the time of each point, and the same points straightened by others.
Out: DeskewErrors for each sweep: metres between theirs and the raw points, and theirs and ours.

The log has no IMU. The sensor's motion is therefore taken from the given answer, in two ways: as one even motion (six
numbers for the whole sweep: what can be had without an IMU), and as a path of ten moments, found from every second
point only; all errors are of the other points. So the carrying of points is measured, not the finding of the motion.
Their frame is the IMU's at the sweep's start, ours the sensor's at its end: both are aligned by one rigid motion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ...perception.odometry.deskew import Track
from ...perception.odometry.rotations import exp
from ...perception.recordings.types import Recording, RecordingFileError

MOMENTS = 11
ROUNDS = 400
END_S = 0.01
SLICES = 20
"""Parts of the sweep for which errors are given apart."""


@dataclass(frozen=True, slots=True)
class DeskewErrors:
    """Root mean square of one sweep in metres, and over its duration."""

    raw_m: float
    even_m: float
    path_m: float
    times_s: Float[np.ndarray, "slices"]
    raw_over_time_m: Float[np.ndarray, "slices"]
    even_over_time_m: Float[np.ndarray, "slices"]
    path_over_time_m: Float[np.ndarray, "slices"]
    turned_rad: float


def measure_deskew(recording: Recording) -> list[DeskewErrors]:
    """Of every sweep.

    Raises:
        RecordingFileError: there are no straightened sweeps beside the raw ones.
    """
    found = []
    for moment in recording.moments():
        if moment.straight is None or not moment.frame.scans:
            raise RecordingFileError(f"'{recording.folder}' has no straightened sweeps, expected deskewed_00.bin etc.")
        scan = moment.frame.scans[0]
        found.append(_compare(scan.points_sensor.astype(np.float64), scan.point_times_s, moment.straight.points_other))
    return found


def _compare(
    raw: Float[np.ndarray, "points 3"], times_s: Float[np.ndarray, "points"], straight: Float[np.ndarray, "points 3"]
) -> DeskewErrors:
    is_given, is_held_out = np.arange(len(raw)) % 2 == 0, np.arange(len(raw)) % 2 == 1
    off = {}
    turned_rad = 0.0
    for name, moments in (("even", 2), ("path", MOMENTS)):
        track = find_track(raw[is_given], times_s[is_given], straight[is_given], moments)
        ours = track.carried(torch.from_numpy(raw)[None], torch.from_numpy(times_s)[None])[0].numpy()
        off[name] = _off(ours, straight, is_given)
        turned_rad = float(track.turn_rad[0, 0].norm())
    off["raw"] = _off(raw, straight, is_given)
    slices = np.minimum(((times_s - times_s.min()) / np.ptp(times_s) * SLICES).astype(int), SLICES - 1)
    over = {
        name: np.array([_rms(values[is_held_out & (slices == part)]) for part in range(SLICES)])
        for name, values in off.items()
    }
    middle_s = (np.arange(SLICES) + 0.5) / SLICES * np.ptp(times_s)
    rms = {name: _rms(values[is_held_out]) for name, values in off.items()}
    return DeskewErrors(
        rms["raw"], rms["even"], rms["path"], middle_s, over["raw"], over["even"], over["path"], turned_rad
    )


def find_track(
    raw: Float[np.ndarray, "points 3"],
    times_s: Float[np.ndarray, "points"],
    straight: Float[np.ndarray, "points 3"],
    num_moments: int,
) -> Track:
    """The track whose carrying takes the raw points to theirs best, up to one rigid motion of all."""
    points, at_s, others = (torch.from_numpy(values)[None] for values in (raw, times_s, straight))
    last = times_s > times_s.max() - END_S
    rotation, offset = (torch.from_numpy(values) for values in align(raw[last], straight[last]))
    knots_s = torch.linspace(float(times_s.min()), float(times_s.max()), num_moments, dtype=torch.float64)[None]
    unknown = torch.zeros(1, num_moments, 6, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([unknown], max_iter=ROUNDS, tolerance_grad=1e-9, line_search_fn="strong_wolfe")

    def track() -> Track:
        # The end is where the track is given, so its own place is the rigid motion that is left to find.
        moments = unknown - unknown[:, -1:]
        return Track(knots_s, moments[..., :3], moments[..., 3:])

    def misfit() -> Tensor:
        solver.zero_grad()
        carried = track().carried(points, at_s)
        ended = carried @ exp(unknown[:, -1, :3]).mT + unknown[:, -1, 3:]
        loss = (ended @ rotation.mT + offset - others).square().sum(dim=2).mean()
        loss.backward()
        return loss

    solver.step(misfit)
    found = track()
    return Track(found.times_s, found.turn_rad.detach(), found.place_end.detach())


def align(
    points: Float[np.ndarray, "points 3"], others: Float[np.ndarray, "points 3"]
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "3"]]:
    """The rigid motion that takes points to others best (Arun, Huang, Blostein, 1987)."""
    middle, other_middle = points.mean(axis=0), others.mean(axis=0)
    left, _, right = np.linalg.svd((others - other_middle).T @ (points - middle))
    rotation = left @ np.diag([1.0, 1.0, np.linalg.det(left @ right)]) @ right
    return rotation, other_middle - rotation @ middle


def _off(
    points: Float[np.ndarray, "points 3"], straight: Float[np.ndarray, "points 3"], is_given: Bool[np.ndarray, "points"]
) -> Float[np.ndarray, "points"]:
    rotation, offset = align(points[is_given], straight[is_given])
    return np.linalg.norm(points @ rotation.T + offset - straight, axis=1)


def _rms(values: Float[np.ndarray, "values"]) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if len(values) else float("nan")
