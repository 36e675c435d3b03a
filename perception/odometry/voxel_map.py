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
        shape: tuple[float, float, float] = (0.1, 0.005, 0.03),
    ) -> None:
        self.shape = shape
        self.voxel_m = voxel_m
        self.capacity = capacity
        self.robots = robots
        self._first = torch.arange(robots, device=device)[:, None] * capacity
        self.keys = torch.full((robots * capacity,), EMPTY, device=device)
        self.sums = torch.zeros(robots * capacity, 10, device=device)
        self.gaussians = torch.zeros(robots * capacity, 10, device=device)  # count, mean, flattened covariance
        self.renewed = torch.zeros(robots * capacity, device=device)
        """How much of a voxel's points its last addition brought."""

    def find(self, points: Annotated[Tensor, "robots points 3"]) -> Annotated[Tensor, "robots points"]:
        """The slot of each point's voxel, -1 where there is none."""
        keys = voxel_keys(points, self.voxel_m)
        first = self._first.expand_as(keys)
        return self._probe(keys.flatten(), first.flatten(), is_new_allowed=False).view_as(keys)

    def add(self, gaussians: Gaussians) -> None:
        """Take in Gaussians, each into the voxel of its mean; what finds no slot is left out."""
        slot = self._make_room(gaussians.mean, gaussians.count > 0)
        chosen = (slot >= 0).flatten().nonzero().squeeze(1)
        slot = slot.flatten()[chosen]
        mean = gaussians.mean.reshape(-1, 3)[chosen]
        count = gaussians.count.flatten()[chosen, None]
        center = voxel_centers(mean, self.voxel_m)
        around = mean - center
        spread = gaussians.covariance.reshape(-1, 6)[chosen] + products(around.T).T
        self.sums.index_add_(0, slot, torch.cat([count, count * around, count * spread], dim=1))
        # A slot that was touched twice is worked out twice, alike.
        sums = self.sums[slot].T.contiguous()
        self.renewed[slot] = 1.0 - self.gaussians[slot, 0] / sums[0]
        sums = sums * (MAX_COUNT / sums[0]).clamp_max(1.0)
        self.sums[slot] = sums.T
        total, offset, covariance = from_moments(sums)
        flat = flattened(covariance, *self.shape)
        self.gaussians[slot] = torch.cat([total[None], center.T + offset, flat]).T

    def look_up(
        self, points: Annotated[Tensor, "robots points 3"]
    ) -> tuple[
        Annotated[Tensor, "robots points"], Annotated[Tensor, "3 robots points"], Annotated[Tensor, "6 robots points"]
    ]:
        """For each point its voxel's Gaussian: count, mean and covariance; a count of zero where there is none."""
        return self.read(self.find(points))

    def read(
        self, slots: Annotated[Tensor, "robots points"]
    ) -> tuple[
        Annotated[Tensor, "robots points"], Annotated[Tensor, "3 robots points"], Annotated[Tensor, "6 robots points"]
    ]:
        """What stands in those slots, as `look_up` says it."""
        rows = self.gaussians.index_select(0, slots.clamp_min(0).flatten()).T.reshape(10, *slots.shape)
        return rows[0] * (slots >= 0), rows[1:4], rows[4:]

    def coarsened(self, voxel_m: float) -> VoxelMap:
        """The same surroundings in larger voxels."""
        coarse = VoxelMap(self.robots, voxel_m, self.capacity // 4, self.keys.device, self.shape)
        rows = self.sums.view(self.robots, self.capacity, 10)
        count, _, covariance = from_moments(rows.permute(2, 0, 1))
        means = self.gaussians[:, 1:4].view(self.robots, self.capacity, 3)
        coarse.add(Gaussians(count, means, covariance.permute(1, 2, 0)))
        return coarse

    def copy(self) -> VoxelMap:
        """The same, to be changed apart."""
        copy = VoxelMap(self.robots, self.voxel_m, 0, self.keys.device, self.shape)
        copy.capacity, copy._first = self.capacity, self._first
        copy.keys, copy.sums = self.keys.clone(), self.sums.clone()
        copy.gaussians, copy.renewed = self.gaussians.clone(), self.renewed.clone()
        return copy

    def clear(self) -> None:
        """Forget everything."""
        self.keys.fill_(EMPTY)
        self.sums.zero_()
        self.gaussians.zero_()

    def keep_near(self, place: Annotated[Tensor, "robots 3"], radius_m: float) -> None:
        """Forget what is farther away; the table is laid out anew."""
        owner = torch.arange(len(self.keys), device=self.keys.device) // self.capacity
        is_near = (self.gaussians[:, 1:4] - place[owner]).square().sum(dim=1) < radius_m**2
        kept = ((self.keys != EMPTY) & is_near).nonzero().squeeze(1)
        keys, sums, gaussians = self.keys[kept], self.sums[kept], self.gaussians[kept]
        owner = owner[kept]
        self.clear()
        slot = self._probe(keys, owner * self.capacity, is_new_allowed=True)
        there = (slot >= 0).nonzero().squeeze(1)
        slot = slot[there]
        self.sums[slot], self.gaussians[slot] = sums[there], gaussians[there]

    def _make_room(self, points: Tensor, is_there: Tensor) -> Tensor:
        keys = voxel_keys(points, self.voxel_m)
        first = self._first.expand_as(keys)
        slots = torch.full_like(keys, -1)
        slots[is_there] = self._probe(keys[is_there], first[is_there], is_new_allowed=True)
        return slots

    def _probe(
        self, keys: Annotated[Tensor, " keys"], first: Annotated[Tensor, " keys"], *, is_new_allowed: bool
    ) -> Annotated[Tensor, " keys"]:
        """The slots of the keys in the tables that begin at `first`; new keys take free slots if they may."""
        slots = torch.full_like(keys, -1)
        waiting, start = torch.arange(len(keys), device=keys.device), _hash(keys)
        wanted = keys
        for probe in range(PROBES):
            slot = first[waiting] + ((start[waiting] + probe) & (self.capacity - 1))
            there = self.keys[slot]
            if is_new_allowed:
                is_free = there == EMPTY
                self.keys.scatter_reduce_(0, slot[is_free], wanted[is_free], "amin")
                there = self.keys[slot]
            is_found = there == wanted
            slots[waiting[is_found]] = slot[is_found]
            is_left = ~is_found & (there != EMPTY)
            waiting, wanted = waiting[is_left], wanted[is_left]
            if not len(waiting):
                break
        return slots


def _hash(keys: Tensor) -> Tensor:
    """Neighbouring voxels far apart: multiply and fold twice (as in Steele, Lea, Flood's SplitMix, 2014)."""
    mixed = keys * 0x3F51AFD7ED558CCD
    mixed = (mixed ^ (mixed >> 32)) * 0x44CEB9FE1A85EC53
    return (mixed ^ (mixed >> 32)) & 0x7FFFFFFF
