"""Declared furniture in a look: how far each drawer is open, and whose points are none of an object's.

In:  Fixtures (model and calibrated place, as the cell declares them), the Cloud of a look.
Out: openings with their variance, from points alone; the Cloud without the furniture; ObjectStates of the fixtures.
A drawer that is not seen keeps what was last seen of it; one never seen has no opening (None).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float

from .colors import PALETTE
from .geometry import invert_pose
from .points import Cloud
from .types import Box, Fixture, ObjectState, Shape, Slide

_NEAR_M = 0.006  # a point this near to a surface belongs to it
_OWN_M = 0.007  # points this near to furniture are not an object's
_STEP_M = 0.004  # between openings that are tried
_PLAY_M = 0.004  # an opening may be measured this far beyond its stops
_FITS = 4
_MIN_POINTS = 25  # that tell the opening, on faces across its axis
_MAX_POINTS = 1500
_FACES_AXIS = 0.7
_CALIBRATION_M = 0.001
_CALIBRATION_RAD = 0.004
_ABOVE_M = 0.008  # what ends lower than this above a board does not stand on it


@dataclass(frozen=True, slots=True)
class Opening:
    """How far a drawer is open, as measured; `seen_s` is when."""

    opening_m: float
    variance_m2: float
    seen_s: float
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Slid:
    """A drawer seen elsewhere than before: what lay in it has moved by `by_world`."""

    T_world_before: Float[np.ndarray, "4 4"]
    size_m: tuple[float, float, float]
    by_world: Float[np.ndarray, "3"]

    def holds(self, place_world: Float[np.ndarray, "3"]) -> bool:
        """Whether the place was within the drawer before."""
        local = (invert_pose(self.T_world_before) @ np.append(place_world, 1.0))[:3]
        return bool((np.abs(local) < np.array(self.size_m) / 2).all())


class Furniture:
    """All declared fixtures, and the drawers' openings as last seen."""

    def __init__(self, fixtures: Sequence[Fixture]) -> None:
        self._fixtures = tuple(fixtures)
        self._openings: dict[str, Opening] = {}

    def observe(self, cloud: Cloud, time_s: float, noise_m: float) -> tuple[Cloud, list[Slid]]:
        """Measure every drawer that is seen; the cloud without furniture, and what has moved since."""
        if not self._fixtures:
            return cloud, []
        points = cloud.points_world.cpu().numpy().astype(np.float64)
        slid: list[Slid] = []
        for fixture in self._fixtures:
            if fixture.slide is None:
                continue
            guide = next((f for f in self._fixtures if f.name == fixture.slide.guide), None)
            measured = measure_opening(fixture, guide, points, noise_m)
            if measured is None:
                continue
            before = self._openings.get(fixture.name)
            opening_m, variance_m2, rows = measured
            sources = tuple(cloud.sensors[k] for k in np.unique(cloud.view[rows].cpu().numpy()))
            self._openings[fixture.name] = Opening(opening_m, variance_m2, time_s, sources)
            if before is not None:
                axis = fixture.pose_world[:3, :3] @ np.array(fixture.slide.axis)
                by_world = axis * (opening_m - before.opening_m)
                slid.append(Slid(fixture.opened_pose_world(before.opening_m), fixture.size_m, by_world))
        free = torch.as_tensor(~self._owns(points), device=cloud.points_world.device)
        left = replace(cloud, points_world=cloud.points_world[free], colors=cloud.colors[free], view=cloud.view[free])
        return left, slid

    def floor_under(self, place_world: Float[np.ndarray, "2"], top_m: float) -> float | None:
        """Height of the highest board of furniture that something of this top can stand on there; None: no board."""
        heights: list[float] = []
        for fixture in self._fixtures:
            pose = self._pose_world(fixture)
            local = pose[:2, :2].T @ (place_world - pose[:2, 3])
            for box in fixture.boxes:
                face_m = float(pose[2, 3]) + box.center_m[2] + box.size_m[2] / 2
                is_over = (np.abs(local - np.array(box.center_m[:2])) < np.array(box.size_m[:2]) / 2).all()
                if is_over and face_m < top_m - _ABOVE_M:
                    heights.append(face_m)
        return max(heights, default=None)

    def states(self, time_s: float) -> tuple[ObjectState, ...]:
        """The fixtures as objects of the scene."""
        states: list[ObjectState] = []
        for fixture in self._fixtures:
            seen = self._openings.get(fixture.name)
            covariance = np.diag([_CALIBRATION_M**2] * 3 + [_CALIBRATION_RAD**2] * 3)
            if fixture.slide is not None:
                axis = fixture.pose_world[:3, :3] @ np.array(fixture.slide.axis)
                variance_m2 = seen.variance_m2 if seen is not None else fixture.slide.travel_m**2 / 12
                covariance[:3, :3] += variance_m2 * np.outer(axis, axis)
            opening_m = None if seen is None else seen.opening_m
            sources = ("declared",) if seen is None else seen.sources
            seen_s = time_s if seen is None else seen.seen_s
            states.append(fixture_state(fixture, opening_m, covariance, sources, seen_s))
        return tuple(states)

    def _pose_world(self, fixture: Fixture) -> Float[np.ndarray, "4 4"]:
        seen = self._openings.get(fixture.name)
        return fixture.pose_world if seen is None else fixture.opened_pose_world(seen.opening_m)

    def _owns(self, points_world: Float[np.ndarray, "points 3"]) -> Bool[np.ndarray, " points"]:
        """Points on furniture, and within a fixture that a drawer slides in: nobody sees an object there."""
        owned = np.zeros(len(points_world), dtype=bool)
        guides = {f.slide.guide for f in self._fixtures if f.slide is not None}
        for fixture in self._fixtures:
            local = _into(self._pose_world(fixture), points_world)
            near = (np.abs(local) < np.array(fixture.size_m) / 2 + 0.08).all(axis=1)
            rows = np.flatnonzero(near & ~owned)
            owned[rows[distance_to(fixture.boxes, local[rows]) < _OWN_M]] = True
            if fixture.name in guides:
                owned |= (np.abs(local) < np.array(fixture.size_m) / 2).all(axis=1)
        return owned


