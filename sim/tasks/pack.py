"""Pack everything, or all blocks, into a carton."""

from __future__ import annotations

import numpy as np

from ...planning.types import Fact, Predicate
from ..scenes import ObjectEntry, SceneFile
from .drawing import BLOCKS, draft, draw_scene, pick
from .family import Draft, Family, Phrases, Variation

PHRASES = Phrases(
    training=(
        "pack {what} into {box}",
        "pack {what} in {box}",
        "put {what} into {box}",
        "put {what} in {box}",
    ),
    held_out=("please stow {what} inside {box}", "load {what} into {box}"),
)
MAX_STEPS = 20


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    colors = [str(color) for color in rng.permutation(variation.colors)]
    is_all = bool(rng.random() < 0.5)
    kinds = [pick(rng, (*BLOCKS, "cylinder") if is_all else BLOCKS) for _ in range(int(rng.integers(3, 5)))]
    packed = [ObjectEntry(kind=kind, color=colors[k]) for k, kind in enumerate(kinds)]
    left_out = [] if is_all else [ObjectEntry(kind=pick(rng, ("mug", "cylinder")), color=pick(rng, colors))]
    box = ObjectEntry(kind="box", color=pick(rng, variation.colors))
    scene = draw_scene(SceneFile(name="task", objects=(*packed, box, *left_out)), variation, rng)
    names = [placed.name for placed in scene.objects]
    inside = names[len(packed)]
    goal = tuple(Fact(Predicate.IN, (name, inside)) for name in names[: len(packed)])
    what = pick(rng, ("everything", "all objects", "all the things") if is_all else ("all the blocks", "every block"))
    return draft(scene, goal, {"box": inside}, rng, by_relation=False, what=what)


FAMILY = Family("pack", "everything, or all blocks, into a carton", PHRASES, _draw, MAX_STEPS)
