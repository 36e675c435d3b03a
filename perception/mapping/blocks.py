"""Blocks of 8 × 8 × 8 voxels that exist only where something was measured: keys, a table, and pools that grow.

In:  cells: the whole numbers of blocks along x, y, z, of many rows (one row is one map).
Out: a slot in the pools for each.

One whole number holds row and cell, so that one sorted list serves all robots and a search finds a block.
"""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

EDGE = 8
VOXELS = EDGE**3
HALF_RANGE = 1 << 15
"""Blocks on either side of the origin along each axis."""
MAX_ROWS = 1 << 15
FIRST_SLOTS = 1024


def block_keys(row: Annotated[Tensor, "*"], cell: Annotated[Tensor, "* 3"]) -> Annotated[Tensor, "*"]:
    """Row and cell as one number, -1 where the cell lies beyond the range."""
    shifted = cell + HALF_RANGE
    key = (row << 48) | (shifted[..., 0] << 32) | (shifted[..., 1] << 16) | shifted[..., 2]
    is_within = ((shifted >= 0) & (shifted < 2 * HALF_RANGE)).all(dim=-1)
    return torch.where(is_within, key, -1)


def split_keys(keys: Annotated[Tensor, " keys"]) -> tuple[Annotated[Tensor, " keys"], Annotated[Tensor, "keys 3"]]:
    """Rows and cells."""
    mask = 2 * HALF_RANGE - 1
    cell = torch.stack([(keys >> 32) & mask, (keys >> 16) & mask, keys & mask], dim=-1) - HALF_RANGE
    return keys >> 48, cell


def distinct(keys: Annotated[Tensor, " keys"]) -> Annotated[Tensor, " fewer"]:
    """Each key once, in order, without those out of range."""
    # Neighbouring measurements mostly share a block: a first pass leaves little to sort.
    keys = torch.unique(torch.unique_consecutive(keys))
    return keys[keys >= 0]


def split_voxels(voxel: Annotated[Tensor, "* 3"]) -> tuple[Annotated[Tensor, "* 3"], Annotated[Tensor, "*"]]:
    """Of each voxel the cell of its block, and its number in the block; x runs fastest."""
    cell = torch.div(voxel, EDGE, rounding_mode="floor")
    inner = voxel - cell * EDGE
    return cell, inner[..., 0] + EDGE * inner[..., 1] + EDGE**2 * inner[..., 2]


def robots_of(owner: Annotated[Tensor, " blocks"], row: Annotated[Tensor, " robots"]) -> Annotated[Tensor, " blocks"]:
    """Which robot writes to the row of each block: several rows may be no robot's just now."""
    of_row = torch.zeros(int(row.max()) + 1, dtype=torch.int64, device=row.device)
    of_row[row] = torch.arange(len(row), device=row.device)
    return of_row[owner]


def voxel_centers(voxel_m: float, device: torch.device | str) -> Annotated[Tensor, "3 512"]:
    """Centres of a block's voxels from its lowest corner; x runs fastest."""
    index = torch.arange(VOXELS, device=device)
    cell = torch.stack([index % EDGE, index // EDGE % EDGE, index // EDGE**2])
    return (cell + 0.5).to(torch.float32) * voxel_m


class Blocks:
    """Which blocks there are, and for each of the pools one line a block, zero at first."""

    def __init__(self, max_blocks: int, pools: dict[str, tuple[int, torch.dtype]], device: torch.device | str) -> None:
        self.max_blocks = max_blocks
        self.keys = torch.zeros(0, dtype=torch.int64, device=device)
        self._slots = torch.zeros(0, dtype=torch.int64, device=device)
        self.pools = {
            name: torch.zeros(min(FIRST_SLOTS, max_blocks), channels, VOXELS, dtype=dtype, device=device)
            for name, (channels, dtype) in pools.items()
        }

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def slots(self) -> Annotated[Tensor, " blocks"]:
        """Where in the pools the blocks of `keys` are."""
        return self._slots

    def find(self, keys: Annotated[Tensor, "*"]) -> Annotated[Tensor, "*"]:
        """The slot of each block, -1 where there is none."""
        if not len(self.keys):
            return torch.full_like(keys, -1)
        at = torch.searchsorted(self.keys, keys.contiguous()).clamp_max(len(self.keys) - 1)
        return torch.where(self.keys[at] == keys, self._slots[at], -1)

    def make(self, keys: Annotated[Tensor, " keys"]) -> Annotated[Tensor, " keys"]:
        """The slots of distinct blocks, made where they did not exist; -1 where the map is full."""
        slots = self.find(keys)
        missing = keys[slots < 0]
        if not len(missing):
            return slots
        first = len(self.keys)
        new = missing[: self.max_blocks - first]
        if len(new):
            self._grow(first + len(new))
            added = torch.arange(first, first + len(new), device=keys.device)
            self.keys, order = torch.cat([self.keys, new]).sort()
            self._slots = torch.cat([self._slots, added])[order]
        return self.find(keys)

    def _grow(self, num: int) -> None:
        for name, pool in self.pools.items():
            if num > len(pool):
                size = min(self.max_blocks, max(num, 2 * len(pool)))
                larger = torch.zeros(size, *pool.shape[1:], dtype=pool.dtype, device=pool.device)
                larger[: len(pool)] = pool
                self.pools[name] = larger
