"""What a map is made from: depth pictures and LiDAR sweeps of a batch of robots, each where it was taken.

In:  tensors; robots are axis 0 of all of them.
Out: the same, checked. A wrong shape is the programmer's error and raises; what a sensor or an odometer delivers broken
     (values that are not finite, a pose that is none) is set aside and counted, never raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..types import CameraImage, LidarScan

RIGID_TOLERANCE = 1e-3
FAR_M = 1e5


@dataclass(frozen=True, slots=True)
class DepthPictures:
    """Depth along the optical axis, 0 where nothing came back; `is_left_out` is the robot itself, and what moves."""

    depth_m: Annotated[Tensor, "robots height width"]
    K: Annotated[Tensor, "robots 3 3"]
    T_map_camera: Annotated[Tensor, "robots 4 4"]
    rgb: Annotated[Tensor, "robots height width 3"] | None = None
    is_left_out: Annotated[Tensor, "robots height width"] | None = None

    def __post_init__(self) -> None:
        if self.depth_m.ndim != 3:
            raise ValueError(
                f"DepthPictures.depth_m has shape {tuple(self.depth_m.shape)}, expected (robots, height, width). "
                "Add the robots' axis in front: depth_m[None]."
            )
        robots = self.depth_m.shape[0]
        _check_shape("DepthPictures.K", self.K, (robots, 3, 3), "one 3×3 camera matrix for each robot")
        _check_shape("DepthPictures.T_map_camera", self.T_map_camera, (robots, 4, 4), "one pose for each robot")
        if self.rgb is not None:
            _check_shape("DepthPictures.rgb", self.rgb, (*self.depth_m.shape, 3), "the depth's size; resize it")
        if self.is_left_out is not None:
            _check_shape("DepthPictures.is_left_out", self.is_left_out, tuple(self.depth_m.shape), "the depth's size")
        row = torch.tensor([0.0, 0.0, 1.0], dtype=self.K.dtype, device=self.K.device)
        is_lens = torch.isfinite(self.K).all() & (self.K[:, (0, 1), (0, 1)] > 0).all() & (self.K[:, 2] == row).all()
        if not bool(is_lens):
            raise ValueError(
                "DepthPictures.K is no camera matrix, expected [[fx, s, cx], [0, fy, cy], [0, 0, 1]] with fx, fy > 0. "
                "Build it from the intrinsics: Intrinsics.matrix."
            )

    @staticmethod
    def of_images(
        images: Sequence[CameraImage],
        T_map_mount: Float[np.ndarray, "robots 4 4"],
        device: torch.device | str = "cpu",
    ) -> DepthPictures:
        """One image of each robot, all of one size."""
        poses = [mount @ image.T_mount_camera for image, mount in zip(images, T_map_mount, strict=True)]
        arrays = (
            np.stack([image.depth_m for image in images]),
            np.stack([image.intrinsics.matrix for image in images]),
            np.stack(poses),
            np.stack([image.rgb for image in images]),
        )
        return DepthPictures(*(torch.from_numpy(values).to(device) for values in arrays))

    def cleaned(self, range_m: tuple[float, float]) -> tuple[DepthPictures, Annotated[Tensor, " robots"]]:
        """With depth 0 wherever nothing is to be learned, and how many pixels were broken.

        Beyond the farthest, depth is set to just beyond it: nothing is there to be mapped, but the way there is free.
        """
        nearest_m, farthest_m = range_m
        depth_m = self.depth_m.to(torch.float32)
        is_pose = is_rigid(self.T_map_camera)[:, None, None]
        is_broken = ~torch.isfinite(depth_m) | (depth_m < 0)
        is_kept = (depth_m >= nearest_m) & ~is_broken & is_pose
        if self.is_left_out is not None:
            is_kept &= ~self.is_left_out
        depth_m = torch.where(is_kept, depth_m.clamp_max(farthest_m * (1 + 1e-3)), 0.0)
        pose = with_rigid(self.T_map_camera)
        return replace(self, depth_m=depth_m, T_map_camera=pose), is_broken.sum(dim=(1, 2))


@dataclass(frozen=True, slots=True)
class PointSweep:
    """Points in the sensor's frame at one instant (deskewed); `is_there` is False for padding and what to leave out."""

    points_sensor: Annotated[Tensor, "robots points 3"]
    is_there: Annotated[Tensor, "robots points"]
    T_map_sensor: Annotated[Tensor, "robots 4 4"]

    def __post_init__(self) -> None:
        if self.points_sensor.ndim != 3 or self.points_sensor.shape[2] != 3:
            raise ValueError(
                f"PointSweep.points_sensor has shape {tuple(self.points_sensor.shape)}, expected (robots, points, 3). "
                "Add the robots' axis in front: points[None]."
            )
        robots, points = self.points_sensor.shape[:2]
        _check_shape("PointSweep.is_there", self.is_there, (robots, points), "one flag for each point")
        _check_shape("PointSweep.T_map_sensor", self.T_map_sensor, (robots, 4, 4), "one pose for each robot")

    @staticmethod
    def of_scans(
        scans: Sequence[LidarScan], T_map_mount: Float[np.ndarray, "robots 4 4"], device: torch.device | str = "cpu"
    ) -> PointSweep:
        """One deskewed scan of each robot, padded to the longest."""
        longest = max(len(scan.points_sensor) for scan in scans)
        points = np.zeros((len(scans), longest, 3), np.float32)
        is_there = np.zeros((len(scans), longest), bool)
        for index, scan in enumerate(scans):
            points[index, : len(scan.points_sensor)] = scan.points_sensor
            is_there[index, : len(scan.points_sensor)] = True
        poses = np.stack([mount @ scan.T_mount_sensor for scan, mount in zip(scans, T_map_mount, strict=True)])
        return PointSweep(*(torch.from_numpy(values).to(device) for values in (points, is_there, poses)))

    def cleaned(self, range_m: tuple[float, float]) -> tuple[PointSweep, Annotated[Tensor, " robots"]]:
        """Without points that are broken or too near, and how many were broken.

        Points beyond the farthest are drawn in to just beyond it: no surface, but the way there is free.
        """
        nearest_m, farthest_m = range_m
        points = self.points_sensor.to(torch.float32)
        is_broken = ~torch.isfinite(points).all(dim=2) & self.is_there
        points = points.nan_to_num(0.0, 0.0, 0.0)
        reach_m = points.norm(dim=2)
        points = points * (farthest_m * (1 + 1e-3) / reach_m.clamp_min(1e-9)).clamp_max(1.0)[..., None]
        is_there = self.is_there & ~is_broken & (reach_m >= nearest_m) & is_rigid(self.T_map_sensor)[:, None]
        return PointSweep(points, is_there, with_rigid(self.T_map_sensor)), is_broken.sum(dim=1)

    def ends(
        self, T_row_sensor: Annotated[Tensor, "robots 4 4"], farthest_m: float
    ) -> tuple[Annotated[Tensor, "points 3"], Annotated[Tensor, " points"]]:
        """Points that are surfaces, in the row's frame, and whose they are."""
        is_surface = self.is_there & (self.points_sensor.norm(dim=2) <= farthest_m)
        robot, index = is_surface.nonzero(as_tuple=True)
        pose = T_row_sensor.to(torch.float32)
        return (self.points_sensor @ pose[:, :3, :3].mT + pose[:, None, :3, 3])[robot, index], robot


