"""What the beams of a LiDAR meet, with as few rays as the answer needs.

In:  RayRoom as it stands and T_world_sensor; or a Sweep: how everything moved while the beams were sent.
Out: Echoes: for each beam that met something its number, range, the chance to be heard and the intensity.

A shape is asked only by beams that may meet the ball around it. What it answered is remembered (in the room) as long
as neither it nor the sensor moves, so a sensor that stands asks only what moved. Of what moves during a sweep each
beam meets the place where it was at the beam's own time: the beam is carried into the shape's frame of that time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from ..perception.geometry import invert_pose
from .beams import BeamBundle, BeamGrid
from .detector import PERFECT, Detector
from .raycast import RayRoom
from .resting import recall
from .sweep import Sweep

Pattern = BeamGrid | BeamBundle


@dataclass(frozen=True, slots=True)
class Echoes:
    """Beams that met something, in the order in which they are measured."""

    beam: Int[np.ndarray, " echoes"]
    range_m: Float32[np.ndarray, " echoes"]
    chance: Float32[np.ndarray, " echoes"]
    intensity: Float32[np.ndarray, " echoes"]


ECHO = np.dtype([("range_m", np.float32), ("chance", np.float32), ("intensity", np.float32), ("shape", np.int32)])


@dataclass(frozen=True, slots=True)
class _Met:
    """Where beams meet one shape, before the detector hears anything."""

    shape: int
    beam: Int[np.ndarray, " echoes"]
    range_m: Float32[np.ndarray, " echoes"]
    cosine: Float32[np.ndarray, " echoes"]
    albedo: Float32[np.ndarray, " echoes"]


@dataclass(frozen=True, slots=True)
class _Share:
    """What one shape gives back: beams, rising, and an ECHO of each."""

    beam: Int[np.ndarray, " echoes"]
    echo: np.ndarray


class _Nearest:
    """The nearest echo of every beam.

    What is lent is this itself, set back before it is used again: a megabyte copied for every sweep takes longer
    than what a few moving shapes write into it.
    """

    def __init__(self, num_beams: int) -> None:
        self._echo = np.zeros(num_beams, ECHO)
        self._is_met = np.zeros(num_beams, bool)
        self._replaced: list[tuple[Int[np.ndarray, " beams"], np.ndarray, Bool[np.ndarray, " beams"]]] | None = None

    def add(self, shape: int, share: _Share) -> None:
        """Take in what one shape gives back; of equal ranges the earlier shape's holds, whatever came first."""
        beam, echo = share.beam, share.echo
        there, was_met = self._echo.take(beam), self._is_met.take(beam)
        is_nearer = echo["range_m"] < there["range_m"]
        is_nearer |= (echo["range_m"] == there["range_m"]) & (shape < there["shape"])
        is_nearer |= ~was_met
        if not is_nearer.all():
            beam, was_met = beam[is_nearer], was_met[is_nearer]
            echo, there = echo[is_nearer], there[is_nearer]
        if self._replaced is not None:
            self._replaced.append((beam, there, was_met))
        self._echo[beam], self._is_met[beam] = echo, True

    def lend(self) -> _Nearest:
        """May be added to until the next call of this or of `copy`, which forget what was added."""
        self._set_back()
        self._replaced = []
        return self

    def copy(self) -> _Nearest:
        self._set_back()
        twin = _Nearest(0)
        twin._echo, twin._is_met = self._echo.copy(), self._is_met.copy()
        return twin

    def echoes(self) -> Echoes:
        beam = np.flatnonzero(self._is_met)
        echo = self._echo.take(beam)
        return Echoes(beam, echo["range_m"], echo["chance"], echo["intensity"])

    def _set_back(self) -> None:
        for beam, echo, was_met in reversed(self._replaced or []):
            self._echo[beam], self._is_met[beam] = echo, was_met
        self._replaced = None


