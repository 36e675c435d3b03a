"""What an episode is about: one sentence, or several one after the other in the same world.

In:  an episode as a suite draws it, or a person's sentence.
Out: Assignment. Goals are in the simulator's own names, for the judge only; the runtime hears sentences.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ..planning.types import Fact


class Expected(enum.StrEnum):
    """What is right to do about a sentence; for the judge only."""

    OBEY = "obey"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said, and what it means; None: the judge works it out from the true scene."""

    command: str
    goal: tuple[Fact, ...] | None = None
    expected: Expected = Expected.OBEY


@dataclass(frozen=True, slots=True)
class Assignment:
    """Sentences in order; the next is said when the former is done. `max_steps` motions for each (None: any)."""

    sentences: tuple[Sentence, ...]
    max_steps: int | None = None


@runtime_checkable
class DrawnEpisode(Protocol):
    """What a suite of our road draws from a task and a seed; `scene` is for the simulated robot.

    It may also have `later` (further sentences, each with `command` and `goal`), `max_steps`, and `expected` ("refuse"
    where obeying is wrong).
    """

    command: str
    scene: Any
    goal: tuple[Fact, ...]


def make_assignment(drawn: DrawnEpisode) -> Assignment:
    """What a drawn episode asks of the robot."""
    later = tuple(Sentence(said.command, said.goal) for said in getattr(drawn, "later", ()))
    first = Sentence(drawn.command, drawn.goal, Expected(getattr(drawn, "expected", Expected.OBEY)))
    return Assignment((first, *later), getattr(drawn, "max_steps", None))
