"""The towers of Hanoi, one sentence a move: three discs on three pads, from any legal position to one tower.

A disc never comes to lie on a smaller one. The sentences are the shortest way to the end, said one after the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from ...planning.types import Fact, Predicate
from ..scenes import ObjectEntry, Scene, SceneFile
from .drawing import draw_scene
from .family import Draft, Family, Phrases, Turn, Variation

PHRASES = Phrases(
    training=(
        "put the {disc} disc on the {target}",
        "move the {disc} disc onto the {target}",
        "place the {disc} disc on the {target}",
        "put the {disc} disc on top of the {target}",
    ),
    held_out=("please set the {disc} disk on the {target}", "transfer the {disc} disc onto the {target}"),
)
DISCS = ("disc_large", "disc_medium", "disc_small")
NUM_PADS = 3
MIN_MOVES = 2

Pegs = tuple[int, ...]
"""The pad of each disc, the largest disc first; on one pad smaller ones lie on larger ones."""


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    colors = [str(color) for color in rng.permutation(variation.colors)[: len(DISCS) + NUM_PADS]]
    if len(colors) < len(DISCS) + NUM_PADS:
        colors += colors[: len(DISCS) + NUM_PADS - len(colors)]
    start: Pegs = tuple(int(pad) for pad in rng.integers(NUM_PADS, size=len(DISCS)))
    moves = shortest_game(start, int(rng.integers(NUM_PADS)))
    if len(moves) < MIN_MOVES:
        return None
    scene = _draw_towers(start, colors, variation, rng)
    turns: list[Turn] = []
    position = start
    for disc, pad in moves:
        below = _top_of(pad, position)
        goal = Fact(Predicate.ON, (f"disc {disc}", f"pad {pad}" if below is None else f"disc {below}"))
        target = f"{colors[len(DISCS) + pad]} pad" if below is None else f"{colors[below]} disc"
        turns.append(Turn((goal,), {"disc": colors[disc], "target": target}))
        position = (*position[:disc], pad, *position[disc + 1 :])
    return Draft(scene, turns[0].goal, turns[0].words, tuple(turns[1:]))


def shortest_game(start: Pegs, goal_pad: int) -> tuple[tuple[int, int], ...]:
    """Moves (disc, pad) that bring every disc to the pad."""
    goal = (goal_pad,) * len(start)
    came_from: dict[Pegs, tuple[Pegs, tuple[int, int]] | None] = {start: None}
    waiting = deque([start])
    while goal not in came_from:
        position = waiting.popleft()
        for disc, pad in legal_moves(position):
            after = (*position[:disc], pad, *position[disc + 1 :])
            if after not in came_from:
                came_from[after] = (position, (disc, pad))
                waiting.append(after)
    moves: list[tuple[int, int]] = []
    position = goal
    while (entry := came_from[position]) is not None:
        position, move = entry
        moves.append(move)
    return tuple(moves[::-1])


def legal_moves(position: Pegs) -> tuple[tuple[int, int], ...]:
    """Every top disc to every pad that holds no smaller one; a higher number is a smaller disc."""
    tops = [_top_of(pad, position) for pad in range(NUM_PADS)]
    return tuple(
        (disc, pad)
        for disc in (top for top in tops if top is not None)
        for pad, top in enumerate(tops)
        if pad != position[disc] and (top is None or top < disc)
    )


def _top_of(pad: int, position: Pegs) -> int | None:
    return max((disc for disc, at in enumerate(position) if at == pad), default=None)


def _draw_towers(start: Pegs, colors: Sequence[str], variation: Variation, rng: np.random.Generator) -> Scene:
    entries = [ObjectEntry(kind="pad", color=colors[len(DISCS) + pad], name=f"pad {pad}") for pad in range(NUM_PADS)]
    for disc, pad in enumerate(start):
        below = max((larger for larger in range(disc) if start[larger] == pad), default=None)
        on = f"pad {pad}" if below is None else f"disc {below}"
        entries.append(ObjectEntry(kind=DISCS[disc], color=colors[disc], name=f"disc {disc}", on=on))
    return draw_scene(SceneFile(name="task", objects=tuple(entries)), variation, rng)


FAMILY = Family("hanoi", "the towers of Hanoi, a sentence for each move", PHRASES, _draw)
