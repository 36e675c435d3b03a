"""Several objects at once become goal facts: swapped, in a row, as a pyramid.

In:  a Clause whose objects are known, a SceneGraph.
Out: goal facts in stages, or a Problem. Which object stays where it is, so that the others join it, is decided
     here: the one beside which there is most room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..perception.types import SceneState
from .clauses import Clause, Form
from .placement import goal_region
from .references import describe, listed, resolve
from .scene_graph import SceneGraph
from .types import Fact, Predicate, Problem, ProblemKind

Stages = tuple[tuple[Fact, ...], ...]


def arrange(clause: Clause, moved: tuple[str, ...], graph: SceneGraph) -> Stages | Problem:
    """The facts that the clause asks for."""
    if clause.form is Form.SWAP:
        return _swap(moved, graph)
    if clause.form is Form.ROW:
        return _row(moved[::-1] if clause.is_reversed else moved, graph)
    return _pyramid(clause, moved, graph)


def swap_facts(first: str, second: str, scene: SceneState) -> tuple[Fact, ...]:
    """Each where the other stands now."""
    return tuple(
        Fact(Predicate.AT_START_OF, (name, other, _place_of(other, scene)))
        for name, other in ((first, second), (second, first))
    )


def row_facts(names: Sequence[str], scene: SceneState) -> tuple[Fact, ...]:
    """A row with these from left to right; whichever has room beside it stays where it is."""
    rows = [_row_around(anchor, names) for anchor in range(len(names))]
    return min(rows, key=lambda facts: _num_in_the_way(facts, scene))


def pyramid_stages(top: str, base: Sequence[str], scene: SceneState) -> Stages:
    """The base side by side, then the top upon both."""
    ways = [Fact(Predicate.SIDE_BY_SIDE, (base[1], base[0])), Fact(Predicate.SIDE_BY_SIDE, (base[0], base[1]))]
    beside = min(ways, key=lambda fact: _num_in_the_way((fact,), scene))
    moved, stays = beside.args
    return (beside,), (Fact(Predicate.UPON_BOTH, (top, stays, moved)),)


def _swap(moved: tuple[str, ...], graph: SceneGraph) -> Stages | Problem:
    if len(moved) != 2:
        return _wrong_number("swap two things", moved, graph)
    return (swap_facts(moved[0], moved[1], graph.scene),)


def _row(moved: tuple[str, ...], graph: SceneGraph) -> Stages | Problem:
    if len(moved) < 2:
        return _wrong_number("line up two things or more", moved, graph)
    return (row_facts(moved, graph.scene),)


def _pyramid(clause: Clause, moved: tuple[str, ...], graph: SceneGraph) -> Stages | Problem:
    assert clause.top is not None  # a pyramid is only read with its top
    among = replace(graph, scene=replace(graph.scene, objects=tuple(o for o in graph.scene.objects if o.id in moved)))
    found = resolve(clause.top, among if len(moved) == 3 else graph)
    if isinstance(found, Problem):
        return found
    base = tuple(name for name in moved if name not in found)
    if len(found) != 1 or len(base) != 2:
        return _wrong_number("build a pyramid of three things, one of them on top", (*base, *found), graph)
    return pyramid_stages(found[0], base, graph.scene)


def _wrong_number(what: str, names: tuple[str, ...], graph: SceneGraph) -> Problem:
    there = listed([describe(o, graph) for o in graph.objects if o.id in names] or ["nothing"], "and")
    message = f"Cannot {what} with {there}: {len(names)} named. Name each of them once."
    return Problem(ProblemKind.CONTRADICTORY, message)


def _place_of(name: str, scene: SceneState) -> str:
    item = scene.find(name)
    assert item is not None  # resolved in this very scene
    x, y = (float(v) for v in item.position_world[:2])
    return f"{x:.3f},{y:.3f}"


def _row_around(anchor: int, names: Sequence[str]) -> tuple[Fact, ...]:
    right = [Fact(Predicate.RIGHT_IN_ROW, (names[k], names[k - 1])) for k in range(anchor + 1, len(names))]
    left = [Fact(Predicate.LEFT_IN_ROW, (names[k], names[k + 1])) for k in reversed(range(anchor))]
    return (*right, *left)


def _num_in_the_way(facts: Sequence[Fact], scene: SceneState) -> int:
    """How many other objects would have to go if the facts were brought about in this order; many when it cannot be."""
    moving = {fact.args[0] for fact in facts}
    count = 0
    for fact in facts:
        region = goal_region(fact, scene)
        if not region.spots:
            count += len(set(region.blocked_by) - moving) + 2 * len(set(region.blocked_by) & moving) or 100
            continue
        spot = region.spots[0]
        item = scene.find(fact.args[0])
        assert item is not None  # it has spots
        pose = item.pose_world.copy()
        pose[:3, 3] = (spot.x_m, spot.y_m, spot.support_m + float(item.size_m[2]) / 2)
        objects = tuple(replace(o, pose_world=pose) if o.id == item.id else o for o in scene.objects)
        scene = replace(scene, objects=objects)
    return count
