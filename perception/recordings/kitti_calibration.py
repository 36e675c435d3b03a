"""Where KITTI's camera 2 sits beside the LiDAR, and what it projects like.

In:  calib/NNNNNN.txt of the object set, or calib_velo_to_cam.txt and calib_cam_to_cam.txt of a day of raw drives.
Out: KittiCalibration. Geiger, Lenz, Stiller, Urtasun, "Vision meets robotics: the KITTI dataset" (2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..geometry import invert_pose
from ..types import Intrinsics
from .files import load_named, make_rigid
from .types import RecordingFileError


@dataclass(frozen=True, slots=True)
class KittiCalibration:
    """`T_rectified_lidar` is the frame of the labels (camera 0, rectified); the colour camera stands beside it."""

    T_rectified_lidar: Float[np.ndarray, "4 4"]
    projection: Float[np.ndarray, "3 4"]

    @property
    def T_lidar_camera(self) -> Float[np.ndarray, "4 4"]:
        """Of colour camera 2: its projection matrix holds how far it stands from camera 0."""
        T_camera_rectified = np.eye(4)
        T_camera_rectified[:3, 3] = np.linalg.solve(self.projection[:, :3], self.projection[:, 3])
        return invert_pose(T_camera_rectified @ self.T_rectified_lidar)

    def intrinsics(self, size: tuple[int, int]) -> Intrinsics:
        """Pinhole of camera 2 for pictures of that width and height."""
        p = self.projection
        return Intrinsics(*size, float(p[0, 0]), float(p[1, 1]), float(p[0, 2]), float(p[1, 2]))


def load_object_calibration(path: Path) -> KittiCalibration:
    """Of one frame of the object set."""
    found = load_named(path, {"P2": 12, "R0_rect": 9, "Tr_velo_to_cam": 12})
    return _make(path, found["P2"], found["R0_rect"], found["Tr_velo_to_cam"].reshape(3, 4))


def find_drive_calibration(folder: Path) -> KittiCalibration | None:
    """Of a raw drive: in its folder or the day's folder above; None where there is none."""
    for place in (folder, folder.parent):
        path = place / "calib_velo_to_cam.txt"
        if path.is_file():
            mount = load_named(path, {"R": 9, "T": 3})
            cameras = load_named(place / "calib_cam_to_cam.txt", {"P_rect_02": 12, "R_rect_00": 9})
            pose = np.column_stack([mount["R"].reshape(3, 3), mount["T"]])
            return _make(path, cameras["P_rect_02"], cameras["R_rect_00"], pose)
    return None


def _make(path: Path, projection: np.ndarray, rectify: np.ndarray, pose: np.ndarray) -> KittiCalibration:
    T_camera_lidar, T_rectified_camera = np.eye(4), np.eye(4)
    T_camera_lidar[:3], T_rectified_camera[:3, :3] = pose, rectify.reshape(3, 3)
    matrix = projection.reshape(3, 4)
    if matrix[0, 0] <= 0 or matrix[1, 1] <= 0 or not np.allclose(matrix[2, :3], (0, 0, 1), atol=1e-6):
        raise RecordingFileError(f"'{path}': camera 2 has no pinhole projection, expected positive focal lengths.")
    return KittiCalibration(make_rigid(path, T_rectified_camera) @ make_rigid(path, T_camera_lidar), matrix)
