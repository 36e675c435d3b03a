"""Cheap sensor noise: windows into one long table of standard normals.

Drawing a million normals an image costs more than casting its rays. The table is the same in every process;
where a window begins comes from the sensor's generator, so noise is reproducible and differs by image.
"""

from __future__ import annotations

import functools
import zlib

import numpy as np
from jaxtyping import Float32

TABLE_SIZE = 1 << 21


def make_rng(seed: int, *stream: str | int) -> np.random.Generator:
    """The generator of one stream of an episode's noise, the same in every process."""
    keys = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in stream]
    return np.random.default_rng([seed, *keys])


def make_normals(count: int, rng: np.random.Generator) -> Float32[np.ndarray, " count"]:
    """`count` standard normals, read-only; consecutive windows of one generator may overlap by chance."""
    table = _table()
    if count > TABLE_SIZE:
        return np.tile(table, -(-count // TABLE_SIZE))[:count]
    start = int(rng.integers(0, TABLE_SIZE - count + 1))
    return table[start : start + count]


@functools.cache
def _table() -> Float32[np.ndarray, " count"]:
    table = np.random.default_rng(0xA0153).standard_normal(TABLE_SIZE, dtype=np.float32)
    table.flags.writeable = False
    return table
