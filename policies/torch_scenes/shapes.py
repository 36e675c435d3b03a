"""What bodies are made of: convex parts, each the inside of a few planes; large or hollow meshes are thin triangles.

In:  shapes.npz of a scene table (written by sim/body_parts.py), or its arrays.
Out: Shapes: parts in buckets by how many planes they need, so that little is computed for nothing.

Only torch and numpy are imported in this package: what trains on a GPU machine has nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

BUCKETS = (5, 8, 28)
"""Planes of a thin triangle, of boxes and wedges, of prisms that stand for something round."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Parts with up to so many planes; `normal · x ≤ offset` inside, both in the body's frame.

    Planes that a part does not need hold everywhere. `shading` is each plane's normal as light falls on it. `corners`
    span the part. `is_solid`: planes seen from behind belong to something seen from the front elsewhere.
    """

    normals: Annotated[Tensor, "parts planes 3"]
    offsets: Annotated[Tensor, "parts planes"]
    shading: Annotated[Tensor, "parts planes 3"]
    corners: Annotated[Tensor, "parts 8 3"]
    colors: Annotated[Tensor, "parts 3"]
    """NaN where the part has its body's colour."""
    is_solid: Annotated[Tensor, " parts"]
    first: Annotated[Tensor, " kinds"]
    count: Annotated[Tensor, " kinds"]


@dataclass(frozen=True, slots=True)
class Shapes:
    """All kinds of bodies by number."""

    kinds: tuple[str, ...]
    buckets: tuple[Bucket, ...]

    def to(self, device: torch.device | str) -> Shapes:
        """The same on a device."""
        moved = [Bucket(*(getattr(bucket, name).to(device) for name in Bucket.__slots__)) for bucket in self.buckets]
        return Shapes(self.kinds, tuple(moved))


def load_shapes(path: str | Path) -> Shapes:
    """Shapes from a file of arrays; nothing in it is executed."""
    with np.load(path, allow_pickle=False) as stored:
        return make_shapes({name: stored[name] for name in stored.files})


def make_shapes(arrays: Mapping[str, np.ndarray]) -> Shapes:
    """From arrays by part: `planes` (parts, 28, 4), `shading`, `corners`, `colors`, `is_solid`, `kind`; and `kinds`.

    A part's first plane with a NaN offset, and those after it, are not planes of it.
    """
    kinds = tuple(str(name) for name in arrays["kinds"])
    num_planes = np.isfinite(arrays["planes"][:, :, 3]).sum(axis=1)
    buckets: list[Bucket] = []
    least = 0
    for most in BUCKETS:
        chosen = np.flatnonzero((num_planes > least) & (num_planes <= most))
        buckets.append(_make_bucket(arrays, chosen, most, len(kinds)))
        least = most
    if num_planes.max(initial=0) > least:
        raise ValueError(f"A part has {num_planes.max()} planes, expected at most {least}. Cut it into triangles.")
    return Shapes(kinds, tuple(buckets))


def _make_bucket(arrays: Mapping[str, np.ndarray], chosen: np.ndarray, num_planes: int, num_kinds: int) -> Bucket:
    kind = arrays["kind"][chosen]
    if np.any(np.diff(kind) < 0):
        raise ValueError("Parts are not in the order of their kinds. Write them with sim/body_parts.py.")
    planes = arrays["planes"][chosen, :num_planes]
    unused = ~np.isfinite(planes[:, :, 3])
    normals = np.where(unused[:, :, None], 0.0, planes[:, :, :3])
    count = np.bincount(kind, minlength=num_kinds)

    def tensor(values: np.ndarray, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(values), dtype=dtype)

    return Bucket(
        tensor(normals),
        tensor(np.where(unused, 1.0, planes[:, :, 3])),
        tensor(arrays["shading"][chosen, :num_planes]),
        tensor(arrays["corners"][chosen]),
        tensor(arrays["colors"][chosen]),
        tensor(arrays["is_solid"][chosen], torch.bool),
        tensor(np.cumsum(count) - count, torch.long),
        tensor(count, torch.long),
    )
