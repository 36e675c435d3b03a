"""Take everything out of a carton and put it on the table."""

from __future__ import annotations

import numpy as np

from ...planning.types import TABLE, Fact, Predicate
from ..scenes import ObjectEntry, SceneFile
from .drawing import draft, draw_scene, pick
from .family import Draft, Family, Phrases, Variation

PHRASES = Phrases(
    training=(
        "take everything out of {box}",
        "take everything out of {box} and put it on the table",
        "unpack {box}",
        "empty {box}",
        "remove everything from {box}",
    ),
    held_out=(
        "please get all the things out of {box}",
        "empty {box} onto the table",
        "take all items out of {box} and place them on the table",
    ),
)
MAX_STEPS = 20


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    colors = [str(color) for color in rng.permutation(variation.colors)]
    kinds = [pick(rng, ("block_small", "block_large", "cylinder")) for _ in range(int(rng.integers(2, 4)))]
    box = ObjectEntry(kind="box", color=colors.pop(), name="box")
    inside = [ObjectEntry(kind=kind, color=colors[k], on="box") for k, kind in enumerate(kinds)]
    outside = [ObjectEntry(kind=pick(rng, ("mug", "cylinder")), color=colors[len(kinds)])]
    scene = draw_scene(SceneFile(name="task", objects=(box, *inside, *outside)), variation, rng)
    names = [placed.name for placed in scene.objects]
    goal = tuple(Fact(Predicate.ON, (name, TABLE)) for name in names[1 : 1 + len(inside)])
    return draft(scene, goal, {"box": names[0]}, rng, by_relation=False)


FAMILY = Family("unpack", "everything out of a carton, onto the table", PHRASES, _draw, MAX_STEPS)
