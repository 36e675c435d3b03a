"""In the running perceiver: what the sensors of one look say of every measured object, fused by a network.

In:  Measurements of the look, its level views, noise and trust by sensor.
Out: the same Measurements, placed between where they were measured and where the network sees them, with features for
     words and each sensor's share.

Both know the object from the same pictures, so the result is never surer than the surer of the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..measurement import Measurement
from ..points import View
from ..types import CameraImage, LidarScan, Shape
from .evidence import CameraBatch, Candidates, Evidence, ScanBatch, gather, lens_of
from .network import Kind
from .regions import SHAPES
from .shares import share_out
from .weights import load_network

USUAL_NOISE_M = 0.003
AROUND_M = 0.1
"""A sweep's points farther from every object say nothing of one."""


class Refiner:
    """Holds the network; remembers nothing between looks."""

    def __init__(self, kind: Kind, device: torch.device) -> None:
        self._network, self._device = load_network(kind, device=device), device

    @torch.no_grad()
    def __call__(
        self,
        measurements: Sequence[Measurement],
        views: Sequence[View],
        noises_m: Mapping[str, float],
        trusts: Mapping[str, float],
    ) -> list[Measurement]:
        """Every measurement, refined."""
        if not measurements or not views:
            return list(measurements)
        cameras = [view for view in views if isinstance(view.measured, CameraImage)]
        scans = [view for view in views if isinstance(view.measured, LidarScan)]
        evidence = self._gather(measurements, (cameras, scans), noises_m, trusts)
        fused, shares = share_out(self._network, evidence)
        names = [view.sensor for view in (*cameras, *scans)]
        rows = zip(measurements, *(_rows(values) for values in (fused.center_m, fused.variance_m2)), strict=True)
        shapes, features, shared = _rows(fused.shape.softmax(-1)), _rows(fused.features), _rows(shares)
        return [
            replace(
                _moved(measured, off_m, variance_m2),
                shape_confidence=_confidence(measured, shapes[number]),
                features=features[number],
                shares=tuple(zip(names, shared[number].tolist(), strict=True)),
            )
            for number, (measured, off_m, variance_m2) in enumerate(rows)
        ]

    def _gather(
        self,
        measurements: Sequence[Measurement],
        views: tuple[Sequence[View], Sequence[View]],
        noises_m: Mapping[str, float],
        trusts: Mapping[str, float],
    ) -> Evidence:
        poses = self._tensor(np.stack([measured.pose_world for measured in measurements]))
        sizes = self._tensor(np.stack([measured.size_m for measured in measurements]))
        there = torch.ones(sizes.shape[:2], dtype=torch.bool, device=self._device)
        candidates = Candidates(poses, sizes, there)

        def told(view: View) -> tuple[Tensor, Tensor]:
            noise_m, trust = noises_m.get(view.sensor, USUAL_NOISE_M), trusts.get(view.sensor, 1.0)
            return self._tensor(np.array(noise_m)), self._tensor(np.array(trust))

        pictures = [self._camera(view, *told(view)) for view in views[0]]
        return gather(candidates, pictures, [self._scan(view, candidates, *told(view)) for view in views[1]])

    def _camera(self, view: View, noise_m: Tensor, trust: Tensor) -> CameraBatch:
        image = view.measured
        assert isinstance(image, CameraImage)
        return CameraBatch(
            torch.as_tensor(image.rgb, device=self._device)[None],
            torch.as_tensor(image.depth_m, device=self._device)[None],
            self._tensor(view.T_world_sensor),
            self._tensor(np.array(lens_of(image.intrinsics))),
            noise_m,
            trust,
        )

    def _scan(self, view: View, candidates: Candidates, noise_m: Tensor, trust: Tensor) -> ScanBatch:
        scan = view.measured
        assert isinstance(scan, LidarScan)
        pose = self._tensor(view.T_world_sensor)
        points = self._tensor(scan.points_sensor) @ pose[:, :3, :3].mT + pose[:, None, :3, 3]
        reach_m = candidates.size_m.amax() + AROUND_M
        place = candidates.place_world[0]
        low, high = place.amin(0) - reach_m, place.amax(0) + reach_m
        near = ((points[0] > low) & (points[0] < high)).all(1)
        # One row at least: what has no points at all has no numbers to choose from.
        some = torch.nonzero(near)[:, 0] if bool(near.any()) else torch.zeros(1, dtype=torch.long, device=near.device)
        if not len(points[0]):
            blank = torch.full((1, 1, 3), torch.nan, device=self._device)
            return ScanBatch(blank, pose[:, :3, 3], blank[..., 0], noise_m, trust)
        return ScanBatch(points[:, some], pose[:, :3, 3], self._tensor(scan.intensity)[:, some], noise_m, trust)

    def _tensor(self, values: np.ndarray) -> Tensor:
        """One robot's, in single precision."""
        return torch.as_tensor(np.asarray(values, dtype=np.float32), device=self._device)[None]


def _rows(values: Tensor) -> Float[np.ndarray, "regions numbers"]:
    """Of the one robot."""
    return values[0].cpu().double().numpy()


def _moved(measured: Measurement, off_m: Float[np.ndarray, "3"], variance_m2: Float[np.ndarray, "3"]) -> Measurement:
    """Between the two by their variances; how sure, as their mean in the same proportion."""
    own = np.diag(measured.covariance)[:3]
    gain = own / (own + variance_m2)
    pose, covariance = measured.pose_world.copy(), measured.covariance.copy()
    pose[:3, 3] += gain * off_m
    covariance[np.arange(3), np.arange(3)] = (1.0 - gain) * own + gain * variance_m2
    return replace(measured, pose_world=pose, covariance=covariance)


def _confidence(measured: Measurement, shapes: Float[np.ndarray, "shapes"]) -> float:
    """Halfway to what the network gives the measured shape; it has learned of no object without a class."""
    if measured.shape not in SHAPES or measured.shape is Shape.THING or not np.isfinite(shapes).all():
        return measured.shape_confidence
    return float(0.5 * (measured.shape_confidence + shapes[SHAPES.index(measured.shape)]))
