"""What a ray meets: shapes, each with its triangles in an Embree scene of its own.

In:  VisualBody meshes and their poses.
Out: Hits: distance, body, normal and colour of the first thing on each ray.

All static bodies are one shape in the world frame, every other body is one in its own. So nothing is rebuilt: a body
that moves is a pose that changes, and a ray is carried into the frame of each shape that it may meet; the nearest
answer holds, of equal ones the earlier shape's. What a shape answers depends on nothing but its mesh and where the ray
lies in its frame: whoever remembers an answer has what a new cast would give. `RayRoom.cast` is for those who remember
nothing: it puts all bodies into one scene, which is quicker for many rays at many bodies.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Int32, UInt32

from .ray_mesh import RayMesh, Triangles
from .shading import Light
from .textures import Skin, corner_weights, join_skins

OUTLINE_M = 1e-4
"""How much wider than a body its outline is taken: points are rounded."""


@dataclass(frozen=True, slots=True)
class VisualBody:
    """A mesh as drawn, in its own frame; triangles wound outward, one colour (0–1) each.

    A static body gets its pose once; moving it later is allowed and slow.
    """

    name: str
    vertices: Float32[np.ndarray, "vertices 3"]
    triangles: UInt32[np.ndarray, "triangles 3"]
    colors: Float32[np.ndarray, "triangles 3"]
    is_static: bool = False
    skin: Skin | None = None
    """Pictures on the mesh; `colors` are then their means."""


@dataclass(frozen=True, slots=True)
class Hits:
    """The first thing on each ray. `distance_m` counts in lengths of the ray's direction; inf is a miss.

    `triangle` indexes the room's triangles, -1 is a miss; the rest is looked up when asked for, zero at misses.
    """

    distance_m: Float32[np.ndarray, " rays"]
    triangle: Int32[np.ndarray, " rays"]
    room: RayRoom = field(repr=False)

    @property
    def is_hit(self) -> Bool[np.ndarray, " rays"]:
        """Where something was met."""
        return self.triangle >= 0

    @property
    def body_index(self) -> Int32[np.ndarray, " rays"]:
        """Index into the room's bodies, -1 for none."""
        return self.room.triangle_body[self.triangle]

    @property
    def normal_world(self) -> Float32[np.ndarray, "rays 3"]:
        """Outward normal of the surface."""
        return self.room.triangle_normals()[self.triangle]

    @property
    def color(self) -> Float32[np.ndarray, "rays 3"]:
        """Colour of the surface without light."""
        return self.room.triangle_color[self.triangle]


@dataclass(frozen=True, slots=True)
class Shapes:
    """What rays are cast at; `first_triangle` is where each shape's begin in the room."""

    meshes: tuple[RayMesh, ...]
    first_triangle: tuple[int, ...]
    corners: Float[np.ndarray, "shapes 8 3"]
    centers: Float[np.ndarray, "shapes 3"]
    radii_m: Float[np.ndarray, " shapes"]

    def cast(
        self, index: int, origins: Float[np.ndarray, "*origins 3"], directions: Float32[np.ndarray, "rays 3"]
    ) -> tuple[Float32[np.ndarray, " rays"], Int32[np.ndarray, " rays"]]:
        """Distances and triangles (of the room) of rays in a shape's frame that meet it."""
        distance_m, triangle = self.meshes[index].cast(origins, directions)
        first = self.first_triangle[index]
        return distance_m, np.where(triangle >= 0, triangle + np.int32(first), triangle) if first else triangle


