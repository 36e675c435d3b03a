"""A handle seen apart from its mug: where it meets the wall no camera looks, and the gap makes two pieces of one thing.

In:  Parts of one cluster.
Out: the Parts, with every such piece joined to the body that it hangs at.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .associate import chroma_of
from .describe import Part, describe_segment
from .segments import Segment

_ALIKE = 0.2
_REACH_M = 0.032  # how far a handle sticks out
_GAP_M = 0.012  # hidden between handle and wall
_WIDE_M = 0.020
_LEAST_HEIGHT_M = 0.020
_BELOW_RIM_M = 0.004
_ABOVE_TABLE_M = 0.005  # what stands beside a mug begins where the mug does


def join_handles(parts: Sequence[Part], noise_m: float, spacing_m: float) -> list[Part]:
    """Bodies with the handles that were seen apart from them."""
    joined = list(parts)
    for piece in parts:
        body = next((p for p in joined if p is not piece and _has_handle(p, piece)), None)
        if body is not None:
            both = [[getattr(part.segment, name) for part in (body, piece)] for name in Segment.__slots__]
            whole = describe_segment(Segment(*(np.concatenate(pair) for pair in both)), noise_m, spacing_m)
            joined = [whole if p is body else p for p in joined if p is not piece]
    return joined


def _has_handle(body: Part, piece: Part) -> bool:
    """Whether the piece hangs narrow and upright at the round body's wall, above the table and below the rim."""
    if not body.is_round or body.floor_m is None or body.handle_rad is not None:
        return False
    is_between = body.low_m + _ABOVE_TABLE_M < piece.low_m and piece.top_m < body.top_m - _BELOW_RIM_M
    if not is_between or piece.top_m - piece.low_m < _LEAST_HEIGHT_M:
        return False
    offset = piece.segment.points[:, :2] - body.circle.center
    outward = offset.mean(axis=0) / max(float(np.linalg.norm(offset.mean(axis=0))), 1e-6)
    beyond_m = offset @ outward - body.circle.radius_m
    across_m = offset @ np.array([-outward[1], outward[0]])
    is_at_wall = bool(-_BELOW_RIM_M < beyond_m.min() < _GAP_M and beyond_m.max() < _REACH_M)
    is_narrow = bool(np.ptp(across_m) < _WIDE_M)
    hue = float(np.abs(chroma_of(body.color_rgb) - chroma_of(piece.color_rgb)).sum())
    return is_at_wall and is_narrow and hue < _ALIKE
