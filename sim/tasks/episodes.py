"""A family and a seed become an episode: scene, sentence, and the goal that the sentence means.

In:  a family's name, a seed, a Variation.
Out: Episode; its goal names the scene's own objects, for scoring only.
Every episode can be solved (what is moved fits, its place is free and within reach), is not solved at the
start, and its sentence means one thing only.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...perception.types import SceneState
from ...planning.containment import fits
from ...planning.placement import goal_region
from ...planning.relations import ALONE, evaluate
from ...planning.search import SLIDING
from ...planning.types import EVENTS, Fact, Predicate
from ..scenes import Scene, SceneError
from .families import EVERY_FAMILY, FAMILIES
from .family import TRAINING, Draft, Expected, Phrases, Turn, Variation, say, say_otherwise
from .held_out import names_held_out_pair, shows_held_out_pair
from .start import make_start_state

MAX_DRAWS = 200
FAR_FROM_SOLVED_M = -0.02
JOINING = frozenset({Predicate.RIGHT_IN_ROW, Predicate.LEFT_IN_ROW, Predicate.UPON_BOTH})
"""Facts about things that are put beside or upon what was put there just before."""


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence and the facts that it means, with the names of the scene's objects: truth, for scoring only.

    `others` are further training sentences of the same meaning, for demonstrations.
    """

    command: str
    goal: tuple[Fact, ...]
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Episode:
    """One task of a suite: a sentence (`command` means `goal`), or several, `later` ones in the same world.

    `max_steps` motions are allowed for each sentence. Where obeying is wrong, `hazard` says why.
    `max_steps` motions are allowed for each sentence. `others` are further training sentences of the same meaning;
    no policy may be trained on what `is_held_out`, for its words or for what it shows.
    """

    family: str
    seed: int
    command: str
    scene: Scene
    goal: tuple[Fact, ...]
    max_steps: int
    later: tuple[Said, ...] = ()
    faults: str | None = None
    expected: Expected = "obey"
    hazard: str = ""
    others: tuple[str, ...] = ()
    is_held_out: bool = False


class TaskError(ValueError):
    """No such family; one line that says which there are."""


def draw_episode(family: str, seed: int, variation: Variation = TRAINING) -> Episode:
    """The episode of a family with that seed; the same in every process."""
    if family not in EVERY_FAMILY:
        raise TaskError(f"No task family '{family}', expected one of {', '.join(FAMILIES)}.")
    chosen = EVERY_FAMILY[family]
    rng = np.random.default_rng([seed, zlib.crc32((chosen.stream or family).encode())])
    for _ in range(MAX_DRAWS):
        try:
            draft = chosen.draw(rng, variation)
        except SceneError:
            continue  # This draw's objects did not fit on the table.
        if (
            draft is not None
            and is_wanted(draft, variation)
            and is_fair(draft.scene, draft.goal, tuple(turn.goal for turn in draft.later))
        ):
            command = say(chosen.phrases, draft.words, variation, rng)
            later = tuple(_say_turn(turn, turn.phrases or chosen.phrases, variation, rng) for turn in draft.later)
            return Episode(
                family,
                seed,
                command,
                draft.scene,
                draft.goal,
                chosen.max_steps,
                later,
                others=draft.others or say_otherwise(chosen.phrases, draft.words, command),
                is_held_out=variation.is_held_out or variation.is_pair_held_out,
                expected=draft.expected,
                hazard=draft.hazard,
            )
    raise RuntimeError(f"Family '{family}' found no fair episode for seed {seed} in {MAX_DRAWS} draws.")


def _say_turn(turn: Turn, phrases: Phrases, variation: Variation, rng: np.random.Generator) -> Said:
    command = say(phrases, turn.words, variation, rng)
    return Said(command, turn.goal, say_otherwise(phrases, turn.words, command))


def is_wanted(draft: Draft, variation: Variation) -> bool:
    """Whether the draft shows pairs as the variation says: held-out ones, or none of them."""
    facts = (*draft.goal, *(fact for turn in draft.later for fact in turn.goal))
    if variation.is_pair_held_out:
        return names_held_out_pair(draft.scene, facts)
    return not shows_held_out_pair(draft.scene, facts)


def is_fair(scene: Scene, goal: Sequence[Fact], later: Sequence[Sequence[Fact]] = ()) -> bool:
    """Whether every goal can be reached and is still to be reached: `later` ones when those before them are done."""
    state = make_start_state(scene)
    for facts in (goal, *later):
        if not is_open(facts, state):
            return False
        for fact in facts:
            state = with_fact(state, fact)
    return True


def with_fact(state: SceneState, fact: Fact) -> SceneState:
    """The scene with the fact's first object at the best place for it; as it was for what stays in the hand."""
    item = state.find(fact.args[0])
    if item is None or fact.predicate in ALONE or not (spots := goal_region(fact, state).spots):
        return state
    pose_world = item.pose_world.copy()
    pose_world[:3, 3] = spots[0].x_m, spots[0].y_m, spots[0].support_m + item.size_m[2] / 2
    return replace(state, objects=tuple(replace(o, pose_world=pose_world) if o is item else o for o in state.objects))


def is_open(goal: Sequence[Fact], state: SceneState) -> bool:
    """Whether no goal fact holds or nearly holds yet, and each has a free place that it can come true at."""
    moved = {fact.args[0] for fact in goal}
    for fact in goal:
        margin_m = evaluate(fact, state).margin_m
        # A drawer that is to be shut in the end may be shut already: what goes in comes between.
        may_hold = fact.predicate in SLIDING and len(goal) > 1
        if margin_m is not None and margin_m > FAR_FROM_SOLVED_M and not may_hold:
            return False
        if fact.predicate in ALONE or fact.predicate in EVENTS:
            continue
        if fact.predicate in JOINING and not moved.isdisjoint(fact.args[1:]):
            continue  # its place is known once the other stands
        item, target = state.find(fact.args[0]), state.find(fact.args[1])
        if (
            item
            and target
            and fact.predicate in (Predicate.ON, Predicate.IN)
            and not fits(item, target, fact.predicate)
        ):
            return False
        region = goal_region(fact, state)
        is_mutual = fact.predicate is Predicate.AT_START_OF and moved.issuperset(region.blocked_by or {""})
        if not region.spots and not is_mutual:
            return False
    return True
