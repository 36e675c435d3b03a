"""Moves become plan steps: preconditions, effects, and a reason that a person can read.

In:  the moves that the search found, the task's names for objects.
Out: PlanSteps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .search import Learned, Move, StepKey
from .types import TABLE, Action, Fact, PlanStep, Predicate


def make_steps(
    moves: Sequence[Move],
    names: Mapping[str, str],
    goals: frozenset[Fact],
    learned: Learned,
    attempts: Mapping[StepKey, int],
) -> tuple[PlanStep, ...]:
    """One step for each move, with its reason and how often it was tried before."""
    steps: list[PlanStep] = []
    for index, move in enumerate(moves):
        key = move.key
        if key.action in (Action.OPEN, Action.CLOSE):
            reason = _why_slide(moves, index, names, goals)
            steps.append(PlanStep(key.action, reason, key.object_id, None, None, (), move.facts, attempts.get(key, 0)))
            continue
        if key.action is Action.PICK:
            reason = _why_pick(moves, index, names, goals, learned)
            carrier = Predicate.ON if move.is_upon else Predicate.IN
            needs = (Fact(carrier, (key.object_id, move.below)),) if move.below not in (None, TABLE) else ()
            needs = move.needs or needs
            effects = (Fact(Predicate.HOLDING, (key.object_id,)),)
            steps.append(PlanStep(Action.PICK, reason, key.object_id, None, None, needs, effects, attempts.get(key, 0)))
            continue
        step = PlanStep(
            key.action,
            _why_place(moves, index, names, goals, learned),
            key.object_id,
            Predicate(key.relation),
            key.target_id,
            (*((Fact(Predicate.HOLDING, (key.object_id,)),) if key.action is Action.PLACE else ()), *move.needs),
            move.facts,
            attempts.get(key, 0),
        )
        steps.append(step)
    return tuple(steps)


def look_step(why: str) -> PlanStep:
    """A look at the table."""
    return PlanStep(Action.LOOK, why)


def key_of(step: PlanStep) -> StepKey:
    """What the step has in common with all tries of it."""
    relation = "" if step.relation is None else step.relation.value
    return StepKey(step.action, step.object_id or "", relation, step.target_id or "")


def in_words(fact: Fact, names: Mapping[str, str]) -> str:
    """The fact as a phrase: "the red block in the green bowl"."""
    item = names.get(fact.args[0], fact.args[0])
    if fact.predicate is Predicate.HOLDING:
        return f"{item} in the hand"
    if fact.predicate in (Predicate.OPEN, Predicate.CLOSED):
        return f"{item} {fact.predicate.value}"
    if fact.predicate is Predicate.AT_SIDE:
        return f"{item} at the {fact.args[1]} side"
    if fact.predicate is Predicate.AT_START_OF:
        return f"{item} where {names.get(fact.args[1], fact.args[1])} was"
    if fact.predicate is Predicate.UPON_BOTH:
        both = " and ".join(names.get(name, name) for name in fact.args[1:])
        return f"{item} upon {both}"
    words = {
        Predicate.LEFT_OF: "to the left of",
        Predicate.RIGHT_OF: "to the right of",
        Predicate.POURED: "tilted over",
        Predicate.RIGHT_IN_ROW: "in a row, just right of",
        Predicate.LEFT_IN_ROW: "in a row, just left of",
    }.get(fact.predicate, fact.predicate.value.replace("_", " "))
    return f"{item} {words} {names.get(fact.args[1], fact.args[1])}"


def _why_pick(
    moves: Sequence[Move], index: int, names: Mapping[str, str], goals: frozenset[Fact], learned: Learned
) -> str:
    item = names.get(moves[index].key.object_id, moves[index].key.object_id)
    if index + 1 == len(moves):
        return f"asked for: {item} in the hand"
    placed = moves[index + 1]
    if goals.issuperset(placed.facts):
        return f"to put {' and '.join(in_words(fact, names) for fact in placed.facts)}"
    return _why_aside(moves, index, names, learned) or "it must be moved first"


def _why_slide(moves: Sequence[Move], index: int, names: Mapping[str, str], goals: frozenset[Fact]) -> str:
    """Asked for, or because of what goes in or comes out afterwards."""
    move = moves[index]
    if goals.issuperset(move.facts):
        return f"asked for: {in_words(move.facts[0], names)}"
    used = next((m for m in moves[index:] if move.key.object_id in (m.below, m.key.target_id)), None)
    item = names.get(used.key.object_id, used.key.object_id) if used else ""
    where = names.get(move.key.object_id, move.key.object_id)
    way = "out of" if used and used.key.action is Action.PICK else "into"
    return f"to get {item} {way} {where}" if used else f"{move.key.action.value} {where}"


def _why_place(
    moves: Sequence[Move], index: int, names: Mapping[str, str], goals: frozenset[Fact], learned: Learned
) -> str:
    move = moves[index]
    if goals.issuperset(move.facts):
        return f"asked for: {' and '.join(in_words(fact, names) for fact in move.facts)}"
    if index == 0:
        return "to free the hand"
    why = _why_aside(moves, index - 1, names, learned)
    return f"put aside {why}" if why else "put aside"


def _why_aside(moves: Sequence[Move], picked: int, names: Mapping[str, str], learned: Learned) -> str:
    """Why the object picked at `picked` is not left where it is; empty when nothing needs it gone."""
    move = moves[picked]
    item = move.key.object_id
    words = names.get(item, item)
    later = moves[picked + 1 :]
    if move.below not in (None, TABLE) and any(move.below in (m.key.object_id, m.key.target_id) for m in later):
        below = names.get(str(move.below), str(move.below))
        return f"to clear {below}, which is under {words}" if move.is_upon else f"to empty {below}, which holds {words}"
    for other in later:
        if item in learned.requires.get(other.key, frozenset[str]()):
            target = names.get(other.key.object_id, other.key.object_id)
            if other.facts:
                target = f"the place for {in_words(other.facts[0], names)}"
            return f"to make room: {words} stands in the way of {target}"
    return ""
