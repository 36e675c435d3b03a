"""LiDAR-inertial odometry: Gaussians, the map's table, deskewing, a street, a corridor, broken input."""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from verbot.agent.bench_nees import squared_errors
from verbot.perception.odometry.body_state import BodyState, FirstGuess, first_state
from verbot.perception.odometry.deskew import make_track
from verbot.perception.odometry.gaussians import flattened, invert_symmetric, make_gaussians, thinnest, turn_symmetric
from verbot.perception.odometry.odometry import InertialSamples, Odometry, OdometryConfig, Sweep
from verbot.perception.odometry.rotations import exp, log
from verbot.perception.odometry.voxel_map import VoxelMap
from verbot.perception.odometry.wheels import Rolling, WheelSamples
from verbot.sim.moving_rig import IMU_HZ, SWEEP_S
from verbot.sim.street import Drive, DriveConfig, drive

CONFIG = OdometryConfig(map_slots=1 << 15)


@functools.cache
def street(seed: int = 3, num_scans: int = 14) -> Drive:
    return drive(DriveConfig(num_scans=num_scans), seed)


def sweeps_of(*drives: Drive, index: int) -> Sweep:
    """The same sweep of several drives, padded to the longest."""
    scans = [drive.scans[index] for drive in drives]
    longest = max(len(scan.times_s) for scan in scans)
    points, times = np.zeros((len(scans), longest, 3), np.float32), np.zeros((len(scans), longest))
    is_there = np.zeros((len(scans), longest), bool)
    for row, scan in enumerate(scans):
        num = len(scan.times_s)
        points[row, :num], times[row, :num], is_there[row, :num] = scan.points_sensor, scan.times_s, True
    end_s = torch.tensor([scan.end_s for scan in scans], dtype=torch.float64)
    return Sweep(*(torch.from_numpy(values) for values in (points, times, is_there)), end_s - SWEEP_S, end_s)


def samples_of(*drives: Drive, index: int) -> InertialSamples:
    """What the IMUs measured during that sweep."""
    rows = slice(round(index * SWEEP_S * IMU_HZ), round((index + 1) * SWEEP_S * IMU_HZ))
    return InertialSamples(
        *(
            torch.from_numpy(np.stack([getattr(drive, name)[rows] for drive in drives]))
            for name in ("imu_times_s", "force_mps2", "rate_radps")
        )
    )


def follow(*drives: Drive, has_imu: bool = True) -> np.ndarray:
    """Poses [robots, scans, 4, 4] in the frame of each robot's first."""
    odometry = Odometry(len(drives), CONFIG)
    poses = np.tile(np.eye(4), (len(drives), len(drives[0].scans), 1, 1))
    for index in range(len(drives[0].scans)):
        imu = samples_of(*drives, index=index) if has_imu else None
        state, _ = odometry.update(sweeps_of(*drives, index=index), imu)
        poses[:, index, :3, :3], poses[:, index, :3, 3] = state.R_map_body, state.place_map
    return poses


def truth(of: Drive) -> np.ndarray:
    return np.linalg.inv(of.T_world_sensor[0]) @ of.T_world_sensor