def fixture_state(
    fixture: Fixture,
    opening_m: float | None,
    covariance: Float[np.ndarray, "6 6"],
    sources: tuple[str, ...],
    seen_s: float,
) -> ObjectState:
    """A fixture as an object of the scene, a drawer where its opening puts it."""
    return ObjectState(
        id=fixture.name,
        pose_world=fixture.opened_pose_world(opening_m or 0.0),
        covariance=covariance,
        size_m=np.array(fixture.size_m),
        color_rgb=np.array(PALETTE[fixture.color]),
        color=fixture.color,
        shape=fixture.shape,
        shape_confidence=1.0,
        existence=1.0,
        sources=sources,
        last_seen_s=seen_s,
        cavity_depth_m=fixture.cavity_depth_m,
        fixture=fixture,
        opening_m=opening_m,
    )


def fixture_to_dict(fixture: Fixture) -> dict[str, Any]:
    """For a log's header."""
    return {**asdict(fixture), "shape": fixture.shape.value, "pose_world": fixture.pose_world.tolist()}


def fixture_from_dict(values: Mapping[str, Any]) -> Fixture:
    """From a log's header."""
    slide = values["slide"]
    boxes = tuple(_box_from_dict(box) for box in values["boxes"])
    return Fixture(
        values["name"],
        Shape(values["shape"]),
        values["color"],
        np.array(values["pose_world"], dtype=float),
        tuple(values["size_m"]),
        boxes,
        values["cavity_depth_m"],
        None
        if slide is None
        else Slide(tuple(slide["axis"]), slide["travel_m"], _box_from_dict(slide["handle"]), slide["guide"]),
    )


def _box_from_dict(values: Mapping[str, Any]) -> Box:
    return Box(tuple(values["center_m"]), tuple(values["size_m"]))


