"""Put X into the drawer and close it; if it is shut, it has to be opened first."""

from __future__ import annotations

import numpy as np

from ...planning.types import Fact, Predicate
from .drawing import SMALL, draft, pick
from .family import Draft, Family, Phrases, Variation
from .furnished import draw_cabinet, draw_furnished, drawer_of

PHRASES = Phrases(
    training=(
        "put {moved} in the drawer and close it",
        "put {moved} into the drawer and shut it",
        "place {moved} in the drawer, then close the drawer",
        "open the drawer, put {moved} in it and close it",
    ),
    held_out=(
        "drop {moved} into the drawer and shut the drawer",
        "please store {moved} inside the drawer, and afterwards close it",
        "could you deposit {moved} in the cabinet and close it",
    ),
)


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    opening = 0.0 if rng.random() < 0.6 else float(rng.uniform(0.3, 1.0))
    scene = draw_furnished(rng, variation, draw_cabinet(rng, opening), (pick(rng, SMALL),))
    moved, drawer = scene.objects[0].name, drawer_of(scene)
    goal = (Fact(Predicate.IN, (moved, drawer)), Fact(Predicate.CLOSED, (drawer,)))
    return draft(scene, goal, {"moved": moved}, rng)


FAMILY = Family("put_in_drawer", "one thing into the drawer, which is shut afterwards", PHRASES, _draw)
