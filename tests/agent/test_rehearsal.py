"""Plans thought through without moving: they reach the goal, and what is let go comes to rest."""

from dataclasses import replace

import numpy as np
import pytest
from verbot.agent.library import CheckedPlanner
from verbot.agent.rehearsal import imagine
from verbot.planning.types import Action, HeldSpan, PlanStatus, PlanStep, Trajectory
from verbot.sim.tasks.episodes import draw_episode, make_start_state
from verbot.sim.tasks.families import FAMILIES

PLANNER = CheckedPlanner("panda")
STROKES = ("push_to_zone", "sweep_to_zone")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_drawn_episode_is_thought_through_to_its_goal(family: str) -> None:
    for seed in range(2):
        episode = draw_episode(family, seed)
        plan = PLANNER.plan(episode.command, make_start_state(episode.scene), seed)
        assert plan.plan is not None, plan.problem
        # What stands in the way of a stroke is found out by trying it: such a step is replaced, not allowed.
        is_reached = plan.allowed or (family in STROKES and plan.plan.status is PlanStatus.DONE)
        assert is_reached, (episode.command, plan.plan.detail)


def _released_at(height_m: float, over: tuple[float, float] | None = None) -> tuple[float, float]:
    """Bottom of a block let go at this height, and the height of the bowl's floor."""
    scene = make_start_state(draw_episode("put_in", 0).scene)
    item = next(o for o in scene.objects if o.shape.value == "block")
    bowl = next(o for o in scene.objects if o.shape.value == "bowl")
    place = np.eye(4)
    place[:3, 3] = [*(over or bowl.position_world[:2]), height_m + item.size_m[2] / 2]
    look = np.array(PLANNER.model.description.look_rad)
    T_hand_object = np.linalg.inv(PLANNER.model.tool_pose(look)) @ place
    motion = Trajectory(
        PLANNER.model.description.arm_joints,
        np.array([0.0, 1.0]),
        np.stack([look, look]),
        np.zeros((2, 7)),
        np.array([0.04, 0.08]),
        held=(HeldSpan(item.id, 0.0, 0.5, T_hand_object),),
    )
    step = PlanStep(Action.PLACE, "try", item.id)
    after = imagine(replace(scene, objects=(item, bowl)), motion, step, PLANNER.model).find(item.id)
    assert after is not None
    return after.bottom_m, bowl.top_m - bowl.cavity_depth_m


def test_what_is_let_go_above_the_table_comes_to_rest_on_it() -> None:
    bottom_m, _ = _released_at(0.03, over=(0.3, -0.4))
    assert bottom_m == pytest.approx(0.0, abs=1e-6)


def test_what_is_let_go_over_a_bowl_comes_to_rest_on_its_floor() -> None:
    bottom_m, floor_m = _released_at(0.04)
    assert floor_m > 0.001
    assert bottom_m == pytest.approx(floor_m, abs=1e-6)
