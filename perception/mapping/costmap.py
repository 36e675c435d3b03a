"""What it costs a mobile robot to stand somewhere: a grid seen from above, made from the free and occupied space.

In:  a KeyframeMap, the heights between which the robot's body is, the part of the map that is asked for.
Out: for each cell whether it is free, occupied or unknown, and a cost from 0 (free, far from everything) to 1 (the
     robot's middle must not be there).

A cell is free only if enough of its column was seen to be free; what was never seen costs as much as what is occupied.
Around both the cost is 1 as far as the robot is wide, and falls off exponentially beyond (as in ROS's costmaps).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from .keyframe_map import KeyframeMap
from .occupancy import Space


class CostmapConfig(BaseModel):
    """What the robot's body asks of the map."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cell_m: Annotated[float, Field(gt=0.0, le=2.0)] = 0.05
    body_heights_m: tuple[float, float] = (0.1, 1.5)
    """Above the map's zero: what is lower is driven over, what is higher is driven under."""
    radius_m: Annotated[float, Field(gt=0.0, le=5.0)] = 0.3
    """Of the circle around the robot."""
    falloff_m: Annotated[float, Field(gt=0.0, le=5.0)] = 0.25
    """Beyond the radius the cost falls to 1/e over this distance."""
    reach_m: Annotated[float, Field(gt=0.0, le=10.0)] = 1.0
    """Beyond the radius, where the cost becomes 0."""
    free_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    """Of a column that must have been seen to be free."""


@dataclass(frozen=True, slots=True)
class Costmap:
    """Cells in the map's frame; axis 1 runs along x, axis 2 along y from `corner_map`."""

    space: Annotated[Tensor, "robots cells_x cells_y"]
    cost: Annotated[Tensor, "robots cells_x cells_y"]
    corner_map: tuple[float, float]
    cell_m: float

    def cost_at(self, points_map: Annotated[Tensor, "robots points 2"]) -> Annotated[Tensor, "robots points"]:
        """The cost of places; 1 outside of the grid."""
        corner = torch.tensor(self.corner_map, dtype=points_map.dtype, device=points_map.device)
        cell = torch.floor((points_map - corner) / self.cell_m).long()
        size = torch.tensor(self.cost.shape[1:], device=cell.device)
        is_inside = ((cell >= 0) & (cell < size)).all(dim=2)
        cell = torch.minimum(cell.clamp_min(0), size - 1)
        robot = torch.arange(len(cell), device=cell.device)[:, None]
        return torch.where(is_inside, self.cost[robot, cell[..., 0], cell[..., 1]], 1.0)


def make_costmap(
    of: KeyframeMap, bounds_map: tuple[float, float, float, float], config: CostmapConfig | None = None
) -> Costmap:
    """Costs between x and y minimum and x and y maximum, of every robot."""
    config = config or CostmapConfig()
    left, front, right, back = bounds_map
    if not (right > left and back > front):
        raise ValueError(
            f"make_costmap got bounds {bounds_map}, expected (x minimum, y minimum, x maximum, y maximum), each "
            "maximum beyond its minimum. Swap them."
        )
    columns = [math.ceil((high - low) / config.cell_m) for low, high in ((left, right), (front, back))]
    x, y = ((torch.arange(num, device=of.device) + 0.5) * config.cell_m for num in columns)
    low_m, high_m = config.body_heights_m
    layers = max(1, math.ceil((high_m - low_m) / of.config.occupancy_voxel_m))
    heights_m = low_m + (torch.arange(layers, device=of.device) + 0.5) * (high_m - low_m) / layers
    is_occupied = torch.zeros(of.robots, *columns, dtype=torch.bool, device=of.device)
    num_free = torch.zeros(of.robots, *columns, device=of.device)
    for height_m in heights_m:  # layer by layer: all at once would take too much memory
        place = torch.stack(torch.broadcast_tensors((left + x)[:, None], (front + y)[None], height_m), dim=-1)
        space = of.space_at(place.flatten(0, 1).expand(of.robots, -1, 3)).view_as(num_free)
        is_occupied |= space == Space.OCCUPIED
        num_free += space == Space.FREE
    is_free = ~is_occupied & (num_free >= config.free_share * layers)
    space = torch.where(is_occupied, int(Space.OCCUPIED), torch.where(is_free, int(Space.FREE), int(Space.UNKNOWN)))
    return Costmap(space.to(torch.uint8), _cost(~is_free, config), (left, front), config.cell_m)


def _cost(is_blocked: Annotated[Tensor, "robots cells_x cells_y"], config: CostmapConfig) -> Tensor:
    """By the distance from the nearest blocked cell."""
    beyond_m = (_distance_m(is_blocked, config) - config.radius_m).clamp_min(0.0)
    cost = torch.exp(-beyond_m / config.falloff_m)
    return torch.where(beyond_m > config.reach_m, 0.0, cost)


def _distance_m(is_blocked: Annotated[Tensor, "robots cells_x cells_y"], config: CostmapConfig) -> Tensor:
    """Between the middles of cells, exact as far as costs reach: first along y, then along x of what that gave.

    The squared distance parts into the two axes (Felzenszwalb and Huttenlocher, 2012), and nothing beyond the reach
    matters, so that a minimum over so many shifts of the whole grid does it.
    """
    far = math.ceil((config.radius_m + config.reach_m) / config.cell_m) + 1
    square = torch.where(is_blocked, 0.0, float((2 * far) ** 2))
    for axis in (2, 1):
        padded = torch.nn.functional.pad(
            square, (far, far, 0, 0) if axis == 2 else (0, 0, far, far), value=float((2 * far) ** 2)
        )
        shifted = padded.unfold(axis, 2 * far + 1, 1)
        away = torch.arange(-far, far + 1, device=square.device, dtype=square.dtype).square()
        square = (shifted + away).amin(dim=-1)
    return square.sqrt() * config.cell_m
