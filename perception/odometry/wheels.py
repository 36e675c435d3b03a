"""What wheels say: how fast the body goes forward, and that it goes neither sideways nor up.

In:  speeds of a batch of robots, each with a time.
Out: the body's velocity at a moment as a measurement, with its variance.

Wheels slip and their radius is known to a percent: the measurement is as unsure as that, and never surer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class WheelSamples:
    """Speed over the ground along the body's x, the mean of its driven or free wheels; an infinite time is padding."""

    times_s: Annotated[Tensor, "robots samples"]
    speed_mps: Annotated[Tensor, "robots samples"]


@dataclass(frozen=True, slots=True)
class WheelNoise:
    """One sigma: of a sample, of the wheels' radius, and of what a body moves sideways and up."""

    sample_mps: float = 0.05
    radius_share: float = 0.01
    sideways_mps: float = 0.05
    axle_body_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Where in the body's frame the wheels hold it: a place ahead of the axle swings sideways in a bend."""
    window_s: float = 0.06
    """Samples no older than this say how fast it goes now."""


@dataclass(frozen=True, slots=True)
class Rolling:
    """The axle's velocity in the body's frame and its information, zero where no wheel spoke."""

    velocity_body: Annotated[Tensor, "robots 3"]
    information: Annotated[Tensor, "robots 3"]


def roll(wheels: WheelSamples, end_s: Annotated[Tensor, "robots"], noise: WheelNoise) -> Rolling:
    """How the axle goes at a moment, by the mean of the last samples before it."""
    times_s, speed = wheels.times_s.double(), wheels.speed_mps.double()
    is_now = (times_s <= end_s[:, None] + 1e-9) & (times_s > end_s[:, None] - noise.window_s) & speed.isfinite()
    count = is_now.sum(dim=1)
    forward = torch.where(is_now, speed, 0.0).sum(dim=1) / count.clamp_min(1)
    variance = noise.sample_mps**2 / count.clamp_min(1) + (noise.radius_share * forward).square()
    sideways = torch.full_like(variance, noise.sideways_mps**2)
    information = 1.0 / torch.stack([variance, sideways, sideways], dim=1)
    zero = torch.zeros_like(forward)
    return Rolling(torch.stack([forward, zero, zero], dim=1), torch.where((count > 0)[:, None], information, 0.0))
