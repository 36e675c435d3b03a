"""The surface: signed distances to it and its colour, in blocks near what was measured.

In:  cleaned depth pictures and sweeps, for each robot the row it writes to and where that row's frame is.
Out: blocks with distance, weight and colour (Curless and Levoy, 1996; Nießner et al., "Voxel Hashing", 2013).

A picture changes every voxel of a block that it can see; a sweep only voxels in the band along its rays, since
between two rings it knows nothing.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor

from .blocks import EDGE, VOXELS, Blocks, block_keys, distinct, robots_of, split_keys, split_voxels, voxel_centers
from .config import MapConfig
from .kernels import HAS_COLOR, TEN_BITS, fuse_depth, fuse_depth_and_color
from .measurements import DepthPictures, PointSweep, inverse
from .rays import picture_points


class Surface:
    """Distances of many rows; `geometry` is distance (in bands) and weight."""

    def __init__(self, config: MapConfig, device: torch.device | str) -> None:
        self.config = config
        pools = {"geometry": (2, torch.float16), "color": (1, torch.int32)}
        self.blocks = Blocks(config.max_blocks, pools, device)
        self.block_m = EDGE * config.voxel_m
        self.local = voxel_centers(config.voxel_m, device)

    def add_pictures(
        self,
        pictures: DepthPictures,
        row: Annotated[Tensor, " robots"],
        T_row_camera: Annotated[Tensor, "robots 4 4"],
    ) -> Annotated[Tensor, ""]:
        """Take pictures in; how many blocks found no room."""
        _, height, width = pictures.depth_m.shape
        ends, robot = picture_points(pictures, T_row_camera, self.config.pixel_stride, self.config.camera_range_m[1])
        origin = T_row_camera[:, :3, 3].to(torch.float32)[robot]
        slots, keys, num_left_out = self._make_room(origin, ends, row[robot])
        if not len(slots):
            return num_left_out
        owner, cell = split_keys(keys)
        of_block = robots_of(owner, row)
        to_image = to_image_of(pictures.K, T_row_camera)[of_block]
        to_image = at_blocks(to_image, cell, self.block_m)
        first = (of_block * (width * height)).to(torch.int32)
        depth_m = pictures.depth_m.flatten()
        pools, config = self.blocks.pools, self.config
        place = (slots, to_image, first, self.local, depth_m)
        ends_with = (width, height, config.band_m, config.max_weight)
        if pictures.rgb is None:
            fuse_depth(pools["geometry"], *place, *ends_with, is_compiled=config.is_compiled)
        else:
            rgb = pack_rgb(pictures.rgb)
            fuse_depth_and_color(
                pools["geometry"], pools["color"], *place, rgb, *ends_with, is_compiled=config.is_compiled
            )
        return num_left_out

    def add_points(
        self, sweep: PointSweep, row: Annotated[Tensor, " robots"], T_row_sensor: Annotated[Tensor, "robots 4 4"]
    ) -> Annotated[Tensor, ""]:
        """Take a sweep in; how many blocks found no room."""
        ends, robot = sweep.ends(T_row_sensor, self.config.lidar_range_m[1])
        origin, owner = T_row_sensor.to(torch.float32)[robot, :3, 3], row[robot]
        slots, keys, num_left_out = self._make_room(origin, ends, owner)
        if not len(slots):
            return num_left_out
        config = self.config
        toward = torch.nn.functional.normalize(ends - origin, dim=1)
        # A sample for each voxel that the ray passes in the band.
        steps = torch.arange(-config.band_voxels, config.band_voxels + 1.0, device=ends.device) * config.voxel_m
        samples = ends[:, None] + steps[:, None] * toward[:, None]
        voxel = torch.floor(samples / config.voxel_m)
        gap = ((ends[:, None] - (voxel + 0.5) * config.voxel_m) * toward[:, None]).sum(dim=2)
        cell, inner = split_voxels(voxel.long())
        of_sample = block_keys(owner[:, None], cell).flatten()
        block = torch.searchsorted(keys, of_sample).clamp_max(len(keys) - 1)
        at = block * VOXELS + inner.flatten()
        is_kept = (of_sample == keys[block]) & (gap.abs() <= config.band_m).flatten()
        sums = torch.zeros(2, len(keys) * VOXELS, device=ends.device)
        sums[0].index_add_(0, at, torch.where(is_kept, gap.flatten() / config.band_m, 0.0))
        sums[1].index_add_(0, at, is_kept.to(torch.float32))
        self._blend(slots, sums.view(2, -1, VOXELS))
        return num_left_out

    def _blend(self, slots: Annotated[Tensor, " blocks"], sums: Annotated[Tensor, "2 blocks 512"]) -> None:
        geometry = self.blocks.pools["geometry"]
        rows = geometry[slots].to(torch.float32)
        weight = rows[:, 1] + sums[1]
        distance = (rows[:, 0] * rows[:, 1] + sums[0]) / weight.clamp_min(1.0)
        both = torch.stack([distance, weight.clamp_max(self.config.max_weight)], dim=1)
        geometry[slots] = both.to(geometry.dtype)

    def _make_room(
        self, origin: Annotated[Tensor, "points 3"], ends: Annotated[Tensor, "points 3"], row: Annotated[Tensor, "*"]
    ) -> tuple[Annotated[Tensor, " blocks"], Annotated[Tensor, " blocks"], Annotated[Tensor, ""]]:
        """Slots and keys of the blocks that the band around the ends of rays touches."""
        toward = torch.nn.functional.normalize(ends - origin, dim=1) * self.config.band_m
        # The end, and as far before and behind it as there is band: no farther apart than a block is wide.
        num = 1 + 2 * math.ceil(self.config.band_m / self.block_m)
        steps = torch.linspace(-1.0, 1.0, num, device=ends.device)
        cell = torch.floor((ends + steps[:, None, None] * toward) / self.block_m).long()
        keys = distinct(block_keys(row, cell).flatten())
        slots = self.blocks.make(keys)
        is_there = slots >= 0
        return slots[is_there], keys[is_there], (~is_there).sum()


def to_image_of(K: Annotated[Tensor, "robots 3 3"], T_row_camera: Annotated[Tensor, "robots 4 4"]) -> Tensor:
    """K T_camera_row, in double precision."""
    return K.to(torch.float64) @ inverse(T_row_camera.to(torch.float64))[:, :3]


def at_blocks(to_image: Tensor, cell: Annotated[Tensor, "blocks 3"], block_m: float) -> Annotated[Tensor, "blocks 12"]:
    """The same for coordinates from each block's corner: far from the origin single precision then suffices."""
    corner = cell.to(torch.float64) * block_m
    shift = (to_image[..., :3] @ corner[..., None]).squeeze(-1) + to_image[..., 3]
    return torch.cat([to_image[..., :3], shift[..., None]], dim=-1).flatten(1).to(torch.float32)


def pack_rgb(rgb: Annotated[Tensor, "robots height width 3"]) -> Annotated[Tensor, " pixels"]:
    """Three bytes as one whole number."""
    red, green, blue = rgb.to(torch.int32).flatten(0, 2).unbind(1)
    return red | (green << 8) | (blue << 16)


def unpack_color(color: Annotated[Tensor, "*"]) -> tuple[Annotated[Tensor, "* 3"], Annotated[Tensor, "*"]]:
    """Colours as 0 to 1, and where there is one."""
    bits = torch.stack([(color >> at) & TEN_BITS for at in (0, 10, 20)], dim=-1)
    return bits.to(torch.float32) / TEN_BITS, (color & HAS_COLOR) > 0
