"""Objects over time: stable ids, belief that outlasts occlusion, the object in the hand.

In:  Measurements of a look with its views; where the hand is and what the fingers did.
Out: ObjectStates. An object looked at and not seen fades at once; one that is hidden stays believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from .associate import associate, chroma_of
from .geometry import invert_pose, make_pose, wrap_angle
from .objects import Measurement
from .points import View
from .types import ObjectState, Shape
from .visibility import look_at_box

_SHOWN = 0.35
_FORGOTTEN = 0.05
_SEEN_THROUGH_FACTOR = 0.006
_MAX_EXISTENCE = 0.98
_MOVED_M = 0.006
_GRIP_REACH_M = 0.012
_DROP_M = 0.05
_INSIDE_M = 0.004
_MISSED_EXISTENCE = 0.2  # below what is shown, above what is forgotten: seen elsewhere, it keeps its name


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
    last_seen_s: float
    sources: tuple[str, ...]
    most_points: int
    num_looks: int = 1
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
        )


class Tracker:
    """All tracks of an episode; ids are never used twice."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._num_named = 0
        self.held: str | None = None
        self._T_hand_object: Float[np.ndarray, "4 4"] = np.eye(4)

    def states(self) -> tuple[ObjectState, ...]:
        """Objects believed in, oldest id first."""
        return tuple(track.state() for track in self._tracks if track.existence >= _SHOWN)

    def held_track(self) -> Track | None:
        """The track in the hand."""
        return next((t for t in self._tracks if t.id == self.held), None)

    def observe(self, measurements: Sequence[Measurement], views: Sequence[View], time_s: float) -> None:
        """Join one look with what is believed."""
        free = [t for t in self._tracks if t.id != self.held]
        measurements, confirmed = _explain_merged(free, measurements, time_s)
        free = [t for t in free if t.id not in confirmed]
        pairs = associate([(t.pose_world, t.size_m, t.color_rgb, t.shape) for t in free], measurements)
        for number, measurement in pairs.items():
            _join(free[number], measurement, time_s)
        used = {id(m) for m in pairs.values()}
        fresh = [m for m in measurements if id(m) not in used]
        for number, track in enumerate(free):
            if number not in pairs:
                _doubt(track, views)
        self._recover_moved([t for n, t in enumerate(free) if n not in pairs], fresh, time_s)
        for measurement in fresh:
            if not any(_is_fragment(measurement, t) for t in self._tracks if t.id != self.held):
                self._add(measurement, time_s)
        self._tracks = [t for t in self._tracks if t.existence > _FORGOTTEN or t.id == self.held]

    def grip(self, T_world_tool: Float[np.ndarray, "4 4"], width_m: float) -> None:
        """The fingers closed on something: the object around the tool is held from now on."""
        place = T_world_tool[:3, 3]
        best = None
        for track in self._tracks:
            local = (invert_pose(track.pose_world) @ np.append(place, 1.0))[:3]
            beyond = float(np.maximum(np.abs(local) - track.size_m / 2, 0.0).max())
            score = (beyond, float(np.linalg.norm(place - track.pose_world[:3, 3])))
            if (
                beyond < _GRIP_REACH_M
                and _fits(track, width_m)
                and track.existence >= _SHOWN
                and (best is None or score < best[0])
            ):
                best = (score, track)
        if best is None:
            return
        track = best[1]
        self.held = track.id
        self._T_hand_object = _seat(invert_pose(T_world_tool) @ track.pose_world, track, width_m)
        self.carry(T_world_tool)

    def grasp_nothing(self, T_world_tool: Float[np.ndarray, "4 4"]) -> None:
        """Closed fingers met where an object was believed: it is not there, whatever hides the place now."""
        for track in self._tracks:
            local = (invert_pose(track.pose_world) @ T_world_tool[:, 3])[:3]
            is_hollow = track.cavity_depth_m > 0.0
            if not is_hollow and (np.abs(local) < track.size_m / 2 - _INSIDE_M).all():
                track.existence = min(track.existence, _MISSED_EXISTENCE)

    def carry(self, T_world_tool: Float[np.ndarray, "4 4"]) -> None:
        """The held object moves with the hand."""
        track = self.held_track()
        if track is not None:
            track.pose_world = T_world_tool @ self._T_hand_object

    def release(self, is_lost: bool) -> None:
        """The fingers opened, or the object slipped out: where it lies is for the next look to say."""
        track = self.held_track()
        self.held = None
        if track is None:
            return
        track.pose_world = _upright(track.pose_world)
        is_lost = is_lost or self._hangs(track)
        loose_m = 0.10 if is_lost else 0.008
        track.covariance = track.covariance + np.diag([loose_m**2] * 3 + [0.1**2] * 3)
        track.num_looks = 0
        if is_lost:
            track.existence = min(track.existence, 0.5)

    def _hangs(self, track: Track) -> bool:
        """Whether nothing known is close under an object that was let go: it fell."""
        place, bottom_m = track.pose_world[:2, 3], track.pose_world[2, 3] - track.size_m[2] / 2
        others = [t for t in self._tracks if t is not track]
        ground_m = min((t.pose_world[2, 3] - t.size_m[2] / 2 for t in others), default=0.0)
        tops = [
            t.pose_world[2, 3] + t.size_m[2] / 2
            for t in others
            if np.abs(t.pose_world[:2, 3] - place).max() < (t.size_m[:2].max() + track.size_m[:2].max()) / 2
        ]
        return bool(bottom_m - max([ground_m, *tops]) > _DROP_M)

    def _add(self, measurement: Measurement, time_s: float) -> None:
        self._num_named += 1
        track = Track(
            id=f"object_{self._num_named}",
            seen=measurement,
            pose_world=measurement.pose_world.copy(),
            covariance=measurement.covariance.copy(),
            size_m=measurement.size_m.copy(),
            cavity_depth_m=measurement.cavity_depth_m,
            existence=0.95 if len(measurement.sources) > 1 else 0.85,
            last_seen_s=time_s,
            sources=measurement.sources,
            most_points=measurement.num_points,
        )
        _vote(track, measurement)
        self._tracks.append(track)

    def _recover_moved(self, missing: list[Track], fresh: list[Measurement], time_s: float) -> None:
        """A vanished object and a new one of the same looks are one that was moved, where that is unambiguous."""
        for track in missing:
            if track.existence >= _SHOWN and track.num_looks > 0:
                continue
            alike = [m for m in fresh if _looks_alike(track, m)]
            rivals = [t for t in missing if alike and t is not track and _looks_alike(t, alike[0])]
            if len(alike) == 1 and not rivals:
                track.num_looks = 0
                _join(track, alike[0], time_s)
                fresh[:] = [m for m in fresh if m is not alike[0]]


