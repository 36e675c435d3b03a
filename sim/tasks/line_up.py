"""Line up three blocks or cylinders in the order in which they are named."""

from __future__ import annotations

import numpy as np

from ...perception.types import Shape
from ...planning.arrangements import row_facts
from ..catalogue import make_object
from ..referring import WORDS
from ..scenes import ClutterEntry, ObjectEntry, SceneFile
from .drawing import avoiding, draw_scene, pick
from .family import Draft, Family, Phrases, Variation
from .start import make_start_state

PHRASES = Phrases(
    training=(
        "line up the {a}, {b} and {c} {noun}s from left to right",
        "line up the {c}, {b} and {a} {noun}s from right to left",
        "put the {a}, {b} and {c} {noun}s in a row from left to right",
        "line up the {a} {noun}, the {b} {noun} and the {c} {noun} from left to right",
    ),
    held_out=(
        "arrange the {a}, the {b} and the {c} {noun} in a line from left to right",
        "please align the {a}, {b} and {c} {noun}s left to right",
    ),
)
NUM_IN_ROW = 3


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    kind = pick(rng, ("block_small", "block_large", "cylinder"))
    shape = make_object(kind).shape
    colors = [str(color) for color in rng.permutation(variation.colors)[:NUM_IN_ROW]]
    entries = tuple(ObjectEntry(kind=kind, color=color) for color in colors)
    others = ClutterEntry(
        min_total=4,
        max_total=NUM_IN_ROW + 3,
        kinds=("bowl", "mug", "plate", "cylinder" if shape is Shape.BLOCK else "block_small"),
        colors=variation.colors,
        avoid=avoiding((kind,), variation.colors),
    )
    scene = draw_scene(SceneFile(name="task", objects=entries, clutter=others), variation, rng)
    names = [placed.name for placed in scene.objects[:NUM_IN_ROW]]
    goal = row_facts(names, make_start_state(scene))
    return Draft(scene, goal, {**dict(zip("abc", colors, strict=True)), "noun": WORDS[shape][0]})


FAMILY = Family("line_up", "three things in a straight row, in a named order", PHRASES, _draw)
