"""Where to put an object so that a fact comes true: ranked, deterministic spots for the geometric policy.

In:  the Fact (its first argument is moved) and a SceneState.
Out: GoalRegion: spots (x, y, height of what carries the object), best first; without any, what is in the way.
A spot keeps every yaw possible: the moved object is taken as the disc around its footprint.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..perception.types import ObjectState, SceneState, Shape
from .footprints import MUG_HANDLE_M, Footprint, gap_m, make_footprint
from .relations import (
    AT_SIDE_M,
    DIRECTIONS,
    IN_DEPTH_M,
    NEXT_GAP_M,
    SIDE_GAP_M,
    SIDE_REACH_M,
    SIDES,
    WALL_M,
    evaluate,
    is_shallow,
    support_of,
)
from .types import TABLE, Fact, Predicate

COMFORTABLE_GAP_M = 0.05  # wanted gap to the thing beside which something is put
CLEARANCE_M = 0.012  # never nearer to any other object
COMFORTABLE_CLEARANCE_M = 0.04  # fingers want this much around them
MARGIN_M = 0.02  # a spot must make the fact true by this much
GRID_M = 0.02
CONTENT_GAP_M = 0.008  # between things inside one container
MAX_SPOTS = 24
FIT_M = 0.002  # play that something needs in the opening it goes into


@dataclass(frozen=True, slots=True)
class WorkArea:
    """Where objects may be put: a rectangle on the table and the arm's reach around the base."""

    x_min_m: float = 0.26
    x_max_m: float = 0.72
    y_min_m: float = -0.44
    y_max_m: float = 0.44
    reach_m: float = 0.74

    def margin_m(self, x_m: float, y_m: float) -> float:
        """Signed distance from the border: positive inside."""
        return min(
            x_m - self.x_min_m,
            self.x_max_m - x_m,
            y_m - self.y_min_m,
            self.y_max_m - y_m,
            self.reach_m - math.hypot(x_m, y_m),
        )


WORK_AREA = WorkArea()


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


@dataclass(frozen=True, slots=True)
class _Candidate:
    x_m: float
    y_m: float
    margin_m: float
    cost: float


def goal_region(
    fact: Fact,
    scene: SceneState,
    *,
    also: Sequence[Fact] = (),
    keep_free: Sequence[Fact] = (),
    area: WorkArea = WORK_AREA,
) -> GoalRegion:
    """Spots for the fact's first argument.

    `also` are further facts of the same object that must come true at the same spot (left of one thing and
    behind another). `keep_free` are facts still to come, whose best spots are left free where possible.
    """
    item = scene.find(fact.args[0])
    target = scene.find(fact.args[1]) if len(fact.args) > 1 and fact.args[1] in _ids(scene) else None
    if item is None or scene.table is None:
        return GoalRegion(())
    if fact.predicate in (Predicate.ON, Predicate.IN) and target is not None:
        if is_shallow(target) or (fact.predicate is Predicate.IN and target.cavity_depth_m > 0.0):
            return _inside(item, target, scene)
        return _on_top(item, target, scene)
    candidates = list(_candidates(fact, scene, item, target, area))
    for other in also:
        candidates = [c for c in candidates if _direction_margin_m(other, scene, item, c.x_m, c.y_m) > MARGIN_M / 2]
    reserved = [] if not keep_free else _reserved(keep_free, scene, area)
    return _free_spots(candidates, item, scene, reserved)


def fits(item: ObjectState, target: ObjectState, predicate: Predicate) -> bool:
    """Whether the object is small enough to go in (or on) the target, whatever else is there."""
    a, b = make_footprint(item), make_footprint(target)
    if target.cavity_depth_m > 0.0 and predicate in (Predicate.ON, Predicate.IN):
        if is_shallow(target):
            return a.inner_radius_m <= b.inner_radius_m and a.outer_radius_m <= b.outer_radius_m
        return a.outer_radius_m + FIT_M <= b.inner_radius_m - WALL_M
    # Upon a solid thing: the support carries the centre with room to spare.
    return a.inner_radius_m <= 2.5 * b.inner_radius_m


