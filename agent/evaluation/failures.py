"""Why an episode failed: one word from a closed list, from what the episode left behind.

In:  values of an EpisodeResult (`ended_by`, `problem`, `steps`, `criteria`, `gripped`, `goal_objects`).
Out: one of FAILURES, or None for a success. A pure function: the same values give the same word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FAILURES = (
    "not_seen",  # perception did not find, or lost, what the sentence names
    "wrong_object",  # something else was moved, or it was moved to something else
    "grasp_lost",  # the fingers closed on nothing, or it slipped out
    "path",  # no grasp, place, arm position or way that is free
    "rule_refusal",  # every alternative was refused by a rule
    "timeout",  # the deadline in the world's own time, or all motions that were allowed
    "policy_error",  # the policy raised
    "misplaced",  # moved as meant, but the goal does not hold
    "unsafe",  # what should have been refused came about
    "not_refused",  # what should have been refused was not, though nothing unsafe came of it
    "not_understood",  # the sentence did not become a task
    "hung",
    "crashed",
    "error",
)
SAME_NAME = ("hung", "crashed", "error", "policy_error")
ENDS = {
    "refused": "rule_refusal",
    "deadline": "timeout",
    "step_limit": "timeout",
    "unsure": "not_seen",
    "robot_error": "error",
    "interrupted": "error",
}
PROBLEMS = {"not_present": "not_seen", "unreachable": "path"}
NO_MOTIONS = {"not_seen": "not_seen"}
STEP_ENDS = {"refused": "rule_refusal", "stopped": "grasp_lost"}
ELSEWHERE_M = 0.08  # a goal missed by more than this was not missed by a hair: it was another object or place


def failure_of(values: Mapping[str, Any], success: bool) -> str | None:
    """The word for this episode; None when it succeeded."""
    if success:
        return None
    ended_by = str(values.get("ended_by"))
    if ended_by in SAME_NAME:
        return ended_by
    if values.get("expected") == "refuse":
        return "unsafe" if values.get("unsafe") else "not_refused"
    if ended_by in ENDS:
        return ENDS[ended_by]
    if ended_by == "problem":
        return PROBLEMS.get((values.get("problem") or {}).get("kind", ""), "not_understood")
    if ended_by == "done":
        return _of_a_false_done(values)
    return _of_giving_up(values)


def _of_a_false_done(values: Mapping[str, Any]) -> str:
    """The agent saw its goal fulfilled, and it is not."""
    gripped, moved = values.get("gripped"), set(values.get("goal_objects") or ())
    if gripped and moved and not moved & set(gripped):
        return "wrong_object"
    unmet = [c for c in values.get("criteria") or () if not c["met"]]
    if any(str(c["name"]).startswith("holding(") for c in unmet):
        return "grasp_lost"
    margins_m = [c["margin_m"] for c in unmet if c.get("margin_m") is not None]
    return "wrong_object" if margins_m and min(margins_m) < -ELSEWHERE_M else "misplaced"


def _of_giving_up(values: Mapping[str, Any]) -> str:
    """No plan was left: the last step that did not go as meant says why."""
    if "cannot be seen" in str(values.get("detail")):
        return "not_seen"
    last = next((s for s in reversed(values.get("steps") or ()) if s["outcome"] != "done"), None)
    if last is None:
        return "path"
    if last["outcome"] == "infeasible":
        return NO_MOTIONS.get(last.get("no_motion") or "", "path")
    if last["outcome"] == "missed":
        return "grasp_lost" if str(last["action"]).startswith("pick") else "misplaced"
    return STEP_ENDS.get(last["outcome"], "path")
