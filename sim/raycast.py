"""What a ray meets: the room's triangles in Open3D's ray casting (Embree).

In:  VisualBody meshes and their poses.
Out: Hits: distance, body, normal and colour of the first thing on each ray.

Embree cannot move geometry, so what moved is transformed and the scene rebuilt at the next cast, in about
half a millisecond per thousand triangles. A second scene costs every ray a second search, which is more than
rebuilding a small one: static bodies get a scene of their own only when they are large.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Int32, UInt32

from .shading import Light
from .textures import Skin, corner_weights, join_skins

LARGE_STATIC_TRIANGLES = 20_000
SLAB_M = 0.3
MISS = np.uint32(0xFFFFFFFF)


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
class Balls:
    """A ball around each body; a slab is a plain static box with two edges of at least 30 cm.

    `reaches_m` is how far the farthest corner is from the origin of the body's own frame.
    """

    centers_world: Float[np.ndarray, "bodies 3"]
    radii_m: Float[np.ndarray, " bodies"]
    reaches_m: Float[np.ndarray, " bodies"]
    is_slab: Bool[np.ndarray, " bodies"]


class _Layer:
    """Bodies that share one Embree scene; rebuilt when stale."""

    def __init__(self, bodies: Sequence[VisualBody], first_triangle: int) -> None:
        starts = np.cumsum([0, *(len(body.vertices) for body in bodies)])
        self.slices = {body.name: slice(starts[i], starts[i + 1]) for i, body in enumerate(bodies)}
        self.vertices_world = np.concatenate([body.vertices for body in bodies]).astype(np.float32)
        self.triangles = np.concatenate(
            [body.triangles + np.uint32(start) for body, start in zip(bodies, starts, strict=False)]
        )
        self.first_triangle = first_triangle
        self.scene: Any = None

    def refresh(self) -> None:
        """Rebuild the scene if something moved."""
        if self.scene is not None:
            return
        import open3d  # Heavy: 0.7 s, needed first here.

        self.scene = open3d.t.geometry.RaycastingScene(1)
        self.scene.add_triangles(_tensor(self.vertices_world), _tensor(self.triangles))


class RayRoom:
    """A set of bodies that rays are cast at, on one thread; `light` is what cameras shade with."""

    def __init__(self, bodies: Sequence[VisualBody], light: Light | None = None) -> None:
        if not bodies:
            raise ValueError("RayRoom got no bodies, expected at least one. Pass World.visual_bodies().")
        static = [body for body in bodies if body.is_static]
        moving = [body for body in bodies if not body.is_static]
        num_static = sum(len(body.triangles) for body in static)
        groups = [static, moving] if num_static > LARGE_STATIC_TRIANGLES and moving else [[*static, *moving]]
        ordered = [body for group in groups for body in group]
        self.bodies = tuple(ordered)
        self.light = light or Light()
        self._rest = {body.name: body.vertices for body in ordered}
        self._poses: dict[str, Float[np.ndarray, "4 4"]] = {}
        self._layers: list[_Layer] = []
        first = 0
        for group in groups:
            self._layers.append(_Layer(group, first))
            first += sum(len(body.triangles) for body in group)
        # One row more than there are triangles: index -1, a miss, finds zeros (body -1) there.
        counts = [len(body.triangles) for body in ordered]
        self.triangle_body = np.append(np.repeat(np.arange(len(ordered)), counts), -1).astype(np.int32)
        self.triangle_color = np.concatenate([*(body.colors for body in ordered), np.zeros((1, 3), np.float32)])
        self.triangle_albedo = self.triangle_color.mean(axis=1)
        self._balls = [_ball(body) for body in ordered]
        self._skin = join_skins([body.skin for body in ordered], counts)
        ends = np.cumsum(counts)
        self._spans = {b.name: slice(e - n, e) for b, e, n in zip(ordered, ends.tolist(), counts, strict=True)}
        planes = [_planes(body) for body in ordered]
        self._rest_planes = dict(zip(self._rest, planes, strict=True))
        self._normals = np.concatenate([*(normals for normals, _ in planes), np.zeros((1, 3), np.float32)])
        self._offsets_m = np.concatenate([*(offsets for _, offsets in planes), np.zeros(1, np.float32)])

    def move(self, poses: Mapping[str, Float[np.ndarray, "4 4"]]) -> None:
        """Set T_world_body of the named bodies; those not named stay (at first: where their vertices are).

        Only what changed is transformed.
        """
        for name, T_world_body in poses.items():
            rest = self._rest.get(name)
            if rest is None:
                known = ", ".join(self._rest)
                raise KeyError(f"RayRoom has no body '{name}', expected one of: {known}.")
            before = self._poses.get(name)
            if before is not None and np.array_equal(before, T_world_body):
                continue
            self._poses[name] = np.array(T_world_body)
            layer = next(layer for layer in self._layers if name in layer.slices)
            rotation, place = T_world_body[:3, :3].astype(np.float32), T_world_body[:3, 3].astype(np.float32)
            layer.vertices_world[layer.slices[name]] = rest @ rotation.T + place
            layer.scene = None
            rest_normals, rest_offsets_m = self._rest_planes[name]
            span = self._spans[name]
            self._normals[span] = normals = rest_normals @ rotation.T
            self._offsets_m[span] = rest_offsets_m + normals @ place

    def triangle_normals(self) -> Float32[np.ndarray, "triangles 3"]:
        """Outward normals in the world frame, with a zero row at the end for misses."""
        return self._normals

    def plane_distances(self, point_world: Float[np.ndarray, "3"]) -> Float32[np.ndarray, " triangles"]:
        """Signed distance of a point from every triangle's plane, positive outside; 0 at the end for misses."""
        return self._normals @ point_world.astype(np.float32) - self._offsets_m

    def balls(self) -> Balls:
        """A ball around each body where it is now, in the order of `bodies`."""
        centers = np.array([center for center, *_ in self._balls])
        for index, body in enumerate(self.bodies):
            pose = self._poses.get(body.name)
            if pose is not None:
                centers[index] = pose[:3, :3] @ centers[index] + pose[:3, 3]
        radii_m, reaches_m, is_slab = (np.array([ball[k] for ball in self._balls]) for k in (1, 2, 3))
        return Balls(centers, radii_m, reaches_m, is_slab)

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
        corners = np.empty((len(met), 3, 3), np.float32)
        for layer in self._layers:
            here = np.flatnonzero((met >= layer.first_triangle) & (met < layer.first_triangle + len(layer.triangles)))
            corners[here] = layer.vertices_world[layer.triangles[met[here] - layer.first_triangle]]
        colors = self._skin.sample(met, corner_weights(points_world, corners))
        shaded[chosen] *= colors / self.triangle_color[met]

    def cast(
        self, origins_world: Float[np.ndarray, "*origins 3"], directions_world: Float[np.ndarray, "rays 3"]
    ) -> Hits:
        """First hits of rays; directions need not have unit length, origins may be one for all."""
        rays = np.empty((len(directions_world), 6), np.float32)
        rays[:, :3] = origins_world
        rays[:, 3:] = directions_world
        return self.cast_rays(rays)

    def cast_rays(self, rays_world: Float32[np.ndarray, "rays 6"]) -> Hits:
        """First hits of rays (origin, direction)."""
        nearest_m, nearest = None, None
        for layer in self._layers:
            distance_m, triangle = self._cast_layer(layer, rays_world)
            if nearest_m is None or nearest is None:
                nearest_m, nearest = distance_m, triangle
            else:
                is_nearer = distance_m < nearest_m
                nearest_m = np.where(is_nearer, distance_m, nearest_m)
                nearest = np.where(is_nearer, triangle, nearest)
        assert nearest_m is not None
        assert nearest is not None
        return Hits(nearest_m, nearest, self)

    def is_lit(self, points_world: Float32[np.ndarray, "points 3"]) -> Bool[np.ndarray, " points"]:
        """Whether the key light reaches the points."""
        rays = np.empty((len(points_world), 6), np.float32)
        rays[:, :3] = points_world
        rays[:, 3:] = self.light.toward_light
        lit = np.ones(len(rays), bool)
        for layer in self._layers:
            layer.refresh()
            # Starting 1 mm off the surface keeps a triangle from shadowing itself.
            blocked = layer.scene.test_occlusions(_tensor(rays), tnear=1e-3, nthreads=1)
            lit &= ~blocked.numpy()
        return lit

    def _cast_layer(
        self, layer: _Layer, rays_world: Float32[np.ndarray, "rays 6"]
    ) -> tuple[Float32[np.ndarray, " rays"], Int32[np.ndarray, " rays"]]:
        layer.refresh()
        answer = layer.scene.cast_rays(_tensor(rays_world), nthreads=1)
        primitive = answer["primitive_ids"].numpy()
        triangle = primitive.view(np.int32)  # MISS becomes -1
        if layer.first_triangle:
            triangle = np.where(primitive == MISS, np.int32(-1), triangle + np.int32(layer.first_triangle))
        return answer["t_hit"].numpy(), triangle


