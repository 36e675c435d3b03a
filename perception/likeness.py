"""What a measurement has to do with a known object of its colour: the same, a piece of it, or several at once.

In:  a Measurement and Tracks.
Out: yes or no; memory explains what one look cannot.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .associate import hue_apart
from .measurement import Measurement
from .track import SHOWN, Track, more_sure
from .types import UNKNOWN_COLOR, Shape

_ALIKE = 0.15
_WITHIN_M = 0.004


def explain_merged(
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
            track.existence = more_sure(track.existence)
    return kept, confirmed


def is_fragment(measurement: Measurement, track: Track) -> bool:
    """A piece of a known object of its colour, the rest of which is hidden (by the arm, say)."""
    local = (measurement.pose_world[:3, 3] - track.pose_world[:3, 3]) @ track.pose_world[:3, :3]
    # Of a covered piece the hidden depth is a guess.
    slack_m = 0.025 if measurement.is_covered else 0.01
    if not (np.abs(local) < track.size_m / 2 + slack_m).all():
        return False
    is_smaller = float(np.prod(measurement.size_m)) < 0.6 * float(np.prod(track.size_m))
    hue = hue_apart(track.color_rgb, measurement)
    has_room = float(measurement.size_m[:2].max()) < 0.8 * float(track.size_m[:2].min())
    half_m, other_half_m = float(track.size_m[2]) / 2, float(measurement.size_m[2]) / 2
    is_as_high = abs(local[2] + other_half_m - half_m) < 0.006 and local[2] - other_half_m < 0.004 - half_m
    is_content = track.cavity_depth_m > 0 and has_room and not is_as_high and measurement.shape is not Shape.THING
    return is_smaller and not is_content and bool(hue < _ALIKE) and track.existence >= SHOWN


def stands_in(track: Track, other: Track) -> bool:
    """Whether the middle of one lies within the other's body, where no two solid things can be."""
    if track.cavity_depth_m > 0.0 or other.cavity_depth_m > 0.0:
        return False
    offset = track.pose_world[:3, 3] - other.pose_world[:3, 3]
    local = (offset @ other.pose_world[:3, :3], offset @ track.pose_world[:3, :3])
    halves = (other.size_m / 2, track.size_m / 2)
    return any(bool((np.abs(o) < half - _WITHIN_M).all()) for o, half in zip(local, halves, strict=True))


def is_piece_of(track: Track, measurement: Measurement) -> bool:
    """Whether what a LiDAR alone took for a thing is a side of a wider one, which it sees whole by now.

    What the robot itself has put there lies there, seen or not.
    """
    if UNKNOWN_COLOR not in (track.seen.color, measurement.color) or track.seen.color != measurement.color:
        return False
    local = (track.pose_world[:3, 3] - measurement.pose_world[:3, 3]) @ measurement.pose_world[:3, :3]
    is_within = bool((np.abs(local[:2]) < measurement.size_m[:2] / 2 + _WITHIN_M).all())
    is_higher = track.pose_world[2, 3] + track.size_m[2] / 2 > measurement.pose_world[2, 3] + measurement.size_m[2]
    return is_within and not is_higher and not track.was_held


def looks_alike(track: Track, measurement: Measurement) -> bool:
    """Whether both are of one colour word and size: what a moved object keeps."""
    # One that was just let go may lie askew, which looks like another size.
    slack_m = 0.025 if track.num_looks == 0 else 0.012
    same_size = bool(np.abs(np.sort(track.size_m) - np.sort(measurement.size_m)).max() < slack_m)
    same_color = max(track.colors, key=lambda c: track.colors[c]) == measurement.color
    is_known = UNKNOWN_COLOR not in (measurement.color, max(track.colors, key=lambda c: track.colors[c]))
    return same_size and (same_color or not is_known)


def _is_part_of(track: Track, measurement: Measurement) -> bool:
    # Most are elsewhere: the other questions are for those inside.
    local = (track.pose_world[:3, 3] - measurement.pose_world[:3, 3]) @ measurement.pose_world[:3, :3]
    if not (np.abs(local) < measurement.size_m / 2 + 0.004).all():
        return False
    is_smaller = float(np.prod(track.size_m)) < 0.75 * float(np.prod(measurement.size_m))
    hue = hue_apart(track.color_rgb, measurement)
    is_solid = measurement.cavity_depth_m == 0.0
    return is_smaller and is_solid and bool(hue < _ALIKE) and track.existence >= SHOWN
