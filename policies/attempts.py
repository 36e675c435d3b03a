"""One alternative after the other until one is free from beginning to end.

In:  choices, best first; a function that works one out.
Out: the first Trajectory, or the NoMotion that says most.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float

from ..planning.types import NoMotion, NoMotionReason, Trajectory
from .motion import Blocked
from .situation import Situation
from .surroundings import is_named

MAX_TRIES = 6
MAX_OUT_OF_REACH = 3  # at one spot; then other yaws will not help either


@runtime_checkable
class HasToolPose(Protocol):
    """One way to do a step."""

    @property
    def T_world_tool(self) -> Float[np.ndarray, "4 4"]:
        """Where the tool would work."""
        ...


Choice = TypeVar("Choice", bound=HasToolPose)


def from_attempt(choices: Iterable[Choice], attempt: int) -> Iterator[Choice]:
    """The alternatives from the `attempt`-th on; those before it come last."""
    ahead = iter(choices)
    before = list(itertools.islice(ahead, attempt))
    if len(before) < attempt and before:  # that many there are not: once more around
        start = attempt % len(before)
        before = before[start:] + before[:start]
    yield from itertools.chain(ahead, before)


def first_success(choices: Iterable[Choice], make: Callable[[Choice], Trajectory | NoMotion]) -> Trajectory | NoMotion:
    """The first of a few alternatives that works out, else the first failure, with everything found in the way."""
    failures: list[NoMotion] = []
    out_of_reach: dict[tuple[float, float], int] = {}
    tried: set[tuple[float, ...]] = set()
    for choice in choices:
        x, y = (float(v) for v in choice.T_world_tool[:2, 3])
        where = (round(x, 2), round(y, 2))
        # What was in the arm's way is so a few millimetres higher as well.
        direction = (*where, *(float(v) for v in choice.T_world_tool[:3, :3].round(1).flat))
        if direction in tried or out_of_reach.get(where, 0) >= MAX_OUT_OF_REACH:
            continue
        result = make(choice)
        if isinstance(result, Trajectory):
            return result
        tried.add(direction)
        failures.append(result)
        if len(failures) == MAX_TRIES:
            break
        if result.reason is NoMotionReason.NO_IK:
            out_of_reach[where] = out_of_reach.get(where, 0) + 1
    names = dict.fromkeys(name for failure in failures for name in failure.blocked_by)
    return replace(failures[0], blocked_by=tuple(names))


def no_motion(blocked: Blocked, now: Situation, goal: str) -> NoMotion:
    """Why there is no way, with the object that is in it where one is."""
    owner = blocked.conflict.owner if blocked.conflict is not None else None
    names = (owner,) if owner is not None and is_named(owner, now.scene) else ()
    return NoMotion(blocked.reason, f"{blocked.detail} on the way to {goal}", names)
