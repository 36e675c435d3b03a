"""Small pieces that lie about: spoken of together, swept together, and never told apart.

In:  a SceneState; the name of a pile (PILE, or PILE and a colour).
Out: its pieces now. Pieces that touch may be seen as one; their ids change as they are swept, the pile's name does not.
"""

from __future__ import annotations

from ..perception.types import ObjectState, SceneState, Shape
from .types import PILE, Fact

PIECE_M = 0.025  # what is lower than this, and not hollow, is a piece of a pile


def pile_name(color: str | None) -> str:
    """The name of all pieces, or of those of one colour."""
    return PILE if color is None else f"{PILE}:{color}"


def pile_words(name: str) -> str:
    """The pile in a person's words."""
    color = name.partition(":")[2]
    return f"the {color} pile" if color else "the pile"


def is_pile(name: str) -> bool:
    """Whether a fact's argument means a pile."""
    return name == PILE or name.startswith(f"{PILE}:")


def is_piece(item: ObjectState) -> bool:
    """Whether it is so low that it can only be swept together: no dish, and no thing that is gripped singly."""
    is_open = item.cavity_depth_m > 0.0 or item.shape in (Shape.BOWL, Shape.MUG, Shape.PLATE, Shape.TRAY, Shape.ZONE)
    return not is_open and float(item.size_m[2]) < PIECE_M


def pieces_of(name: str, scene: SceneState) -> tuple[ObjectState, ...]:
    """What lies there of the pile now, on the table or elsewhere.

    Only what the last look showed: swept pieces change their ids, and what is not seen any more is one of the others.
    """
    color = name.partition(":")[2]
    pieces = [o for o in scene.objects if is_piece(o) and color in ("", o.color)]
    latest_s = max((o.last_seen_s for o in pieces), default=0.0)
    return tuple(o for o in pieces if o.last_seen_s >= latest_s)


def one_by_one(fact: Fact, scene: SceneState) -> tuple[Fact, ...]:
    """A fact of a pile as facts of its pieces; any other as it is."""
    if not is_pile(fact.args[0]):
        return (fact,)
    return tuple(Fact(fact.predicate, (o.id, *fact.args[1:])) for o in pieces_of(fact.args[0], scene))
