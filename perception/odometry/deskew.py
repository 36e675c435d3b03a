"""A sweep as if it had been measured in one moment: every point carried to the reference time by the IMU.

In:  points, each in the sensor's frame at its own time; the body's motion over the sweep from inertial samples.
Out: the points in the body's frame at the reference time, which is the end of the sweep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from . import planes
from .rotations import log


@dataclass(frozen=True, slots=True)
class Track:
    """Where bodies were at successive moments, in their own frames at the last of them."""

    times_s: Annotated[Tensor, "robots moments"]
    turn_rad: Annotated[Tensor, "robots moments 3"]
    place_end: Annotated[Tensor, "robots moments 3"]

    def carried(
        self, points_body: Annotated[Tensor, "robots points 3"], times_s: Annotated[Tensor, "robots points"]
    ) -> Annotated[Tensor, "robots points 3"]:
        """Points into the frame of the track's end; between moments the body moves evenly, outside it rests."""
        after = torch.searchsorted(self.times_s, times_s.contiguous()).clamp(1, self.times_s.shape[1] - 1)
        early, late = (self.times_s.gather(1, after + k) for k in (-1, 0))
        share = ((times_s - early) / (late - early).clamp_min(1e-9)).clamp(0.0, 1.0).to(points_body.dtype)
        both = torch.cat([self.turn_rad, self.place_end], dim=2).to(points_body.dtype)
        slope = torch.nn.functional.pad(both[:, 1:] - both[:, :-1], (0, 0, 1, 0))
        at = both.gather(1, (after - 1)[..., None].expand(*after.shape, 6))
        at = at + share[..., None] * slope.gather(1, after[..., None].expand(*after.shape, 6))
        turn, points = at[..., :3].movedim(2, 0), points_body.movedim(2, 0)
        # A sweep turns by less than a radian: the series is exact to 1e-6 there, and needs neither root nor sine.
        square = turn.square().sum(dim=0)
        first = 1.0 - square * (1.0 / 6.0 - square * (1.0 / 120.0 - square / 5040.0))
        second = 0.5 - square * (1.0 / 24.0 - square * (1.0 / 720.0 - square / 40320.0))
        once = planes.cross(turn, points)
        return (points + first * once + second * planes.cross(turn, once)).movedim(0, 2) + at[..., 3:]


def make_track(
    times_s: Annotated[Tensor, "robots moments"],
    R_map_body: Annotated[Tensor, "robots moments 3 3"],
    place_map: Annotated[Tensor, "robots moments 3"],
) -> Track:
    """The same moments seen from the last one."""
    to_end = R_map_body[:, -1].mT[:, None]
    apart = (place_map - place_map[:, -1:])[..., None]
    return Track(times_s, log(to_end @ R_map_body), (to_end @ apart).squeeze(-1))
