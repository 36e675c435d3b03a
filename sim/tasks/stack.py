"""Stack X on Y: one block on another that is at least as large."""

from __future__ import annotations

import numpy as np

from ...planning.types import Predicate
from .drawing import BLOCKS, draw_pair, pick
from .family import Draft, Family, Phrases, Variation

PHRASES = Phrases(
    training=("stack {moved} on {target}", "put {moved} on top of {target}", "put {moved} on {target}"),
    held_out=("balance {moved} on {target}", "please pile {moved} on top of {target}", "set {moved} atop {target}"),
)


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    below = pick(rng, BLOCKS)
    above = "block_small" if below == "block_small" else pick(rng, BLOCKS)
    return draw_pair(rng, variation, Predicate.ON, above, below)


FAMILY = Family("stack", "one block on another", PHRASES, _draw)
