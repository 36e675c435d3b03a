"""One object as believed: how measurements and doubts change it.

In:  Measurements, views.
Out: Track values; the tracker decides which measurement belongs to which.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from .geometry import make_pose, wrap_angle
from .measurement import Measurement
from .points import View
from .types import UNKNOWN_COLOR, ObjectState, Shape
from .visibility import look_at_box

SHOWN = 0.35
"""Existence from which an object is part of the scene."""
_SEEN_THROUGH_FACTOR = 0.006
_MAX_EXISTENCE = 0.98
_FOUND_EXISTENCE = 0.95
_MOVED_M = 0.006
_ELSEWHERE_SIGMAS = 3.0
_NO_VOTE = 1e-6
_FADING, _FEW_LOOKS = 0.6, 1
_SQUARE = 0.85


@dataclass(slots=True)
class Track:
    """One object as believed."""

    id: str
    seen: Measurement
    pose_world: Float[np.ndarray, "4 4"]
    covariance: Float[np.ndarray, "6 6"]
    size_m: Float[np.ndarray, "3"]
    cavity_depth_m: float
    existence: float
    first_seen_s: float
    last_seen_s: float
    sources: tuple[str, ...]
    most_points: int
    num_looks: int = 1
    was_held: bool = False
    shapes: dict[Shape, float] = field(default_factory=dict)
    colors: dict[str, float] = field(default_factory=dict)
    color_rgb: Float[np.ndarray, "3"] = field(default_factory=lambda: np.zeros(3))

    @property
    def shape(self) -> Shape:
        """The class with most votes."""
        return max(self.shapes, key=lambda s: self.shapes[s])

    def state(self) -> ObjectState:
        """As others see it."""
        shape = self.shape
        return ObjectState(
            id=self.id,
            pose_world=self.pose_world.copy(),
            covariance=self.covariance.copy(),
            size_m=self.size_m.copy(),
            color_rgb=self.color_rgb.copy(),
            color=max(self.colors, key=lambda c: self.colors[c]),
            shape=shape,
            shape_confidence=float(self.shapes[shape] / sum(self.shapes.values()) * self.seen.shape_confidence),
            existence=self.existence,
            sources=self.sources,
            last_seen_s=self.last_seen_s,
            cavity_depth_m=self.cavity_depth_m,
            shares=self.seen.shares,
            features=self.seen.features,
        )


def make_track(name: str, measurement: Measurement, time_s: float) -> Track:
    """A new object from its first measurement."""
    track = Track(
        id=name,
        seen=measurement,
        pose_world=measurement.pose_world.copy(),
        covariance=measurement.covariance.copy(),
        size_m=measurement.size_m.copy(),
        cavity_depth_m=measurement.cavity_depth_m,
        existence=_FOUND_EXISTENCE if len(measurement.sources) > 1 else 0.85,
        first_seen_s=time_s,
        last_seen_s=time_s,
        sources=measurement.sources,
        most_points=measurement.num_points,
    )
    track.color_rgb = measurement.color_rgb.copy()
    _vote(track, measurement)
    return track


def join(track: Track, measurement: Measurement, time_s: float) -> None:
    """Weigh belief and measurement by their covariances; one that moved takes the measurement."""
    if measurement.color == UNKNOWN_COLOR and max(track.colors, key=lambda c: track.colors[c]) != UNKNOWN_COLOR:
        _find_again(track, measurement, time_s)
        return
    shrunk_m = float((np.sort(track.size_m) - np.sort(measurement.size_m)).max())
    is_partial = (
        measurement.is_covered
        or measurement.num_points < 0.5 * track.most_points
        or (shrunk_m > 0.008 and measurement.num_points < 0.8 * track.most_points)
    )
    moved_m = float(np.linalg.norm(measurement.pose_world[:3, 3] - track.pose_world[:3, 3]))
    is_first_picture = measurement.color != UNKNOWN_COLOR and track.seen.color == UNKNOWN_COLOR
    if is_first_picture:  # cameras know better what it is
        track.shapes, track.colors, is_partial = {}, {}, measurement.is_covered
    if measurement.color == UNKNOWN_COLOR:  # each scan holds all that those before it said
        track.shapes = {shape: _FADING * votes for shape, votes in track.shapes.items()}
    is_restart = track.num_looks == 0 or is_first_picture or (moved_m > _MOVED_M and not is_partial)
    if is_restart:
        track.pose_world, track.covariance = measurement.pose_world.copy(), measurement.covariance.copy()
        track.num_looks = 0
    else:
        _fuse_pose(track, measurement, is_partial)
    if not is_partial:
        most = _FEW_LOOKS if measurement.color == UNKNOWN_COLOR else 8
        keep = min(track.num_looks, most) / (min(track.num_looks, most) + 1.0)
        track.size_m = keep * track.size_m + (1 - keep) * measurement.size_m
        track.cavity_depth_m = keep * track.cavity_depth_m + (1 - keep) * measurement.cavity_depth_m
        track.most_points = max(measurement.num_points, int(0.8 * track.most_points))
    track.num_looks += 1
    track.seen = measurement
    track.sources = measurement.sources
    track.last_seen_s = time_s
    # Found again elsewhere, it is as sure as a new one.
    track.existence = max(more_sure(track.existence), _FOUND_EXISTENCE if is_restart else 0.0)
    _vote(track, measurement)


def _find_again(track: Track, measurement: Measurement, time_s: float) -> None:
    """A LiDAR alone says where a thing is that cameras once described: they knew better what it is."""
    offset = measurement.pose_world[:2, 3] - track.pose_world[:2, 3]
    sigma_m = math.sqrt(float(measurement.covariance[0, 0] + track.covariance[0, 0]))
    if track.num_looks == 0 or float(np.hypot(*offset)) > _ELSEWHERE_SIGMAS * sigma_m:
        position = measurement.pose_world[:3, 3].copy()
        position[2] = track.pose_world[2, 3] if abs(position[2] - track.pose_world[2, 3]) < _MOVED_M else position[2]
        track.pose_world = make_pose(position, float(np.arctan2(track.pose_world[1, 0], track.pose_world[0, 0])))
        track.covariance = measurement.covariance.copy()
    track.num_looks += 1
    track.sources, track.last_seen_s = measurement.sources, time_s
    track.existence = more_sure(track.existence)


def doubt(track: Track, views: Sequence[View]) -> None:
    """Not found in this look: fade if the place was seen to be empty, else keep the belief, less surely placed."""
    seen = look_at_box(track.pose_world, track.size_m, track.cavity_depth_m, views)
    if seen.through > 0.5 and seen.through > 2 * seen.on:
        odds = track.existence / (1.0 - track.existence) * _SEEN_THROUGH_FACTOR
        track.existence = odds / (1.0 + odds)
    else:
        track.covariance = track.covariance + np.diag([0.001**2] * 3 + [0.01**2] * 3)


def more_sure(existence: float) -> float:
    """Existence after seeing it once more."""
    odds = existence / (1.0 - existence) * 10.0
    return min(odds / (1.0 + odds), _MAX_EXISTENCE)


def _vote(track: Track, measurement: Measurement) -> None:
    weight = 0.2 if measurement.is_covered else 1.0
    track.shapes[measurement.shape] = track.shapes.get(measurement.shape, 0.0) + weight * measurement.shape_confidence
    color_vote = max(weight * measurement.color_confidence, _NO_VOTE)
    track.colors[measurement.color] = track.colors.get(measurement.color, 0.0) + color_vote
    if measurement.color == UNKNOWN_COLOR:
        return
    share = weight / max(sum(track.colors.values()), 1e-9)
    track.color_rgb = track.color_rgb + min(1.0, share) * (measurement.color_rgb - track.color_rgb)


def _turn_period_rad(measurement: Measurement) -> float:
    """After what turn an object of this shape looks the same again."""
    is_square = float(measurement.size_m[1]) > _SQUARE * float(measurement.size_m[0])
    if measurement.shape is Shape.BLOCK or (measurement.shape is Shape.BOX and is_square):
        return np.pi / 2
    return np.pi if measurement.shape in (Shape.TRAY, Shape.BOX) else 2 * np.pi


def _fuse_pose(track: Track, measurement: Measurement, is_partial: bool) -> None:
    """Inverse-variance mean of position and yaw; errors of the mounts do not average out, so a floor stays."""
    inflate = 25.0 if is_partial else 1.0
    before, now = np.diag(track.covariance), np.diag(measurement.covariance) * inflate
    gain = before / (before + now)
    position = track.pose_world[:3, 3] + gain[:3] * (measurement.pose_world[:3, 3] - track.pose_world[:3, 3])
    period = _turn_period_rad(measurement)
    old_yaw = float(np.arctan2(track.pose_world[1, 0], track.pose_world[0, 0]))
    new_yaw = float(np.arctan2(measurement.pose_world[1, 0], measurement.pose_world[0, 0]))
    if is_partial and measurement.shape is Shape.MUG:
        gain[5] = 0.0  # half a mug may show a handle anywhere
    yaw = old_yaw + float(gain[5]) * wrap_angle(new_yaw - old_yaw, float(period))
    track.pose_world = make_pose(position, yaw)
    track.covariance = np.diag(np.maximum((1 - gain) * before, 0.4 * np.minimum(before, now)))
