"""Real sensor data read through the recordings: what each must show, whatever we do with it later."""

import numpy as np
from real_data import shared_data
from verbot.perception.geometry import project_points
from verbot.perception.recordings.open_recording import open_recording


def test_the_boxes_of_a_street_hold_the_points_that_their_picture_shows_there() -> None:
    recording = open_recording(shared_data("camera_lidar_boxes"))
    tried = 0
    for moment in recording.moments():
        picture, points = moment.pictures[0], moment.frame.scans[0].points_sensor
        assert picture.intrinsics is not None
        assert picture.T_lidar_camera is not None
        T_camera_lidar = np.linalg.inv(picture.T_lidar_camera)
        for box in moment.boxes:
            inside = points[box.holds(points)]
            if len(inside) < 20:
                continue
            tried += 1
            points_camera = inside @ T_camera_lidar[:3, :3].T + T_camera_lidar[:3, 3]
            u, v = project_points(points_camera, picture.intrinsics).T
            left, top, right, bottom = box.picture_box
            shown = (u > left - 2) & (u < right + 2) & (v > top - 2) & (v < bottom + 2)
            assert shown.mean() > 0.98, box.kind
    assert tried >= 3


def test_the_drive_is_ten_sweeps_of_a_street_with_their_pictures() -> None:
    moments = list(open_recording(shared_data("camera_lidar_drive")).moments())
    assert len(moments) == 10
    for number, moment in enumerate(moments):
        scan = moment.frame.scans[0]
        assert scan.time_s == np.float64(number) / 10.0
        assert len(scan.points_sensor) > 100_000
        assert 0.0 <= scan.intensity.min() <= scan.intensity.max() <= 1.0
        # The street lies 1.73 m under the LiDAR of that car.
        near = np.abs(scan.points_sensor[:, :2]).max(axis=1) < 10.0
        heights, edges = np.histogram(scan.points_sensor[near, 2], bins=np.arange(-3.0, 1.0, 0.1))
        assert abs(edges[heights.argmax()] + 0.05 + 1.73) < 0.15
        assert moment.pictures[0].rgb.shape == (375, 1242, 3)


def test_the_room_is_seen_alike_from_every_frame() -> None:
    recording = open_recording(shared_data("rgbd_room"))
    assert recording.num_moments == 5
    for moment in recording.moments():
        image = moment.frame.images[0]
        assert image.rgb.shape == (480, 640, 3)
        measured = image.depth_m[image.depth_m > 0.0]
        assert measured.size > 0.5 * image.depth_m.size
        assert 0.4 < measured.min() < measured.max() < 20.0


def test_the_first_points_of_a_straightened_sweep_are_the_raw_ones_in_the_imu_frame() -> None:
    for moment in open_recording(shared_data("lidar_deskew")).moments():
        scan, straight = moment.frame.scans[0], moment.straight
        assert straight is not None
        first = scan.point_times_s == scan.point_times_s.min()
        turned = scan.points_sensor[first] * (-1.0, -1.0, 1.0)
        apart = straight.points_other[first] - turned
        assert np.abs(apart - apart.mean(axis=0)).max() < 1e-3
        assert np.linalg.norm(apart.mean(axis=0)) < 0.05
        assert 0.09 < scan.time_s - scan.point_times_s.min() < 0.11


def test_the_gyro_of_the_hand_held_log_turns_as_its_path_does() -> None:
    recording = open_recording(shared_data("imu_trajectory"))
    assert recording.imu is not None
    assert recording.poses is not None
    times_s, rotation = recording.poses.times_s, recording.poses.T_world_body[:, :3, :3]
    turned = np.einsum("nji,njk->nik", rotation[:-1], rotation[1:])
    rate = np.column_stack([turned[:, 2, 1] - turned[:, 1, 2], turned[:, 0, 2] - turned[:, 2, 0]]) / 2.0
    middle_s = (times_s[1:] + times_s[:-1]) / 2.0
    for axis, expected in enumerate((rate / np.diff(times_s)[:, None]).T):
        felt = np.interp(middle_s, recording.imu.times_s, recording.imu.angular_rate_radps[:, axis])
        assert np.corrcoef(felt[10:-10], expected[10:-10])[0, 1] > 0.95


def test_wheels_satellites_and_path_of_the_road_log_agree() -> None:
    recording = open_recording(shared_data("road_imu_gnss"))
    poses, wheels, fixes = recording.poses, recording.wheels, recording.fixes
    assert poses is not None
    assert wheels is not None
    assert fixes is not None
    assert poses.velocity_world is not None
    speed = np.linalg.norm(poses.velocity_world, axis=1)
    rolled = np.interp(poses.times_s, wheels.times_s, wheels.speed_mps.mean(axis=1))
    assert np.abs(rolled - speed).mean() < 0.3
    forward = np.einsum("nji,nj->ni", poses.T_world_body[:, :3, :3], poses.velocity_world)[:, 0]
    assert (forward > 0.99 * speed).all()
    at_fix = np.column_stack(
        [np.interp(fixes.times_s, poses.times_s, poses.T_world_body[:, axis, 3]) for axis in range(3)]
    )
    assert np.median(np.linalg.norm((fixes.position_world - at_fix)[:, :2], axis=1)) < 5.0
