from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict
from verbot.agent import build
from verbot.agent.evaluation import run_job as module
from verbot.agent.evaluation.failures import FAILURES
from verbot.agent.evaluation.jobs import Group, Job, job_from_dict
from verbot.agent.evaluation.record import file_stem
from verbot.agent.evaluation.run_job import EpisodeRequest, EpisodeSuite, run_job
from verbot.policies.policy import PolicyInput, PolicySpec

KEYS = """
    schema key suite task seed policy perceiver mode control command success success_truth success_perceived
    success_human score expected refused_by unsafe ended_by failure detail commands criteria violations replans time_s
    path_length_m confidence clutter light faults fault_events steps error video picture episode timings_s run
""".split()  # noqa: SIM905


class NoConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Raising:
    """A policy that raises where it is told to."""

    def __init__(self, where: str, error: BaseException) -> None:
        self._where, self._error = where, error
        self._raise("build")

    def reset(self, seed: int) -> None:
        self._raise("reset")

    def act(self, given: PolicyInput) -> Any:
        self._raise("act")
        return "not a motion"

    def _raise(self, where: str) -> None:
        if where == self._where:
            raise self._error


def job(policy: str = "raising") -> Job:
    group = Group(policy, "oracle", "planner")
    return Job("table_road", "table_road", "pick_up", 3, group, ("pick_up",), judge="truth", has_films=True)


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, BaseException], None]:
    """Offer the policy `raising` as if a distribution did."""
    load = build.load_spec

    def offer(where: str, error: BaseException) -> None:
        spec = PolicySpec("raising", (), None, NoConfig, lambda config, model: Raising(where, error))
        monkeypatch.setattr(build, "load_spec", lambda kind, name: spec if name == "raising" else load(kind, name))

    return offer


@pytest.mark.parametrize(
    ("where", "error", "ended_by"),
    [
        ("act", ValueError("no idea at <object at 0x7f12ab34cd>"), "policy_error"),
        ("reset", KeyError("gone"), "policy_error"),
        ("nowhere", ValueError(), "policy_error"),
        ("build", RuntimeError("weights are missing"), "error"),
        ("build", SystemExit(3), "error"),
    ],
)
def test_a_policy_that_raises_is_recorded_with_its_traceback(
    install: Callable[[str, BaseException], None], where: str, error: BaseException, ended_by: str
) -> None:
    install(where, error)
    with run_job(job()) as answer:
        record = answer.record
    assert list(record) == KEYS
    assert record["ended_by"] == record["failure"] == ended_by
    assert record["success"] is False
    assert "Traceback" in record["error"]
    assert "0x7f" not in record["error"] + record["detail"]


def test_a_full_disk_is_no_failure_of_the_policy(install: Callable[[str, BaseException], None]) -> None:
    install("build", OSError(28, "No space left on device"))
    with pytest.raises(OSError, match="No space left"), run_job(job()):
        pass


def test_a_suite_may_run_its_episodes_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    class Foreign:
        families = ("walk",)
        controls = ("random",)

        def check(self, policy: str, perceiver: str, settings: Mapping[str, Mapping[str, Any]]) -> None:
            pass

        def run_episode(self, request: EpisodeRequest) -> Mapping[str, Any]:
            assert request.seed == 3
            return {"command": "walk", "success_truth": False, "score": 0.25, "ended_by": "deadline", "can_film": True}

    assert isinstance(Foreign(), EpisodeSuite)
    monkeypatch.setattr(module, "build_suite", lambda *_: Foreign())
    with run_job(job("mine")) as answer:
        record = answer.record
    assert list(record) == KEYS
    assert (record["score"], record["failure"], record["command"]) == (0.25, "timeout", "walk")
    assert record["video"] == "videos/table_road-pick_up-3-mine-oracle-planner.mp4"


def test_a_job_travels_as_json_and_its_key_names_it() -> None:
    assert job_from_dict(job().to_dict()) == job()
    assert job().key == "table_road/pick_up/3/raising/oracle/planner"


def test_keys_with_any_character_become_different_file_names() -> None:
    keys = ("a/b/1/remote:ws://x/fused/planner", "a/b/1/remote:ws:/x/fused/planner", "a/b/../../etc", "a/b-1", "a-b/1")
    stems = {file_stem(key) for key in keys}
    assert len(stems) == len(keys)
    assert not any("/" in stem or ":" in stem for stem in stems)


def test_words_for_failures_are_a_closed_list() -> None:
    assert len(set(FAILURES)) == len(FAILURES) == 14
