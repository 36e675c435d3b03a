"""Spatial relation: put X left of, right of, in front of, behind or next to Y."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...planning.types import Predicate
from .drawing import MOVABLE, SMALL, draw_pair, pick
from .family import Draft, Family, Phrases, Variation

PHRASES = Phrases(
    training=(
        "put {moved} {relation} {target}",
        "place {moved} {relation} {target}",
        "move {moved} {relation} {target}",
    ),
    held_out=("set {moved} down {relation} {target}", "please shift {moved} {relation} {target}"),
)
RELATIONS: dict[Predicate, Phrases] = {
    Predicate.LEFT_OF: Phrases(("left of", "to the left of"), ("on the left of",)),
    Predicate.RIGHT_OF: Phrases(("right of", "to the right of"), ("on the right of",)),
    Predicate.IN_FRONT_OF: Phrases(("in front of",), ("in front of",)),
    Predicate.BEHIND: Phrases(("behind",), ("in back of",)),
    Predicate.NEXT_TO: Phrases(("next to", "beside"), ("alongside",)),
}


def pick_relation(rng: np.random.Generator) -> Predicate:
    """One of the five relations."""
    return tuple(RELATIONS)[int(rng.integers(len(RELATIONS)))]


def say_relation(predicate: Predicate, variation: Variation, rng: np.random.Generator) -> str:
    """Words for it."""
    phrases = RELATIONS[predicate]
    return pick(rng, phrases.held_out if variation.is_held_out else phrases.training)


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    predicate = pick_relation(rng)
    drawn = draw_pair(rng, variation, predicate, pick(rng, MOVABLE), pick(rng, (*SMALL, "bowl", "mug", "plate")))
    if drawn is None:
        return None
    return replace(drawn, words={**drawn.words, "relation": say_relation(predicate, variation, rng)})


FAMILY = Family("spatial", "one thing beside, before or behind another", PHRASES, _draw)
