"""What the benchmark of lost and wrong sensors rests on: finite paths, honest looks, tasks said without colours."""

import functools

import pytest
from verbot.agent.subsets.conditions import SENSORS, Condition, all_conditions
from verbot.agent.subsets.ego import EgoFound, follow
from verbot.agent.subsets.objects import look_at_table
from verbot.agent.subsets.tasks import draw_colorless
from verbot.perception.colors import WORDS
from verbot.planning.planner import Planner
from verbot.planning.robot_description import load_robot
from verbot.sim.room_walk import Walk, WalkConfig, walk

CONDITIONS = {condition.name: condition for condition in all_conditions()}


@functools.cache
def carried() -> Walk:
    return walk(WalkConfig(num_scans=40, still_s=0.5), 3)


@functools.cache
def found(name: str) -> EgoFound:
    return follow(carried(), CONDITIONS[name])


def test_there_are_seven_subsets_and_four_ways_to_be_wrong_for_each_sensor() -> None:
    assert len(CONDITIONS) == 7 + 4 * len(SENSORS)
    assert CONDITIONS["camera+lidar+imu"].faults() is None


@pytest.mark.parametrize("name", sorted(CONDITIONS))
def test_the_path_of_a_moving_rig_stays_finite(name: str) -> None:
    assert found(name).is_finite


def test_lidar_and_imu_together_err_less_than_either_alone() -> None:
    best_m = min(follow(carried(), Condition(sensor, (sensor,))).rms_m for sensor in SENSORS)
    assert found("lidar+imu").rms_m < 0.8 * best_m


@pytest.mark.parametrize("name", ["camera frozen", "camera time-shifted", "lidar late", "lidar frozen"])
def test_one_sensor_that_is_wrong_is_no_worse_than_that_sensor_lost(name: str) -> None:
    wrong = CONDITIONS[name].wrong
    lost = "+".join(sensor for sensor in SENSORS if sensor != wrong)
    assert found(name).rms_m < 1.5 * found(lost).rms_m + 0.01


@pytest.mark.parametrize("name", ["camera+lidar+imu", "lidar", "imu", "camera time-shifted", "camera late"])
def test_what_is_found_on_a_table_is_finite_and_nothing_is_made_up(name: str) -> None:
    table = look_at_table(CONDITIONS[name], 820_100)
    assert table.is_finite
    assert table.false == 0
    assert table.found == (0 if name == "imu" else table.objects)


def test_a_task_said_without_colors_names_none() -> None:
    drawn = draw_colorless("put_in", 820_101, Planner(load_robot("panda")))
    assert drawn is not None
    assert not set(WORDS) & set(drawn.command.split())