def _explain_merged(
    tracks: Sequence[Track], measurements: Sequence[Measurement], time_s: float
) -> tuple[list[Measurement], set[str]]:
    """A measurement that holds two or more known objects of its colour (a tower, say) confirms them as they are."""
    kept, confirmed = [], set[str]()
    for measurement in measurements:
        inside = [t for t in tracks if _is_part_of(t, measurement)]
        if len(inside) < 2:
            kept.append(measurement)
            continue
        for track in inside:
            confirmed.add(track.id)
            track.last_seen_s, track.sources = time_s, measurement.sources
            track.existence = _more_sure(track.existence)
    return kept, confirmed


def _is_part_of(track: Track, measurement: Measurement) -> bool:
    local = (invert_pose(measurement.pose_world) @ track.pose_world[:, 3])[:3]
    is_inside = bool((np.abs(local) < measurement.size_m / 2 + 0.004).all())
    is_smaller = float(np.prod(track.size_m)) < 0.75 * float(np.prod(measurement.size_m))
    hue = np.abs(chroma_of(track.color_rgb) - chroma_of(measurement.color_rgb)).sum()
    is_solid = measurement.cavity_depth_m == 0.0
    return is_inside and is_smaller and is_solid and bool(hue < 0.15) and track.existence >= _SHOWN


def _more_sure(existence: float) -> float:
    odds = existence / (1.0 - existence) * 10.0
    return min(odds / (1.0 + odds), _MAX_EXISTENCE)


def _is_fragment(measurement: Measurement, track: Track) -> bool:
    """A piece of a known object of its colour, the rest of which is hidden (by the arm, say)."""
    local = (invert_pose(track.pose_world) @ measurement.pose_world[:, 3])[:3]
    # Of a covered piece the hidden depth is a guess.
    slack_m = 0.025 if measurement.is_covered else 0.01
    is_inside = bool((np.abs(local) < track.size_m / 2 + slack_m).all())
    is_smaller = float(np.prod(measurement.size_m)) < 0.6 * float(np.prod(track.size_m))
    hue = np.abs(chroma_of(track.color_rgb) - chroma_of(measurement.color_rgb)).sum()
    has_room = float(measurement.size_m[:2].max()) < 0.8 * float(track.size_m[:2].min())
    half_m, other_half_m = float(track.size_m[2]) / 2, float(measurement.size_m[2]) / 2
    is_as_high = abs(local[2] + other_half_m - half_m) < 0.006 and local[2] - other_half_m < 0.004 - half_m
    is_content = track.cavity_depth_m > 0 and has_room and not is_as_high and measurement.shape is not Shape.THING
    return is_inside and is_smaller and not is_content and bool(hue < 0.15) and track.existence >= _SHOWN


def _looks_alike(track: Track, measurement: Measurement) -> bool:
    # One that was just let go may lie askew, which looks like another size.
    slack_m = 0.025 if track.num_looks == 0 else 0.012
    same_size = bool(np.abs(np.sort(track.size_m) - np.sort(measurement.size_m)).max() < slack_m)
    same_color = max(track.colors, key=lambda c: track.colors[c]) == measurement.color
    return same_size and same_color


