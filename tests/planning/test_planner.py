"""The planning road, from sentence to goal, in a world that now and then goes wrong."""

from dataclasses import replace

import numpy as np
import pytest
from symbolic_scenes import make, make_scene, upon
from symbolic_world import SymbolicWorld
from verbot.planning.feasibility import lasting_facts
from verbot.planning.monitor import Monitor
from verbot.planning.planner import Planner
from verbot.planning.relations import evaluate
from verbot.planning.robot_description import load_robot
from verbot.planning.types import (
    Action,
    NoMotion,
    NoMotionReason,
    Outcome,
    OutcomeKind,
    PlanStatus,
    Predicate,
    ProblemKind,
    Task,
    Trajectory,
    Verdict,
)

ROBOT = load_robot("panda")
MOTION = Trajectory(("j",), np.zeros(1), np.zeros((1, 1)), np.zeros((1, 1)), np.zeros(1))
ALLOWED = Verdict(True, (), MOTION)
BOWL = make("bowl", "bowl", "green", 0.52, 0.12)
TRAY = make("tray", "tray", "white", 0.45, -0.25)
RED = make("red", "block_large", "red", 0.36, 0.10)
BLUE = upon("blue", "block_small", "blue", RED)
MUG = make("mug", "mug", "orange", 0.60, 0.30)
WHITE = make("white", "block_large", "white", 0.36, -0.05)
CAN = make("can", "cylinder", "purple", 0.62, -0.05)
SCENE = make_scene(BOWL, TRAY, RED, BLUE, MUG, WHITE, CAN)
COMMANDS = (
    "put the red block in the bowl",
    "put all blocks in the tray",
    "stack the white block on the red block",
    "put the red block on the white block and the blue block on the red block",
    "put the cylinder left of the bowl",
    "put the mug right of the bowl, then pick up the white block",
    "move the blue block to the right side and put the cylinder behind the white block",
    "put the blue block in the mug then put the white block in the bowl then put the cylinder next to the tray",
    "take the mug and put it in front of the bowl",
    "put the bowl on the left side of the table and the red block in it",
)


def understood(planner, command, scene=SCENE):
    task = planner.understand(command, scene)
    assert isinstance(task, Task), task
    return task


def drive(command, rng, failure_rate, max_replans=30):
    """The runtime's loop, symbolically."""
    planner, monitor = Planner(ROBOT, max_replans=max_replans), Monitor()
    world = SymbolicWorld(SCENE, rng, failure_rate)
    task, plan, outcome = understood(planner, command), None, None
    for _ in range(150):
        plan = planner.revise(task, world.scene, plan, outcome)
        if plan.current is None:
            break
        result = world.take(plan.current)
        broken_off = result if isinstance(result, str) else None
        verdict = result if isinstance(result, NoMotion) else ALLOWED
        outcome = monitor.outcome(plan.current, world.scene, verdict, broken_off)
    assert plan is not None
    return task, plan, world


@pytest.mark.parametrize("command", COMMANDS)
def test_goal_is_reached_when_all_goes_well(command):
    task, plan, world = drive(command, np.random.default_rng(0), 0.0)
    assert plan.status is PlanStatus.DONE
    assert plan.replans == 0
    assert all(evaluate(fact, world.scene).value for fact in lasting_facts(task.stages))


@pytest.mark.parametrize("command", COMMANDS)
def test_goal_is_reached_although_grasps_miss_and_objects_drop(command):
    task, plan, world = drive(command, np.random.default_rng(1), 0.25)
    assert plan.status is PlanStatus.DONE, plan.detail
    assert all(evaluate(fact, world.scene).value for fact in lasting_facts(task.stages))


def test_planner_gives_up_after_its_replans():
    _, plan, world = drive(COMMANDS[0], np.random.default_rng(0), 1.0, max_replans=3)
    assert plan.status is PlanStatus.GAVE_UP
    assert sum(step.action is Action.PICK for step in world.log) == 4


def test_same_calls_give_the_same_plans():
    first = drive(COMMANDS[7], np.random.default_rng(5), 0.3)
    second = drive(COMMANDS[7], np.random.default_rng(5), 0.3)
    assert first[1] == second[1]
    assert first[2].log == second[2].log


