from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from verbot.agent.evaluation.run_job import EpisodeRequest, EpisodeSuite
from verbot.sim.foreign_envs import RANDOM, GymError, GymSuite, GymSuiteConfig, GymTask

STEPS_TO_WIN = 4


class CountingEnv(gymnasium.Env[dict[str, Any], int]):
    """Told to go left (0) or right (1); four right answers win, one wrong answer loses when `strict`."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 5}

    def __init__(self, render_mode: str | None = None, strict: bool = False, breaks: bool = False) -> None:
        self.render_mode, self.strict, self.breaks = render_mode, strict, breaks
        self.action_space = gymnasium.spaces.Discrete(2)
        self.observation_space = gymnasium.spaces.Dict({"hits": gymnasium.spaces.Discrete(100)})
        self.sentence = "go left"

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        super().reset(seed=seed)
        self.side, self.hits = int(self.np_random.integers(2)), 0
        words = f"go {('left', 'right')[self.side]}"
        return {"hits": 0, "mission": words}, {"instruction": words.upper()}

    def step(self, action: int) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        if self.breaks:
            raise RuntimeError("the environment broke")
        self.hits += int(action == self.side)
        won = self.hits == STEPS_TO_WIN
        lost = self.strict and action != self.side
        return {"hits": self.hits}, float(won), won or lost, False, {"won": won, "progress": self.hits / STEPS_TO_WIN}

    def render(self) -> np.ndarray:  # type: ignore[override]
        return np.full((33, 47, 3), self.hits * 40, dtype=np.uint8)


class Listener:
    """Does what it is told."""

    def __init__(self, env: Any) -> None:
        self.env = env

    def reset(self, seed: int) -> None:
        self.seed = seed

    def act(self, observation: Any, command: str) -> Any:
        return int("right" in command.lower())


class Broken(Listener):
    """Raises at its second action."""

    num_acts = 0

    def act(self, observation: Any, command: str) -> Any:
        self.num_acts += 1
        if self.num_acts == 2:
            raise ZeroDivisionError("no idea")
        return 0


class Outside(Listener):
    """Knows no limits."""

    def act(self, observation: Any, command: str) -> Any:
        return 7


POLICIES = {"listener": Listener, "broken": Broken, "outside": Outside}


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    gymnasium.register("Counting-v0", entry_point=CountingEnv)
    yield
    del gymnasium.registry["Counting-v0"]


def _suite(**task: Any) -> GymSuite:
    suite = GymSuite(GymSuiteConfig(tasks=(GymTask(name="count", env="Counting-v0", **task),)))
    suite.bind_policies(POLICIES.__getitem__)
    return suite


def _request(policy: str = "listener", seed: int = 0, **values: Any) -> EpisodeRequest:
    return EpisodeRequest("count", seed, policy, "none", "planner", values.pop("deadline_s", 60.0), **values)


def test_suite_of_environments_is_an_episode_suite() -> None:
    assert isinstance(_suite(), EpisodeSuite)


def test_policy_that_follows_the_sentence_succeeds_on_every_seed() -> None:
    results = [_suite().run_episode(_request(seed=seed)) for seed in range(8)]
    assert all(result["success_truth"] and result["ended_by"] == "done" for result in results)
    assert {result["command"] for result in results} == {"go left", "go right"}


def test_random_episode_depends_on_its_seed_only() -> None:
    first = [_suite().run_episode(_request(RANDOM, seed)) for seed in range(5)]
    again = [_suite().run_episode(_request(RANDOM, seed)) for seed in reversed(range(5))]
    assert first == again[::-1]
    assert len({result["detail"] for result in first}) > 1


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("observation.mission", "go right"),
        ("info.instruction", "GO RIGHT"),
        ("attribute.sentence", "go left"),
        ("text: be right", "be right"),
    ],
)
def test_sentence_is_found_where_the_task_says(source: str, words: str) -> None:
    assert _suite(command=source).run_episode(_request(seed=0))["command"] == words


def test_absent_sentence_is_an_error_and_never_an_empty_command() -> None:
    with pytest.raises(GymError, match=r"info\.mission"):
        _suite(command="info.mission").run_episode(_request())
    with pytest.raises(GymError, match=r"info\.mission"):
        _suite(command="info.mission").check(RANDOM, "none", {})


@pytest.mark.parametrize("criterion", ["reward", "return > 0.5", "info.won"])
def test_every_kind_of_criterion_tells_success_from_failure(criterion: str) -> None:
    suite = _suite(success=criterion, kwargs={"strict": True})
    assert suite.run_episode(_request("listener"))["success_truth"] is True
    lost = suite.run_episode(_request(RANDOM, seed=3))
    assert lost["success_truth"] is False


def test_score_can_come_from_the_environment() -> None:
    result = _suite(score="info.progress", max_steps=2).run_episode(_request())
    assert result["score"] == 0.5
    assert result["success_truth"] is False


def test_episode_lost_by_the_rules_is_misplaced_and_one_without_end_is_out_of_time() -> None:
    lost = _suite(kwargs={"strict": True}).run_episode(_request(RANDOM, seed=3))
    assert (lost["ended_by"], lost["failure"]) == ("done", "misplaced")
    assert _suite(max_steps=2).run_episode(_request())["ended_by"] == "deadline"


def test_deadline_counts_the_environments_own_time() -> None:
    result = _suite(step_s=0.5).run_episode(_request(deadline_s=1.0))
    assert result["ended_by"] == "deadline"
    assert result["time_s"] == 1.0


def test_policy_that_raises_ends_its_episode_with_its_traceback() -> None:
    result = _suite().run_episode(_request("broken"))
    assert result["ended_by"] == "policy_error"
    assert "ZeroDivisionError" in result["error"]
    assert result["success_truth"] is False


def test_action_outside_of_the_space_is_the_policys_error() -> None:
    assert "outside" in _suite().run_episode(_request("outside"))["detail"]


def test_environment_that_breaks_is_not_blamed_on_the_policy() -> None:
    with pytest.raises(RuntimeError, match="the environment broke"):
        _suite(kwargs={"breaks": True}).run_episode(_request())


def test_pictures_and_films_do_not_change_what_happens(tmp_path: Path) -> None:
    plain = _suite().run_episode(_request(RANDOM, seed=5))
    picture, film = tmp_path / "last.jpg", tmp_path / "film.mp4"
    filmed = _suite().run_episode(_request(RANDOM, seed=5, picture=picture, film=film))
    assert {**filmed, "has_picture": False} == plain
    assert picture.stat().st_size > 100
    assert film.stat().st_size > 100


def test_unknown_environment_and_perceiver_are_told_before_anything_runs() -> None:
    suite = GymSuite(GymSuiteConfig(tasks=(GymTask(name="count", env="Countin-v0"),)))
    with pytest.raises(GymError, match="Countin"):
        suite.check(RANDOM, "none", {})
    with pytest.raises(GymError, match="perceiver"):
        _suite().check(RANDOM, "oracle", {})
    _suite().check("listener", "fused", {})


def test_two_tasks_cannot_have_one_name() -> None:
    task = GymTask(name="count", env="Counting-v0")
    with pytest.raises(ValueError, match="one name"):
        GymSuiteConfig(tasks=(task, task))
