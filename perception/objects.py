"""Everything that stands on the table, measured in one look.

In:  Cloud of camera and LiDAR points above the table.
Out: Measurements: pose, size, colour, shape, honest covariance and the sensors that saw each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.sparse.csgraph import connected_components

from .align import align_views
from .arrange import Standing, arrange
from .colors import name_color
from .cubes import separate_cubes
from .describe import Part, classify, describe_segment
from .geometry import make_pose
from .handles import join_handles
from .measurement import Measurement
from .points import Cloud, View
from .recall import Recall
from .regroup import regroup
from .segmenter.segmenter import Segmenter
from .segments import Segment, split_segments
from .several import Fineness
from .types import Shape, SupportSurface

_MIN_HEIGHT_M = 0.006
_MIN_AREA_M2 = 0.00012
_SIDE_GAIN = 1.5
_HANDLE_AREA_M2 = 0.00015
_BESIDE_M, _OVER_M = 0.015, 0.08


@dataclass(frozen=True, slots=True)
class LookQuality:
    """What limits a look: depth noise, the sensors' unremovable error, where the cameras are.

    `has_cubes` takes bars of exactly two to four cubes apart.
    """

    noise_m: float
    systematic_m: float
    camera_xy: Float[np.ndarray, "2"]
    voxel_m: float
    min_points: int
    has_cubes: bool
    segmenter: Segmenter | None = None


FloorUnder = Callable[[Float[np.ndarray, "2"], float], float | None]


def measure_objects(
    cloud: Cloud,
    views: Sequence[View],
    table: SupportSurface,
    quality: LookQuality,
    recall: Recall,
    floor_under: FloorUnder = lambda place, top_m: None,
) -> list[Measurement]:
    """Recall what is as it was; of the rest split, align the views, and describe each cluster of pieces.

    `floor_under` says how high the board of furniture is, if any, on which something of a given top stands at a place.
    """
    recalled = recall.sort_out(cloud, views, table, quality.min_points, quality.noise_m)
    pieces = split_segments(recalled.left, quality.voxel_m, quality.min_points)
    if not pieces:
        return recalled.measurements
    aligned, _ = align_views([*pieces, *recalled.pieces], cloud.spacing_m)
    describe = _Describer(cloud, _lidar_points(cloud), table, quality, floor_under)
    described = [
        ([pieces[k] for k in cluster], describe([aligned[k] for k in cluster])) for cluster in _find_clusters(pieces)
    ]
    recall.remember(described, cloud, views, table)
    return [*recalled.measurements, *(m for _, measured in described for m in measured)]


def _find_clusters(pieces: Sequence[Segment]) -> list[list[int]]:
    """Pieces beside or over each other go together: only they can be one thing, or stand on one another."""
    low = np.array([p.points.min(axis=0) for p in pieces]) - _BESIDE_M / 2
    high = np.array([p.points.max(axis=0) for p in pieces]) + (_BESIDE_M / 2, _BESIDE_M / 2, _OVER_M)
    touching = (low[:, None] <= high).all(axis=2)
    _, labels = connected_components(touching & touching.T, directed=False)
    # The smallest first.
    order = sorted(range(labels.max() + 1), key=lambda label: -int(np.flatnonzero(labels == label).min()))
    return [np.flatnonzero(labels == label).tolist() for label in order]


@dataclass(frozen=True, slots=True)
class _Describer:
    """Turns the pieces of one cluster into Measurements."""

    cloud: Cloud
    lidar: dict[str, Float[np.ndarray, "points 3"]]
    table: SupportSurface
    quality: LookQuality
    floor_under: FloorUnder

    def __call__(self, pieces: Sequence[Segment]) -> list[Measurement]:
        """Describe, regroup what is of one colour, arrange, and put numbers on each."""
        quality, table_m = self.quality, self.table.height_m
        spacing_m = min((s for s in self.cloud.spacing_m if np.isfinite(s)), default=0.002)
        parts = [describe_segment(piece, quality.noise_m, spacing_m) for piece in pieces]
        parts = join_handles(parts, quality.noise_m, spacing_m)
        parts = regroup(
            parts,
            Fineness(quality.noise_m, spacing_m, quality.min_points, table_m, quality.has_cubes, quality.segmenter),
        )
        parts = [p for p in parts if p.top_m - table_m > _MIN_HEIGHT_M]
        standing = arrange(parts, table_m, quality.camera_xy, spacing_m)
        standing = [_on_furniture(s, self.floor_under(s.part.center, s.part.top_m)) for s in standing]
        standing = [s for s in standing if np.prod(s.part.size_m) > _MIN_AREA_M2]
        measured = [_measure(s, self.cloud, self.lidar, self.table, quality) for s in standing]
        return separate_cubes(measured) if quality.has_cubes else measured


def _on_furniture(standing: Standing, floor_m: float | None) -> Standing:
    is_lower = floor_m is not None and standing.support is None and standing.bottom_m < floor_m
    return replace(standing, bottom_m=floor_m) if floor_m is not None and is_lower else standing


def _lidar_points(cloud: Cloud) -> dict[str, Float[np.ndarray, "points 3"]]:
    """Points without colour, by sensor."""
    result = {}
    for number, (name, spacing_m) in enumerate(zip(cloud.sensors, cloud.spacing_m, strict=True)):
        if np.isnan(spacing_m):
            result[name] = cloud.points_world[cloud.view == number].cpu().numpy().astype(np.float64)
    return result


def _measure(
    standing: Standing,
    cloud: Cloud,
    lidar: dict[str, Float[np.ndarray, "points 3"]],
    table: SupportSurface,
    quality: LookQuality,
) -> Measurement:
    part = standing.part
    top_m, top_var = part.top_m, quality.noise_m**2 / max(part.num_top, 1) + (0.5 * quality.systematic_m) ** 2
    counts = np.bincount(part.segment.view, minlength=len(cloud.sensors))
    sources = [name for name, count in zip(cloud.sensors, counts, strict=True) if count >= quality.min_points // 3]
    for name, points in lidar.items():
        hits, mean, variance = _lidar_top(part, standing.bottom_m, points)
        if hits:
            sources.append(name)
        if variance is not None and abs(mean - top_m) < 0.015:
            gain = top_var / (top_var + variance)
            top_m, top_var = top_m + gain * (mean - top_m), (1 - gain) * top_var
    seen_by = [s for s, name in zip(cloud.spacing_m, cloud.sensors, strict=True) if name in sources and np.isfinite(s)]
    pixel_m = min(seen_by, default=0.003)
    height_m = max(top_m - standing.bottom_m, 0.002)
    shape, confidence = classify(part, height_m)
    yaw = _yaw(part, shape)
    size = np.array([*part.size_m, height_m])
    cavity_m = 0.0 if part.floor_m is None else max(top_m - part.floor_m, 0.0)
    # Of a covered object mostly sides are seen, which get less light than tops.
    gain = min(_SIDE_GAIN, 1.0 / max(float(part.color_rgb.max()), 0.1)) if standing.is_covered else 1.0
    color, color_confidence = name_color(part.color_rgb * gain)
    center = np.array([*part.center, (top_m + standing.bottom_m) / 2])
    return Measurement(
        make_pose(center, yaw),
        _covariance(part, shape, top_var, table, quality, standing.is_covered, len(sources), pixel_m),
        size,
        part.color_rgb,
        color,
        color_confidence,
        shape,
        confidence,
        tuple(sources),
        cavity_m,
        standing.is_covered,
        len(part.segment.points),
    )


def _yaw(part: Part, shape: Shape) -> float:
    """Direction of the object's x axis: the handle, the longer side, or for squares within ±45°."""
    if part.handle_rad is not None and shape is Shape.MUG:
        return part.handle_rad
    if part.is_round:
        return 0.0
    long, wide = part.rectangle.size_m
    if long - wide < 0.15 * long:
        return (part.rectangle.yaw_rad + math.pi / 4) % (math.pi / 2) - math.pi / 4
    return part.rectangle.yaw_rad


