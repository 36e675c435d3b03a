from dataclasses import replace

import numpy as np
import pytest
from policy_scenes import TASK, act, after, fresh_policy, guard, make, on_table, panda, pick, place
from verbot.perception.furniture import fixture_state
from verbot.perception.types import Shape
from verbot.planning.relations import evaluate
from verbot.planning.types import Action, Fact, NoMotion, NoMotionReason, PlanStep, Predicate, Trajectory
from verbot.policies.geometric import SPEC
from verbot.policies.grasps import make_grasps
from verbot.sim.furniture import make_fixtures

GRIPPER = panda().description.gripper


def allowed(motion, scene, step) -> Trajectory:
    assert isinstance(motion, Trajectory), motion
    verdict = guard().check(motion, scene, TASK, step)
    assert verdict.allowed, verdict.worst
    return motion


@pytest.mark.parametrize("shape", [Shape.BLOCK, Shape.CYLINDER, Shape.BOWL, Shape.MUG, Shape.TRAY, Shape.THING])
def test_pick_of_each_shape_is_allowed_by_the_guard(shape):
    scene = on_table(make("a", shape, 0.5, 0.1, yaw=0.4))
    motion = allowed(act(scene, pick("a")), scene, pick("a"))
    assert motion.held[0].object_id == "a"
    assert motion.gripper_width_m[-1] == 0.0
    assert not motion.velocities_radps[-1].any()


@pytest.mark.parametrize(
    ("relation", "target"),
    [
        (Predicate.IN, Shape.BOWL),
        (Predicate.ON, Shape.BLOCK),
        (Predicate.ON, Shape.PLATE),
        (Predicate.LEFT_OF, Shape.MUG),
    ],
)
def test_pick_and_place_make_the_fact_true(relation, target):
    scene = on_table(make("a", Shape.BLOCK, 0.5, 0.2, yaw=0.3, size=(0.03, 0.03, 0.03)), make("b", target, 0.5, -0.1))
    lifted = after(scene, allowed(act(scene, pick("a")), scene, pick("a")), "a")
    step = place("a", relation, "b")
    done = after(lifted, allowed(act(lifted, step), lifted, step), None)
    assert evaluate(Fact(relation, ("a", "b")), done).value is True
    np.testing.assert_allclose(done.body.positions_rad, panda().description.look_rad, atol=1e-9)


def test_stacked_block_is_aligned_with_the_one_below():
    scene = on_table(make("a", Shape.BLOCK, 0.5, 0.2, yaw=0.3), make("b", Shape.BLOCK, 0.5, -0.1, yaw=0.7))
    lifted = after(scene, act(scene, pick("a")), "a")
    done = after(lifted, act(lifted, place("a", Predicate.ON, "b")), None)
    turn = (done.find("a").yaw_rad - 0.7) % (np.pi / 2)
    assert min(turn, np.pi / 2 - turn) < 0.01


def test_offset_of_the_object_in_the_hand_is_made_up_for():
    scene = on_table(make("a", Shape.BLOCK, 0.5, 0.2), make("b", Shape.BLOCK, 0.5, -0.1))
    lifted = after(scene, act(scene, pick("a")), "a")
    lifted.find("a").pose_world[:2, 3] += 0.006
    done = after(lifted, act(lifted, place("a", Predicate.ON, "b")), None)
    np.testing.assert_allclose(done.find("a").position_world[:2], [0.5, -0.1], atol=1e-4)


def test_fingertips_stay_four_millimetres_above_the_table():
    scene = on_table(make("a", Shape.BLOCK, 0.5, 0.0, size=(0.03, 0.03, 0.02)))
    motion = act(scene, pick("a"))
    lowest = min(panda().tool_pose(q)[2, 3] for q in motion.positions_rad) - GRIPPER.tip_to_tool_m
    assert lowest >= 0.004


def test_opening_is_the_size_and_two_centimetres():
    scene = on_table(make("a", Shape.BLOCK, 0.5, 0.0))
    motion = act(scene, pick("a"))
    closing = motion.held[0].start_s
    width = np.interp(closing, motion.times_s, motion.gripper_width_m)
    assert width == pytest.approx(0.065, abs=0.001)


def test_mug_is_taken_across_its_handle():
    mug = make("m", Shape.MUG, 0.5, 0.0, yaw=0.5)
    best = make_grasps(mug, GRIPPER)[0]
    assert abs(best.T_world_tool[:3, 1] @ mug.pose_world[:3, 0]) < 1e-9


def test_plate_is_not_taken_by_its_rim():
    result = act(on_table(make("p", Shape.PLATE, 0.5, 0.0)), pick("p"))
    assert isinstance(result, NoMotion)
    assert result.reason is NoMotionReason.NO_GRASP


def test_block_walled_in_on_all_sides_names_what_is_in_the_way():
    walls = [
        make(f"w{k}", Shape.THING, 0.5 + dx, dy, size=(0.045, 0.045, 0.10))
        for k, (dx, dy) in enumerate([(0.055, 0), (-0.055, 0), (0, 0.055), (0, -0.055)])
    ]
    result = act(on_table(make("a", Shape.BLOCK, 0.5, 0.0), *walls), pick("a"))
    assert isinstance(result, NoMotion)
    assert result.blocked_by
    assert set(result.blocked_by) <= {f"w{k}" for k in range(4)}


