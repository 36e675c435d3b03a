"""Pick up X."""

from __future__ import annotations

import numpy as np

from ...planning.types import Fact, Predicate
from .drawing import MOVABLE, draft, draw_task_scene, pick
from .family import Draft, Family, Phrases, Variation

PHRASES = Phrases(
    training=("pick up {moved}", "lift {moved}", "grab {moved}"),
    held_out=("take hold of {moved}", "please fetch {moved}", "raise {moved}"),
)


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    scene = draw_task_scene(rng, variation, (pick(rng, MOVABLE),))
    moved = scene.objects[0].name
    return draft(scene, (Fact(Predicate.HOLDING, (moved,)),), {"moved": moved}, rng)


FAMILY = Family("pick_up", "one thing in the hand", PHRASES, _draw)
