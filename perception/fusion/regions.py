"""Regions to train and measure fusion on: labelled looks turned into evidence with the truth beside it.

In:  LabelledLooks; a generator that draws how rough the candidates are.
Out: Regions: Evidence and Targets of many looks, a look where the network has a robot; files of them.

Candidates are what a detector gives: the truth, moved, stretched and turned a little, and some where nothing stands.
Half of the looks tell each candidate's pixels by their labels, as a segmenter does, the others by the candidate's box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..colors import PALETTE
from ..geometry import make_pose
from ..labelled_looks import LabelledLook
from ..lattice import lay_out
from ..points import View
from ..table import find_table, level_correction, sample_surface
from ..types import CameraImage, LidarScan, ObjectState, Shape
from .evidence import CameraBatch, Candidates, Evidence, ScanBatch, gather, lens_of

SHAPES = (Shape.BLOCK, Shape.CYLINDER, Shape.BOWL, Shape.MUG, Shape.PLATE, Shape.TRAY, Shape.BOX, Shape.THING)
COLORS = tuple(PALETTE)
MOST_REGIONS, MOST_CAMERAS, MOST_POINTS = 11, 3, 8192
EMPTY_PLACES = 2
ROUGH = (0.001, 0.010)
"""One sigma of a candidate's place, m: drawn for each look between a good detector's and a poor one's."""
ROUGH_SIZE, ROUGH_YAW_RAD, ROUGH_FLOOR_M = 0.06, 0.06, 0.0015
NEAR_TABLE_M = 0.45


@dataclass(frozen=True, slots=True)
class Targets:
    """The truth of each candidate; `center_m` relative to its place. Where nothing stands only `exists` counts."""

    center_m: Float[Tensor, "robots regions 3"]
    size_m: Float[Tensor, "robots regions 3"]
    shape: Int[Tensor, "robots regions"]
    color: Int[Tensor, "robots regions"]
    exists: Bool[Tensor, "robots regions"]


@dataclass(frozen=True, slots=True)
class Regions:
    """Evidence with targets. `condition` is for each sensor 0 absent, 1 ok, 2 dark, 3 noisy, 4 sparse."""

    evidence: Evidence
    targets: Targets
    is_moving: Bool[Tensor, "robots"]
    condition: Int[Tensor, "robots sensors"]
    seed: Int[Tensor, "robots"]

    def __len__(self) -> int:
        return len(self.is_moving)

    def take(self, index: Int[Tensor, "chosen"] | slice) -> Regions:
        """Some of the looks."""
        return Regions(
            Evidence(*(getattr(self.evidence, f.name)[index] for f in fields(Evidence))),
            Targets(*(getattr(self.targets, f.name)[index] for f in fields(Targets))),
            self.is_moving[index],
            self.condition[index],
            self.seed[index],
        )

    def to(self, device: torch.device | str) -> Regions:
        """On a device."""
        moved = Targets(*(getattr(self.targets, f.name).to(device) for f in fields(Targets)))
        return Regions(self.evidence.to(device), moved, self.is_moving.to(device), self.condition.to(device), self.seed)


CONDITIONS = ("absent", "ok", "dark", "noisy", "sparse")


def make_regions(look: LabelledLook, rng: np.random.Generator) -> Regions:
    """The regions of one look; what is hidden from every sensor is left out."""
    views = _level(_views(look))
    is_shown = np.zeros(len(look.objects), bool)
    for instances in look.instances.values():
        is_shown[np.unique(instances[instances >= 0])] = True
    shown = [k for k in range(len(look.objects)) if is_shown[k]][: MOST_REGIONS - EMPTY_PLACES]
    candidates, targets, wanted = _draw_candidates([look.objects[k] for k in shown], shown, look, rng)
    by_label = rng.random() < 0.5
    cameras, scans = _batches(look, views)
    evidence = gather(candidates, cameras, scans, wanted if by_label else None)
    names = [*_camera_names(look), *_lidar_names(look)]
    condition = [CONDITIONS.index(look.conditions.get(name, "absent")) for name in names]
    return Regions(
        evidence,
        targets,
        torch.tensor([look.is_moving]),
        torch.tensor([condition]),
        torch.tensor([look.seed]),
    )


