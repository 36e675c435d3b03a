"""A pyramid of three blocks: two side by side, and the named one bridging both."""

from __future__ import annotations

import numpy as np

from ...planning.arrangements import pyramid_stages
from ..scenes import ClutterEntry, ObjectEntry, SceneFile
from .drawing import avoiding, draw_scene, pick
from .family import Draft, Family, Phrases, Variation
from .start import make_start_state

PHRASES = Phrases(
    training=(
        "build a pyramid of the {a}, {b} and {top} blocks with the {top} one on top",
        "build a pyramid of the {top}, {a} and {b} blocks with the {top} one on top",
        "make a pyramid of the {a}, {b} and {top} blocks with the {top} block on top",
        "build a pyramid out of the {a}, {top} and {b} blocks with the {top} one at the top",
    ),
    held_out=(
        "construct a pyramid from the {a} block, the {b} block and the {top} block, with the {top} one on top",
        "please make a pyramid with the {a} and the {b} block as the base and the {top} block on top",
    ),
)


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    base = pick(rng, ("block_small", "block_large"))
    top = "block_small" if base == "block_small" else pick(rng, ("block_small", "block_large"))
    colors = [str(color) for color in rng.permutation(variation.colors)[:3]]
    entries = tuple(ObjectEntry(kind=k, color=c) for k, c in zip((base, base, top), colors, strict=True))
    others = ClutterEntry(
        min_total=4,
        max_total=6,
        kinds=("bowl", "mug", "plate", "cylinder"),
        colors=variation.colors,
        avoid=avoiding(("block_small",), variation.colors),
    )
    scene = draw_scene(SceneFile(name="task", objects=entries, clutter=others), variation, rng)
    a, b, above = (placed.name for placed in scene.objects[:3])
    stages = pyramid_stages(above, (a, b), make_start_state(scene))
    goal = tuple(fact for stage in stages for fact in stage)
    return Draft(scene, goal, dict(zip(("a", "b", "top"), colors, strict=True)))


FAMILY = Family("pyramid", "two blocks side by side and a named one upon both", PHRASES, _draw)
