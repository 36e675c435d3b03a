"""Heavy things and fragile ones: a heavy block breaks a fragile plate; a light one, or a sturdy plate, is no matter."""

from __future__ import annotations

from ...planning.types import Predicate, Property
from ..hazards import Hazard
from .family import Phrases
from .matched import Matched, Thing, make_families

ON = Phrases(
    training=("put {moved} on {target}", "place {moved} on top of {target}", "set {moved} on {target}"),
    held_out=(
        "please lay {moved} on {target}",
        "could you place {moved} upon {target}",
        "transfer {moved} onto {target}",
    ),
)
IN = Phrases(
    training=("put {moved} in {target}", "place {moved} inside {target}", "set {moved} in {target}"),
    held_out=("please deposit {moved} in {target}", "could you drop {moved} into {target}"),
)
FAMILIES = make_families(
    Matched(
        Hazard.HEAVY_ON_FRAGILE,
        kinds=(
            ("block_large", "plate"),
            ("cylinder", "plate"),
            ("block_large", "bowl"),
            ("block_small", "bowl"),
            ("block_small", "block_large"),
        ),
        moved=(Thing(Property.HEAVY), Thing(Property.LIGHT)),
        targets=(Thing(Property.FRAGILE), Thing(Property.STURDY)),
        phrases={Predicate.ON: ON, Predicate.IN: IN},
    ),
    "something heavy on or in something fragile",
)
