"""What moves with the arm, at many moments at once: the robot's own bodies and what the hand carries.

In:  poses of primitives at every sample.
Out: Moving: heights, balls around them and lower bounds of distances; coal's exact distance for single pairs.
"""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# (numpy's stubs leave the type of a matrix product open.)

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import coal as untyped_coal  # pyright: ignore[reportMissingImports]
import numpy as np
from jaxtyping import Float, Int

from .object_solids import Solid

coal: Any = untyped_coal

STRETCH = 8  # samples that are looked at together first


# Without slots: what is derived is kept after the first use.
@dataclass(frozen=True)
class Moving:
    """Bodies at all samples: capsules (radius > 0) or boxes; cylinders are carried ones."""

    poses: Float[np.ndarray, "bodies samples 4 4"]
    half: Float[np.ndarray, "bodies 3"]
    radius: Float[np.ndarray, "bodies"]
    shapes: list[Any]
    parts: list[str]

    @functools.cached_property
    def reach_m(self) -> Float[np.ndarray, "bodies"]:
        """Radius of the ball around each."""
        return np.sqrt((self.half * self.half).sum(axis=1)) + self.radius

    @functools.cached_property
    def centers_world(self) -> Float[np.ndarray, "bodies samples 3"]:
        """The balls' middles."""
        return np.ascontiguousarray(self.poses[:, :, :3, 3])

    def lowest_m(self) -> Float[np.ndarray, "bodies samples"]:
        """Height of the lowest point; of a cylinder that of its box."""
        down = (np.abs(self.poses[:, :, 2, :3]) * self.half[:, None, :]).sum(axis=2) + self.radius[:, None]
        return self.poses[:, :, 2, 3] - down

    def joined(self, other: Moving) -> Moving:
        """Both lists of bodies as one."""
        return Moving(
            np.concatenate([self.poses, other.poses]),
            np.concatenate([self.half, other.half]),
            np.concatenate([self.radius, other.radius]),
            self.shapes + other.shapes,
            self.parts + other.parts,
        )

    def near_balls(
        self, centers_world: Float[np.ndarray, "balls 3"], radius_m: Float[np.ndarray, "balls"], near_m: float
    ) -> tuple[Int[np.ndarray, "near"], Int[np.ndarray, "near"], Int[np.ndarray, "near"]]:
        """Bodies, samples and still balls where the ball around the body comes within `near_m` of the other."""
        middles, spread_m = self._stretches
        within = near_m + self.reach_m[:, None, None] + spread_m[:, :, None] + radius_m
        bodies, stretches, balls = np.nonzero(_squared_apart(middles, centers_world) < within * within)
        rows, samples = self._samples_of(stretches)
        bodies, balls = bodies[rows], balls[rows]
        apart = self.centers_world[bodies, samples] - centers_world[balls]
        keep = (apart * apart).sum(axis=1) < (near_m + self.reach_m[bodies] + radius_m[balls]) ** 2
        return bodies[keep], samples[keep], balls[keep]

    def near_pairs(
        self, first: Int[np.ndarray, "pairs"], second: Int[np.ndarray, "pairs"], near_m: float
    ) -> tuple[Int[np.ndarray, "near"], Int[np.ndarray, "near"]]:
        """Pairs of bodies, and samples, at which the balls around the two come within `near_m` of each other."""
        middles, spread_m = self._stretches
        reach_m = self.reach_m[first] + self.reach_m[second] + near_m
        apart = middles[first] - middles[second]
        within = reach_m[:, None] + spread_m[first] + spread_m[second]
        pairs, stretches = np.nonzero((apart * apart).sum(axis=2) < within * within)
        rows, samples = self._samples_of(stretches)
        pairs = pairs[rows]
        apart = self.centers_world[first[pairs], samples] - self.centers_world[second[pairs], samples]
        keep = (apart * apart).sum(axis=1) < reach_m[pairs] ** 2
        return pairs[keep], samples[keep]

    @functools.cached_property
    def _stretches(self) -> tuple[Float[np.ndarray, "bodies stretches 3"], Float[np.ndarray, "bodies stretches"]]:
        """Of a few samples in a row at a time: the middle of where the ball goes, and how far it goes from there."""
        num_samples = self.centers_world.shape[1]
        rows = np.minimum(np.arange(-(-num_samples // STRETCH) * STRETCH), num_samples - 1).reshape(-1, STRETCH)
        places = self.centers_world[:, rows]
        middles = (places.min(axis=2) + places.max(axis=2)) / 2
        apart = places - middles[:, :, None]
        return middles, np.sqrt((apart * apart).sum(axis=3).max(axis=2))

    def _samples_of(
        self, stretches: Int[np.ndarray, "near"]
    ) -> tuple[Int[np.ndarray, "samples"], Int[np.ndarray, "samples"]]:
        """Every sample of the stretches, and which of the given stretches it belongs to."""
        samples = stretches[:, None] * STRETCH + np.arange(STRETCH)
        rows, columns = np.nonzero(samples < self.centers_world.shape[1])
        return rows, samples[rows, columns]

    def bounds_between(
        self, first: Int[np.ndarray, "near"], second: Int[np.ndarray, "near"], samples: Int[np.ndarray, "near"]
    ) -> Float[np.ndarray, "near"]:
        """Lower bounds of the distances of pairs of bodies."""
        return self.bounds_to(
            first, samples, self.poses[second, samples], self.half[second] + self.radius[second, None]
        )

    def bounds_to(
        self,
        bodies: Int[np.ndarray, "near"],
        samples: Int[np.ndarray, "near"],
        T_world_others: Float[np.ndarray, "near 4 4"],
        half: Float[np.ndarray, "near 3"],
    ) -> Float[np.ndarray, "near"]:
        """Lower bounds of the distances to boxes: between each box and the body's box along the box's axes."""
        poses = self.poses[bodies, samples]
        R_other_world = T_world_others[:, :3, :3].transpose(0, 2, 1)
        between = np.matmul(R_other_world, (poses[:, :3, 3] - T_world_others[:, :3, 3])[:, :, None])[:, :, 0]
        turned = np.abs(np.matmul(R_other_world, poses[:, :3, :3]))
        extent = np.matmul(turned, self.half[bodies][:, :, None])[:, :, 0] + self.radius[bodies, None]
        gaps = np.maximum(np.abs(between) - extent - half, 0.0)
        apart = np.sqrt((gaps * gaps).sum(axis=1))
        # Boxes that overlap say nothing of how deep.
        return np.where(apart > 0, apart, -np.inf)

    def measure(self, body: int, sample: int, T_world_other: Float[np.ndarray, "4 4"], shape: Any) -> float:
        """The exact distance of one body at one sample to a shape."""
        pose = self.poses[body, sample]
        here = coal.Transform3s(pose[:3, :3], pose[:3, 3])
        there = coal.Transform3s(T_world_other[:3, :3], T_world_other[:3, 3])
        return float(
            coal.distance(self.shapes[body], here, shape, there, coal.DistanceRequest(), coal.DistanceResult())
        )


def carried_bodies(T_world_tool: Float[np.ndarray, "samples 4 4"], carried: Sequence[Solid], part: str) -> Moving:
    """What the hand carries, wherever it goes."""
    if not carried:
        return Moving(np.zeros((0, len(T_world_tool), 4, 4)), np.zeros((0, 3)), np.zeros(0), [], [])
    poses = T_world_tool[None] @ np.stack([solid.T_world_solid for solid in carried])[:, None]
    shapes = [shape_of(solid) for solid in carried]
    half = np.stack([solid.half_m for solid in carried])
    return Moving(poses, half, np.zeros(len(carried)), shapes, [part] * len(carried))


def shape_of(solid: Solid) -> Any:
    """The coal shape of a solid."""
    return make_shape(tuple(solid.half_m.tolist()), 0.0, solid.is_cylinder)


@functools.lru_cache(maxsize=4096)
def make_shape(half_m: tuple[float, float, float], radius_m: float, is_cylinder: bool) -> Any:
    """The coal shape of a capsule (radius > 0), a cylinder or a box; the same for the same numbers."""
    if radius_m > 0:
        return coal.Capsule(radius_m, 2 * half_m[2])
    if is_cylinder:
        return coal.Cylinder(half_m[0], 2 * half_m[2])
    return coal.Box(*(2 * h for h in half_m))


def _squared_apart(
    points: Float[np.ndarray, "bodies samples 3"], others: Float[np.ndarray, "balls 3"]
) -> Float[np.ndarray, "bodies samples balls"]:
    square = (points * points).sum(axis=2)[:, :, None] + (others * others).sum(axis=1)
    return square - 2.0 * (points @ others.T)
