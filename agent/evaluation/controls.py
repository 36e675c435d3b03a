"""Controls: what an evaluation always measures beside the policy under test, and what they tell about it.

In:  EvalConfig; later the records.
Out: the groups to run; flags, each one sentence, where the numbers do not mean what they seem to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..plugins import names_of
from .config import EvalConfig
from .jobs import Group
from .paired import difference_interval

RANDOM, ORACLE, BLIND = "random", "oracle", "blind"
NEAR_BLIND = 0.10  # a blind policy that is worse by less than this has not been shown to need the sentence


def make_groups(config: EvalConfig, suite_controls: Sequence[str] = (RANDOM, ORACLE)) -> tuple[Group, ...]:
    """What is under test, then its controls; a control that is itself under test is not run twice."""
    pairs = dict.fromkeys((policy, perceiver) for policy in config.policies for perceiver in config.perceivers)
    tested = [Group(policy, perceiver, config.mode) for policy, perceiver in pairs]
    if not config.controls:
        return tuple(tested)
    controls: list[Group] = []
    if RANDOM in suite_controls:
        controls.append(Group(RANDOM, config.perceivers[0], config.mode, RANDOM))
    if ORACLE in suite_controls:
        controls += [Group(policy, ORACLE, config.mode, ORACLE) for policy in config.policies if policy != RANDOM]
    if BLIND in names_of("policies") and BLIND not in config.policies:
        controls.append(Group(BLIND, config.perceivers[0], config.mode, BLIND))
    taken = {(group.policy, group.perceiver) for group in tested}
    return (*tested, *(group for group in controls if (group.policy, group.perceiver) not in taken))


def find_flags(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a reader of the numbers must know first."""
    flags: list[str] = []
    groups: dict[tuple[str, str], dict[tuple[str, int], bool]] = {}
    for record in records:
        results = groups.setdefault((record["policy"], record["perceiver"]), {})
        results[record["task"], record["seed"]] = record["success"]
    tested = {(r["policy"], r["perceiver"]) for r in records if r["control"] is None}
    for name in sorted(tested):
        flags += _flags_of(name, groups)
    unfinished = [r for r in records if r["ended_by"] in ("hung", "crashed", "error")]
    if unfinished:
        kinds = {kind: sum(r["ended_by"] == kind for r in unfinished) for kind in ("hung", "crashed", "error")}
        words = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
        flags.append(f"{len(unfinished)} of {len(records)} episodes gave no result ({words}); they count as failures.")
    return flags


def _flags_of(name: tuple[str, str], groups: Mapping[tuple[str, str], Mapping[tuple[str, int], bool]]) -> list[str]:
    policy, perceiver = name
    flags = []
    for other in sorted(groups):
        if other[0] not in (RANDOM, BLIND) or policy in (RANDOM, BLIND):
            continue
        shared = sorted(groups[name].keys() & groups[other].keys())
        if not shared:
            continue
        ours = [groups[name][key] for key in shared]
        theirs = [groups[other][key] for key in shared]
        both = sum(a and b for a, b in zip(ours, theirs, strict=True))
        only_ours, only_theirs = sum(ours) - both, sum(theirs) - both
        low, _ = difference_interval(both, only_theirs, only_ours, len(shared) - both - only_ours - only_theirs)
        rates = f"{sum(ours)} against {sum(theirs)} successes on {len(shared)} shared episodes"
        if other[0] == RANDOM and low <= 0.0:
            flags.append(f"{policy} with {perceiver} is not clearly above random ({rates}).")
        if other[0] == BLIND and low < NEAR_BLIND:
            flags.append(
                f"A policy that never hears the sentence comes near {policy} ({rates}): as run here, this suite does "
                "not test language."
            )
    return flags
