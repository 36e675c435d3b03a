"""Put X on Y: something small onto a plate or a tray."""

from __future__ import annotations

import numpy as np

from ...planning.types import Predicate
from .drawing import MOVABLE, draw_pair, pick
from .family import Draft, Family, Phrases, Variation

PHRASES = Phrases(
    training=("put {moved} on {target}", "place {moved} on {target}", "move {moved} onto {target}"),
    held_out=(
        "set {moved} down on {target}",
        "please lay {moved} on {target}",
        "could you bring {moved} onto {target}",
    ),
)


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    return draw_pair(rng, variation, Predicate.ON, pick(rng, MOVABLE), pick(rng, ("plate", "plate", "tray")))


FAMILY = Family("put_on", "one thing onto a plate or tray", PHRASES, _draw)
