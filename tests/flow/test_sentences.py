"""The sentences that suites draw mean, to the planner, exactly the goals that the suites score."""

import pytest
from verbot.planning.feasibility import lasting_facts
from verbot.planning.piles import one_by_one
from verbot.planning.planner import Planner
from verbot.planning.relations import evaluate
from verbot.planning.robot_description import load_robot
from verbot.planning.types import Task
from verbot.sim.tasks.episodes import draw_episode, make_start_state
from verbot.sim.tasks.families import FAMILIES
from verbot.sim.tasks.family import Variation

SEEDS = range(12)


@pytest.mark.parametrize("is_held_out", [False, True], ids=["training", "held_out"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_drawn_sentence_is_understood_as_the_goal_that_is_scored(family: str, is_held_out: bool) -> None:
    planner = Planner(load_robot("panda"))
    for seed in SEEDS:
        episode = draw_episode(family, seed, Variation(is_held_out=is_held_out))
        start = make_start_state(episode.scene)
        task = planner.understand(episode.command, start)
        assert isinstance(task, Task), (episode.command, task)
        asked = {one for fact in lasting_facts(task.stages) for one in one_by_one(fact, start)}
        assert asked >= set(episode.goal), episode.command
        # What else is asked holds already and shall hold again: the mug that was poured from is put back.
        assert all(evaluate(fact, start).value for fact in asked - set(episode.goal)), episode.command
