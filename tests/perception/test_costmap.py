"""Costs of standing somewhere: free, occupied, unknown, and how they fall off."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt
from verbot.perception.mapping.config import MapConfig
from verbot.perception.mapping.costmap import CostmapConfig, _cost, _distance_m, make_costmap
from verbot.perception.mapping.keyframe_map import KeyframeMap
from verbot.perception.mapping.measurements import PointSweep
from verbot.perception.mapping.occupancy import Space
from verbot.sim.street import Drive, DriveConfig, drive

CONFIG = CostmapConfig(cell_m=0.3, body_heights_m=(0.4, 1.6), radius_m=0.9, reach_m=2.0)


def map_of_street(of: Drive) -> KeyframeMap:
    made = KeyframeMap(1, MapConfig(voxel_m=0.15, occupancy_voxel_m=0.3, is_compiled=False))
    for scan, pose in zip(of.scans, of.T_world_sensor, strict=True):
        points = torch.from_numpy(scan.points_sensor)[None]
        made.add_points(PointSweep(points, torch.ones(points.shape[:2], dtype=torch.bool), torch.tensor(pose)[None]))
    return made


def test_the_road_is_free_the_houses_occupied_and_what_is_behind_them_unknown() -> None:
    of = drive(DriveConfig(num_scans=3, is_distorted=False), seed=3)
    here = of.T_world_sensor[1, :2, 3]
    bounds = (here[0] - 15.0, here[1] - 15.0, here[0] + 15.0, here[1] + 15.0)
    costs = make_costmap(map_of_street(of), tuple(float(bound) for bound in bounds), CONFIG)
    heading = of.T_world_sensor[1, :2, 0]
    left = np.array([-heading[1], heading[0]])
    # A sensor as high as this one sees the road at this height from some metres on.
    road = here + heading * np.arange(4.0, 9.0)[:, None]
    cell = ((road - costs.corner_map) / costs.cell_m).astype(int)
    assert (costs.space[0][tuple(cell.T)] == Space.FREE).all()
    assert (costs.cost_at(torch.from_numpy(road)[None]) < 0.2).all()
    aside = here + left * np.arange(7.0, 14.0, 0.3)[:, None]
    cell = ((aside - costs.corner_map) / costs.cell_m).astype(int)
    column = costs.space[0][tuple(cell.T)].tolist()
    assert Space.OCCUPIED in column
    assert set(column[column.index(Space.OCCUPIED) + 6 :]) <= {Space.UNKNOWN, Space.OCCUPIED}
    assert column[-1] == Space.UNKNOWN


def test_what_was_never_seen_costs_as_much_as_what_is_occupied() -> None:
    costs = make_costmap(KeyframeMap(2, MapConfig(is_compiled=False)), (0.0, 0.0, 2.0, 1.0), CONFIG)
    assert costs.cost.shape == (2, 7, 4)
    assert (costs.space == Space.UNKNOWN).all()
    assert (costs.cost == 1.0).all()


def test_distances_are_those_of_scipy_as_far_as_costs_reach() -> None:
    is_blocked = np.random.default_rng(0).random((2, 40, 33)) < 0.01
    ours = _distance_m(torch.from_numpy(is_blocked), CONFIG).numpy()
    for robot in range(2):
        theirs = distance_transform_edt(~is_blocked[robot]) * CONFIG.cell_m
        within = theirs <= CONFIG.radius_m + CONFIG.reach_m
        assert np.allclose(ours[robot][within], theirs[within], atol=1e-5)
        assert (ours[robot][~within] > CONFIG.radius_m + CONFIG.reach_m).all()


def test_the_cost_is_one_within_the_radius_and_falls_off_beyond() -> None:
    is_blocked = torch.zeros(1, 41, 1, dtype=torch.bool)
    is_blocked[0, 20] = True
    cost = _cost(is_blocked, CONFIG)[0, 20:, 0]
    assert cost[:4].min() > 1.0 - 1e-6  # 0.9 m
    assert abs(cost[5].item() - math.exp(-0.6 / CONFIG.falloff_m)) < 1e-5
    assert (cost[1:] <= cost[:-1]).all()
    assert cost[-1].item() == 0.0


def test_bounds_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ValueError, match="Swap them"):
        make_costmap(KeyframeMap(1), (1.0, 0.0, 0.0, 1.0))


def test_outside_of_the_grid_the_cost_is_one() -> None:
    costs = make_costmap(KeyframeMap(1), (0.0, 0.0, 2.0, 1.0), CONFIG)
    assert costs.cost_at(torch.tensor([[[-0.1, 0.5], [5.0, 0.5]]])).tolist() == [[1.0, 1.0]]
