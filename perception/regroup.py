"""Where one colour is not one object: join faces to their block, part what touches, stands on or lies in its like.

In:  described Parts.
Out: Parts that each are one object, as far as geometry tells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import label
from scipy.spatial import KDTree

from .cells import distinct_rows, number_rows
from .cuts import find_cut, has_notch, hull_area, refine_cut
from .describe import Part, describe_segment
from .outlines import make_hull
from .segments import Segment
from .several import Fineness, are_compact, describe_pieces, take_blocks, take_proposed, take_tower

_STEP_M = 0.010  # a level or content this much above its surroundings is another object
_MIN_AREA_M2 = 0.0002
_MAX_AREA_M2 = 0.03  # of a group of blocks; larger things are furniture
_GAP_M = 0.010
_ALIKE = 0.08


def regroup(parts: Sequence[Part], fineness: Fineness) -> list[Part]:
    """Join, then part; every result is described anew."""
    joined = _drop_slivers(_join_faces(parts, fineness))
    waiting, done = [_close_capped(p, joined, fineness) for p in joined], []
    while waiting:
        part = waiting.pop()
        if pieces := take_blocks(part, fineness):
            waiting += pieces
        elif tower := take_tower(part, fineness):
            done += tower
        elif pieces := _divide(part, [*waiting, *done], fineness):
            waiting += pieces
        else:
            done += take_proposed(part, fineness) or [part]
    return done


def _divide(part: Part, others: Sequence[Part], fineness: Fineness) -> list[Part]:
    """Two pieces, or none when the part is one object as far as can be seen."""
    if part.floor_m is not None:
        return _in_two(part, _find_content(part, fineness), fineness)
    if part.handle_rad is not None:
        return []
    if pieces := _in_two(part, _find_layer(part, fineness), fineness):
        return pieces
    if not part.is_prism:
        pieces = _in_two(part, _find_tower(part, fineness), fineness)
        if pieces and pieces[1].floor_m is not None:
            return pieces
    pieces = _in_two(part, _find_neighbour(part, others, fineness), fineness)
    return pieces if pieces and are_compact(pieces) else []


def _in_two(part: Part, mask: Bool[np.ndarray, "points"] | None, fineness: Fineness) -> list[Part]:
    return [] if mask is None else describe_pieces(part, [mask, ~mask], fineness)


def _join_faces(parts: Sequence[Part], fineness: Fineness) -> list[Part]:
    """A narrow upright face belongs to the piece of its colour right beside it that is as high."""
    result = list(parts)
    for face in [p for p in parts if _is_face(p)]:
        others = [p for p in result if p is not face and _alike(p, face) and abs(p.top_m - face.top_m) < _GAP_M]
        for other in others:
            tree = KDTree(other.segment.points[:: max(1, len(other.segment.points) // 2000)])
            gap = tree.query(face.segment.points[:: max(1, len(face.segment.points) // 200)])[0].min()
            if gap < _GAP_M:
                both = (
                    [getattr(face.segment, n) for n in Segment.__slots__],
                    [getattr(other.segment, n) for n in Segment.__slots__],
                )
                joined = Segment(*(np.concatenate(pair) for pair in zip(*both, strict=True)))
                result = [p for p in result if p is not face and p is not other]
                result.append(describe_segment(joined, fineness.noise_m, fineness.spacing_m))
                break
    return result


def _drop_slivers(parts: Sequence[Part]) -> list[Part]:
    """Without thin pieces that lie on another one's surface: shade and noise that passed for a colour."""
    return [p for p in parts if not (_is_face(p) and any(_lies_on(p, o) for o in parts if o is not p))]


def _lies_on(sliver: Part, other: Part) -> bool:
    points = sliver.segment.points
    overlap = min(sliver.top_m, other.top_m) - max(sliver.low_m, other.low_m)
    is_beside = overlap > 0.6 * (sliver.top_m - sliver.low_m)
    is_minor = 3 * len(points) < len(other.segment.points)
    return is_minor and is_beside and bool(other.contains(points[:, :2], 0.006).mean() > 0.8)


