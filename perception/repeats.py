"""Whether a sensor that has noise repeats itself: what it shows is then old, whatever time it bears.

In:  what each sensor delivers, read by read.
Out: whether it is what it delivered before. Only sensors that declare noise can be told: without it, a still scene
     looks the same twice.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Shaped

THINNING = 8  # of a picture's rows: noise is in every one
LONG_S = 0.04
"""Samples that stay the same for so long are old; two in a row may agree by chance where encoders count in steps."""


@dataclass(slots=True)
class _Last:
    time_s: float = -np.inf
    digest: int | None = None
    row: Shaped[np.ndarray, " columns"] | None = None
    since_s: float = -np.inf


@dataclass(slots=True)
class RepeatWatch:
    """Remembers the last that each sensor delivered."""

    _last: dict[str, _Last] = field(default_factory=dict)

    def is_picture_again(self, sensor: str, time_s: float, *arrays: Shaped[np.ndarray, "..."]) -> bool:
        """Whether a picture or scan of another time is byte for byte the one before."""
        digest = 0
        for array in arrays:
            digest = zlib.crc32(np.ascontiguousarray(array[::THINNING]).tobytes(), digest)
        last = self._last.setdefault(sensor, _Last())
        is_again = digest == last.digest and time_s != last.time_s
        last.time_s, last.digest = time_s, digest
        return is_again

    def is_sample_again(
        self, sensor: str, times_s: Shaped[np.ndarray, " samples"], values: Shaped[np.ndarray, "samples columns"]
    ) -> bool:
        """Whether the newest sample has been the same for long."""
        if not len(times_s):
            return False
        last = self._last.setdefault(sensor, _Last())
        before = values[:1] if last.row is None else last.row[None]
        changed = np.flatnonzero((values != np.concatenate([before, values[:-1]])).any(axis=1))
        if last.row is None:
            last.since_s = float(times_s[0])
        if len(changed):
            last.since_s = float(times_s[changed[-1]])
        last.row = values[-1].copy()
        return float(times_s[-1]) - last.since_s > LONG_S
