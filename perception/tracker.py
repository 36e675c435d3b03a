"""Objects over time: stable ids, belief that outlasts occlusion, the object in the hand.

In:  Measurements of a look with its views; where the hand is and what the fingers did.
Out: ObjectStates. An object looked at and not seen fades at once, and so does one in whose place another is seen;
one that is hidden stays believed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from .associate import associate
from .furniture import Slid
from .geometry import invert_pose, make_pose, wrap_angle
from .likeness import explain_merged, is_fragment, is_piece_of, looks_alike, stands_in
from .measurement import Measurement
from .points import View
from .track import SHOWN, Track, doubt, join, make_track
from .types import ObjectState, Shape

_MEMORY_S = 120.0  # an object that vanished (fell, was pushed away) keeps its name for this long
_GRIP_REACH_M = 0.012
_DROP_M = 0.05
_INSIDE_M = 0.004
_MISSED_EXISTENCE = 0.2  # below what is shown


class Tracker:
    """All tracks of an episode; ids are never used twice."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._num_named = 0
        self.held: str | None = None
        self._T_hand_object: Float[np.ndarray, "4 4"] = np.eye(4)

    def states(self) -> tuple[ObjectState, ...]:
        """Objects believed in, oldest id first."""
        return tuple(track.state() for track in self._tracks if track.existence >= SHOWN)

    def held_track(self) -> Track | None:
        """The track in the hand."""
        return next((t for t in self._tracks if t.id == self.held), None)

    def observe(self, measurements: Sequence[Measurement], views: Sequence[View], time_s: float) -> None:
        """Join one look with what is believed."""
        free = [t for t in self._tracks if t.id != self.held]
        measurements, confirmed = explain_merged(free, measurements, time_s)
        free = [t for t in free if t.id not in confirmed]
        pairs = associate([(t.pose_world, t.size_m, t.color_rgb, t.shape) for t in free], measurements)
        for number, measurement in pairs.items():
            join(free[number], measurement, time_s)
        used = {id(m) for m in pairs.values()}
        fresh = [m for m in measurements if id(m) not in used]
        for number, track in enumerate(free):
            if number not in pairs:
                doubt(track, views)
                if any(stands_in(free[n], track) or is_piece_of(track, m) for n, m in pairs.items()):
                    track.existence = min(track.existence, _MISSED_EXISTENCE)
        self._recover_moved([t for n, t in enumerate(free) if n not in pairs], fresh, time_s)
        for measurement in fresh:
            if not any(is_fragment(measurement, t) for t in self._tracks if t.id != self.held):
                self._add(measurement, time_s)
        self._tracks = [t for t in self._tracks if time_s - t.last_seen_s < _MEMORY_S or t.id == self.held]

    def shift(self, slid: Slid) -> None:
        """What lies in a drawer goes with it, seen or not."""
        for track in self._tracks:
            if track.id != self.held and slid.holds(track.pose_world[:3, 3]):
                track.pose_world = track.pose_world.copy()
                track.pose_world[:3, 3] += slid.by_world

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
                and track.existence >= SHOWN
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
        track.pose_world, track.was_held = _upright(track.pose_world), True
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
        self._tracks.append(make_track(f"object_{self._num_named}", measurement, time_s))

    def _recover_moved(self, missing: list[Track], fresh: list[Measurement], time_s: float) -> None:
        """A vanished object and a new one of the same looks are one that was moved, where that is unambiguous.

        The new one may have been seen before, in part, and have a name of its own already: it takes the old name.
        """
        for track in missing:
            if track.existence >= SHOWN and track.num_looks > 0:
                continue
            alike = [m for m in fresh if looks_alike(track, m)]
            young = [t for t in self._tracks if _is_younger(t, track, time_s) and looks_alike(track, t.seen)]
            if track.existence >= SHOWN:  # just let go, and not seen to be gone
                young = []
            rivals = [t for t in missing if t is not track and any(looks_alike(t, m) for m in alike)]
            if len(alike) + len(young) != 1 or rivals:
                continue
            if alike:
                track.num_looks = 0
                join(track, alike[0], time_s)
                fresh[:] = [m for m in fresh if m is not alike[0]]
            else:
                young[0].id = track.id
                self._tracks = [t for t in self._tracks if t is not track]


def _is_younger(track: Track, other: Track, time_s: float) -> bool:
    """Whether the track appeared after the other was last seen, and is in sight now."""
    return track.last_seen_s == time_s and track.first_seen_s > other.last_seen_s


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