def test_problem_comes_back_as_a_value():
    problem = Planner(ROBOT).understand("put the flurb in the bowl", SCENE)
    assert not isinstance(problem, Task)
    assert problem.kind is ProblemKind.UNKNOWN_WORD


def test_goal_that_holds_already_needs_no_step():
    planner = Planner(ROBOT)
    plan = planner.revise(understood(planner, "put the blue block on the red block"), SCENE, None, None)
    assert (plan.status, plan.steps) == (PlanStatus.DONE, ())


def test_names_are_what_a_person_would_say():
    assert understood(Planner(ROBOT), COMMANDS[0]).names["red"] == "the red block"


def start(command, scene=SCENE, **options):
    planner = Planner(ROBOT, **options)
    task = understood(planner, command, scene)
    return planner, task, planner.revise(task, scene, None, None)


def test_miss_begins_the_new_plan_with_a_look():
    planner, task, plan = start("pick up the white block")
    plan = planner.revise(task, SCENE, plan, Outcome(OutcomeKind.MISSED, plan.steps[0], "white is not in the hand"))
    assert [step.action for step in plan.steps] == [Action.LOOK, Action.PICK]
    assert plan.steps[1].attempt == 1
    assert "the white block is not in the hand" in plan.steps[0].reason


def test_done_advances_to_the_next_step():
    planner, task, plan = start("put the white block in the bowl")
    held = replace(SCENE, body=replace(SCENE.body, held="white"))
    after = planner.revise(task, held, plan, Outcome(OutcomeKind.DONE, plan.steps[0]))
    assert (after.index, after.steps) == (1, plan.steps)


def test_world_that_did_the_work_saves_the_steps():
    planner, task, plan = start("put the white block in the bowl and put the cylinder in the tray")
    done = upon("white", "block_large", "white", BOWL)
    also = upon("can", "cylinder", "purple", TRAY)
    scene = make_scene(BOWL, TRAY, RED, BLUE, MUG, done, also)
    after = planner.revise(task, scene, plan, Outcome(OutcomeKind.DONE, plan.steps[1]))
    assert after.status is PlanStatus.DONE


def test_refused_step_is_never_proposed_twice_and_ends_with_the_rule():
    planner, task, plan = start("put the white block in the bowl")
    seen = set()
    while plan.status is PlanStatus.RUNNING:
        step = plan.current
        assert step is not None
        proposal = (step.action, step.object_id, step.relation, step.target_id, step.attempt)
        assert proposal not in seen
        seen.add(proposal)
        refused = Outcome(OutcomeKind.REFUSED, step, "keep_out: the hand enters the zone", Verdict(False, (), None))
        plan = planner.revise(task, SCENE, plan, refused)
    assert (plan.status, plan.detail) == (PlanStatus.REFUSED, "keep_out: the hand enters the zone")
    assert len(seen) == 4
    assert plan.replans == 0


def test_infeasible_step_ends_without_a_plan_in_words():
    planner, task, plan = start("put the white block in the bowl")
    cannot = NoMotion(NoMotionReason.NO_PATH, "no path to white")
    for _ in range(4):
        assert plan.current is not None
        plan = planner.revise(
            task, SCENE, plan, Outcome(OutcomeKind.INFEASIBLE, plan.current, cannot.detail, None, cannot)
        )
    assert plan.status is PlanStatus.NO_PLAN
    assert plan.detail == "no way is left to get the white block in the green bowl: no path to the white block"


def test_what_was_not_seen_yet_is_looked_at_and_the_same_step_tried_again():
    planner, task, plan = start("put the white block in the bowl")
    cannot, step, looks = NoMotion(NoMotionReason.NOT_SEEN, "the white block has not been seen"), plan.current, 0
    while plan.status is PlanStatus.RUNNING:
        assert plan.current == step
        plan = planner.revise(task, SCENE, plan, Outcome(OutcomeKind.INFEASIBLE, plan.current, "", None, cannot))
        if plan.status is PlanStatus.RUNNING:
            assert plan.current.action is Action.LOOK
            plan, looks = planner.revise(task, SCENE, plan, Outcome(OutcomeKind.DONE, plan.current)), looks + 1
    assert plan.status is PlanStatus.GAVE_UP
    assert looks > 1


