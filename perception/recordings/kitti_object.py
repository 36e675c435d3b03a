"""KITTI's object set: single moments of a car's camera and LiDAR, with boxes that people marked.

In:  a folder with `velodyne`, `image_2`, `calib`, and `label_2` where there are labels.
Out: Recording whose moments have nothing to do with one another (their times are their numbers).
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..geometry import invert_pose
from ..types import SensorFrame, SensorKind, SensorSpec
from .files import check_file, list_files, load_picture, number_of, size_of_picture, to_numbers
from .kitti_calibration import load_object_calibration
from .kitti_scan import LIDAR, load_scan
from .types import BODY, LabelledBox, Moment, Picture, Recording, RecordingFileError

FORMAT = "kitti_object"
CAMERA = SensorSpec("image_2", SensorKind.CAMERA, 0.0, 0.0, BODY)
FIELDS = 15
REGION = "DontCare"


def is_object_set(folder: Path) -> bool:
    """Whether the folder is laid out like one."""
    return (folder / "velodyne").is_dir() and (folder / "calib").is_dir()


def open_object_set(folder: Path) -> Recording:
    """Every scan with its picture, calibration and labels.

    Raises:
        RecordingFileError: a file is absent or not what it should be.
    """
    scans = list_files(folder / "velodyne", "*.bin", "Velodyne scans")

    def load(number: int) -> Moment:
        path, name = scans[number], scans[number].stem
        calibration = load_object_calibration(folder / "calib" / f"{name}.txt")
        picture_path, label_path = folder / "image_2" / f"{name}.png", folder / "label_2" / f"{name}.txt"
        size = size_of_picture(picture_path)
        picture = Picture(
            CAMERA.name, float(number_of(path)), load_picture(picture_path, size), calibration.intrinsics(size),
            calibration.T_lidar_camera,
        )  # fmt: skip
        T_lidar_rectified = invert_pose(calibration.T_rectified_lidar)
        boxes = load_labels(label_path, T_lidar_rectified) if label_path.parent.is_dir() else ()
        time_s = float(number_of(path))
        return Moment(SensorFrame(time_s, scans=(load_scan(path, time_s),)), (picture,), boxes)

    return Recording(FORMAT, folder, (LIDAR, CAMERA), len(scans), load, is_sequence=False)


def load_labels(path: Path, T_lidar_rectified: Float[np.ndarray, "4 4"]) -> tuple[LabelledBox, ...]:
    """One box a line: kind, truncated, occluded, alpha, picture box, height, width, length, place, turn.

    The place is the middle of the bottom in the rectified camera's frame, whose y points down.
    """
    check_file(path, "labels of fifteen fields a line")
    boxes = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if len(words) < FIELDS:
            raise RecordingFileError(f"'{path}', line {number} has {len(words)} fields, expected {FIELDS}: a label.")
        values = to_numbers(path, number, words[1:FIELDS])
        left, top, right, bottom, height, width, length, x, y, z, turn_rad = values[3:]
        if not np.isfinite(values).all() or right < left or bottom < top:
            raise RecordingFileError(f"'{path}', line {number}: expected finite numbers and a picture box with a size.")
        picture_box = (left, top, right, bottom)
        if words[0] == REGION:
            boxes.append(LabelledBox(words[0], picture_box, None, None))
            continue
        if min(height, width, length) <= 0:
            raise RecordingFileError(f"'{path}', line {number}: a box without a size, expected positive edges.")
        cos, sin = math.cos(turn_rad), math.sin(turn_rad)
        T_rectified_box = np.eye(4)
        T_rectified_box[:3, :3] = np.array([[cos, sin, 0.0], [0.0, 0.0, -1.0], [-sin, cos, 0.0]])
        T_rectified_box[:3, 3] = (x, y - height / 2.0, z)
        boxes.append(LabelledBox(words[0], picture_box, (length, width, height), T_lidar_rectified @ T_rectified_box))
    return tuple(boxes)