def test_neighbour_on_one_side_turns_the_grasp():
    beside = make("n", Shape.BLOCK, 0.5, 0.055)
    scene = on_table(make("a", Shape.BLOCK, 0.5, 0.0), beside)
    motion = allowed(act(scene, pick("a")), scene, pick("a"))
    assert abs(motion.target_pose_world[1, 1]) < 0.1


def test_block_close_in_front_of_a_shelf_is_taken_with_the_hand_leaning_and_put_down_upright():
    (shelf,) = make_fixtures("shelf", "shelf", "white", 0.540, -0.395, -np.pi / 2)
    block = make("a", Shape.BLOCK, 0.539, -0.251, 0.835, size=(0.03, 0.03, 0.03))
    scene = on_table(block, fixture_state(shelf, None, 1e-6 * np.eye(6), (), 1.0))
    lifted = allowed(act(scene, pick("a")), scene, pick("a"))
    assert 0.8 < -lifted.target_pose_world[2, 2] < 0.98
    held, step = after(scene, lifted, "a"), place("a", Predicate.ON, "shelf")
    left = after(held, allowed(act(held, step), held, step), None).find("a")
    assert left.pose_world[2, 2] > 0.999
    assert evaluate(Fact(Predicate.ON, ("a", "shelf")), replace(scene, objects=(left, scene.find("shelf")))).value


def test_hand_comes_down_gently_between_tight_walls():
    def seconds_for_the_last_three_centimetres(motion: Trajectory) -> float:
        heights_m = np.array([panda().tool_pose(row)[2, 3] for row in motion.positions_rad])
        lowest = int(np.argmin(heights_m))
        above = np.flatnonzero(heights_m[:lowest] > heights_m[lowest] + 0.03)[-1]
        return float(motion.times_s[lowest] - motion.times_s[above])

    block = make("a", Shape.BLOCK, 0.5, 0.0, size=(0.03, 0.03, 0.03), bottom=0.004)
    walls = make("box", Shape.BOX, 0.5, 0.0, size=(0.099, 0.099, 0.06))
    free, tight = (act(scene, pick("a")) for scene in (on_table(block), on_table(block, walls)))
    assert seconds_for_the_last_three_centimetres(tight) > 1.3 * seconds_for_the_last_three_centimetres(free)


def test_next_attempt_is_another_motion():
    scene = on_table(make("a", Shape.CYLINDER, 0.5, 0.0))
    first, second = (act(scene, pick("a", attempt)) for attempt in (0, 1))
    assert not np.allclose(first.target_pose_world, second.target_pose_world)


def test_same_seed_gives_the_same_motion_whatever_ran_before():
    scene = on_table(make("a", Shape.BLOCK, 0.5, 0.2), make("b", Shape.BOWL, 0.5, -0.1))
    used = fresh_policy(3)
    act(scene, pick("b"), used)
    first, second = act(scene, pick("a"), used), act(scene, pick("a"), fresh_policy(3))
    np.testing.assert_array_equal(first.positions_rad, second.positions_rad)
    np.testing.assert_array_equal(first.times_s, second.times_s)


def test_keep_out_zone_on_the_way_is_gone_around():
    scene = on_table(make("a", Shape.BLOCK, 0.5, 0.25))
    zone = (0.42, 0.02, 0.0, 0.62, 0.12, 0.40)
    motion = act(scene, pick("a"), fresh_policy(keep_out=(zone,)))
    assert isinstance(motion, Trajectory)
    strict = type(guard())(panda(), keep_out=(zone,))
    assert strict.check(motion, scene, TASK, pick("a")).allowed


def test_unknown_object_and_missing_body_are_said_plainly():
    scene = on_table(make("a", Shape.BLOCK, 0.5, 0.0))
    for result in (act(scene, pick("z")), act(replace(scene, body=None), pick("a"))):
        assert isinstance(result, NoMotion)
        assert result.reason is NoMotionReason.NOT_SEEN


def test_look_from_a_low_pose_rises_first():
    scene = on_table(make("a", Shape.BLOCK, 0.5, 0.0))
    picked = act(scene, pick("a"))
    row = int(np.searchsorted(picked.times_s, picked.held[0].start_s))
    low = replace(scene, body=replace(scene.body, positions_rad=picked.positions_rad[row], gripper_width_m=0.065))
    step = PlanStep(Action.LOOK, "")
    motion = allowed(act(low, step), low, step)
    np.testing.assert_allclose(motion.positions_rad[-1], panda().description.look_rad, atol=1e-9)


def test_far_object_is_out_of_reach():
    result = act(on_table(make("a", Shape.BLOCK, 0.84, 0.5)), pick("a"))
    assert isinstance(result, NoMotion)
    assert result.reason in (NoMotionReason.NO_IK, NoMotionReason.NO_PATH)


def test_spec_builds_the_policy():
    assert SPEC.build(SPEC.config(), panda()).act is not None
    assert SPEC.name == "geometric"
