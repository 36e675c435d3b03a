from dataclasses import replace

import numpy as np
import pytest
from verbot.perception.types import BodyState, PersonState, SceneState, SupportSurface
from verbot.planning.guard import Guard
from verbot.planning.keep_distance import PEOPLE
from verbot.planning.robot_description import load_robot
from verbot.planning.robot_model import RobotModel
from verbot.planning.timing import motion_limits, time_path
from verbot.planning.types import Action, PlanStep, Ruling, Task, Trajectory

MODEL = RobotModel(load_robot("panda"))
LOOK = np.array(MODEL.description.look_rad)
STEP = PlanStep(Action.LOOK, "")


def person_at(gap_m: float) -> PersonState:
    """Someone to the right of where the motion ends, with that much between them."""
    end = MODEL.tool_pose(motion().positions_rad[-1])[:3, 3]
    low = np.array([end[0] - 0.1, end[1] + gap_m, 0.0])
    column = np.concatenate([low, low + (0.2, 0.2, 0.9)])
    return PersonState(low, 1e-4 * np.eye(3), column[None], None, 0.0, ("lidar",))


def motion() -> Trajectory:
    goal = LOOK + np.array([0.7, 0, 0, 0, 0, 0, 0])
    path = time_path(np.stack([LOOK, goal]), motion_limits(MODEL.description))
    widths = np.zeros(len(path.times_s))
    return Trajectory(MODEL.description.arm_joints, path.times_s, path.positions_rad, path.velocities_radps, widths)


def check(person: PersonState | None, constraints: tuple[str, ...] = ()):
    body = BodyState(MODEL.description.arm_joints, LOOK, np.zeros(7), 0.0)
    table = SupportSurface(0.0, 0.001, (0.15, -0.55, 0.85, 0.55), 0.0)
    scene = SceneState(0.0, 0.0, (), table, body, (), person=person)
    verdict = Guard(MODEL).check(motion(), scene, Task("", (), constraints=constraints), STEP)
    return verdict, next(f for f in verdict.findings if f.rule == "keep_distance")


def test_motion_that_passes_near_a_person_is_slowed_until_it_may_run():
    verdict, finding = check(person_at(0.25))
    assert finding.ruling is Ruling.ALLOWED
    assert verdict.trajectory.duration_s > 1.5 * motion().duration_s
    np.testing.assert_array_equal(verdict.trajectory.positions_rad, motion().positions_rad)


def test_motion_into_a_person_is_refused_however_slow():
    verdict, finding = check(person_at(0.0))
    assert not verdict.allowed
    assert finding.margin < 0


def test_motion_far_from_a_person_keeps_its_speed():
    verdict, _ = check(person_at(0.8))
    assert verdict.trajectory.duration_s == pytest.approx(motion().duration_s)


def test_nobody_seen_is_no_answer_only_where_people_are_declared():
    assert check(None)[1].ruling is Ruling.ALLOWED
    verdict, finding = check(None, (PEOPLE,))
    assert finding.ruling is Ruling.NOT_EVALUATED
    assert not verdict.allowed


def test_margin_shrinks_as_the_person_comes_nearer():
    margins = [check(person_at(gap_m))[1].margin for gap_m in (0.5, 0.35, 0.22)]
    assert margins == sorted(margins, reverse=True)
    assert replace(person_at(0.3), velocity_mps=None).gap_m(0.0, 0.0) > 0.0