def cast_beams(
    room: RayRoom,
    origins_world: Float[np.ndarray, "*origins 3"],
    directions_world: Float32[np.ndarray, "beams 3"],
    detector: Detector = PERFECT,
) -> Echoes:
    """Beams from anywhere; unit directions."""
    hits = room.cast(origins_world, directions_world)
    beam = np.flatnonzero(hits.triangle >= 0)
    triangle = hits.triangle[beam]
    cosine = np.abs(np.einsum("ij,ij->i", room.triangle_normals().take(triangle, axis=0), directions_world[beam]))
    range_m = hits.distance_m[beam]
    return Echoes(beam, range_m, *detector.hear(range_m, cosine, room.triangle_albedo[triangle]))


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
        nearest = _Nearest(len(pattern.directions_sensor))
    else:
        nearest = _cast_resting(room, pattern, sensor.knots[-1, 0], ~is_moving)
    moving = np.flatnonzero(is_moving)
    shapes, watch_s = shapes.only(moving), sweep.watch_times_s(moments_s)
    T_sensor_shape = invert_pose(sensor.at(watch_s)) @ shapes.at(watch_s)
    centers, radii_m = _path_balls(T_sensor_shape, room.shapes.centers[moving], room.shapes.radii_m[moving])
    each, met = len(pattern.directions_sensor) // len(moments_s), list[_Met | None]()
    for row, beams in enumerate(pattern.near(centers, radii_m)):
        if not len(beams):
            continue
        moments, moment = np.unique(beams // each, return_inverse=True)
        at_s = moments_s[moments]
        T_shape_sensor = invert_pose(shapes.only([row]).at(at_s)) @ sensor.at(at_s)
        index = int(moving[row])
        met.append(_ask(room, index, beams, pattern, T_shape_sensor[:, 0], moment))
    for share in _hear(pattern, met):
        if share is not None:
            nearest.add(int(share.echo["shape"][0]), share)
    return nearest.echoes()


def _cast_resting(
    room: RayRoom,
    pattern: Pattern,
    T_world_sensor: Float[np.ndarray, "4 4"],
    is_asked: Bool[np.ndarray, " shapes"],
) -> _Nearest:
    """What those bodies give back. May be written to."""

    def ask(new: Int[np.ndarray, " new"]) -> list[_Share | None]:
        T_sensor_shape = invert_pose(T_world_sensor) @ room.T_world_shape[new]
        centers = (T_sensor_shape[:, :3, :3] @ room.shapes.centers[new, :, None])[..., 0] + T_sensor_shape[:, :3, 3]
        near = pattern.near(centers, room.shapes.radii_m[new])
        rows = zip(new.tolist(), near, invert_pose(T_sensor_shape), strict=True)
        met = [
            _ask(room, index, beams, pattern, T_shape_sensor) if len(beams) else None
            for index, beams, T_shape_sensor in rows
        ]
        return _hear(pattern, met)

    memory = recall(room, pattern, T_world_sensor, lambda: _Nearest(len(pattern.directions_sensor)))
    return memory.see(room, is_asked, ask)


def _ask(
    room: RayRoom,
    index: int,
    beams: Int[np.ndarray, " beams"],
    pattern: Pattern,
    T_shape_sensor: Float[np.ndarray, "*moments 4 4"],
    moment: Int[np.ndarray, " beams"] | None = None,
) -> _Met | None:
    """What of one shape is met; with `moment`, each beam is sent from the pose of its own."""
    directions_sensor = pattern.directions_sensor.take(beams, axis=0)
    rotations = T_shape_sensor[..., :3, :3].astype(np.float32)
    if moment is None:
        directions, origins = directions_sensor @ rotations.T, T_shape_sensor[:3, 3]
    else:
        directions = np.einsum("nij,nj->ni", rotations.take(moment, axis=0), directions_sensor)
        origins = T_shape_sensor[:, :3, 3].take(moment, axis=0)
    mesh, first = room.shapes.meshes[index], room.shapes.first_triangle[index]
    range_m, triangle = mesh.cast(origins, directions)
    met = np.flatnonzero(triangle >= 0)
    if not len(met):
        return None
    triangle = triangle.take(met)
    cosine = np.einsum("ij,ij->i", mesh.normals.take(triangle, axis=0), directions.take(met, axis=0))
    return _Met(index, beams.take(met), range_m.take(met), cosine, room.triangle_albedo[first:].take(triangle))


def _hear(pattern: Pattern, met: Sequence[_Met | None]) -> list[_Share | None]:
    """What the detector makes of all of them at once: a call for each costs more than the numbers in it."""
    some = [one for one in met if one is not None]
    if not some:
        return [None] * len(met)
    counts = [len(one.beam) for one in some]
    echo = np.empty(sum(counts), ECHO)
    echo["range_m"] = np.concatenate([one.range_m for one in some])
    echo["shape"] = np.repeat([one.shape for one in some], counts)
    cosine, albedo = np.concatenate([one.cosine for one in some]), np.concatenate([one.albedo for one in some])
    echo["chance"], echo["intensity"] = pattern.detector.hear(echo["range_m"], np.abs(cosine), albedo)
    ends = np.cumsum(counts).tolist()
    heard = iter([echo[end - count : end] for end, count in zip(ends, counts, strict=True)])
    return [None if one is None else _Share(one.beam, next(heard)) for one in met]


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