def join(many: Sequence[Regions]) -> Regions:
    """As one."""

    def cat(values: list[Tensor]) -> Tensor:
        return torch.cat(values)

    return Regions(
        Evidence(*(cat([getattr(m.evidence, f.name) for m in many]) for f in fields(Evidence))),
        Targets(*(cat([getattr(m.targets, f.name) for m in many]) for f in fields(Targets))),
        cat([m.is_moving for m in many]),
        cat([m.condition for m in many]),
        cat([m.seed for m in many]),
    )


def save_regions(path: str | Path, regions: Regions) -> None:
    """One file; crops and points in half precision."""
    arrays = {f"evidence/{f.name}": getattr(regions.evidence, f.name) for f in fields(Evidence)}
    arrays |= {f"targets/{f.name}": getattr(regions.targets, f.name) for f in fields(Targets)}
    for name in ("evidence/crops", "evidence/points"):
        arrays[name] = arrays[name].half()
    arrays |= {name: getattr(regions, name) for name in ("is_moving", "condition", "seed")}
    save_file({name: array.contiguous() for name, array in arrays.items()}, str(path))


def load_regions(path: str | Path) -> Regions:
    """What `save_regions` wrote."""
    arrays = load_file(str(path))
    return Regions(
        Evidence(*(arrays[f"evidence/{f.name}"] for f in fields(Evidence))),
        Targets(*(arrays[f"targets/{f.name}"] for f in fields(Targets))),
        arrays["is_moving"],
        arrays["condition"],
        arrays["seed"],
    )


def _camera_names(look: LabelledLook) -> list[str]:
    """The look's cameras, sensors that were absent too, always as many."""
    names = [name for name in look.conditions if "lidar" not in name][:MOST_CAMERAS]
    return [*names, *("",) * (MOST_CAMERAS - len(names))]


def _lidar_names(look: LabelledLook) -> list[str]:
    return [name for name in look.conditions if "lidar" in name][:1] or [""]


@dataclass(frozen=True, slots=True)
class LevelView:
    """A view that stands on the table as it was found, and its noise there."""

    view: View
    noise_m: float


def _views(look: LabelledLook) -> list[View]:
    measured = (*look.frame.images, *look.frame.scans)
    return [View(m, look.T_world_sensor[m.sensor], None, 0.0007) for m in measured]


def _level(views: Sequence[View]) -> dict[str, LevelView]:
    """As perception does before anything is measured."""
    samples = [sample_surface(lay_out(view, torch.device("cpu"))) for view in views]
    fit = find_table(samples, 0.0, None) if samples else None
    level = {}
    for view, sample in zip(views, samples, strict=True):
        pose, noise_m = view.T_world_sensor, 0.003
        if fit is not None and view.sensor in fit.planes:
            plane = fit.planes[view.sensor]
            pose = level_correction(plane, sample.origin_world, fit.surface.height_m) @ pose
            noise_m = plane.noise_m
        level[view.sensor] = LevelView(View(view.measured, pose, None, view.systematic_m), noise_m)
    return level


def _batches(look: LabelledLook, views: dict[str, LevelView]) -> tuple[list[CameraBatch], list[ScanBatch]]:
    images = {image.sensor: image for image in look.frame.images}
    cameras = [_camera(images.get(name), views.get(name), look) for name in _camera_names(look)]
    sweeps = {scan.sensor: scan for scan in look.frame.scans}
    return cameras, [_scan(sweeps.get(name), views.get(name), look) for name in _lidar_names(look)]


def _camera(image: CameraImage | None, level: LevelView | None, look: LabelledLook) -> CameraBatch:
    if image is None or level is None:
        one = torch.zeros(1)
        return CameraBatch(
            torch.zeros(1, 2, 2, 3, dtype=torch.uint8),
            torch.zeros(1, 2, 2),
            torch.eye(4)[None],
            torch.ones(1, 4),
            one,
            one,
            torch.full((1, 2, 2), -1),
        )
    return CameraBatch(
        torch.as_tensor(image.rgb)[None],
        torch.as_tensor(image.depth_m)[None],
        torch.as_tensor(level.view.T_world_sensor, dtype=torch.float32)[None],
        torch.tensor([lens_of(image.intrinsics)]),
        torch.tensor([level.noise_m]),
        torch.ones(1),
        torch.as_tensor(look.instances[image.sensor].astype(np.int64))[None],
    )


