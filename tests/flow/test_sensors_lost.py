"""Sensors that are dead from the beginning: what the others can do is done, and what they cannot is said."""

import pytest
from verbot.agent.config import make_run_config
from verbot.agent.episode import Episode, EpisodeResult, exit_code
from verbot.agent.runtime import EndedBy
from verbot.agent.subsets.conditions import all_conditions
from verbot.agent.subsets.tasks import is_finite
from verbot.perception.types import UNKNOWN_COLOR

CONDITIONS = {condition.name: condition for condition in all_conditions()}
SEED, WITH_COLORS, WITHOUT = 700000, "put the red block in the white bowl", "put the large block in the bowl"


def run(condition: str, command: str) -> EpisodeResult:
    config = make_run_config(command=command, scene="tabletop/put_in", seed=SEED, device="cpu")
    with Episode(config) as episode:
        if faults := CONDITIONS[condition].faults():
            episode.parts.robot.inject(faults)
        return episode.run()


def test_the_lidar_alone_locates_what_is_named_without_colors_and_the_task_is_done() -> None:
    result = run("lidar+imu", WITHOUT)
    assert result.success, result.record.detail
    assert {o.color for o in result.record.scene.objects} == {UNKNOWN_COLOR}
    assert "by the LiDAR alone: the cameras cannot be trusted" in result.values["notes"][0]


def test_without_cameras_a_color_that_two_things_may_have_is_asked_for() -> None:
    result = run("lidar", "put the blue block in the bowl")
    assert exit_code(result) == 4
    assert "No camera has seen which block is blue" in result.record.detail
    assert not result.record.steps


@pytest.mark.parametrize("condition", ["camera+lidar", "camera+imu", "camera"])
def test_cameras_do_without_lidar_and_imu(condition: str) -> None:
    assert run(condition, WITHOUT).success


def test_without_anything_that_sees_the_robot_holds_still_and_says_why() -> None:
    result = run("imu", WITHOUT)
    assert result.record.ended_by is EndedBy.UNSURE
    assert "the cameras cannot be trusted" in result.record.detail
    assert "the LiDAR cannot be trusted" in result.record.detail
    assert not result.record.steps
    assert is_finite(result.record.scene)
