"""Which way a sensor's rays go, and which of them may meet a part.

In:  corners of parts in the sensor's frame.
Out: tiles of 4×4 rays: a camera's pixels, or the columns and rings of a LiDAR that spins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Protocol, runtime_checkable

import torch
from torch import Tensor

from .bodies import repeat_ranges

TILE = 4
NEAR_M = 0.01


@runtime_checkable
class Rays(Protocol):
    """A grid of rays from one point."""

    @property
    def width(self) -> int:
        """Columns, a multiple of 4."""
        ...

    @property
    def height(self) -> int:
        """Rows, a multiple of 4."""
        ...

    def directions(self, device: torch.device | str) -> Annotated[Tensor, "height width 3"]:
        """In the sensor's frame."""
        ...

    def tiles(self, corners_camera: Annotated[Tensor, "parts 8 3"]) -> tuple[Tensor, Tensor]:
        """Which part, which tile (row by row), for every tile that may meet a part."""
        ...


@dataclass(frozen=True, slots=True)
class Pinhole:
    """A camera with square pixels; pixel centres at integer coordinates. Both sizes are multiples of 4."""

    width: int
    height: int
    focal: float
    cx: float
    cy: float

    def directions(self, device: torch.device | str) -> Annotated[Tensor, "height width 3"]:
        """Through the pixel centres, camera frame, z = 1: distance along them is depth."""
        u = (torch.arange(self.width, device=device, dtype=torch.float32) - self.cx) / self.focal
        v = (torch.arange(self.height, device=device, dtype=torch.float32) - self.cy) / self.focal
        x, y = u.expand(self.height, -1), v[:, None].expand(-1, self.width)
        return torch.stack([x, y, torch.ones_like(x)], dim=-1)

    def tiles(self, corners_camera: Annotated[Tensor, "parts 8 3"]) -> tuple[Tensor, Tensor]:
        """The tiles that each part's corners span: which part, which tile."""
        z = corners_camera[:, :, 2]
        is_ahead = (z.amax(dim=1) > NEAR_M) & _may_be_seen(corners_camera, self)
        # What reaches behind the camera may be seen anywhere.
        is_around = z.amin(dim=1) < NEAR_M
        ahead = z.clamp_min(NEAR_M)
        u = corners_camera[:, :, 0] / ahead * self.focal + self.cx
        v = corners_camera[:, :, 1] / ahead * self.focal + self.cy
        columns, rows = _span(u, self.width // TILE, is_around), _span(v, self.height // TILE, is_around)
        return tiles_in(columns, rows, is_ahead, self.width // TILE)


@dataclass(frozen=True, slots=True)
class Beams:
    """A spinning LiDAR, one row for each ring: `azimuth_rad` from, up to and without; `elevation_rad` both included."""

    width: int
    height: int
    azimuth_rad: tuple[float, float]
    elevation_rad: tuple[float, float]

    def directions(self, device: torch.device | str) -> Annotated[Tensor, "rings columns 3"]:
        """Unit directions; z is the spin axis."""
        low, high = self.azimuth_rad
        step = (high - low) / self.width
        azimuth = low + step * torch.arange(self.width, device=device, dtype=torch.float64)
        elevation = torch.linspace(*self.elevation_rad, self.height, device=device, dtype=torch.float64)[:, None]
        x, y = azimuth.cos() * elevation.cos(), azimuth.sin() * elevation.cos()
        return torch.stack([x, y, elevation.sin().expand_as(x)], dim=-1).float()

    def tiles(self, corners_camera: Annotated[Tensor, "parts 8 3"]) -> tuple[Tensor, Tensor]:
        """By a ball around each part."""
        low, high = corners_camera.amin(dim=1), corners_camera.amax(dim=1)
        middle = (low + high) / 2
        radius = (corners_camera - middle[:, None]).norm(dim=2).amax(dim=1)
        distance = middle.norm(dim=1).clamp_min(1e-9)
        elevation = (middle[:, 2] / distance).clamp(-1, 1).asin()
        reach = (radius / distance).clamp(0, 1).asin()
        is_around = (distance <= radius) | (elevation.abs() + reach >= math.pi / 2 - 1e-3)
        half_width = (reach.sin() / elevation.cos().clamp_min(1e-9)).clamp(0, 1).asin()
        azimuth = torch.atan2(middle[:, 1], middle[:, 0])
        per_column = self.width / (self.azimuth_rad[1] - self.azimuth_rad[0])
        per_ring = (self.height - 1) / max(self.elevation_rad[1] - self.elevation_rad[0], 1e-9)
        ring = (elevation - self.elevation_rad[0]) * per_ring
        rows = _span(torch.stack([ring - reach * per_ring, ring + reach * per_ring], 1), self.height // TILE, is_around)
        found: list[tuple[Tensor, Tensor]] = []
        # Once around to both sides: a window may lie across the seam.
        for turn in (-2 * math.pi, 0.0, 2 * math.pi):
            column = (azimuth + turn - self.azimuth_rad[0]) * per_column
            ends = torch.stack([column - half_width * per_column, column + half_width * per_column], 1)
            columns = _span(ends, self.width // TILE, is_around)
            found.append(
                tiles_in(columns, rows, ~is_around if turn else torch.ones_like(is_around), self.width // TILE)
            )
        return torch.cat([pair for pair, _ in found]), torch.cat([tile for _, tile in found])


def tiles_in(
    columns: tuple[Tensor, Tensor], rows: tuple[Tensor, Tensor], is_seen: Annotated[Tensor, " parts"], num_columns: int
) -> tuple[Tensor, Tensor]:
    """Every tile from the first to the last column and row of each part: which part, which tile."""
    width = torch.where(is_seen, (columns[1] - columns[0] + 1).clamp_min(0), 0)
    height = (rows[1] - rows[0] + 1).clamp_min(0)
    part, place = repeat_ranges(torch.zeros_like(width), width * height)
    across = width[part].clamp_min(1)
    return part, (rows[0][part] + place // across) * num_columns + columns[0][part] + place % across


def _may_be_seen(corners_camera: Annotated[Tensor, "parts 8 3"], pinhole: Pinhole) -> Annotated[Tensor, " parts"]:
    """Not those that lie beyond one side of the picture, which holds behind the camera too."""
    x, y, z = corners_camera.unbind(dim=2)
    is_seen = torch.ones(len(x), dtype=torch.bool, device=x.device)
    for across, center, size in ((x, pinhole.cx, pinhole.width), (y, pinhole.cy, pinhole.height)):
        is_seen &= (across * pinhole.focal + (center + 0.5) * z).amax(dim=1) >= 0
        is_seen &= (across * pinhole.focal - (size - 0.5 - center) * z).amin(dim=1) <= 0
    return is_seen


def _span(
    pixels: Annotated[Tensor, "parts ends"], num: int, is_around: Annotated[Tensor, " parts"]
) -> tuple[Tensor, Tensor]:
    """First and last tile, within the picture; the last before the first where it is outside."""
    low = ((pixels.amin(dim=1) - 0.01).ceil() / TILE).floor().clamp(0, num)
    high = ((pixels.amax(dim=1) + 0.01).floor() / TILE).floor().clamp(-1, num - 1)
    return torch.where(is_around, 0.0, low).long(), torch.where(is_around, num - 1.0, high).long()
