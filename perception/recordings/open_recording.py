"""The road: a folder of real data in, its Recording out; the format is told by what lies in the folder.

In:  a folder.
Out: Recording. Nothing in the folder is run, and no path is taken from a file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .deskew_scans import is_deskew_set, open_deskew_set
from .imu_log import is_imu_log, open_imu_log
from .kitti_drive import is_drive, open_drive
from .kitti_object import is_object_set, open_object_set
from .rgbd_sequence import is_rgbd_sequence, open_rgbd_sequence
from .road_log import is_road_log, open_road_log
from .types import Recording, RecordingFileError

FORMATS: tuple[tuple[str, Callable[[Path], bool], Callable[[Path], Recording]], ...] = (
    ("KITTI raw drive (velodyne_points/)", is_drive, open_drive),
    ("KITTI object set (velodyne/, calib/)", is_object_set, open_object_set),
    ("3DMatch RGB-D (camera-intrinsics.txt, seq-01/)", is_rgbd_sequence, open_rgbd_sequence),
    ("sweeps to straighten (raw_00.bin, times_00.bin)", is_deskew_set, open_deskew_set),
    ("IMU log (imu.txt, traj.txt)", is_imu_log, open_imu_log),
    ("comma2k19 road log (imu/, global_pose/)", is_road_log, open_road_log),
)


def open_recording(folder: str | Path) -> Recording:
    """The recording in that folder.

    Raises:
        RecordingFileError: there is no folder, nothing in it is known, or a file is not what it should be.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise RecordingFileError(f"'{folder}' is no folder, expected one of real sensor data. Check the path.")
    for _, is_such, open_such in FORMATS:
        if is_such(folder):
            return open_such(folder)
    known = "; ".join(name for name, _, _ in FORMATS)
    raise RecordingFileError(f"'{folder}' holds no recording that is known here. Expected one of: {known}.")


def is_recording(folder: str | Path) -> bool:
    """Whether the folder is laid out like one of the formats."""
    return Path(folder).is_dir() and any(is_such(Path(folder)) for _, is_such, _ in FORMATS)
