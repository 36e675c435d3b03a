"""Divide parts that are several objects of one colour: side by side, one on another, one in a bowl.

In:  described Parts.
Out: the same list, parts that no single shape explains replaced by their pieces where two shapes do.
"""

from __future__ import annotations

from collections.abc import Sequence

from .describe import Part


def divide_parts(parts: Sequence[Part], noise_m: float, spacing_m: float, min_points: int) -> list[Part]:
    return list(parts)
