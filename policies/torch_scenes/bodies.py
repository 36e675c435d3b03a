"""Bodies standing in scenes become planes in the world.

In:  Shapes; Bodies of a batch of scenes.
Out: one Placed for each bucket: every part of every body, with the scene that it stands in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from .shapes import Bucket, Shapes


@dataclass(frozen=True, slots=True)
class Bodies:
    """Bodies of a batch of scenes, in any order. `scales` stretches a shape along its own axes."""

    scene: Annotated[Tensor, " bodies"]
    kind: Annotated[Tensor, " bodies"]
    positions_world: Annotated[Tensor, "bodies 3"]
    quats_xyzw: Annotated[Tensor, "bodies 4"]
    scales: Annotated[Tensor, "bodies 3"]
    colors: Annotated[Tensor, "bodies 3"]


@dataclass(frozen=True, slots=True)
class Placed:
    """Parts in the world: `normals · x ≤ offsets` inside."""

    scene: Annotated[Tensor, " parts"]
    normals: Annotated[Tensor, "parts planes 3"]
    offsets: Annotated[Tensor, "parts planes"]
    shading: Annotated[Tensor, "parts planes 3"]
    corners_world: Annotated[Tensor, "parts 8 3"]
    colors: Annotated[Tensor, "parts 3"]
    is_solid: Annotated[Tensor, " parts"]
    body: Annotated[Tensor, " parts"]


def place_parts(shapes: Shapes, bodies: Bodies) -> list[Placed]:
    """Every part of every body where it stands."""
    rotations = rotations_of(bodies.quats_xyzw)
    return [_place(bucket, bodies, rotations) for bucket in shapes.buckets]


def rotations_of(quats_xyzw: Annotated[Tensor, "*batch 4"]) -> Annotated[Tensor, "*batch 3 3"]:
    """Rotation matrices of unit quaternions."""
    x, y, z, w = quats_xyzw.unbind(-1)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    )
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def repeat_ranges(first: Annotated[Tensor, " n"], count: Annotated[Tensor, " n"]) -> tuple[Tensor, Tensor]:
    """For each i the numbers from first[i] on, count[i] of them: which i, and the number."""
    owner = torch.repeat_interleave(torch.arange(len(count), device=count.device), count)
    starts = torch.cumsum(count, 0) - count
    return owner, first[owner] + torch.arange(len(owner), device=count.device) - starts[owner]


def _place(bucket: Bucket, bodies: Bodies, rotations: Annotated[Tensor, "bodies 3 3"]) -> Placed:
    body, part = repeat_ranges(bucket.first[bodies.kind], bucket.count[bodies.kind])
    to_world, scale, position = rotations[body], bodies.scales[body], bodies.positions_world[body]
    normals = (bucket.normals[part] / scale[:, None]) @ to_world.transpose(1, 2)
    shading = (bucket.shading[part] / scale[:, None]) @ to_world.transpose(1, 2)
    shading = shading / shading.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    offsets = bucket.offsets[part] + (normals @ position[:, :, None])[:, :, 0]
    corners = (bucket.corners[part] * scale[:, None]) @ to_world.transpose(1, 2) + position[:, None]
    own = bucket.colors[part]
    colors = torch.where(own.isnan(), bodies.colors[body], own)
    return Placed(bodies.scene[body], normals, offsets, shading, corners, colors, bucket.is_solid[part], body)
