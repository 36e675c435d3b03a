"""Images and scans become one coloured point cloud in the world frame, on the torch device.

In:  View: an image or scan with its sensor's pose in the world.
Out: a Cloud of what stands above the table; robot points taken out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from .geometry import back_project, near_capsules, transform_points
from .types import CameraImage, LidarScan, SupportSurface

_ABOVE_TABLE_M = 0.0035


@dataclass(frozen=True, slots=True)
class View:
    """A measurement and where its sensor was; `capsules` is the robot's body then (None: no robot)."""

    measured: CameraImage | LidarScan
    T_world_sensor: Float[np.ndarray, "4 4"]
    capsules: Float[np.ndarray, "capsules 7"] | None
    systematic_m: float

    @property
    def sensor(self) -> str:
        """Name of the sensor."""
        return self.measured.sensor


@dataclass(frozen=True, slots=True)
class Cloud:
    """Points above the table: world position, colour 0–1, and which view each is from.

    `spacing_m` is the distance between neighbouring points of each view on a surface that faces it (scans: NaN).
    """

    points_world: Float[Tensor, "points 3"]
    colors: Float[Tensor, "points 3"]
    view: Int[Tensor, "points"]
    sensors: tuple[str, ...]
    spacing_m: tuple[float, ...]

    def without(self, left_out: Shaped[Tensor, "points"]) -> Cloud:
        """The points that are not marked."""
        kept = ~left_out
        return replace(self, points_world=self.points_world[kept], colors=self.colors[kept], view=self.view[kept])


@dataclass(frozen=True, slots=True)
class _Volume:
    """Where objects can be: over the table, from above its noise to a height."""

    table: SupportSurface
    above_m: float
    max_height_m: float

    @property
    def low_m(self) -> float:
        return self.table.height_m + self.above_m

    @property
    def high_m(self) -> float:
        return self.table.height_m + self.max_height_m

    def contains(self, world: Float[Tensor, "points 3"]) -> Shaped[Tensor, "points"]:
        x0, y0, x1, y1 = self.table.bounds_world
        x, y, z = world.unbind(1)
        return (x > x0) & (x < x1) & (y > y0) & (y < y1) & (z > self.low_m) & (z < self.high_m)


def fuse_views(
    views: Sequence[View],
    corrections: dict[str, Float[np.ndarray, "4 4"]],
    table: SupportSurface,
    max_height_m: float,
    robot_margin_m: float,
    noises_m: dict[str, float],
    device: torch.device,
) -> Cloud:
    """All points above the table's noise and within its bounds, each view moved by its correction."""
    points, colors, view_index, spacing_m = [], [], [], []
    for number, view in enumerate(views):
        T_world_sensor = corrections.get(view.sensor, np.eye(4)) @ view.T_world_sensor
        pose = torch.as_tensor(T_world_sensor, dtype=torch.float32, device=device)
        volume = _Volume(table, max(_ABOVE_TABLE_M, 3.5 * noises_m.get(view.sensor, 0.0)), max_height_m)
        found, rgb, spacing = _points_above(view, pose, volume, device)
        if view.capsules is not None and len(found):
            capsules = torch.as_tensor(view.capsules, dtype=torch.float32, device=device)
            free = ~near_capsules(found, capsules, robot_margin_m)
            found, rgb = found[free], rgb[free]
        points.append(found)
        colors.append(rgb)
        view_index.append(torch.full((len(found),), number, dtype=torch.int64, device=device))
        spacing_m.append(spacing)
    if not points:
        empty = torch.zeros((0, 3), device=device)
        return Cloud(empty, empty, torch.zeros(0, dtype=torch.int64, device=device), (), ())
    sensors = tuple(view.sensor for view in views)
    return Cloud(torch.cat(points), torch.cat(colors), torch.cat(view_index), sensors, tuple(spacing_m))


def _points_above(
    view: View,
    T_world_sensor: Float[Tensor, "4 4"],
    volume: _Volume,
    device: torch.device,
) -> tuple[Float[Tensor, "points 3"], Float[Tensor, "points 3"], float]:
    """Points in the volume above the table, their colours (scans: none, NaN), the spacing on the table."""
    if isinstance(view.measured, LidarScan):
        world = transform_points(T_world_sensor, finite_scan(view.measured, device))
        world = world[volume.contains(world)]
        return world, torch.full_like(world, float("nan")), float("nan")
    image = view.measured
    depth_m = torch.nan_to_num(torch.as_tensor(image.depth_m, device=device), nan=0.0, posinf=0.0, neginf=0.0)
    # The height of every pixel first: most pixels see the table and need no more work.
    axes, i = T_world_sensor[2], image.intrinsics
    across = (torch.arange(i.width, device=device) - i.cx) * (axes[0] / i.fx)
    down = (torch.arange(i.height, device=device) - i.cy) * (axes[1] / i.fy)
    height = depth_m * (across[None, :] + down[:, None] + axes[2]) + axes[3]
    above = (height > volume.low_m) & (height < volume.high_m) & (depth_m > 0.05)
    v, u = torch.nonzero(above, as_tuple=True)
    world = transform_points(T_world_sensor, back_project(u, v, depth_m[v, u], image.intrinsics))
    inside = volume.contains(world)
    rgb = torch.as_tensor(image.rgb, device=device)[v[inside], u[inside]].to(torch.float32) / 255.0
    seen = depth_m[v, u][inside]
    spacing_m = float(seen.median()) / min(i.fx, i.fy) if len(seen) else 0.002
    return world[inside], rgb, spacing_m


def finite_scan(scan: LidarScan, device: torch.device) -> Float[Tensor, "points 3"]:
    """A scan's points in its own frame, on the device."""
    points = torch.as_tensor(scan.points_sensor, dtype=torch.float32, device=device)
    return points[torch.isfinite(points).all(1)]
