"""All of one shape, two or three, into one container; nothing else of that shape stands around."""

from __future__ import annotations

import numpy as np

from ...planning.types import Fact, Predicate
from ..catalogue import make_object
from ..referring import WORDS
from ..scenes import ClutterEntry, ObjectEntry, SceneFile
from .drawing import draft, draw_scene, pick
from .family import Draft, Family, Phrases, Variation

PHRASES = Phrases(
    training=("put all {noun}s in {target}", "put all the {noun}s in {target}", "put every {noun} in {target}"),
    held_out=("place each {noun} inside {target}", "please move all of the {noun}s into {target}"),
)


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    kind, target = (("block_small", "bowl"), ("block_small", "tray"), ("cylinder", "tray"))[int(rng.integers(3))]
    count = 2 if target == "bowl" else int(rng.integers(2, 4))
    colors = [str(color) for color in rng.permutation(variation.colors)[:count]]
    shape = make_object(kind).shape
    avoid = tuple(f"{color} {shape.value}" for color in variation.colors)
    entries = [ObjectEntry(kind=kind, color=color) for color in colors]
    entries.append(ObjectEntry(kind=target, color=pick(rng, variation.colors)))
    clutter = ClutterEntry(min_total=count + 2, max_total=count + 4, colors=variation.colors, avoid=avoid)
    scene = draw_scene(SceneFile(name="task", objects=tuple(entries), clutter=clutter), variation, rng)
    names = [placed.name for placed in scene.objects]
    goal = tuple(Fact(Predicate.IN, (name, names[count])) for name in names[:count])
    return draft(scene, goal, {"target": names[count]}, rng, noun=WORDS[shape][0])


FAMILY = Family("all", "all of one shape into one container", PHRASES, _draw)
