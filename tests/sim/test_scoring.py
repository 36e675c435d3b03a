import numpy as np
import pytest
from scripted_motion import Script, make_robot, make_scene, pick_script, place_script, play, tool_down
from verbot.planning.types import TABLE, Fact, Predicate
from verbot.sim.violations import ACCELERATION_WINDOW, ViolationKind, smooth_slope
from verbot.sim.world import STEP_S, pose_of

BLOCK = ("it", "block_large", 0.45, 0.1, 0.0225)
BOWL = ("bowl", "bowl", 0.5, -0.15, 0.0275)
GRASP = tool_down(0.45, 0.1, 0.022)
IN_BOWL = Fact(Predicate.IN, ("it", "bowl"))


@pytest.fixture
def robot():
    robot = make_robot(make_scene(BLOCK, BOWL))
    robot.reset(0)
    yield robot
    robot.close()


def kinds(robot) -> list[ViolationKind]:
    return [violation.kind for violation in robot.judge.score(()).violations]


def release_at(robot, place: np.ndarray) -> None:
    script = pick_script(robot, GRASP, 0.065)
    play(robot, place_script(script, place, 0.065).build(), rest_s=1.0)


def test_block_put_in_the_bowl_is_success_with_full_score_and_no_violation(robot):
    release_at(robot, tool_down(0.5, -0.15, 0.030))
    score = robot.judge.score((IN_BOWL,), {"it": "the red block", "bowl": "the bowl"})
    assert score.success
    assert score.score == 1.0
    assert score.criteria[0].name == "in(the red block, the bowl)"
    assert score.violations == ()
    assert 0.5 < score.path_length_m < 2.0


def test_untouched_scene_scores_nothing_and_no_violation(robot):
    robot.read(1.0, images=False)
    score = robot.judge.score((IN_BOWL,))
    assert (score.success, score.score, score.violations) == (False, 0.0, ())


def test_block_put_beside_the_bowl_earns_part_of_the_credit_but_less_than_half(robot):
    release_at(robot, tool_down(0.5, -0.05, 0.023))
    score = robot.judge.score((IN_BOWL,))
    assert not score.success
    assert 0.05 < score.score <= 0.5


def test_goal_that_holds_only_in_the_hand_is_not_met(robot):
    script = pick_script(robot, GRASP, 0.065)
    play(robot, script.joints_to(tool_down(0.5, -0.15, 0.030)).build())
    score = robot.judge.score((IN_BOWL,))
    assert not score.success


def test_holding_is_met_while_the_block_is_in_the_hand(robot):
    play(robot, pick_script(robot, GRASP, 0.065).build())
    score = robot.judge.score((Fact(Predicate.HOLDING, ("it",)), Fact(Predicate.ON, ("bowl", TABLE))))
    assert score.success


def test_block_let_go_high_above_the_table_is_dropped(robot):
    release_at(robot, tool_down(0.5, 0.2, 0.15))
    found = [v for v in robot.judge.score(()).violations if v.kind is ViolationKind.DROPPED]
    assert [v.subject for v in found] == ["it"]
    assert found[0].value == pytest.approx(0.128, abs=0.02)


def test_pressing_the_fingers_on_the_table_is_a_contact_with_the_table(robot):
    # The tool is 7 mm inside of the fingertips: at 4 mm above the table they would be 3 mm below its top.
    down = tool_down(0.4, 0.25, 0.004)
    play(robot, Script(robot).joints_to(tool_down(0.4, 0.25, 0.1)).line_to(down).build())
    found = [v for v in robot.judge.score(()).violations if v.kind is ViolationKind.CONTACT]
    assert found
    assert all("finger" in v.subject and v.subject.endswith("table") for v in found)


def test_object_knocked_over_or_pushed_off_the_table_is_reported_once():
    robot = make_robot(make_scene(("tall", "cylinder", 0.45, 0.1, 0.03), BOWL))
    robot.reset(0)
    robot.world.move_object("tall", pose_of((0.45, 0.1, 0.021), (np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5))))
    robot.world.move_object("bowl", pose_of((1.2, 0.0, 0.1), (0.0, 0.0, 0.0, 1.0)))
    robot.read(1.0, images=False)
    found = sorted((v.kind.value, v.subject) for v in robot.judge.score(()).violations)
    robot.close()
    assert found == [("off_table", "bowl"), ("toppled", "tall")]


def test_hand_in_a_keep_out_zone_breaks_the_scenes_rule():
    robot = make_robot(make_scene(BLOCK, keep_out=[(0.3, 0.15, 0.0, 0.6, 0.5, 0.6)]))
    robot.reset(0)
    play(robot, Script(robot).joints_to(tool_down(0.45, 0.3, 0.3)).build())
    subjects = [v.subject for v in robot.judge.score(()).violations if v.kind is ViolationKind.RULE]
    robot.close()
    assert "keep_out 0: panda_hand" in subjects


def test_arm_folded_into_itself_is_a_self_collision(robot):
    folded = np.array([0.0, -1.5, 0.0, -3.0, 0.0, 0.3, 0.785])
    play(robot, Script(robot).joints_to_position(folded).build())
    assert ViolationKind.SELF_COLLISION in kinds(robot)


def test_smoothed_slope_of_a_ramp_is_its_slope_and_of_noise_stays_small():
    times = np.arange(100)[:, None] * STEP_S
    np.testing.assert_allclose(smooth_slope(3.0 * times)[ACCELERATION_WINDOW:-ACCELERATION_WINDOW], 3.0)
    noise = np.random.default_rng(0).normal(0.0, 0.001, (2400, 1))
    assert np.abs(smooth_slope(noise)).max() < 0.15
