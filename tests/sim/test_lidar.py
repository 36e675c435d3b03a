import numpy as np
import pytest
from drawn_rooms import HAND_AT_LOOK_POSE, make_box, make_room, make_table
from verbot.perception.types import LidarScan
from verbot.sim.beam_casting import cast_beams, cast_pattern
from verbot.sim.beams import BeamBundle, make_grid, rosette_directions
from verbot.sim.lidar import Lidar, LidarConfig
from verbot.sim.raycast import RayRoom
from verbot.sim.scenes import draw, load_scene
from verbot.sim.sweep import Motion, Sweep

EXACT = {"range_noise_m": 0.0, "random_dropout": 0.0, "grazing_rad": 1.58, "dark_albedo": 0.0}
WALL = make_box("wall", (2.0, 0.0, 0.0), (0.1, 8.0, 8.0))


def _moved(*offset: float) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, 3] = offset
    return pose


def _scan(room: RayRoom, seed: int = 0, **keys) -> LidarScan:
    return Lidar(LidarConfig(name="l", **keys)).measure(room, np.eye(4), 0.0, np.random.default_rng(seed))


def _sweep(*poses: dict[str, np.ndarray]) -> Sweep:
    return Sweep(tuple(np.linspace(0.0, 0.1, len(poses)).tolist()), poses)


