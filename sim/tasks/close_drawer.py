"""Close the drawer, which stands open, wide or by half."""

from __future__ import annotations

import numpy as np

from ...planning.types import Fact, Predicate
from .family import Draft, Family, Phrases, Variation
from .furnished import draw_cabinet, draw_furnished, drawer_of

PHRASES = Phrases(
    training=("close the drawer", "shut the drawer", "push the drawer shut", "close the cabinet"),
    held_out=("slide the drawer closed", "please push in the drawer", "could you shut the cupboard"),
)


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    scene = draw_furnished(rng, variation, draw_cabinet(rng, float(rng.uniform(0.4, 1.0))))
    return Draft(scene, (Fact(Predicate.CLOSED, (drawer_of(scene),)),), {})


FAMILY = Family("close_drawer", "the drawer of a cabinet shut", PHRASES, _draw)