def test_gaussians_are_the_means_and_covariances_of_voxels() -> None:
    points = torch.rand(2, 400, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3.0 + 50.0
    is_there = torch.ones(2, 400, dtype=torch.bool)
    is_there[1, 100:] = False
    gaussians = make_gaussians(points, is_there, 1.0)
    assert gaussians.count.sum(dim=1).tolist() == [400.0, 100.0]
    for robot in range(2):
        own = points[robot][is_there[robot]].numpy()
        cells = np.floor(own)
        for cell in np.unique(cells, axis=0):
            inside = own[(cells == cell).all(axis=1)]
            rank = int(np.argmin(np.abs(gaussians.mean[robot].numpy() - inside.mean(axis=0)).sum(axis=1)))
            assert gaussians.count[robot, rank] == len(inside)
            np.testing.assert_allclose(gaussians.mean[robot, rank], inside.mean(axis=0), atol=1e-9)
            spread = np.cov(inside.T, bias=True)[np.triu_indices(3)] if len(inside) > 1 else np.zeros(6)
            np.testing.assert_allclose(gaussians.covariance[robot, rank], spread, atol=1e-9)


def test_symmetric_matrices_as_six_numbers() -> None:
    rng = np.random.default_rng(0)
    half = rng.normal(size=(50, 3, 3)) * [1.0, 0.5, 0.02]
    turns = Rotation.random(50, rng=rng).as_matrix()
    full = turns @ half @ half.transpose(0, 2, 1) @ turns.transpose(0, 2, 1)
    rows, columns = np.triu_indices(3)
    six = torch.from_numpy(full[:, rows, columns].T)
    normals = np.linalg.eigh(full)[1][:, :, 0]
    assert np.abs(np.einsum("ji,ij->i", thinnest(six)[0].numpy(), normals)).min() > 1.0 - 1e-6
    np.testing.assert_allclose(invert_symmetric(six).numpy().T, np.linalg.inv(full)[:, rows, columns], rtol=1e-6)
    rotation = torch.from_numpy(Rotation.from_euler("xyz", [0.3, 1.0, -2.0]).as_matrix())[None]
    turned = (rotation.numpy() @ full @ rotation.numpy().transpose(0, 2, 1))[:, rows, columns]
    np.testing.assert_allclose(turn_symmetric(rotation, six.T[None])[0].numpy(), turned, atol=1e-12)
    wide = np.zeros((50, 3, 3))
    wide[:, rows, columns] = flattened(six, 0.4, 0.005, 0.01).numpy().T
    wide = wide + np.triu(wide, 1).transpose(0, 2, 1)
    grown = np.einsum("ni,nij,nj->n", normals, wide - full, normals)
    np.testing.assert_allclose(grown, 0.005**2, atol=1e-6)
    np.testing.assert_allclose(np.trace(wide - full, axis1=1, axis2=2), 2 * 0.4**2 + 0.005**2, atol=1e-9)


def test_rotations_there_and_back() -> None:
    vectors = torch.randn(200, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    vectors[:20] *= 1e-6
    vectors[20] = 0.0
    vectors = vectors * (torch.pi - 1e-3) / vectors.norm(dim=1, keepdim=True).clamp_min(torch.pi)
    assert torch.allclose(log(exp(vectors)), vectors, atol=1e-9)


def test_map_finds_what_was_put_in_and_forgets_what_is_far() -> None:
    points = (torch.rand(2, 3000, 3, generator=torch.Generator().manual_seed(1)) - 0.5) * 60.0
    gaussians = make_gaussians(points, torch.ones(2, 3000, dtype=torch.bool), 1.0)
    surroundings = VoxelMap(2, 1.0, 1 << 13)
    surroundings.add(gaussians)
    slots = surroundings.find(gaussians.mean)
    used = gaussians.count > 0
    assert (slots[used] >= 0).all()
    assert torch.allclose(surroundings.gaussians[slots[used], 1:4], gaussians.mean[used], atol=1e-4)
    assert len(torch.unique(slots[used])) == used.sum(), "robots must not share slots"
    assert (surroundings.find(gaussians.mean + 1000.0) < 0).all()
    surroundings.keep_near(torch.zeros(2, 3), 20.0)
    is_near = gaussians.mean.norm(dim=2) < 20.0
    found = surroundings.find(gaussians.mean) >= 0
    assert found[used & is_near].all()
    assert not found[used & ~is_near].any()


def test_deskewed_wall_is_flat() -> None:
    times_s = torch.linspace(0.0, 0.1, 41, dtype=torch.float64)[None]
    turn = torch.zeros(1, 41, 3, dtype=torch.float64)
    turn[..., 2] = 2.0 * times_s + 5.0 * times_s.square()
    place = torch.stack([10.0 * times_s, 3.0 * times_s, 0.0 * times_s], dim=-1)
    track = make_track(times_s, exp(turn), place)
    rng = np.random.default_rng(1)
    at_s = torch.from_numpy(np.sort(rng.uniform(0.0, 0.1, 500)))[None]
    wall_map = torch.from_numpy(np.column_stack([np.full(500, 20.0), rng.uniform(-5, 5, 500), rng.uniform(0, 3, 500)]))
    turn_at = torch.zeros(1, 500, 3, dtype=torch.float64)
    turn_at[..., 2] = 2.0 * at_s + 5.0 * at_s.square()
    place_at = torch.stack([10.0 * at_s, 3.0 * at_s, 0.0 * at_s], dim=-1)
    seen = (exp(turn_at).mT @ (wall_map[None] - place_at)[..., None]).squeeze(-1)
    carried = track.carried(seen, at_s)
    expected = (exp(turn[:, -1]).mT @ (wall_map - place[:, -1]).T).mT
    assert (carried - expected).abs().max() < 1e-3
    assert (seen - expected).abs().max() > 0.5


def test_outside_its_track_a_body_rests() -> None:
    times_s = torch.tensor([[0.0, 0.06, 0.1]], dtype=torch.float64)
    place = torch.stack([times_s, 0.0 * times_s, 0.0 * times_s], dim=-1)
    track = make_track(times_s, torch.eye(3, dtype=torch.float64).expand(1, 3, 3, 3), place)
    carried = track.carried(torch.zeros(1, 3, 3, dtype=torch.float64), torch.tensor([[-1.0, 0.08, 0.15]]).double())
    np.testing.assert_allclose(carried[0, :, 0], [-0.1, -0.02, 0.0], atol=1e-12)


def test_a_street_is_followed_to_centimetres_through_motion_distortion() -> None:
    of = street()
    apart = truth(of)[-1, :3, 3] - follow(of)[0, -1, :3, 3]
    assert np.linalg.norm(truth(of)[-1, :3, 3]) > 8.0
    assert np.linalg.norm(apart) < 0.03


def test_without_an_imu_the_street_is_still_followed() -> None:
    of = street()
    apart = truth(of)[-1, :3, 3] - follow(of, has_imu=False)[0, -1, :3, 3]
    assert np.linalg.norm(apart) < 0.10


def test_robots_in_a_batch_do_not_know_of_each_other() -> None:
    first, second = street(3, 6), street(4, 6)
    together = follow(first, second)
    # Sums over a batch are taken in another order: less than a millimetre, in single precision.
    np.testing.assert_allclose(together[0], follow(first)[0], atol=1e-3)
    np.testing.assert_allclose(together[1], follow(second)[0], atol=1e-3)


def test_the_pose_is_as_wrong_as_its_covariance_says() -> None:
    (errors,) = squared_errors(range(6), [30])
    # Were the covariance right, the mean of six runs would lie between 2.5 and 11.3 in 998 of 1000 cases. Most runs are
    # nearer than that to the truth, and a few pay for all (docs/odometry.md): hence the lower bound.
    assert 1.0 < errors.mean() < 11.3


def test_lines_have_no_normal_and_surfaces_have_theirs() -> None:
    spread = torch.tensor([[0.3, 0.012, 0.001], [0.3, 0.2, 0.01]]).square()
    six = torch.zeros(6, 2)
    six[[0, 3, 5]] = spread.T
    line, surface = (flattened(six, 0.1, 0.005, 0.03) - six).T
    np.testing.assert_allclose(line[[0, 3, 5]], [0.01, 0.01, 0.01], rtol=1e-4)
    np.testing.assert_allclose(surface[[0, 3, 5]], [0.01, 0.01, 0.005**2], rtol=1e-2)


def corridor(shift_m: float, num: int = 6000) -> torch.Tensor:
    """Two walls, floor and ceiling without end: nothing tells how far along one is."""
    rng = np.random.default_rng(round(1000 * shift_m))
    along = rng.uniform(-15.0, 15.0, num)
    side = rng.integers(0, 4, num)
    across = np.where(side < 2, np.where(side == 0, -1.5, 1.5), rng.uniform(-1.5, 1.5, num))
    up = np.where(side < 2, rng.uniform(-1.0, 1.2, num), np.where(side == 2, -1.0, 1.2))
    points = np.stack([along, across, up], axis=1) + rng.normal(0.0, 0.005, (num, 3))
    return torch.from_numpy(points.astype(np.float32))[None]


def test_along_a_corridor_nothing_is_claimed() -> None:
    odometry = Odometry(1, dataclasses.replace(CONFIG, scan_voxel_m=0.4, map_voxel_m=0.8))
    for index in range(6):
        end_s = torch.tensor([0.1 * (index + 1)], dtype=torch.float64)
        points = corridor(0.05 * index)
        times_s = torch.full(points.shape[:2], float(end_s), dtype=torch.float64)
        sweep = Sweep(points, times_s, torch.ones(points.shape[:2], dtype=torch.bool), end_s - SWEEP_S, end_s)
        state, _ = odometry.update(sweep)
    along, across, up = state.covariance[0].diagonal()[3:6].sqrt().tolist()
    assert along > 10.0 * max(across, up)
    assert across < 0.02


def along_corridor(*, has_wheels: bool, speeds_mps: tuple[float, ...] = (0.5, 0.5)) -> BodyState:
    """Two robots of which nothing but their wheels can tell how far along they are."""
    odometry = Odometry(2, dataclasses.replace(CONFIG, scan_voxel_m=0.4, map_voxel_m=0.8))
    for index in range(12):
        end_s = torch.full((2,), 0.1 * (index + 1), dtype=torch.float64)
        points = torch.cat([corridor(0.1 * speed * index) for speed in speeds_mps])
        times_s = end_s[:, None].expand(points.shape[:2])
        sweep = Sweep(points, times_s, torch.ones(points.shape[:2], dtype=torch.bool), end_s - SWEEP_S, end_s)
        told = torch.tensor(speeds_mps, dtype=torch.float64)[:, None].expand(2, 3)
        wheels = WheelSamples(end_s[:, None] - torch.tensor([[0.04, 0.02, 0.0]]), told) if has_wheels else None
        state, _ = odometry.update(sweep, None, wheels)
    return state


def test_wheels_tell_how_far_along_a_corridor_each_robot_is() -> None:
    speeds = (0.5, 0.2)
    state, blind = along_corridor(has_wheels=True, speeds_mps=speeds), along_corridor(has_wheels=False)
    np.testing.assert_allclose(state.place_map[:, 0], [1.1 * speed for speed in speeds], rtol=0.1)
    np.testing.assert_allclose(state.velocity_map[:, 0], speeds, rtol=0.05)
    along, without = (s.covariance.diagonal(dim1=1, dim2=2)[:, 3].sqrt() for s in (state, blind))
    assert (along < 0.1 * without).all()


def test_wheels_that_said_nothing_lately_change_nothing() -> None:
    of = street(3, 4)
    plain, silent = Odometry(1, CONFIG), Odometry(1, CONFIG)
    for index in range(4):
        sweep, imu = sweeps_of(of, index=index), samples_of(of, index=index)
        expected, _ = plain.update(sweep, imu)
        old = WheelSamples(sweep.end_s[:, None] - 0.5, torch.tensor([[30.0]]))
        state, _ = silent.update(sweep, imu, old)
    np.testing.assert_allclose(state.place_map, expected.place_map, atol=1e-12)
    np.testing.assert_allclose(state.covariance, expected.covariance, atol=1e-12)


def test_an_axle_behind_the_body_is_told_from_a_body_that_slides() -> None:
    guess = first_state(torch.tensor([[0.0, 0.0, 9.81]]), FirstGuess(velocity_mps=0.5))
    rate, axle = torch.tensor([[0.0, 0.0, 0.4]], dtype=torch.float64), torch.tensor([-1.0, 0.0, 0.0]).double()
    rolling = Rolling(torch.tensor([[2.0, 0.0, 0.0]]).double(), torch.full((1, 3), 1e6).double())
    state = guess.rolled(rolling, axle, rate)
    # A body one metre ahead of its axle swings sideways at turning rate times that metre.
    np.testing.assert_allclose(state.velocity_map, [[2.0, 0.4, 0.0]], atol=1e-3)


def test_broken_points_and_empty_sweeps_change_nothing_and_raise_nothing() -> None:
    of = street(3, 6)
    odometry, clean = Odometry(1, CONFIG), follow(of)
    for index in range(6):
        sweep, imu = sweeps_of(of, index=index), samples_of(of, index=index)
        broken = torch.tensor([[[math.nan, 0.0, 1.0], [math.inf, 1.0, 1.0]]])
        points = torch.cat([sweep.points_body, broken], dim=1)
        times_s = torch.cat([sweep.times_s, sweep.end_s[:, None].expand(1, 2)], dim=1)
        is_there = torch.cat([sweep.is_there, torch.ones(1, 2, dtype=torch.bool)], dim=1)
        state, _ = odometry.update(
            dataclasses.replace(sweep, points_body=points, times_s=times_s, is_there=is_there), imu
        )
    np.testing.assert_allclose(state.place_map[0], clean[0, -1, :3, 3], atol=1e-6)
    before = state
    empty = Sweep(
        torch.zeros(1, 0, 3),
        torch.zeros(1, 0).double(),
        torch.zeros(1, 0, dtype=torch.bool),
        sweep.end_s,
        sweep.end_s + SWEEP_S,
    )
    state, fit = odometry.update(empty, samples_of(of, index=5))
    assert fit is not None
    assert float(fit.matched) == 0.0
    assert state.place_map.isfinite().all()
    assert (state.covariance[0].diagonal()[3:6] > before.covariance[0].diagonal()[3:6]).all()
