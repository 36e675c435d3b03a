from dataclasses import replace

import numpy as np
import pytest
from motion_scenes import block, hand_at, look, panda, sweep, table_scene
from verbot.planning.guard import Guard
from verbot.planning.types import Action, HeldSpan, PlanStep, Ruling, Task, Trajectory

GUARD = Guard(panda())
TASK = Task("test", (), names={"b": "the red block"})
LOOK = PlanStep(Action.LOOK, "")
HIGH = hand_at(0.5, 0.2, 0.30)


def check(trajectory, scene=None, step=LOOK, guard=GUARD, task=TASK):
    return guard.check(trajectory, scene or table_scene(), task, step)


def refusing(verdict) -> set[str]:
    return {f.rule for f in verdict.findings if f.ruling is not Ruling.ALLOWED}


def test_a_good_motion_is_allowed_as_it_is():
    motion = sweep(HIGH)
    verdict = check(motion)
    assert verdict.allowed, verdict.worst
    assert verdict.trajectory is motion


def test_every_finding_carries_margin_with_unit_or_says_that_nothing_is_near():
    for finding in check(sweep(HIGH), table_scene(block("b", 0.5, 0.2))).findings:
        assert finding.reason
        assert finding.margin is None or finding.unit


def corrupt(**changes) -> Trajectory:
    motion = sweep(HIGH)
    arrays = {name: getattr(motion, name).copy() for name in ("times_s", "positions_rad", "velocities_radps")}
    for name, change in changes.items():
        change(arrays[name])
    return replace(motion, **arrays)


def set_nan(array):
    array[5] = np.nan


def turn_back(array):
    array[6] = array[4]


