"""Readers of real data, tried on tiny recordings of each format and on what is wrong with them."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from verbot.perception.recordings.open_recording import is_recording, open_recording
from verbot.perception.recordings.types import RecordingFileError
from written_recordings import HIGH, WIDE, WRITERS, points, write_npy, write_picture


@pytest.fixture
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / "recording"
    WRITERS[request.param](folder)
    return folder


@pytest.mark.parametrize("name", WRITERS)
def test_the_format_is_told_by_what_lies_in_the_folder(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / "recording")
    recording = open_recording(tmp_path / "recording")
    assert recording.format == name
    assert len(list(recording.moments())) == recording.num_moments
    assert is_recording(tmp_path / "recording")


@pytest.mark.parametrize("written", ["kitti_drive"], indirect=True)
def test_a_drive_gives_scans_with_reflectance_and_pictures_with_their_place(written: Path) -> None:
    moments = list(open_recording(written).moments())
    assert [round(m.frame.time_s, 6) for m in moments] == [0.0, 0.1, 0.2]
    scan, picture = moments[0].frame.scans[0], moments[0].pictures[0]
    assert np.array_equal(scan.points_sensor, points()[:, :3])
    assert np.array_equal(scan.intensity, points()[:, 3])
    assert picture.T_lidar_camera is not None
    # What is straight ahead of the LiDAR is along the camera's axis.
    ahead_camera = np.linalg.inv(picture.T_lidar_camera) @ (10.0, 0.0, 0.0, 1.0)
    assert np.allclose(ahead_camera[:3], (0.2, -0.1, 9.7))


@pytest.mark.parametrize("written", ["kitti_drive"], indirect=True)
def test_a_drive_without_stamps_and_calibration_counts_tenths_and_knows_no_place(written: Path) -> None:
    (written / "velodyne_points" / "timestamps.txt").unlink()
    (written / "calib_velo_to_cam.txt").unlink()
    moment = open_recording(written).load_moment(2)
    assert moment.frame.time_s == pytest.approx(0.2)
    assert moment.pictures[0].intrinsics is None
    assert moment.pictures[0].T_lidar_camera is None


@pytest.mark.parametrize("written", ["kitti_object"], indirect=True)
def test_a_labelled_box_stands_upright_in_the_lidar_frame(written: Path) -> None:
    car, region = open_recording(written).load_moment(0).boxes
    assert car.T_lidar_box is not None
    # 9.7 m ahead of the camera, which is 0.3 m ahead of the LiDAR; its bottom 1.4 m under the camera, 1.5 m high.
    assert np.allclose(car.T_lidar_box[:3, 3], (10.0, -1.0, -0.1 - 1.4 + 0.75), atol=1e-6)
    assert np.allclose(car.T_lidar_box[:3, 2], (0, 0, 1))
    assert car.size_m == (4.0, 1.8, 1.5)
    # Unturned, a car's length is across the camera's view.
    inside = np.array([[10.0, -1.0 + 1.9, -0.7], [10.0 + 1.9, -1.0, -0.7]])
    assert car.holds(inside).tolist() == [True, False]
    assert region.T_lidar_box is None
    assert not region.holds(inside).any()


@pytest.mark.parametrize("written", ["rgbd_sequence"], indirect=True)
def test_rgbd_depth_is_in_metres_and_none_where_nothing_was_measured(written: Path) -> None:
    recording = open_recording(written)
    image = recording.load_moment(2).frame.images[0]
    assert image.time_s == pytest.approx(1.0)
    assert image.depth_m[0, 0] == 0.0
    assert image.depth_m[1, 1] == pytest.approx(1.5)
    assert np.allclose(image.T_mount_camera[:3, :3] @ (0, 1, 0), (0, 0, 1))  # their y is our z


@pytest.mark.parametrize("written", ["imu_log"], indirect=True)
def test_the_pieces_of_an_imu_log_hold_every_sample_once(written: Path) -> None:
    recording = open_recording(written)
    assert recording.imu is not None
    pieces = [m.frame.imu[0].times_s for m in recording.moments()]
    assert np.array_equal(np.concatenate(pieces), recording.imu.times_s)
    assert recording.imu.times_s[0] == pytest.approx(0.0)
    assert recording.poses is not None
    assert np.allclose(recording.poses.T_world_body[0, :3, 0], (0.28, 0.96, 0.0))


@pytest.mark.parametrize("written", ["road_log"], indirect=True)
def test_a_road_log_lies_in_east_north_up(written: Path) -> None:
    recording = open_recording(written)
    assert recording.poses is not None
    assert recording.fixes is not None
    assert recording.wheels is not None
    assert np.allclose(recording.poses.velocity_world[0], (0, 10.0, 0))
    assert np.allclose(recording.poses.T_world_body[0, :3, 0], (0, 1, 0), atol=1e-9)  # forward is north
    assert np.allclose(recording.poses.T_world_body[0, :3, 2], (0, 0, -1), atol=1e-9)
    assert np.allclose(recording.poses.T_world_body[-1, :3, 3], (0, 19.0, 0), atol=1e-9)
    assert np.allclose(recording.fixes.position_world[0], (0, 10.0, 5.0), atol=1e-3)
    assert recording.wheels.speed_mps.shape == (200, 4)


def _cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2 | 1])


def _not_finite(path: Path) -> None:
    values = np.fromfile(path, "<f4")
    values[5] = np.nan
    values.tofile(path)


def _swap_lines(path: Path) -> None:
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[1], lines[0], *lines[2:]]) + "\n")


def _wrong_size(path: Path) -> None:
    write_picture(path, (WIDE + 1, HIGH))


def _flat_depth(path: Path) -> None:
    Image.fromarray(np.zeros((HIGH, WIDE), np.uint8)).save(path)


def _nan_line(path: Path) -> None:
    lines = path.read_text().splitlines()
    lines[2] = " ".join(["nan", *lines[2].split()[1:]])
    path.write_text("\n".join(lines))


def _half_a_line(path: Path) -> None:
    path.write_text(path.read_text().rsplit(" ", 1)[0])


def _two_lines(path: Path) -> None:
    path.write_text("\n".join(path.read_text().splitlines()[:2]))


def _pickled(path: Path) -> None:
    write_npy(path, np.zeros(3))
    path.write_bytes(pickle.dumps({"a": 1}))


def _backward(path: Path) -> None:
    values = np.load(path)
    values[7] = values[3]
    write_npy(path, values)


def _promises_more(path: Path) -> None:
    values = np.load(path)
    header = path.read_bytes()[: -values.nbytes].replace(b"(200,", b"(9999999999,")
    path.write_bytes(header + values.tobytes())


BROKEN = [
    ("kitti_drive", "velodyne_points/0000000001.bin", _cut, "whole rows of 4 float32"),
    ("kitti_drive", "velodyne_points/0000000001.bin", _not_finite, "not finite in row 2"),
    ("kitti_drive", "velodyne_points/timestamps.txt", _swap_lines, "only go forward"),
    ("kitti_drive", "image_02/0000000001.png", Path.unlink, "has no picture"),
    ("kitti_drive", "image_02/0000000001.png", _wrong_size, "33×24 pixels, expected 32×24"),
    ("kitti_drive", "image_02/0000000001.png", _cut, "cut off or damaged"),
    ("kitti_drive", "calib_cam_to_cam.txt", Path.unlink, "absent, expected a calibration"),
    ("kitti_object", "calib/000000.txt", Path.unlink, "absent, expected a calibration"),
    ("kitti_object", "calib/000000.txt", _two_lines, "no numbers under 'Tr_velo_to_cam'"),
    ("kitti_object", "image_2/000000.png", Path.unlink, "absent, expected a picture"),
    ("kitti_object", "label_2/000000.txt", lambda p: p.write_text("Car 0.0 0\n"), "3 fields, expected 15"),
    ("rgbd_sequence", "seq-01/frame-000001.depth.png", _wrong_size, "33×24 pixels, expected 32×24"),
    ("rgbd_sequence", "seq-01/frame-000001.depth.png", _flat_depth, "expected 16-bit depth"),
    ("rgbd_sequence", "seq-01/frame-000001.color.png", Path.unlink, "absent, expected a colour picture"),
    ("rgbd_sequence", "seq-01/frame-000001.pose.txt", _nan_line, "not finite in row 3"),
    ("rgbd_sequence", "seq-01/frame-000001.pose.txt", lambda p: np.savetxt(p, 2 * np.eye(4)), "not a rigid pose"),
    ("rgbd_sequence", "camera-intrinsics.txt", lambda p: np.savetxt(p, np.eye(3)[:, :2]), "expected 3"),
    ("rgbd_sequence", "camera-intrinsics.txt", lambda p: np.savetxt(p, 3 * np.eye(3)), "not a camera matrix"),
    ("deskew_scans", "times_00.bin", _cut, "whole rows of 1 float32"),
    ("deskew_scans", "times_00.bin", lambda p: np.zeros(9, "<f4").tofile(p), "9 rows, expected 50"),
    ("deskew_scans", "raw_00.bin", _not_finite, "not finite in row 2"),
    ("imu_log", "imu.txt", _swap_lines, "only go forward"),
    ("imu_log", "imu.txt", _nan_line, "not finite in row 3"),
    ("imu_log", "imu.txt", _half_a_line, "6 numbers, expected 7"),
    ("imu_log", "traj.txt", lambda p: p.write_text("1 2 three\n"), "expected numbers"),
    ("imu_log", "traj.txt", lambda p: p.write_bytes(b"\xff\xfe\x00"), "not text"),
    ("road_log", "imu/gyro/value", _pickled, "not a .npy array"),
    ("road_log", "imu/gyro/t", _backward, "only go forward"),
    ("road_log", "imu/gyro/t", _promises_more, "not a .npy array"),
    ("road_log", "imu/accelerometer/value", lambda p: write_npy(p, np.zeros((5, 3))), "5 rows, expected 200"),
    ("road_log", "global_pose/frame_positions", Path.unlink, "absent, expected a .npy array"),
    ("road_log", "can/wheel_speed/value", lambda p: write_npy(p, np.zeros((200, 2))), "expected rows of 4"),
]


@pytest.mark.parametrize(("written", "name", "spoil", "told"), BROKEN, indirect=["written"])
def test_a_broken_file_is_told_in_one_line_with_its_name(written: Path, name: str, spoil, told: str) -> None:
    spoil(written / name)
    with pytest.raises(RecordingFileError) as caught:
        list(open_recording(written).moments())
    message = str(caught.value)
    assert Path(name).name.partition(".")[0] in message
    assert told in message
    assert "\n" not in message


def test_a_folder_of_something_else_is_told_what_is_known(tmp_path: Path) -> None:
    with pytest.raises(RecordingFileError, match="KITTI raw drive"):
        open_recording(tmp_path)
    with pytest.raises(RecordingFileError, match="no folder"):
        open_recording(tmp_path / "absent")
    assert not is_recording(tmp_path)
