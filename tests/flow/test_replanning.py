"""The world does not do what was planned: things are moved or fall, and the goal is reached all the same."""

from collections.abc import Callable

import numpy as np
from verbot.agent.config import make_run_config
from verbot.agent.episode import Episode, EpisodeResult
from verbot.agent.observers import Observer
from verbot.perception.types import SceneState
from verbot.planning.types import Action, PlanStep

CONFIG = make_run_config(command="put the red block in the green bowl", seed=2, device="cpu")


class Mischief(Observer):
    """Does something to the world once, at a moment of a step."""

    def __init__(self, action: Action, fraction: float, deed: Callable[[], None]) -> None:
        self._action, self._fraction, self._deed = action, fraction, deed
        self.done = False

    def on_progress(self, step: PlanStep, fraction: float, scene: SceneState) -> None:
        if not self.done and step.action is self._action and fraction >= self._fraction:
            self.done = True
            self._deed()


def _run(action: Action, fraction: float, deed: Callable[[Episode], None]) -> tuple[EpisodeResult, Mischief]:
    with Episode(CONFIG) as episode:
        mischief = Mischief(action, fraction, lambda: deed(episode))
        return episode.run(mischief), mischief


def _move_red_block(episode: Episode) -> None:
    world = episode.parts.robot.world
    pose = world.object_pose("red_block").copy()
    pose[:3, 3] = pose[:3, 3] + [0.0, 0.06 if pose[1, 3] < 0 else -0.06, 0.0]
    world.move_object("red_block", pose)


def _pull_red_block_out_of_the_hand(episode: Episode) -> None:
    world = episode.parts.robot.world
    pose = np.eye(4)
    pose[:3, 3] = 0.36, 0.30, 0.03
    world.move_object("red_block", pose)


def test_object_moved_during_the_approach_is_missed_and_then_fetched_from_where_it_is() -> None:
    result, mischief = _run(Action.PICK, 0.15, _move_red_block)
    assert mischief.done
    outcomes = [s["outcome"] for s in result.values["steps"]]
    assert "missed" in outcomes or "stopped" in outcomes
    assert result.values["replans"] >= 1
    assert result.success


def test_object_lost_while_carried_stops_the_motion_and_leads_to_a_new_plan() -> None:
    result, mischief = _run(Action.PLACE, 0.1, _pull_red_block_out_of_the_hand)
    assert mischief.done
    steps = result.values["steps"]
    lost = next(s for s in steps if s["outcome"] == "stopped")
    assert lost["end_s"] - lost["start_s"] < lost["motion_s"]
    assert result.success


def test_replans_are_bounded() -> None:
    def keep_moving(episode: Episode) -> None:
        _move_red_block(episode)
        mischief.done = False

    with Episode(CONFIG.model_copy(update={"max_replans": 1})) as episode:
        mischief = Mischief(Action.PICK, 0.15, lambda: keep_moving(episode))
        result = episode.run(mischief)
    assert not result.success
    assert result.values["ended_by"] in ("gave_up", "no_plan")
    assert result.values["replans"] <= 2
