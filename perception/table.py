"""Find the table and level every sensor on it.

In:  the lattice of each sensor: a thin sample of its points in the world, on surfaces that face up.
Out: the support surface, and for each sensor a small correction that puts its table at that height, level.
A mount that is off by a fraction of a degree shifts heights by millimetres at a metre: this takes it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from .geometry import near_capsules, rotation_between
from .lattice import Lattice
from .ranks import middle_value, value_at, values_at
from .types import SupportSurface

_STRIP_M = 0.02
_NARROW = 0.35  # of the usual width; the visible part of a table narrows towards the camera, but less
_BIN_M = 0.01
_BAND_M = 0.02
_LEVEL_M = 0.012
_MAX_TILT_RAD = 0.06
_MIN_POINTS = 60
_GRAM = np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]])
_ROBOT_M = 0.04


@dataclass(frozen=True, slots=True)
class SurfaceSample:
    """A sensor's points in the world that lie on surfaces that face up (all, if that is unknown)."""

    sensor: str
    points_world: Float[np.ndarray, "points 3"]
    origin_world: Float[np.ndarray, "3"]
    systematic_m: float
    capsules: Float[np.ndarray, "capsules 7"] | None = None

    def near_height(self, height_m: float) -> Float[np.ndarray, "points 3"]:
        """Points in a band around a height, without the robot's own (its foot stands on the table's level)."""
        points = self.points_world[np.abs(self.points_world[:, 2] - height_m) < _BAND_M].astype(np.float64)
        if self.capsules is None or not len(self.capsules):
            return points
        low = np.minimum(self.capsules[:, 2], self.capsules[:, 5]) - self.capsules[:, 6]
        near = torch.as_tensor(self.capsules[low < height_m + _BAND_M + _ROBOT_M])
        return points[~near_capsules(torch.as_tensor(points), near, _ROBOT_M).numpy()]


def sample_surface(lattice: Lattice) -> SurfaceSample:
    """What of a view can be table."""
    view = lattice.view
    points_world = lattice.upward_world.cpu().numpy()
    return SurfaceSample(view.sensor, points_world, view.T_world_sensor[:3, 3], view.systematic_m, view.capsules)


@dataclass(frozen=True, slots=True)
class PlaneFit:
    """One sensor's table: height where the sensor's points are centred, unit normal, standard deviations."""

    sensor: str
    height_m: float
    std_m: float
    noise_m: float
    normal: Float[np.ndarray, "3"]
    center: Float[np.ndarray, "2"]
    num_points: int

    @property
    def tilt_rad(self) -> float:
        """Angle of the normal to world z."""
        return float(np.arccos(np.clip(self.normal[2], -1.0, 1.0)))


@dataclass(frozen=True, slots=True)
class TableFit:
    """The table and each sensor's own view of it."""

    surface: SupportSurface
    planes: dict[str, PlaneFit]
    disagreeing: tuple[str, ...]


def find_table(
    samples: Sequence[SurfaceSample], expected_m: float | None, known: SupportSurface | None
) -> TableFit | None:
    """The horizontal surface that most upward points lie on, near the expected height if given; None: not seen."""
    height_m = known.height_m if known is not None else _strongest_height(samples, expected_m)
    if height_m is None:
        return None
    planes: dict[str, PlaneFit] = {}
    near = [sample.near_height(height_m) for sample in samples]
    for sample, points in zip(samples, near, strict=True):
        plane = _fit_plane(sample, points)
        if plane is not None:
            planes[sample.sensor] = plane
    if not planes:
        return None
    weights = np.array([1.0 / p.std_m**2 for p in planes.values()])
    heights = np.array([p.height_m for p in planes.values()])
    fused_m, disagreeing = _fuse_heights(heights, weights, tuple(planes))
    good = [p for p in planes.values() if p.sensor not in disagreeing]
    normal = sum((p.normal * p.num_points for p in good), start=np.zeros(3))
    tilt_rad = float(np.arccos(np.clip(normal[2] / np.linalg.norm(normal), -1.0, 1.0)))
    std_m = float(1.0 / np.sqrt(sum(1.0 / p.std_m**2 for p in good)))
    bounds = _bounds(near, fused_m, known)
    return TableFit(SupportSurface(fused_m, std_m, bounds, tilt_rad), planes, disagreeing)


def level_correction(
    plane: PlaneFit, origin_world: Float[np.ndarray, "3"], height_m: float
) -> Float[np.ndarray, "4 4"]:
    """T_level_world: turns the sensor about its own origin until its table is level, then lifts it to the height."""
    correction = np.eye(4)
    if plane.tilt_rad < _MAX_TILT_RAD:
        correction[:3, :3] = rotation_between(plane.normal, np.array([0.0, 0.0, 1.0]))
    correction[:3, 3] = origin_world - correction[:3, :3] @ origin_world
    on_plane = np.array([plane.center[0], plane.center[1], plane.height_m])
    correction[2, 3] += height_m - float((correction[:3, :3] @ on_plane + correction[:3, 3])[2])
    return correction


