"""What the rays of many views meet.

In:  Placed parts, Views (poses) of one sensor, its Rays.
Out: Hits: how far along each ray (of a camera: the depth), and the face (part and plane) that it meets.

A ray is inside a convex part from the last plane it enters to the first it leaves. Each part is worked out only
for the tiles of 4×4 rays that may meet it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from .bodies import Placed, repeat_ranges
from .rays import NEAR_M, TILE, Rays

FACES_PER_PART = 32
CHUNK = 1 << 22  # numbers in one array


@dataclass(frozen=True, slots=True)
class Views:
    """Where is looked from, and at which scene."""

    scene: Annotated[Tensor, " views"]
    eyes_world: Annotated[Tensor, "views 3"]
    R_world_sensor: Annotated[Tensor, "views 3 3"]


@dataclass(frozen=True, slots=True)
class Hits:
    """`face` numbers all buckets' parts in a row, 32 planes each; -1 is a miss, its distance infinite."""

    distance_m: Annotated[Tensor, "views rays"]
    face: Annotated[Tensor, "views rays"]


def look(placed: Sequence[Placed], views: Views, rays: Rays) -> Hits:
    """The first thing that each ray of each view meets; distances count in lengths of the ray's direction."""
    device = views.eyes_world.device
    num_views, num_rays = len(views.scene), rays.height * rays.width
    directions = rays.directions(device).reshape(-1, 3)
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    first_face = 0
    for parts in placed:
        found += _meet_bucket(parts, views, rays, directions, first_face)
        first_face += FACES_PER_PART * len(parts.scene)
    ray, distance_m, face = (torch.cat([f[k] for f in found]) for k in range(3))
    nearest = torch.full((num_views * num_rays,), torch.inf, device=device)
    nearest.scatter_reduce_(0, ray, distance_m, "amin")
    is_first = distance_m == nearest[ray]
    faces = torch.full((num_views * num_rays,), -1, dtype=torch.long, device=device)
    faces.scatter_reduce_(0, ray[is_first], face[is_first], "amax")
    return Hits(nearest.reshape(num_views, -1), faces.reshape(num_views, -1))


def _meet_bucket(
    parts: Placed, views: Views, rays: Rays, directions: Annotated[Tensor, "rays 3"], first_face: int
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Ray (of all views in a row), distance and face of every meeting."""
    view, part = _pair_up(views.scene, parts.scene)
    eye = views.eyes_world[view]
    offsets = parts.offsets[part] - (parts.normals[part] @ eye[:, :, None])[:, :, 0]
    # A thin triangle of something solid that turns its back is hidden behind its front.
    keep = torch.nonzero(~parts.is_solid[part] | (offsets[:, 0] < 0))[:, 0]
    view, part, eye, offsets = view[keep], part[keep], eye[keep], offsets[keep]
    R_world_sensor = views.R_world_sensor[view]
    pair, tile = rays.tiles((parts.corners_world[part] - eye[:, None]) @ R_world_sensor)
    normals = parts.normals[part] @ R_world_sensor
    offset_in_tile = torch.arange(TILE, device=tile.device)
    inside_tile = (offset_in_tile[:, None] * rays.width + offset_in_tile).ravel()
    columns = rays.width // TILE
    corner = (tile // columns) * TILE * rays.width + (tile % columns) * TILE
    step = max(1, CHUNK // (TILE * TILE * normals.shape[1]))
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for start in range(0, len(pair), step):
        some = pair[start : start + step]
        ray = corner[start : start + step, None] + inside_tile
        along = directions[ray] @ normals[some].transpose(1, 2)
        distance_m, plane = first_entry(along, offsets[some][:, None])
        row, column = torch.nonzero(distance_m < torch.inf, as_tuple=True)
        face = first_face + FACES_PER_PART * part[some][row] + plane[row, column]
        found.append((view[some][row] * len(directions) + ray[row, column], distance_m[row, column], face))
    return found


def first_entry(
    along: Annotated[Tensor, "pairs rays planes"], offsets: Annotated[Tensor, "pairs one planes"]
) -> tuple[Annotated[Tensor, "pairs rays"], Annotated[Tensor, "pairs rays"]]:
    """Where rays from the origin come into parts (inf: they do not) and through which plane.

    `along` is each plane's normal times the ray's direction. Rays that begin inside meet nothing.
    """
    crossing = offsets / torch.where(along == 0, 1e-12, along)
    enter, plane = torch.where(along < 0, crossing, -torch.inf).max(dim=2)
    leave = torch.where(along > 0, crossing, torch.inf).amin(dim=2)
    # Along a plane: outside of it for ever, or inside.
    is_beside = ((along == 0) & (offsets < 0)).any(dim=2)
    is_met = (enter <= leave) & (enter > NEAR_M) & ~is_beside
    return torch.where(is_met, enter, torch.inf), plane


def _pair_up(view_scene: Annotated[Tensor, " views"], part_scene: Annotated[Tensor, " parts"]) -> tuple[Tensor, Tensor]:
    """Every view with every part of its scene; parts in any order."""
    order = torch.argsort(part_scene, stable=True)
    num_scenes = int(view_scene.max()) + 1 if len(view_scene) else 0
    count = torch.bincount(part_scene, minlength=num_scenes)
    first = torch.cumsum(count, 0) - count
    view, place = repeat_ranges(first[view_scene], count[view_scene])
    return view, order[place]
