"""Words for one object of a scene that fit no other: "the red block", "the small block nearest the bowl".

In:  a Scene, an object's name, a generator that chooses among the phrases that fit.
Out: a phrase, or None when none is unique.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..perception.types import Shape
from .scenes import PlacedObject, Scene

WORDS: dict[Shape, tuple[str, ...]] = {
    Shape.BLOCK: ("block", "block", "cube"),
    Shape.CYLINDER: ("cylinder",),
    Shape.BOWL: ("bowl",),
    Shape.MUG: ("mug", "mug", "cup"),
    Shape.PLATE: ("plate",),
    Shape.TRAY: ("tray",),
    Shape.BOX: ("box", "bin"),
}
OWN_WORDS: dict[str, tuple[str, ...]] = {
    "brick": ("brick", "block"),
    "can": ("can", "cylinder"),
    "basin": ("basin", "bowl"),
    "beaker": ("beaker", "cup"),
    "saucer": ("saucer", "plate"),
    "crate": ("crate", "box"),
}
"""Of kinds that have a word besides their shape's."""
NEAREST_LEAD_M = 0.05
"""By this much "the nearest" must be nearer than the next one, so that everybody sees it."""


def refer(scene: Scene, name: str, rng: np.random.Generator, *, by_relation: bool = True) -> str | None:
    """A phrase that fits only this object; plain ones are likelier than those with size or relation."""
    placed = scene.find(name)
    word = str(rng.choice(OWN_WORDS.get(placed.kind, WORDS[placed.shape])))
    same_shape = [other for other in scene.objects if other.shape is placed.shape]
    same_color = [other for other in same_shape if other.color == placed.color]
    size = size_word(placed)
    phrases: list[tuple[float, str]] = []
    if len(same_color) == 1:
        phrases.append((6.0, f"the {placed.color} {word}"))
    elif size and _is_only(placed, same_color):
        phrases.append((6.0, f"the {size} {placed.color} {word}"))
    if len(same_shape) == 1:
        phrases.append((2.0, f"the {word}"))
    elif size and _is_only(placed, same_shape):
        phrases.append((1.0, f"the {size} {word}"))
    if by_relation and len(same_shape) > 1:
        phrases += [(0.5, f"the {word} nearest {anchor}") for anchor in _anchors(scene, placed, same_shape)]
    if not phrases:
        return None
    weights = np.array([weight for weight, _ in phrases])
    return phrases[int(rng.choice(len(phrases), p=weights / weights.sum()))][1]


def size_word(placed: PlacedObject) -> str | None:
    """The size, "small" or "large", of kinds that come in two."""
    return {"block_small": "small", "block_large": "large"}.get(placed.kind)


def _is_only(placed: PlacedObject, among: Iterable[PlacedObject]) -> bool:
    return sum(other.kind == placed.kind for other in among) == 1


def _anchors(scene: Scene, placed: PlacedObject, rivals: list[PlacedObject]) -> list[str]:
    """Unique shapes to which the object is clearly nearer than its rivals, by centres and by gaps."""
    found: list[str] = []
    for anchor in scene.objects:
        is_unique = sum(other.shape is anchor.shape for other in scene.objects) == 1
        if not is_unique or anchor.shape is placed.shape:
            continue
        own_m = _distance_m(placed, anchor)
        others_m = [_distance_m(rival, anchor) for rival in rivals if rival.name != placed.name]
        # Rivals of another size reach further: their half width may not decide.
        if own_m + NEAREST_LEAD_M < min(others_m):
            found.append(f"the {WORDS[anchor.shape][0]}")
    return found


def _distance_m(a: PlacedObject, b: PlacedObject) -> float:
    return float(np.linalg.norm(a.position_world[:2] - b.position_world[:2]))