def _strongest_height(samples: Sequence[SurfaceSample], expected_m: float | None) -> float | None:
    heights = np.concatenate([s.points_world[:, 2] for s in samples] or [np.zeros(0)]).astype(np.float64)
    heights = heights[np.isfinite(heights)]
    if expected_m is not None:
        heights = heights[np.abs(heights - expected_m) < 0.05]
    if len(heights) < _MIN_POINTS:
        return None
    low = float(heights.min())
    counts = np.bincount(((heights - low) / _BIN_M).astype(np.int64))
    smooth = np.convolve(counts, [1, 1, 1], mode="same")
    best = int(np.argmax(smooth))
    if smooth[best] < max(_MIN_POINTS, 0.08 * len(heights)):
        return None
    inside = np.abs(heights - (low + (best + 0.5) * _BIN_M)) < 1.5 * _BIN_M
    return float(np.median(heights[inside]))


def _fit_plane(sample: SurfaceSample, points: Float[np.ndarray, "points 3"]) -> PlaneFit | None:
    """Least squares on the sample's points near the height, trimmed three times."""
    if len(points) < _MIN_POINTS:
        return None
    center = points[:, :2].mean(0)
    x, y = np.ascontiguousarray((points[:, :2] - center).T)
    z = np.ascontiguousarray(points[:, 2])
    # Products once: trimming only changes which of them are summed.
    products = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y, z, z * x, z * y])
    middle_m = middle_value(z)
    keep = np.abs(z - middle_m) < 0.012
    solution, noise_m = np.array([middle_m, 0.0, 0.0]), 0.002
    for _ in range(4):
        if keep.sum() < _MIN_POINTS:
            return None
        sums = products @ keep
        solution = np.linalg.solve(sums[_GRAM] + 1e-9 * np.eye(3), sums[6:])
        residual = np.abs(z - solution @ products[:3])
        noise_m = max(1.4826 * middle_value(residual[keep]), 1e-4)
        keep = residual < max(2.5 * noise_m, 1e-3)
    normal = np.array([-solution[1], -solution[2], 1.0])
    normal /= np.linalg.norm(normal)
    std_m = float(np.hypot(noise_m / np.sqrt(keep.sum()), sample.systematic_m))
    return PlaneFit(sample.sensor, float(solution[0]), std_m, noise_m, normal, center, int(keep.sum()))


def _fuse_heights(
    heights: Float[np.ndarray, "planes"], weights: Float[np.ndarray, "planes"], names: tuple[str, ...]
) -> tuple[float, tuple[str, ...]]:
    """Weighted mean; with three or more opinions, those far from the median are left out and named."""
    far = np.zeros(len(heights), dtype=bool)
    if len(heights) >= 3:
        far = np.abs(heights - np.median(heights)) > np.maximum(4.0 / np.sqrt(weights), 0.006)
    elif len(heights) == 2 and abs(heights[0] - heights[1]) > 0.015:
        return float(heights[int(np.argmax(weights))]), names
    fused_m = float((heights * weights)[~far].sum() / weights[~far].sum())
    return fused_m, tuple(name for name, is_far in zip(names, far, strict=True) if is_far)


def _wide_part(along: Float[np.ndarray, " points"], across: Float[np.ndarray, " points"]) -> tuple[float, float]:
    """Ends of the stretch in which the points reach far across, the last 0.2% on each side left out."""
    strips = np.floor(along / _STRIP_M).astype(np.int64)
    strips -= strips.min()
    count = int(strips.max()) + 1
    leftmost, rightmost = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(leftmost, strips, across)
    np.maximum.at(rightmost, strips, across)
    widths = np.maximum(rightmost - leftmost, 0.0)
    wide = np.flatnonzero(widths >= _NARROW * value_at(widths, 0.90))
    inside = along[(strips >= wide[0]) & (strips <= wide[-1])]
    low, high = values_at(inside, 0.002, 0.998).tolist()
    return low, high


def _bounds(
    near: Sequence[Float[np.ndarray, "_ 3"]], height_m: float, known: SupportSurface | None
) -> tuple[float, float, float, float]:
    """Rectangle of the table's points without narrow ends, such as a pedestal level with it; it only grows later."""
    points = np.concatenate(near)
    xy = points[np.abs(points[:, 2] - height_m) < _LEVEL_M, :2]
    (x_low, x_high), (y_low, y_high) = _wide_part(xy[:, 0], xy[:, 1]), _wide_part(xy[:, 1], xy[:, 0])
    low, high = np.array([x_low, y_low]), np.array([x_high, y_high])
    if known is not None:
        low, high = np.minimum(low, known.bounds_world[:2]), np.maximum(high, known.bounds_world[2:])
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
