"""Move X to a side of the table."""

from __future__ import annotations

import numpy as np

from ...planning.types import Fact, Predicate
from .drawing import MOVABLE, draft, draw_task_scene, pick
from .family import Draft, Family, Phrases, Variation

SIDES = ("left", "right", "front", "back")
PHRASES = Phrases(
    training=("move {moved} to the {side} side", "put {moved} on the {side} side of the table"),
    held_out=("bring {moved} to the {side} side of the table", "please shift {moved} to the {side} side"),
)


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    scene = draw_task_scene(rng, variation, (pick(rng, MOVABLE),))
    moved, side = scene.objects[0].name, pick(rng, SIDES)
    return draft(scene, (Fact(Predicate.AT_SIDE, (moved, side)),), {"moved": moved}, rng, side=side)


FAMILY = Family("move_side", "one thing to a side of the table", PHRASES, _draw)
