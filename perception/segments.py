"""Split a cloud into pieces: points that touch and share a colour.

In:  Cloud of camera points above the table.
Out: Segments, each a set of points of one colour, in the world frame (numpy from here on: objects are few).
Sums are taken in integers, so that the result does not depend on the device's order of adding.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree
from torch import Tensor

from .cells import count_rows, distinct_rows
from .colors import hue_codes
from .points import Cloud

_OFFSETS = tuple(o for o in itertools.product((-1, 0, 1), repeat=3) if o > (0, 0, 0))
_SPAN = 1 << 16
_REACH_VOXELS = 4.5
_NUM_CODES = 9
_MAX_SEGMENTS = 80
_ALIKE = 0.08


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece: its points, their colours, and for each point which view saw it."""

    points: Float[np.ndarray, "points 3"]
    colors: Float[np.ndarray, "points 3"]
    view: Int[np.ndarray, "points"]


@dataclass(frozen=True, slots=True)
class _Voxels:
    """Occupied voxels, sorted by key; `of_point` says in which one each point lies."""

    keys: Int[np.ndarray, "voxels"]
    counts: Int[np.ndarray, "voxels"]
    colors: Float[np.ndarray, "voxels 3"]
    codes: Int[np.ndarray, "voxels"]
    of_point: Int[np.ndarray, "points"]


def split_segments(cloud: Cloud, voxel_m: float, min_points: int) -> list[Segment]:
    """Pieces of at least `min_points`, the largest first; a look at a heap of clutter is cut off at 80."""
    has_color = torch.isfinite(cloud.colors).all(1)
    points, colors = cloud.points_world[has_color], cloud.colors[has_color]
    if len(points) == 0:
        return []
    voxels = _make_voxels(points, colors, voxel_m)
    pairs = _neighbours(voxels.keys)
    labels = _label(voxels, pairs, min_points)
    labels = _absorb_small(labels, voxels, pairs, min_points)
    point_labels = labels[voxels.of_point]
    points_np = points.cpu().numpy().astype(np.float64)
    colors_np = colors.cpu().numpy().astype(np.float64)
    view_np = cloud.view[has_color].cpu().numpy()
    order = np.argsort(point_labels, kind="stable")
    names, starts, counts = np.unique(point_labels[order], return_index=True, return_counts=True)
    found = []
    for name, start, count in zip(names, starts, counts, strict=True):
        if name >= 0 and count >= min_points:
            own = order[start : start + count]
            found.append(Segment(points_np[own], colors_np[own], view_np[own]))
    return sorted(found, key=lambda s: -len(s.points))[:_MAX_SEGMENTS]


def _make_voxels(points: Float[Tensor, "points 3"], colors: Float[Tensor, "points 3"], voxel_m: float) -> _Voxels:
    cells = torch.floor(points / voxel_m).to(torch.int64) + _SPAN // 2
    keys = (cells[:, 0] * _SPAN + cells[:, 1]) * _SPAN + cells[:, 2]
    unique, of_point = torch.unique(keys, return_inverse=True)
    counts = torch.zeros(len(unique), dtype=torch.int64, device=points.device)
    counts.index_add_(0, of_point, torch.ones_like(of_point))
    sums = torch.zeros((len(unique), 3), dtype=torch.int64, device=points.device)
    sums.index_add_(0, of_point, (colors * 65535).to(torch.int64))
    means = (sums.to(torch.float64) / counts[:, None] / 65535).to(torch.float32)
    # The class of most of its points: the mean of a border voxel is a colour that neither side has.
    votes = torch.zeros(len(unique) * _NUM_CODES, dtype=torch.int64, device=points.device)
    votes.index_add_(0, of_point * _NUM_CODES + hue_codes(colors), torch.ones_like(of_point))
    codes = votes.reshape(-1, _NUM_CODES).argmax(1)
    return _Voxels(*(t.cpu().numpy() for t in (unique, counts, means.to(torch.float64), codes, of_point)))


