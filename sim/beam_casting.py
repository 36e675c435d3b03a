"""What the beams of a LiDAR meet, with as few rays as the answer needs.

In:  RayRoom as it stands, T_world_sensor, directions.
Out: Echoes: for each beam that met something its number, range, cosine of incidence and the surface's brightness.

Most beams of a full circle meet a wall, a floor or nothing. On a grid those are found from every eighth column and
fourth ring: between four that meet the same triangle every beam meets it, unless something stands in front. What
could stand in front is known: beams that may meet any body that is not a plain large slab are all cast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int, Int32

from .beams import BeamGrid
from .raycast import RayRoom

COLUMN_STEP, RING_STEP = 8, 4
UNKNOWN = np.int32(-2)


@dataclass(frozen=True, slots=True)
class Echoes:
    """Beams that met something, in the order in which they are measured."""

    beam: Int[np.ndarray, " echoes"]
    range_m: Float32[np.ndarray, " echoes"]
    cosine: Float32[np.ndarray, " echoes"]
    albedo: Float32[np.ndarray, " echoes"]


def cast_beams(
    room: RayRoom,
    origins_world: Float[np.ndarray, "*origins 3"],
    directions_world: Float32[np.ndarray, "beams 3"],
) -> Echoes:
    """Every beam cast; unit directions."""
    hits = room.cast(origins_world, directions_world)
    met = np.flatnonzero(hits.triangle >= 0)
    triangle = hits.triangle[met]
    return _make_echoes(room, met, hits.distance_m[met], triangle, directions_world[met])


def cast_grid(
    room: RayRoom, grid: BeamGrid, T_world_sensor: Float[np.ndarray, "4 4"], columns: slice | None = None
) -> Echoes:
    """The grid, or some columns of it, from one place; beams are numbered from the first of those columns."""
    columns = columns or slice(0, len(grid.azimuths_rad))
    directions = grid.directions_sensor[columns]
    num_columns, num_rings = directions.shape[:2]
    eye = T_world_sensor[:3, 3]
    to_world = T_world_sensor[:3, :3].T.astype(np.float32)
    at_columns, at_rings = _every(num_columns, COLUMN_STEP), _every(num_rings, RING_STEP)
    coarse = room.cast(eye, directions[at_columns][:, at_rings].reshape(-1, 3) @ to_world)
    triangle = _spread(coarse.triangle.reshape(len(at_columns), len(at_rings)), num_columns, num_rings)
    balls = room.balls()
    centers_sensor = (balls.centers_world[~balls.is_slab] - eye) @ T_world_sensor[:3, :3]
    triangle[grid.windows(centers_sensor, balls.radii_m[~balls.is_slab])[columns]] = UNKNOWN
    triangle = triangle.ravel()
    flat = directions.reshape(-1, 3)
    rest = np.flatnonzero(triangle == UNKNOWN)
    hits = room.cast(eye, flat.take(rest, axis=0) @ to_world)
    triangle[rest] = hits.triangle
    range_m = np.zeros(len(triangle), np.float32)
    range_m[rest] = hits.distance_m
    met = np.flatnonzero(triangle >= 0)
    triangle, range_m, directions_world = triangle[met], range_m[met], flat.take(met, axis=0) @ to_world
    known = np.flatnonzero(range_m == 0.0)
    along = np.einsum("ij,ij->i", room.triangle_normals().take(triangle[known], axis=0), directions_world[known])
    range_m[known] = -room.plane_distances(eye)[triangle[known]] / along
    return _make_echoes(room, met, range_m, triangle, directions_world)


def _make_echoes(
    room: RayRoom,
    beam: Int[np.ndarray, " echoes"],
    range_m: Float32[np.ndarray, " echoes"],
    triangle: Int32[np.ndarray, " echoes"],
    directions_world: Float32[np.ndarray, "echoes 3"],
) -> Echoes:
    cosine = np.abs(np.einsum("ij,ij->i", room.triangle_normals().take(triangle, axis=0), directions_world))
    return Echoes(beam, range_m, cosine, room.triangle_albedo[triangle])


def _every(num: int, step: int) -> Int[np.ndarray, " chosen"]:
    """Every step-th index, and the last."""
    return np.unique(np.append(np.arange(0, num, step), num - 1))


def _spread(
    corners: Int32[np.ndarray, "cols rows"], num_columns: int, num_rings: int
) -> Int32[np.ndarray, "columns rings"]:
    """The label of each cell whose four corners agree, UNKNOWN for the others, for every beam."""
    if min(corners.shape) < 2:
        return np.full((num_columns, num_rings), UNKNOWN)
    one = corners[:-1, :-1]
    is_same = (one == corners[1:, :-1]) & (one == corners[:-1, 1:]) & (one == corners[1:, 1:])
    cells = np.where(is_same, one, UNKNOWN)
    columns = np.minimum(np.arange(num_columns) // COLUMN_STEP, len(cells) - 1)
    rings = np.minimum(np.arange(num_rings) // RING_STEP, cells.shape[1] - 1)
    return cells.take(rings, axis=1).take(columns, axis=0)