def measure_opening(
    drawer: Fixture, guide: Fixture | None, points_world: Float[np.ndarray, "points 3"], noise_m: float
) -> tuple[float, float, np.ndarray] | None:
    """Opening and its variance, and the rows of the points that tell it; None when too few do."""
    assert drawer.slide is not None  # the caller has looked
    axis, travel_m = np.array(drawer.slide.axis), drawer.slide.travel_m
    local = _into(drawer.pose_world, points_world)
    rows = np.flatnonzero(_in_its_way(drawer, local))
    if guide is not None:
        # What lies on the guide's walls says nothing about the drawer.
        on_guide = distance_to(guide.boxes, _into(guide.pose_world, points_world[rows])) < _NEAR_M
        inside = (np.abs(_into(guide.pose_world, points_world[rows])) < np.array(guide.size_m) / 2).all(axis=1)
        rows = rows[~on_guide & ~inside]
    if len(rows) < _MIN_POINTS:
        return None
    few = local[rows[:: max(1, len(rows) // _MAX_POINTS)]]
    tries = np.arange(-_PLAY_M, travel_m + _PLAY_M + _STEP_M, _STEP_M)
    scores = [_likeness(drawer.boxes, few - axis * opening_m) for opening_m in tries]
    opening_m = float(tries[int(np.argmax(scores))])
    place = local[rows]
    sigma_m = max(noise_m, 0.001)
    for _ in range(_FITS):
        off_m, slope, tells = _residuals(drawer.boxes, place, axis, opening_m)
        if tells.sum() < _MIN_POINTS:
            return None
        opening_m -= float((off_m[tells] * slope[tells]).sum() / (slope[tells] ** 2).sum())
    off_m, slope, tells = _residuals(drawer.boxes, place, axis, opening_m)
    if tells.sum() < _MIN_POINTS or not -2 * _PLAY_M < opening_m < travel_m + 2 * _PLAY_M:
        return None
    # Noise averages out, the error of the mounts does not.
    variance_m2 = sigma_m**2 / float((slope[tells] ** 2).sum()) + _CALIBRATION_M**2
    return float(np.clip(opening_m, 0.0, travel_m)), variance_m2, rows[tells]


def distance_to(boxes: Sequence[Box], points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, " points"]:
    """Signed distance to the nearest of the boxes; negative inside."""
    nearest = np.full(len(points), np.inf)
    for box in boxes:
        beyond = np.abs(points - np.array(box.center_m)) - np.array(box.size_m) / 2
        outside = np.sqrt((np.maximum(beyond, 0.0) ** 2).sum(axis=1))
        nearest = np.minimum(nearest, outside + np.minimum(beyond.max(axis=1), 0.0))
    return nearest


def _into(T_world_fixture: Float[np.ndarray, "4 4"], points_world: Float[np.ndarray, "points 3"]) -> np.ndarray:
    return (points_world - T_world_fixture[:3, 3]) @ T_world_fixture[:3, :3]


def _in_its_way(drawer: Fixture, local: Float[np.ndarray, "points 3"]) -> Bool[np.ndarray, " points"]:
    """Points where the drawer or its handle can be."""
    assert drawer.slide is not None
    centers, halves = np.array([b.center_m for b in drawer.boxes]), np.array([b.size_m for b in drawer.boxes]) / 2
    low, high = (centers - halves).min(axis=0), (centers + halves).max(axis=0)
    way = np.array(drawer.slide.axis) * drawer.slide.travel_m
    low, high = np.minimum(low, low + way) - _NEAR_M, np.maximum(high, high + way) + _NEAR_M
    return ((local > low) & (local < high)).all(axis=1)


def _likeness(boxes: Sequence[Box], points: Float[np.ndarray, "points 3"]) -> float:
    return float(np.exp(-((distance_to(boxes, points) / _NEAR_M) ** 2)).sum())


def _residuals(
    boxes: Sequence[Box], place: Float[np.ndarray, "points 3"], axis: Float[np.ndarray, "3"], opening_m: float
) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"], Bool[np.ndarray, " points"]]:
    """Distances at an opening, how they change with it, and which points lie on faces across the axis."""
    by = 0.0005
    here = distance_to(boxes, place - axis * opening_m)
    slope = (
        distance_to(boxes, place - axis * (opening_m + by)) - distance_to(boxes, place - axis * (opening_m - by))
    ) / (2 * by)
    return here, slope, (np.abs(slope) > _FACES_AXIS) & (np.abs(here) < _NEAR_M)
