"""One piece of one colour that is several things: apart a little, side by side, upon each other, or as was learned.

In:  a described Part that is closed above.
Out: Parts that are one thing each; none where that cannot be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool

from .describe import Part, describe_segment
from .levels import part_at_gaps, part_blocks
from .outlines import fit_rectangle
from .segmenter.segmenter import Segmenter
from .segments import Segment
from .towers import find_seams

_STEP_M = 0.010
_WIDE = 1.3  # wider than so many times its height a block may be several
_FILLED = 0.75
_LEDGE_M = 0.0025
_GAP_CELL_M = 0.0024


@dataclass(frozen=True, slots=True)
class Fineness:
    """What describing needs: depth noise, pixel spacing, points that make an object; where they stand, what they are.

    `has_cubes` says that blocks may be taken for cubes.
    """

    noise_m: float
    spacing_m: float
    min_points: int
    table_m: float
    has_cubes: bool
    segmenter: Segmenter | None = None

    @property
    def cell_m(self) -> float:
        """Cells seen from above that have no holes on a surface seen at a slant."""
        return max(0.003, 2.4 * self.spacing_m)

    @property
    def band_m(self) -> float:
        """Points this close under the top belong to it."""
        return max(0.004, 4.0 * self.noise_m)


def take_blocks(part: Part, fineness: Fineness) -> list[Part]:
    """Things a little apart, or blocks side by side by their tops; none where those are not all compact and flat."""
    is_slender = float(part.size_m.max()) < _WIDE * min(float(part.size_m.min()), part.top_m - part.low_m)
    if is_slender or not _is_solid(part):
        return []
    apart = part_at_gaps(part.segment.points, max(_GAP_CELL_M, 2.0 * fineness.spacing_m))
    if apart is not None:
        return describe_pieces(part, [apart == number for number in range(int(apart.max()) + 1)], fineness)
    numbers = part_blocks(part.segment.points, fineness.cell_m, fineness.noise_m)
    if numbers is None:
        return []
    pieces = describe_pieces(part, [numbers == number for number in range(int(numbers.max()) + 1)], fineness)
    is_flat = all(p.fill > _FILLED and p.floor_m is None and not p.is_round for p in pieces)
    return pieces if pieces and is_flat and are_compact(pieces) else []


def take_tower(part: Part, fineness: Fineness) -> list[Part]:
    """Cubes upon each other; none where that does not come out even."""
    stands = part.low_m - fineness.table_m < _STEP_M
    high_m = part.top_m - fineness.table_m
    if (
        not fineness.has_cubes
        or not stands
        or not _is_solid(part)
        or part.is_round
        or high_m < _WIDE * float(part.size_m.min())
    ):
        return []
    points = part.segment.points
    top = points[points[:, 2] > part.top_m - fineness.band_m, :2]
    seams_m = find_seams(
        points, fit_rectangle(top, fineness.spacing_m), part.top_m, fineness.table_m, fineness.spacing_m
    )
    if seams_m is None:
        return []
    # A ledge's points lie around its seam, and make what stands on it too wide; a strip of face does no harm below.
    number = (points[:, 2, None] < np.add(seams_m, _LEDGE_M)).sum(axis=1)
    pieces = describe_pieces(part, [number == k for k in range(len(seams_m) + 1)], fineness)
    # Of those below only faces are seen, which without their top may look like anything.
    lower = [
        replace(piece, top_m=seam_m, is_round=False, is_prism=True, fill=1.0, floor_m=None, handle_rad=None)
        for piece, seam_m in zip(pieces[1:], seams_m, strict=False)
    ]
    return [*pieces[:1], *lower]


def take_proposed(part: Part, fineness: Fineness) -> list[Part]:
    """What the segmenter takes for several, where nothing here says otherwise: each piece flat, filled and compact."""
    is_doubtful = not part.is_prism or part.fill < _FILLED
    if fineness.segmenter is None or not _is_solid(part) or not is_doubtful:
        return []
    numbers = fineness.segmenter.propose(part.segment.points, part.segment.colors)
    if numbers is None:
        return []
    pieces = describe_pieces(part, [numbers == number for number in range(int(numbers.max()) + 1)], fineness)
    is_filled = all(p.fill > _FILLED and _is_solid(p) for p in pieces)
    return pieces if pieces and is_filled and are_compact(pieces) else []


def _is_solid(part: Part) -> bool:
    return part.floor_m is None and part.handle_rad is None


def are_compact(pieces: Sequence[Part]) -> bool:
    """Blocks side by side are compact; the strokes of a letter are long, and a letter is one thing."""
    aspects = sorted(float(p.size_m.max() / max(float(p.size_m.min()), 1e-4)) for p in pieces)
    return aspects[0] < 1.6 and aspects[-1] < 2.3


def describe_pieces(part: Part, masks: Sequence[Bool[np.ndarray, "points"]], fineness: Fineness) -> list[Part]:
    """Every piece on its own; none at all where one of them is too small to be an object."""
    segments = [_take(part.segment, chosen) for chosen in masks]
    if min(len(s.points) for s in segments) < fineness.min_points:
        return []
    return [describe_segment(s, fineness.noise_m, fineness.spacing_m) for s in segments]


def _take(segment: Segment, chosen: Bool[np.ndarray, "points"]) -> Segment:
    return Segment(segment.points[chosen], segment.colors[chosen], segment.view[chosen])
