"""Sort by colour: each block into the container of its own colour."""

from __future__ import annotations

import numpy as np

from ...planning.types import Fact, Predicate
from ..scenes import ClutterEntry, ObjectEntry, SceneFile
from .drawing import avoiding, draw_scene, pick
from .family import Draft, Family, Phrases, Variation

PHRASES = Phrases(
    training=(
        "put every block in the {container} of its color",
        "put each {noun} in the {container} of the same color",
        "put all blocks into the {container}s of their color",
        "put all the {noun}s in the {container}s of their own color",
        "sort the {noun}s by color into the {container}s",
        "place every block into the {container} of its color",
        "put each {noun} into the matching {container}",
    ),
    held_out=(
        "sort the blocks by colour",
        "drop every cube into the {container} of its own colour",
        "please place each block inside the {container} that matches its colour",
    ),
)
COLORS = 2
MAX_STEPS = 20


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    container = pick(rng, ("bowl", "bin", "bin"))
    colors = [str(color) for color in rng.permutation(variation.colors)[:COLORS]]
    blocks = [ObjectEntry(kind="block_small", color=color) for color in colors]
    if container == "bin":
        blocks += [ObjectEntry(kind="block_large", color=color) for color in colors[: int(rng.integers(COLORS + 1))]]
    entries = (*blocks, *(ObjectEntry(kind=container, color=color) for color in colors))
    others = ClutterEntry(
        min_total=len(entries),
        max_total=len(entries) + 1,
        kinds=("cylinder",),
        colors=variation.colors,
        # A mug, of which a crowd may have some, is a container too.
        avoid=(*avoiding(("block_small", container), variation.colors), *avoiding(("mug",), colors)),
    )
    scene = draw_scene(SceneFile(name="task", objects=entries, clutter=others), variation, rng)
    names = {
        entry.color: placed.name
        for entry, placed in zip(entries, scene.objects, strict=False)
        if entry.kind == container
    }
    goal = tuple(
        Fact(Predicate.IN, (placed.name, names[entry.color]))
        for entry, placed in zip(blocks, scene.objects, strict=False)
    )
    return Draft(scene, goal, {"container": container, "noun": pick(rng, ("block", "cube"))})


FAMILY = Family("sort_color", "each block into the container of its own colour", PHRASES, _draw, MAX_STEPS)
