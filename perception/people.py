"""A person beside the table: what stands tall outside it and is no part of the robot, with the arm that belongs to it.

In:  the Lattices of one look (cameras and LiDAR), the table.
Out: PersonState, or None when nobody is seen; the points of the person are told from those of objects.

Someone who stands still shows mostly to the LiDAR; a hand over the table also to cameras. Columns of points that are
joined to a body outside the table belong to the person; what is joined to nothing outside it is an object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from scipy import ndimage

from .cells import distinct_rows
from .geometry import near_capsules
from .lattice import Lattice
from .types import PersonState, SupportSurface

_VOXEL_M = 0.03
_AROUND_M = 1.2  # this far around the table people are looked for
_BELOW_M, _ABOVE_M = 0.30, 1.2  # of the table's top
_CLEAR_M = 0.025  # nearer than this to the table's height it is the table
_EDGE_M, _THICK_M = 0.30, 0.08
_FOOT_M = 0.18
_TALL_M = 0.22  # a body rises above the table's top by at least this much …
_WIDE_M = 0.15  # … and is this wide
_MIN_POINTS = 25
_ROBOT_M = 0.06
_COLUMN_M = 0.08
_TOP_M = 1.1  # above the table: as high as a body may reach
_STILL_S = 0.5
_REMEMBERED_S = 6.0
_STD_M = 0.03


@dataclass(frozen=True, slots=True)
class _Points:
    world: Float[np.ndarray, "points 3"]
    view: Int[np.ndarray, " points"]


def find_person(lattices: Sequence[Lattice], table: SupportSurface, former: PersonState | None) -> PersonState | None:
    """The person seen in this look. `former` gives the velocity and is what is answered while no scan looks there."""
    if not lattices:
        return former
    points = _gather(lattices, table)
    time_s = max(lattice.view.measured.time_s for lattice in lattices)
    labels = _clusters(points.world)
    bodies = [
        label for label in range(1, int(labels.max(initial=0)) + 1) if _is_body(points.world[labels == label], table)
    ]
    if not bodies:
        # The arm may hide them: not seen in one look is not gone.
        return former if former is not None and time_s - former.last_seen_s < _REMEMBERED_S else None
    best = max(bodies, key=lambda label: int((labels == label).sum()))
    chosen = labels == best
    return _describe(points.world[chosen], points.view[chosen], lattices, table, former, time_s)


def near_person(
    person: PersonState | None, points_world: Float[torch.Tensor, "points 3"], margin_m: float = 0.02
) -> Bool[torch.Tensor, " points"]:
    """Points that belong to the person."""
    near = torch.zeros(len(points_world), dtype=torch.bool, device=points_world.device)
    if person is None:
        return near
    columns = torch.as_tensor(person.columns_world, dtype=points_world.dtype, device=points_world.device)
    low, high = columns[:, :3].amin(0) - margin_m, columns[:, 3:].amax(0) + margin_m
    (candidates,) = torch.nonzero(((points_world > low) & (points_world < high)).all(1), as_tuple=True)
    points = points_world[candidates]
    for column in columns:
        inside = ((points > column[:3] - margin_m) & (points < column[3:] + margin_m)).all(1)
        near[candidates[inside]] = True
    return near


def _gather(lattices: Sequence[Lattice], table: SupportSurface) -> _Points:
    """Points around and over the table that are neither table nor robot."""
    worlds, indices = [], []
    for number, lattice in enumerate(lattices):
        # Where people can be first: most points are the table's, and the robot's are costly to tell.
        found = lattice.world.cpu().numpy()
        found = found[_is_around(found, table)]
        if lattice.view.capsules is not None:
            capsules = torch.as_tensor(lattice.view.capsules, dtype=torch.float32)
            found = found[~near_capsules(torch.from_numpy(found), capsules, _ROBOT_M).numpy()]
        worlds.append(found.astype(np.float64))
        indices.append(np.full(len(found), number))
    return _Points(np.concatenate(worlds), np.concatenate(indices))


def _is_around(points: Float32[np.ndarray, "points 3"], table: SupportSurface) -> Bool[np.ndarray, " points"]:
    x0, y0, x1, y1 = table.bounds_world
    x, y = points[:, 0], points[:, 1]
    z = points[:, 2] - np.float32(table.height_m)
    # Behind the robot's foot nobody can be told from the robot.
    near = (x > _FOOT_M) & (x < x1 + _AROUND_M) & (y > y0 - _AROUND_M) & (y < y1 + _AROUND_M)
    near &= (z > -_BELOW_M) & (z < _ABOVE_M)
    # The table's edges, and what of its top was not known to be table.
    beside = (x > x0 - _EDGE_M) & (x < x1 + _EDGE_M) & (y > y0 - _EDGE_M) & (y < y1 + _EDGE_M)
    return near & ~(beside & (np.abs(z) < _CLEAR_M)) & ~(beside & (z < 0.0) & (z > -_THICK_M))


def _clusters(points: Float[np.ndarray, "points 3"]) -> Int[np.ndarray, " points"]:
    """Label of every point, from 1; neighbours within two voxels belong together."""
    if not len(points):
        return np.zeros(0, dtype=int)
    cells = np.floor(points / _VOXEL_M).astype(int)
    cells -= cells.min(axis=0) - 1
    grid = np.zeros(cells.max(axis=0) + 2, dtype=bool)
    grid[tuple(cells.T)] = True
    # A LiDAR's rings lie further apart than a voxel.
    found: Any = ndimage.label(ndimage.binary_dilation(grid, np.ones((3, 3, 3))), np.ones((3, 3, 3)))
    return np.asarray(found[0])[tuple(cells.T)]


def _is_body(points: Float[np.ndarray, "points 3"], table: SupportSurface) -> bool:
    x0, y0, x1, y1 = table.bounds_world
    outside = points[(points[:, 0] < x0) | (points[:, 0] > x1) | (points[:, 1] < y0) | (points[:, 1] > y1)]
    if len(outside) < _MIN_POINTS:
        return False
    size = np.ptp(outside, axis=0)
    return bool(outside[:, 2].max() > table.height_m + _TALL_M and max(size[0], size[1]) > _WIDE_M)


def _describe(
    points: Float[np.ndarray, "points 3"],
    view: Int[np.ndarray, " points"],
    lattices: Sequence[Lattice],
    table: SupportSurface,
    former: PersonState | None,
    time_s: float,
) -> PersonState:
    columns = columns_of(points)
    x0, y0, x1, y1 = table.bounds_world
    middle = (columns[:, :2] + columns[:, 3:5]) / 2
    is_beside = (middle < (x0, y0)).any(axis=1) | (middle > (x1, y1)).any(axis=1)
    # Nobody ends where the highest ring of a LiDAR does.
    columns[is_beside, 5] = np.maximum(columns[is_beside, 5], table.height_m + _TOP_M)
    is_body = (points[:, 0] < x0) | (points[:, 0] > x1) | (points[:, 1] < y0) | (points[:, 1] > y1)
    low, high = (np.percentile(points[is_body, :2], q, axis=0) for q in (2, 98))
    position = np.array([*(low + high) / 2, table.height_m])
    velocity = None
    if former is not None and time_s - former.last_seen_s > 0.0:
        velocity = (position - former.position_world) / max(time_s - former.last_seen_s, _STILL_S)
    sources = tuple(dict.fromkeys(lattices[number].view.sensor for number in view))
    return PersonState(position, np.diag([_STD_M**2, _STD_M**2, 1e-4]), columns, velocity, time_s, sources)


def columns_of(points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "columns 6"]:
    """One box for each cell seen from above."""
    cells = np.floor(points[:, :2] / _COLUMN_M).astype(int)
    found = []
    for cell in distinct_rows(cells):
        inside = points[(cells == cell).all(axis=1)]
        if len(inside) >= 2:
            found.append(np.concatenate([inside.min(axis=0), inside.max(axis=0)]))
    return np.array(found).reshape(-1, 6)
