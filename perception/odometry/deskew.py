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

    def where(self, is_chosen: Annotated[Tensor, "robots"], other: Track) -> Track:
        """Of the robots chosen, and of the others another's; moments alike in number."""
        chosen = is_chosen[:, None]
        return Track(
            torch.where(chosen, self.times_s, other.times_s),
            torch.where(chosen[..., None], self.turn_rad, other.turn_rad),
            torch.where(chosen[..., None], self.place_end, other.place_end),
        )

    def carried(
        self, points_body: Annotated[Tensor, "robots points 3"], times_s: Annotated[Tensor, "robots points"]
    ) -> Annotated[Tensor, "robots points 3"]:
        """Points into the frame of the track's end; between moments the body moves evenly, outside it rests."""
        moments = self.times_s.shape[1]
        times_s = times_s.maximum(self.times_s[:, :1]).minimum(self.times_s[:, -1:])
        before = torch.searchsorted(self.times_s, times_s.contiguous()).clamp(1, moments - 1) - 1
        row = (before + moments * torch.arange(len(before), device=before.device)[:, None]).flatten()
        start_s = self.times_s.flatten()[row]
        # One look-up for each point: its moment's turn and place, and their change to the next moment in a second.
        at_moment = torch.cat([self.turn_rad, self.place_end], dim=2)
        step_s = (self.times_s[:, 1:] - self.times_s[:, :-1]).clamp_min(1e-9)[..., None]
        slope = torch.nn.functional.pad((at_moment[:, 1:] - at_moment[:, :-1]) / step_s, (0, 0, 0, 1))
        table = torch.cat([at_moment, slope], dim=2).to(points_body.dtype).flatten(0, 1)
        since_s = (times_s.flatten() - start_s).to(points_body.dtype)
        at, slope = table.index_select(0, row).T.split(6)
        turn, place = torch.addcmul(at, slope, since_s).split(3)
        points = points_body.reshape(-1, 3).T.contiguous()
        # A sweep turns by less than a radian: the series is exact to 1e-6 there, and needs neither root nor sine.
        square = turn.square().sum(dim=0)
        first = 1.0 - square * (1.0 / 6.0 - square * (1.0 / 120.0 - square / 5040.0))
        second = 0.5 - square * (1.0 / 24.0 - square * (1.0 / 720.0 - square / 40320.0))
        once = planes.cross(turn, points)
        points = points + first * once + second * planes.cross(turn, once) + place
        return points.T.reshape(points_body.shape)


def make_track(
    times_s: Annotated[Tensor, "robots moments"],
    R_map_body: Annotated[Tensor, "robots moments 3 3"],
    place_map: Annotated[Tensor, "robots moments 3"],
) -> Track:
    """The same moments seen from the last one."""
    to_end = R_map_body[:, -1].mT[:, None]
    apart = (place_map - place_map[:, -1:])[..., None]
    return Track(times_s, log(to_end @ R_map_body), (to_end @ apart).squeeze(-1))
