import numpy as np
import pytest
from drawn_rooms import HAND_AT_LOOK_POSE, make_box, make_room, make_table
from verbot.sim.camera import Camera, CameraConfig
from verbot.sim.lidar import Lidar, LidarConfig
from verbot.sim.lit_view import find_lit
from verbot.sim.pinhole import Pinhole, make_intrinsics
from verbot.sim.raycast import RayRoom
from verbot.sim.scenes import draw, load_scene

EXACT = dict(
    depth_noise_m=0.0,
    depth_noise_per_m=0.0,
    edge_dropout=0.0,
    random_dropout=0.0,
    pixel_noise=0.0,
    exposure_noise=0.0,
    grazing_rad=1.58,
)


@pytest.fixture(scope="module")
def room() -> RayRoom:
    return make_room(draw(load_scene("table"), 3))


def _exact_camera(**keys) -> Camera:
    return Camera(
        CameraConfig(
            name="c", position_m=(1.2, -0.2, 0.8), look_at_m=(0.48, 0.0, 0.0), width=320, height=240, **EXACT, **keys
        )
    )


def test_one_ray_gives_the_camera_and_the_caster_the_same_depth_and_colour(room: RayRoom) -> None:
    camera = _exact_camera()
    image = camera.measure(room, np.eye(4), 0.0, np.random.default_rng(0))
    pixels = np.random.default_rng(1).integers(0, [240, 320], (100, 2))
    lens, T_world_camera = image.intrinsics, image.T_mount_camera
    for row, column in pixels:
        ray = T_world_camera[:3, :3] @ [(column - lens.cx) / lens.fx, (row - lens.cy) / lens.fy, 1.0]
        hits = room.cast(T_world_camera[:3, 3], ray[None])
        expected_m = hits.distance_m[0] if hits.is_hit[0] else 0.0
        assert abs(image.depth_m[row, column] - expected_m) < 1e-3
        if hits.is_hit[0]:
            measured, painted = image.rgb[row, column] / 255.0, hits.color[0]
            assert measured @ painted / np.linalg.norm(measured) / np.linalg.norm(painted) > 0.995


def test_the_same_ray_through_camera_and_lidar_ends_at_the_same_point_of_the_same_colour(room: RayRoom) -> None:
    place = {"position_m": (1.2, -0.2, 0.8), "look_at_m": (0.48, 0.0, 0.0)}
    image = _exact_camera().measure(room, np.eye(4), 0.0, np.random.default_rng(0))
    lens, num_met = image.intrinsics, 0
    for row, column in np.random.default_rng(2).integers(0, [240, 320], (60, 2)):
        ray_camera = np.array([(column - lens.cx) / lens.fx, (row - lens.cy) / lens.fy, 1.0])
        azimuth = float(np.arctan2(ray_camera[1], ray_camera[0]))
        elevation = float(np.arcsin(1.0 / np.linalg.norm(ray_camera)))
        beam = {"azimuth_min_rad": azimuth, "azimuth_max_rad": np.pi, "elevation_min_rad": elevation, "rings": 1}
        exact = {"range_noise_m": 0.0, "random_dropout": 0.0, "grazing_rad": 1.58, "dark_albedo": 0.0}
        lidar = Lidar(LidarConfig.model_validate({"name": "l", "columns": 4, **place, **beam, **exact}))
        scan = lidar.measure(room, np.eye(4), 0.0, np.random.default_rng(0))
        is_beam = scan.point_times_s < -0.07  # the first of four columns
        depth_m = image.depth_m[row, column]
        if depth_m == 0.0:
            assert not is_beam.any()
            continue
        num_met += 1
        assert np.abs(scan.points_sensor[is_beam][0] - ray_camera * depth_m).max() < 1e-3
        hits = room.cast(image.T_mount_camera[:3, 3], (image.T_mount_camera[:3, :3] @ ray_camera)[None])
        measured, painted = image.rgb[row, column] / 255.0, hits.color[0]
        assert measured @ painted / np.linalg.norm(measured) / np.linalg.norm(painted) > 0.995
        cosine = abs(hits.normal_world[0] @ image.T_mount_camera[:3, :3] @ ray_camera) / np.linalg.norm(ray_camera)
        assert scan.intensity[is_beam][0] == pytest.approx(painted.mean() * cosine, abs=1e-4)
    assert num_met > 20