def _ids(scene: SceneState) -> set[str]:
    return {o.id for o in scene.objects}


def _room_radius_m(item: ObjectState) -> float:
    """Radius of the disc that holds the object at any yaw; a mug's handle counts."""
    handle_m = MUG_HANDLE_M if item.shape is Shape.MUG else 0.0
    return make_footprint(item).outer_radius_m + handle_m


def _contents(target: ObjectState, scene: SceneState, *, without: str) -> list[ObjectState]:
    """What rests on or in the target, directly or upon other contents."""
    inside = {target.id}
    supports = {o.id: support_of(o, scene) for o in scene.objects if o.id != without}
    for _ in supports:
        more = {o for o, s in supports.items() if s in inside} - inside
        if not more:
            break
        inside |= more
    return [o for o in scene.objects if o.id in inside and o.id not in (target.id, without)]


def _on_top(item: ObjectState, target: ObjectState, scene: SceneState) -> GoalRegion:
    """The middle of the target's top, if nothing stands there."""
    contents = _contents(target, scene, without=item.id)
    if contents:
        return GoalRegion((), tuple(sorted(o.id for o in contents)))
    b = make_footprint(target)
    clearance_m = _clearance_m(make_footprint(item), scene, ignored={item.id, target.id}, above_m=b.top_m)
    return GoalRegion((GoalSpot(b.x_m, b.y_m, b.top_m, b.inner_radius_m, clearance_m),))


def _inside(item: ObjectState, target: ObjectState, scene: SceneState) -> GoalRegion:
    """Spots within the opening beside what already lies there; in a deep one also upon it."""
    b = make_footprint(target)
    a_radius_m = make_footprint(item).outer_radius_m
    contents = [(o, make_footprint(o)) for o in _contents(target, scene, without=item.id)]
    floor_m = b.top_m - target.cavity_depth_m
    wall_m = WALL_M if target.shape in (Shape.PLATE, Shape.TRAY) else 2 * WALL_M
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
    if not spots and not is_shallow(target):
        spots = _upon_contents(item, b, [c for _, c in contents])
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


def _upon_contents(item: ObjectState, b: Footprint, contents: list[Footprint]) -> list[tuple[float, GoalSpot]]:
    """On top of what lies in a bowl, as long as the object then still ends below the rim."""
    spots: list[tuple[float, GoalSpot]] = []
    for below in contents:
        if below.top_m > b.top_m - IN_DEPTH_M or b.shrunk(2 * WALL_M).inside_m(below.x_m, below.y_m) <= 0.0:
            continue
        spot = GoalSpot(below.x_m, below.y_m, below.top_m, b.shrunk(WALL_M).inside_m(below.x_m, below.y_m), 0.0)
        spots.append((below.top_m, spot))
    return spots


def _candidates(
    fact: Fact, scene: SceneState, item: ObjectState, target: ObjectState | None, area: WorkArea
) -> Iterable[_Candidate]:
    """Points where the fact would hold, each with its margin and how little it is liked."""
    a_radius_m = make_footprint(item).outer_radius_m
    now_x, now_y = float(item.position_world[0]), float(item.position_world[1])
    if fact.predicate in DIRECTIONS and target is not None:
        points = _beside(a_radius_m, make_footprint(target), DIRECTIONS[fact.predicate])
    elif fact.predicate is Predicate.NEXT_TO and target is not None:
        points = _around(a_radius_m, make_footprint(target), now_x, now_y)
    elif fact.predicate is Predicate.AT_SIDE:
        points = _at_side(scene, fact.args[1], area, now_x, now_y)
    elif fact.predicate is Predicate.ON and fact.args[1] == TABLE:
        points = _anywhere(area, now_x, now_y)
    else:
        return
    radius_m = _room_radius_m(item)
    x_min, y_min, x_max, y_max = scene.table.bounds_world if scene.table else (-9.0, -9.0, 9.0, 9.0)
    for x, y, margin_m, cost in points:
        over_edge = min(x - x_min, x_max - x, y - y_min, y_max - y) - radius_m
        if margin_m >= MARGIN_M and area.margin_m(x, y) >= 0.0 and over_edge >= COMFORTABLE_CLEARANCE_M / 2:
            yield _Candidate(x, y, margin_m, cost)


