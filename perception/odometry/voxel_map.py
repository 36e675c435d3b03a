"""The surroundings of each robot as Gaussians in a hash table, to match the next scan against.

In:  Gaussians in the map's frame.
Out: for any point the Gaussian of the voxel it is in.

A key goes to the first free slot of its probe sequence; contenders for one slot are told apart by the smallest key,
so that the table does not depend on the order of a parallel machine. No loop over points or robots.
"""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from .gaussians import Gaussians, flattened, from_moments, products, voxel_centers, voxel_keys

EMPTY = torch.iinfo(torch.int64).max
PROBES = 24
MAX_COUNT = 1000.0
"""Points that a voxel remembers: older ones fade, so that the map follows slow change and sums stay exact."""


class VoxelMap:
    """Gaussians of many robots; `capacity`, a power of two, is slots for each, of which half should stay free."""

    def __init__(
        self,
        robots: int,
        voxel_m: float,
        capacity: int,
        device: torch.device | str = "cpu",
        floor_m: tuple[float, float] = (0.1, 0.005),
    ) -> None:
        self.floor_m = floor_m
        self.voxel_m = voxel_m
        self.capacity = capacity
        self.robots = robots
        self._first = torch.arange(robots, device=device)[:, None] * capacity
        self.keys = torch.full((robots * capacity,), EMPTY, device=device)
        self.sums = torch.zeros(robots * capacity, 10, device=device)
        self.mean = torch.zeros(robots * capacity, 3, device=device)
        self.covariance = torch.zeros(robots * capacity, 6, device=device)

    def find(self, points: Annotated[Tensor, "robots points 3"]) -> Annotated[Tensor, "robots points"]:
        """The slot of each point's voxel, -1 where there is none."""
        keys = voxel_keys(points, self.voxel_m)
        found = torch.full_like(keys, -1)
        start = _hash(keys)
        for probe in range(PROBES):
            slot = self._first + ((start + probe) & (self.capacity - 1))
            there = self.keys[slot]
            found = torch.where((found < 0) & (there == keys), slot, found)
            if not ((found < 0) & (there != EMPTY)).any():
                break
        return found

    def add(self, gaussians: Gaussians) -> None:
        """Take in Gaussians, each into the voxel of its mean; what finds no slot is left out."""
        slot = self._make_room(gaussians.mean, gaussians.count > 0)
        chosen = (slot >= 0).flatten().nonzero().squeeze(1)
        slot = slot.flatten()[chosen]
        mean = gaussians.mean.reshape(-1, 3)[chosen]
        count = gaussians.count.flatten()[chosen, None]
        around = mean - voxel_centers(mean, self.voxel_m)
        spread = gaussians.covariance.reshape(-1, 6)[chosen] + products(around)
        self.sums.index_add_(0, slot, torch.cat([count, count * around, count * spread], dim=1))
        touched = torch.unique(slot)
        sums = self.sums[touched]
        sums = sums * (MAX_COUNT / sums[:, :1]).clamp_max(1.0)
        self.sums[touched] = sums
        _, offset, covariance = from_moments(sums)
        self.mean[slot] = voxel_centers(mean, self.voxel_m)
        self.mean[touched] += offset
        self.covariance[touched] = flattened(covariance, *self.floor_m)

    def count_at(self, slots: Annotated[Tensor, "*"]) -> Annotated[Tensor, "*"]:
        """How many points are behind the Gaussians."""
        return self.sums[slots, 0]

    def clear(self) -> None:
        """Forget everything."""
        for table, empty in ((self.keys, EMPTY), (self.sums, 0.0), (self.mean, 0.0), (self.covariance, 0.0)):
            table.fill_(empty)

    def keep_near(self, place: Annotated[Tensor, "robots 3"], radius_m: float) -> None:
        """Forget what is farther away; the table is laid out anew."""
        owner = torch.arange(len(self.keys), device=self.keys.device) // self.capacity
        is_near = (self.mean - place[owner]).square().sum(dim=1) < radius_m**2
        kept = ((self.keys != EMPTY) & is_near).nonzero().squeeze(1)
        keys, sums, mean, covariance = self.keys[kept], self.sums[kept], self.mean[kept], self.covariance[kept]
        owner = owner[kept]
        self.clear()
        slot = self._insert(keys, owner * self.capacity)
        there = (slot >= 0).nonzero().squeeze(1)
        slot = slot[there]
        self.sums[slot], self.mean[slot], self.covariance[slot] = sums[there], mean[there], covariance[there]

    def _make_room(self, points: Tensor, is_there: Tensor) -> Tensor:
        keys = voxel_keys(points, self.voxel_m)
        first = self._first.expand_as(keys)
        slots = torch.full_like(keys, -1)
        slots[is_there] = self._insert(keys[is_there], first[is_there])
        return slots

    def _insert(self, keys: Annotated[Tensor, " keys"], first: Annotated[Tensor, " keys"]) -> Annotated[Tensor, "keys"]:
        """The slots of the keys, taken where they are new."""
        slots = torch.full_like(keys, -1)
        waiting = torch.arange(len(keys), device=keys.device)
        start = _hash(keys)
        for probe in range(PROBES):
            slot = first[waiting] + ((start[waiting] + probe) & (self.capacity - 1))
            wanted = keys[waiting]
            is_free = self.keys[slot] == EMPTY
            self.keys.scatter_reduce_(0, slot[is_free], wanted[is_free], "amin")
            is_placed = self.keys[slot] == wanted
            slots[waiting[is_placed]] = slot[is_placed]
            waiting = waiting[~is_placed]
            if not len(waiting):
                break
        return slots


def _hash(keys: Tensor) -> Tensor:
    """Neighbouring voxels far apart: multiply and fold twice (as in Steele, Lea, Flood's SplitMix, 2014)."""
    mixed = keys * 0x3F51AFD7ED558CCD
    mixed = (mixed ^ (mixed >> 32)) * 0x44CEB9FE1A85EC53
    return (mixed ^ (mixed >> 32)) & 0x7FFFFFFF
