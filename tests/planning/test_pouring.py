import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from verbot.perception.types import ObjectState, Shape
from verbot.planning.pouring import is_pouring, spout_world, tilt_rad


def make(shape: Shape, size, depth_m: float, position) -> ObjectState:
    pose = np.eye(4)
    pose[:3, 3] = position
    return ObjectState(
        "it", pose, 1e-6 * np.eye(6), np.array(size), np.zeros(3), "red", shape, 1.0, 1.0, (), 0.0, depth_m
    )


BOWL = make(Shape.BOWL, (0.15, 0.15, 0.055), 0.049, (0.5, 0.0, 0.0275))


def tilted(angle_rad: float, spout=(0.5, 0.0, 0.09)) -> ObjectState:
    mug = make(Shape.MUG, (0.06, 0.06, 0.075), 0.069, (0.0, 0.0, 0.0))
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("x", angle_rad).as_matrix()
    mug = replace(mug, pose_world=pose)
    pose = pose.copy()
    pose[:3, 3] = np.array(spout) - spout_world(mug)
    return replace(mug, pose_world=pose)


@pytest.mark.parametrize("angle_rad", [0.3, 1.2, 2.0, 2.8])
def test_spout_is_the_lowest_point_of_the_rim(angle_rad):
    mug = tilted(angle_rad)
    angles = np.linspace(0, 2 * math.pi, 361)
    rim = np.column_stack([0.03 * np.cos(angles), 0.03 * np.sin(angles), np.full(361, 0.0375)])
    lowest = (rim @ mug.pose_world[:3, :3].T + mug.pose_world[:3, 3])[:, 2].min()
    assert spout_world(mug)[2] == pytest.approx(lowest, abs=1e-4)
    assert tilt_rad(mug.pose_world) == pytest.approx(angle_rad)


def test_a_cup_pours_when_tilted_over_the_opening_and_not_beside_it_nor_half_way():
    assert is_pouring(tilted(2.0), BOWL)
    assert not is_pouring(tilted(1.6), BOWL)
    assert not is_pouring(tilted(2.0, spout=(0.5, 0.09, 0.09)), BOWL)
