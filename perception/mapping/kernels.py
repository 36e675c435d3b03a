"""What is done with each voxel of each block that a picture or a sweep concerns. The hot part: compiled.

In:  pools of blocks, the slots that are concerned, and for each slot where its voxels lie in the picture.
Out: the pools, changed in place.

`to_image` holds, for each slot, K T_camera_block as three rows of four: a voxel's column, row and depth are three sums.
The distance to the surface counts in bands, -1 to 1, so that half precision is finest at the surface itself.
Colours are ten bits each in one whole number; bit 30 says that there is one.
"""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from .compiled import Kernel

NEAR_M = 0.01
HAS_COLOR = 1 << 30
TEN_BITS = 1023
SCALE = TEN_BITS / 255.0


def _in_picture(
    to_image: Tensor, first: Tensor, local: Tensor, width: int, height: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Depth of each voxel, whether it lies in the picture, and which pixel it is."""
    x, y, z = local[0], local[1], local[2]
    u = to_image[:, 0:1] * x + to_image[:, 1:2] * y + to_image[:, 2:3] * z + to_image[:, 3:4]
    v = to_image[:, 4:5] * x + to_image[:, 5:6] * y + to_image[:, 6:7] * z + to_image[:, 7:8]
    depth = to_image[:, 8:9] * x + to_image[:, 9:10] * y + to_image[:, 10:11] * z + to_image[:, 11:12]
    inverse = 1.0 / depth
    u, v = u * inverse + 0.5, v * inverse + 0.5  # pixel centres are whole numbers
    is_inside = (depth > NEAR_M) & (u >= 0) & (v >= 0) & (u < width) & (v < height)
    column, row = u.clamp(0, width - 1).to(torch.int32), v.clamp(0, height - 1).to(torch.int32)
    return depth, is_inside, first[:, None] + row * width + column


def _gaps(
    to_image: Tensor, first: Tensor, local: Tensor, depth_m: Tensor, width: int, height: int, band_m: float
) -> tuple[Tensor, Tensor, Tensor]:
    """How far behind each voxel the picture shows something, whether that tells of the voxel, and the pixel."""
    reach_m, is_inside, pixel = _in_picture(to_image, first, local, width, height)
    seen_m = depth_m[pixel]
    gap = seen_m - reach_m
    return gap, is_inside & (seen_m > 0) & (gap > -band_m), pixel


def _weigh(
    geometry: Tensor, slots: Tensor, gap: Tensor, is_measured: Tensor, band_m: float, max_weight: float
) -> tuple[Tensor, Tensor]:
    """The new distances and weights, and which share of them the measurement is."""
    rows = geometry[slots].to(torch.float32)
    old, weight = rows[:, 0], rows[:, 1]
    added = is_measured.to(torch.float32)
    share = added / (weight + 1.0)
    distance = (gap / band_m).clamp(max=1.0)
    mixed = old + share * (distance - old)
    return torch.stack([mixed, (weight + added).clamp(max=max_weight)], dim=1).to(geometry.dtype), share


def _fuse_depth(
    geometry: Annotated[Tensor, "all 2 512"],
    slots: Annotated[Tensor, " blocks"],
    to_image: Annotated[Tensor, "blocks 12"],
    first: Annotated[Tensor, " blocks"],
    local: Annotated[Tensor, "3 512"],
    depth_m: Annotated[Tensor, " pixels"],
    width: int,
    height: int,
    band_m: float,
    max_weight: float,
) -> None:
    gap, is_measured, pixel = _gaps(to_image, first, local, depth_m, width, height, band_m)
    geometry[slots] = _weigh(geometry, slots, gap, is_measured, band_m, max_weight)[0]


def _fuse_depth_and_color(
    geometry: Annotated[Tensor, "all 2 512"],
    colors: Annotated[Tensor, "all 1 512"],
    slots: Annotated[Tensor, " blocks"],
    to_image: Annotated[Tensor, "blocks 12"],
    first: Annotated[Tensor, " blocks"],
    local: Annotated[Tensor, "3 512"],
    depth_m: Annotated[Tensor, " pixels"],
    rgb: Annotated[Tensor, " pixels"],
    width: int,
    height: int,
    band_m: float,
    max_weight: float,
) -> None:
    gap, is_measured, pixel = _gaps(to_image, first, local, depth_m, width, height, band_m)
    mixed, share = _weigh(geometry, slots, gap, is_measured, band_m, max_weight)
    old, new = colors[slots][:, 0], rgb[pixel]
    # The first colour counts wholly, even where a LiDAR had measured the place before.
    share = torch.where((old & HAS_COLOR) > 0, share, is_measured.to(torch.float32))
    color = _mix(old, new, 0, 0, share) | _mix(old, new, 10, 8, share) | _mix(old, new, 20, 16, share)
    has_color = torch.where(is_measured, HAS_COLOR, old & HAS_COLOR)
    geometry[slots] = mixed
    colors[slots] = (color | has_color)[:, None].to(colors.dtype)


def _mix(old: Tensor, new: Tensor, at: int, new_at: int, share: Tensor) -> Tensor:
    before = ((old >> at) & TEN_BITS).to(torch.float32)
    seen = ((new >> new_at) & 255).to(torch.float32) * SCALE
    return (before + share * (seen - before) + 0.5).to(torch.int32) << at


def _carve(
    log_odds: Annotated[Tensor, "all 1 512"],
    slots: Annotated[Tensor, " blocks"],
    to_image: Annotated[Tensor, "blocks 12"],
    first: Annotated[Tensor, " blocks"],
    local: Annotated[Tensor, "3 512"],
    nearest_m: Annotated[Tensor, " cells"],
    is_hit: Annotated[Tensor, "blocks 512"],
    width: int,
    height: int,
    margin_m: float,
    hit: float,
    miss: float,
    least: float,
    most: float,
) -> None:
    reach_m, is_inside, cell = _in_picture(to_image, first, local, width, height)
    is_passed = is_inside & (reach_m + margin_m < nearest_m[cell])
    change = torch.where(is_hit, hit, torch.where(is_passed, miss, 0.0))
    old = log_odds[slots][:, 0].to(torch.float32)
    log_odds[slots] = (old + change).clamp(least, most)[:, None].to(log_odds.dtype)


def _carve_round(
    log_odds: Annotated[Tensor, "all 1 512"],
    slots: Annotated[Tensor, " blocks"],
    to_sensor: Annotated[Tensor, "blocks 12"],
    first: Annotated[Tensor, " blocks"],
    local: Annotated[Tensor, "3 512"],
    nearest_m: Annotated[Tensor, " cells"],
    is_hit: Annotated[Tensor, "blocks 512"],
    width: int,
    height: int,
    margin_m: float,
    hit: float,
    miss: float,
    least: float,
    most: float,
) -> None:
    """As `_carve`, for a picture all around: columns are azimuths, rows elevations."""
    x, y, z = local[0], local[1], local[2]
    ahead = to_sensor[:, 0:1] * x + to_sensor[:, 1:2] * y + to_sensor[:, 2:3] * z + to_sensor[:, 3:4]
    left = to_sensor[:, 4:5] * x + to_sensor[:, 5:6] * y + to_sensor[:, 6:7] * z + to_sensor[:, 7:8]
    up = to_sensor[:, 8:9] * x + to_sensor[:, 9:10] * y + to_sensor[:, 10:11] * z + to_sensor[:, 11:12]
    level = (ahead * ahead + left * left).sqrt()
    reach_m = (level * level + up * up).sqrt()
    column = ((torch.atan2(left, ahead) / (2 * torch.pi) + 0.5) * width).clamp(0, width - 1).to(torch.int32)
    row = ((torch.atan2(up, level) / torch.pi + 0.5) * height).clamp(0, height - 1).to(torch.int32)
    is_passed = reach_m + margin_m < nearest_m[first[:, None] + row * width + column]
    change = torch.where(is_hit, hit, torch.where(is_passed, miss, 0.0))
    old = log_odds[slots][:, 0].to(torch.float32)
    log_odds[slots] = (old + change).clamp(least, most)[:, None].to(log_odds.dtype)


fuse_depth = Kernel(_fuse_depth)
fuse_depth_and_color = Kernel(_fuse_depth_and_color)
carve = Kernel(_carve)
carve_round = Kernel(_carve_round)