def _is_face(part: Part) -> bool:
    length, width = part.rectangle.size_m.tolist()
    return not part.is_round and width < 0.4 * length and width < 0.015 and part.top_m - part.low_m > 0.01


def _alike(first: Part, second: Part) -> bool:
    a, b = (p.color_rgb / max(float(p.color_rgb.sum()), 0.1) for p in (first, second))
    return float(np.abs(a - b).sum()) < _ALIKE


def _find_content(part: Part, fineness: Fineness) -> Bool[np.ndarray, "points"] | None:
    """Points of something that rises from the floor of an opening of its own colour."""
    if part.floor_m is None or part.size_m.min() < 0.08:
        return None
    points = part.segment.points
    if part.is_round:
        inward = part.circle.radius_m - np.linalg.norm(points[:, :2] - part.circle.center, axis=1)
    else:
        inward = (part.rectangle.size_m / 2 - np.abs(part.rectangle.local(points[:, :2]))).min(axis=1)
    ring = np.clip(inward / 0.003, 0, None).astype(np.int64)
    some = slice(None, None, max(1, len(points) // 4000))
    order = np.lexsort((points[some, 2], ring[some]))
    rings, starts, counts = np.unique(ring[some][order], return_index=True, return_counts=True)
    floor = np.full(int(ring.max()) + 1, np.inf)
    floor[rings] = points[some][order[starts + counts // 4], 2]
    floor = np.minimum.accumulate(floor)
    rises = (points[:, 2] > floor[ring] + _STEP_M) & (inward > max(0.008, 0.12 * part.size_m.min()))
    if rises.sum() < 20:
        return None
    blob = _largest_blob(points[rises, :2], fineness)
    if blob is None:
        return None
    mask = np.zeros(len(points), dtype=bool)
    mask[np.nonzero(rises)[0][blob]] = True
    return mask


def _find_layer(part: Part, fineness: Fineness) -> Bool[np.ndarray, "points"] | None:
    """Points above a second flat level: something stands on or beside a lower thing of its own colour."""
    points = part.segment.points
    cells, highest = _height_map(points, fineness.cell_m)
    below = highest[highest < part.top_m - _STEP_M]
    if len(below) * fineness.cell_m**2 < _MIN_AREA_M2:
        return None
    bins = np.floor(below / 0.002).astype(np.int64)
    counts = np.convolve(np.bincount(bins - bins.min()), [1, 1, 1], mode="same")
    level_m = (float(np.argmax(counts)) + float(bins.min()) + 0.5) * 0.002
    is_level = np.abs(highest - level_m) < 0.003
    # A slope spreads over many heights; a level holds most of what lies below the top.
    if (
        is_level.sum() * fineness.cell_m**2 < _MIN_AREA_M2
        or is_level.sum() < 0.6 * len(below)
        or level_m < part.low_m + 0.008
    ):
        return None
    # Between two levels lies next to nothing; a round back falls off gradually.
    between = (highest > level_m + fineness.band_m) & (highest < part.top_m - fineness.band_m)
    top_cells = highest > part.top_m - fineness.band_m
    # A ledge lies beside the top; what lies within its outline is the bottom of an opening.
    ledge = (cells[is_level] + 0.5) * fineness.cell_m
    if make_hull((cells[top_cells] + 0.5) * fineness.cell_m).contains(ledge).mean() > 0.5:
        return None
    if top_cells.sum() * fineness.cell_m**2 < _MIN_AREA_M2 or between.sum() > 0.4 * is_level.sum():
        return None
    return points[:, 2] > level_m + 0.0025


def _find_tower(part: Part, fineness: Fineness) -> Bool[np.ndarray, "points"]:
    """Points under the topmost surface: what may stand in an opening and rise above its rim."""
    points = part.segment.points
    return make_hull(points[points[:, 2] > part.top_m - fineness.band_m, :2]).contains(points[:, :2], 0.005)


def _close_capped(part: Part, others: Sequence[Part], fineness: Fineness) -> Part:
    """What looks like a rim around something that stands on it is a covered top."""
    if part.floor_m is None:
        return part
    points = part.segment.points
    top = points[points[:, 2] > part.top_m - fineness.band_m, :2]
    others = [o for o in others if o is not part]
    is_closed = _is_lidded(part, others) or (not part.is_floor_seen and _is_capped(part, top, others, fineness.band_m))
    return replace(part, floor_m=None) if is_closed else part


def _is_lidded(part: Part, others: Sequence[Part]) -> bool:
    """Whether one thing that begins at the top covers most of it; what lies in an opening begins lower or is small."""
    steps = np.linspace(-0.45, 0.45, 9)
    local = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2) * part.size_m
    turn = 0.0 if part.is_round else part.rectangle.yaw_rad
    cos, sin = math.cos(turn), math.sin(turn)
    places = part.center + local @ np.array([[cos, sin], [-sin, cos]])
    return any(o.low_m > part.top_m - _STEP_M and o.contains(places).mean() > 0.6 for o in others)


def _is_capped(part: Part, top: Float[np.ndarray, "tops 2"], others: Sequence[Part], band_m: float) -> bool:
    """Whether another part stands in the middle of this one's top, which then is no full face."""
    hull = make_hull(top)
    for other in others:
        points = other.segment.points
        above = points[points[:, 2] > part.top_m - band_m, :2]
        if hull.contains(above, -0.003).sum() > 20:
            return True
    return False


def _find_neighbour(part: Part, others: Sequence[Part], fineness: Fineness) -> Bool[np.ndarray, "points"] | None:
    """The straight cut after which the two sides fill their outlines clearly better than the whole does."""
    points = part.segment.points
    is_top = points[:, 2] > part.top_m - fineness.band_m
    cells = distinct_rows(np.floor(points[is_top, :2] / fineness.cell_m).astype(np.int64))
    xy = (cells + 0.5) * fineness.cell_m
    area = len(cells) * fineness.cell_m**2
    whole = hull_area(xy, fineness.cell_m)
    is_blocks = 2 * _MIN_AREA_M2 <= area <= min(0.92 * whole, _MAX_AREA_M2)
    if not is_blocks or not has_notch(cells) or _is_capped(part, xy, others, fineness.band_m):
        return None
    cut = find_cut(cells, fineness.cell_m, _MIN_AREA_M2, 0.93 * whole)
    if cut is None:
        return None
    return points[:, :2] @ cut[0] > refine_cut(points[is_top, :2], *cut, fineness.cell_m)


def _height_map(points: Float[np.ndarray, "points 3"], cell_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Cells seen from above and the highest point in each."""
    grid = np.floor(points[:, :2] / cell_m).astype(np.int64)
    cells, index = number_rows(grid)
    highest = np.full(len(cells), -np.inf)
    np.maximum.at(highest, index, points[:, 2])
    return cells, highest


def _largest_blob(xy: Float[np.ndarray, "points 2"], fineness: Fineness) -> Bool[np.ndarray, "points"] | None:
    """Membership of the largest connected patch of cells, if it is large enough."""
    grid = np.floor(xy / fineness.cell_m).astype(np.int64)
    grid -= grid.min(axis=0)
    filled = np.zeros(grid.max(axis=0) + 1, dtype=np.int64)
    np.add.at(filled, (grid[:, 0], grid[:, 1]), 1)
    labels, count = label(filled >= 1, structure=np.ones((3, 3)))  # pyright: ignore[reportGeneralTypeIssues]
    if count == 0:
        return None
    sizes = np.bincount(labels.ravel())[1:]
    if sizes.max() * fineness.cell_m**2 < _MIN_AREA_M2:
        return None
    return np.asarray(labels)[grid[:, 0], grid[:, 1]] == int(np.argmax(sizes)) + 1
