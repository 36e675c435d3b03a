"""Single LiDAR sweeps of a moving sensor with the time of each point, and the same sweeps straightened by others.

In:  a folder with `raw_NN.bin` (x y z), `times_NN.bin` (seconds from the sweep's start), `deskewed_NN.bin` (x y z in
     another frame), all float32, as gtsam_points publishes sweeps of the Newer College dataset.
Out: Recording whose moments have nothing to do with one another (their times are their numbers, in seconds).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..types import LidarScan, SensorFrame, SensorKind, SensorSpec
from .files import list_files, load_floats, number_of
from .types import BODY, Moment, Recording, RecordingFileError, StraightScan

FORMAT = "deskew_scans"
LIDAR = SensorSpec("ouster", SensorKind.LIDAR, 10.0, 0.0, BODY, {"range_m": 0.03})
LONGEST_S = 1.0


def is_deskew_set(folder: Path) -> bool:
    """Whether the folder is laid out like one."""
    return any(folder.glob("raw_*.bin")) and any(folder.glob("times_*.bin"))


def open_deskew_set(folder: Path) -> Recording:
    """Every sweep; the scan's time is its end, as everywhere.

    Raises:
        RecordingFileError: a file is absent or not what it should be.
    """
    paths = list_files(folder, "raw_*.bin", "sweeps")

    def load(number: int) -> Moment:
        path = paths[number]
        points = load_floats(path, 3, "a sweep (x y z)")
        times_path = path.with_name(path.name.replace("raw", "times"))
        since_s = load_floats(times_path, 1, "a time for each point")[:, 0].astype(np.float64)
        _check_count(times_path, len(since_s), len(points))
        if since_s.min() < 0.0 or since_s.max() > LONGEST_S:
            raise RecordingFileError(
                f"'{times_path}' has times beyond 0 to {LONGEST_S:g} s, expected those of a sweep."
            )
        times_s = number_of(path) + since_s
        end_s = float(times_s.max())
        scan = LidarScan(LIDAR.name, end_s, points, times_s, np.zeros(len(points), np.float32), np.eye(4), BODY)
        frame = SensorFrame(end_s, scans=(scan,))
        straight_path = path.with_name(path.name.replace("raw", "deskewed"))
        if not straight_path.is_file():
            return Moment(frame)
        straight = load_floats(straight_path, 3, "a straightened sweep (x y z)")
        _check_count(straight_path, len(straight), len(points))
        return Moment(frame, straight=StraightScan(straight.astype(np.float64)))

    return Recording(FORMAT, folder, (LIDAR,), len(paths), load, is_sequence=False)


def _check_count(path: Path, held: int, wanted: int) -> None:
    if held != wanted:
        raise RecordingFileError(f"'{path}' holds {held} rows, expected {wanted}: one for each point of the raw sweep.")
