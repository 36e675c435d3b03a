"""What is known of kinds of things, from data/ontology.toml, joined with the objects of a scene.

In:  the ontology file; ObjectStates.
Out: Ontology: is-a questions and properties, of classes and of perceived objects.
"""

from __future__ import annotations

import difflib
import functools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal, cast

import networkx as nx

from ..perception.types import UNKNOWN_COLOR, ObjectState, Shape
from .relations import WALL_M
from .robot_description import GripperDescription
from .types import NamedLook, Property

Grasp = Literal["body", "rim", "none"]
PROPERTIES: dict[str, tuple[object, ...]] = {
    "grasp": ("body", "rim", "none"),
    "contains": (True, False),
    "carries": (True, False),
    "upright": (True, False),
}
ROOT = "object"
LOOK_RATIO = 1.35  # a thing that is this much larger or smaller than declared is another thing
GRIP_SPARE_M = 0.005  # fingers need this much more than the object's width


class OntologyError(ValueError):
    """An ontology that cannot be used; one line with file, key and what was expected."""


@dataclass(frozen=True)
class Ontology:
    """Classes as a graph (edges point to the more general class) with properties filled in by inheritance."""

    graph: nx.DiGraph[str]
    class_of_shape: dict[Shape, str]
    lineages: dict[str, tuple[str, ...]]  # each class with all that it is, itself first
    looks: tuple[NamedLook, ...] = ()

    def is_a(self, name: str, general: str) -> bool:
        """Whether every `name` is a `general`."""
        return general in self.lineages.get(name, (name,))

    def classes_of(self, item: ObjectState) -> tuple[str, ...]:
        """All classes of an object, its own first, then what the operator calls things that look like it."""
        return (*self.lineages[self.class_of_shape[item.shape]], *self.called(item))

    def called(self, item: ObjectState) -> tuple[str, ...]:
        """The declared names that fit its colour and size."""
        return tuple(look.nouns[0] for look in self.looks if look.nouns and _fits(item, look))

    def properties_of(self, item: ObjectState) -> frozenset[Property]:
        """What the operator has declared of things that look like it; where several do, all of it."""
        return frozenset(known for look in self.looks if _fits(item, look) for known in look.properties)

    def with_looks(self, looks: Sequence[NamedLook]) -> Ontology:
        """The same, knowing also what the operator calls things in this scene."""
        return replace(self, looks=(*self.looks, *looks))

    def grasp(self, item: ObjectState) -> Grasp:
        """Where such a thing can be gripped."""
        return cast("Grasp", self.graph.nodes[self.class_of_shape[item.shape]]["grasp"])

    def has(self, item: ObjectState, name: Literal["contains", "carries", "upright"]) -> bool:
        """A property of the object's class."""
        return bool(self.graph.nodes[self.class_of_shape[item.shape]][name])

    def why_not_graspable(self, item: ObjectState, gripper: GripperDescription) -> str | None:
        """The reason why this gripper cannot hold the object, or None when it can."""
        grasp = self.grasp(item)
        width_m = float(min(item.size_m[0], item.size_m[1]))
        if grasp == "none":
            return f"it is {width_m * 100:.0f} cm wide and has no edge that the gripper can hold"
        if grasp == "rim" and gripper.max_width_m > WALL_M and item.cavity_depth_m > 0.0:
            return None
        if width_m > gripper.max_width_m - GRIP_SPARE_M:
            opens_cm = (gripper.max_width_m - GRIP_SPARE_M) * 100
            return f"it is {width_m * 100:.1f} cm wide and the gripper takes at most {opens_cm:.1f} cm"
        return None


def _fits(item: ObjectState, look: NamedLook) -> bool:
    # Where the colour is not known it may be any: what is declared dangerous must not pass for harmless.
    return item.color in (look.color, UNKNOWN_COLOR) and _is_as_large(item, look)


def _is_as_large(item: ObjectState, look: NamedLook) -> bool:
    """As high when it stands, and not much wider; of a shape that no perceiver knows it may see only a part's width."""
    seen, declared = [float(edge) for edge in item.size_m], look.size_m
    is_as_high = 1 / LOOK_RATIO < seen[2] / declared[2] < LOOK_RATIO
    return is_as_high and max(seen[:2]) < LOOK_RATIO * max(declared[:2])