def jump(array):
    array[len(array) // 2 :] += 0.3


@pytest.mark.parametrize(
    ("motion", "rule"),
    [
        (corrupt(positions_rad=set_nan), "finite"),
        (corrupt(velocities_radps=set_nan), "finite"),
        (corrupt(times_s=turn_back), "time"),
        (corrupt(positions_rad=jump), "joint_velocity"),
        (replace(sweep(HIGH), joint_names=panda().description.arm_joints[::-1]), "joints"),
        (replace(sweep(HIGH), gripper_width_m=np.full(len(sweep(HIGH).times_s), 0.2)), "gripper_width"),
        (
            replace(sweep(HIGH), times_s=sweep(HIGH).times_s / 3, velocities_radps=sweep(HIGH).velocities_radps * 3),
            "joint_acceleration",
        ),
        (
            Trajectory(panda().description.arm_joints, np.zeros(0), np.zeros((0, 7)), np.zeros((0, 7)), np.zeros(0)),
            "time",
        ),
    ],
)
def test_what_is_no_motion_for_this_robot_is_refused(motion, rule):
    verdict = check(motion)
    assert not verdict.allowed
    assert verdict.trajectory is None
    assert rule in refusing(verdict)


def test_motion_that_starts_elsewhere_is_refused():
    assert "start" in refusing(check(sweep(HIGH), table_scene(at=look() + 0.05)))


def test_motion_that_does_not_end_at_rest_is_refused():
    motion = sweep(HIGH)
    cut = len(motion.times_s) // 2
    half = replace(
        motion,
        times_s=motion.times_s[:cut],
        positions_rad=motion.positions_rad[:cut],
        velocities_radps=motion.velocities_radps[:cut],
        gripper_width_m=motion.gripper_width_m[:cut],
    )
    assert "rest_at_end" in refusing(check(half))


def test_motion_beyond_a_joint_limit_is_refused_with_its_depth():
    beyond = look().copy()
    beyond[3] = 0.03
    verdict = check(sweep(beyond))
    finding = next(f for f in verdict.findings if f.rule == "joint_position")
    assert finding.margin == pytest.approx(-0.0998, abs=1e-3)
    assert "panda_joint4" in finding.reason


def test_motion_through_a_block_is_refused_by_name():
    verdict = check(sweep(hand_at(0.5, 0.24, 0.03)), table_scene(block("b", 0.5, 0.2)))
    finding = next(f for f in verdict.findings if f.rule == "collision")
    assert finding.ruling is Ruling.REFUSED
    assert "the red block" in finding.reason


def test_motion_into_the_table_is_refused():
    assert "table" in refusing(check(sweep(hand_at(0.5, 0.0, 0.003))))


def test_a_thin_obstacle_between_samples_is_found():
    wall = block("b", 0.47, 0.1)
    wall.size_m[:] = (0.4, 0.002, 0.5)
    wall.pose_world[2, 3] = 0.25
    assert "collision" in refusing(check(sweep(HIGH), table_scene(wall)))


def test_claiming_to_touch_an_object_that_is_not_the_steps_does_not_help():
    motion = replace(sweep(hand_at(0.5, 0.24, 0.03)), touches=("b",))
    verdict = check(motion, table_scene(block("b", 0.5, 0.2), block("a", 0.4, -0.2)), PlanStep(Action.PICK, "", "a"))
    assert "collision" in refusing(verdict)


def test_claiming_to_hold_what_lies_elsewhere_is_refused():
    motion = sweep(HIGH)
    motion = replace(motion, held=(HeldSpan("b", 0.0, motion.duration_s, np.eye(4)),))
    verdict = check(motion, table_scene(block("b", 0.5, -0.2)), PlanStep(Action.PICK, "", "b"))
    assert "held" in refusing(verdict)


def test_what_is_held_is_checked_even_when_the_motion_does_not_say_so():
    start = hand_at(0.5, 0.2, 0.15)
    held = block("b", 0.5, 0.2)
    held.pose_world[2, 3] = 0.15
    scene = table_scene(held, at=start, held="b")
    low = sweep(hand_at(0.5, 0.1, 0.016, seed=start), start=start)
    low = replace(low, gripper_width_m=np.zeros_like(low.gripper_width_m))
    finding = next(f for f in check(low, scene, PlanStep(Action.PLACE, "", "b")).findings if f.rule == "table")
    assert finding.ruling is Ruling.REFUSED
    assert "held" in finding.reason


def test_keep_out_zone_is_refused_and_named():
    guard = Guard(panda(), keep_out=((0.3, 0.1, 0.0, 0.6, 0.4, 0.5),))
    verdict = check(sweep(HIGH), guard=guard)
    assert "keep_out" in refusing(verdict)
    assert verdict.worst is not None
    assert "keep_out_0" in verdict.worst.reason


def test_keep_out_zone_of_the_task_is_refused():
    task = replace(TASK, constraints=("keep_out(0.3, 0.1, 0, 0.6, 0.4, 0.5)",))
    assert "keep_out" in refusing(check(sweep(HIGH), task=task))


def test_constraint_that_nobody_understands_refuses():
    assert not check(sweep(HIGH), task=replace(TASK, constraints=("gently",))).allowed


@pytest.mark.parametrize("missing", ["body", "table"])
def test_missing_facts_refuse(missing):
    verdict = check(sweep(HIGH), replace(table_scene(), **{missing: None}))
    assert not verdict.allowed
    assert any(f.ruling is Ruling.NOT_EVALUATED for f in verdict.findings)


def test_motion_outside_of_the_workspace_is_refused():
    assert "workspace" in refusing(check(sweep(hand_at(0.1, 0.45, 0.4))))


def test_same_motion_gets_the_same_verdict():
    scene = table_scene(block("b", 0.5, 0.2))
    assert check(sweep(HIGH), scene).findings == Guard(panda()).check(sweep(HIGH), scene, TASK, LOOK).findings


def test_leaving_what_is_already_too_near_is_allowed_but_going_deeper_is_not():
    low = hand_at(0.5, 0.0, 0.10)
    fingers = block("b", 0.5, 0.0)
    fingers.pose_world[1, 3] = 0.0  # the open fingers reach 3 mm into a block that stands between them
    fingers.size_m[:] = (0.045, 0.086, 0.105)
    fingers.pose_world[2, 3] = 0.0525
    scene = table_scene(fingers, at=low)
    up, down = hand_at(0.5, 0.0, 0.2, seed=low), hand_at(0.5, 0.01, 0.08, seed=low)
    assert check(sweep(up, start=low), scene).allowed
    assert "collision" in refusing(check(sweep(down, start=low), scene))