def test_lidar_points_lie_on_the_surface_the_camera_sees(room: RayRoom) -> None:
    image = _exact_camera().measure(room, np.eye(4), 0.0, np.random.default_rng(0))
    lidar = Lidar(
        LidarConfig(
            name="l",
            position_m=(0.5, -0.6, 0.5),
            quat_xyzw=(-0.3662725, 0.0, 0.0, 0.9305076),
            range_noise_m=0.0,
            random_dropout=0.0,
            columns=512,
        )
    )
    points_sensor = lidar.measure(room, np.eye(4), 0.0, np.random.default_rng(0)).points_sensor
    T_camera_lidar = np.linalg.inv(image.T_mount_camera) @ lidar.T_mount_sensor
    x, y, z = (points_sensor @ T_camera_lidar[:3, :3].T + T_camera_lidar[:3, 3]).T
    lens = image.intrinsics
    u, v = lens.fx * x / z + lens.cx, lens.fy * y / z + lens.cy
    left, top = np.floor(u).astype(int), np.floor(v).astype(int)
    in_view = (left >= 0) & (left < 319) & (top >= 0) & (top < 239)
    u, v, z, left, top = (values[in_view] for values in (u, v, z, left, top))
    around = np.stack([image.depth_m[top + i, left + j] for i in (0, 1) for j in (0, 1)])
    smooth = (around.min(axis=0) > 0) & (np.ptp(around, axis=0) < 0.006)
    a, b = u - left, v - top
    with np.errstate(divide="ignore"):
        inverse = (1 / around) * np.stack([(1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b])
    difference_m = np.abs(1 / inverse[:, smooth].sum(axis=0) - z[smooth])
    eye = image.T_mount_camera[:3, 3]
    points_world = points_sensor[in_view][smooth] @ lidar.T_mount_sensor[:3, :3].T + lidar.T_mount_sensor[:3, 3]
    is_seen = room.cast(eye, points_world - eye).distance_m > 1 - 1e-3
    assert is_seen.sum() > 1000
    # Where four pixels span a bowl's fold, the mean between them is off by a little more.
    assert (difference_m[is_seen] < 1e-3).mean() > 0.99
    assert difference_m[is_seen].max() < 3e-3


def test_moving_a_body_changes_only_the_rays_that_meet_it(room: RayRoom) -> None:
    room = make_room(draw(load_scene("blocks"), 1))
    pinhole = Pinhole(make_intrinsics(160, 120, 1.2))
    name = "blue_block"
    index = [body.name for body in room.bodies].index(name)
    before = pinhole.look(room, HAND_AT_LOOK_POSE)
    moved = np.eye(4)
    moved[:3, 3] = (0.5, 0.0, 0.25)
    room.move({name: moved})
    after = pinhole.look(room, HAND_AT_LOOK_POSE)
    met = (room.triangle_body[before.triangle] == index) | (room.triangle_body[after.triangle] == index)
    assert 0 < met.sum() < met.size / 2
    np.testing.assert_array_equal(before.triangle[~met], after.triangle[~met])
    np.testing.assert_array_equal(before.depth_m[~met], after.depth_m[~met])


def test_moving_there_and_back_restores_every_hit(room: RayRoom) -> None:
    pinhole = Pinhole(make_intrinsics(160, 120, 1.2))
    scene = draw(load_scene("table"), 3)
    before = pinhole.look(room, HAND_AT_LOOK_POSE)
    back = {scene.objects[0].name: room.poses()[scene.objects[0].name]}
    room.move({scene.objects[0].name: np.eye(4)})
    room.move(back)
    np.testing.assert_array_equal(pinhole.look(room, HAND_AT_LOOK_POSE).depth_m, before.depth_m)


def test_moving_an_unknown_body_is_refused(room: RayRoom) -> None:
    with pytest.raises(KeyError, match="no body 'ghost'"):
        room.move({"ghost": np.eye(4)})


def test_a_room_needs_bodies() -> None:
    with pytest.raises(ValueError, match="no bodies"):
        RayRoom([])


def test_sparse_rays_see_what_all_rays_see(room: RayRoom) -> None:
    pinhole = Pinhole(make_intrinsics(320, 240, 1.2))
    view = pinhole.look(room, HAND_AT_LOOK_POSE)
    directions = pinhole.directions_camera.reshape(-1, 3) @ HAND_AT_LOOK_POSE[:3, :3].T.astype(np.float32)
    hits = room.cast(HAND_AT_LOOK_POSE[:3, 3], directions)
    same = hits.triangle.reshape(view.triangle.shape) == view.triangle
    assert same.mean() > 0.9995
    same &= np.isfinite(view.depth_m)
    assert np.abs(hits.distance_m.reshape(same.shape)[same] - view.depth_m[same]).max() < 1e-5


def test_what_a_camera_remembers_never_changes_a_picture() -> None:
    """Bodies go and come back, the camera too: a room that was never looked at before gives the same bits."""
    scene = draw(load_scene("table"), 3)
    pinhole = Pinhole(make_intrinsics(160, 120, 1.2))
    rng = np.random.default_rng(0)
    room = make_room(scene)
    home = room.poses()
    for _ in range(15):
        names = rng.choice([placed.name for placed in scene.objects], 2)
        for name, offset in zip(names, rng.normal(0.0, 0.1, (2, 3)) * rng.integers(0, 2, (2, 1)), strict=True):
            moved = home[name].copy()
            moved[:3, 3] += offset
            room.move({name: moved})
        eye = HAND_AT_LOOK_POSE.copy()
        eye[2, 3] += 0.02 * float(rng.random() < 0.2)
        fresh = make_room(scene)
        fresh.move(room.poses())
        views = [pinhole.look(each, eye) for each in (room, fresh)]
        np.testing.assert_array_equal(views[0].triangle, views[1].triangle)
        np.testing.assert_array_equal(views[0].depth_m, views[1].depth_m)
        np.testing.assert_array_equal(find_lit(views[0]), find_lit(views[1]))


def test_a_block_shades_the_table_on_the_side_away_from_the_light() -> None:
    room = RayRoom([make_table(), make_box("block", (0.5, 0.0, 0.05), (0.1, 0.1, 0.1))])
    toward = np.array(room.light.toward_light)
    away = np.array([0.5, 0.0, 0.0]) - 0.09 * np.array([*toward[:2], 0.0]) / np.linalg.norm(toward[:2])
    lit = np.array([0.5, 0.0, 0.0]) + 0.12 * np.array([*toward[:2], 0.0]) / np.linalg.norm(toward[:2])
    assert room.is_lit(np.float32([away, lit])).tolist() == [False, True]
