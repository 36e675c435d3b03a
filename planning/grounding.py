"""Clauses meet the scene: which objects are meant, which facts are asked for, and whether they can come true.

In:  Parsed (language.py) and a SceneGraph.
Out: Task with its goal facts in stages, or a Problem in one line.
"And" and commas join facts into one stage, whose order the search chooses; "then" begins another. Picking something
up and putting it somewhere is one thing; what is only picked up is picked up last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..perception.types import UNKNOWN_COLOR, Shape
from .arrangements import arrange
from .clauses import Clause, Form
from .feasibility import find_contradiction, find_impossible
from .language import EXAMPLE, Parsed
from .phrases import Reference
from .piles import is_pile, pile_name, pile_words
from .references import describe, listed, resolve
from .robot_description import GripperDescription
from .scene_graph import SceneGraph
from .search import SLIDING
from .types import PERSON, PILE, TABLE, Action, Fact, Predicate, Problem, ProblemKind, Task

PLACES = frozenset(Predicate) - {Predicate.HOLDING} - SLIDING
# Of several readings that all fail, the answer comes from the one that came nearest to making sense.
_NEARNESS = (
    ProblemKind.AMBIGUOUS,
    ProblemKind.UNREACHABLE,
    ProblemKind.CONTRADICTORY,
    ProblemKind.NOT_PRESENT,
    ProblemKind.NOT_UNDERSTOOD,
)


@dataclass(frozen=True, slots=True)
class _Grounded:
    """One clause with its facts; `is_later` begins a new stage."""

    facts: tuple[Fact, ...]
    is_later: bool
    manner: Action | None = None


def ground(parsed: Parsed, graph: SceneGraph, gripper: GripperDescription) -> Task | Problem:
    """The task that the command means in this scene: the first reading that fits."""
    problems: list[Problem] = []
    for reading in parsed.readings:
        found = _ground_reading(reading, graph, gripper)
        if not isinstance(found, Problem):
            there = (*graph.scene.objects, *graph.scene.zones)
            names = {o.id: describe(o, graph) for o in there} | {TABLE: "the table", PERSON: "the person"}
            stages, manners = found
            names |= {f.args[0]: pile_words(f.args[0]) for stage in stages for f in stage if is_pile(f.args[0])}
            return Task(parsed.command, stages, names, manners=manners)
        problems.append(found)
    return min(problems, key=lambda p: _NEARNESS.index(p.kind))


def _ground_reading(
    clauses: tuple[Clause, ...], graph: SceneGraph, gripper: GripperDescription
) -> tuple[tuple[tuple[Fact, ...], ...], dict[Fact, Action]] | Problem:
    grounded: list[_Grounded] = []
    former: tuple[str, ...] = ()
    mentioned: tuple[str, ...] = ()
    noun = "object"
    is_whole = False
    for given in clauses:
        if given.predicate in SLIDING:
            # "Put the block in the drawer and close it": what can be closed is meant, whatever was moved.
            former = tuple(n for n in map(_sliding(graph), mentioned) if n)[:1] or former
        clause = replace(given, moved=tuple(_as_spoken_of(r, noun) for r in given.moved))
        noun = clause.moved[0].noun
        moved = _moved(clause, former, graph, is_whole)
        if isinstance(moved, Problem):
            return moved
        is_whole = clause.moved[0].quantifier == "all" and clause.moved[0].noun == "object"
        if clause.form is Form.PLACE:
            facts = _facts(clause, moved, former, graph)
            more = facts if isinstance(facts, Problem) else (facts,)
        else:
            more = arrange(clause, moved, graph)
        if isinstance(more, Problem):
            return more
        every = [fact for facts in more for fact in facts]
        mentioned = tuple(dict.fromkeys([*(a for f in every for a in reversed(f.args)), *mentioned]))
        former = tuple(dict.fromkeys(fact.args[0] for fact in every)) or former
        grounded += [
            _Grounded(facts, clause.later if index == 0 else True, clause.manner) for index, facts in enumerate(more)
        ]
    stages = _stages(grounded)
    manners = {fact: _manner(fact, clause.manner) for clause in grounded if clause.manner for fact in clause.facts}
    problem = find_contradiction(stages, graph) or find_impossible(stages, graph, gripper, manners)
    return problem or (stages, manners)


def _manner(fact: Fact, said: Action) -> Action:
    """A pile is swept and a single thing is pushed, whichever of the two words was used."""
    return Action.SWEEP if is_pile(fact.args[0]) else Action.PUSH if said is Action.SWEEP else said


def _as_spoken_of(reference: Reference, noun: str) -> Reference:
    """What "the large ones" are: of the kind that the clause before spoke of."""
    return replace(reference, noun=noun) if reference.is_one else reference


def _moved(clause: Clause, former: tuple[str, ...], graph: SceneGraph, is_whole: bool) -> tuple[str, ...] | Problem:
    """Ids of all that the clause moves."""
    ids: list[str] = []
    for reference in clause.moved:
        found = _resolve(reference, former, graph, is_whole=is_whole)
        if isinstance(found, Problem):
            return found
        if clause.manner is not None and reference.noun == PILE:
            found = (pile_name(reference.color),)  # not its pieces: they change while they are swept
        if found == (TABLE,):
            return Problem(ProblemKind.UNREACHABLE, "The table cannot be moved, expected an object on it. " + EXAMPLE)
        ids += found
    if clause.source is not None:
        source = _resolve(clause.source, former, graph)
        if isinstance(source, Problem):
            return source
        if any(r.quantifier == "all" for r in clause.moved):
            ids = [name for name in ids if _is_among(name, source, graph)]
            if not ids:
                return Problem(ProblemKind.NOT_PRESENT, f"There is nothing in {clause.source.words} to take out.")
        for name in ids:
            item = graph.scene.find(name)
            if item is None or not _is_among(name, source, graph):
                words, there = _name(name, graph), clause.source.words
                return Problem(ProblemKind.NOT_PRESENT, f"{words[0].upper()}{words[1:]} is not in or on {there}.")
    return tuple(dict.fromkeys(ids))


def _is_among(name: str, source: tuple[str, ...], graph: SceneGraph) -> bool:
    """Whether the object lies in or on one of these."""
    item = graph.scene.find(name)
    return item is not None and any(graph.relates(Predicate.IN, item, s) for s in source if s != name)


def _resolve(
    reference: Reference, former: tuple[str, ...], graph: SceneGraph, *, is_whole: bool = False
) -> tuple[str, ...] | Problem:
    """Ids of the reference; "it" may be several things when they were spoken of as one whole ("everything")."""
    if reference.quantifier not in ("it", "them"):
        return resolve(reference, graph)
    if not former:
        message = f'"{reference.words}" refers to nothing yet, expected an object before it. {EXAMPLE}'
        return Problem(ProblemKind.NOT_UNDERSTOOD, message)
    if reference.quantifier == "it" and len(former) > 1 and not is_whole:
        names = tuple(_name(name, graph) for name in former)
        message = f'Which one is "it": {listed(names)}? Say its name.'
        return Problem(ProblemKind.AMBIGUOUS, message, names)
    return former


def _facts(
    clause: Clause, moved: tuple[str, ...], former: tuple[str, ...], graph: SceneGraph
) -> tuple[Fact, ...] | Problem:
    """The clause's goal facts."""
    if clause.predicate is not None and clause.predicate in SLIDING:
        find = _sliding(graph)
        return tuple(Fact(clause.predicate, (find(name) or name,)) for name in moved)
    if clause.predicate is None:
        return tuple(Fact(Predicate.HOLDING, (name,)) for name in moved)
    if clause.side is not None:
        return tuple(Fact(Predicate.AT_SIDE, (name, clause.side)) for name in moved)
    assert clause.target is not None  # every place has a target or a side
    if clause.predicate is Predicate.NEAR:
        if graph.scene.person is None:
            message = "Nobody is seen at the table. Stand where the LiDAR or a camera sees you and ask again."
            return Problem(ProblemKind.NOT_PRESENT, message)
        return tuple(Fact(Predicate.NEAR, (name, PERSON)) for name in moved)
    if clause.target.has_its_color:
        return _by_color(clause.predicate, moved, clause.target, graph)
    targets = _resolve(clause.target, former, graph)
    if isinstance(targets, Problem):
        return targets
    if len(targets) > 1:
        names = tuple(_name(name, graph) for name in targets)
        message = f"Nothing can be in {len(names)} places at once: {listed(names, 'and')}. Name one of them."
        return Problem(ProblemKind.CONTRADICTORY, message, names)
    target = next(iter(targets))
    if clause.predicate is Predicate.IN:
        target = _sliding(graph)(target) or target
    if any(r.quantifier in ("all", "these") for r in clause.moved):
        below = _below(target, graph)
        moved = tuple(name for name in moved if name not in below)
        if not moved:
            message = f'"{clause.moved[0].words}" leaves nothing to move to {_name(target, graph)}. {EXAMPLE}'
            return Problem(ProblemKind.NOT_PRESENT, message)
    if clause.predicate is Predicate.POURED:
        # What was poured from is put back on the table.
        ends = ((Predicate.POURED, target), (Predicate.ON, TABLE))
        return tuple(Fact(predicate, (name, where)) for name in moved for predicate, where in ends)
    predicate = _as_meant(clause.predicate, target, clause.stacked, graph)
    if clause.manner is not None and (predicate is Predicate.ON or not _is_flat(target, predicate, graph)):
        where = _name(target, graph)
        message = f"Nothing can be pushed {predicate.value} {where}, only over the table. Put it there instead."
        return Problem(ProblemKind.UNREACHABLE, message)
    return tuple(Fact(predicate, (name, target)) for name in moved)


