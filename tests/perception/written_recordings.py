"""Tiny recordings of every format, written to a folder, so that the readers are tried where no real data is."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

WIDE, HIGH = 32, 24
VELO_TO_CAM = np.array([[0.0, -1.0, 0.0, 0.0], [0.0, 0.0, -1.0, -0.1], [1.0, 0.0, 0.0, -0.3]])
PROJECTION = np.array([[30.0, 0.0, 15.5, 6.0], [0.0, 30.0, 11.5, 0.0], [0.0, 0.0, 1.0, 0.0]])


def points(count: int = 50, columns: int = 4) -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.uniform(1.0, 20.0, (count, columns)).astype("<f4")


def write_picture(path: Path, size: tuple[int, int] = (WIDE, HIGH)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(4)
    Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)).save(path)


def write_npy(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.save(file, values)


def _line(name: str, values: np.ndarray) -> str:
    return f"{name}: " + " ".join(f"{value:.9e}" for value in values.flatten()) + "\n"


def write_drive(folder: Path) -> None:
    for number in range(3):
        write_picture(folder / "image_02" / f"{number:010d}.png")
        (folder / "velodyne_points").mkdir(parents=True, exist_ok=True)
        points().tofile(folder / "velodyne_points" / f"{number:010d}.bin")
    stamps = [f"2011-09-26 13:02:25.{1 + number}00000000" for number in range(3)]
    (folder / "velodyne_points" / "timestamps.txt").write_text("\n".join(stamps) + "\n")
    mount = _line("R", VELO_TO_CAM[:, :3]) + _line("T", VELO_TO_CAM[:, 3])
    (folder / "calib_velo_to_cam.txt").write_text("calib_time: 15-Mar-2012 11:37:16\n" + mount)
    cameras = _line("R_rect_00", np.eye(3)) + _line("P_rect_02", PROJECTION)
    (folder / "calib_cam_to_cam.txt").write_text(cameras)


def write_object_set(folder: Path) -> None:
    write_picture(folder / "image_2" / "000000.png")
    for name in ("velodyne", "calib", "label_2"):
        (folder / name).mkdir(parents=True)
    points().tofile(folder / "velodyne" / "000000.bin")
    calibration = _line("P2", PROJECTION) + _line("R0_rect", np.eye(3)) + _line("Tr_velo_to_cam", VELO_TO_CAM)
    (folder / "calib" / "000000.txt").write_text(calibration)
    car = "Car 0.00 0 1.85 3.0 4.0 20.0 18.0 1.5 1.8 4.0 1.0 1.4 9.7 0.0"
    region = "DontCare -1 -1 -10 5.0 5.0 9.0 9.0 -1 -1 -1 -1000 -1000 -1000 -10"
    (folder / "label_2" / "000000.txt").write_text(f"{car}\n{region}\n")


def write_rgbd(folder: Path) -> None:
    sequence = folder / "seq-01"
    for number in (0, 1, 30):
        stem = f"frame-{number:06d}"
        write_picture(sequence / f"{stem}.color.png")
        depth = np.full((HIGH, WIDE), 1500, np.uint16)
        depth[0, 0] = 65535
        Image.fromarray(depth).save(sequence / f"{stem}.depth.png")
        np.savetxt(sequence / f"{stem}.pose.txt", np.eye(4))
    np.savetxt(folder / "camera-intrinsics.txt", np.array([[30.0, 0, 15.5], [0, 30.0, 11.5], [0, 0, 1]]))


def write_deskew(folder: Path) -> None:
    folder.mkdir(parents=True)
    raw = points(columns=3)
    raw.tofile(folder / "raw_00.bin")
    (raw + 1.0).astype("<f4").tofile(folder / "deskewed_00.bin")
    np.linspace(0.0, 0.1, len(raw)).astype("<f4").tofile(folder / "times_00.bin")


def write_imu_log(folder: Path) -> None:
    folder.mkdir(parents=True)
    times_s = 100.0 + 0.01 * np.arange(100)
    rows = np.column_stack([times_s, np.tile([0.0, 0.0, 9.81, 0.0, 0.0, 0.1], (100, 1))])
    np.savetxt(folder / "imu.txt", rows, fmt="%.6f")
    track = np.column_stack([times_s[::10], np.tile([1.0, 2.0, 3.0, 0.0, 0.0, 0.6, 0.8], (10, 1))])
    np.savetxt(folder / "traj.txt", track, fmt="%.6f")


def write_road_log(folder: Path) -> None:
    times_s = 50.0 + 0.01 * np.arange(200)
    for name in ("accelerometer", "gyro"):
        write_npy(folder / "imu" / name / "t", times_s)
        write_npy(folder / "imu" / name / "value", np.tile([0.0, 0.0, -9.8], (200, 1)))
    poses = 20
    pose = folder / "global_pose"
    write_npy(pose / "frame_times", times_s[::10])
    # On the equator at longitude 0, ten metres a second to the north; forward is north, down is -x of the earth.
    north_m = 10.0 * (times_s[::10] - times_s[0])
    write_npy(pose / "frame_positions", np.column_stack([np.full(poses, 6378137.0), np.zeros(poses), north_m]))
    write_npy(pose / "frame_velocities", np.tile([0.0, 0.0, 10.0], (poses, 1)))
    half = np.sqrt(0.5)
    write_npy(pose / "frame_orientations", np.tile([half, 0.0, -half, 0.0], (poses, 1)))
    write_npy(folder / "can" / "wheel_speed" / "t", times_s)
    write_npy(folder / "can" / "wheel_speed" / "value", np.full((200, 4), 10.0))
    write_npy(folder / "live_gnss_ublox" / "t", times_s[::10])
    fix = [np.degrees(10.0 / 6335439.0), 0.0, 10.0, 0.0, 5.0, 0.0]
    write_npy(folder / "live_gnss_ublox" / "value", np.tile(fix, (poses, 1)))


WRITERS: dict[str, Callable[[Path], None]] = {
    "kitti_drive": write_drive,
    "kitti_object": write_object_set,
    "rgbd_sequence": write_rgbd,
    "deskew_scans": write_deskew,
    "imu_log": write_imu_log,
    "road_log": write_road_log,
}