def _scan(scan: LidarScan | None, level: LevelView | None, look: LabelledLook) -> ScanBatch:
    """Only what is near the table: most of a sweep is the room."""
    if scan is None or level is None:
        one = torch.zeros(1)
        return ScanBatch(
            torch.full((1, 1, 3), torch.nan), torch.zeros(1, 3), torch.zeros(1, 1), one, one, torch.full((1, 1), -1)
        )
    pose = level.view.T_world_sensor
    world = scan.points_sensor @ pose[:3, :3].T + pose[:3, 3]
    is_near = (np.abs(world[:, :2] - (0.5, 0.0)) < (0.4, 0.6)).all(1)
    near = np.flatnonzero(is_near & (world[:, 2] > -0.02) & (world[:, 2] < NEAR_TABLE_M))
    return ScanBatch(
        torch.as_tensor(world[near], dtype=torch.float32)[None],
        torch.as_tensor(pose[:3, 3], dtype=torch.float32)[None],
        torch.as_tensor(scan.intensity[near])[None],
        torch.tensor([level.noise_m]),
        torch.ones(1),
        torch.as_tensor(look.instances[scan.sensor][near].astype(np.int64))[None],
    )


def _draw_candidates(
    objects: Sequence[ObjectState], labels: Sequence[int], look: LabelledLook, rng: np.random.Generator
) -> tuple[Candidates, Targets, Int[Tensor, "robots regions"]]:
    """The truth as a detector would give it, and places where nothing stands."""
    rough_m = float(np.exp(rng.uniform(*np.log(ROUGH))))
    T_world_box = np.tile(np.eye(4), (MOST_REGIONS, 1, 1))
    size, true_size = np.full((MOST_REGIONS, 3), 0.05), np.full((MOST_REGIONS, 3), 0.05)
    center, wanted = np.zeros((MOST_REGIONS, 3)), np.full(MOST_REGIONS, -2)
    shape, color = np.zeros(MOST_REGIONS, np.int64), np.zeros(MOST_REGIONS, np.int64)
    exists, is_there = np.zeros(MOST_REGIONS, bool), np.zeros(MOST_REGIONS, bool)
    for k, item in enumerate(objects):
        size[k] = item.size_m * np.exp(ROUGH_SIZE * rng.standard_normal(3) * min(1.0, rough_m / 0.003))
        floor_m = item.bottom_m + ROUGH_FLOOR_M * rng.standard_normal() * min(1.0, rough_m / 0.003)
        place = item.position_world + rough_m * rng.standard_normal(3)
        place[2] = floor_m + size[k, 2] / 2
        T_world_box[k] = make_pose(place, item.yaw_rad + ROUGH_YAW_RAD * rng.standard_normal())
        true_size[k], center[k], wanted[k] = item.size_m, item.position_world - place, labels[k]
        shape[k], color[k] = SHAPES.index(item.shape), COLORS.index(item.color)
        exists[k] = is_there[k] = True
    number = len(objects)
    for _ in range(int(rng.integers(0, EMPTY_PLACES + 1))):
        place = np.array([*rng.uniform((0.28, -0.38), (0.72, 0.38)), 0.0])
        size[number] = rng.uniform(0.03, 0.12, 3) * (1.0, 1.0, 0.6)
        place[2] = size[number, 2] / 2
        taken = [np.linalg.norm(o.position_world[:2] - place[:2]) < np.hypot(*o.size_m[:2]) / 2 for o in look.objects]
        if any(taken):
            continue
        T_world_box[number] = make_pose(place, float(rng.uniform(-np.pi, np.pi)))
        is_there[number] = True
        number += 1

    def tensor(values: np.ndarray) -> Tensor:
        kept = values.astype(np.float32) if values.dtype == np.float64 else values
        return torch.as_tensor(kept)[None]

    candidates = Candidates(tensor(T_world_box), tensor(size), tensor(is_there))
    targets = Targets(tensor(center), tensor(true_size), tensor(shape), tensor(color), tensor(exists))
    return candidates, targets, tensor(wanted)
