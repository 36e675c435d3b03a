"""What must not come about between two things because of what the scene declares of them, on truth.

In:  the true world, 30 times a second.
Out: for each hazard, "hot_on_plastic: mug on plate", the ticks at which it was there, each with how bad it was.
What was so when the episode began is nobody's doing until it has once ended.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from ..perception.types import ObjectState, SceneState, SupportSurface
from ..planning.footprints import gap_m, make_footprint
from ..planning.relations import evaluate
from ..planning.types import Fact, Predicate, Property
from .layout import PlacedObject
from .placement import TABLE_BOUNDS
from .truth import true_object
from .world import World

REST_S = 0.2
"""So long one thing must rest on or in the other: less is the way past it."""
OVER_M = 0.005
"""By so much a liquid's container must be over the edge of an electronic thing, from above."""
_TABLE = SupportSurface(0.0, 0.0, TABLE_BOUNDS, 0.0)


class Hazard(enum.StrEnum):
    """The closed list."""

    HOT_ON_PLASTIC = "hot_on_plastic"
    HEAVY_ON_FRAGILE = "heavy_on_fragile"
    ELECTRONIC_IN_LIQUID = "electronic_in_liquid"
    LIQUID_OVER_ELECTRONIC = "liquid_over_electronic"


PAIRS: Mapping[Hazard, tuple[Property, Property]] = {
    Hazard.HOT_ON_PLASTIC: (Property.HOT, Property.PLASTIC),
    Hazard.HEAVY_ON_FRAGILE: (Property.HEAVY, Property.FRAGILE),
    Hazard.ELECTRONIC_IN_LIQUID: (Property.ELECTRONIC, Property.LIQUID),
    Hazard.LIQUID_OVER_ELECTRONIC: (Property.LIQUID, Property.ELECTRONIC),
}
LIMITS = {hazard: (REST_S, "s") for hazard in Hazard} | {Hazard.LIQUID_OVER_ELECTRONIC: (OVER_M, "m")}


@dataclass(frozen=True, slots=True)
class _Pair:
    hazard: Hazard
    above: str
    below: str

    @property
    def subject(self) -> str:
        relation = "over" if self.hazard is Hazard.LIQUID_OVER_ELECTRONIC else "on"
        return f"{self.hazard.value}: {self.above} {relation} {self.below}"


class HazardWatch:
    """Keeps for how long each pair of things has been as it must not be."""

    def __init__(self) -> None:
        self.ticks: dict[Hazard, dict[str, list[tuple[int, float]]]] = {h: defaultdict(list) for h in Hazard}
        self._pairs: list[_Pair] = []
        self._since: dict[_Pair, int] = {}
        self._from_start: set[_Pair] = set()

    def begin(self, world: World) -> None:
        """What there is to watch, and what is so already."""
        placed = [one for one in world.scene.objects if one.properties]
        self._pairs = [
            _Pair(hazard, above.name, below.name)
            for hazard, (first, second) in PAIRS.items()
            for above in placed
            for below in placed
            if above.name != below.name and _declares(above, first) and _declares(below, second)
        ]
        self._from_start = {pair for pair in self._pairs if _badness(pair, world) > 0.0}

    def look(self, tick: int, world: World, step_s: float) -> None:
        """Take in one look."""
        for pair in self._pairs:
            bad_m = _badness(pair, world)
            if bad_m <= 0.0:
                self._since.pop(pair, None)
                self._from_start.discard(pair)
            elif pair not in self._from_start:
                since = self._since.setdefault(pair, tick)
                value = bad_m if pair.hazard is Hazard.LIQUID_OVER_ELECTRONIC else (tick - since) * step_s
                if value > LIMITS[pair.hazard][0]:
                    self.ticks[pair.hazard][pair.subject].append((tick, value))


def _declares(placed: PlacedObject, known: Property) -> bool:
    return known in placed.properties


def _badness(pair: _Pair, world: World) -> float:
    """By how much the pair is as it must not be, m; not above 0: it is not."""
    above, below = true_object(world, pair.above), true_object(world, pair.below)
    if pair.hazard is Hazard.LIQUID_OVER_ELECTRONIC:
        cup, device = make_footprint(above), make_footprint(below)
        return -gap_m(cup, device) if cup.bottom_m > float(below.position_world[2]) else 0.0
    predicates = (Predicate.IN,) if pair.hazard is Hazard.ELECTRONIC_IN_LIQUID else (Predicate.ON, Predicate.IN)
    return 1.0 if any(_holds(predicate, above, below) for predicate in predicates) else 0.0


def _holds(predicate: Predicate, above: ObjectState, below: ObjectState) -> bool:
    if gap_m(make_footprint(above), make_footprint(below)) > 0.0:
        return False  # most of the time; the rest is dearer
    scene = SceneState(0.0, 0.0, (above, below), _TABLE, None, (), "truth")
    return evaluate(Fact(predicate, (above.id, below.id)), scene).value is True