def _planes(body: VisualBody) -> tuple[Float32[np.ndarray, "triangles 3"], Float32[np.ndarray, " triangles"]]:
    """Outward normals in the body's frame, and how far along them each triangle's plane lies."""
    a, b, c = (body.vertices[body.triangles[:, k]].astype(float) for k in range(3))
    normals = np.cross(b - a, c - a)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)
    return normals.astype(np.float32), np.einsum("ij,ij->i", normals, a).astype(np.float32)


def _ball(body: VisualBody) -> tuple[Float[np.ndarray, "3"], float, float, bool]:
    """Centre and radius in the body's frame, reach from its origin, whether it is a slab."""
    low, high = body.vertices.min(axis=0).astype(float), body.vertices.max(axis=0).astype(float)
    center = (low + high) / 2
    radius_m = float(np.sqrt(np.square(body.vertices - center).sum(axis=1).max()))
    is_slab = body.is_static and len(body.triangles) <= 12 and float(np.sort(high - low)[1]) >= SLAB_M
    reach_m = float(np.sqrt(np.square(body.vertices).sum(axis=1).max()))
    return center, radius_m, reach_m, is_slab


def _tensor(array: np.ndarray) -> Any:
    import open3d

    return open3d.core.Tensor.from_numpy(array)  # shares the memory