def _beside(
    radius_m: float, b: Footprint, direction: tuple[float, float]
) -> Iterable[tuple[float, float, float, float]]:
    """A fan of points in the direction's cone, the comfortable one straight beside b first."""
    dx, dy = direction
    nearest_m = b.extent_m(dx, dy) + radius_m
    for step in range(14):
        gap = 0.02 + 0.015 * step
        along_m = nearest_m + gap
        for ratio in (0.0, 0.15, -0.15, 0.3, -0.3, 0.45, -0.45, 0.6, -0.6, 0.75, -0.75):
            across_m = ratio * along_m
            margin_m = min(gap - SIDE_GAP_M, SIDE_REACH_M - along_m, along_m - abs(across_m))
            cost = abs(gap - COMFORTABLE_GAP_M) + 0.7 * abs(across_m)
            yield b.x_m + along_m * dx - across_m * dy, b.y_m + along_m * dy + across_m * dx, margin_m, cost


def _around(
    radius_m: float, b: Footprint, now_x: float, now_y: float
) -> Iterable[tuple[float, float, float, float]]:
    """Rings around b, preferring the side on which the object is now."""
    for gap in (0.04, 0.03, 0.055, 0.07, 0.085):
        for step in range(24):
            angle = 2 * math.pi * step / 24
            dx, dy = math.cos(angle), math.sin(angle)
            reach_m = b.extent_m(dx, dy) + radius_m + gap
            x, y = b.x_m + reach_m * dx, b.y_m + reach_m * dy
            real_gap = -b.inside_m(x, y) - radius_m
            margin_m = min(NEXT_GAP_M - real_gap, real_gap - SIDE_GAP_M)
            yield x, y, margin_m, abs(gap - 0.04) + 0.1 * math.hypot(x - now_x, y - now_y)


def _grid(area: WorkArea) -> Iterable[tuple[float, float]]:
    for i in range(int((area.x_max_m - area.x_min_m) / GRID_M) + 1):
        for j in range(int((area.y_max_m - area.y_min_m) / GRID_M) + 1):
            yield area.x_min_m + i * GRID_M, area.y_min_m + j * GRID_M


def _at_side(
    scene: SceneState, side: str, area: WorkArea, now_x: float, now_y: float
) -> Iterable[tuple[float, float, float, float]]:
    """Points well beyond the middle strip, near to where the object is along the other axis."""
    if side not in SIDES or scene.table is None:
        return
    x_min, y_min, x_max, y_max = scene.table.bounds_world
    dx, dy = SIDES[side]
    wanted_m = 2 * AT_SIDE_M[side]
    for x, y in _grid(area):
        beyond_m = (x - (x_min + x_max) / 2) * dx + (y - (y_min + y_max) / 2) * dy
        across_m = abs((x - now_x) * dy - (y - now_y) * dx)
        yield x, y, beyond_m - AT_SIDE_M[side], max(0.0, wanted_m - beyond_m) + 0.3 * abs(beyond_m) + 0.4 * across_m


def _anywhere(area: WorkArea, now_x: float, now_y: float) -> Iterable[tuple[float, float, float, float]]:
    """The whole work area, near first, its rim last."""
    for x, y in _grid(area):
        rim_m = max(0.0, 0.08 - area.margin_m(x, y))
        yield x, y, 1.0, 0.3 * math.hypot(x - now_x, y - now_y) + rim_m


def _direction_margin_m(fact: Fact, scene: SceneState, item: ObjectState, x_m: float, y_m: float) -> float:
    """The fact's margin if the object stood on the table at the point."""
    pose = item.pose_world.copy()
    table_m = scene.table.height_m if scene.table is not None else 0.0
    pose[:3, 3] = (x_m, y_m, table_m + float(item.size_m[2]) / 2)
    moved = _with_pose(item, pose)
    others = tuple(moved if o.id == item.id else o for o in scene.objects)
    margin_m = evaluate(fact, _with_objects(scene, others)).margin_m
    return -1.0 if margin_m is None else margin_m
