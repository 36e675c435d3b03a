"""Whether hand and fingers have room at a grasp or a place: a quick look before the arm is worked out.

In:  grasps or placements, the Room.
Out: those that fit, best first, with how far the fingers may open; else the fewest objects in the way.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
from jaxtyping import Float

from ..perception.types import SceneState
from ..planning.collision import FINGER, Clearance, CollisionModel, Room
from .grasps import Grasp
from .places import Placement
from .surroundings import names_in_the_way

NARROWER_M = (0.0, 0.008, 0.012)  # openings tried: the comfortable one less these
RELEASE_M = (0.020, 0.012, 0.006)  # fingers open to the object's width plus one of these
HIGHER_M = (
    0.0,
    0.004,
    0.010,
    0.016,
    0.022,
    0.030,
    0.038,
    0.046,
)  # let go this much above the lowest height, if need be
UNTOUCHED_M = 0.001  # fingers nearer than this may press on what they may touch
COMFORT_M = 0.012  # clearance beyond which more is not better
MAX_LOOKS = 60
FEW_LOOKS = 24  # then what was found is good enough

Way = TypeVar("Way")
Costly = TypeVar("Costly", Grasp, Placement)


@dataclass(frozen=True, slots=True)
class Release:
    """A placement at the height where it has room, and the opening that the fingers go to."""

    placement: Placement
    open_m: float

    @property
    def T_world_tool(self) -> Float[np.ndarray, "4 4"]:  # noqa: N802
        """The tool's pose at the release."""
        return self.placement.T_world_tool


class Alternatives(Generic[Way]):
    """Ways to do a step, best first, each worked out no sooner than it may be the best of those that are left."""

    def __init__(self, ways: Iterator[Way], blocked: list[tuple[str, ...]]) -> None:
        self._blocked = blocked
        self._first = next(ways, None)
        self._rest = ways

    def __bool__(self) -> bool:
        return self._first is not None

    @property
    def blocked_by(self) -> tuple[str, ...]:
        """The fewest objects that were in the way of one, where there is none."""
        return min((names for names in self._blocked if names), key=len, default=())

    def __iter__(self) -> Iterator[Way]:
        if self._first is not None:
            yield self._first
        yield from self._rest


def free_grasps(collision: CollisionModel, grasps: list[Grasp], room: Room, scene: SceneState) -> Alternatives[Grasp]:
    """Grasps with the widest opening that fits."""
    blocked: list[tuple[str, ...]] = []
    strict = _kept_away_from(room)

    def look(grasp: Grasp) -> tuple[float, Grasp] | None:
        for less in NARROWER_M:
            open_m = grasp.open_m - less
            clearances = _free_clearances(collision, grasp.T_world_tool, open_m, room, scene, blocked)
            if clearances is not None:
                least_m = min((c.distance_m for c in clearances if c.owner in strict), default=COMFORT_M)
                cost = grasp.cost + 2 * less + 2 * max(0.0, COMFORT_M - least_m)
                return cost, replace(grasp, open_m=open_m, is_tight=_short_m(clearances) > 0.0)
        return None

    return Alternatives(_best_first(sorted(grasps, key=lambda g: g.cost)[:MAX_LOOKS], look), blocked)


def free_releases(
    collision: CollisionModel,
    placements: list[Placement],
    room: Room,
    gap_m: float,
    max_width_m: float,
    scene: SceneState,
) -> Alternatives[Release]:
    """Placements as low as there is room, with the widest opening that fits; `gap_m` is the closed fingers'."""
    blocked: list[tuple[str, ...]] = []
    widths_m = list(dict.fromkeys(min(gap_m + extra, max_width_m) for extra in RELEASE_M))

    def clearances(T_world_tool: Float[np.ndarray, "4 4"], width_m: float, room: Room) -> list[Clearance] | None:
        return _free_clearances(collision, T_world_tool, width_m, room, scene, blocked)

    def look(placement: Placement) -> tuple[float, Release] | None:
        return _best_release(placement, clearances, room, gap_m, widths_m)

    return Alternatives(_best_first(placements[:MAX_LOOKS], look), blocked)


def _best_first(choices: Sequence[Costly], look: Callable[[Costly], tuple[float, Way] | None]) -> Iterator[Way]:
    """What looking makes of choices that come by their least cost; a look can only add to it."""
    found: list[tuple[float, int, Way]] = []
    for number, choice in enumerate(choices):
        while found and (found[0][0] <= choice.cost or number >= FEW_LOOKS):
            yield heapq.heappop(found)[2]
        looked = look(choice)
        if looked is not None:
            heapq.heappush(found, (looked[0], number, looked[1]))
    while found:
        yield heapq.heappop(found)[2]


def _best_release(
    placement: Placement,
    clearances: Callable[[Float[np.ndarray, "4 4"], float, Room], list[Clearance] | None],
    room: Room,
    gap_m: float,
    widths_m: list[float],
) -> tuple[float, Release] | None:
    """The height and the opening that keep the fingers off walls, or come nearest to it, with their cost."""
    # What was let go stands between the fingers, which only move away from it.
    open_room = replace(room, carried=())
    best: tuple[float, Release] | None = None
    for higher_m in HIGHER_M:
        T_world_tool = placement.T_world_tool.copy()
        T_world_tool[2, 3] += higher_m
        lowering = clearances(T_world_tool, gap_m, room)
        if lowering is None:
            continue
        for width_m in widths_m:
            opened = clearances(T_world_tool, width_m, open_room)
            if opened is None:
                continue
            short_m = max(_short_m(lowering), _short_m(opened))
            cost = placement.cost + 5 * higher_m + 2 * (widths_m[0] - width_m) + 30 * short_m
            if best is None or cost < best[0]:
                best = cost, Release(replace(placement, T_world_tool=T_world_tool), width_m)
            if short_m == 0.0:
                return best
    return best


def _free_clearances(
    collision: CollisionModel,
    T_world_tool: Float[np.ndarray, "4 4"],
    width_m: float,
    room: Room,
    scene: SceneState,
    blocked: list[tuple[str, ...]],
) -> list[Clearance] | None:
    """What the hand comes near to at this pose; None, and the names noted in `blocked`, when it is too near."""
    clearances = collision.gripper_clearances(T_world_tool, width_m, room)
    if not any(c.distance_m < room.required(c.part, c.owner) for c in clearances):
        return clearances
    blocked.append(names_in_the_way(clearances, room, scene))
    return None


def _short_m(clearances: list[Clearance]) -> float:
    """By how much the fingers come nearer to something than they should."""
    least_m = min((c.distance_m for c in clearances if c.part == FINGER), default=UNTOUCHED_M)
    return max(0.0, UNTOUCHED_M - least_m)


def _kept_away_from(room: Room) -> frozenset[str]:
    """Owners that fingers must not touch."""
    return frozenset(owner for owner in room.groups.owners if room.required(FINGER, owner) > 0)