def test_what_geometry_finds_in_the_way_is_moved_first():
    planner, task, plan = start("pick up the white block")
    cannot = NoMotion(NoMotionReason.NO_GRASP, "no room for the fingers", ("can",))
    plan = planner.revise(task, SCENE, plan, Outcome(OutcomeKind.INFEASIBLE, plan.steps[0], "", None, cannot))
    assert [str(s) for s in plan.steps] == ["pick(can)", "place(can, on, table)", "pick(white)"]
    assert "stands in the way of the white block" in plan.steps[0].reason


def test_full_side_is_cleared_before_something_is_put_there():
    tray = make("tray", "tray", "red", 0.43, 0.33)
    base = make("base", "block_large", "white", 0.43, 0.20)
    scene = make_scene(tray, base, make("a", "mug", "green", 0.43, -0.1))
    _, _, plan = start("put the green mug left of the white block", scene)
    assert [step.object_id for step in plan.steps] == ["tray", "tray", "a", "a"]
    assert "stands in the way of the place for the green mug" in plan.steps[0].reason


def test_vanished_object_is_looked_for_once():
    planner, task, plan = start("put the white block in the bowl")
    gone = replace(SCENE, objects=tuple(o for o in SCENE.objects if o.id != "white"))
    plan = planner.revise(task, gone, plan, Outcome(OutcomeKind.MISSED, plan.steps[0], "white is not in the hand"))
    assert [step.action for step in plan.steps] == [Action.LOOK]
    plan = planner.revise(task, gone, plan, Outcome(OutcomeKind.DONE, plan.steps[0]))
    assert plan.status is PlanStatus.NO_PLAN
    assert "the white block cannot be seen any more" in plan.detail


def test_vanished_object_that_is_found_again_is_used():
    planner, task, plan = start("put the white block in the bowl")
    gone = replace(SCENE, objects=tuple(o for o in SCENE.objects if o.id != "white"))
    plan = planner.revise(task, gone, plan, Outcome(OutcomeKind.MISSED, plan.steps[0], ""))
    plan = planner.revise(task, SCENE, plan, Outcome(OutcomeKind.DONE, plan.steps[0]))
    assert [step.action for step in plan.steps] == [Action.PICK, Action.PLACE]


def test_wrong_object_in_the_hand_is_put_aside_first():
    planner, task, plan = start("put the white block in the bowl")
    held = replace(SCENE, body=replace(SCENE.body, held="can"))
    plan = planner.revise(
        task, held, plan, Outcome(OutcomeKind.MISSED, plan.steps[0], "white is not in the hand, can is")
    )
    place = plan.steps[1]
    assert (place.action, place.object_id, place.relation) == (Action.PLACE, "can", Predicate.ON)
    assert place.reason == "to free the hand"


def test_undone_goal_of_an_earlier_stage_is_mended():
    planner, task, plan = start("put the white block in the bowl then put the cylinder in the tray")
    plan = replace(plan, stage=2, index=3)
    scene = make_scene(BOWL, TRAY, RED, BLUE, MUG, WHITE, upon("can", "cylinder", "purple", TRAY))
    plan = planner.revise(task, scene, plan, Outcome(OutcomeKind.DONE, plan.steps[3]))
    assert [str(s) for s in plan.steps[1:]] == ["pick(white)", "place(white, in, bowl)"]


def test_ended_plan_stays_ended():
    planner, task, plan = start("put the white block in the bowl")
    ended = replace(plan, status=PlanStatus.GAVE_UP, detail="x")
    assert planner.revise(task, SCENE, ended, Outcome(OutcomeKind.DONE, plan.steps[0])) is ended


def test_reset_forgets_refusals():
    planner, task, plan = start("put the white block in the bowl")
    for _ in range(4):
        assert plan.current is not None
        plan = planner.revise(task, SCENE, plan, Outcome(OutcomeKind.REFUSED, plan.current, "r: no"))
    assert plan.status is PlanStatus.REFUSED
    planner.reset()
    assert planner.revise(task, SCENE, None, None).status is PlanStatus.RUNNING