def _lidar_top(part: Part, bottom_m: float, points: Float[np.ndarray, "points 3"]) -> tuple[bool, float, float | None]:
    """Whether a scan hit the object, and its own opinion of the top's height with its variance (None: no opinion)."""
    near = points[(np.abs(points[:, :2] - part.center) < part.size_m.max() / 2 + 0.02).all(1)]
    on = near[part.contains(near[:, :2], 0.010)]
    on = on[(on[:, 2] > bottom_m + 0.008) & (on[:, 2] < part.top_m + 0.02)]
    tops = on[part.contains(on[:, :2], -0.006) & (np.abs(on[:, 2] - part.top_m) < 0.015)]
    if len(tops) < 4 or part.floor_m is not None:
        return len(on) >= 2, 0.0, None
    spread = float(np.clip(tops[:, 2].std(), 0.002, 0.02))
    return True, float(tops[:, 2].mean()), spread**2 / len(tops) + 0.002**2


def _covariance(
    part: Part,
    shape: Shape,
    top_var: float,
    table: SupportSurface,
    quality: LookQuality,
    is_covered: bool,
    num_sources: int,
    pixel_m: float,
) -> Float[np.ndarray, "6 6"]:
    """Of (x, y, z, rotation vector): boundary scatter over its length, the mounts' error, wider when half hidden."""
    spread = part.circle.spread_m if part.is_round else part.rectangle.spread_m
    hidden = 0.006 if is_covered else 0.0
    alone = 1.5 if num_sources < 2 else 1.0
    flat = (alone * quality.systematic_m) ** 2 + (spread / 3) ** 2 + (0.5 * pixel_m) ** 2 + hidden**2
    height = 0.25 * (top_var + table.height_std_m**2) + (hidden / 2) ** 2
    tilt = 0.02**2
    if part.is_round:
        has_handle = shape is Shape.MUG and part.handle_rad is not None
        # Half a handle points beside its middle.
        half_seen = max(1.0, _HANDLE_AREA_M2 / max(part.handle_area_m2, 1e-6))
        yaw = min(0.04 * half_seen if has_handle else math.inf, math.pi / math.sqrt(3)) ** 2
    else:
        yaw = (0.35 * (spread + 0.0006) / float(part.size_m.max())) ** 2 + (hidden / float(part.size_m.max())) ** 2
    return np.diag([flat, flat, height, tilt, tilt, yaw])
