"""What the families share in drawing: objects that can be told apart, clutter around them, words for them.

In:  a generator, a Variation.
Out: Scene; Draft for one moved object and one target.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...perception.types import Shape
from ...planning.types import Fact, Predicate
from ..catalogue import make_object
from ..referring import refer
from ..scenes import ClutterEntry, ObjectEntry, Scene, SceneError, SceneFile, draw
from .family import Draft, Variation
from .held_out import held_out_looks, is_look_held_out

BLOCKS = ("block_small", "block_large")
SMALL = (*BLOCKS, "cylinder")
CROWD = ("cylinder", "mug")
"""What stands around besides what a family's clutter is, when there is to be more of it; none is put anything into."""
MOVABLE = (*SMALL, *SMALL, "mug")


def pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    """One of the choices."""
    return choices[int(rng.integers(len(choices)))]


def draw_scene(scene_file: SceneFile, variation: Variation, rng: np.random.Generator) -> Scene:
    """The scene, as the variation wants it; every family draws by this.

    Raises:
        SceneError: this draw's objects do not fit on the table, or one has a look that training never shows.
    """
    seed = int(rng.integers(2**31))
    for entry in scene_file.objects:
        if not variation.is_pair_held_out and is_look_held_out(entry.color, make_object(entry.kind).shape):
            raise SceneError(f"a {entry.color} {entry.kind} is held out, expected what training shows. Draw again.")
    kinds = variation.kinds
    objects = tuple(e.model_copy(update={"kind": kinds.get(e.kind, e.kind)}) for e in scene_file.objects)
    clutter = scene_file.clutter and _vary_clutter(scene_file.clutter, variation)
    varied = {"objects": objects, "clutter": clutter, "light": variation.light}
    return draw(scene_file.model_copy(update=varied), seed)


def _vary_clutter(clutter: ClutterEntry, variation: Variation) -> ClutterEntry:
    """The clutter that a family asks for, as the variation wants it."""
    kinds, least, most = clutter.kinds, clutter.min_total, clutter.max_total
    if variation.is_crowded:
        kinds += tuple(kind for kind in CROWD if kind not in kinds)
        least, most = max(least, variation.min_objects), max(most, variation.max_objects)
    return clutter.model_copy(
        update={
            "kinds": tuple(variation.kinds.get(kind, kind) for kind in kinds),
            "avoid": clutter.avoid if variation.is_pair_held_out else (*clutter.avoid, *held_out_looks()),
            "min_total": least,
            "max_total": most,
        }
    )


def draw_task_scene(
    rng: np.random.Generator, variation: Variation, kinds: Sequence[str], num_clutter: int | None = None
) -> Scene:
    """The kinds in colours that tell them apart, then clutter; now and then a twin of the first in another size.

    Raises:
        SceneError: this draw's objects do not fit on the table.
    """
    shapes_taken: set[tuple[str, Shape]] = set()
    entries: list[ObjectEntry] = []
    for kind in kinds:
        shape = make_object(kind).shape
        is_free = {color: (color, shape) not in shapes_taken for color in variation.colors}
        free = [
            c for c in variation.colors if is_free[c] and (variation.is_pair_held_out or not is_look_held_out(c, shape))
        ]
        entries.append(ObjectEntry(kind=kind, color=pick(rng, tuple(free))))
        shapes_taken.add((entries[-1].color, shape))
    if kinds[0] in BLOCKS and rng.random() < 0.2:
        twin = BLOCKS[1 - BLOCKS.index(kinds[0])]
        entries.append(ObjectEntry(kind=twin, color=entries[0].color))
    most = variation.max_objects if num_clutter is None else len(entries) + num_clutter
    at_least = max(variation.min_objects, len(entries))
    clutter = ClutterEntry(min_total=at_least, max_total=max(at_least, most), colors=variation.colors)
    return draw_scene(SceneFile(name="task", objects=tuple(entries), clutter=clutter), variation, rng)


def draw_pair(
    rng: np.random.Generator, variation: Variation, predicate: Predicate, moved: str, target: str
) -> Draft | None:
    """One thing in a relation to another; slots {moved} and {target}."""
    scene = draw_task_scene(rng, variation, (moved, target))
    first, second = scene.objects[:2]
    return draft(
        scene, (Fact(predicate, (first.name, second.name)),), {"moved": first.name, "target": second.name}, rng
    )


def avoiding(kinds: Sequence[str], colors: Sequence[str]) -> tuple[str, ...]:
    """What clutter must avoid so that no other thing of these kinds' shapes stands around."""
    return tuple(f"{color} {make_object(kind).shape.value}" for kind in kinds for color in colors)


def draft(
    scene: Scene,
    goal: tuple[Fact, ...],
    slots: dict[str, str],
    rng: np.random.Generator,
    *,
    by_relation: bool = True,
    **words: str,
) -> Draft | None:
    """A draft whose slots name objects of the scene; None when one of them has no description of its own.

    `words` fill further slots as they are. Without `by_relation` no object is described by its neighbours: what is
    "nearest" may change while the task is done.
    """
    described = {slot: refer(scene, name, rng, by_relation=by_relation) for slot, name in slots.items()}
    if None in described.values():
        return None
    return Draft(scene, goal, {**{slot: str(text) for slot, text in described.items()}, **words})
