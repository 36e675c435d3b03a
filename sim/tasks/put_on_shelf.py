"""Put X on the shelf, 18 cm above the table."""

from __future__ import annotations

import numpy as np

from ...planning.types import Fact, Predicate
from .drawing import SMALL, draft, pick
from .family import Draft, Family, Phrases, Variation
from .furnished import SHELF, draw_furnished, draw_shelf

PHRASES = Phrases(
    training=("put {moved} on the shelf", "place {moved} on the shelf", "move {moved} onto the shelf"),
    held_out=(
        "set {moved} down on the shelf",
        "please store {moved} on the rack",
        "could you lay {moved} on the shelf",
    ),
)


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    scene = draw_furnished(rng, variation, draw_shelf(rng), (pick(rng, SMALL),))
    moved = scene.objects[0].name
    return draft(scene, (Fact(Predicate.ON, (moved, SHELF)),), {"moved": moved}, rng)


FAMILY = Family("put_on_shelf", "one thing onto a shelf above the table", PHRASES, _draw)
