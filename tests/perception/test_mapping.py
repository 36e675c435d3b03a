"""Maps: where surfaces are, what is free and what unknown, batches, keyframes, broken input."""

from __future__ import annotations

import dataclasses
import functools
import logging

import numpy as np
import pytest
import torch
from real_data import shared_data
from verbot.perception.mapping.blocks import Blocks, block_keys, distinct, split_keys
from verbot.perception.mapping.compiled import Kernel
from verbot.perception.mapping.config import MapConfig
from verbot.perception.mapping.keyframe_map import KeyframeMap
from verbot.perception.mapping.measurements import DepthPictures, PointSweep
from verbot.perception.mapping.meshing import SurfaceMesh, make_mesh
from verbot.perception.mapping.occupancy import Space
from verbot.perception.recordings.open_recording import open_recording
from verbot.sim.still_room import Walk, walk
from verbot.sim.street import DriveConfig, drive

COARSE = MapConfig(voxel_m=0.03, occupancy_voxel_m=0.1, pixel_stride=1, is_compiled=False)


@functools.cache
def room(num: int = 8) -> Walk:
    return walk(num, seed=1, width=160, height=120, is_noisy=False)


def pictures(of: Walk, *indices: int) -> DepthPictures:
    """The picture of that number for each robot."""
    chosen = list(indices)
    K = torch.from_numpy(np.tile(of.intrinsics.matrix, (len(chosen), 1, 1)))
    arrays = (of.depth_m[chosen], of.T_world_camera[chosen], of.rgb[chosen])
    depth_m, poses, rgb = (torch.from_numpy(values) for values in arrays)
    return DepthPictures(depth_m, K, poses, rgb)


def flat_wall(depth_m: float = 2.0, robots: int = 1) -> DepthPictures:
    """A wall across the optical axis, the camera at the origin."""
    K = torch.tensor([[60.0, 0.0, 39.5], [0.0, 60.0, 29.5], [0.0, 0.0, 1.0]]).repeat(robots, 1, 1)
    return DepthPictures(torch.full((robots, 60, 80), depth_m), K, torch.eye(4).repeat(robots, 1, 1))


@functools.cache
def map_of_room() -> KeyframeMap:
    made = KeyframeMap(1, COARSE)
    for index in range(len(room().depth_m)):
        made.add_pictures(pictures(room(), index))
    return made


def truth(of: Walk) -> SurfaceMesh:
    return SurfaceMesh(of.body.vertices, of.body.triangles.astype(np.int64), np.zeros_like(of.body.vertices))


def test_a_block_found_by_its_key_is_the_one_that_was_made() -> None:
    cells = torch.tensor([[0, 0, 0], [-1, 5, 3], [0, 0, 0], [30000, -30000, 7], [40000, 0, 0]])
    keys = distinct(block_keys(torch.tensor([1, 0, 1, 2, 0]), cells))
    blocks = Blocks(100, {"values": (1, torch.float32)}, "cpu")
    slots = blocks.make(keys)
    assert len(keys) == 3  # one twice, one out of range
    assert sorted(slots.tolist()) == [0, 1, 2]
    later = blocks.make(distinct(torch.cat([block_keys(torch.tensor([0]), torch.tensor([[7, 7, 7]])), keys])))
    assert sorted(later.tolist()) == [0, 1, 2, 3]
    assert torch.equal(blocks.find(keys), slots)
    row, cell = split_keys(keys)
    assert torch.equal(block_keys(row, cell), keys)


def test_the_mesh_lies_on_the_surfaces_of_the_room_in_their_colours() -> None:
    mesh = make_mesh(map_of_room(), least_weight=1.0)
    distance_m = truth(room()).distances(mesh.vertices_map)
    assert np.median(distance_m) < 0.2 * COARSE.voxel_m
    assert np.percentile(distance_m, 95) < COARSE.voxel_m
    seen = make_mesh(map_of_room(), least_weight=3.0).colors.mean(axis=0)
    is_there = room().depth_m > 0
    assert np.allclose(seen, room().rgb[is_there].mean(axis=0) / 255.0, atol=0.1)


def test_a_ray_through_the_map_meets_what_a_ray_through_the_room_meets() -> None:
    mesh, eye = make_mesh(map_of_room(), least_weight=1.0), room().T_world_camera[2]
    rng = np.random.default_rng(0)
    directions = np.column_stack([rng.uniform(-0.4, 0.4, (200, 2)), np.ones(200)]) @ eye[:3, :3].T
    origins = np.tile(eye[:3, 3], (200, 1))
    difference = np.abs(mesh.cast(origins, directions) - truth(room()).cast(origins, directions))
    assert np.median(difference) < 0.01


