from pathlib import Path

import numpy as np
import pytest
from drawn_rooms import HAND_AT_LOOK_POSE, make_room, make_table
from verbot.perception.types import CameraImage, SensorKind
from verbot.sim.camera import Camera, CameraConfig
from verbot.sim.imu import Imu, ImuConfig
from verbot.sim.lidar import Lidar, LidarConfig
from verbot.sim.placement import WORK_AREA
from verbot.sim.raycast import RayRoom
from verbot.sim.scenes import draw, load_scene
from verbot.sim.sensors import CompositionError, load_composition


@pytest.fixture(scope="module")
def bare_table() -> RayRoom:
    return RayRoom([make_table()])


def _look_down(height_m: float, **keys) -> Camera:
    return Camera(
        CameraConfig(name="down", position_m=(0.5, 0.0, height_m), look_at_m=(0.5, 0.0, 0.0), fov_x_rad=0.5, **keys)
    )


@pytest.mark.parametrize(("height_m", "expected_m"), [(0.6, 0.0007), (1.0, 0.0015)])
def test_depth_noise_grows_with_the_square_of_the_distance(bare_table: RayRoom, height_m, expected_m) -> None:
    camera = _look_down(height_m, depth_ripple=0.0, edge_dropout=0.0)
    image = camera.measure(bare_table, np.eye(4), 0.0, np.random.default_rng(0))
    seen = image.depth_m[image.depth_m > 0]
    assert abs(seen.mean() - height_m) < 1e-4
    assert seen.std() == pytest.approx(expected_m, rel=0.05)


def test_smooth_depth_error_does_not_average_out_over_a_patch(bare_table: RayRoom) -> None:
    camera = _look_down(0.6, random_dropout=0.0)
    patches = [
        camera.measure(bare_table, np.eye(4), 0.0, np.random.default_rng(seed)).depth_m[200:220, 300:320].mean()
        for seed in range(30)
    ]
    white_m = 0.0007 / 20
    assert 3 * white_m < np.std(patches) < 0.0006


def test_depth_is_lost_at_some_edges_and_off_the_table() -> None:
    room = make_room(draw(load_scene("table"), 3))
    image = load_composition().sensors[0].measure(room, np.eye(4), 0.0, np.random.default_rng(0))
    top_row, middle = image.depth_m[0], image.depth_m[240, 200:440]
    assert (top_row == 0).all()  # nothing there but air
    assert (middle > 0).mean() > 0.95
    assert 0 < (image.depth_m[200:400, 150:490] == 0).mean() < 0.05


def test_same_generator_gives_the_same_picture_and_another_one_does_not() -> None:
    room = make_room(draw(load_scene("table"), 3))
    camera, lidar = load_composition().sensors[0], load_composition().sensors[2]
    first, second, other = (camera.measure(room, np.eye(4), 0.0, np.random.default_rng(seed)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.rgb, second.rgb)
    np.testing.assert_array_equal(first.depth_m, second.depth_m)
    assert (first.rgb != other.rgb).mean() > 0.5
    scans = [lidar.measure(room, np.eye(4), 0.0, np.random.default_rng(5)) for _ in range(2)]
    np.testing.assert_array_equal(scans[0].points_sensor, scans[1].points_sensor)


def test_lidar_times_run_through_the_sweep_and_end_at_the_scan(bare_table: RayRoom) -> None:
    lidar = load_composition().sensors[2]
    scan = lidar.measure(bare_table, np.eye(4), 2.0, np.random.default_rng(0))
    assert scan.time_s == 2.0
    assert (np.diff(scan.point_times_s) >= 0).all()
    assert scan.point_times_s.min() > 2.0 - 0.1
    assert scan.point_times_s.max() <= 2.0
    azimuth = np.arctan2(scan.points_sensor[:, 1], scan.points_sensor[:, 0])
    expected = 2.0 + ((azimuth + np.pi) / (2 * np.pi) - 1) / 10.0
    assert np.abs(scan.point_times_s - expected).max() < 0.1 / 1024 + 1e-6


def test_lidar_range_noise_is_as_declared(bare_table: RayRoom) -> None:
    lidar = Lidar(
        LidarConfig(name="l", position_m=(0.5, 0.0, 0.6), elevation_min_rad=-1.2, elevation_max_rad=-1.0, rings=8)
    )
    points = lidar.measure(bare_table, np.eye(4), 0.0, np.random.default_rng(0)).points_sensor
    true_m = 0.6 / -(points[:, 2] / np.linalg.norm(points, axis=1))
    assert (np.linalg.norm(points, axis=1) - true_m).std() == pytest.approx(lidar.spec.noise["range_m"], rel=0.05)


def test_default_cameras_see_the_whole_work_area() -> None:
    for camera in load_composition().sensors[:2]:
        T_world_mount = np.eye(4) if camera.spec.mount == "world" else HAND_AT_LOOK_POSE
        T_camera_world = np.linalg.inv(T_world_mount @ camera.T_mount_sensor)
        x0, y0, x1, y1 = WORK_AREA
        for corner in ((x0, y0), (x0, y1), (x1, y0), (x1, y1)):
            for height_m in (0.0, 0.06):
                x, y, z = T_camera_world[:3, :3] @ [*corner, height_m] + T_camera_world[:3, 3]
                lens = camera.intrinsics
                u, v = lens.fx * x / z + lens.cx, lens.fy * y / z + lens.cy
                assert 0 < u < lens.width - 1, (camera.spec.name, corner)
                assert 0 < v < lens.height - 1, (camera.spec.name, corner)


def test_default_lidar_covers_the_work_area(bare_table: RayRoom) -> None:
    scan = load_composition().sensors[2].measure(bare_table, np.eye(4), 0.0, np.random.default_rng(0))
    points = scan.points_sensor @ scan.T_mount_sensor[:3, :3].T + scan.T_mount_sensor[:3, 3]
    assert np.median(np.abs(points[np.abs(points[:, 2]) < 0.02, 2])) < 0.004
    for x in np.arange(0.30, 0.68, 0.06):
        for y in np.arange(-0.32, 0.32, 0.06):
            assert (np.abs(points[:, :2] - [x, y]).max(axis=1) < 0.03).sum() >= 5


def test_imu_at_rest_reads_gravity_within_its_declared_errors() -> None:
    imu = Imu(ImuConfig(name="imu", mount="hand"))
    times_s = np.arange(400) / 200.0
    samples = imu.measure(times_s, np.tile([0.0, 0.0, 9.81], (400, 1)), np.zeros((400, 3)), np.random.default_rng(0))
    assert np.abs(samples.specific_force_mps2.mean(axis=0) - [0, 0, 9.81]).max() < 4 * imu.spec.noise["force_bias_mps2"]
    assert samples.specific_force_mps2.std(axis=0) == pytest.approx([0.03] * 3, rel=0.2)
    assert samples.angular_rate_radps.std(axis=0) == pytest.approx([0.002] * 3, rel=0.2)


def test_imu_bias_lasts_between_reads_and_is_drawn_anew_after_reset() -> None:
    imu = Imu(ImuConfig(name="imu", force_noise_mps2=0.0, force_walk_mps2=0.0))
    rng = np.random.default_rng(0)

    def read() -> np.ndarray:
        return imu.measure(np.zeros(1), np.zeros((1, 3)), np.zeros((1, 3)), rng).specific_force_mps2[0]

    first, second = read(), read()
    imu.reset()
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, read())


