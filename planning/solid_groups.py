"""Solids that stand still, in order of their owners, as arrays for measuring.

In:  Solids.
Out: SolidGroups: poses and sizes side by side, and a ball around all that each owner has.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from .object_solids import Solid


# Without slots: `reach_m` is kept after the first use.
@dataclass(frozen=True)
class SolidGroups:
    """All solids, those of one owner together: `counts[i]` of them from `starts[i]` on belong to `owners[i]`."""

    owners: tuple[str, ...]
    solids: tuple[Solid, ...]
    T_world_solids: Float[np.ndarray, "solids 4 4"]
    half: Float[np.ndarray, "solids 3"]
    starts: Int[np.ndarray, "owners"]
    counts: Int[np.ndarray, "owners"]

    @functools.cached_property
    def reach_m(self) -> Float[np.ndarray, "solids"]:
        """Radius of the ball around each solid."""
        return np.sqrt((self.half * self.half).sum(axis=1))

    @functools.cached_property
    def balls(self) -> tuple[Float[np.ndarray, "owners 3"], Float[np.ndarray, "owners"]]:
        """Middle and radius of a ball around everything of each owner."""
        places = self.T_world_solids[:, :3, 3]
        centers = np.add.reduceat(places, self.starts, axis=0) / self.counts[:, None]
        apart = places - np.repeat(centers, self.counts, axis=0)
        return centers, np.maximum.reduceat(np.sqrt((apart * apart).sum(axis=1)) + self.reach_m, self.starts)

    def spread(self, owner_rows: Int[np.ndarray, "near"]) -> tuple[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"]]:
        """Each row with every solid of its owner: which row, and which solid."""
        counts = self.counts[owner_rows]
        ends = np.cumsum(counts)
        rows = np.repeat(np.arange(len(owner_rows)), counts)
        return rows, np.arange(len(rows)) + (self.starts[owner_rows] - ends + counts)[rows]


def make_groups(solids: Sequence[Solid]) -> SolidGroups:
    """Owners in order of their first solid."""
    owned: dict[str, list[Solid]] = {}
    for solid in solids:
        owned.setdefault(solid.owner, []).append(solid)
    ordered = tuple(solid for group in owned.values() for solid in group)
    counts = np.array([len(group) for group in owned.values()], dtype=np.intp)
    T_world_solids = np.array([solid.T_world_solid for solid in ordered]).reshape(-1, 4, 4)
    half = np.array([solid.half_m for solid in ordered]).reshape(-1, 3)
    return SolidGroups(tuple(owned), ordered, T_world_solids, half, np.cumsum(counts) - counts, counts)
