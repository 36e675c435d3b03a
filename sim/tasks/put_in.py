"""Put X in Y: a block or a cylinder into a bowl or a tray."""

from __future__ import annotations

import numpy as np

from ...planning.types import Predicate
from .drawing import SMALL, draw_pair, pick
from .family import Draft, Family, Phrases, Variation

PHRASES = Phrases(
    training=(
        "put {moved} in {target}",
        "put {moved} into {target}",
        "place {moved} in {target}",
        "place {moved} inside {target}",
        "move {moved} into {target}",
        "put {moved} inside {target}",
    ),
    held_out=(
        "drop {moved} into {target}",
        "please set {moved} down inside {target}",
        "could you deposit {moved} in {target}",
    ),
)


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    target = pick(rng, ("bowl", "bowl", "bowl", "tray"))
    return draw_pair(rng, variation, Predicate.IN, pick(rng, SMALL), target)


FAMILY = Family("put_in", "one thing into a bowl or tray", PHRASES, _draw)