def is_rigid(poses: Annotated[Tensor, "* 4 4"]) -> Annotated[Tensor, "*"]:
    """Whether a matrix is a turn and a shift of this world."""
    poses = poses.to(torch.float64)
    turn = poses[..., :3, :3]
    off = (turn @ turn.mT - torch.eye(3, dtype=turn.dtype, device=turn.device)).abs().amax(dim=(-2, -1))
    is_near = (poses[..., :3, 3].abs() < FAR_M).all(dim=-1)
    return torch.isfinite(poses).all(dim=(-2, -1)) & (off < RIGID_TOLERANCE) & (torch.linalg.det(turn) > 0) & is_near


def with_rigid(poses: Annotated[Tensor, "robots 4 4"]) -> Annotated[Tensor, "robots 4 4"]:
    """The identity in place of what is no pose, as float64."""
    poses = poses.to(torch.float64)
    unit = torch.eye(4, dtype=poses.dtype, device=poses.device)
    return torch.where(is_rigid(poses)[:, None, None], poses, unit)


def inverse(poses: Annotated[Tensor, "* 4 4"]) -> Annotated[Tensor, "* 4 4"]:
    """T_b_a of T_a_b."""
    back = poses.clone()
    back[..., :3, :3] = poses[..., :3, :3].mT
    back[..., :3, 3] = -(poses[..., :3, :3].mT @ poses[..., :3, 3:]).squeeze(-1)
    return back


def _check_shape(name: str, values: Tensor, expected: tuple[int, ...], what: str) -> None:
    if tuple(values.shape) != expected:
        raise ValueError(f"{name} has shape {tuple(values.shape)}, expected {expected}: {what}.")
