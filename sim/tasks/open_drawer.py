"""Open the drawer, which is shut or almost shut."""

from __future__ import annotations

import numpy as np

from ...planning.types import Fact, Predicate
from .family import Draft, Family, Phrases, Variation
from .furnished import draw_cabinet, draw_furnished, drawer_of

PHRASES = Phrases(
    training=("open the drawer", "pull the drawer open", "pull open the drawer", "open the cabinet"),
    held_out=("slide open the drawer", "please pull out the drawer", "could you open up the cupboard"),
)


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    opening = 0.0 if rng.random() < 0.7 else float(rng.uniform(0.0, 0.4))
    scene = draw_furnished(rng, variation, draw_cabinet(rng, opening))
    return Draft(scene, (Fact(Predicate.OPEN, (drawer_of(scene),)),), {})


FAMILY = Family("open_drawer", "the drawer of a cabinet opened", PHRASES, _draw)