def test_imu_saturates_at_its_range() -> None:
    imu = Imu(ImuConfig(name="imu"))
    samples = imu.measure(np.zeros(1), np.full((1, 3), 1e4), np.full((1, 3), -1e4), np.random.default_rng(0))
    assert (samples.specific_force_mps2 == 78.5).all()
    assert (samples.angular_rate_radps == -34.9).all()


def test_default_composition_declares_two_cameras_a_lidar_an_imu_and_encoders() -> None:
    specs = load_composition().specs
    assert [(s.name, s.kind) for s in specs] == [
        ("front", SensorKind.CAMERA),
        ("wrist", SensorKind.CAMERA),
        ("lidar", SensorKind.LIDAR),
        ("imu", SensorKind.IMU),
        ("joints", SensorKind.JOINTS),
    ]


def test_a_camera_delivers_its_mount_and_calibration(bare_table: RayRoom) -> None:
    camera = load_composition().sensors[1]
    image = camera.measure(bare_table, HAND_AT_LOOK_POSE, 1.5, np.random.default_rng(0))
    assert isinstance(image, CameraImage)
    assert (image.mount, image.time_s) == ("panda_hand", 1.5)
    assert image.rgb.shape == (480, 640, 3)
    np.testing.assert_array_equal(image.T_mount_camera, camera.T_mount_sensor)


FRONT = '[[sensors]]\nplugin = "camera"\nname = "a"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'robot = "panda"\n[[sensors]]\nplugin = "camra"\nname = "a"\n',
            "no sensor plug-in 'camra'; did you mean 'camera'",
        ),
        (f'robot = "panda"\n{FRONT}widht = 3\n', "sensor 'a': unknown key 'widht'; did you mean 'width'"),
        (f'robot = "panda"\n{FRONT}width = -3\n', "'width': Input should be greater"),
        (f'robot = "panda"\n{FRONT}{FRONT}', "two sensors are named 'a'"),
        (f'robot = "panda"\n{FRONT}look_at_m = [0, 0, 0]\n', "look_at_m equals position_m"),
        (f'robot = "panda"\n{FRONT}quat_xyzw = [0.0, 0.0, 0.0, 0.5]\n', "does not have length 1"),
        ('robot = "panda"\n[[sensors]]\nname = "a"\n', "has no key 'plugin'"),
        ('robot = "panda"\n[joints]\nrate = 3\n', "unknown key 'joints.rate'; did you mean 'rate_hz'"),
        ('robot = "panda"\nsensors = [\n', "malformed TOML.*line 3"),
    ],
)
def test_a_wrong_composition_says_what_and_where(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rig.toml"
    path.write_text(text)
    with pytest.raises(CompositionError, match=message) as caught:
        load_composition(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_composition_names_the_nearest() -> None:
    with pytest.raises(CompositionError, match="did you mean 'panda_table'"):
        load_composition("panda_tabel")
