"""What of a look is as it was: things that lie where described ones lay need not be described again.

In:  the Cloud of a look with its views; clusters of pieces that were described, with their Measurements.
Out: remembered Measurements of what is unchanged or hidden in part, and the Cloud of everything else.

A cluster is remembered as the cells around its points and as a Sight for each camera. It is as it was while no camera
that still stands there sees a change and no points beside it belong to nothing known; what hides it is no change.
Anything else is described anew, and so is what has not been described three times: one look errs, several average.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int

from .cells import distinct
from .measurement import Measurement
from .points import Cloud, View
from .segments import Segment
from .sight import Sight, take_sight
from .types import CameraImage, Shape, SupportSurface
from .visibility import depth_beyond, pixels_of

_CELL_M = 0.005
_SPAN = 1 << 16
_AROUND = np.array([(x * _SPAN + y) * _SPAN + z for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)])
_BESIDE_M, _OVER_M = 0.015, 0.08  # points this near to a cluster may belong to it, or stand on it
_STRAY_SHARE = 0.03
_BETTER = 1.4
_TABLE_M = 0.0015
_THROUGH_M, _MAX_THROUGH = 0.015, 0.25
_SAMPLE = 160
_BODY_M = 0.008
_ENOUGH_LOOKS = 3
_UNKNOWN_RAD2 = 1.0  # a mug's handle was not seen
_SAME_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class _Known:
    """A cluster as it was described: its cells and their neighbours, its box, and what each camera saw of it."""

    measurements: tuple[Measurement, ...]
    cells: Int[np.ndarray, " cells"]
    low_world: Float[np.ndarray, "3"]
    high_world: Float[np.ndarray, "3"]
    sights: dict[str, Sight]
    sample_world: Float[np.ndarray, "sample 3"]
    num_points: int
    num_described: int = 1

    @property
    def is_well_known(self) -> bool:
        """Described often enough for the errors of single looks to have averaged out, and nothing still to be found."""
        is_complete = all(m.shape is not Shape.MUG or m.covariance[5, 5] < _UNKNOWN_RAD2 for m in self.measurements)
        return is_complete and self.num_described >= _ENOUGH_LOOKS


@dataclass(frozen=True, slots=True)
class Recalled:
    """Measurements that still hold, their points as pieces, and the cloud of what is to be described."""

    measurements: list[Measurement]
    pieces: list[Segment]
    left: Cloud


@dataclass(frozen=True, slots=True)
class _Scene:
    """The points of a look as arrays, and the known cluster on which each lies (−1: none)."""

    points: Float[np.ndarray, "points 3"]
    colors: Float[np.ndarray, "points 3"]
    view: Int[np.ndarray, " points"]
    owner: Int[np.ndarray, " points"]

    def count_colored(self, num_known: int) -> list[int]:
        """How many points of cameras lie on each known cluster."""
        is_own = (self.owner >= 0) & np.isfinite(self.colors[:, 0])
        return np.bincount(self.owner[is_own], minlength=num_known).tolist()


class Recall:
    """The clusters that were described and have not changed since."""

    def __init__(self) -> None:
        self._known: list[_Known] = []
        self._table_m = 0.0
        self._cells: Int[np.ndarray, " cells"] = np.zeros(0, dtype=np.int64)
        self._owners: Int[np.ndarray, " cells"] = np.zeros(0, dtype=np.int64)
        self._to_learn: list[_Known] = []
        """Unchanged in this look, but not yet well known."""

    def sort_out(
        self, cloud: Cloud, views: Sequence[View], table: SupportSurface, min_points: int, noise_m: float
    ) -> Recalled:
        """Tell what is as it was from what must be described; what has changed is forgotten."""
        if self._known and abs(table.height_m - self._table_m) > _TABLE_M:
            self._keep([])
        self._to_learn = []
        if not self._known:
            return Recalled([], [], cloud)
        scene = self._look_up(cloud)
        touched = self._touched(scene, min_points)
        counts = scene.count_colored(len(self._known))
        same = [
            k
            for k, known in enumerate(self._known)
            if not touched[k] and _is_as_it_was(known, counts[k], views, noise_m)
        ]
        kept = [k for k in same if self._known[k].is_well_known]
        self._to_learn = [self._known[k] for k in same if not self._known[k].is_well_known]
        measurements: list[Measurement] = []
        pieces: list[Segment] = []
        for k in kept:
            own = np.flatnonzero(scene.owner == k)
            if len(own):
                piece = Segment(scene.points[own], scene.colors[own], scene.view[own])
                pieces.append(piece)
                measurements += _seen_again(self._known[k], piece, cloud, min_points)
        is_left = ~np.isin(scene.owner, kept)
        self._keep([self._known[k] for k in kept])
        return Recalled(measurements, pieces, cloud.without(torch.as_tensor(~is_left, device=cloud.view.device)))

    def remember(
        self,
        clusters: Sequence[tuple[Sequence[Segment], Sequence[Measurement]]],
        cloud: Cloud,
        views: Sequence[View],
        table: SupportSurface,
    ) -> None:
        """Keep what was described in this look, for the next ones."""
        if not clusters:
            return
        first = len(self._known)
        if first == 0:
            self._table_m = table.height_m
        described = (_make_known(pieces, measured) for pieces, measured in clusters)
        self._keep([*self._known, *(self._learn(known) for known in described)])
        # As later looks will see it: with every point that lies on its cells.
        scene = self._look_up(cloud)
        counts = scene.count_colored(len(self._known))
        for k in range(first, len(self._known)):
            self._known[k] = replace(self._known[k], num_points=counts[k], sights=_take_sights(scene, k, views))

    def _learn(self, known: _Known) -> _Known:
        """How often this cluster has been described by now."""
        own = _keys(known.sample_world)
        before = [k.num_described for k in self._to_learn if _share_within(own, k.cells) > _SAME_SHARE]
        return replace(known, num_described=1 + max(before, default=0))

    def _keep(self, known: list[_Known]) -> None:
        if len(known) == len(self._known) and all(a is b for a, b in zip(known, self._known, strict=True)):
            return
        self._known = known
        cells = np.concatenate([k.cells for k in known] or [np.zeros(0, dtype=np.int64)])
        owners = np.repeat(np.arange(len(known)), [len(k.cells) for k in known])
        order = np.argsort(cells, kind="stable")
        self._cells, self._owners = cells[order], owners[order]

    def _look_up(self, cloud: Cloud) -> _Scene:
        points = cloud.points_world.cpu().numpy().astype(np.float64)
        colors = cloud.colors.cpu().numpy().astype(np.float64)
        view = cloud.view.cpu().numpy()
        keys = _keys(points)
        place = np.minimum(np.searchsorted(self._cells, keys), len(self._cells) - 1)
        owner = np.where(self._cells[place] == keys, self._owners[place], -1)
        return _Scene(points, colors, view, owner)

    def _touched(self, scene: _Scene, min_points: int) -> list[bool]:
        """For each known cluster whether points beside it or over it belong to nothing known."""
        strays = scene.points[(scene.owner < 0) & np.isfinite(scene.colors[:, 0])]
        low = np.array([k.low_world for k in self._known]) - _BESIDE_M
        high = np.array([k.high_world for k in self._known]) + (_BESIDE_M, _BESIDE_M, _OVER_M)
        inside = (strays[:, None] > low).all(axis=2) & (strays[:, None] < high).all(axis=2)
        limits = [max(min_points / 2, _STRAY_SHARE * k.num_points) for k in self._known]
        return (inside.sum(axis=0) > limits).tolist()


def _keys(points: Float[np.ndarray, "points 3"]) -> Int[np.ndarray, " points"]:
    cells = np.floor(points / _CELL_M).astype(np.int64) + _SPAN // 2
    return (cells[:, 0] * _SPAN + cells[:, 1]) * _SPAN + cells[:, 2]


def _share_within(keys: Int[np.ndarray, " keys"], cells: Int[np.ndarray, " cells"]) -> float:
    place = np.minimum(np.searchsorted(cells, keys), len(cells) - 1)
    return float((cells[place] == keys).mean())


def _make_known(pieces: Sequence[Segment], measured: Sequence[Measurement]) -> _Known:
    points = np.concatenate([piece.points for piece in pieces])
    cells = distinct((distinct(_keys(points))[:, None] + _AROUND).ravel())
    sample = points[:: max(1, len(points) // _SAMPLE)]
    return _Known(tuple(measured), cells, points.min(axis=0), points.max(axis=0), {}, sample, 0)


def _take_sights(scene: _Scene, k: int, views: Sequence[View]) -> dict[str, Sight]:
    sights: dict[str, Sight] = {}
    for number, view in enumerate(views):
        if isinstance(view.measured, CameraImage):
            pixels = pixels_of(scene.points[(scene.owner == k) & (scene.view == number)], view)
            if (sight := take_sight(view, pixels[:, 1], pixels[:, 0])) is not None:
                sights[view.sensor] = sight
    return sights


def _is_as_it_was(known: _Known, num_points: int, views: Sequence[View], noise_m: float) -> bool:
    """Whether nothing in this look speaks against a cluster."""
    sights = [(view, sight) for view in views if (sight := known.sights.get(view.sensor)) and sight.is_from(view)]
    if any(sight.has_changed(view, noise_m) for view, sight in sights):
        return False
    if sights:
        return num_points <= _BETTER * known.num_points
    # From another place nothing can be compared; only where hardly anything is seen of it, memory is better.
    return num_points < known.num_points / 2 and not _is_seen_through(known, views)


def _is_seen_through(known: _Known, views: Sequence[View]) -> bool:
    through, on = np.zeros((2, len(known.sample_world)), dtype=bool)
    for view in views:
        if isinstance(view.measured, CameraImage):
            beyond_m = depth_beyond(known.sample_world, view)
            through |= beyond_m > _THROUGH_M
            on |= np.abs(beyond_m) <= _THROUGH_M
    return float((through & ~on).mean()) > _MAX_THROUGH


def _seen_again(known: _Known, piece: Segment, cloud: Cloud, min_points: int) -> list[Measurement]:
    """The cluster's measurements that show in this look, with the sensors that saw them now."""
    again: list[Measurement] = []
    for measured in known.measurements:
        view = piece.view
        if len(known.measurements) > 1:
            local = (piece.points - measured.pose_world[:3, 3]) @ measured.pose_world[:3, :3]
            view = view[(np.abs(local) < measured.size_m / 2 + _BODY_M).all(axis=1)]
        counts = np.bincount(view, minlength=len(cloud.sensors))
        is_scan = np.isnan(cloud.spacing_m)
        enough = counts >= np.where(is_scan, 2, max(1, min_points // 3))
        sources = tuple(name for name, is_enough in zip(cloud.sensors, enough, strict=True) if is_enough)
        if sources:
            again.append(replace(measured, sources=sources, num_points=int(counts[~is_scan].sum())))
    return again
