"""Hand something to a person who stands at a side of the table: within their reach, not too near to their body."""

from __future__ import annotations

import numpy as np

from ...planning.types import PERSON, Fact, Predicate
from ..scene_file import PersonEntry
from ..scenes import ClutterEntry, ObjectEntry, SceneFile
from .drawing import MOVABLE, draft, draw_scene, pick
from .family import Draft, Family, Phrases, Variation

PHRASES = Phrases(
    training=(
        "hand {moved} to the person",
        "give {moved} to the person",
        "give me {moved}",
        "pass {moved} to me",
        "bring {moved} to the person",
    ),
    held_out=(
        "hand me {moved}",
        "please pass {moved} over to the human",
        "put {moved} within reach of the person",
        "could you deliver {moved} to me",
    ),
)
BESIDE_TABLE_M = (0.76, 0.84)  # from the middle of the table to where they stand, to its left
AT_X_M = (0.40, 0.60)
HAND_FROM_M, HAND_ABOVE_M = 0.28, (0.12, 0.20)  # of a hand that is held over the table's edge
SWAY_M = 0.02


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    x, y = float(rng.uniform(*AT_X_M)), float(rng.uniform(*BESIDE_TABLE_M))
    hand = (x, y - HAND_FROM_M, float(rng.uniform(*HAND_ABOVE_M))) if rng.random() < 0.5 else None
    person = PersonEntry(
        at_world=(x, y),
        hand_world=hand,
        sway_m=float(rng.uniform(0.0, SWAY_M)),
        sway_period_s=float(rng.uniform(3.0, 6.0)),
        shirt=pick(rng, variation.colors),
    )
    entry = ObjectEntry(kind=pick(rng, MOVABLE), color=pick(rng, variation.colors))
    clutter = ClutterEntry(min_total=4, max_total=max(4, variation.max_objects - 2), colors=variation.colors)
    scene = draw_scene(SceneFile(name="task", objects=(entry,), clutter=clutter, person=person), variation, rng)
    moved = scene.objects[0].name
    return draft(scene, (Fact(Predicate.NEAR, (moved, PERSON)),), {"moved": moved}, rng)


FAMILY = Family("hand_over", "one thing within reach of a person", PHRASES, _draw)
