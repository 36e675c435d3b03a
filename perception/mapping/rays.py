"""Pictures and sweeps as rays: where they end, and how far space is free around each.

In:  cleaned DepthPictures or PointSweep, and their poses.
Out: ends of rays; pictures of the nearest return, coarse, so that what is thin stands for the whole cell.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor

from .measurements import DepthPictures, PointSweep

CELL = 8
"""Pixels along the edge of a coarse cell."""
MEASURED_SHARE = 0.75
"""Of a cell's pixels that must have a return, else something that gives none may stand there."""


def picture_points(
    pictures: DepthPictures, T_row_camera: Annotated[Tensor, "robots 4 4"], stride: int, farthest_m: float
) -> tuple[Annotated[Tensor, "points 3"], Annotated[Tensor, " points"]]:
    """Ends of the rays through every stride-th pixel in the row's frame, and whose they are."""
    depth_m = pictures.depth_m[:, ::stride, ::stride]
    robot, line, column = ((depth_m > 0) & (depth_m <= farthest_m)).nonzero(as_tuple=True)
    reach_m = depth_m[robot, line, column]
    pixel = torch.stack([column * stride, line * stride, torch.ones_like(line)], dim=1).to(torch.float32)
    turn = (T_row_camera[:, :3, :3] @ torch.linalg.inv(pictures.K.to(torch.float64))).to(torch.float32)
    origin = T_row_camera[:, :3, 3].to(torch.float32)
    if len(turn) == 1:  # One robot needs no matrix for each of its points.
        return pixel @ turn[0].T * reach_m[:, None] + origin[0], robot
    return (turn[robot] @ pixel[..., None]).squeeze(-1) * reach_m[:, None] + origin[robot], robot


def nearest_depth(depth_m: Annotated[Tensor, "robots height width"]) -> Annotated[Tensor, "robots rows columns"]:
    """The smallest depth in each cell, 0 where too few pixels have one."""
    _, height, width = depth_m.shape
    margin = (0, -width % CELL, 0, -height % CELL)
    cells = torch.nn.functional.pad(depth_m, margin).unfold(1, CELL, CELL).unfold(2, CELL, CELL).flatten(3)
    is_measured = cells > 0
    nearest_m = torch.where(is_measured, cells, torch.inf).amin(dim=3)
    return torch.where(is_measured.float().mean(dim=3) >= MEASURED_SHARE, nearest_m, 0.0)


def nearest_around(sweep: PointSweep, cell_rad: float) -> Annotated[Tensor, "robots rows columns"]:
    """The smallest distance in each cell of azimuth and elevation, 0 where nothing came back."""
    rows, columns = math.ceil(math.pi / cell_rad), math.ceil(2 * math.pi / cell_rad)
    x, y, z = sweep.points_sensor.unbind(2)
    level = torch.hypot(x, y)
    column = ((torch.atan2(y, x) / (2 * torch.pi) + 0.5) * columns).clamp(0, columns - 1).long()
    row = ((torch.atan2(z, level) / torch.pi + 0.5) * rows).clamp(0, rows - 1).long()
    robot = torch.arange(len(x), device=x.device)[:, None]
    at = (robot * rows + row) * columns + column
    reach_m = torch.where(sweep.is_there, torch.hypot(level, z), torch.inf)
    nearest_m = torch.full((len(x) * rows * columns,), torch.inf, device=x.device)
    nearest_m.scatter_reduce_(0, at.flatten(), reach_m.flatten(), "amin")
    return torch.where(torch.isfinite(nearest_m), nearest_m, 0.0).view(len(x), rows, columns)


def ray_cells(
    directions: Annotated[Tensor, "rays 3"],
    origin: Annotated[Tensor, "rays 3"],
    reach: Annotated[Tensor, " rays"],
    step: float,
    farthest: float,
) -> tuple[Annotated[Tensor, "samples 3"], Annotated[Tensor, " samples"]]:
    """Places along rays, a step apart, up to where each is free, and whose they are."""
    along = torch.arange(0.5, farthest / step + 1.0, device=origin.device) * step
    ray, index = (along < reach[:, None]).nonzero(as_tuple=True)
    return origin[ray] + directions[ray] * along[index, None], ray
