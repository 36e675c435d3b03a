"""What a network makes of each sensor's evidence: one vector for each candidate and sensor.

In:  Evidence.
Out: vectors by robot, candidate and sensor; pictures through a small convolution, points through a PointNet.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .estimates import WIDE_M
from .evidence import SCALE_M, Evidence

WIDTH = 96
NUM_PLAIN = 15
"""Numbers that go beside what an encoder finds: see `plain_numbers`."""


class CameraEncoder(nn.Module):
    """A crop of 32×32 to one vector."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(8, 24, 3, 2, 1), nn.ReLU(), nn.Conv2d(24, 48, 3, 2, 1), nn.ReLU(), nn.Conv2d(48, 64, 3, 2, 1)
        )
        self.out = nn.Linear(2 * 64 + 64, width)
        self.narrow = nn.Conv2d(64, 4, 1)

    def forward(self, crops: Float[Tensor, "crops 8 rows columns"]) -> Float[Tensor, "crops width"]:
        """Pooled by maximum and mean, and where in the crop things are."""
        found = torch.relu(self.layers(crops))
        where = self.narrow(found).flatten(1)
        return self.out(torch.cat([found.amax((2, 3)), found.mean((2, 3)), where], 1))


class PointEncoder(nn.Module):
    """Points (the last number: whether there is one) to one vector; their order does not matter."""

    def __init__(self, width: int = WIDTH, num_numbers: int = 5) -> None:
        super().__init__()
        self.each = nn.Sequential(nn.Linear(num_numbers, 48), nn.ReLU(), nn.Linear(48, 96), nn.ReLU())
        self.out = nn.Linear(2 * 96 + 1, width)

    def forward(self, points: Float[Tensor, "sets points numbers"]) -> Float[Tensor, "sets width"]:
        """Pooled by maximum and mean over the points that are there."""
        is_there = points[..., -1:]
        found = self.each(points) * is_there
        count = is_there.sum(1)
        mean = found.sum(1) / count.clamp_min(1.0)
        return self.out(torch.cat([found.amax(1), mean, count / points.shape[1]], 1))


class SensorEncoder(nn.Module):
    """Every sensor's token: its encoder's vector, its own estimate, the mean colour, where it looks from, its kind."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.camera, self.lidar = CameraEncoder(width), PointEncoder(width)
        self.plain = nn.Linear(NUM_PLAIN, width)
        self.kind = nn.Parameter(0.1 * torch.randn(2, width))
        self.mix = nn.Sequential(nn.ReLU(), nn.Linear(width, width))

    def forward(self, evidence: Evidence) -> Float[Tensor, "robots regions sensors width"]:
        """Zero for what is not there."""
        heard = evidence.health > 0.0
        num = evidence.num_cameras
        crops, points = evidence.crops, evidence.points
        pictures = self._encode(self.camera, crops, heard[..., :num])
        sweeps = self._encode(self.lidar, points, heard[..., num:])
        kinds = torch.cat([self.kind[:1].expand(num, -1), self.kind[1:].expand(points.shape[2], -1)])
        tokens = torch.cat([pictures, sweeps], 2) + self.plain(plain_numbers(evidence)) + kinds
        return torch.where(heard[..., None], self.mix(tokens), 0.0)

    def _encode(self, encoder: nn.Module, inputs: Tensor, heard: Tensor) -> Tensor:
        """While training only what is there is looked at, which saves half the work and may change last bits."""
        shape = heard.shape
        if not heard.numel():
            return torch.zeros(*shape, self.kind.shape[1], dtype=inputs.dtype, device=inputs.device)
        if not self.training:
            return encoder(inputs.flatten(0, 2)).view(*shape, -1)
        found = torch.zeros(*shape, self.kind.shape[1], dtype=inputs.dtype, device=inputs.device)
        found[heard] = encoder(inputs[heard])
        return found


def plain_numbers(evidence: Evidence) -> Float[Tensor, "robots regions sensors numbers"]:
    """The estimate, its sigmas, whether there is one, mean red, green, blue, how much is seen, the way to the sensor.

    The candidate's size is not among them: what two sensors say of one object must not be alike by what both were told.
    """
    known = torch.isfinite(evidence.variance_m2).all(-1, keepdim=True)
    sigma = torch.where(known, evidence.variance_m2, WIDE_M**2).clamp(1e-8, WIDE_M**2).log() / 4.0 + 2.5
    is_mine = evidence.crops[:, :, :, 6:7]
    share = is_mine.mean((-1, -2))
    color = (evidence.crops[:, :, :, :3] * is_mine).mean((-1, -2)) / share.clamp_min(1e-3)
    there = evidence.points[..., 4:].mean(-2)
    bright = (evidence.points[..., 3:4] * evidence.points[..., 4:]).mean(-2) / there.clamp_min(1e-3)
    seen = torch.cat([torch.cat([color, share], -1), torch.cat([bright.expand(*bright.shape[:-1], 3), there], -1)], 2)
    far_m = evidence.toward_m.norm(dim=-1, keepdim=True)
    away = torch.cat([evidence.toward_m / far_m.clamp_min(1e-3), far_m], -1)
    return torch.cat([evidence.estimate_m / SCALE_M, sigma, known.to(away), seen, away], -1)