def test_before_a_wall_is_free_on_it_occupied_behind_and_beside_it_unknown() -> None:
    made = KeyframeMap(1, COARSE)
    made.add_pictures(flat_wall())
    places = torch.tensor([[[0.0, 0.0, 1.0], [0.1, 0.1, 2.0], [0.0, 0.0, 2.5], [0.0, 0.0, -0.5], [3.0, 0.0, 1.0]]])
    expected = [Space.FREE, Space.OCCUPIED, Space.UNKNOWN, Space.UNKNOWN, Space.UNKNOWN]
    assert made.space_at(places)[0].tolist() == expected
    assert made.is_known_free(places)[0].tolist() == [True, False, False, False, False]


def test_a_picture_without_returns_frees_nothing() -> None:
    made = KeyframeMap(1, COARSE)
    made.add_pictures(flat_wall(depth_m=0.0))
    assert made.space_at(torch.tensor([[[0.0, 0.0, 1.0]]])).item() == Space.UNKNOWN
    assert len(made.surface.blocks) == 0


def test_what_is_beyond_range_is_no_surface_but_the_way_there_is_free() -> None:
    made = KeyframeMap(1, COARSE)
    made.add_pictures(flat_wall(depth_m=9.0))
    assert len(made.surface.blocks) == 0
    assert made.space_at(torch.tensor([[[0.0, 0.0, 3.0], [0.0, 0.0, 8.0]]]))[0].tolist() == [Space.FREE, Space.UNKNOWN]


def test_what_the_caller_leaves_out_is_neither_surface_nor_free() -> None:
    masked = flat_wall()
    mask = torch.zeros(1, 60, 80, dtype=torch.bool)
    mask[:, :, :40] = True  # a moving thing, or the robot's own arm
    made = KeyframeMap(1, COARSE)
    made.add_pictures(dataclasses.replace(masked, is_left_out=mask))
    places = torch.tensor([[[-0.6, 0.0, 2.0], [-0.3, 0.0, 1.0], [0.6, 0.0, 2.0], [0.3, 0.0, 1.0]]])
    expected = [Space.UNKNOWN, Space.UNKNOWN, Space.OCCUPIED, Space.FREE]
    assert made.space_at(places)[0].tolist() == expected
    assert make_mesh(made, least_weight=1.0).vertices_map[:, 0].min() > -0.1


def test_what_was_taken_away_leaves_the_mesh_and_becomes_free() -> None:
    made = KeyframeMap(1, COARSE)
    for _ in range(3):
        made.add_pictures(flat_wall(1.0))
    assert make_mesh(made).vertices_map[:, 2].min() < 1.1
    for _ in range(9):
        made.add_pictures(flat_wall(2.0))
    mesh = make_mesh(made)
    assert mesh.vertices_map[:, 2].min() > 1.8
    assert made.space_at(torch.tensor([[[0.0, 0.0, 1.0]]])).item() == Space.FREE


def test_free_space_before_a_surface_takes_nothing_from_it() -> None:
    made = [KeyframeMap(1, COARSE.model_copy(update={"has_free_space": flag})) for flag in (True, False)]
    # Nearly along a border of voxels, so that half the surface lies just behind free ones.
    K = flat_wall().K
    depth_m = torch.linspace(1.995, 2.005, 80).expand(1, 60, 80)
    for one in made * 5:
        one.add_pictures(DepthPictures(depth_m, K, torch.eye(4)[None]))
    sizes = [len(make_mesh(one).vertices_map) for one in made]
    assert sizes[0] == sizes[1] > 1000


def test_robots_mapped_together_are_each_mapped_as_alone() -> None:
    together, alone = KeyframeMap(2, COARSE), [KeyframeMap(1, COARSE) for _ in range(2)]
    for index in range(3):
        together.add_pictures(pictures(room(), index, index + 4))
        for robot in range(2):
            alone[robot].add_pictures(pictures(room(), index + 4 * robot))
    for robot in range(2):
        both, one = make_mesh(together, robot, least_weight=1.0), make_mesh(alone[robot], least_weight=1.0)
        assert len(both.vertices_map) == len(one.vertices_map)
        # Products of small matrices round differently in a batch.
        assert np.abs(truth(room()).distances(both.vertices_map)).mean() < 0.006
        assert np.allclose(both.vertices_map.mean(axis=0), one.vertices_map.mean(axis=0), atol=1e-4)


