"""Task search: from where things are to the goal facts, by picking and placing, opening and closing.

In:  the scene as supports (what rests on what), goal facts in stages, what was learned from refusals.
Out: Moves in order, or None. A* over symbolic states, deterministic, bounded by expansions and not by time.
Only goal objects, what stands on them and what takes up their places are ever moved.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .types import EVENTS, TABLE, Action, Fact, Predicate

MAX_EXPANSIONS = 20_000
SLIDING = frozenset({Predicate.OPEN, Predicate.CLOSED})
REMEMBERED = frozenset({Predicate.AT_START_OF})
"""Stay true when the second object is moved: they are about where it was."""
BESIDE = frozenset(Predicate) - {Predicate.ON, Predicate.IN, Predicate.HOLDING} - SLIDING - EVENTS


@dataclass(frozen=True, slots=True, order=True)
class StepKey:
    """What makes two steps the same proposal, whatever their reason and attempt."""

    action: Action
    object_id: str
    relation: str = ""
    target_id: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """A skill found by the search; `facts` are those that it makes true, `stage` is what it serves.

    Of a pick, `below` is what the object rested on, and `is_upon` whether on top of it (not in it). `needs` must hold
    before.
    """

    key: StepKey
    facts: tuple[Fact, ...]
    stage: int
    below: str | None = None
    is_upon: bool = False
    needs: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Learned:
    """What experience adds: steps not to be proposed again, and what must be out of the way before a step."""

    forbidden: frozenset[StepKey] = frozenset()
    requires: Mapping[StepKey, frozenset[str]] = field(default_factory=dict[StepKey, frozenset[str]])


@dataclass(frozen=True, slots=True)
class Situation:
    """The scene as the search sees it.

    `supports` maps objects to what they rest on; `solid` are objects with room for one thing on top; `movable` those
    that the gripper can hold; `true_facts` the goal facts that hold. Of `sliding` things (drawers) those in `opened`
    stand open and those in `shut` are closed, others stand between; only into and out of the open ones anything goes.
    """

    supports: Mapping[str, str | None]
    held: str | None
    solid: frozenset[str]
    movable: frozenset[str]
    true_facts: frozenset[Fact]
    manners: Mapping[Fact, Action] = field(default_factory=dict[Fact, Action])
    """Facts that are to come true by pushing or sweeping, not by pick and place."""
    sliding: frozenset[str] = frozenset()
    opened: frozenset[str] = frozenset()
    shut: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _State:
    supports: tuple[tuple[str, str | None], ...]
    held: str | None
    true_facts: frozenset[Fact]
    displaced: frozenset[str]
    opened: frozenset[str] = frozenset()
    shut: frozenset[str] = frozenset()


def search(
    situation: Situation,
    stages: Sequence[Sequence[Fact]],
    learned: Learned,
    max_expansions: int = MAX_EXPANSIONS,
) -> tuple[Move, ...] | None:
    """Moves that make the stages' facts true one stage after the other; () when nothing is to be done.

    Each entry of `stages` lists all that must hold when the stage ends, kept facts of earlier stages included.
    """
    goals = [fact for stage in stages for fact in stage]
    involved = _involved(situation, goals, learned)
    state = _State(
        tuple(sorted((name, s) for name, s in situation.supports.items() if name in involved)),
        situation.held,
        frozenset(situation.true_facts & frozenset(goals)),
        frozenset(),
        situation.opened,
        situation.shut,
    )
    moves: list[Move] = []
    for index, stage in enumerate(stages):
        found = _search_stage(situation, state, tuple(dict.fromkeys(stage)), index, learned, max_expansions)
        if found is None:
            return None
        more, state = found
        moves += more
    return tuple(moves)


def _involved(situation: Situation, goals: Sequence[Fact], learned: Learned) -> set[str]:
    """Goal objects, what must be out of their way, and all that stands on any of these."""
    names = {name for fact in goals for name in fact.args if name in situation.supports}
    names |= {name for needed in learned.requires.values() for name in needed if name in situation.supports}
    if situation.held is not None:
        names.add(situation.held)
    while True:
        upon = {name for name, support in situation.supports.items() if support in names} - names
        if not upon:
            return names
        names |= upon


def _search_stage(
    situation: Situation,
    start: _State,
    goals: tuple[Fact, ...],
    stage: int,
    learned: Learned,
    max_expansions: int,
) -> tuple[list[Move], _State] | None:
    """A* for one stage. Equal costs: deeper first, then in the order in which the goals were given."""
    came_from: dict[_State, tuple[_State, Move] | None] = {start: None}
    costs = {start: 0}
    counter = 0
    frontier = [(_remaining(start, goals, situation), 0, counter, start)]
    closed: set[_State] = set()
    while frontier and len(closed) < max_expansions:
        _, _, _, state = heapq.heappop(frontier)
        if state in closed:
            continue
        if state.true_facts.issuperset(goals):
            return _trace(came_from, state), state
        closed.add(state)
        for move, after in _successors(situation, state, goals, stage, learned):
            cost = costs[state] + 1
            if cost < costs.get(after, 1 << 30):
                costs[after] = cost
                came_from[after] = (state, move)
                counter += 1
                heapq.heappush(frontier, (cost + _remaining(after, goals, situation), -cost, counter, after))
    return None


def _trace(came_from: Mapping[_State, tuple[_State, Move] | None], state: _State) -> list[Move]:
    moves: list[Move] = []
    while (entry := came_from[state]) is not None:
        state, move = entry
        moves.append(move)
    return moves[::-1]


def _remaining(state: _State, goals: tuple[Fact, ...], situation: Situation) -> int:
    """Steps needed at least: two for each object that must move, one less when it is in the hand."""
    open_goals = [fact for fact in goals if fact not in state.true_facts and fact not in situation.manners]
    num_strokes = sum(fact not in state.true_facts for fact in goals) - len(open_goals)
    to_slide = {fact for fact in open_goals if fact.predicate in SLIDING}
    to_place = {f.args[0] for f in open_goals if f.predicate is not Predicate.HOLDING and f not in to_slide}
    to_hold = {fact.args[0] for fact in open_goals if fact.predicate is Predicate.HOLDING} - to_place
    covered = to_place | to_hold
    covered |= {f.args[1] for f in open_goals if f.predicate is Predicate.ON and f.args[1] in situation.solid}
    upon = {name for name, support in state.supports if support in covered} - to_place - to_hold
    steps = num_strokes + 2 * len(to_place | upon) + len(to_hold - {state.held}) + len(to_slide)
    if state.held is None:
        return steps
    return steps - 1 if state.held in to_place | upon else steps + (state.held not in to_hold and steps > 0)


def _successors(
    situation: Situation, state: _State, goals: tuple[Fact, ...], stage: int, learned: Learned
) -> Iterator[tuple[Move, _State]]:
    supports = dict(state.supports)
    carriers = set(supports.values())
    if state.held is None:
        for fact in goals:
            if fact in situation.manners and fact not in state.true_facts and fact.args[0] not in carriers:
                key = StepKey(situation.manners[fact], fact.args[0], fact.predicate.value, fact.args[1])
                if _is_allowed(key, state, learned):
                    yield Move(key, (fact,), stage), _stroked(state, fact)
        wanted = dict.fromkeys([*(fact.args[0] for fact in goals), *sorted(supports)])
        for name in wanted:
            key = StepKey(Action.PICK, name)
            # What is in a cup that is to be poured out goes along with it.
            may_carry = any(f.predicate in EVENTS and f.args[0] == name for f in goals if f not in state.true_facts)
            is_free = name in supports and (may_carry or name not in carriers) and name in situation.movable
            if is_free and _is_allowed(key, state, learned) and _is_accessible(supports[name], situation, state):
                needs = _opened(supports[name], situation)
                yield (
                    Move(key, (), stage, supports[name], supports[name] in situation.solid, needs),
                    _picked(state, supports, name),
                )
        yield from _slides(situation, state, supports, goals, stage, learned)
        return
    for fact in goals:
        if fact.predicate is Predicate.POURED and fact.args[0] == state.held and fact not in state.true_facts:
            key = StepKey(Action.POUR, state.held, fact.predicate.value, fact.args[1])
            if _is_allowed(key, state, learned):
                yield Move(key, (fact,), stage), _poured(state, supports, fact)
    by_hand = tuple(fact for fact in goals if fact not in situation.manners)
    for facts in _places(state.held, by_hand, state.true_facts):
        relation, target = facts[0].predicate, facts[0].args[1]
        key = StepKey(Action.PLACE, state.held, relation.value, target)
        is_room = relation in BESIDE or target not in situation.solid or target not in carriers
        if relation is Predicate.IN:
            # What is put in a bowl may bury what lies there, so that which has to come out comes out first.
            is_room = not any(supports.get(f.args[0]) == target for f in goals if f not in state.true_facts)
        support = TABLE if relation in BESIDE and relation is not Predicate.UPON_BOTH else target
        is_room = is_room and _is_accessible(support, situation, state)
        if is_room and target != state.held and _is_allowed(key, state, learned):
            needs = _opened(support, situation)
            yield Move(key, facts, stage, needs=needs), _placed(state, supports, facts, support)


def _slides(
    situation: Situation,
    state: _State,
    supports: Mapping[str, str | None],
    goals: tuple[Fact, ...],
    stage: int,
    learned: Learned,
) -> Iterator[tuple[Move, _State]]:
    """What can be opened or closed, of what the goals name or what involved things rest in."""
    of_interest = {name for fact in goals for name in fact.args} | set(supports.values())
    for name in sorted(situation.sliding & of_interest):
        opened, closed = Fact(Predicate.OPEN, (name,)), Fact(Predicate.CLOSED, (name,))
        key = StepKey(Action.OPEN, name)
        if name not in state.opened and _is_allowed(key, state, learned):
            facts = (state.true_facts - {closed}) | {opened}
            after = replace(state, true_facts=facts, opened=state.opened | {name}, shut=state.shut - {name})
            yield Move(key, (opened,), stage), after
        key = StepKey(Action.CLOSE, name)
        if name not in state.shut and _is_allowed(key, state, learned):
            facts = (state.true_facts - {opened}) | {closed}
            after = replace(state, true_facts=facts, opened=state.opened - {name}, shut=state.shut | {name})
            yield Move(key, (closed,), stage), after


def _is_accessible(support: str | None, situation: Situation, state: _State) -> bool:
    """Whether a hand gets at what rests there: not in a shut drawer."""
    return support not in situation.sliding or support in state.opened


def _opened(support: str | None, situation: Situation) -> tuple[Fact, ...]:
    return (Fact(Predicate.OPEN, (support,)),) if support is not None and support in situation.sliding else ()


def _is_allowed(key: StepKey, state: _State, learned: Learned) -> bool:
    return key not in learned.forbidden and learned.requires.get(key, frozenset[str]()) <= state.displaced


def _places(held: str, goals: tuple[Fact, ...], true_facts: frozenset[Fact]) -> Iterator[tuple[Fact, ...]]:
    """Where the held object may go: each goal place (all that it is to be beside of at once), or aside."""
    own = [fact for fact in goals if fact.args[0] == held and fact not in true_facts]
    beside = tuple(fact for fact in own if fact.predicate in BESIDE)
    if beside:
        yield beside
    for fact in own:
        if fact.predicate in (Predicate.ON, Predicate.IN):
            yield (fact,)
    aside = Fact(Predicate.ON, (held, TABLE))
    if aside not in own:
        yield (aside,)


def _picked(state: _State, supports: dict[str, str | None], name: str) -> _State:
    after = {**supports, name: None}
    kept = {f for f in state.true_facts if f.args[0] != name and not (_depends_on(f) and f.args[1] == name)}
    kept |= {f for f in state.true_facts if f.predicate in EVENTS}
    kept.add(Fact(Predicate.HOLDING, (name,)))
    rests = tuple(sorted(after.items(), key=lambda p: p[0]))
    return _State(rests, name, frozenset(kept), state.displaced | {name}, state.opened, state.shut)


def _poured(state: _State, supports: dict[str, str | None], fact: Fact) -> _State:
    """What was in the cup is now in what it was poured into."""
    cup, into = fact.args
    after = {name: into if support == cup else support for name, support in supports.items()}
    kept = state.true_facts | {fact}
    return replace(state, supports=tuple(sorted(after.items(), key=lambda p: p[0])), true_facts=kept)


def _depends_on(fact: Fact) -> bool:
    """Whether moving the fact's second object undoes it."""
    return fact.predicate in BESIDE and fact.predicate not in REMEMBERED


def _placed(state: _State, supports: dict[str, str | None], facts: tuple[Fact, ...], support: str | None) -> _State:
    name = state.held
    assert name is not None  # only what is held is placed
    after = {**supports, name: support}
    kept = {fact for fact in state.true_facts if fact.predicate is not Predicate.HOLDING}
    rests = tuple(sorted(after.items(), key=lambda p: p[0]))
    return _State(rests, None, frozenset(kept.union(facts)), state.displaced, state.opened, state.shut)


def _stroked(state: _State, fact: Fact) -> _State:
    """The object was moved over the table; what was beside it is so no longer."""
    name = fact.args[0]
    kept = {f for f in state.true_facts if f.args[0] != name and not (f.predicate in BESIDE and f.args[1] == name)}
    return replace(state, held=None, true_facts=frozenset(kept | {fact}), displaced=state.displaced | {name})
