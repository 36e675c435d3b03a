"""Clear the table of everything but one or two things, into the only tray or box."""

from __future__ import annotations

import numpy as np

from ...planning.types import Fact, Predicate
from ..scenes import ObjectEntry, SceneFile
from .drawing import BLOCKS, draft, draw_scene, pick
from .family import Draft, Family, Phrases, Variation

PHRASES = Phrases(
    training=(
        "clear the table except {kept}",
        "clear the table except for {kept}",
        "put everything except {kept} into {target}",
        "put everything in {target} except {kept}",
        "put all objects but {kept} in {target}",
    ),
    held_out=(
        "tidy up the table apart from {kept}",
        "please move everything other than {kept} into {target}",
        "clean the table into {target}, but not {kept}",
    ),
)
MAX_STEPS = 20


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    container = pick(rng, ("tray", "tray", "box"))
    kept = pick(rng, ("mug", "cylinder", *BLOCKS))
    colors = [str(color) for color in rng.permutation(variation.colors)]
    kinds = [pick(rng, (*BLOCKS, "cylinder")) for _ in range(int(rng.integers(2, 5)))]
    entries = (
        ObjectEntry(kind=kept, color=colors.pop()),
        ObjectEntry(kind=container, color=pick(rng, variation.colors)),
        *(ObjectEntry(kind=kind, color=colors[k]) for k, kind in enumerate(kinds)),
    )
    scene = draw_scene(SceneFile(name="task", objects=entries), variation, rng)
    names = [placed.name for placed in scene.objects]
    goal = tuple(Fact(Predicate.IN, (name, names[1])) for name in names[2:])
    return draft(scene, goal, {"kept": names[0], "target": names[1]}, rng, by_relation=False)


FAMILY = Family("clear_except", "everything but one thing into the tray or box", PHRASES, _draw, MAX_STEPS)
