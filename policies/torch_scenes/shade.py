"""Light and shadow on what cameras see; the same light as in sim/shading.py.

In:  Placed parts, Hits, Views, Lights.
Out: colours, 0–1.

Shadows: seen along the light everything lies in cells of 3 cm; a point asks the parts of its own cell only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from .bodies import Placed, repeat_ranges
from .trace import FACES_PER_PART, Hits, Views

BACKGROUND = (0.80, 0.82, 0.84)
CELL_M = 0.03
LOW_M = -1.2  # where the cells start along x and y; what is shaded outside them is far from everything
NUM_CELLS = 100  # along each
START_M = 1e-3  # off the surface, which must not shadow itself
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Lights:
    """One key light for each scene and light from all around; `toward_light` points from the scene to it."""

    toward_light: Annotated[Tensor, "scenes 3"]
    key: Annotated[Tensor, " scenes"]
    ambient: Annotated[Tensor, " scenes"]
    tint: Annotated[Tensor, "scenes 3"]


@dataclass(frozen=True, slots=True)
class Surfaces:
    """What is seen, for pixels that see something: `pixel` counts all views' pixels in a row."""

    pixel: Annotated[Tensor, " seen"]
    scene: Annotated[Tensor, " seen"]
    points_world: Annotated[Tensor, "seen 3"]
    normals_world: Annotated[Tensor, "seen 3"]
    colors: Annotated[Tensor, "seen 3"]
    body: Annotated[Tensor, " seen"]


def surfaces_of(
    placed: Sequence[Placed], hits: Hits, views: Views, directions_sensor: Annotated[Tensor, "rays 3"]
) -> Surfaces:
    """Point, normal and colour of what each ray met."""
    num_pixels = hits.distance_m.shape[1]
    pixel = torch.nonzero(hits.face.ravel() >= 0)[:, 0]
    view = pixel // num_pixels
    face = hits.face.ravel()[pixel]
    part, plane = face // FACES_PER_PART, face % FACES_PER_PART
    normals = torch.zeros(len(pixel), 3, device=pixel.device)
    colors, body = torch.zeros_like(normals), torch.zeros_like(part)
    first = 0
    for parts in placed:
        here = torch.nonzero((part >= first) & (part < first + len(parts.scene)))[:, 0]
        normals[here] = parts.shading[part[here] - first, plane[here]]
        colors[here], body[here] = parts.colors[part[here] - first], parts.body[part[here] - first]
        first += len(parts.scene)
    reach = directions_sensor[pixel % num_pixels] * hits.distance_m.ravel()[pixel, None]
    points = torch.einsum("pij,pj->pi", views.R_world_sensor[view], reach) + views.eyes_world[view]
    return Surfaces(pixel, views.scene[view], points, normals, colors, body)


def shade(placed: Sequence[Placed], seen: Surfaces, lights: Lights, num_pixels: int) -> Annotated[Tensor, "pixels 3"]:
    """Colour of every pixel of all views in a row."""
    toward = lights.toward_light[seen.scene]
    facing = (seen.normals_world * toward).sum(dim=1).clamp_min(0.0)
    lit = torch.zeros_like(facing)
    asked = torch.nonzero(facing > 0)[:, 0]
    lit[asked] = _is_lit(placed, seen.points_world[asked], seen.scene[asked], lights).to(lit.dtype)
    sky = lights.ambient[seen.scene] * (0.8 + 0.2 * seen.normals_world[:, 2])
    strength = sky + lights.key[seen.scene] * facing * lit
    colors = torch.tensor(BACKGROUND, device=facing.device).repeat(num_pixels, 1)
    colors[seen.pixel] = seen.colors * lights.tint[seen.scene] * strength[:, None]
    return colors


def _is_lit(
    placed: Sequence[Placed],
    points_world: Annotated[Tensor, "points 3"],
    scene: Annotated[Tensor, " points"],
    lights: Lights,
) -> Annotated[Tensor, " points"]:
    toward = lights.toward_light
    slope = toward[:, :2] / toward[:, 2:]
    flat = points_world[:, :2] - points_world[:, 2:] * slope[scene]
    at = ((flat - LOW_M) / CELL_M).floor().long()
    is_near = ((at >= 0) & (at < NUM_CELLS)).all(dim=1)
    cell = (scene * NUM_CELLS + at[:, 0].clamp(0, NUM_CELLS - 1)) * NUM_CELLS + at[:, 1].clamp(0, NUM_CELLS - 1)
    lit = torch.ones(len(points_world), dtype=torch.bool, device=points_world.device)
    for parts in placed:
        first, count, part = _parts_by_cell(parts, toward, slope)
        asked, place = repeat_ranges(first[cell], count[cell] * is_near)
        # The light comes from above: what ends below a point takes none from it.
        is_above = parts.corners_world[:, :, 2].amax(dim=1)[part[place]] > points_world[asked, 2] + START_M / 2
        asked, place = asked[is_above], place[is_above]
        step = max(1, CHUNK // parts.offsets.shape[1])
        for start in range(0, len(asked), step):
            point, blocker = asked[start : start + step], part[place[start : start + step]]
            normals = parts.normals[blocker]
            along = torch.einsum("pni,pi->pn", normals, toward[scene[point]])
            left = parts.offsets[blocker] - torch.einsum("pni,pi->pn", normals, points_world[point])
            crossing = left / torch.where(along == 0, 1e-12, along)
            enter = torch.where(along < 0, crossing, -torch.inf).amax(dim=1)
            leave = torch.where(along > 0, crossing, torch.inf).amin(dim=1)
            is_beside = ((along == 0) & (left < 0)).any(dim=1)
            is_blocked = (torch.maximum(enter, enter.new_tensor(START_M)) < leave) & ~is_beside
            lit[point[is_blocked]] = False
    return lit


def _parts_by_cell(
    parts: Placed, toward: Annotated[Tensor, "scenes 3"], slope: Annotated[Tensor, "scenes 2"]
) -> tuple[Tensor, Tensor, Tensor]:
    """For each cell of each scene the first and the number of its entries, and the entries: parts over it."""
    flat = parts.corners_world[:, :, :2] - parts.corners_world[:, :, 2:] * slope[parts.scene][:, None]
    low = ((flat.amin(dim=1) - LOW_M) / CELL_M).floor().clamp(0, NUM_CELLS).long()
    high = ((flat.amax(dim=1) - LOW_M) / CELL_M).floor().clamp(-1, NUM_CELLS - 1).long()
    size = (high - low + 1).clamp_min(0)
    # Of something solid the side towards the light is enough.
    faces = torch.einsum("pi,pi->p", parts.normals[:, 0], toward[parts.scene]) > 0
    num = torch.where(~parts.is_solid | faces, size[:, 0] * size[:, 1], 0)
    part, place = repeat_ranges(torch.zeros_like(num), num)
    across = size[part, 1].clamp_min(1)
    x, y = low[part, 0] + place // across, low[part, 1] + place % across
    cell = (parts.scene[part] * NUM_CELLS + x) * NUM_CELLS + y
    order = torch.argsort(cell, stable=True)
    count = torch.bincount(cell, minlength=len(toward) * NUM_CELLS * NUM_CELLS)
    return torch.cumsum(count, 0) - count, count, part[order]
