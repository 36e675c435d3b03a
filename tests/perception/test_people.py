import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from verbot.perception.lattice import Lattice, lay_out
from verbot.perception.people import columns_of, find_person
from verbot.perception.points import View
from verbot.perception.types import LidarScan, SupportSurface

TABLE = SupportSurface(0.0, 0.001, (0.15, -0.55, 0.85, 0.55), 0.0)


def cylinder(x: float, y: float, radius_m: float, low_m: float, high_m: float) -> np.ndarray:
    angles, heights = np.meshgrid(np.linspace(0, 2 * np.pi, 60), np.arange(low_m, high_m, 0.02))
    return np.column_stack(
        [x + radius_m * np.cos(angles.ravel()), y + radius_m * np.sin(angles.ravel()), heights.ravel()]
    )


def scan(*clouds: np.ndarray, time_s: float = 1.0, capsules=None) -> Lattice:
    top = np.stack(np.meshgrid(np.arange(0.15, 0.85, 0.02), np.arange(-0.55, 0.55, 0.02)), -1).reshape(-1, 2)
    points = np.concatenate([np.column_stack([top, np.zeros(len(top))]), *clouds]).astype(np.float32)
    measured = LidarScan(
        "lidar", time_s, points, np.full(len(points), time_s), np.zeros(len(points), np.float32), np.eye(4)
    )
    return lay_out(View(measured, np.eye(4), capsules, 0.002), torch.device("cpu"))


BODY = cylinder(0.5, 0.8, 0.16, -0.3, 0.5)


def test_a_tall_thing_beside_the_table_is_a_person_and_its_distance_is_right():
    person = find_person([scan(BODY)], TABLE, None)
    assert person is not None
    assert person.gap_m(0.5, 0.3) == pytest.approx(0.34, abs=0.01)
    np.testing.assert_allclose(person.position_world[:2], (0.5, 0.8), atol=0.02)


def test_an_arm_that_reaches_over_the_table_belongs_to_the_person():
    arm = cylinder(0.0, 0.0, 0.045, 0.0, 0.45) @ Rotation.from_euler("x", np.pi / 2).as_matrix().T + (0.5, 0.7, 0.2)
    person = find_person([scan(BODY, arm)], TABLE, None)
    assert person.gap_m(0.5, 0.1) == pytest.approx(0.15, abs=0.02)


def test_nobody_is_seen_where_only_things_stand_on_the_table():
    assert find_person([scan(cylinder(0.5, 0.3, 0.05, 0.0, 0.3))], TABLE, None) is None


def test_the_robot_is_no_person():
    capsule = np.array([[0.5, 0.8, -0.3, 0.5, 0.8, 0.5, 0.16]])
    assert find_person([scan(BODY, capsules=capsule)], TABLE, None) is None


def test_the_speed_of_one_who_walks_is_seen_from_look_to_look():
    first = find_person([scan(BODY)], TABLE, None)
    moved = find_person([scan(BODY + (0.2, 0.0, 0.0), time_s=2.0)], TABLE, first)
    np.testing.assert_allclose(moved.velocity_mps, (0.2, 0.0, 0.0), atol=0.03)


def test_columns_cover_every_point_of_a_dense_cloud():
    columns = columns_of(BODY)
    inside = ((BODY[:, None] >= columns[:, :3]) & (BODY[:, None] <= columns[:, 3:])).all(2).any(1)
    assert inside.mean() > 0.99


@pytest.mark.parametrize(("time_s", "is_there"), [(3.0, True), (9.0, False)])
def test_who_is_hidden_for_a_moment_is_still_there(time_s: float, is_there: bool) -> None:
    seen = find_person([scan(BODY)], TABLE, None)
    block = cylinder(0.5, 0.3, 0.05, 0.0, 0.3)
    assert (find_person([scan(block, time_s=time_s)], TABLE, seen) is not None) == is_there