def _neighbours(keys: Int[np.ndarray, "voxels"]) -> Int[np.ndarray, "pairs 2"]:
    """Pairs of voxels that share a face, an edge or a corner."""
    pairs = []
    for dx, dy, dz in _OFFSETS:
        wanted = keys + (dx * _SPAN + dy) * _SPAN + dz
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        hit = np.nonzero(keys[place] == wanted)[0]
        pairs.append(np.column_stack([hit, place[hit]]))
    return np.concatenate(pairs)


def _label(voxels: _Voxels, pairs: Int[np.ndarray, "pairs 2"], min_points: int) -> Int[np.ndarray, "voxels"]:
    """Connected voxels of one colour class; large pieces that touch and are of nearly the same chroma are one."""
    first, second = pairs.T
    same = voxels.codes[first] == voxels.codes[second]
    labels = _components(len(voxels.keys), pairs[same])
    sizes = np.bincount(labels, weights=voxels.counts)
    chroma = _chroma(voxels.colors) * voxels.counts[:, None]
    means = np.stack([np.bincount(labels, weights=column) for column in chroma.T], axis=1) / sizes[:, None]
    touching = distinct_rows(labels[pairs[~same]])
    is_large = (sizes >= min_points)[touching].all(axis=1)
    alike = np.abs(means[touching[:, 0]] - means[touching[:, 1]]).sum(axis=1) < _ALIKE
    return _components(len(sizes), touching[is_large & alike])[labels]


def _components(count: int, pairs: Int[np.ndarray, "pairs 2"]) -> Int[np.ndarray, "nodes"]:
    ones = np.ones(len(pairs), dtype=np.int8)
    graph = coo_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _chroma(colors: Float[np.ndarray, "rows 3"]) -> Float[np.ndarray, "rows 3"]:
    """Colour without brightness."""
    return colors / np.maximum(colors.sum(1, keepdims=True), 0.1)


def _absorb_small(
    labels: Int[np.ndarray, "voxels"],
    voxels: _Voxels,
    pairs: Int[np.ndarray, "pairs 2"],
    min_points: int,
) -> Int[np.ndarray, "voxels"]:
    """Slivers go to a large piece of their own colour close by, else (mixed colours, glints) to the one they touch.

    Those that find neither become −1.
    """
    sizes = np.bincount(labels, weights=voxels.counts)
    is_small = sizes < min_points
    own_target = _near_alike(labels, voxels, is_small)
    touching = labels[pairs]
    across = touching[touching[:, 0] != touching[:, 1]]
    across = np.concatenate([across, across[:, ::-1]])
    across = across[is_small[across[:, 0]] & ~is_small[across[:, 1]]]
    target = np.full(len(sizes), -1)
    if len(across):
        kinds, counts = count_rows(across)
        order = np.argsort(counts, kind="stable")
        target[kinds[order, 0]] = kinds[order, 1]
    target = np.where(own_target >= 0, own_target, target)
    small: Bool[np.ndarray, "voxels"] = is_small[labels]
    result = labels.copy()
    result[small] = target[labels[small]]
    return result


def _near_alike(
    labels: Int[np.ndarray, "voxels"], voxels: _Voxels, is_small: Bool[np.ndarray, "pieces"]
) -> Int[np.ndarray, "pieces"]:
    """For each small piece the large piece of like chroma within a few voxels, by most votes; −1: none."""
    cells = np.stack([voxels.keys // _SPAN**2, voxels.keys // _SPAN % _SPAN, voxels.keys % _SPAN], axis=1)
    large = ~is_small[labels]
    result = np.full(len(is_small), -1)
    small = np.nonzero(~large)[0]
    if not large.any() or not len(small):
        return result
    places = np.nonzero(large)[0]
    chroma = _chroma(voxels.colors)
    # Chroma as three more coordinates: a step of 0.02 counts as one voxel.
    features = np.column_stack([cells, chroma * 50.0])
    distance, nearest = KDTree(features[places]).query(features[small], 1, 0, 2, _REACH_VOXELS)
    nearest = np.asarray(nearest)
    found = np.isfinite(distance)
    if found.any():
        votes = np.column_stack([labels[small[found]], labels[places[nearest[found]]]])
        kinds, counts = count_rows(votes)
        order = np.argsort(counts, kind="stable")
        result[kinds[order, 0]] = kinds[order, 1]
    return result