@pytest.mark.parametrize("seed", [1, 3, 8])
def test_beams_cast_only_where_a_body_may_be_meet_what_all_beams_meet(seed: int) -> None:
    room = make_room(draw(load_scene("table"), seed))
    rng = np.random.default_rng(seed)
    patterns = [
        make_grid((-np.pi, np.pi), 512, (-0.6, 0.4), 48),
        make_grid((-2.0, 1.5), 300, (-1.5, 1.57), 40),
        BeamBundle(rosette_directions(3, 20_000, 1.2)),
    ]
    num_met = 0
    for pattern in patterns * 4:
        T_world_sensor = _moved(*rng.uniform([0.2, -0.9, 0.15], [1.2, 0.9, 0.8]))
        T_world_sensor[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        T_world_sensor[:3, :3] *= np.linalg.det(T_world_sensor[:3, :3])
        few = cast_pattern(room, pattern, T_world_sensor)
        to_world = T_world_sensor[:3, :3].T.astype(np.float32)
        every = cast_beams(room, T_world_sensor[:3, 3], pattern.directions_sensor @ to_world)
        num_met += len(every.beam)
        # Directions are turned once or twice: a beam along an edge may differ.
        both, at_few, at_every = np.intersect1d(few.beam, every.beam, return_indices=True)
        assert len(few.beam) + len(every.beam) - 2 * len(both) <= 2
        assert (np.abs(few.range_m[at_few] - every.range_m[at_every]) > 1e-4).sum() <= 4
    assert num_met > 500


def test_what_a_lidar_remembers_never_changes_a_scan() -> None:
    """Bodies go and come back, the sensor too: a room that was never looked at before gives the same bits."""
    scene = draw(load_scene("table"), 3)
    lidar = Lidar(LidarConfig(name="l", position_m=(0.5, -0.9, 0.5), quat_xyzw=(-0.2764, 0.0, 0.0, 0.9610), **EXACT))
    rng = np.random.default_rng(0)
    room = make_room(scene)
    home = room.poses()
    for _ in range(12):
        names = rng.choice([placed.name for placed in scene.objects], 2)
        offsets = rng.normal(0.0, 0.05, (2, 3)) * rng.integers(0, 2, (2, 1))
        room.move({name: home[name] @ _moved(*offset) for name, offset in zip(names, offsets, strict=True)})
        T_world_mount = _moved(0.0, 0.0, 0.01 * float(rng.random() < 0.2))
        fresh = make_room(scene)
        fresh.move(room.poses())
        scans = [lidar.measure(each, T_world_mount, 0.0, np.random.default_rng(1)) for each in (room, fresh)]
        np.testing.assert_array_equal(scans[0].points_sensor, scans[1].points_sensor)
        np.testing.assert_array_equal(scans[0].intensity, scans[1].intensity)


def test_a_sector_sees_only_between_its_azimuths() -> None:
    scan = _scan(RayRoom([WALL]), azimuth_min_rad=-0.3, azimuth_max_rad=0.2, columns=200, **EXACT)
    azimuth = np.arctan2(scan.points_sensor[:, 1], scan.points_sensor[:, 0])
    assert -0.3 - 1e-6 <= azimuth.min() < -0.29
    assert 0.19 < azimuth.max() < 0.2


def test_a_rosette_stays_in_its_cone_and_does_not_repeat() -> None:
    first, second = (rosette_directions(number, 20_000, 1.0) for number in (3, 4))
    angle = np.arccos(np.clip(first[:, 0], -1.0, 1.0))
    assert angle.max() <= 0.5 + 1e-3
    assert angle.max() > 0.49
    assert np.abs(np.linalg.norm(first, axis=1) - 1.0).max() < 1e-6
    cells = [set(map(tuple, (np.round(sweep[:, 1:] / 0.004)).astype(int).tolist())) for sweep in (first, second)]
    assert len(cells[1] - cells[0]) > 0.2 * len(cells[1])


def test_a_rosette_measures_the_wall_where_it_stands() -> None:
    scan = _scan(RayRoom([WALL]), pattern="rosette", columns=512, rings=16, **EXACT)
    assert len(scan.points_sensor) == 512 * 16
    assert np.abs(scan.points_sensor[:, 0] - 1.95).max() < 1e-4
    assert (np.diff(scan.point_times_s) > 0).all()


def test_a_body_that_moves_during_the_sweep_is_measured_where_it_was_at_each_time() -> None:
    """A long bar that rises by 0.2 m during the sweep shows as a slope."""
    wall = make_box("bar", (2.0, 0.0, 0.0), (0.1, 8.0, 8.0), is_static=False)
    lidar = Lidar(LidarConfig(name="l", azimuth_min_rad=-0.8, azimuth_max_rad=0.8, **EXACT))
    sweep = _sweep(*({"bar": _moved(0.2 * share, 0.0, 0.0)} for share in (0.0, 0.5, 1.0)))
    scan = lidar.measure_sweep(RayRoom([wall]), sweep, np.random.default_rng(0))
    expected_m = 1.95 + 0.2 * np.clip(scan.point_times_s / 0.1, 0.0, 1.0)
    assert np.ptp(scan.points_sensor[:, 0]) > 0.19
    assert np.abs(scan.points_sensor[:, 0] - expected_m).max() < 1e-4


@pytest.mark.parametrize("pattern", ["spinning", "rosette"])
def test_points_of_a_moving_mount_lie_on_the_wall_once_its_motion_is_undone(pattern: str) -> None:
    lidar = Lidar(LidarConfig(name="l", mount="hand", pattern=pattern, rings=16, columns=256, **EXACT))
    poses = []
    for share in (0.0, 0.5, 1.0):
        pose = _moved(0.3 * share, 0.1 * share, 0.0)
        cos, sin = np.cos(0.4 * share), np.sin(0.4 * share)
        pose[:2, :2] = [[cos, -sin], [sin, cos]]
        poses.append({"hand": pose})
    sweep = _sweep(*poses)
    hand = make_box("hand", (0.0, 0.0, -50.0), (0.1, 0.1, 0.1), is_static=False)
    scan = lidar.measure_sweep(RayRoom([WALL, hand]), sweep, np.random.default_rng(0))
    ahead = scan.points_sensor[:, 0] > 0.5
    motion = Motion(np.array(sweep.times_s), np.stack([[pose["hand"]] for pose in poses]))
    T_world_hand = motion.at(scan.point_times_s[ahead])[:, 0]
    points_world = np.einsum("nij,nj->ni", T_world_hand[:, :3, :3], scan.points_sensor[ahead]) + T_world_hand[:, :3, 3]
    on_face = np.abs(points_world[:, 1]) < 3.5
    assert on_face.sum() > 300
    assert np.abs(points_world[on_face, 0] - 1.95).max() < 2e-3
    frozen = scan.points_sensor[ahead] @ poses[-1]["hand"][:3, :3].T + poses[-1]["hand"][:3, 3]
    assert np.abs(frozen[on_face, 0] - 1.95).max() > 0.1


def test_a_sweep_in_which_nothing_moves_is_the_still_scan() -> None:
    room = make_room(draw(load_scene("table"), 3))
    lidar = Lidar(LidarConfig(name="l", position_m=(0.5, -0.9, 0.5)))
    poses = room.poses()
    swept = lidar.measure_sweep(room, _sweep(poses, poses, poses), np.random.default_rng(4))
    still = lidar.measure(room, np.eye(4), 0.1, np.random.default_rng(4))
    np.testing.assert_array_equal(swept.points_sensor, still.points_sensor)
    np.testing.assert_array_equal(swept.point_times_s, still.point_times_s)


def test_where_nothing_moves_the_sweep_s_points_are_those_of_a_still_room() -> None:
    room = make_room(draw(load_scene("table"), 3))
    name = draw(load_scene("table"), 3).objects[0].name
    before = room.poses()[name]
    sweep = _sweep({**room.poses(), name: before @ _moved(0.05, 0.0, 0.0)}, room.poses())
    lidar = Lidar(LidarConfig(name="l", position_m=(0.5, -0.9, 0.5), quat_xyzw=(-0.2764, 0.0, 0.0, 0.9610), **EXACT))
    moved = lidar.measure_sweep(room, sweep, np.random.default_rng(0))
    still = lidar.measure(room, np.eye(4), 0.1, np.random.default_rng(0))
    ranges = []
    for scan in (moved, still):
        x, y, z = scan.points_sensor.T.astype(float)
        column = np.round((np.arctan2(y, x) + np.pi) / (2 * np.pi) * 1024) % 1024
        ring = np.round((np.arctan2(z, np.hypot(x, y)) + 0.38) / 0.76 * 63)
        by_beam = np.zeros(1024 * 64)
        by_beam[(64 * column + ring).astype(int)] = np.linalg.norm(scan.points_sensor, axis=1)
        ranges.append(by_beam)
    differs = np.abs(ranges[0] - ranges[1]) > 1e-4
    assert 10 < differs.sum() < 0.1 * len(still.points_sensor)


def test_a_sweep_with_motion_is_the_same_for_the_same_generator_and_leaves_the_room_at_its_end() -> None:
    scene = draw(load_scene("table"), 3)
    name = scene.objects[0].name
    scans, ends = [], []
    for _ in range(2):
        room = make_room(scene)
        before = room.poses()[name]
        end = before @ _moved(0.1, 0.0, 0.0)
        lidar = Lidar(LidarConfig(name="l", position_m=(0.5, -0.9, 0.5)))
        scans.append(lidar.measure_sweep(room, _sweep({name: before}, {name: end}), np.random.default_rng(7)))
        ends.append((room.poses()[name], end))
    np.testing.assert_array_equal(scans[0].points_sensor, scans[1].points_sensor)
    np.testing.assert_array_equal(*ends[0])


def test_beams_are_lost_on_dark_surfaces_in_proportion() -> None:
    wall = make_box("wall", (2.0, 0.0, 0.0), (0.1, 8.0, 8.0), (0.06, 0.06, 0.06))
    clear = len(_scan(RayRoom([wall]), **EXACT).points_sensor)
    dark = len(_scan(RayRoom([wall]), **{**EXACT, "dark_albedo": 0.12}).points_sensor)
    assert dark / clear == pytest.approx(0.5, abs=0.02)


def test_beams_are_lost_at_grazing_angles_more_the_flatter_they_meet() -> None:
    keys = {"position_m": (0.5, 0.0, 0.02), "range_min_m": 0.0, "elevation_min_rad": -0.5, "elevation_max_rad": -0.01}
    all_back, some_lost = (
        _scan(RayRoom([make_table()]), **{**EXACT, "grazing_rad": grazing_rad, **keys}).points_sensor
        for grazing_rad in (1.58, 1.40)
    )

    def share(near_m: float, far_m: float) -> float:
        counts = [
            (lambda r: int(((r > near_m) & (r < far_m)).sum()))(np.linalg.norm(points, axis=1))
            for points in (some_lost, all_back)
        ]
        return counts[0] / counts[1]

    assert share(0.04, 0.1) == 1.0  # within 1.40 rad of the normal
    assert 0.5 < share(0.15, 0.2) < 0.9
    assert share(0.25, 0.5) < 0.5


def test_intensity_is_the_surface_s_brightness_times_the_cosine() -> None:
    wall = make_box("wall", (2.0, 0.0, 0.0), (0.1, 8.0, 8.0), (0.5, 0.5, 0.5))
    scan = _scan(RayRoom([wall]), **EXACT)
    ahead = scan.points_sensor[:, 0] > 1.9
    cosine = scan.points_sensor[ahead, 0] / np.linalg.norm(scan.points_sensor[ahead], axis=1)
    np.testing.assert_allclose(scan.intensity[ahead], 0.5 * cosine, atol=1e-4)


def test_lidar_on_the_hand_sees_the_table_below() -> None:
    keys = {"quat_xyzw": (0.0, -0.7071067811865476, 0.0, 0.7071067811865476), "range_min_m": 0.0, "pattern": "rosette"}
    lidar = Lidar(LidarConfig(name="l", mount="hand", rings=16, columns=256, **{**EXACT, **keys}))
    scan = lidar.measure(RayRoom([make_table()]), HAND_AT_LOOK_POSE, 0.0, np.random.default_rng(0))
    T_world_sensor = HAND_AT_LOOK_POSE @ scan.T_mount_sensor
    points_world = scan.points_sensor @ T_world_sensor[:3, :3].T + T_world_sensor[:3, 3]
    assert np.abs(points_world[:, 2]).max() < 1e-4
