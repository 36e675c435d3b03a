"""Sort by size: small blocks into one container, large ones into another."""

from __future__ import annotations

import numpy as np

from ...planning.types import Fact, Predicate
from ..scenes import ClutterEntry, ObjectEntry, SceneFile
from .drawing import avoiding, draft, draw_scene, pick
from .family import Draft, Family, Phrases, Variation

PHRASES = Phrases(
    training=(
        "put the small blocks in {first} and the large ones in {second}",
        "put the small blocks in {first} and the large blocks in {second}",
        "sort the small blocks into {first} and the large ones into {second}",
        "put every small block into {first} and every large block into {second}",
    ),
    held_out=(
        "place all little cubes inside {first} and all big cubes inside {second}",
        "please move each small block into {first}, then each large one into {second}",
    ),
)
PAIRS = (("bin", "tray"), ("bowl", "tray"), ("bowl", "bin"), ("tray", "bin"))
MAX_STEPS = 20


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    first, second = PAIRS[int(rng.integers(len(PAIRS)))]
    colors = [str(color) for color in rng.permutation(variation.colors)]
    num_small = 2 if first == "bowl" else int(rng.integers(2, 4))
    kinds = ["block_small"] * num_small + ["block_large"] * 2
    blocks = [ObjectEntry(kind=kind, color=color) for kind, color in zip(kinds, colors, strict=False)]
    entries = (*blocks, *(ObjectEntry(kind=kind, color=pick(rng, variation.colors)) for kind in (first, second)))
    others = ClutterEntry(
        min_total=len(entries),
        max_total=len(entries) + 1,
        kinds=("cylinder", "mug"),
        colors=variation.colors,
        avoid=avoiding(("block_small",), variation.colors),
    )
    scene = draw_scene(SceneFile(name="task", objects=entries, clutter=others), variation, rng)
    names = [placed.name for placed in scene.objects]
    containers = names[len(blocks) : len(blocks) + 2]
    goal = tuple(
        Fact(Predicate.IN, (name, containers[entry.kind == "block_large"]))
        for name, entry in zip(names, blocks, strict=False)
    )
    return draft(scene, goal, {"first": containers[0], "second": containers[1]}, rng, by_relation=False)


FAMILY = Family("sort_size", "small blocks into one container, large ones into another", PHRASES, _draw, MAX_STEPS)
