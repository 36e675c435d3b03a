"""What each sensor shows around the places where objects are thought to be.

In:  Candidates (rough boxes), camera pictures and scans as tensors with their poses, labels where they are known.
Out: Evidence: for each candidate and sensor a crop or points relative to the candidate's place, that sensor's own
     classical estimate of the centre with its variance, and its health. Axis 0 is the robot, axis 1 the candidate.

A sensor that is not there is one of health 0: whatever its numbers are, they are replaced by zeros before anything
looks at them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from ..types import Intrinsics
from .estimates import Estimate, Scatter, estimate_centers

CROP, FINE = 32, 64
NUM_POINTS, FINE_POINTS = 128, 512
SCALE_M = 0.1
"""Lengths are given to networks in these."""
GROW_M = 0.012
FLOOR_GAP_M = 0.0035
NEAR_M = 0.05
WINDOW = 1.15
MIN_WINDOW_PIXELS = 8.0


@dataclass(frozen=True, slots=True)
class Candidates:
    """Where objects are thought to be: upright boxes. `is_there` tells candidates from padding."""

    T_world_box: Float[Tensor, "robots regions 4 4"]
    size_m: Float[Tensor, "robots regions 3"]
    is_there: Bool[Tensor, "robots regions"]

    @property
    def place_world(self) -> Float[Tensor, "robots regions 3"]:
        """Centres of the boxes, to which all evidence is relative."""
        return self.T_world_box[..., :3, 3]


@dataclass(frozen=True, slots=True)
class CameraBatch:
    """One camera of every robot. `labels` is -1 where nothing is labelled; `health` is 0 where it is not there.

    `noise_m` is one sigma of depth as found on the table, `lens` is fx, fy, cx, cy.
    """

    rgb: UInt8[Tensor, "robots height width 3"]
    depth_m: Float[Tensor, "robots height width"]
    T_world_camera: Float[Tensor, "robots 4 4"]
    lens: Float[Tensor, "robots 4"]
    noise_m: Float[Tensor, "robots"]
    health: Float[Tensor, "robots"]
    labels: Int[Tensor, "robots height width"] | None = None


@dataclass(frozen=True, slots=True)
class ScanBatch:
    """One LiDAR of every robot; padding points are NaN."""

    points_world: Float[Tensor, "robots points 3"]
    origin_world: Float[Tensor, "robots 3"]
    intensity: Float[Tensor, "robots points"]
    noise_m: Float[Tensor, "robots"]
    health: Float[Tensor, "robots"]
    labels: Int[Tensor, "robots points"] | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """By robot, candidate and sensor (cameras first). Lengths in crops and points are in SCALE_M.

    A crop holds red, green, blue, x, y, z, whether the pixel is taken for the object's, whether it has depth.
    A point holds x, y, z, intensity, and 1. `toward_m` is the way from the place to the sensor.
    """

    crops: Float[Tensor, "robots regions cameras 8 rows columns"]
    points: Float[Tensor, "robots regions lidars points 5"]
    estimate_m: Float[Tensor, "robots regions sensors 3"]
    variance_m2: Float[Tensor, "robots regions sensors 3"]
    toward_m: Float[Tensor, "robots regions sensors 3"]
    health: Float[Tensor, "robots regions sensors"]
    size_m: Float[Tensor, "robots regions 3"]
    is_there: Bool[Tensor, "robots regions"]

    @property
    def num_cameras(self) -> int:
        """How many of the sensors are cameras."""
        return self.crops.shape[2]

    def with_health(self, health: Float[Tensor, "robots regions sensors"]) -> Evidence:
        """The same with other health."""
        return replace(self, health=health)

    def without(self, sensors: Sequence[int]) -> Evidence:
        """The same with some sensors not there."""
        health = self.health.clone()
        health[..., list(sensors)] = 0.0
        return self.with_health(health)

    def to(self, device: torch.device | str) -> Evidence:
        """On another device, as it is stored."""
        return Evidence(*(getattr(self, f.name).to(device) for f in fields(self)))

    def float(self) -> Evidence:
        """In single precision."""
        moved = {f.name: getattr(self, f.name) for f in fields(self)}
        return Evidence(**{name: v if v.dtype == torch.bool else v.float() for name, v in moved.items()})

    def only_what_is_there(self) -> Evidence:
        """Health within 0 to 1, and zeros for all that a sensor of health 0, or no number, says."""
        finite = torch.isfinite(self.estimate_m).all(-1) & torch.isfinite(self.variance_m2).all(-1)
        health = torch.nan_to_num(self.health, nan=0.0, posinf=0.0, neginf=0.0).clamp(0.0, 1.0)
        health = torch.where(self.is_there[..., None], health, 0.0)
        heard = health > 0.0
        cameras, lidars = heard[..., : self.num_cameras], heard[..., self.num_cameras :]
        known = (heard & finite)[..., None]
        return Evidence(
            _kept(self.crops, cameras[..., None, None, None]),
            _kept(self.points, lidars[..., None, None]),
            torch.where(known, self.estimate_m, 0.0),
            torch.where(known, self.variance_m2, torch.inf),
            _kept(self.toward_m, heard[..., None]),
            health,
            torch.nan_to_num(self.size_m, nan=0.05, posinf=0.05, neginf=0.05).clamp(0.002, 1.0),
            self.is_there,
        )


def _kept(values: Tensor, is_kept: Tensor) -> Tensor:
    return torch.where(is_kept, torch.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0), 0.0)


def lens_of(intrinsics: Intrinsics) -> tuple[float, float, float, float]:
    """Focal lengths and centre as CameraBatch wants them."""
    return intrinsics.fx, intrinsics.fy, intrinsics.cx, intrinsics.cy


def gather(
    candidates: Candidates,
    cameras: Sequence[CameraBatch],
    scans: Sequence[ScanBatch],
    wanted: Int[Tensor, "robots regions"] | None = None,
) -> Evidence:
    """The evidence of all sensors; what belongs to a candidate is told by its label if `wanted`, else by its box."""
    robots, regions = candidates.is_there.shape
    seen = [_look_at(candidates, camera, wanted) for camera in cameras]
    swept = [_pick_points(candidates, scan, wanted) for scan in scans]
    device = candidates.size_m.device
    crops = [crop for crop, _, _ in seen]
    points = [points for points, _, _ in swept]
    estimates = [estimate for _, estimate, _ in (*seen, *swept)]
    nothing = torch.zeros(robots, regions, 0, 3, device=device)
    origins = [*(camera.T_world_camera[:, :3, 3] for camera in cameras), *(scan.origin_world for scan in scans)]
    toward = [origin[:, None] - candidates.place_world for origin in origins]
    return Evidence(
        torch.stack(crops, 2) if crops else torch.zeros(robots, regions, 0, 8, CROP, CROP, device=device),
        torch.stack(points, 2) if points else torch.zeros(robots, regions, 0, NUM_POINTS, 5, device=device),
        torch.stack([e.center_m for e in estimates], 2) if estimates else nothing,
        torch.stack([e.variance_m2 for e in estimates], 2) if estimates else nothing,
        torch.stack(toward, 2) if toward else nothing,
        torch.stack([health for _, _, health in (*seen, *swept)], 2) if estimates else nothing[..., 0],
        candidates.size_m,
        candidates.is_there,
    )


def _look_at(
    candidates: Candidates, camera: CameraBatch, wanted: Int[Tensor, "robots regions"] | None
) -> tuple[Tensor, Estimate, Tensor]:
    """Crop, estimate and health of one camera for each candidate."""
    low, high, is_ahead = _windows(candidates, camera)
    height, width = camera.depth_m.shape[1:]
    steps = (torch.arange(FINE, device=low.device) + 0.5) / FINE
    u = (low[..., 0:1] + (high - low)[..., 0:1] * steps).round().long()
    v = (low[..., 1:2] + (high - low)[..., 1:2] * steps).round().long()
    is_inside = ((v >= 0) & (v < height))[..., :, None] & ((u >= 0) & (u < width))[..., None, :]
    row, column = v.clamp(0, height - 1)[..., :, None], u.clamp(0, width - 1)[..., None, :]
    robot = torch.arange(len(low), device=low.device)[:, None, None, None]
    depth_m = torch.where(is_inside, camera.depth_m[robot, row, column], 0.0)
    has_depth = torch.isfinite(depth_m) & (depth_m > NEAR_M)
    depth_m = torch.where(has_depth, depth_m, 0.0)
    rgb = torch.where(is_inside[..., None], camera.rgb[robot, row, column], 0).to(depth_m) / 255.0
    fx, fy, cx, cy = camera.lens[:, None, None, None].unbind(-1)
    points = torch.stack([(column - cx) / fx * depth_m, (row - cy) / fy * depth_m, depth_m], -1)
    T_world_camera = camera.T_world_camera[:, None, None]
    world = points @ T_world_camera[..., :3, :3].mT + T_world_camera[..., :3, 3][..., None, :]
    relative = world - candidates.place_world[:, :, None, None]
    if wanted is None or camera.labels is None:
        is_mine = has_depth & _is_in_box(candidates, relative.flatten(2, 3), camera.noise_m).view(has_depth.shape)
    else:
        labels = torch.where(is_inside, camera.labels[robot, row, column], -1)
        is_mine = has_depth & (labels == wanted[:, :, None, None])
    pixel_m = (depth_m * is_mine).sum((2, 3)) / is_mine.sum((2, 3)).clamp_min(1) / camera.lens[:, None, 0]
    spacing_m = torch.maximum(pixel_m, (high - low).amax(-1) / FINE * pixel_m)
    scatter = Scatter(spacing_m, camera.noise_m)
    estimate = estimate_centers(relative.flatten(2, 3), is_mine.flatten(2), candidates, scatter, is_dense=True)
    relative = torch.where(has_depth[..., None], relative / SCALE_M, 0.0).clamp(-8.0, 8.0)
    marks = torch.stack([is_mine, has_depth], -1).to(rgb)
    crop = torch.cat([rgb, relative, marks], -1)[:, :, ::2, ::2].permute(0, 1, 4, 2, 3)
    in_view = is_ahead & is_inside.flatten(2).any(-1)
    return crop, estimate, camera.health[:, None] * in_view


def _windows(candidates: Candidates, camera: CameraBatch) -> tuple[Tensor, Tensor, Tensor]:
    """Square windows of the picture around the boxes: low and high corner (u, v), and whether they lie ahead."""
    signs = torch.tensor([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], device=camera.depth_m.device)
    corners = signs * (candidates.size_m / 2 + GROW_M)[:, :, None]
    T_world_box, T_world_camera = candidates.T_world_box, camera.T_world_camera[:, None]
    world = corners @ T_world_box[..., :3, :3].mT + T_world_box[..., None, :3, 3]
    local = (world - T_world_camera[..., None, :3, 3]) @ T_world_camera[..., :3, :3]
    is_ahead = (local[..., 2] > NEAR_M).all(-1)
    z = local[..., 2:].clamp_min(NEAR_M)
    fx, fy, cx, cy = camera.lens[:, None, None].unbind(-1)
    uv = torch.stack([local[..., 0] / z[..., 0] * fx + cx, local[..., 1] / z[..., 0] * fy + cy], -1)
    low, high = uv.amin(2), uv.amax(2)
    half = ((high - low).amax(-1, keepdim=True) / 2 * WINDOW).clamp_min(MIN_WINDOW_PIXELS)
    middle = (low + high) / 2
    return middle - half, middle + half, is_ahead


def _pick_points(
    candidates: Candidates, scan: ScanBatch, wanted: Int[Tensor, "robots regions"] | None
) -> tuple[Tensor, Estimate, Tensor]:
    """Points, estimate and health of one LiDAR for each candidate; too many are thinned evenly."""
    place = candidates.place_world
    relative = scan.points_world[:, None] - place[:, :, None]
    if wanted is None or scan.labels is None:
        is_mine = _is_in_box(candidates, relative, scan.noise_m)
    else:
        is_mine = (scan.labels[:, None] == wanted[..., None]) & torch.isfinite(relative).all(-1)
    order = torch.argsort((~is_mine).to(torch.uint8), dim=-1, stable=True)
    count = is_mine.sum(-1, keepdim=True)
    rank = torch.arange(FINE_POINTS, device=place.device)
    chosen = torch.where(count > FINE_POINTS, rank * count // FINE_POINTS, rank).clamp_max(order.shape[-1] - 1)
    index = order.gather(-1, chosen)
    is_point = rank < count
    picked = torch.where(is_point[..., None], relative.gather(2, index[..., None].expand(*index.shape, 3)), 0.0)
    bright = torch.where(is_point, scan.intensity[:, None].expand(*relative.shape[:3]).gather(2, index), 0.0)
    # Points of a sweep are as far apart as so many share the box.
    area_m2 = candidates.size_m[..., 0] * candidates.size_m[..., 1]
    scatter = Scatter((area_m2 / count[..., 0].clamp_min(1)).sqrt().clamp(0.001, 0.02), scan.noise_m)
    estimate = estimate_centers(picked, is_point, candidates, scatter, is_dense=False)
    count = is_point.sum(-1, keepdim=True)
    few = torch.arange(NUM_POINTS, device=place.device)
    thinned = torch.where(count > NUM_POINTS, few * count // NUM_POINTS, few)
    values = torch.cat([picked / SCALE_M, bright[..., None], is_point[..., None].to(picked)], -1)
    points = values.gather(2, thinned[..., None].expand(*thinned.shape, 5))
    return points, estimate, scan.health[:, None].expand(place.shape[:2])


def _is_in_box(
    candidates: Candidates, relative: Float[Tensor, "robots regions points 3"], noise_m: Float[Tensor, "robots"]
) -> Bool[Tensor, "robots regions points"]:
    """Within the grown box and above what the candidate stands on."""
    local = relative @ candidates.T_world_box[..., :3, :3]
    half = candidates.size_m / 2
    across = (local[..., :2].abs() <= half[..., None, :2] + GROW_M).all(-1)
    up = local[..., 2]
    floor_m = (3.5 * noise_m).clamp_min(FLOOR_GAP_M)[:, None, None] - half[..., None, 2]
    return across & (up > floor_m) & (up < half[..., None, 2] + GROW_M)
