"""Swap two things: each ends where the other was."""

from __future__ import annotations

import numpy as np

from ...planning.arrangements import swap_facts
from .drawing import MOVABLE, draft, draw_task_scene, pick
from .family import Draft, Family, Phrases, Variation
from .start import make_start_state

PHRASES = Phrases(
    training=(
        "swap {first} and {second}",
        "swap {first} with {second}",
        "exchange {first} and {second}",
        "switch {first} and {second}",
    ),
    held_out=(
        "interchange {first} with {second}",
        "please trade the places of {first} and {second}",
        "swap the positions of {first} and {second}",
    ),
)


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    scene = draw_task_scene(rng, variation, (pick(rng, MOVABLE), pick(rng, MOVABLE)), num_clutter=2)
    first, second = (placed.name for placed in scene.objects[:2])
    goal = swap_facts(first, second, make_start_state(scene))
    return draft(scene, goal, {"first": first, "second": second}, rng, by_relation=False)


FAMILY = Family("swap", "each of two things where the other was", PHRASES, _draw)