def test_the_map_moves_with_the_keyframe_it_hangs_on() -> None:
    made = KeyframeMap(1, COARSE)
    made.add_pictures(flat_wall(2.0))
    turned = torch.tensor([[[0.0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 1]]], dtype=torch.float64)
    made.begin_keyframe(turned)
    made.add_pictures(dataclasses.replace(flat_wall(2.0), T_map_camera=turned))  # looks along the map's x
    places = torch.tensor([[[0.0, 0.0, 2.0], [2.0, 0.0, 0.0], [2.5, 0.0, 0.0]]])
    assert made.space_at(places)[0].tolist() == [Space.OCCUPIED, Space.OCCUPIED, Space.UNKNOWN]
    better = made.T_map_keyframe.clone()
    better[0, 1, 0, 3] = 0.5
    made.correct(better)
    assert made.space_at(places)[0].tolist() == [Space.OCCUPIED, Space.FREE, Space.OCCUPIED]
    assert abs(make_mesh(made, least_weight=1.0).vertices_map[:, 0].max() - 2.5) < 0.02


def test_sweeps_of_a_street_become_its_surfaces_and_the_road_between_them_free() -> None:
    of = drive(DriveConfig(num_scans=4, is_distorted=False), seed=3)
    made = KeyframeMap(1, MapConfig(voxel_m=0.15, occupancy_voxel_m=0.3, is_compiled=False))
    for scan, pose in zip(of.scans, of.T_world_sensor, strict=True):
        points = torch.from_numpy(scan.points_sensor)[None]
        made.add_points(PointSweep(points, torch.ones(points.shape[:2], dtype=torch.bool), torch.tensor(pose)[None]))
    mesh = make_mesh(made, least_weight=1.0)
    on_road = mesh.vertices_map[np.abs(mesh.vertices_map[:, :2] - of.T_world_sensor[0, :2, 3]).max(axis=1) < 6.0]
    low = on_road[on_road[:, 2] < 0.5]
    assert abs(np.median(low[:, 2])) < 0.03
    ahead = of.T_world_sensor[0, :3, 3] + of.T_world_sensor[0, :3, 0] * np.array([[3.0], [6.0], [9.0]])
    ahead[:, 2] -= 0.8  # straight ahead nothing comes back, so nothing is known there
    assert (made.space_at(torch.from_numpy(ahead)[None]) == Space.FREE).all()
    below = torch.from_numpy(ahead - (0.0, 0.0, 2.7))[None]
    assert (made.space_at(below) == Space.UNKNOWN).all()


def test_broken_measurements_are_counted_and_change_nothing() -> None:
    sound, fed = KeyframeMap(1, COARSE), KeyframeMap(1, COARSE)
    for made in (sound, fed):
        made.add_pictures(flat_wall())
    before = {name: pool.clone() for name, pool in fed.surface.blocks.pools.items()}
    broken = flat_wall()
    broken.depth_m[:] = torch.nan
    fed.add_pictures(broken)
    lost = flat_wall(1.0)
    lost.T_map_camera[0, 0, 3] = torch.inf
    fed.add_pictures(lost)
    stretched = flat_wall(1.0)
    stretched.T_map_camera[0, 0, 0] = 2.0
    fed.add_pictures(stretched)
    points = torch.full((1, 5, 3), torch.nan)
    fed.add_points(PointSweep(points, torch.ones(1, 5, dtype=torch.bool), torch.eye(4)[None]))
    fed.add_points(PointSweep(torch.zeros(1, 0, 3), torch.zeros(1, 0, dtype=torch.bool), torch.eye(4)[None]))
    assert fed.ignored.pixels.item() == 60 * 80
    assert fed.ignored.points.item() == 5
    assert fed.ignored.poses.item() == 2
    assert all(torch.equal(pool, before[name]) for name, pool in fed.surface.blocks.pools.items())
    assert torch.equal(fed.space.blocks.pools["log_odds"], sound.space.blocks.pools["log_odds"])


def test_a_robot_with_a_broken_pose_does_not_hold_up_the_others() -> None:
    both = flat_wall(robots=2)
    both.T_map_camera[0] = torch.nan
    made = KeyframeMap(2, COARSE)
    made.add_pictures(both)
    place = torch.tensor([[[0.0, 0.0, 2.0]]]).repeat(2, 1, 1)
    assert made.space_at(place)[:, 0].tolist() == [Space.UNKNOWN, Space.OCCUPIED]
    assert made.ignored.poses.tolist() == [1, 0]


