"""A network over the points of one piece: for each point, the way to the middle of the object that it lies on.

In:  points of a piece and their brightness, a fixed number of them, with their nearest neighbours.
Out: offsets in metres, in the axes of the world.

Edge convolutions (each point with its neighbours), then what the whole piece looks like, then both together.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

SCALE_M = 0.05
"""Of blocks: inputs and outputs are in this unit."""


@dataclass(frozen=True, slots=True)
class SegmenterConfig:
    """Sizes of the network."""

    num_points: int = 256
    num_neighbours: int = 8
    width: int = 32
    wide: int = 64


class SegmenterNetwork(nn.Module):
    """Offsets by point."""

    def __init__(self, config: SegmenterConfig | None = None) -> None:
        super().__init__()
        self.config = config or SegmenterConfig()
        width, wide = self.config.width, self.config.wide
        self.first = nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, width))
        self.second = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, width))
        self.third = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, width))
        self.whole = nn.Sequential(nn.Linear(3 * width, wide), nn.ReLU())
        self.head = nn.Sequential(
            nn.Linear(3 * width + 2 * wide, wide), nn.ReLU(), nn.Linear(wide, wide), nn.ReLU(), nn.Linear(wide, 3)
        )

    def forward(
        self, points: Float[Tensor, "batch points 3"], brightness: Float[Tensor, "batch points"]
    ) -> Float[Tensor, "batch points 3"]:
        """In metres, in metres."""
        middle = torch.cat([points[..., :2].mean(1, keepdim=True), points[..., 2:].amin(1, keepdim=True)], dim=-1)
        seen = torch.cat([(points - middle) / SCALE_M, brightness[..., None]], dim=-1)
        near = torch.cdist(points, points).topk(self.config.num_neighbours, largest=False).indices
        one = torch.relu(_edges(self.first, seen, near))
        two = torch.relu(_edges(self.second, one, near))
        three = torch.relu(_edges(self.third, two, near))
        local = torch.cat([one, two, three], dim=-1)
        each = self.whole(local)
        whole = torch.cat([each.amax(1), each.mean(1)], dim=-1)[:, None].expand(-1, points.shape[1], -1)
        return SCALE_M * self.head(torch.cat([local, whole], dim=-1))


def _edges(
    layer: nn.Module, values: Float[Tensor, "batch points features"], near: Int[Tensor, "batch points neighbours"]
) -> Float[Tensor, "batch points wide"]:
    """The strongest answer of a layer over a point's neighbours, each beside the point itself."""
    batch, num_points, num_near = near.shape
    rows = near.reshape(batch, num_points * num_near, 1).expand(-1, -1, values.shape[-1])
    beside = values.gather(1, rows).reshape(batch, num_points, num_near, -1) - values[:, :, None]
    return layer(torch.cat([values[:, :, None].expand_as(beside), beside], dim=-1)).amax(dim=2)
