"""What the beams of a LiDAR meet, with as few rays as the answer needs.

In:  RayRoom as it stands and T_world_sensor; or a Sweep: how everything moved while the beams were sent.
Out: Echoes: for each beam that met something its number, range, cosine of incidence and the surface's brightness.

A shape is asked only by beams that may meet the ball around it. What it answered is remembered (in the room) as long
as neither it nor the sensor moves, so a sensor that stands asks only what moved. Of what moves during a sweep each
beam meets the place where it was at the beam's own time: the beam is carried into the shape's frame of that time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Int16

from ..perception.geometry import invert_pose
from .beams import BeamBundle, BeamGrid
from .raycast import RayRoom
from .resting import recall
from .sweep import Sweep

Pattern = BeamGrid | BeamBundle


@dataclass(frozen=True, slots=True)
class Echoes:
    """Beams that met something, in the order in which they are measured."""

    beam: Int[np.ndarray, " echoes"]
    range_m: Float32[np.ndarray, " echoes"]
    cosine: Float32[np.ndarray, " echoes"]
    albedo: Float32[np.ndarray, " echoes"]


@dataclass(frozen=True, slots=True)
class _Nearest:
    """The nearest echo of every beam; range inf where there is none yet."""

    range_m: Float32[np.ndarray, " beams"]
    shape: Int16[np.ndarray, " beams"]
    cosine: Float32[np.ndarray, " beams"]
    albedo: Float32[np.ndarray, " beams"]

    def add(self, shape: int, share: Echoes) -> None:
        """Take in what one shape gives back; of equal ranges the earlier shape's holds, whatever came first."""
        there_m = self.range_m[share.beam]
        is_nearer = share.range_m < there_m
        is_nearer |= (share.range_m == there_m) & (shape < self.shape[share.beam])
        if is_nearer.all():
            beam, range_m, cosine, albedo = share.beam, share.range_m, share.cosine, share.albedo
        else:
            beam, range_m, cosine, albedo = (
                values[is_nearer] for values in (share.beam, share.range_m, share.cosine, share.albedo)
            )
        self.range_m[beam], self.shape[beam] = range_m, shape
        self.cosine[beam], self.albedo[beam] = cosine, albedo

    def copy(self) -> _Nearest:
        return _Nearest(self.range_m.copy(), self.shape.copy(), self.cosine.copy(), self.albedo.copy())

    def echoes(self) -> Echoes:
        beam = np.flatnonzero(self.range_m < np.inf)
        return Echoes(beam, self.range_m.take(beam), self.cosine.take(beam), self.albedo.take(beam))


def cast_beams(
    room: RayRoom,
    origins_world: Float[np.ndarray, "*origins 3"],
    directions_world: Float32[np.ndarray, "beams 3"],
) -> Echoes:
    """Beams from anywhere; unit directions."""
    hits = room.cast(origins_world, directions_world)
    beam = np.flatnonzero(hits.triangle >= 0)
    triangle = hits.triangle[beam]
    cosine = np.abs(np.einsum("ij,ij->i", room.triangle_normals().take(triangle, axis=0), directions_world[beam]))
    return Echoes(beam, hits.distance_m[beam], cosine, room.triangle_albedo[triangle])


def cast_pattern(room: RayRoom, pattern: Pattern, T_world_sensor: Float[np.ndarray, "4 4"]) -> Echoes:
    """All beams from one place into the room as it stands."""
    return _cast_resting(room, pattern, T_world_sensor, np.ones(len(room.T_world_shape), bool)).echoes()


