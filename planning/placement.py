"""Where to put an object so that a fact comes true: ranked, deterministic spots for the geometric policy.

In:  the Fact (its first argument is moved) and a SceneState.
Out: GoalRegion: spots (x, y, height of what carries the object), best first; without any, what is in the way.
A spot keeps every yaw possible: the moved object is taken as the disc around its footprint.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..perception.types import ObjectState, PersonState, SceneState, Shape
from .adjoining import spots_side_by_side, spots_upon_both
from .containment import MAX_SPOTS, GoalRegion, GoalSpot, contents_of, spots_inside, spots_on_top
from .footprints import MUG_HANDLE_M, Footprint, gap_m, make_footprint
from .piles import one_by_one
from .relations import (
    AT_SIDE_M,
    DIRECTIONS,
    NEXT_GAP_M,
    ROW_ACROSS_M,
    ROW_GAP_M,
    ROWS,
    SIDE_GAP_M,
    SIDE_REACH_M,
    SIDES,
    START_M,
    evaluate,
    is_shallow,
    near_person_m,
    place_of,
)
from .types import TABLE, Fact, Predicate

COMFORTABLE_GAP_M = 0.05  # wanted gap to the thing beside which something is put
CLEARANCE_M = 0.012  # never nearer to any other object
COMFORTABLE_CLEARANCE_M = 0.04  # fingers want this much around them
MARGIN_M = 0.02  # a spot must make the fact true by this much
ASIDE_M = 0.15  # what is put aside goes about this far away
GRID_M = 0.025
PERSON_COMFORT_M = 0.34  # something handed over goes about this far from the person
WAY_RADIUS_M = 0.10  # a hand across its way needs this much on either side
WAY_STEP_M = 0.05
RIM_M = 0.05  # the outermost strip of the work area is used last


@dataclass(frozen=True, slots=True)
class WorkArea:
    """Where objects may be put: a rectangle on the table and the arm's reach around the base.

    Nearer than `nearest_m` the arm cannot fold over the place.
    """

    x_min_m: float = 0.26
    x_max_m: float = 0.75
    y_min_m: float = -0.44
    y_max_m: float = 0.44
    reach_m: float = 0.77
    nearest_m: float = 0.30

    def margin_m(self, x_m: float, y_m: float) -> float:
        """Signed distance from the border: positive inside."""
        return min(
            x_m - self.x_min_m,
            self.x_max_m - x_m,
            y_m - self.y_min_m,
            self.y_max_m - y_m,
            self.reach_m - math.hypot(x_m, y_m),
            math.hypot(x_m, y_m) - self.nearest_m,
        )


WORK_AREA = WorkArea()


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
    target = scene.find(fact.args[1]) if len(fact.args) > 1 else None
    if item is None or scene.table is None:
        return GoalRegion(())
    is_zone = target is not None and target.shape is Shape.ZONE
    if fact.predicate in (Predicate.ON, Predicate.IN) and target is not None and not is_zone:
        if is_shallow(target) or (fact.predicate is Predicate.IN and target.cavity_depth_m > 0.0):
            coming = [f.args[0] for f in keep_free if f.predicate is fact.predicate and f.args[1] == target.id]
            return spots_inside(item, target, scene, [o for o in scene.objects if o.id in coming and o.id != item.id])
        return spots_on_top(item, target, scene)
    if fact.predicate is Predicate.SIDE_BY_SIDE and target is not None:
        return spots_side_by_side(item, target, scene, area)
    if fact.predicate is Predicate.UPON_BOTH and target is not None:
        return spots_upon_both(item, target, fact, scene)
    candidates = list(_candidates(fact, scene, item, target, area))
    for other in also:
        candidates = [c for c in candidates if _direction_margin_m(other, scene, item, c.x_m, c.y_m) > MARGIN_M / 2]
    others = replace(scene, objects=tuple(o for o in scene.objects if o.id != item.id))
    reserved = _reserved([f for f in keep_free if item.id not in f.args], others, area)
    return _free_spots(candidates, item, scene, reserved)


def _room_radius_m(item: ObjectState) -> float:
    """Radius of the disc that holds the object at any yaw; a mug's handle counts."""
    handle_m = MUG_HANDLE_M if item.shape is Shape.MUG else 0.0
    return make_footprint(item).outer_radius_m + handle_m