def _sliding(graph: SceneGraph) -> Callable[[str], str | None]:
    """The drawer that a name means: itself, or of a cabinet the only one that it has; None for other things."""
    sliding = {o.id: o.fixture.slide for o in graph.objects if o.fixture is not None and o.fixture.slide is not None}

    def find(name: str) -> str | None:
        own = [drawer for drawer, slide in sliding.items() if name in (drawer, slide.guide)]
        return own[0] if len(own) == 1 else None

    return find


def _by_color(
    predicate: Predicate, moved: tuple[str, ...], target: Reference, graph: SceneGraph
) -> tuple[Fact, ...] | Problem:
    """Each object in or on the one target of its own colour."""
    there = resolve(replace(target, quantifier="all"), graph)
    if isinstance(there, Problem):
        return there
    facts: list[Fact] = []
    for name in (name for name in moved if name not in there):
        item = graph.scene.find(name)
        own = [t for t in there if item and (o := graph.scene.find(t)) is not None and o.color == item.color]
        if item is not None and UNKNOWN_COLOR in (item.color, *(t.color for n in there if (t := graph.scene.find(n)))):
            message = f"Where does {_name(name, graph)} go? No camera has seen the colours. Name its place."
            return Problem(ProblemKind.AMBIGUOUS, message, tuple(_name(t, graph) for t in there))
        if len(own) != 1:
            words = f"{len(own) or 'no'} {'thing has' if len(own) < 2 else 'things have'} its colour"
            kind = ProblemKind.AMBIGUOUS if own else ProblemKind.NOT_PRESENT
            message = (
                f"Where does {_name(name, graph)} go? Of {target.words or 'the containers'}, {words}. Name its place."
            )
            return Problem(kind, message, tuple(_name(t, graph) for t in own))
        facts.append(Fact(_as_meant(predicate, own[0], False, graph), (name, own[0])))
    if not facts:
        return Problem(ProblemKind.NOT_PRESENT, f"There is nothing to sort. {EXAMPLE}")
    return tuple(facts)