def cast_sweep(
    room: RayRoom,
    pattern: Pattern,
    sweep: Sweep,
    mount: tuple[str, Float[np.ndarray, "4 4"]],
    moments_s: Float[np.ndarray, " moments"],
) -> Echoes:
    """All beams, as many at each moment, with everything moving as it did; the room stands as at the sweep's end.

    `mount` is the body that bears the sensor, and T_mount_sensor.
    """
    resting = dict(zip(room.shape_names, room.T_world_shape, strict=True))
    shapes = sweep.motion_of(room.shape_names, resting)
    is_moving = shapes.is_moving()
    sensor = sweep.motion_of((mount[0],), room.poses()).carry(mount[1])
    if sensor.is_moving()[0]:
        is_moving[:] = True
        nearest = _make_nearest(len(pattern.directions_sensor))
    else:
        nearest = _cast_resting(room, pattern, sensor.knots[-1, 0], ~is_moving)
    moving = np.flatnonzero(is_moving)
    shapes, watch_s = shapes.only(moving), sweep.watch_times_s(moments_s)
    T_sensor_shape = invert_pose(sensor.at(watch_s)) @ shapes.at(watch_s)
    centers, radii_m = _path_balls(T_sensor_shape, room.shapes.centers[moving], room.shapes.radii_m[moving])
    each = len(pattern.directions_sensor) // len(moments_s)
    for row, beams in enumerate(pattern.near(centers, radii_m)):
        if not len(beams):
            continue
        moments, moment = np.unique(beams // each, return_inverse=True)
        at_s = moments_s[moments]
        T_shape_sensor = invert_pose(shapes.only([row]).at(at_s)) @ sensor.at(at_s)
        index = int(moving[row])
        nearest.add(index, _ask(room, index, beams, pattern, T_shape_sensor[:, 0], moment))
    return nearest.echoes()


def _cast_resting(
    room: RayRoom,
    pattern: Pattern,
    T_world_sensor: Float[np.ndarray, "4 4"],
    is_asked: Bool[np.ndarray, " shapes"],
) -> _Nearest:
    """What those bodies give back. May be written to."""

    def ask(new: Int[np.ndarray, " new"]) -> list[Echoes | None]:
        T_sensor_shape = invert_pose(T_world_sensor) @ room.T_world_shape[new]
        centers = (T_sensor_shape[:, :3, :3] @ room.shapes.centers[new, :, None])[..., 0] + T_sensor_shape[:, :3, 3]
        near = pattern.near(centers, room.shapes.radii_m[new])
        return [
            _ask(room, index, beams, pattern, T_shape_sensor) if len(beams) else None
            for index, beams, T_shape_sensor in zip(new.tolist(), near, invert_pose(T_sensor_shape), strict=True)
        ]

    memory = recall(room, pattern, T_world_sensor, lambda: _make_nearest(len(pattern.directions_sensor)))
    return memory.see(room, is_asked, ask)


def _ask(
    room: RayRoom,
    index: int,
    beams: Int[np.ndarray, " beams"],
    pattern: Pattern,
    T_shape_sensor: Float[np.ndarray, "*moments 4 4"],
    moment: Int[np.ndarray, " beams"] | None = None,
) -> Echoes:
    """What one shape gives back; with `moment`, each beam is sent from the pose of its own."""
    directions_sensor = pattern.directions_sensor.take(beams, axis=0)
    rotations = T_shape_sensor[..., :3, :3].astype(np.float32)
    if moment is None:
        directions, origins = directions_sensor @ rotations.T, T_shape_sensor[:3, 3]
    else:
        directions = np.einsum("nij,nj->ni", rotations.take(moment, axis=0), directions_sensor)
        origins = T_shape_sensor[:, :3, 3].take(moment, axis=0)
    shapes = room.shapes
    range_m, triangle = shapes.cast(index, origins, directions)
    met = np.flatnonzero(triangle >= 0)
    triangle = triangle.take(met)
    cosine = np.einsum(
        "ij,ij->i",
        shapes.meshes[index].normals.take(triangle - shapes.first_triangle[index], axis=0),
        directions.take(met, axis=0),
    )
    return Echoes(beams.take(met), range_m.take(met), np.abs(cosine), room.triangle_albedo.take(triangle))


def _path_balls(
    T_sensor_shape: Float[np.ndarray, "times shapes 4 4"],
    centers_shape: Float[np.ndarray, "shapes 3"],
    radii_m: Float[np.ndarray, " shapes"],
) -> tuple[Float[np.ndarray, "shapes 3"], Float[np.ndarray, " shapes"]]:
    """Balls that hold each shape's ball on its whole way in the sensor's frame."""
    centers = (T_sensor_shape[..., :3, :3] @ centers_shape[..., None])[..., 0] + T_sensor_shape[..., :3, 3]
    middles = (centers.min(axis=0) + centers.max(axis=0)) / 2
    # Between two of the times an arc may stand out by as much as half of its chord.
    steps_m = np.linalg.norm(np.diff(centers, axis=0), axis=2).max(axis=0)
    return middles, radii_m + np.linalg.norm(centers - middles, axis=2).max(axis=0) + steps_m / 2


def _make_nearest(num_beams: int) -> _Nearest:
    nothing = np.zeros(num_beams, np.float32)
    return _Nearest(np.full(num_beams, np.inf, np.float32), np.zeros(num_beams, np.int16), nothing, nothing.copy())