def load_ontology(path: Path | None = None) -> Ontology:
    """Read and check an ontology; without a path the one shipped with the package."""
    if path is None:
        return _load_shipped()
    try:
        return _build(tomllib.loads(path.read_text(encoding="utf-8")), path.name)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise OntologyError(f"{path}: {problem}. Expected a readable TOML file with [classes.…] tables.") from None


@functools.cache
def _load_shipped() -> Ontology:
    text = (resources.files(__package__ or "verbot.planning") / "data" / "ontology.toml").read_text(encoding="utf-8")
    return _build(tomllib.loads(text), "ontology.toml")


def _build(data: dict[str, Any], file: str) -> Ontology:
    classes = cast("dict[str, dict[str, Any]]", data.get("classes", {}))
    if ROOT not in classes:
        raise OntologyError(f"{file}: [classes.{ROOT}] is missing. Add it: every class is an {ROOT}.")
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(classes)
    class_of_shape: dict[Shape, str] = {}
    for name, entry in classes.items():
        _check_keys(file, name, entry)
        for general in entry.get("is_a", []):
            if general not in classes:
                raise OntologyError(
                    f"{file}: classes.{name}.is_a names the unknown class '{general}'. {_hint(general, classes)}"
                )
            graph.add_edge(name, general)
        for shape in entry.get("shapes", []):
            if shape not in set(Shape):
                raise OntologyError(f"{file}: classes.{name}.shapes has no shape '{shape}'. {_hint(shape, set(Shape))}")
            class_of_shape[Shape(shape)] = name
    if not nx.is_directed_acyclic_graph(graph):
        edges = cast("list[tuple[str, str]]", nx.find_cycle(graph))  # pyright: ignore[reportUnknownMemberType]
        circle = [edge[0] for edge in edges]
        raise OntologyError(f"{file}: classes.{circle[0]}.is_a goes in a circle: {' → '.join([*circle, circle[0]])}.")
    orphan = next((n for n in classes if n != ROOT and not nx.has_path(graph, n, ROOT)), None)
    if orphan is not None:
        raise OntologyError(f'{file}: classes.{orphan} is no {ROOT}. Add is_a = ["{ROOT}"] or a class that is one.')
    homeless = next((s for s in Shape if s not in class_of_shape), None)
    if homeless is not None:
        raise OntologyError(f'{file}: no class has shapes = ["{homeless.value}"]. Add it to the class of that shape.')
    _inherit(graph, classes, file)
    lineages = {n: (n, *(g for g in classes if g != n and nx.has_path(graph, n, g))) for n in classes}
    return Ontology(graph, class_of_shape, lineages)


def _check_keys(file: str, name: str, entry: dict[str, Any]) -> None:
    allowed = {"is_a", "shapes", *PROPERTIES}
    for key, value in entry.items():
        if key not in allowed:
            raise OntologyError(f"{file}: unknown key classes.{name}.{key}. {_hint(key, allowed)}")
        if key in PROPERTIES and value not in PROPERTIES[key]:
            expected = ", ".join(str(v).lower() for v in PROPERTIES[key])
            raise OntologyError(f"{file}: classes.{name}.{key} is {value!r}, expected one of: {expected}.")
        if key in ("is_a", "shapes") and not isinstance(value, list):
            raise OntologyError(f"{file}: classes.{name}.{key} is {value!r}, expected a list of names.")


def _inherit(graph: nx.DiGraph[str], classes: dict[str, dict[str, Any]], file: str) -> None:
    """Fill in every property, from the nearest class above that states it; the first one named wins a tie."""
    for name in graph.nodes:
        for key in PROPERTIES:
            level, seen = [name], {name}
            while level and not any(key in classes[n] for n in level):
                above = [g for n in level for g in classes[n].get("is_a", []) if g not in seen]
                seen |= set(above)
                level = above
            owner = next((n for n in level if key in classes[n]), None)
            if owner is None:
                raise OntologyError(
                    f"{file}: classes.{ROOT}.{key} is missing. State it: all classes inherit from {ROOT}."
                )
            graph.nodes[name][key] = classes[owner][key]


def _hint(word: str, known: Any) -> str:
    names = sorted(str(k) for k in known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return (f"Did you mean '{close[0]}'? " if close else "") + f"Known: {', '.join(names)}."
