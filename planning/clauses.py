"""What a sentence is made of once it is read: one clause for each thing to do.

In:  made by language.py and arranging.py.
Out: Clause, which grounding turns into goal facts.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .phrases import Reference
from .types import Action, Predicate


class Form(enum.StrEnum):
    """What kind of thing a clause asks for."""

    PLACE = "place"  # objects somewhere, or in the hand
    SWAP = "swap"  # each of two where the other was
    ROW = "row"  # side by side in the order in which they are named, from left to right
    PYRAMID = "pyramid"  # two side by side and the first named upon both


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing to do. A pick has no predicate; `side` is set for places at a side of the table.

    `later` begins a new stage ("then"); `stacked` says that the verb was to stack; `source` is what the object is to
    be taken out of ("take the block out of the bowl"); `manner` is how, where it was said to be pushed or swept.
    A row, a pyramid or a swap has neither predicate nor target; `top` is what the pyramid's top is called, among those
    in `moved` or beside them.
    """

    moved: tuple[Reference, ...]
    predicate: Predicate | None = None
    target: Reference | None = None
    side: str | None = None
    source: Reference | None = None
    stacked: bool = False
    later: bool = False
    form: Form = Form.PLACE
    is_reversed: bool = False
    top: Reference | None = None
    manner: Action | None = None
