"""Where something goes on or in another object, and whether it can.

In:  the object, the object that is to carry it, the scene.
Out: GoalRegion: spots, best first; without any, the objects that take up the room.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..perception.types import ObjectState, SceneState, Shape
from .footprints import Footprint, gap_m, make_footprint
from .relations import IN_DEPTH_M, WALL_M, is_shallow, support_of
from .types import Predicate

CONTENT_GAP_M = 0.008  # between things inside one container
OFFSET_M = 0.01  # steps in which a container's floor is tried
FIT_M = 0.002  # play that something needs in the opening it goes into
BOARD_GAP_M = 0.03  # between things on one board
MAX_SPOTS = 24


@dataclass(frozen=True, slots=True)
class GoalSpot:
    """A place for the object's centre; its bottom comes to rest at `support_m`.

    `margin_m` is by how much the fact would hold, `clearance_m` the free space around the object there.
    """

    x_m: float
    y_m: float
    support_m: float
    margin_m: float
    clearance_m: float


@dataclass(frozen=True, slots=True)
class GoalRegion:
    """Spots, best first. Without spots, `blocked_by` names what would have to go (empty: out of reach)."""

    spots: tuple[GoalSpot, ...]
    blocked_by: tuple[str, ...] = ()


def fits(item: ObjectState, target: ObjectState, predicate: Predicate) -> bool:
    """Whether the object is small enough to go in (or on) the target, whatever else is there."""
    if target.shape is Shape.ZONE:
        return True  # it has no walls, and only the middle of what lies there counts
    a, b = make_footprint(item), make_footprint(target)
    if target.fixture is not None and target.fixture.slide is not None and item.size_m[2] > target.cavity_depth_m:
        return False  # the drawer could not be shut over it
    if target.cavity_depth_m > 0.0 and predicate in (Predicate.ON, Predicate.IN):
        if is_shallow(target):
            return a.inner_radius_m <= b.inner_radius_m and a.outer_radius_m <= b.outer_radius_m
        return a.outer_radius_m + FIT_M <= b.inner_radius_m - WALL_M
    # Upon a solid thing: the support carries the centre with room to spare.
    return a.inner_radius_m <= 2.5 * b.inner_radius_m


def contents_of(target: ObjectState, scene: SceneState, *, without: str) -> list[ObjectState]:
    """What rests on or in the target, directly or upon other contents."""
    inside = {target.id}
    supports = {o.id: support_of(o, scene) for o in scene.objects if o.id != without}
    for _ in supports:
        more = {o for o, s in supports.items() if s in inside} - inside
        if not more:
            break
        inside |= more
    return [o for o in scene.objects if o.id in inside and o.id not in (target.id, without)]


def spots_on_top(item: ObjectState, target: ObjectState, scene: SceneState) -> GoalRegion:
    """The middle of the target's top, if nothing stands there; of furniture any free place on it."""
    contents = contents_of(target, scene, without=item.id)
    if target.fixture is not None:
        return _spots_on_board(item, target, contents)
    if contents:
        return GoalRegion((), tuple(sorted(o.id for o in contents)))
    b = make_footprint(target)
    return GoalRegion((GoalSpot(b.x_m, b.y_m, b.top_m, b.inner_radius_m, 0.0),))


def _spots_on_board(item: ObjectState, target: ObjectState, contents: list[ObjectState]) -> GoalRegion:
    """Places on a board, away from its edges and from what stands there, nearest to the robot first."""
    b, radius_m = make_footprint(target), make_footprint(item).outer_radius_m
    taken = [make_footprint(o) for o in contents]
    spots: list[tuple[float, GoalSpot]] = []
    for x, y in _offsets(b, b.shrunk(radius_m + WALL_M)):
        disc = Footprint(x, y, radius_m, radius_m, 0.0, True, b.top_m, b.top_m)
        clearance_m = min((gap_m(disc, c) for c in taken), default=1.0)
        if clearance_m >= BOARD_GAP_M:
            spot = GoalSpot(x, y, b.top_m, b.inside_m(x, y), clearance_m)
            spots.append((math.hypot(x, y) + 0.5 * math.hypot(x - b.x_m, y - b.y_m), spot))
    spots.sort(key=lambda s: (round(s[0], 6), s[1].x_m, s[1].y_m))
    if not spots:
        return GoalRegion((), tuple(sorted(o.id for o in contents)))
    return GoalRegion(tuple(spot for _, spot in spots[:MAX_SPOTS]))


