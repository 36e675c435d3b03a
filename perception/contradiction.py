"""Whether sensors contradict each other: one sees a surface where another looks through it.

In:  the Cloud of a look and its views.
Out: Contradictions, and the sensor that all the others speak against, if there is one.
What hides a place says nothing of it; what is seen beyond it does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float

from .points import Cloud, View
from .types import CameraImage, Contradiction, ObjectState
from .visibility import depths_beyond

THROUGH_M = 0.025  # seen deeper than a point by more than this in all of these pixels, the point is not there
AROUND_PIXELS = ((0, 0), (-2, 0), (2, 0), (0, -2), (0, 2))
MOST_POINTS = 1500  # of each view that are looked at
NOISY_M = 0.005  # a sensor with more noise than this on the table contradicts nobody
CELL_M = 0.025
CELL_POINTS, CELL_SHARE = 4, 0.7  # so many points, and so much of what could be seen in a cell, seen through
MIN_CELLS = 2
WITNESS_M, WITNESS_POINTS = 0.03, 4
CONTESTED_M, CONTESTED_VARIANCE = 0.05, 25.0  # an object so near to a contested place is so much less sure


def find_contradictions(cloud: Cloud, views: Sequence[View], noises_m: Mapping[str, float]) -> list[Contradiction]:
    """For each pair of views, where points of one are looked through by the camera of the other.

    `noises_m` are one sigma of depth as found on the table, by sensor.
    """
    found = []
    heard = [noises_m.get(view.sensor, 0.0) <= NOISY_M for view in views]
    for number, owner in enumerate(views):
        if not heard[number]:
            continue
        points = cloud.points_world[cloud.view == number].cpu().numpy().astype(float)
        points = points[:: max(1, len(points) // MOST_POINTS)]
        for seer, is_heard in zip(views, heard, strict=True):
            if seer is owner or not is_heard or not isinstance(seer.measured, CameraImage) or not len(points):
                continue
            is_visible, is_through = _look_at(points, seer)
            place = _contested(points, is_visible, is_through)
            if place is not None:
                share = float(is_through.sum() / is_visible.sum())
                found.append(Contradiction(seer.sensor, owner.sensor, place, share))
    return found


def odd_one_out(contradictions: Sequence[Contradiction], cloud: Cloud) -> str | None:
    """The one sensor in every contradiction against which a third one speaks; None: nobody knows.

    A third camera that looks through the same points speaks against their owner, one that has points there as well
    against whoever looks through them.
    """
    accused = set[str]()
    for contradiction in contradictions:
        for number, witness in enumerate(cloud.sensors):
            if witness in (contradiction.seer, contradiction.owner):
                continue
            if any(c.seer == witness and c.owner == contradiction.owner for c in contradictions):
                accused.add(contradiction.owner)
            elif _num_near(cloud, number, contradiction.position_world) >= WITNESS_POINTS:
                accused.add(contradiction.seer)
    if len(accused) != 1:
        return None
    (odd,) = accused
    return odd if all(odd in (c.seer, c.owner) for c in contradictions) else None


def _num_near(cloud: Cloud, number: int, position_world: tuple[float, float, float]) -> int:
    """How many points of that view lie around the place."""
    off = cloud.points_world[cloud.view == number] - torch.tensor(position_world, device=cloud.points_world.device)
    return int((torch.linalg.vector_norm(off, dim=1) < WITNESS_M).sum())


def widen(objects: Sequence[ObjectState], contradictions: Sequence[Contradiction]) -> tuple[ObjectState, ...]:
    """The objects, less surely where they are if sensors contradict each other about that place."""
    if not contradictions:
        return tuple(objects)
    contested = np.array([c.position_world[:2] for c in contradictions])
    wider = []
    for item in objects:
        gaps_m = np.linalg.norm(contested - item.position_world[:2], axis=1) - np.linalg.norm(item.size_m[:2]) / 2
        is_contested = bool((gaps_m < CONTESTED_M).any())
        wider.append(replace(item, covariance=item.covariance * CONTESTED_VARIANCE) if is_contested else item)
    return tuple(wider)


def _look_at(
    points_world: Float[np.ndarray, "points 3"], seer: View
) -> tuple[Bool[np.ndarray, " points"], Bool[np.ndarray, " points"]]:
    """Which points the camera could see, and which of them it looks through."""
    beyond_m = depths_beyond(points_world, seer, AROUND_PIXELS)
    is_known = ~np.isnan(beyond_m).any(axis=0)
    # A comparison with what is not known is false.
    is_visible = np.logical_and(is_known, (beyond_m > -THROUGH_M).any(axis=0))
    return is_visible, np.logical_and(is_known, (beyond_m > THROUGH_M).all(axis=0))


def _contested(
    points_world: Float[np.ndarray, "points 3"],
    is_visible: Bool[np.ndarray, " points"],
    is_through: Bool[np.ndarray, " points"],
) -> tuple[float, float, float] | None:
    """The middle of what is seen through, where whole cells are."""
    if is_through.sum() < CELL_POINTS * MIN_CELLS:
        return None
    cells = np.floor(points_world[is_visible, :2] / CELL_M).astype(np.int64)
    _, cell = np.unique(cells, axis=0, return_inverse=True)
    through = np.bincount(cell, weights=is_through[is_visible])
    share = through / np.bincount(cell)
    is_contested = (through >= CELL_POINTS) & (share >= CELL_SHARE)
    if is_contested.sum() < MIN_CELLS:
        return None
    x, y, z = points_world[is_visible][is_contested[cell] & is_through[is_visible]].mean(axis=0).tolist()
    return x, y, z
