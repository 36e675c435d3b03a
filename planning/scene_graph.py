"""The scene as facts: objects with their classes, and the relations between them, as a networkx graph.

In:  SceneState, Ontology.
Out: SceneGraph: nodes are object ids and TABLE, edges are relations, each with its Belief.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import networkx as nx

from ..perception.types import ObjectState, SceneState
from .footprints import gap_m, make_footprint
from .knowledge import Ontology, load_ontology
from .relations import DIRECTIONS, NEXT_GAP_M, SIDE_REACH_M, evaluate, support_of
from .types import TABLE, Belief, Fact, Predicate

EXISTS = 0.3  # objects that are less likely to be there are not spoken of


@dataclass(frozen=True)
class SceneGraph:
    """Facts about one scene. Node attributes: `classes`, `color`, `size_m`, `properties`, `words`; edges: `belief`."""

    scene: SceneState
    ontology: Ontology
    graph: nx.MultiDiGraph[str]
    supports: dict[str, str | None]
    chosen: frozenset[str] = frozenset()
    """Objects that "any" means before all others that it may mean."""

    @property
    def objects(self) -> tuple[ObjectState, ...]:
        """What is there, surely enough to speak of, from left to right."""
        there = [o for o in self.scene.objects if o.existence >= EXISTS]
        return tuple(sorted(there, key=lambda o: (-float(o.position_world[1]), o.id)))

    @property
    def zones(self) -> tuple[ObjectState, ...]:
        """Painted on the table, from left to right."""
        return tuple(sorted(self.scene.zones, key=lambda o: (-float(o.position_world[1]), o.id)))

    def belief(self, fact: Fact) -> Belief:
        """The stored belief, or the fact evaluated now."""
        if len(fact.args) == 2 and self.graph.has_edge(*fact.args, key=fact.predicate.value):
            return self.graph.edges[fact.args[0], fact.args[1], fact.predicate.value]["belief"]
        return evaluate(fact, self.scene)

    def relates(self, relation: Predicate, item: ObjectState, other: str) -> bool:
        """Whether people would use the relation to tell the object from others; laxer than a goal.

        "The block left of the bowl" may be far away and stand on something; "on" and "in" stand for each other.
        """
        if relation in (Predicate.ON, Predicate.IN):
            return self.supports.get(item.id) == other or any(
                self.belief(Fact(p, (item.id, other))).value
                for p in (Predicate.ON, Predicate.IN)
                if other != TABLE or p is Predicate.ON
            )
        target = self.scene.find(other)
        if target is None:
            return False
        if relation is Predicate.NEXT_TO:
            return gap_m(make_footprint(item), make_footprint(target)) < NEXT_GAP_M
        dx, dy = DIRECTIONS[relation]
        x, y = (float(v) for v in item.position_world[:2] - target.position_world[:2])
        along_m, across_m = x * dx + y * dy, abs(x * dy - y * dx)
        return along_m > 0.01 and along_m >= across_m


def make_scene_graph(scene: SceneState, ontology: Ontology | None = None) -> SceneGraph:
    """All relations that are believed to hold, as edges."""
    ontology = ontology or load_ontology()
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    graph.add_node(TABLE, classes=(TABLE, "support", "object"), properties=frozenset(), words="the table")
    supports: dict[str, str | None] = {}
    for item in scene.objects:
        known = ontology.properties_of(item)
        classes = ontology.classes_of(item)
        graph.add_node(item.id, classes=classes, color=item.color, size_m=item.size_m, properties=known)
        supports[item.id] = support_of(item, scene)
    for item in scene.objects:
        _add_believed(graph, scene, Fact(Predicate.ON, (item.id, TABLE)))
        for other in scene.objects:
            if other.id != item.id:
                for predicate in _likely(item, other):
                    _add_believed(graph, scene, Fact(predicate, (item.id, other.id)))
    return SceneGraph(scene, ontology, graph, supports)


def _likely(item: ObjectState, other: ObjectState) -> list[Predicate]:
    """Predicates that could hold, from the offset alone: the rest need not be evaluated."""
    x, y = (float(v) for v in item.position_world[:2] - other.position_world[:2])
    apart_m = math.hypot(x, y)
    likely: list[Predicate] = []
    if apart_m < float(max(other.size_m[:2])):
        likely += [Predicate.ON, Predicate.IN]
    if apart_m < math.sqrt(2) * SIDE_REACH_M:
        along = max(DIRECTIONS, key=lambda p: x * DIRECTIONS[p][0] + y * DIRECTIONS[p][1])
        likely += [along, Predicate.NEXT_TO]
    return likely


def _add_believed(graph: nx.MultiDiGraph[str], scene: SceneState, fact: Fact) -> None:
    belief = evaluate(fact, scene)
    if belief.value:
        graph.add_edge(fact.args[0], fact.args[1], key=fact.predicate.value, belief=belief)