def _vote(track: Track, measurement: Measurement) -> None:
    weight = 0.2 if measurement.is_covered else 1.0
    track.shapes[measurement.shape] = track.shapes.get(measurement.shape, 0.0) + weight * measurement.shape_confidence
    track.colors[measurement.color] = track.colors.get(measurement.color, 0.0) + weight * measurement.color_confidence
    share = weight / max(sum(track.colors.values()), 1e-9)
    track.color_rgb = track.color_rgb + min(1.0, share) * (measurement.color_rgb - track.color_rgb)


def _join(track: Track, measurement: Measurement, time_s: float) -> None:
    """Weigh belief and measurement by their covariances; one that moved takes the measurement."""
    shrunk_m = float((np.sort(track.size_m) - np.sort(measurement.size_m)).max())
    is_partial = (
        measurement.is_covered
        or measurement.num_points < 0.5 * track.most_points
        or (shrunk_m > 0.008 and measurement.num_points < 0.8 * track.most_points)
    )
    moved_m = float(np.linalg.norm(measurement.pose_world[:3, 3] - track.pose_world[:3, 3]))
    is_restart = track.num_looks == 0 or (moved_m > _MOVED_M and not is_partial)
    if is_restart:
        track.pose_world, track.covariance = measurement.pose_world.copy(), measurement.covariance.copy()
        track.num_looks = 0
    else:
        _fuse_pose(track, measurement, is_partial)
    if not is_partial:
        keep = min(track.num_looks, 8) / (min(track.num_looks, 8) + 1.0)
        track.size_m = keep * track.size_m + (1 - keep) * measurement.size_m
        track.cavity_depth_m = keep * track.cavity_depth_m + (1 - keep) * measurement.cavity_depth_m
        track.most_points = max(measurement.num_points, int(0.8 * track.most_points))
    track.num_looks += 1
    track.seen = measurement
    track.sources = measurement.sources
    track.last_seen_s = time_s
    track.existence = _more_sure(track.existence)
    _vote(track, measurement)


def _fuse_pose(track: Track, measurement: Measurement, is_partial: bool) -> None:
    """Inverse-variance mean of position and yaw; errors of the mounts do not average out, so a floor stays."""
    inflate = 25.0 if is_partial else 1.0
    before, now = np.diag(track.covariance), np.diag(measurement.covariance) * inflate
    gain = before / (before + now)
    position = track.pose_world[:3, 3] + gain[:3] * (measurement.pose_world[:3, 3] - track.pose_world[:3, 3])
    period = np.pi / 2 if measurement.shape is Shape.BLOCK else np.pi if measurement.shape is Shape.TRAY else 2 * np.pi
    old_yaw = float(np.arctan2(track.pose_world[1, 0], track.pose_world[0, 0]))
    new_yaw = float(np.arctan2(measurement.pose_world[1, 0], measurement.pose_world[0, 0]))
    if is_partial and measurement.shape is Shape.MUG:
        gain[5] = 0.0  # half a mug may show a handle anywhere
    yaw = old_yaw + float(gain[5]) * wrap_angle(new_yaw - old_yaw, float(period))
    track.pose_world = make_pose(position, yaw)
    track.covariance = np.diag(np.maximum((1 - gain) * before, 0.4 * np.minimum(before, now)))


def _doubt(track: Track, views: Sequence[View]) -> None:
    """Not found in this look: fade if the place was seen to be empty, else keep the belief, less surely placed."""
    seen = look_at_box(track.pose_world, track.size_m, track.cavity_depth_m, views)
    if seen.through > 0.5 and seen.through > 2 * seen.on:
        odds = track.existence / (1.0 - track.existence) * _SEEN_THROUGH_FACTOR
        track.existence = odds / (1.0 + odds)
    else:
        track.covariance = track.covariance + np.diag([0.001**2] * 3 + [0.01**2] * 3)


def _fits(track: Track, width_m: float) -> bool:
    """Whether fingers that far apart can have the object between them: across it, or across a wall."""
    narrow, wide = np.sort(track.size_m[:2])
    is_wall = track.cavity_depth_m > 0 and width_m < 0.025
    return bool(is_wall or narrow - 0.012 < width_m < 1.1 * float(np.hypot(narrow, wide)))


def _seat(T_hand_object: Float[np.ndarray, "4 4"], track: Track, width_m: float) -> Float[np.ndarray, "4 4"]:
    """Fingers that close on two sides of an object centre it between them and turn flat sides onto them."""
    seated = T_hand_object.copy()
    if track.shape not in (Shape.BLOCK, Shape.CYLINDER) or abs(width_m - float(track.size_m[:2].min())) > 0.012:
        return seated
    seated[1, 3] = 0.0
    if track.shape is Shape.BLOCK:
        turn = float(np.arctan2(seated[1, 0], seated[0, 0]))
        off = wrap_angle(turn, np.pi / 2)
        if abs(off) < 0.3:
            correction = make_pose(np.zeros(3), -off)[:3, :3]
            seated[:3, :3] = correction @ seated[:3, :3]
    return seated


def _upright(pose_world: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "4 4"]:
    return make_pose(pose_world[:3, 3], float(np.arctan2(pose_world[1, 0], pose_world[0, 0])))
