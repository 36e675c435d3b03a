"""Scenes rendered in torch against the simulator's ray casting, at the same keyframes."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from verbot.agent.light.config import make_light_config
from verbot.agent.light.record import record_light
from verbot.policies.torch_scenes.bodies import place_parts
from verbot.policies.torch_scenes.camera import take_pictures
from verbot.policies.torch_scenes.lidar import take_scans
from verbot.policies.torch_scenes.table import load_table
from verbot.sim.beam_casting import cast_beams
from verbot.sim.drawn_bodies import DrawnBody, draw_bodies, make_room
from verbot.sim.lit_view import shade
from verbot.sim.sensors import load_composition
from verbot.sim.tasks.episodes import draw_episode
from verbot.sim.tasks.start import make_start_state

TASKS = ("put_in", "hand_over", "put_in_drawer")
SENSORS = {sensor.spec.name: sensor for sensor in load_composition().sensors}
ABSENT = ("open3d", "pybullet", "scipy", "pydantic", "jaxtyping", "pinocchio", "coal", "ompl", "ruckig", "gymnasium")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    record_light(make_light_config("tabletop", TASKS, episodes=1, seed=3, workers=1), folder, is_quiet=True)
    return load_table(folder)


def first_rows(table) -> torch.Tensor:
    episode = table.columns.episode
    return torch.cat([torch.tensor([0]), torch.nonzero(episode.diff() > 0)[:, 0] + 1])


def rooms(table):
    """The same keyframes as the simulator's rays see them."""
    for row, task in zip(first_rows(table).tolist(), TASKS, strict=True):
        scene = draw_episode(task, 3).scene
        poses = {}
        for index, link in enumerate(table.header["links"]):
            x, y, z, w = (float(v) for v in table.columns.link_quat[row, index])
            pose = np.eye(4)
            pose[:3, :3] = [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
            pose[:3, 3] = table.columns.link_position[row, index].numpy()
            poses[link] = pose
        bodies: list[DrawnBody] = draw_bodies(scene, make_start_state(scene))
        yield make_room(scene, bodies, poses), poses


def away_from_edges(depth_m: np.ndarray) -> np.ndarray:
    flat = np.ones(depth_m.shape, bool)
    for axis in (0, 1):
        jump = np.abs(np.diff(depth_m, axis=axis)) > 0.02
        flat &= ~np.pad(jump, [(0, 1) if a == axis else (0, 0) for a in (0, 1)])
        flat &= ~np.pad(jump, [(1, 0) if a == axis else (0, 0) for a in (0, 1)])
    return flat


@pytest.mark.parametrize("name", ["front", "wrist"])
def test_torch_sees_the_depth_and_colour_that_the_simulated_camera_sees(table, name):
    rows = first_rows(table)
    camera = next(c for c in table.cameras if c.name == name).resized(160, 120)
    placed = place_parts(table.shapes, table.bodies_at(rows))
    pictures = take_pictures(placed, table.views_at(rows, camera), table.lights_at(rows), camera, None)
    plugin = type(SENSORS[name])(SENSORS[name].config.model_copy(update={"width": 160, "height": 120}))

    for index, (room, poses) in enumerate(rooms(table)):
        view = plugin.look(room, poses.get(camera.mount, np.eye(4)))
        depth_m = np.where(np.isfinite(view.depth_m), view.depth_m, 0.0)
        flat = away_from_edges(depth_m)
        off_m = np.abs(pictures.depth_m[index].numpy() - depth_m)
        levels = np.abs(pictures.rgb[index].numpy().astype(float) - 255.0 * shade(view)).max(axis=2)
        assert flat.mean() > 0.4
        assert (off_m[flat] < 0.001).mean() > 0.999
        assert (levels[flat] < 3.0).mean() > 0.995


def test_torch_measures_the_ranges_that_the_simulated_lidar_measures(table):
    rows = first_rows(table)
    lidar = table.lidars[0]
    placed = place_parts(table.shapes, table.bodies_at(rows))
    scans = take_scans(placed, table.views_at(rows, lidar), lidar, None)
    sensor = SENSORS[lidar.name]
    rotation = sensor.T_mount_sensor[:3, :3].astype(np.float32)

    for index, (room, _) in enumerate(rooms(table)):
        echoes = cast_beams(room, sensor.T_mount_sensor[:3, 3], sensor.directions_sensor @ rotation.T)
        mine = scans.view == index
        range_m = np.zeros(len(sensor.directions_sensor))
        range_m[scans.beam[mine].numpy()] = scans.points_sensor[mine].norm(dim=1).numpy()
        off_m = np.abs(range_m[echoes.beam] - echoes.range_m)
        assert int(mine.sum()) == pytest.approx(len(echoes.beam), rel=0.001)
        assert (off_m < 0.001).mean() > 0.998


def test_errors_are_drawn_from_the_generator_alone(table):
    rows = first_rows(table)
    camera = table.cameras[0].resized(64, 48)
    placed = place_parts(table.shapes, table.bodies_at(rows))

    def take(seed: int):
        generator = torch.Generator().manual_seed(seed)
        return take_pictures(placed, table.views_at(rows, camera), table.lights_at(rows), camera, generator)

    once, again, other = take(1), take(1), take(2)
    assert torch.equal(once.rgb, again.rgb)
    assert torch.equal(once.depth_m, again.depth_m)
    assert not torch.equal(once.depth_m, other.depth_m)


def test_depth_noise_has_the_size_that_the_camera_declares(table):
    rows = torch.zeros(8, dtype=torch.long)
    camera = next(c for c in table.cameras if c.name == "wrist").resized(64, 48)
    placed = place_parts(table.shapes, table.bodies_at(rows))
    views, lights = table.views_at(rows, camera), table.lights_at(rows)
    true_m = take_pictures(placed, views, lights, camera, None).depth_m
    noisy_m = take_pictures(placed, views, lights, camera, torch.Generator().manual_seed(0)).depth_m
    seen = noisy_m > 0
    sigma_m = (camera.depth_noise_m + camera.depth_noise_per_m * true_m[seen].square()) * (
        1 + camera.depth_ripple**2
    ) ** 0.5

    assert 0.9 < float(seen.float().mean()) < 1.0
    assert float(((noisy_m - true_m)[seen] / sigma_m).std()) == pytest.approx(1.0, abs=0.15)


def test_rendering_imports_nothing_but_torch_and_numpy():
    program = (
        "import sys\n"
        f"absent = {ABSENT!r}\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in absent or name.startswith(('verbot.sim', 'verbot.perception')):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "import verbot.policies.torch_scenes.table\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