class RayRoom:
    """A set of bodies that rays are cast at; `light` is what cameras shade with.

    Bodies stand where their vertices are until they are moved. `memories` is for sensors: what each keeps of this
    room between two looks, gone with the sensor, with the room, or when a static body moves.
    """

    def __init__(self, bodies: Sequence[VisualBody], light: Light | None = None) -> None:
        if not bodies:
            raise ValueError("RayRoom got no bodies, expected at least one. Pass World.visual_bodies().")
        self.bodies = tuple(sorted(bodies, key=lambda body: not body.is_static))
        self.light = light or Light()
        self.memories: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
        self.T_world_body = np.tile(np.eye(4), (len(self.bodies), 1, 1))
        self._index = {body.name: index for index, body in enumerate(self.bodies)}
        self._num_static = sum(body.is_static for body in self.bodies)
        self._shapes: Shapes | None = None
        self._joined: Triangles | None = None
        self._meshes = tuple(RayMesh(body.vertices, body.triangles) for body in self.bodies)
        # One row more than there are triangles: index -1, a miss, finds zeros (body -1) there.
        zero = np.zeros((1, 3), np.float32)
        counts = [len(body.triangles) for body in self.bodies]
        self.triangle_body = np.append(np.repeat(np.arange(len(self.bodies)), counts), -1).astype(np.int32)
        self.triangle_color = np.concatenate([*(body.colors for body in self.bodies), zero])
        self.triangle_albedo = self.triangle_color.mean(axis=1)
        self._skin = join_skins([body.skin for body in self.bodies], counts)
        ends = np.cumsum(counts).tolist()
        self._spans = [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]
        self._normals_world = np.concatenate([*(mesh.normals for mesh in self._meshes), zero])
        self._offsets_m = np.concatenate([*(mesh.offsets_m for mesh in self._meshes), zero[0, :1]])
        self._is_turned = np.zeros(len(self.bodies), bool)
        self._corners_body = np.array([mesh.corners for mesh in self._meshes])
        across = np.linalg.svd(np.array(self.light.toward_light)[None])[2][1:]
        self._light_axes = np.vstack([across, (0.0, 0.0, 1.0)])

    def move(self, poses: Mapping[str, Float[np.ndarray, "4 4"]]) -> None:
        """Set T_world_body of the named bodies; those not named stay."""
        if not poses:
            return
        unknown = [name for name in poses if name not in self._index]
        if unknown:
            known = ", ".join(self._index)
            raise KeyError(f"RayRoom has no body '{unknown[0]}', expected one of: {known}.")
        rows = np.array([self._index[name] for name in poses])
        given = np.array([poses[name] for name in poses])
        is_changed = (self.T_world_body[rows] != given).any(axis=(1, 2))
        self.T_world_body[rows] = given
        self._is_turned[rows] |= is_changed
        if is_changed.any():
            self._joined = None
        if (rows[is_changed] < self._num_static).any():
            self._shapes = None
            self.memories.clear()

    def poses(self) -> dict[str, Float[np.ndarray, "4 4"]]:
        """T_world_body of every body."""
        return dict(zip(self._index, self.T_world_body.copy(), strict=True))

    @property
    def shapes(self) -> Shapes:
        """The static bodies as one, then each of the others."""
        if self._shapes is None:
            num = self._num_static
            meshes = (*([RayMesh(*self._join(num))] if num else []), *self._meshes[num:])
            starts = (*([0] if num else []), *(span.start for span in self._spans[num:]))
            corners, centers = np.array([mesh.corners for mesh in meshes]), np.array([mesh.center for mesh in meshes])
            self._shapes = Shapes(meshes, starts, corners, centers, np.array([mesh.radius_m for mesh in meshes]))
        return self._shapes

    @property
    def T_world_shape(self) -> Float[np.ndarray, "shapes 4 4"]:
        """Where the shapes are."""
        num = self._num_static
        return np.concatenate([np.eye(4)[None], self.T_world_body[num:]]) if num else self.T_world_body

    @property
    def shape_names(self) -> tuple[str, ...]:
        """The body that each shape is, "" for the static ones."""
        return (*([""] if self._num_static else []), *(body.name for body in self.bodies[self._num_static :]))

    def bodies_of(self, is_shape: Bool[np.ndarray, " shapes"]) -> Bool[np.ndarray, " bodies"]:
        """Which bodies those shapes are."""
        num = self._num_static
        return np.concatenate([np.repeat(is_shape[:1], num), is_shape[1:]]) if num else is_shape

    def _all(self) -> Triangles:
        """Everything in one scene, for who cannot say where in it to look; made anew after anything has moved."""
        if self._joined is None:
            self._joined = Triangles(*self._join(len(self.bodies)))
        return self._joined

    def _join(self, num: int) -> tuple[Float32[np.ndarray, "vertices 3"], UInt32[np.ndarray, "triangles 3"]]:
        """The first bodies as one mesh in the world frame."""
        bodies, poses = self.bodies[:num], self.T_world_body[:num].astype(np.float32)
        vertices = [body.vertices @ pose[:3, :3].T + pose[:3, 3] for body, pose in zip(bodies, poses, strict=True)]
        starts = np.cumsum([0, *(len(body.vertices) for body in bodies)])
        triangles = [body.triangles + np.uint32(start) for body, start in zip(bodies, starts, strict=False)]
        return np.concatenate(vertices), np.concatenate(triangles)

    def triangle_normals(self) -> Float32[np.ndarray, "triangles 3"]:
        """Outward normals in the world frame, with a zero row at the end for misses."""
        self._turn_planes()
        return self._normals_world

    def plane_distances(self, point_world: Float[np.ndarray, "3"]) -> Float32[np.ndarray, " triangles"]:
        """Signed distance of a point from every triangle's plane, positive outside; 0 at the end for misses."""
        self._turn_planes()
        return self._normals_world @ point_world.astype(np.float32) - self._offsets_m

    def _turn_planes(self) -> None:
        for index in np.flatnonzero(self._is_turned).tolist():
            span, mesh, pose = self._spans[index], self._meshes[index], self.T_world_body[index].astype(np.float32)
            normals = np.matmul(mesh.normals, pose[:3, :3].T, out=self._normals_world[span])
            np.add(mesh.offsets_m, normals @ pose[:3, 3], out=self._offsets_m[span])
        self._is_turned[:] = False

    @property
    def has_pictures(self) -> bool:
        """Whether any surface bears one."""
        return self._skin is not None

    def paint(
        self,
        shaded: Float32[np.ndarray, "points 3"],
        triangle: Int32[np.ndarray, " points"],
        reach_m: Float32[np.ndarray, " points"],
        eye_world: Float[np.ndarray, "3"],
        directions_world: Float32[np.ndarray, "points 3"],
    ) -> None:
        """Turn shaded mean colours into those of the pictures, in place, where a ray from the eye met one."""
        if self._skin is None:
            return  # nothing bears a picture
        chosen = np.flatnonzero(self._skin.picture[triangle] >= 0)
        if not len(chosen):
            return
        met = triangle[chosen]
        points_world = eye_world.astype(np.float32) + directions_world[chosen] * reach_m[chosen, None]
        points_body = np.empty_like(points_world)
        corners_body = np.empty((len(met), 3, 3), np.float32)
        owner = self.triangle_body[met]
        for index in np.unique(owner).tolist():
            here = np.flatnonzero(owner == index)
            body, pose = self.bodies[index], self.T_world_body[index].astype(np.float32)
            points_body[here] = (points_world[here] - pose[:3, 3]) @ pose[:3, :3]
            corners_body[here] = body.vertices[body.triangles[met[here] - self._spans[index].start]]
        colors = self._skin.sample(met, corner_weights(points_body, corners_body))
        shaded[chosen] *= colors / self.triangle_color[met]

    def cast(
        self, origins_world: Float[np.ndarray, "*origins 3"], directions_world: Float[np.ndarray, "rays 3"]
    ) -> Hits:
        """First hits of rays; directions need not have unit length, origins may be one for all."""
        distance_m, triangle = self._all().cast(origins_world, directions_world.astype(np.float32, copy=False))
        return Hits(distance_m, triangle, self)

    def is_lit(
        self,
        points_world: Float32[np.ndarray, "points 3"],
        owner: Int32[np.ndarray, " points"] | None = None,
        is_asked: Bool[np.ndarray, " bodies"] | None = None,
    ) -> Bool[np.ndarray, " points"]:
        """Whether the key light reaches the points past all bodies, or past those that are asked one by one.

        `owner` is the body on whose lit side each point lies: one without hollows never shades itself there.
        """
        toward = np.array(self.light.toward_light)
        lit = np.ones(len(points_world), bool)
        if is_asked is None:
            return ~self._all().is_in_way(points_world, toward)
        if not len(points_world):
            return lit
        x, y, height_m = self.seen_by_light(points_world)
        lowest_m = height_m.min()
        low, high = self._outlines()
        for index in np.flatnonzero(is_asked).tolist():
            left, front, _ = low[index]
            right, back, top_m = high[index]
            if top_m < lowest_m:
                continue
            # Seen along the light, only what lies within a body's outline and below its top can be in its shadow.
            is_near = (x > left) & (x < right)
            is_near &= y > front
            is_near &= y < back
            is_near &= height_m < top_m
            if owner is not None and self._meshes[index].is_convex:
                is_near &= owner != index
            near = np.flatnonzero(is_near)
            if not len(near):
                continue
            rotation, place = self.T_world_body[index, :3, :3], self.T_world_body[index, :3, 3]
            points_body = (points_world.take(near, axis=0) - place.astype(np.float32)) @ rotation.astype(np.float32)
            lit[near] &= ~self._meshes[index].is_in_way(points_body, toward @ rotation)
        return lit

    def seen_by_light(self, points_world: Float32[np.ndarray, "points 3"]) -> Float32[np.ndarray, "3 points"]:
        """Points as the light sees them: twice across it, and height."""
        return np.ascontiguousarray((points_world @ self._light_axes.astype(np.float32).T).T)

    def is_near_shadow(
        self, seen: Float32[np.ndarray, "3 points"], is_asked: Bool[np.ndarray, " bodies"]
    ) -> Bool[np.ndarray, " points"]:
        """Whether one of the bodies might shade the points, which are as the light sees them."""
        if not is_asked.any():
            return np.zeros(seen.shape[1], bool)
        low, high = self._outlines()
        left, front, _ = low[is_asked].min(axis=0)
        right, back, top_m = high[is_asked].max(axis=0)
        x, y, height_m = seen
        return (height_m < top_m) & (x > left) & (x < right) & (y > front) & (y < back)

    def _outlines(self) -> tuple[Float32[np.ndarray, "bodies 3"], Float32[np.ndarray, "bodies 3"]]:
        """Bounds of each body as the light sees it."""
        turned = self._light_axes @ self.T_world_body[:, :3, :3]
        corners = self._corners_body @ turned.swapaxes(1, 2)
        corners += (self.T_world_body[:, :3, 3] @ self._light_axes.T)[:, None]
        low, high = corners.min(axis=1) - OUTLINE_M, corners.max(axis=1) + OUTLINE_M
        if self.light.toward_light[2] <= 0.0:
            high[:, 2] = np.inf  # light from below passes no top
        return low.astype(np.float32), high.astype(np.float32)