def _candidates(
    fact: Fact, scene: SceneState, item: ObjectState, target: ObjectState | None, area: WorkArea
) -> Iterable[_Candidate]:
    """Points where the fact would hold, each with its margin and how little it is liked."""
    a_radius_m = make_footprint(item).outer_radius_m
    now_x, now_y = float(item.position_world[0]), float(item.position_world[1])
    if fact.predicate in DIRECTIONS and target is not None:
        points = _beside(a_radius_m, make_footprint(target), DIRECTIONS[fact.predicate])
    elif fact.predicate in ROWS and target is not None:
        points = _in_row(item, make_footprint(target), ROWS[fact.predicate])
    elif fact.predicate is Predicate.AT_START_OF:
        points = _around_place(*place_of(fact))
    elif fact.predicate is Predicate.NEXT_TO and target is not None:
        points = _around(a_radius_m, make_footprint(target), now_x, now_y)
    elif fact.predicate in (Predicate.ON, Predicate.IN) and target is not None and target.shape is Shape.ZONE:
        points = _within(make_footprint(target))
    elif fact.predicate is Predicate.NEAR and scene.person is not None:
        points = _near_person(item, scene, scene.person, area)
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
            yield _Candidate(x, y, margin_m, cost + max(0.0, RIM_M - area.margin_m(x, y)))


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


def _within(zone: Footprint) -> Iterable[tuple[float, float, float, float]]:
    """A grid over a zone, its middle first."""
    c, s = math.cos(zone.yaw_rad), math.sin(zone.yaw_rad)
    num_x, num_y = int(zone.half_x_m / GRID_M), int(zone.half_y_m / GRID_M)
    for i in range(-num_x, num_x + 1):
        for j in range(-num_y, num_y + 1):
            x, y = zone.x_m + GRID_M * (c * i - s * j), zone.y_m + GRID_M * (s * i + c * j)
            yield x, y, zone.inside_m(x, y), GRID_M * math.hypot(i, j)


def _near_person(
    item: ObjectState, scene: SceneState, person: PersonState, area: WorkArea
) -> Iterable[tuple[float, float, float, float]]:
    """Grid points within the person's reach, best well away from both limits."""
    footprint = make_footprint(item)
    for x in np.arange(area.x_min_m, area.x_max_m, GRID_M):
        for y in np.arange(area.y_min_m, area.y_max_m, GRID_M):
            margin_m = near_person_m(replace(footprint, x_m=float(x), y_m=float(y)), scene)
            if margin_m is not None and margin_m > 0.0:
                off_m = abs(person.gap_m(float(x), float(y)) - PERSON_COMFORT_M)
                yield float(x), float(y), margin_m, off_m


def _in_row(
    item: ObjectState, b: Footprint, direction: tuple[float, float]
) -> Iterable[tuple[float, float, float, float]]:
    """Straight beside b at several distances, the comfortable one first."""
    dx, dy = direction
    nearest_m = b.extent_m(dx, dy) + make_footprint(item).outer_radius_m
    for gap in (0.04, 0.03, 0.05, 0.02, 0.06, 0.07):
        for across_m in (0.0, 0.004, -0.004):
            along_m = nearest_m + gap
            margin_m = min(ROW_GAP_M - gap, gap - SIDE_GAP_M, ROW_ACROSS_M - abs(across_m))
            x, y = b.x_m + along_m * dx - across_m * dy, b.y_m + along_m * dy + across_m * dx
            yield x, y, margin_m, abs(gap - 0.04) + abs(across_m)


def _around_place(x_m: float, y_m: float) -> Iterable[tuple[float, float, float, float]]:
    """The place itself, then a little beside it."""
    yield x_m, y_m, START_M, 0.0
    for step in range(8):
        angle = 2 * math.pi * step / 8
        off_m = 0.3 * START_M
        yield x_m + off_m * math.cos(angle), y_m + off_m * math.sin(angle), START_M - off_m, off_m


def _around(radius_m: float, b: Footprint, now_x: float, now_y: float) -> Iterable[tuple[float, float, float, float]]:
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
    """The whole work area, a little away first: what is put aside was in the way where it is."""
    for x, y in _grid(area):
        yield x, y, 1.0, 0.3 * abs(math.hypot(x - now_x, y - now_y) - ASIDE_M)


def _direction_margin_m(fact: Fact, scene: SceneState, item: ObjectState, x_m: float, y_m: float) -> float:
    """The fact's margin if the object stood on the table at the point."""
    pose = item.pose_world.copy()
    table_m = scene.table.height_m if scene.table is not None else 0.0
    pose[:3, 3] = (x_m, y_m, table_m + float(item.size_m[2]) / 2)
    moved = replace(item, pose_world=pose)
    objects = tuple(moved if o.id == item.id else o for o in scene.objects)
    body = None if scene.body is None else replace(scene.body, held=None)
    margin_m = evaluate(fact, replace(scene, objects=objects, body=body)).margin_m
    return -1.0 if margin_m is None else margin_m