def test_a_full_map_says_how_many_blocks_it_left_out() -> None:
    made = KeyframeMap(1, COARSE.model_copy(update={"max_blocks": 64}))
    made.add_pictures(pictures(room(), 0))
    assert len(made.surface.blocks) == 64
    assert made.ignored.blocks.item() > 0


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"K": torch.eye(3)}, "K has shape"),
        ({"K": torch.zeros(1, 3, 3)}, "no camera matrix"),
        ({"depth_m": torch.zeros(60, 80)}, "depth_m has shape"),
        ({"rgb": torch.zeros(1, 30, 40, 3, dtype=torch.uint8)}, "rgb has shape"),
        ({"T_map_camera": torch.eye(4)}, "T_map_camera has shape"),
        ({"is_left_out": torch.zeros(1, 60, 81, dtype=torch.bool)}, "is_left_out has shape"),
    ],
)
def test_a_wrong_shape_is_named_in_one_line(change: dict[str, torch.Tensor], word: str) -> None:
    with pytest.raises(ValueError, match=word) as raised:
        dataclasses.replace(flat_wall(), **change)
    assert "\n" not in str(raised.value)


def test_pictures_of_another_number_of_robots_are_refused() -> None:
    with pytest.raises(ValueError, match="2 robots, the map for 1"):
        KeyframeMap(1, COARSE).add_pictures(flat_wall(robots=2))


def test_compiled_kernels_give_what_eager_ones_give() -> None:
    maps = [
        KeyframeMap(1, COARSE.model_copy(update={"is_compiled": flag, "has_free_space": False}))
        for flag in (False, True)
    ]
    for made in maps:
        made.add_pictures(pictures(room(), 0))
        made.add_pictures(pictures(room(), 3))
    eager, compiled = (made.surface.blocks for made in maps)
    assert torch.equal(eager.keys, compiled.keys)
    # A voxel on the border between two pixels may go to either.
    difference = (eager.pools["geometry"].float() - compiled.pools["geometry"].float()).abs()
    assert (difference > 2e-3).float().mean() < 1e-3


def test_what_cannot_be_compiled_runs_eagerly_and_says_so_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def double(values: torch.Tensor) -> torch.Tensor:
        return 2.0 * values

    def no_compiler(*_: object, **__: object) -> None:
        raise NotImplementedError("no compiler here")

    monkeypatch.setattr(torch, "compile", no_compiler)
    kernel = Kernel(double)
    with caplog.at_level(logging.WARNING):
        assert kernel(torch.ones(2), is_compiled=True).tolist() == [2.0, 2.0]
        assert kernel(torch.ones(2), is_compiled=True).tolist() == [2.0, 2.0]
    assert len(caplog.records) == 1
    assert "C++ compiler" in caplog.text


def test_five_real_pictures_of_a_room_are_one_surface() -> None:
    images = [moment.frame.images[0] for moment in open_recording(shared_data("rgbd_room")).moments()]
    made = KeyframeMap(1, MapConfig(voxel_m=0.02, is_compiled=False))
    asked, world = images.pop(3), np.eye(4)[None]
    for image in images:
        made.add_pictures(DepthPictures.of_images([image], world))
    rows, columns = ((asked.depth_m > 0.1) & (asked.depth_m < 4.0)).nonzero()
    rows, columns = rows[::50], columns[::50]
    lens = asked.intrinsics
    sight = np.stack([(columns - lens.cx) / lens.fx, (rows - lens.cy) / lens.fy, np.ones(len(rows))], axis=1)
    points = (sight * asked.depth_m[rows, columns, None]) @ asked.T_mount_camera[:3, :3].T + asked.T_mount_camera[:3, 3]
    is_known = (made.space_at(torch.from_numpy(points)[None])[0] != Space.UNKNOWN).numpy()
    # The picture that the map has not seen, where the map knows anything: it lies on the map's surface.
    assert is_known.mean() > 0.3
    distance_m = make_mesh(made, least_weight=1.0).distances(points[is_known])
    assert np.median(distance_m) < 0.02
    assert made.ignored.poses.item() == 0


@pytest.mark.gpu
def test_cuda_gives_what_the_cpu_gives() -> None:
    maps = []
    for device in ("cpu", "cuda"):
        made = KeyframeMap(2, COARSE, device)
        for index in range(3):
            of = pictures(room(), index, index + 4)
            assert of.rgb is not None
            moved = (values.to(device) for values in (of.depth_m, of.K, of.T_map_camera, of.rgb))
            made.add_pictures(DepthPictures(*moved))
        maps.append(made)
    cpu, cuda = (made.surface.blocks for made in maps)
    assert len(set(cpu.keys.tolist()) ^ set(cuda.keys.tolist())) <= 0.002 * len(cpu.keys)
    shared = cpu.keys[cuda.find(cpu.keys.cuda()).cpu() >= 0]
    ours = cpu.pools["geometry"][cpu.find(shared)].float()
    theirs = cuda.pools["geometry"][cuda.find(shared.cuda())].float().cpu()
    assert ((ours - theirs).abs() > 2e-3).float().mean() < 2e-3
