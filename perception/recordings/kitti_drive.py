"""A KITTI raw drive: colour camera and LiDAR of a car, ten times a second.

In:  a folder with `image_02` and `velodyne_points` (files in them or in their `data`); `timestamps.txt` and the day's
     calibration where they are there.
Out: Recording. Without timestamps the numbers in the names count tenths of a second; without calibration pictures have
     neither intrinsics nor place.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..types import SensorFrame, SensorKind, SensorSpec
from .files import list_files, load_picture, load_stamps, number_of, size_of_picture
from .kitti_calibration import find_drive_calibration
from .kitti_scan import LIDAR, load_scan
from .types import BODY, Moment, Picture, Recording, RecordingFileError

FORMAT = "kitti_drive"
RATE_HZ = 10.0
CAMERA = SensorSpec("image_02", SensorKind.CAMERA, RATE_HZ, 0.0, BODY)


def is_drive(folder: Path) -> bool:
    """Whether the folder is laid out like one."""
    return (folder / "velodyne_points").is_dir()


def open_drive(folder: Path) -> Recording:
    """Scans with the picture of the same number, where there is one.

    Raises:
        RecordingFileError: a file is absent or not what it should be.
    """
    scans = list_files(_data(folder / "velodyne_points"), "*.bin", "Velodyne scans")
    times_s = _times(folder / "velodyne_points", scans)
    has_pictures = (folder / "image_02").is_dir()
    pictures = {}
    if has_pictures:
        pictures = {number_of(path): path for path in list_files(_data(folder / "image_02"), "*.png", "pictures")}
        if missing := [path for path in scans if number_of(path) not in pictures]:
            raise RecordingFileError(f"'{missing[0]}' has no picture of its number in image_02, expected one a scan.")
    calibration = find_drive_calibration(folder)
    size = size_of_picture(next(iter(pictures.values()))) if pictures else (0, 0)

    def load(number: int) -> Moment:
        path, time_s = scans[number], float(times_s[number])
        frame = SensorFrame(time_s, scans=(load_scan(path, time_s),))
        if not pictures:
            return Moment(frame)
        rgb = load_picture(pictures[number_of(path)], size)
        if calibration is None:
            return Moment(frame, (Picture(CAMERA.name, time_s, rgb),))
        return Moment(
            frame, (Picture(CAMERA.name, time_s, rgb, calibration.intrinsics(size), calibration.T_lidar_camera),)
        )

    sensors = (LIDAR, CAMERA) if has_pictures else (LIDAR,)
    return Recording(FORMAT, folder, sensors, len(scans), load)


def _data(folder: Path) -> Path:
    return folder / "data" if (folder / "data").is_dir() else folder


def _times(folder: Path, scans: list[Path]) -> Float[np.ndarray, "scans"]:
    """Stamps stand in the order of the numbers, which begin at 0; the first scan is at time 0."""
    numbers = np.array([number_of(path) for path in scans])
    stamps = folder / "timestamps.txt"
    times_s = load_stamps(stamps, int(numbers[-1]) + 1)[numbers] if stamps.is_file() else numbers / RATE_HZ
    return times_s - times_s[0]