def _reserved(facts: Sequence[Fact], scene: SceneState, area: WorkArea) -> list[tuple[float, float, float]]:
    """Discs (x, y, radius) that other goals will want."""
    discs: list[tuple[float, float, float]] = []
    for fact in facts:
        discs += _way_into_zone(fact, scene)
        item = scene.find(fact.args[0])
        if item is None or len(fact.args) < 2:
            continue
        spots = goal_region(fact, scene, area=area).spots
        discs += [(s.x_m, s.y_m, _room_radius_m(item) + CLEARANCE_M) for s in spots[:1]]
    return discs


def _way_into_zone(fact: Fact, scene: SceneState) -> list[tuple[float, float, float]]:
    """Discs along the straight way over the table into a zone, with room for a hand, and behind where it begins."""
    zone = scene.find(fact.args[-1])
    movers = [o for one in one_by_one(fact, scene) if (o := scene.find(one.args[0])) is not None]
    if zone is None or zone.shape is not Shape.ZONE or not movers:
        return []
    x, y = (sum(float(o.position_world[axis]) for o in movers) / len(movers) for axis in (0, 1))
    dx, dy = float(zone.position_world[0]) - x, float(zone.position_world[1]) - y
    num = 2 + int(math.hypot(dx, dy) / WAY_STEP_M)
    return [(x + dx * k / num, y + dy * k / num, WAY_RADIUS_M) for k in range(-1, num + 1)]


def _free_spots(
    candidates: Sequence[_Candidate], item: ObjectState, scene: SceneState, reserved: list[tuple[float, float, float]]
) -> GoalRegion:
    """Candidates that touch nothing; when there are none, the fewest objects that would have to go."""
    held = scene.body.held if scene.body is not None else None
    moving = {item.id, held} | {o.id for o in contents_of(item, scene, without="")}
    others = [
        (o.id, _with_its_way(o), MUG_HANDLE_M if o.shape is Shape.MUG else 0.0)
        for o in scene.objects
        if o.id not in moving
    ]
    radius_m = _room_radius_m(item)
    found: list[tuple[float, int, GoalSpot]] = []
    blocked: list[tuple[int, float, tuple[str, ...]]] = []
    table_m = scene.table.height_m if scene.table is not None else 0.0
    for index, c in enumerate(candidates):
        disc = Footprint(c.x_m, c.y_m, radius_m, radius_m, 0.0, True, 0.0, 0.0)
        gaps = [(_gap_m(disc, footprint) - handle_m, name) for name, footprint, handle_m in others]
        near = tuple(sorted(name for gap, name in gaps if gap < CLEARANCE_M))
        if near:
            blocked.append((len(near), c.cost, near))
            continue
        clearance_m = min((gap for gap, _ in gaps), default=1.0)
        taken = any(math.hypot(c.x_m - x, c.y_m - y) < radius_m + r for x, y, r in reserved)
        cost = c.cost + 2 * max(0.0, COMFORTABLE_CLEARANCE_M - clearance_m) + (0.5 if taken else 0.0)
        spot = GoalSpot(c.x_m, c.y_m, table_m, c.margin_m, clearance_m)
        found.append((round(cost, 6), index, spot))
    if found:
        return GoalRegion(tuple(spot for _, _, spot in sorted(found, key=lambda f: f[:2])[:MAX_SPOTS]))
    return GoalRegion((), min(blocked)[2] if blocked else ())


def _with_its_way(item: ObjectState) -> Footprint:
    """From above; of a drawer with all that it and its handle pass over, so that it can still be opened."""
    footprint = make_footprint(item)
    slide = item.fixture.slide if item.fixture is not None else None
    if item.fixture is None or slide is None:
        return footprint
    handle_m = sum(abs(a) * s for a, s in zip(slide.axis, slide.handle.size_m, strict=True))
    reach_m = slide.travel_m - (item.opening_m or 0.0) + handle_m
    way = item.pose_world[:3, :3] @ slide.axis
    x, y = footprint.x_m + float(way[0]) * reach_m / 2, footprint.y_m + float(way[1]) * reach_m / 2
    half_x = footprint.half_x_m + abs(slide.axis[0]) * reach_m / 2
    half_y = footprint.half_y_m + abs(slide.axis[1]) * reach_m / 2
    return replace(footprint, x_m=x, y_m=y, half_x_m=half_x, half_y_m=half_y)


def _gap_m(disc: Footprint, other: Footprint) -> float:
    """Distance to another footprint; for one far away a lower bound will do, which is quicker."""
    far_m = math.hypot(disc.x_m - other.x_m, disc.y_m - other.y_m) - disc.half_x_m - other.outer_radius_m
    return far_m if far_m > COMFORTABLE_CLEARANCE_M + MUG_HANDLE_M else gap_m(disc, other)
