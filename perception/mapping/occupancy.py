"""Free, occupied or unknown: log odds of coarse voxels, carved along rays and set where rays end.

In:  cleaned pictures and sweeps with their poses.
Out: blocks of log odds; 0 is "nothing known", which is what a place without a block is too.

A voxel is passed when all of it lies nearer than the nearest return in its cell of the picture; one that was hit in
the same look is never passed (Hornung et al., "OctoMap", 2013, with a picture in place of single rays).
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Annotated

import torch
from torch import Tensor

from .blocks import EDGE, VOXELS, Blocks, block_keys, distinct, robots_of, split_keys, split_voxels, voxel_centers
from .config import MapConfig
from .kernels import carve, carve_round
from .measurements import DepthPictures, PointSweep, inverse
from .rays import CELL, nearest_around, nearest_depth, picture_points, ray_cells
from .surface import at_blocks, to_image_of

HALF_DIAGONAL = math.sqrt(3.0) / 2.0
FREE_PLACE = 0.5
"""Of a block's edge: how far apart rays are sampled for the blocks that they pass."""


class Space(IntEnum):
    """What is known of a place."""

    UNKNOWN = 0
    FREE = 1
    OCCUPIED = 2


class Occupancy:
    """Log odds of many rows."""

    def __init__(self, config: MapConfig, device: torch.device | str) -> None:
        self.config = config
        self.blocks = Blocks(config.max_blocks, {"log_odds": (1, torch.float16)}, device)
        self.voxel_m = config.occupancy_voxel_m
        self.block_m = EDGE * self.voxel_m
        self.local = voxel_centers(self.voxel_m, device)

    def add_pictures(
        self,
        pictures: DepthPictures,
        row: Annotated[Tensor, " robots"],
        T_row_camera: Annotated[Tensor, "robots 4 4"],
    ) -> Annotated[Tensor, ""]:
        """Take pictures in; how many blocks found no room."""
        farthest_m = self.config.camera_range_m[1]
        ends, of_end = picture_points(pictures, T_row_camera, self.config.pixel_stride, farthest_m)
        nearest_m = nearest_depth(pictures.depth_m)
        # The cells' pictures have a lens of their own: pixel centre 8 i + 3.5 becomes i.
        shrunk = pictures.K.to(torch.float64).clone()
        shrunk[:, :2] /= CELL
        shrunk[:, :2, 2] -= (CELL - 1) / (2 * CELL)
        to_image = to_image_of(shrunk, T_row_camera)
        lines, columns = nearest_m.shape[1:]
        pixel = _grid(lines, columns, row.device)
        turn = (T_row_camera[:, :3, :3] @ torch.linalg.inv(shrunk)).to(torch.float32)
        directions = (pixel @ turn.mT).view(len(row), lines, columns, 3)
        return self._look(ends, of_end, nearest_m, directions, to_image, row, T_row_camera, is_round=False)

    def add_points(
        self, sweep: PointSweep, row: Annotated[Tensor, " robots"], T_row_sensor: Annotated[Tensor, "robots 4 4"]
    ) -> Annotated[Tensor, ""]:
        """Take a sweep in; how many blocks found no room."""
        ends, of_end = sweep.ends(T_row_sensor, self.config.lidar_range_m[1])
        pose = T_row_sensor.to(torch.float32)
        nearest_m = nearest_around(sweep, self.config.lidar_cell_rad)
        lines, columns = nearest_m.shape[1:]
        elevation = ((torch.arange(lines, device=row.device) + 0.5) / lines - 0.5) * torch.pi
        azimuth = ((torch.arange(columns, device=row.device) + 0.5) / columns - 0.5) * (2 * torch.pi)
        level, around = elevation.cos()[:, None], azimuth[None]
        up = elevation.sin()[:, None].expand(lines, columns)
        directions = torch.stack([level * around.cos(), level * around.sin(), up], dim=-1) @ pose[:, None, :3, :3].mT
        to_sensor = inverse(T_row_sensor.to(torch.float64))[:, :3]
        return self._look(ends, of_end, nearest_m, directions, to_sensor, row, T_row_sensor, is_round=True)

    def _look(
        self,
        ends: Annotated[Tensor, "points 3"],
        of_end: Annotated[Tensor, " points"],
        nearest_m: Annotated[Tensor, "robots rows columns"],
        directions: Annotated[Tensor, "robots rows columns 3"],
        to_image: Annotated[Tensor, "robots 3 4"],
        row: Annotated[Tensor, " robots"],
        T_row_sensor: Annotated[Tensor, "robots 4 4"],
        *,
        is_round: bool,
    ) -> Annotated[Tensor, ""]:
        config, (_, lines, columns) = self.config, nearest_m.shape
        end_cell, inner = split_voxels(torch.floor(ends / self.voxel_m).long())
        end_keys = block_keys(row[of_end], end_cell)
        passed = self._passed(nearest_m, directions, row, T_row_sensor.to(torch.float32)[:, :3, 3], is_round=is_round)
        keys = distinct(torch.cat([passed, torch.unique_consecutive(end_keys)]))
        slots = self.blocks.make(keys)
        is_there = slots >= 0
        slots, keys, num_left_out = slots[is_there], keys[is_there], (~is_there).sum()
        if not len(slots):
            return num_left_out
        is_hit = torch.zeros(len(keys) * VOXELS, dtype=torch.bool, device=row.device)
        block = torch.searchsorted(keys, end_keys).clamp_max(len(keys) - 1)
        is_hit[(block * VOXELS + inner)[keys[block] == end_keys]] = True
        owner, cell = split_keys(keys)
        of_block = robots_of(owner, row)
        kernel = carve_round if is_round else carve
        kernel(
            self.blocks.pools["log_odds"], slots, at_blocks(to_image[of_block], cell, self.block_m),
            (of_block * (lines * columns)).to(torch.int32), self.local, nearest_m.flatten(),
            is_hit.view(-1, VOXELS), columns, lines, HALF_DIAGONAL * self.voxel_m, config.hit, config.miss,
            *config.log_odds_limits, is_compiled=config.is_compiled,
        )  # fmt: skip
        return num_left_out

    def _passed(
        self,
        nearest_m: Annotated[Tensor, "robots rows columns"],
        directions: Annotated[Tensor, "robots rows columns 3"],
        row: Annotated[Tensor, " robots"],
        origin: Annotated[Tensor, "robots 3"],
        *,
        is_round: bool,
    ) -> Annotated[Tensor, " keys"]:
        """Blocks through which rays pass, of every second cell of every second row."""
        nearest_m, directions = nearest_m[:, ::2, ::2], directions[:, ::2, ::2]
        robot, line, column = (nearest_m > 0).nonzero(as_tuple=True)
        if not len(robot):
            return robot
        farthest_m = self.config.lidar_range_m[1] if is_round else self.config.camera_range_m[1]
        ways, reach = directions[robot, line, column], nearest_m[robot, line, column]
        places, ray = ray_cells(ways, origin[robot], reach, FREE_PLACE * self.block_m, farthest_m)
        cell = torch.floor(places / self.block_m).long()
        return torch.unique_consecutive(block_keys(row[robot[ray]], cell))

    def log_odds_at(self, row: Annotated[Tensor, "*"], points_row: Annotated[Tensor, "* 3"]) -> Annotated[Tensor, "*"]:
        """Of the voxel that each place is in, 0 where nothing was seen."""
        cell, inner = split_voxels(torch.floor(points_row / self.voxel_m).long())
        slots = self.blocks.find(block_keys(row, cell))
        values = self.blocks.pools["log_odds"][slots.clamp_min(0), 0, inner].to(torch.float32)
        return torch.where(slots >= 0, values, 0.0)

    def judge(self, log_odds: Annotated[Tensor, "*"]) -> Annotated[Tensor, "*"]:
        """Space for each."""
        config = self.config
        space = torch.full_like(log_odds, Space.UNKNOWN, dtype=torch.uint8)
        space[log_odds < config.free_below] = Space.FREE
        space[log_odds > config.occupied_above] = Space.OCCUPIED
        return space


def _grid(lines: int, columns: int, device: torch.device | str) -> Annotated[Tensor, "cells 3"]:
    line, column = torch.meshgrid(
        torch.arange(lines, device=device), torch.arange(columns, device=device), indexing="ij"
    )
    return torch.stack([column, line, torch.ones_like(line)], dim=-1).flatten(0, 1).to(torch.float32)
