"""Which object a phrase means, and which phrase means an object.

In:  a Reference (phrases.py) and a SceneGraph.
Out: object ids, or a Problem that says what is there or asks which one is meant; `describe` goes the other way.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..perception.types import UNKNOWN_COLOR, ObjectState, Shape
from .knowledge import ROOT
from .phrases import Reference, Where
from .piles import is_piece
from .scene_graph import SceneGraph
from .types import PILE, TABLE, Predicate, Problem, ProblemKind

ZONE = Shape.ZONE.value
SAME_SIZE = 1.15  # sizes within this ratio are not told apart by "small" and "large"
SAME_DISTANCE_M = 0.004  # nor are distances by "nearest", "leftmost" …
SURE_SHAPE = 0.5  # below this shape confidence any noun may mean the object, if nothing else fits
EXTREMES: dict[str, tuple[float, float]] = {
    "leftmost": (0.0, 1.0),
    "rightmost": (0.0, -1.0),
    "frontmost": (-1.0, 0.0),
    "backmost": (1.0, 0.0),
    "nearest": (-1.0, 0.0),
    "farthest": (1.0, 0.0),
}


@dataclass(frozen=True, slots=True)
class _Unclear:
    """A reference within the phrase ("… nearest the bowl") that means no object or several."""

    reference: Reference
    found: list[ObjectState]


def resolve(reference: Reference, graph: SceneGraph) -> tuple[str, ...] | Problem:
    """The ids that the reference means: one for "the", any number for "all". Pronouns are resolved by the caller."""
    ids = _select(reference, graph)
    if not isinstance(ids, _Unclear):
        return ids
    return _ambiguous(ids.reference, ids.found, graph) if ids.found else _not_present(ids.reference, graph)


def describe(item: ObjectState, graph: SceneGraph) -> str:
    """Short words that mean this object alone in the scene: "the small red block in the bowl"."""
    noun = next(iter(graph.ontology.called(item)), noun_of(item))
    for phrase, reference in _descriptions(item, noun, graph):
        found = _matching(reference, graph)
        if not isinstance(found, _Unclear) and [o.id for o in found] == [item.id]:
            return phrase
    return f"the {_color_words(item)}{noun}"


def noun_of(item: ObjectState) -> str:
    """The everyday word for its shape."""
    return "object" if item.shape is Shape.THING else item.shape.value


def listed(phrases: Sequence[str], last: str = "or") -> str:
    """Joined for reading: "a, b or c"."""
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} {last} {phrases[-1]}"


def _select(reference: Reference, graph: SceneGraph) -> tuple[str, ...] | _Unclear:
    """Ids by quantifier."""
    if reference.noun == TABLE:
        return (TABLE,)
    found = _matching(reference, graph)
    if isinstance(found, _Unclear):
        return found
    for left_out in reference.but:
        out = _select(replace(left_out, noun=reference.noun) if left_out.is_one else left_out, graph)
        if isinstance(out, _Unclear):
            return out
        found = [o for o in found if o.id not in out]
    ids = tuple(o.id for o in found)
    if reference.quantifier == "any" and ids:
        return (min(found, key=lambda o: (o.id not in graph.chosen, _num_upon(o, graph), o.id)).id,)
    if reference.quantifier == "both":
        return ids if len(ids) == 2 else _Unclear(reference, found)
    if reference.quantifier in ("all", "these") and reference.color and any(o.color == UNKNOWN_COLOR for o in found):
        return _Unclear(reference, found)  # nobody knows which of them are
    is_clear = len(ids) == 1 or ((reference.quantifier in ("all", "these") or reference.noun == PILE) and ids)
    return ids if is_clear else _Unclear(reference, found)


def _matching(reference: Reference, graph: SceneGraph) -> list[ObjectState] | _Unclear:
    """Objects that fit every word of the reference."""
    noun = reference.noun
    there = graph.zones if noun == ZONE else graph.objects
    if noun == ROOT:  # nobody who says "everything" or "the thing on the left" means the furniture
        there = tuple(o for o in there if o.fixture is None)
    same_kind = [o for o in there if (is_piece(o) if noun == PILE else noun in graph.ontology.classes_of(o))]
    colored = _of_color(reference, there)
    found = _of_color(reference, same_kind)
    if not found and reference.color is not None and noun not in (ZONE, PILE):
        # A shape seen wrongly must not be fatal where the colour still tells which one is meant.
        found = [o for o in colored if o.shape is Shape.THING or o.shape_confidence < SURE_SHAPE]
    found = [o for o in found if graph.ontology.properties_of(o).issuperset(reference.properties)]
    for where in reference.where:
        related = _related(where, found, graph)
        if isinstance(related, _Unclear):
            return related
        found = related
    if reference.size is not None:
        found = _of_size(found, reference.size, [o for o in same_kind if any(o.shape is f.shape for f in found)])
    if reference.superlative is not None:
        return _extreme(reference, found, graph)
    return found


def _of_color(reference: Reference, there: Sequence[ObjectState]) -> list[ObjectState]:
    """Those of the colour that was said; where none is known to have it, those that may: unknown is not absent."""
    found = [o for o in there if reference.color in (None, o.color)]
    return found or [o for o in there if o.color == UNKNOWN_COLOR]


def _color_words(item: ObjectState) -> str:
    return "" if item.color == UNKNOWN_COLOR else f"{item.color} "


def _meant_by(item: ObjectState, noun: str) -> Reference:
    return Reference(noun=noun, color=None if item.color == UNKNOWN_COLOR else item.color)


def _related(where: Where, found: list[ObjectState], graph: SceneGraph) -> list[ObjectState] | _Unclear:
    target = _select(where.target, graph)
    if isinstance(target, _Unclear):
        return target
    if where.relation in ("nearest", "farthest"):
        return _by_distance([o for o in found if o.id not in target], target, where.relation == "nearest", graph)
    relation = Predicate(where.relation)
    return [o for o in found if any(graph.relates(relation, o, other) for other in target if other != o.id)]


def _by_distance(
    found: list[ObjectState], targets: tuple[str, ...], nearest: bool, graph: SceneGraph
) -> list[ObjectState]:
    anchors = [a for name in targets if (a := graph.scene.find(name)) is not None]
    if not found or not anchors:
        return []
    sign = 1.0 if nearest else -1.0

    def distance_m(item: ObjectState) -> float:
        offsets = [item.position_world[:2] - a.position_world[:2] for a in anchors]
        return sign * min(math.hypot(float(o[0]), float(o[1])) for o in offsets)

    return _lowest(found, [distance_m(o) for o in found])


def _lowest(found: list[ObjectState], values: list[float]) -> list[ObjectState]:
    limit = min(values) + SAME_DISTANCE_M
    return [o for o, value in zip(found, values, strict=True) if value <= limit]


def _volume_size_m(item: ObjectState) -> float:
    return float(item.size_m[0] * item.size_m[1] * item.size_m[2]) ** (1 / 3)


def _of_size(found: list[ObjectState], size: str, others: list[ObjectState]) -> list[ObjectState]:
    """Small or large among those of the same shape; where all are alike, the word says nothing."""
    kept: list[ObjectState] = []
    for item in found:
        sizes = [_volume_size_m(o) for o in others if o.shape is item.shape]
        smallest, largest = min(sizes), max(sizes)
        is_small = _volume_size_m(item) < (smallest + largest) / 2
        if largest < SAME_SIZE * smallest or is_small == (size == "small"):
            kept.append(item)
    return kept


def _extreme(reference: Reference, found: list[ObjectState], graph: SceneGraph) -> list[ObjectState] | _Unclear:
    best = reference.superlative
    if not found or best is None:
        return found
    if best in ("smallest", "largest"):
        sign = 1.0 if best == "smallest" else -1.0
        sizes = [sign * _volume_size_m(o) for o in found]
        return [o for o, value in zip(found, sizes, strict=True) if value <= min(sizes) + 0.002]
    if reference.nearest_to is not None:
        return _related(Where(best, reference.nearest_to), found, graph)
    dx, dy = EXTREMES[best]
    return _lowest(found, [-(float(o.position_world[0]) * dx + float(o.position_world[1]) * dy) for o in found])


def _num_upon(item: ObjectState, graph: SceneGraph) -> int:
    return sum(support == item.id for support in graph.supports.values())


def _descriptions(item: ObjectState, noun: str, graph: SceneGraph) -> Iterator[tuple[str, Reference]]:
    """Phrases from plain to laboured, each with what it parses to."""
    peers = [o for o in (*graph.objects, *graph.zones) if o.shape is item.shape]
    sizes = [_volume_size_m(o) for o in peers] or [1.0]
    is_small = _volume_size_m(item) < (min(sizes) + max(sizes)) / 2
    size = ("small" if is_small else "large") if max(sizes) >= SAME_SIZE * min(sizes) else None
    plain, words_of = _meant_by(item, noun), f"{_color_words(item)}{noun}"
    bases = [(words_of, plain)]
    if size is not None:
        bases.append((f"{size} {words_of}", replace(plain, size=size)))
    for words, reference in bases:
        yield f"the {words}", reference
    for words, reference in bases:
        for phrase, target in _anchors(item, graph):
            relation = Predicate.IN if target.noun in ("bowl", "mug", "tray", "box") else Predicate.ON
            yield f"the {words} {relation.value} {phrase}", replace(reference, where=(Where(relation, target),))
    for words, reference in bases:
        for best in ("leftmost", "rightmost", "frontmost", "backmost"):
            yield f"the {best} {words}", replace(reference, superlative=best)
    for words, reference in bases:
        for other in graph.objects:
            if other.id != item.id:
                target = _meant_by(other, noun_of(other))
                phrase = f"the {words} nearest the {_color_words(other)}{noun_of(other)}"
                yield phrase, replace(reference, where=(Where("nearest", target),))


def _anchors(item: ObjectState, graph: SceneGraph) -> Iterator[tuple[str, Reference]]:
    """What it rests on or in, in words."""
    support = graph.supports.get(item.id)
    if support == TABLE:
        yield "the table", Reference(noun=TABLE)
    under = graph.scene.find(support) if support else None
    if under is not None:
        yield f"the {_color_words(under)}{noun_of(under)}", _meant_by(under, noun_of(under))


def _not_present(reference: Reference, graph: SceneGraph) -> Problem:
    words = reference.words or f"the {reference.noun}"
    there = [*graph.objects, *graph.zones]
    seen = [describe(o, graph).removeprefix("the ") for o in there]
    what = f'Nothing here is "{words}".'
    if not seen:
        return Problem(ProblemKind.NOT_PRESENT, f"{what} Nothing is seen at all; put it where the cameras see it.")
    message = f"{what} Seen: {listed(seen, 'and')}. Name one of these."
    return Problem(ProblemKind.NOT_PRESENT, message, tuple(f"the {s}" for s in seen))


def _ambiguous(reference: Reference, found: list[ObjectState], graph: SceneGraph) -> Problem:
    candidates = tuple(describe(o, graph) for o in found)
    words = reference.words or f"the {reference.noun}"
    if reference.color and any(o.color == UNKNOWN_COLOR for o in found):
        message = (
            f"No camera has seen which {reference.noun} is {reference.color}. Is it {listed(candidates)}? "
            "Name it by its place or size."
        )
        return Problem(ProblemKind.AMBIGUOUS, message, candidates)
    noun = "one" if reference.noun == "object" else reference.noun
    message = f'Which {noun}: {listed(candidates)}? "{words}" fits {len(found)}; say it with one of these.'
    return Problem(ProblemKind.AMBIGUOUS, message, candidates)
