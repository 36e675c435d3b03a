"""What a task family is: how scenes are drawn, how it is said, what must be true at the end.

In:  a generator and a Variation (what a suite lets differ).
Out: Draft: a scene, goal facts on its objects, and the words that fill the family's sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ...planning.types import Fact
from ..catalogue import CLUTTER_COLORS
from ..scenes import Scene
from ..shading import LightName

DEFAULT_MAX_STEPS = 12
Expected = Literal["obey", "refuse"]
"""What is right to do about the sentence; the robot is not told."""
FEWEST, MOST = 5, 9


@dataclass(frozen=True, slots=True)
class Phrases:
    """Sentences with {slots}. Policies may be trained on `training`; `held_out` was written apart and never is."""

    training: tuple[str, ...]
    held_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variation:
    """What a suite lets differ from the scenes that policies are trained on."""

    is_held_out: bool = False
    """Sentences from `Phrases.held_out`."""
    is_pair_held_out: bool = False
    """What the sentence names has looks, or meets what, training never shows together."""
    colors: tuple[str, ...] = CLUTTER_COLORS
    kinds: Mapping[str, str] = field(default_factory=dict[str, str])
    """For a kind that a family asks for the one that stands there instead."""
    light: LightName = "usual"
    min_objects: int = FEWEST
    max_objects: int = MOST

    @property
    def is_crowded(self) -> bool:
        """Whether more stands around than in training, whatever number a family would choose itself."""
        return self.min_objects > FEWEST


TRAINING = Variation()


@dataclass(frozen=True, slots=True)
class Turn:
    """A further sentence, said in the same world when the former one is done. Without `phrases`: the family's own."""

    goal: tuple[Fact, ...]
    words: Mapping[str, str]
    phrases: Phrases | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A scene and a goal, not yet checked for fairness; `words` fills the slots of the family's sentences.

    `others` are further training sentences of the same meaning; empty: the family's own say them all.
    """

    scene: Scene
    goal: tuple[Fact, ...]
    words: Mapping[str, str]
    later: tuple[Turn, ...] = ()
    expected: Expected = "obey"
    hazard: str = ""
    """Why obeying is wrong, where it is."""
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """One family. `draw` returns None when the draw cannot be worded; `max_steps` motions are allowed each sentence."""

    name: str
    summary: str
    phrases: Phrases
    draw: Callable[[np.random.Generator, Variation], Draft | None]
    max_steps: int = DEFAULT_MAX_STEPS
    stream: str = ""
    """Families of one stream begin their draws alike, so that a hazard and its look-alike share their scenes."""


def say_otherwise(phrases: Phrases, words: Mapping[str, str], command: str) -> tuple[str, ...]:
    """The other training sentences that mean the same as `command`; never a held-out one."""
    sentences = dict.fromkeys(template.format_map(words) for template in phrases.training)
    return tuple(sentence for sentence in sentences if sentence != command)


def say(phrases: Phrases, words: Mapping[str, str], variation: Variation, rng: np.random.Generator) -> str:
    """One of the sentences, its slots filled."""
    templates = phrases.held_out if variation.is_held_out else phrases.training
    return templates[int(rng.integers(len(templates)))].format_map(words)