def _as_meant(predicate: Predicate, target: str, stacked: bool, graph: SceneGraph) -> Predicate:
    """ON a bowl or mug means in it, unless stacking was asked for."""
    item = graph.scene.find(target)
    if item is not None and item.shape is Shape.ZONE and predicate is Predicate.ON:
        return Predicate.IN
    is_open = item is not None and graph.ontology.has(item, "contains") and not graph.ontology.has(item, "carries")
    return Predicate.IN if predicate is Predicate.ON and is_open and not stacked else predicate


def _is_flat(target: str, predicate: Predicate, graph: SceneGraph) -> bool:
    """Whether an object that slides over the table can come there."""
    item = graph.scene.find(target)
    return predicate is not Predicate.IN or (item is not None and item.shape is Shape.ZONE)


def _below(target: str, graph: SceneGraph) -> tuple[str, ...]:
    """The target and what it stands on, down to the table."""
    chain: list[str] = [target]
    while (support := graph.supports.get(chain[-1])) and support not in (TABLE, *chain):
        chain.append(support)
    return tuple(chain)


def _stages(grounded: list[_Grounded]) -> tuple[tuple[Fact, ...], ...]:
    """Facts in stages: holding only what is not put anywhere, and that last of what is joined by "and"."""
    stages: list[list[Fact]] = [[]]
    for index, clause in enumerate(grounded):
        # "Open it, put A in and close it": what undoes an earlier part comes after it.
        undoes = any(f.predicate in SLIDING and f not in clause.facts and _same_thing(f, clause) for f in stages[-1])
        if (clause.is_later or undoes) and stages[-1]:
            stages.append([])
        placed_later = {fact.args[0] for more in grounded[index:] for fact in more.facts if fact.predicate in PLACES}
        stages[-1] += [
            fact
            for fact in clause.facts
            if fact not in stages[-1] and not (fact.predicate is Predicate.HOLDING and fact.args[0] in placed_later)
        ]
    split: list[tuple[Fact, ...]] = []
    for stage in stages:
        holding = [fact for fact in stage if fact.predicate is Predicate.HOLDING]
        split += [tuple(facts) for facts in ([f for f in stage if f not in holding], holding) if facts]
    return tuple(split)


def _same_thing(fact: Fact, clause: _Grounded) -> bool:
    return any(f.predicate in SLIDING and f.args == fact.args for f in clause.facts)


def _name(name: str, graph: SceneGraph) -> str:
    if is_pile(name):
        return pile_words(name)
    item = graph.scene.find(name)
    return "the table" if item is None else describe(item, graph)
