"""Sort by shape: blocks into one container, cylinders into another."""

from __future__ import annotations

import numpy as np

from ...planning.types import Fact, Predicate
from ..scenes import ObjectEntry, SceneFile
from .drawing import draft, draw_scene, pick
from .family import Draft, Family, Phrases, Variation

PHRASES = Phrases(
    training=(
        "put the blocks in {first} and the cylinders in {second}",
        "put all blocks in {first} and all cylinders in {second}",
        "sort the blocks into {first} and the cylinders into {second}",
        "put every block into {first} and every cylinder into {second}",
    ),
    held_out=(
        "drop each cube into {first} and then each can into {second}",
        "please move all of the blocks into {first}, and all of the cylinders into {second}",
    ),
)
PAIRS = (("bin", "bowl"), ("tray", "bowl"), ("bowl", "bin"), ("bowl", "tray"), ("tray", "bin"))
MAX_STEPS = 20


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    first, second = PAIRS[int(rng.integers(len(PAIRS)))]
    colors = [str(color) for color in rng.permutation(variation.colors)]
    # In a bowl two things lie flat beside each other.
    counts = [2 if container == "bowl" else int(rng.integers(2, 4)) for container in (first, second)]
    blocks = [ObjectEntry(kind="block_small", color=colors[k]) for k in range(counts[0])]
    cylinders = [ObjectEntry(kind="cylinder", color=color) for color in rng.permutation(colors)[: min(2, counts[1])]]
    entries = (
        *blocks,
        *cylinders,
        *(ObjectEntry(kind=kind, color=pick(rng, variation.colors)) for kind in (first, second)),
    )
    scene = draw_scene(SceneFile(name="task", objects=entries), variation, rng)
    names = [placed.name for placed in scene.objects]
    ins = [names[-2]] * len(blocks) + [names[-1]] * len(cylinders)
    goal = tuple(Fact(Predicate.IN, pair) for pair in zip(names, ins, strict=False))
    return draft(scene, goal, {"first": names[-2], "second": names[-1]}, rng, by_relation=False)


FAMILY = Family("sort_shape", "blocks into one container, cylinders into another", PHRASES, _draw, MAX_STEPS)
