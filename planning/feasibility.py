"""Whether goal facts can be true together, and whether this body can bring them about.

In:  stages of goal facts, a SceneGraph, the gripper.
Out: the first Problem found, in one line, or None. The task search is not asked: these answers need no plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import networkx as nx
import numpy as np

from ..perception.types import ObjectState, Shape
from .containment import fits
from .footprints import make_footprint
from .piles import is_pile, pile_words
from .placement import WORK_AREA, goal_region
from .references import describe
from .relations import ALONE
from .robot_description import GripperDescription
from .scene_graph import SceneGraph
from .search import SLIDING
from .types import EVENTS, PERSON, TABLE, Action, Fact, Predicate, Problem, ProblemKind

Stages = Sequence[Sequence[Fact]]
PICK_REACH_M = 0.80
# "Left of" and "right of" order the same axis; a circle in that order cannot be.
_AXES: dict[Predicate, tuple[str, bool]] = {
    Predicate.LEFT_OF: ("y", True),
    Predicate.RIGHT_OF: ("y", False),
    Predicate.BEHIND: ("x", True),
    Predicate.IN_FRONT_OF: ("x", False),
}
_OPPOSITE = {Predicate.OPEN: Predicate.CLOSED, Predicate.CLOSED: Predicate.OPEN}


def lasting_facts(stages: Stages) -> tuple[Fact, ...]:
    """The goal facts that must hold at the end: all but those that a later stage undoes on purpose.

    A later stage that moves the object elsewhere, or moves what it was put beside, has undone the fact.
    """
    lasting: list[Fact] = []
    for index, stage in enumerate(stages):
        later = [fact for more in stages[index + 1 :] for fact in more]
        lasting += [fact for fact in stage if not any(_undoes(other, fact) for other in later)]
    return tuple(dict.fromkeys(lasting))


def _undoes(later: Fact, fact: Fact) -> bool:
    if later == fact or fact.predicate in EVENTS:
        return False
    if fact.predicate in SLIDING:
        return later.predicate in SLIDING and later.args == fact.args
    if later.predicate in SLIDING and fact.predicate is not Predicate.HOLDING:
        return False
    moved, target = fact.args[0], fact.args[-1]
    if fact.predicate is Predicate.HOLDING:
        return True
    # What carries something can be moved and loaded again, but not be held at the end.
    is_loose = fact.predicate not in (Predicate.ON, Predicate.IN) or later.predicate is Predicate.HOLDING
    return later.args[0] == moved or (is_loose and later.args[0] == target)


def find_contradiction(stages: Stages, graph: SceneGraph) -> Problem | None:
    """Facts that exclude each other within one stage, or at the end."""
    for fact in (fact for stage in stages for fact in stage):
        if len(fact.args) == 2 and fact.args[0] == fact.args[1]:
            return _contradiction(
                f"{_name(fact.args[0], graph)} cannot be put {_words(fact)} itself", "Name two objects."
            )
    for stage in (*stages, lasting_facts(stages)):
        problem = _two_places(stage, graph) or _circle(stage, graph)
        if problem is not None:
            return problem
    held = dict.fromkeys(f.args[0] for stage in stages for f in stage if f.predicate is Predicate.HOLDING)
    if len(held) > 1:
        names = " and ".join(_name(name, graph) for name in held)
        return _contradiction(f"the gripper holds one thing at a time, not {names}", "Say where one of them goes.")
    return None


def find_impossible(
    stages: Stages, graph: SceneGraph, gripper: GripperDescription, manners: Mapping[Fact, Action] | None = None
) -> Problem | None:
    """What this body cannot do, whatever the order. What is pushed need not fit between the fingers."""
    moved = {fact.args[0] for stage in stages for fact in stage}
    for fact in (fact for stage in stages for fact in stage):
        item = graph.scene.find(fact.args[0])
        if item is None or graph.belief(fact).value:
            continue
        if fact.predicate in SLIDING:
            if problem := _why_not_sliding(item, graph):
                return problem
            continue
        why = graph.ontology.why_not_graspable(item, gripper)
        if why is not None and fact not in (manners or {}):
            return _unreachable(f"{_name(item.id, graph)} cannot be picked up: {why}")
        x, y = (float(v) for v in item.position_world[:2])
        if (x * x + y * y) ** 0.5 > PICK_REACH_M:
            return _unreachable(f"{_name(item.id, graph)} is out of the arm's reach")
        target = None if fact.predicate in (*ALONE, Predicate.AT_SIDE) else graph.scene.find(fact.args[1])
        if target is not None and (why := _why_no_place(fact, item, target, graph, moved)):
            return _unreachable(why)
    return next((p for stage in stages if (p := _no_common_place(stage, graph, moved))), None)


def _why_not_sliding(item: ObjectState, graph: SceneGraph) -> Problem | None:
    if item.fixture is None or item.fixture.slide is None:
        return _unreachable(f"{_name(item.id, graph)} cannot be opened or closed")
    handle = item.pose_world @ [*item.fixture.slide.handle.center_m, 1.0]
    if float(np.hypot(handle[0], handle[1])) > PICK_REACH_M:
        return _unreachable(f"the handle of {_name(item.id, graph)} is out of the arm's reach")
    return None


def _no_common_place(stage: Sequence[Fact], graph: SceneGraph, moved: set[str]) -> Problem | None:
    """An object that is to be beside several things at once, where no spot is beside all of them."""
    others = (Predicate.NEXT_TO, Predicate.AT_SIDE, Predicate.NEAR)
    beside = [f for f in stage if f.predicate in _AXES or f.predicate in others]
    for index, fact in enumerate(beside):
        also = [other for other in beside[index + 1 :] if other.args[0] == fact.args[0]]
        if also and moved.isdisjoint(f.args[1] for f in (fact, *also)):
            region = goal_region(fact, graph.scene, also=also)
            if not region.spots and not region.blocked_by:
                return _both(fact, also[0], graph)
    return None


def _two_places(stage: Sequence[Fact], graph: SceneGraph) -> Problem | None:
    """One object on two things, on a thing and beside another, or two objects where one has room."""
    resting: dict[str, Fact] = {}
    for fact in stage:
        if fact.predicate in (Predicate.ON, Predicate.IN):
            other = resting.setdefault(fact.args[0], fact)
            if other.args != fact.args:
                return _both(other, fact, graph)
    for fact in stage:
        if fact.predicate in SLIDING:
            against = Fact(_OPPOSITE[fact.predicate], fact.args)
            if against in stage:
                return _both(fact, against, graph)
            continue
        other = resting.get(fact.args[0])
        if other and fact.predicate not in (Predicate.ON, Predicate.IN, Predicate.HOLDING) and other.args[1] != TABLE:
            return _both(other, fact, graph)
        other = resting.get(fact.args[-1])
        if other and fact != other and other.args[1] == fact.args[0]:
            return _both(other, fact, graph)
        if fact.predicate is Predicate.AT_SIDE:
            opposite = {"left": "right", "right": "left", "front": "back", "back": "front"}[fact.args[1]]
            against = Fact(Predicate.AT_SIDE, (fact.args[0], opposite))
            if against in stage:
                return _both(fact, against, graph)
    carriers: dict[str, Fact] = {}
    for fact in stage:
        target = graph.scene.find(fact.args[-1]) if fact.predicate is Predicate.ON else None
        if target is not None and target.cavity_depth_m <= 0.0 and target.fixture is None:
            other = carriers.setdefault(target.id, fact)
            if other != fact:
                return _contradiction(
                    f"{_name(target.id, graph)} has room for one thing on it, not two", "Leave one out."
                )
    return None


def _circle(stage: Sequence[Fact], graph: SceneGraph) -> Problem | None:
    """A on B and B on A; A left of B and A right of B; circles of more."""
    orders: dict[str, nx.DiGraph[str]] = {key: nx.DiGraph() for key in ("up", "x", "y")}
    for fact in stage:
        if fact.predicate in (Predicate.ON, Predicate.IN) and fact.args[1] != TABLE:
            orders["up"].add_edge(*fact.args)
        elif fact.predicate in _AXES:
            axis, is_forward = _AXES[fact.predicate]
            orders[axis].add_edge(*(fact.args if is_forward else fact.args[::-1]))
    for order in orders.values():
        if not nx.is_directed_acyclic_graph(order):
            edges = cast("list[tuple[str, str]]", nx.find_cycle(order))  # pyright: ignore[reportUnknownMemberType]
            circle = {name for edge in edges for name in edge}
            facts = [fact for fact in stage if len(fact.args) == 2 and circle.issuperset(fact.args)]
            return _both(facts[0], facts[1], graph)
    return None


def _why_no_place(fact: Fact, item: ObjectState, target: ObjectState, graph: SceneGraph, moved: set[str]) -> str:
    """Why the object can never be there; empty when it can."""
    name, there = _name(item.id, graph), _name(target.id, graph)
    ontology = graph.ontology
    if fact.predicate is Predicate.POURED and item.cavity_depth_m <= 0.0:
        return f"{name} has no opening that anything could be poured out of"
    if fact.predicate is Predicate.POURED and item.shape is not Shape.MUG:
        return f"{name} cannot be held for pouring; only cups and mugs can"
    if fact.predicate is Predicate.POURED and not ontology.has(target, "contains"):
        return f"{there} has no opening that could be poured into"
    if fact.predicate is Predicate.IN and not ontology.has(target, "contains"):
        return f"{there} has no opening that {name} could be put in"
    if fact.predicate is Predicate.ON and not ontology.has(target, "carries"):
        return f"{name} cannot be stacked on {there}, which is open at the top; put it in {there} instead"
    if fact.predicate in (Predicate.ON, Predicate.IN) and not fits(item, target, fact.predicate):
        wide_m, room_m = 2 * make_footprint(item).outer_radius_m, 2 * make_footprint(target).inner_radius_m
        return (
            f"{name} ({wide_m * 100:.0f} cm across) does not fit {fact.predicate.value} {there} ({room_m * 100:.0f} cm)"
        )
    if fact.predicate in _AXES and target.id not in moved:
        region = goal_region(fact, graph.scene)
        if not region.spots and not region.blocked_by:
            return f"there is no place {_words(fact)} {there} on the table that the arm can reach"
    x, y = (float(v) for v in target.position_world[:2])
    if (x * x + y * y) ** 0.5 > PICK_REACH_M and target.id not in moved:
        return f"{there} is out of the arm's reach (about {WORK_AREA.reach_m:.2f} m)"
    return ""


def _both(first: Fact, second: Fact, graph: SceneGraph) -> Problem:
    return _contradiction(f"{_sentence(first, graph)} and {_sentence(second, graph)} cannot both be", "Leave one out.")


def _contradiction(what: str, advice: str) -> Problem:
    return Problem(ProblemKind.CONTRADICTORY, f"{what[0].upper()}{what[1:]}. {advice}")


def _unreachable(what: str) -> Problem:
    return Problem(ProblemKind.UNREACHABLE, f"{what[0].upper()}{what[1:]}. Ask for something else.")


def _sentence(fact: Fact, graph: SceneGraph) -> str:
    if fact.predicate in ALONE:
        return f"{_name(fact.args[0], graph)} {_words(fact)}"
    if fact.predicate is Predicate.AT_SIDE:
        return f"{_name(fact.args[0], graph)} at the {fact.args[1]} side"
    return f"{_name(fact.args[0], graph)} {_words(fact)} {_name(fact.args[1], graph)}"


def _words(fact: Fact) -> str:
    if fact.predicate is Predicate.POURED:
        return "poured into"
    return fact.predicate.value.replace("_", " ")


def _name(name: str, graph: SceneGraph) -> str:
    if is_pile(name):
        return pile_words(name)
    if name == PERSON:
        return "the person"
    item = graph.scene.find(name)
    return "the table" if item is None else describe(item, graph)
