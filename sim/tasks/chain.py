"""Two things to do, with four different objects, in one sentence."""

from __future__ import annotations

import numpy as np

from ...planning.types import Fact, Predicate
from . import put_in, spatial, stack
from .drawing import BLOCKS, SMALL, draft, draw_task_scene, pick
from .family import Draft, Family, Phrases, Variation, say

PHRASES = Phrases(
    training=("{first} and {second}", "{first} then {second}", "{first}, then {second}", "{first} and then {second}"),
    held_out=("{first}, and after that {second}", "please {first} and afterwards {second}"),
)


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    steps = [_draw_step(rng) for _ in range(2)]
    scene = draw_task_scene(rng, variation, tuple(kind for _, kinds in steps for kind in kinds), num_clutter=2)
    names = [placed.name for placed in scene.objects]
    goal: list[Fact] = []
    clauses: dict[str, str] = {}
    for k, (slot, (predicate, _)) in enumerate(zip(("first", "second"), steps, strict=True)):
        moved, target = names[2 * k : 2 * k + 2]
        goal.append(Fact(predicate, (moved, target)))
        # "the nearest" could mean before or after the first step.
        drawn = draft(scene, (), {"moved": moved, "target": target}, rng, by_relation=False)
        if drawn is None:
            return None
        clauses[slot] = _say_step(goal[-1], dict(drawn.words), variation, rng)
    return Draft(scene, tuple(goal), clauses)


def _draw_step(rng: np.random.Generator) -> tuple[Predicate, tuple[str, str]]:
    choice = int(rng.integers(3))
    if choice == 0:
        return Predicate.IN, (pick(rng, SMALL), "bowl")
    if choice == 1:
        return Predicate.ON, (pick(rng, BLOCKS), "block_large")
    return spatial.pick_relation(rng), (pick(rng, SMALL), pick(rng, SMALL))


def _say_step(fact: Fact, words: dict[str, str], variation: Variation, rng: np.random.Generator) -> str:
    # Inside a longer sentence only plain clauses: "please" belongs at its beginning.
    plain = Variation()
    if fact.predicate is Predicate.IN:
        return say(put_in.PHRASES, words, plain, rng)
    if fact.predicate is Predicate.ON:
        return say(stack.PHRASES, words, plain, rng)
    return say(spatial.PHRASES, {**words, "relation": spatial.say_relation(fact.predicate, variation, rng)}, plain, rng)


FAMILY = Family("chain", "two things to do in one sentence", PHRASES, _draw)
