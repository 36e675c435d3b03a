"""What training never shows, in one place: the suite `generalize` shows it, every other draw of a family leaves it out.

In:  the colour and shape of a thing; a scene and the facts that its sentences mean.
Out: whether that is held out.
Phrases are held out beside the training phrases of each family (`Phrases.held_out`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...perception.types import Shape
from ...planning.types import Fact
from ..scenes import Scene

COLORS = ("pink", "brown", "gray", "black")
"""In which nothing on a training table is."""
KINDS: Mapping[str, str] = {
    "block_small": "brick",
    "block_large": "slab",
    "cylinder": "can",
    "bowl": "basin",
    "mug": "beaker",
    "plate": "saucer",
    "tray": "square_tray",
    "bin": "crate",
    "box": "crate",
}
"""What stands for a kind of training: of its shape class, in other proportions."""
LOOKS: Mapping[Shape, str] = {
    Shape.BLOCK: "purple",
    Shape.CYLINDER: "orange",
    Shape.BOWL: "yellow",
    Shape.MUG: "cyan",
    Shape.PLATE: "red",
    Shape.TRAY: "green",
    Shape.BOX: "blue",
}
"""The colour in which no such thing stands on a training table, though the colour and the shape both occur."""
MEETINGS: Mapping[str, str] = {
    "red": "white",
    "orange": "cyan",
    "yellow": "purple",
    "green": "orange",
    "cyan": "red",
    "blue": "yellow",
    "purple": "green",
    "white": "blue",
}
"""To what is of the second colour nothing of the first is brought in training."""


def is_look_held_out(color: str, shape: Shape) -> bool:
    """Whether nothing of that shape has this colour in training."""
    return LOOKS.get(shape) == color


def held_out_looks() -> tuple[str, ...]:
    """The same as descriptions, "colour shape"."""
    return tuple(f"{color} {shape.value}" for shape, color in LOOKS.items())


def names_held_out_pair(scene: Scene, facts: Iterable[Fact]) -> bool:
    """Whether a fact is about a thing of a held-out look, or brings two colours together that never meet."""
    placed = {o.name: o for o in scene.objects}
    for fact in facts:
        named = [placed[name] for name in fact.args if name in placed]
        if any(is_look_held_out(o.color, o.shape) for o in named):
            return True
        if any(MEETINGS.get(named[0].color) == other.color for other in named[1:]):
            return True
    return False


def shows_held_out_pair(scene: Scene, facts: Iterable[Fact]) -> bool:
    """Whether anything in the scene or its facts is held out."""
    return any(is_look_held_out(o.color, o.shape) for o in scene.objects) or names_held_out_pair(scene, facts)
