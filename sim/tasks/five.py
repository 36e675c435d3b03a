"""Five sentences one after the other in one world: the score is the share that was done, in order."""

from __future__ import annotations

import numpy as np

from ...planning.types import Fact, Predicate
from . import put_in, put_on, spatial
from .drawing import draft, draw_task_scene, pick
from .family import Draft, Family, Phrases, Turn, Variation, say, say_otherwise

NUM_SENTENCES = 5
MOVED = ("block_small", "cylinder", "block_large")
# The first sentence is of many families, like the others: it is filled in whole.
WHOLE = Phrases(("{sentence}",), ("{sentence}",))


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    scene = draw_task_scene(rng, variation, (*MOVED, "bowl", "plate"), num_clutter=2)
    names = [placed.name for placed in scene.objects]
    movable, (bowl, plate) = names[: len(MOVED)], names[len(MOVED) : len(MOVED) + 2]
    turns: list[Turn] = []
    for _ in range(NUM_SENTENCES):
        former = turns[-1].goal[0].args[0] if turns else ""
        moved = pick(rng, [name for name in movable if name != former])
        predicate = (Predicate.IN, Predicate.ON, spatial.pick_relation(rng))[int(rng.integers(3))]
        target = {Predicate.IN: bowl, Predicate.ON: plate}.get(predicate) or pick(rng, (bowl, plate))
        # "The nearest" may change on the way.
        drawn = draft(scene, (), {"moved": moved, "target": target}, rng, by_relation=False)
        if drawn is None:
            return None
        phrases = {Predicate.IN: put_in.PHRASES, Predicate.ON: put_on.PHRASES}.get(predicate, spatial.PHRASES)
        words = dict(drawn.words)
        if phrases is spatial.PHRASES:
            words["relation"] = spatial.say_relation(predicate, variation, rng)
        turns.append(Turn((Fact(predicate, (moved, target)),), words, phrases))
    first = turns[0]
    sentence = say(first.phrases or WHOLE, first.words, variation, rng)
    others = say_otherwise(first.phrases or WHOLE, first.words, sentence)
    return Draft(scene, first.goal, {"sentence": sentence}, tuple(turns[1:]), others=others)


FAMILY = Family("five", "five sentences in one world", WHOLE, _draw)
