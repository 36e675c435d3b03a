from typing import Any

import pytest
from verbot.agent.evaluation.failures import FAILURES, failure_of


def values(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"ended_by": "done", "steps": [], "criteria": [], "problem": None, "detail": ""}
    return {**base, "gripped": ["red_block"], "goal_objects": ["red_block"], **changes}


def step(action: str, outcome: str, no_motion: str | None = None) -> dict[str, Any]:
    return {"action": action, "outcome": outcome, "no_motion": no_motion, "detail": ""}


def unmet(name: str, margin_m: float | None) -> dict[str, Any]:
    return {"name": name, "met": False, "margin_m": margin_m}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"ended_by": "problem", "problem": {"kind": "not_present"}}, "not_seen"),
        ({"ended_by": "problem", "problem": {"kind": "unknown_word"}}, "not_understood"),
        ({"ended_by": "problem", "problem": {"kind": "ambiguous"}}, "not_understood"),
        ({"ended_by": "problem", "problem": {"kind": "unreachable"}}, "path"),
        ({"ended_by": "no_plan", "detail": "the mug cannot be seen any more; put it …"}, "not_seen"),
        ({"ended_by": "no_plan", "steps": [step("pick(a)", "infeasible", "not_seen")]}, "not_seen"),
        ({"ended_by": "no_plan", "steps": [step("pick(a)", "infeasible", "no_ik")]}, "path"),
        ({"ended_by": "gave_up", "steps": [step("pick(a)", "missed"), step("look()", "done")]}, "grasp_lost"),
        ({"ended_by": "gave_up", "steps": [step("place(a, in, b)", "stopped")]}, "grasp_lost"),
        ({"ended_by": "gave_up", "steps": [step("place(a, in, b)", "missed")]}, "misplaced"),
        ({"ended_by": "refused"}, "rule_refusal"),
        ({"ended_by": "deadline"}, "timeout"),
        ({"ended_by": "policy_error"}, "policy_error"),
        ({"ended_by": "robot_error"}, "error"),
        ({"criteria": [unmet("in(red block, bowl)", -0.02)]}, "misplaced"),
        ({"criteria": [unmet("in(red block, bowl)", -0.30)]}, "wrong_object"),
        ({"gripped": ["blue_block"], "criteria": [unmet("in(red block, bowl)", -0.02)]}, "wrong_object"),
        ({"criteria": [unmet("holding(red block)", None)]}, "grasp_lost"),
        ({"ended_by": "hung"}, "hung"),
        ({"ended_by": "crashed"}, "crashed"),
    ],
)
def test_failure_is_named_by_what_the_episode_left_behind(changes: dict[str, Any], word: str) -> None:
    assert word in FAILURES
    assert failure_of(values(**changes), success=False) == word


def test_success_has_no_failure_however_it_ended() -> None:
    assert failure_of(values(ended_by="gave_up"), success=True) is None


def test_a_record_without_the_inner_values_still_gets_a_word() -> None:
    assert failure_of({"ended_by": "done", "criteria": []}, success=False) in FAILURES
    assert failure_of({"ended_by": None}, success=False) in FAILURES