def spots_inside(
    item: ObjectState, target: ObjectState, scene: SceneState, coming: Sequence[ObjectState] = ()
) -> GoalRegion:
    """Spots within the opening beside what already lies there; in a deep one also upon it.

    Spots that leave room for what is `coming` after it are better.
    """
    b = make_footprint(target)
    a_radius_m = make_footprint(item).outer_radius_m
    contents = [(o, make_footprint(o)) for o in contents_of(target, scene, without=item.id)]
    floor_m = b.top_m - target.cavity_depth_m
    wall_m = WALL_M if target.shape in (Shape.PLATE, Shape.TRAY, Shape.BOX) else 2 * WALL_M
    room = b.shrunk(wall_m + a_radius_m)
    spots: list[tuple[float, GoalSpot]] = []
    for x, y in _offsets(b, room):
        disc = Footprint(x, y, a_radius_m, a_radius_m, 0.0, True, floor_m, floor_m)
        clearance_m = min((gap_m(disc, c) for _, c in contents), default=1.0)
        off_m = math.hypot(x - b.x_m, y - b.y_m)
        if clearance_m < CONTENT_GAP_M:
            continue
        cost = off_m + 2 * max(0.0, 0.025 - clearance_m)
        spots.append((cost, GoalSpot(x, y, floor_m, b.shrunk(WALL_M).inside_m(x, y), clearance_m)))
    if not spots and not is_shallow(target) and target.fixture is None:
        spots = _upon_contents(item, b, [c for _, c in contents])
    elif coming:
        radii_m = sorted((make_footprint(o).outer_radius_m for o in coming), reverse=True)
        free = [_free_offsets(b, b.shrunk(wall_m + r), r, [c for _, c in contents]) for r in radii_m]
        spots = [(cost + _num_left_out(spot, a_radius_m, radii_m, free), spot) for cost, spot in spots]
    spots.sort(key=lambda s: (round(s[0], 6), s[1].x_m, s[1].y_m))
    if not spots:
        return GoalRegion((), tuple(sorted(o.id for o, _ in contents)))
    return GoalRegion(tuple(spot for _, spot in spots[:MAX_SPOTS]))


def _offsets(b: Footprint, room: Footprint) -> Iterable[tuple[float, float]]:
    """The middle, then a grid over the room in the target's own axes."""
    yield b.x_m, b.y_m
    c, s = math.cos(b.yaw_rad), math.sin(b.yaw_rad)
    steps_x, steps_y = int(room.half_x_m / 0.01), int(room.half_y_m / 0.01)
    for i in range(-steps_x, steps_x + 1):
        for j in range(-steps_y, steps_y + 1):
            x = b.x_m + c * i * 0.01 - s * j * 0.01
            y = b.y_m + s * i * 0.01 + c * j * 0.01
            if (i or j) and room.inside_m(x, y) >= 0.0:
                yield x, y


def _free_offsets(
    b: Footprint, room: Footprint, radius_m: float, contents: Sequence[Footprint]
) -> list[tuple[float, float]]:
    """Where a disc of that radius has room beside the contents."""
    found: list[tuple[float, float]] = []
    if min(room.half_x_m, room.half_y_m) < 1e-3:
        return found
    for x, y in _offsets(b, room):
        disc = Footprint(x, y, radius_m, radius_m, 0.0, True, 0.0, 0.0)
        if all(gap_m(disc, c) >= CONTENT_GAP_M for c in contents):
            found.append((x, y))
    return found


def _num_left_out(
    spot: GoalSpot, radius_m: float, radii_m: Sequence[float], free: Sequence[Sequence[tuple[float, float]]]
) -> float:
    """How many of the things to come would find no room; each is tried as near to the others as it can be."""
    taken = [(spot.x_m, spot.y_m, radius_m)]
    left_out = 0.0
    for own_m, offsets in zip(radii_m, free, strict=True):
        fitting = [
            (math.hypot(x - spot.x_m, y - spot.y_m), x, y)
            for x, y in offsets
            if all(math.hypot(x - u, y - v) >= own_m + r + CONTENT_GAP_M for u, v, r in taken)
        ]
        if fitting:
            _, x, y = min(fitting)
            taken.append((x, y, own_m))
        else:
            left_out += 1.0
    return left_out


def _upon_contents(item: ObjectState, b: Footprint, contents: list[Footprint]) -> list[tuple[float, GoalSpot]]:
    """On top of what lies in a bowl, as long as the object then still ends below the rim."""
    spots: list[tuple[float, GoalSpot]] = []
    for below in contents:
        if below.top_m > b.top_m - IN_DEPTH_M or b.shrunk(2 * WALL_M).inside_m(below.x_m, below.y_m) <= 0.0:
            continue
        spot = GoalSpot(below.x_m, below.y_m, below.top_m, b.shrunk(WALL_M).inside_m(below.x_m, below.y_m), 0.0)
        spots.append((below.top_m, spot))
    return spots
