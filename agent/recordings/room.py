"""Whether a real room looks the same from every frame: points of one, put together by the given poses, on another.

In:  a Recording of RGB-D frames with poses.
Out: RoomFound: how far points of a frame lie from what other frames saw there, and the floor that perception finds.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree

from ...perception.perceiver import FusedPerceiver
from ...perception.recordings.types import Recording, RecordingFileError
from ...perception.types import CameraImage, PerceiverSetup, SupportSurface

EVERY = 4
MEET_WITHIN_M = 0.1
NEIGHBOURS = 8
LEAST_SHARED = 0.2
"""Pairs of frames of which one sees less than this share of the other's points are not compared."""


@dataclass(frozen=True, slots=True)
class RoomFound:
    """`pairs` are (frame, other, median distance in m, share of points that the other sees too)."""

    pairs: tuple[tuple[int, int, float, float], ...]
    floors: tuple[SupportSurface | None, ...]

    @property
    def median_m(self) -> float:
        """Over all pairs that were compared."""
        return float(np.median([pair[2] for pair in self.pairs]))

    @property
    def floor_spread_m(self) -> float:
        """Between the lowest and the highest floor found at nearly the most frequent height."""
        heights = np.array([floor.height_m for floor in self.floors if floor is not None])
        if not len(heights):
            return float("nan")
        same = heights[np.abs(heights - np.median(heights)) < MEET_WITHIN_M / 2.0]
        return float(np.ptp(same))


def measure_room(recording: Recording) -> RoomFound:
    """Every frame against every other; the floor of each frame alone.

    Raises:
        RecordingFileError: the recording has no RGB-D frames.
    """
    images = [image for moment in recording.moments() for image in moment.frame.images]
    if len(images) < 2:
        raise RecordingFileError(f"'{recording.folder}' has {len(images)} RGB-D frames, expected at least two.")
    clouds = [world_points(image) for image in images]
    trees = [KDTree(cloud) for cloud in clouds]
    pairs = []
    for one, other in permutations(range(len(images)), 2):
        apart_m, near = trees[other].query(clouds[one], k=NEIGHBOURS, distance_upper_bound=MEET_WITHIN_M)
        near, is_met = np.asarray(near), np.isfinite(apart_m).all(axis=1)
        if is_met.mean() < LEAST_SHARED:
            continue
        around = clouds[other][near[is_met]]
        middle = around.mean(axis=1)
        spread = around - middle[:, None]
        _, axes = np.linalg.eigh(np.einsum("nki,nkj->nij", spread, spread))
        off_m = np.abs(np.einsum("ni,ni->n", clouds[one][is_met] - middle, axes[:, :, 0]))
        pairs.append((one, other, float(np.median(off_m)), float(is_met.mean())))
    floors = [FusedPerceiver(PerceiverSetup(())).update(moment.frame).table for moment in recording.moments()]
    return RoomFound(tuple(pairs), tuple(floors))


def world_points(image: CameraImage, farthest_m: float = 4.0) -> Float[np.ndarray, "points 3"]:
    """Every fourth pixel of every fourth row; beyond some metres depth from structured light says little."""
    depth_m = image.depth_m[::EVERY, ::EVERY].astype(np.float64)
    v, u = np.nonzero((depth_m > 0.1) & (depth_m < farthest_m))
    z = depth_m[v, u]
    i = image.intrinsics
    points_camera = np.column_stack([(EVERY * u - i.cx) / i.fx * z, (EVERY * v - i.cy) / i.fy * z, z])
    return points_camera @ image.T_mount_camera[:3, :3].T + image.T_mount_camera[:3, 3]
