"""An IMU's samples and the path that the body took, as text (gtsam_points' `continuous` data).

In:  a folder with `imu.txt` (time ax ay az gx gy gz; m/s², rad/s) and `traj.txt` (time x y z qx qy qz qw).
Out: Recording of ImuSamples, a tenth of a second in each moment, with the path as PoseTrack; time 0 is the first pose.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..types import ImuSamples, SensorFrame, SensorKind, SensorSpec
from .files import check_times, load_table
from .types import BODY, Moment, PoseTrack, Recording, RecordingFileError

FORMAT = "imu_log"
EVERY_S = 0.1


def is_imu_log(folder: Path) -> bool:
    """Whether the folder is laid out like one."""
    return (folder / "imu.txt").is_file() and (folder / "traj.txt").is_file()


def open_imu_log(folder: Path) -> Recording:
    """The whole log.

    Raises:
        RecordingFileError: a file is absent or not what it should be.
    """
    path, track_path = folder / "imu.txt", folder / "traj.txt"
    rows = load_table(path, 7, "time, force and rate")
    track = load_table(track_path, 8, "time, place and quaternion")
    check_times(path, rows[:, 0])
    check_times(track_path, track[:, 0])
    begin_s = track[0, 0]
    poses = make_poses(track_path, track[:, 1:4], track[:, 4:])
    imu = ImuSamples("imu", rows[:, 0] - begin_s, rows[:, 1:4], rows[:, 4:], np.eye(4), BODY)
    return Recording(
        FORMAT,
        folder,
        (SensorSpec(imu.sensor, SensorKind.IMU, round(1.0 / float(np.median(np.diff(imu.times_s))), 1), 0.0, BODY),),
        *in_pieces(imu),
        imu=imu,
        poses=PoseTrack(track[:, 0] - begin_s, poses),
    )


def in_pieces(imu: ImuSamples) -> tuple[int, Callable[[int], Moment]]:
    """How many pieces of a tenth of a second there are, and what gives the samples of one as a Moment."""
    times_s = imu.times_s
    num_pieces = int((times_s[-1] - times_s[0]) / EVERY_S) + 1
    edges_s = times_s[0] + EVERY_S * np.arange(num_pieces + 1)
    rows = np.searchsorted(times_s, edges_s)

    def load(number: int) -> Moment:
        piece = slice(rows[number], rows[number + 1])
        samples = ImuSamples(
            imu.sensor, times_s[piece], imu.specific_force_mps2[piece], imu.angular_rate_radps[piece],
            imu.T_mount_sensor, imu.mount,
        )  # fmt: skip
        return Moment(SensorFrame(float(edges_s[number + 1]), imu=(samples,)))

    return num_pieces, load


def make_poses(
    path: Path, places: Float[np.ndarray, "poses 3"], quats_xyzw: Float[np.ndarray, "poses 4"]
) -> Float[np.ndarray, "poses 4 4"]:
    """Places and quaternions as 4×4 poses."""
    length = np.linalg.norm(quats_xyzw, axis=1)
    if np.abs(length - 1.0).max() > 1e-3:
        raise RecordingFileError(
            f"'{path}' has a quaternion of length {length[np.abs(length - 1).argmax()]:.3f}, expected 1."
        )
    x, y, z, w = (quats_xyzw / length[:, None]).T
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    poses = np.tile(np.eye(4), (len(places), 1, 1))
    poses[:, :3, :3], poses[:, :3, 3] = rotation.transpose(2, 0, 1), places
    return poses
