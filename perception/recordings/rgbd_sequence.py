"""RGB-D frames with poses as 3DMatch and 7-Scenes publish them (SUN3D among them).

In:  a folder with `camera-intrinsics.txt` and `seq-NN/frame-NNNNNN.{color.png,depth.png,pose.txt}`; depth in
     millimetres, 65,535 where nothing was measured; poses camera to world.
Out: Recording of CameraImages in a world whose z points up. The files have no times: frames come thirty a second.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..types import CameraImage, Intrinsics, SensorFrame, SensorKind, SensorSpec
from .files import check_times, list_files, load_depth, load_picture, load_table, make_rigid, number_of, size_of_picture
from .types import Moment, PoseTrack, Recording, RecordingFileError

FORMAT = "rgbd_sequence"
RATE_HZ = 30.0
CAMERA = SensorSpec("kinect", SensorKind.CAMERA, RATE_HZ, 0.0, noise={"depth_m": 0.005})
MILLIMETRES = 1000.0
FARTHEST_M = 20.0
Y_UP = np.array([[1.0, 0, 0, 0], [0, 0, -1.0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1.0]])
"""SUN3D's worlds have y up; this turns them so that z is."""


def is_rgbd_sequence(folder: Path) -> bool:
    """Whether the folder is laid out like one."""
    return (folder / "camera-intrinsics.txt").is_file() and any(folder.glob("seq-*"))


def open_rgbd_sequence(folder: Path, T_world_recorded: Float[np.ndarray, "4 4"] = Y_UP) -> Recording:
    """All frames of the first sequence; `T_world_recorded` turns the recording's world so that z points up.

    Raises:
        RecordingFileError: a file is absent or not what it should be.
    """
    sequence = sorted(path for path in folder.glob("seq-*") if path.is_dir())[0]
    pose_paths = list_files(sequence, "frame-*.pose.txt", "poses")
    stems = [path.name.removesuffix(".pose.txt") for path in pose_paths]
    poses = np.array([_load_pose(path, T_world_recorded) for path in pose_paths])
    times_s = np.array([number_of(Path(stem)) for stem in stems]) / RATE_HZ
    check_times(sequence, times_s)
    size = size_of_picture(sequence / f"{stems[0]}.color.png")
    intrinsics = _load_intrinsics(folder / "camera-intrinsics.txt", size)

    def load(number: int) -> Moment:
        stem, time_s = sequence / stems[number], float(times_s[number])
        depth_m = load_depth(stem.with_name(stem.name + ".depth.png"), size) / np.float32(MILLIMETRES)
        depth_m[depth_m > FARTHEST_M] = 0.0
        rgb = load_picture(stem.with_name(stem.name + ".color.png"), size)
        image = CameraImage(CAMERA.name, time_s, rgb, depth_m, intrinsics, poses[number])
        return Moment(SensorFrame(time_s, (image,)))

    track = PoseTrack(times_s, poses)
    return Recording(FORMAT, folder, (CAMERA,), len(stems), load, poses=track)


def _load_pose(path: Path, T_world_recorded: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "4 4"]:
    pose = load_table(path, 4, "a 4×4 pose")
    if len(pose) != 4:
        raise RecordingFileError(f"'{path}' has {len(pose)} lines of numbers, expected 4: a pose.")
    return T_world_recorded @ make_rigid(path, pose)


def _load_intrinsics(path: Path, size: tuple[int, int]) -> Intrinsics:
    matrix = load_table(path, 3, "a 3×3 camera matrix")
    if len(matrix) != 3 or matrix[0, 0] <= 0 or matrix[1, 1] <= 0 or not np.allclose(matrix[2], (0, 0, 1)):
        raise RecordingFileError(f"'{path}' is not a camera matrix, expected 3×3 with positive focal lengths.")
    wide, high = size
    if not (0 < matrix[0, 2] < wide and 0 < matrix[1, 2] < high):
        raise RecordingFileError(
            f"'{path}' has its centre at {matrix[0, 2]:g}, {matrix[1, 2]:g}, expected within {wide}×{high} pixels."
        )
    return Intrinsics(wide, high, *(float(matrix[place]) for place in ((0, 0), (1, 1), (0, 2), (1, 2))))
