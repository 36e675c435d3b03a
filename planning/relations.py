"""What the words mean in metres: whether a fact holds in a scene, and by how much.

In:  a Fact and a SceneState (perceived, or the simulator's truth when scoring).
Out: Belief with a signed margin; value None when something needed is not known.
World frame: left is +y, right −y, behind is away from the base (+x), in front is towards it (−x).
Where to put an object so that a fact comes true is the business of `placement.goal_region`.
"""

from __future__ import annotations

import math

from ..perception.types import ObjectState, SceneState, Shape
from .footprints import Footprint, gap_m, make_footprint
from .piles import PIECE_M, is_pile, one_by_one
from .types import EVENTS, TABLE, Belief, Fact, Predicate

REST_GAP_M = 0.012  # a rests on what its bottom is this near to
WALL_M = 0.005  # thickness of the wall of bowls, mugs, plates and trays
SHALLOW_M = 0.03  # with an opening less deep than this (plate, tray), "on" and "in" mean the same
SHALLOW_RIM_M = 0.003  # on a plate or tray: bottom at most this far above the rim (its floor lies under it)
IN_DEPTH_M = 0.003  # in a bowl or mug: bottom at least this far below the rim
SIDE_GAP_M = -0.005  # left of …: a begins this far beyond the end of b (negative: slack for noise)
SIDE_REACH_M = 0.30  # left of …: centres at most this far apart along the axis
PIECE_SLACK_M = 0.008  # what is seen as one piece of a pile may be several: all but this much of it must be there
NEXT_GAP_M = 0.12  # next to: footprints at most this far apart
OPEN_SHARE = 0.7  # open: drawn out by at least this share of its travel
SHUT_M = 0.012  # closed: open by less than this
AT_SIDE_M = {"left": 0.10, "right": 0.10, "front": 0.05, "back": 0.05}  # beyond the middle of the table
PERSON_REACH_M = 0.45  # near a person: at most this far from what is seen of them, from above …
PERSON_GAP_M = 0.18  # … and no nearer than this to any part of them

DIRECTIONS: dict[Predicate, tuple[float, float]] = {
    Predicate.LEFT_OF: (0.0, 1.0),
    Predicate.RIGHT_OF: (0.0, -1.0),
    Predicate.IN_FRONT_OF: (-1.0, 0.0),
    Predicate.BEHIND: (1.0, 0.0),
}
SIDES: dict[str, tuple[float, float]] = {
    "left": (0.0, 1.0),
    "right": (0.0, -1.0),
    "front": (-1.0, 0.0),
    "back": (1.0, 0.0),
}
ALONE = (Predicate.HOLDING, Predicate.OPEN, Predicate.CLOSED)  # predicates of one thing
NUM_ARGS: dict[Predicate, int] = (
    {predicate: 2 for predicate in Predicate}
    | dict.fromkeys(ALONE, 1)
    | dict.fromkeys((Predicate.AT_START_OF, Predicate.UPON_BOTH), 3)
)
ROWS: dict[Predicate, tuple[float, float]] = {
    Predicate.RIGHT_IN_ROW: (0.0, -1.0),
    Predicate.LEFT_IN_ROW: (0.0, 1.0),
}
START_M = 0.03  # where the other was: centres at most this far apart
ROW_GAP_M = 0.10  # in a row: neighbours at most this far apart
ROW_ACROSS_M = 0.025  # … and their centres at most this far beside the line
SIDE_BY_SIDE_GAP_M = 0.015  # side by side: faces at most this far apart
SIDE_BY_SIDE_ACROSS_M = 0.012  # … and centres at most this far beside each other
OVERLAP_M = 0.003  # upon both: at least this far over each


def evaluate(fact: Fact, scene: SceneState) -> Belief:
    """Whether the fact holds in the scene, by how many metres and how surely."""
    if len(fact.args) != NUM_ARGS[fact.predicate]:
        raise ValueError(
            f"{fact} has {len(fact.args)} arguments, expected {NUM_ARGS[fact.predicate]}. "
            "Give the moved object first, then what it relates to."
        )
    if fact.predicate is Predicate.HOLDING:
        return _believe_holding(fact, scene)
    if is_pile(fact.args[0]):
        return _believe_all(fact, scene)
    if fact.predicate in EVENTS:
        # That something happened cannot be read off a scene: the plan remembers it.
        return Belief(fact, None, 0.0, scene.source, scene.time_s)
    a = scene.find(fact.args[0])
    b = None if fact.predicate in (*ALONE, Predicate.AT_SIDE) else scene.find(fact.args[1])
    margin_m = None if a is None else _margin_m(fact, scene, a, b)
    if a is None or margin_m is None:
        return Belief(fact, None, 0.0, scene.source, scene.time_s)
    if scene.body is not None and scene.body.held == a.id:
        margin_m = min(margin_m, -REST_GAP_M)  # what is in the hand rests nowhere
    known = [a] if b is None else [a, b]
    return Belief(fact, margin_m > 0.0, _confidence(margin_m, known), scene.source, scene.time_s, margin_m)


def is_shallow(item: ObjectState) -> bool:
    """Whether "on" and "in" mean the same for it (plates, trays)."""
    return 0.0 < item.cavity_depth_m < SHALLOW_M


def cavity(item: ObjectState) -> Footprint:
    """The opening of a container from above."""
    return make_footprint(item).shrunk(WALL_M)


def support_of(item: ObjectState, scene: SceneState) -> str | None:
    """What the object rests on or in: an object's id or TABLE; None while it is held.

    When two answer (a block on a block in a bowl), the one directly underneath is given. Something leaning
    on an object counts as resting on it.
    """
    if scene.body is not None and scene.body.held == item.id:
        return None
    if item.fixture is not None:
        return TABLE
    a = make_footprint(item)
    best: tuple[float, str] | None = None
    for other in scene.objects:
        if other.id == item.id or (scene.body is not None and scene.body.held == other.id):
            continue
        # No footprint reaches further than the object's three sizes together: most others are farther than that.
        if math.dist((a.x_m, a.y_m), other.pose_world[:2, 3].tolist()) > a.outer_radius_m + sum(other.size_m.tolist()):
            continue
        b = make_footprint(other)
        if gap_m(a, b) > 0.0:
            continue
        margin = _on_object_m(a, b, other)
        if other.cavity_depth_m > 0.0:
            margin = max(margin, _in_m(a, b, other))
        is_leaning = gap_m(a, b) < -WALL_M and b.bottom_m + REST_GAP_M < a.bottom_m < b.top_m + REST_GAP_M
        if margin > 0.0 or is_leaning:
            rank = (1.0 if margin > 0.0 else 0.0) + b.bottom_m
            best = max(best, (rank, other.id)) if best else (rank, other.id)
    return best[1] if best else TABLE


def _believe_holding(fact: Fact, scene: SceneState) -> Belief:
    if scene.body is None:
        return Belief(fact, None, 0.0, scene.source, scene.time_s)
    return Belief(fact, scene.body.held == fact.args[0], 1.0, scene.source, scene.time_s)


def _believe_all(fact: Fact, scene: SceneState) -> Belief:
    """A fact of a pile holds when it does for the last of its pieces; without any in sight nobody knows."""
    beliefs = [evaluate(single, scene) for single in one_by_one(fact, scene)]
    margins_m = [belief.margin_m for belief in beliefs]
    if not beliefs or None in margins_m:
        return Belief(fact, None, 0.0, scene.source, scene.time_s)
    worst = min(beliefs, key=lambda belief: belief.margin_m or 0.0)
    return Belief(fact, worst.value, worst.confidence, scene.source, scene.time_s, worst.margin_m)


def _margin_m(fact: Fact, scene: SceneState, a: ObjectState, b: ObjectState | None) -> float | None:
    """Signed margin of a two-place fact, or None when what it needs is unknown."""
    predicate = fact.predicate
    if predicate in (Predicate.OPEN, Predicate.CLOSED):
        return _open_m(a) if predicate is Predicate.OPEN else _shut_m(a)
    if predicate is Predicate.ON and fact.args[1] == TABLE:
        return _on_table_m(a, scene)
    if predicate is Predicate.AT_SIDE:
        return _at_side_m(a, fact.args[1], scene)
    if predicate is Predicate.NEAR:
        margin_m = near_person_m(make_footprint(a), scene)
        return None if margin_m is None else _if_on_table(margin_m, a, scene)
    if predicate is Predicate.AT_START_OF:
        x, y = place_of(fact)
        apart_m = math.hypot(float(a.position_world[0]) - x, float(a.position_world[1]) - y)
        return _if_on_table(START_M - apart_m, a, scene)
    if b is None or a.id == b.id:
        return None if b is None else -1.0
    over, under = make_footprint(a), make_footprint(b)
    if b.shape is Shape.ZONE and predicate in (Predicate.ON, Predicate.IN):
        return _if_on_table(_in_zone_m(over, under), a, scene)
    if predicate is Predicate.ON:
        return _on_object_m(over, under, b)
    if predicate is Predicate.IN:
        return _in_m(over, under, b)
    if predicate is Predicate.UPON_BOTH:
        return _upon_both_m(over, under, scene.find(fact.args[2]))
    if scene.table is None:
        return None
    if predicate in ROWS:
        margin_m = _row_m(over, under, ROWS[predicate])
    elif predicate is Predicate.SIDE_BY_SIDE:
        margin_m = _side_by_side_m(over, under)
    elif predicate is Predicate.NEXT_TO:
        gap = gap_m(over, under)
        margin_m = min(NEXT_GAP_M - gap, gap - SIDE_GAP_M)
    else:
        margin_m = _direction_m(over, under, DIRECTIONS[predicate])
    return _if_on_table(margin_m, a, scene)


def _open_m(item: ObjectState) -> float | None:
    """Opening beyond what counts as open."""
    if item.fixture is None or item.fixture.slide is None or item.opening_m is None:
        return None
    return item.opening_m - OPEN_SHARE * item.fixture.slide.travel_m


def _shut_m(item: ObjectState) -> float | None:
    """How much further it could be open and still count as shut."""
    return None if item.opening_m is None else SHUT_M - item.opening_m


def _if_on_table(margin_m: float, item: ObjectState, scene: SceneState) -> float | None:
    """Resting on the table is a condition; how exactly it rests says nothing about the relation's margin."""
    if margin_m <= 0.0:
        return margin_m
    on_table_m = _on_table_m(item, scene)
    return None if on_table_m is None else min(margin_m, on_table_m) if on_table_m <= 0.0 else margin_m


def _on_table_m(item: ObjectState, scene: SceneState) -> float | None:
    """Bottom at the table's height, centre over the table, and not inside or upon another object."""
    if scene.table is None:
        return None
    a = make_footprint(item)
    x_min, y_min, x_max, y_max = scene.table.bounds_world
    margin = min(
        REST_GAP_M - abs(a.bottom_m - scene.table.height_m),
        a.x_m - x_min,
        x_max - a.x_m,
        a.y_m - y_min,
        y_max - a.y_m,
    )
    for other in scene.objects:
        if other.cavity_depth_m <= 0.0 or other.id == item.id:
            continue
        b = make_footprint(other)
        if math.hypot(a.x_m - b.x_m, a.y_m - b.y_m) < b.outer_radius_m and _in_m(a, b, other) > 0.0:
            margin = min(margin, -b.inside_m(a.x_m, a.y_m))
    return margin


def _on_object_m(a: Footprint, b: Footprint, support: ObjectState) -> float:
    """Bottom of a near the top of b, its centre over b; on a plate or tray the same as in it."""
    if is_shallow(support):
        return _in_m(a, b, support)
    return min(REST_GAP_M - abs(a.bottom_m - b.top_m), b.inside_m(a.x_m, a.y_m))


def _in_m(a: Footprint, b: Footprint, container: ObjectState) -> float:
    """Centre of a within the opening of b, its bottom below the rim but not below b."""
    if container.cavity_depth_m <= 0.0:
        return -max(0.01, a.bottom_m - b.bottom_m)
    below_rim_m = b.top_m - a.bottom_m
    depth_m = below_rim_m + SHALLOW_RIM_M if is_shallow(container) else below_rim_m - IN_DEPTH_M
    margin_m = min(b.shrunk(WALL_M).inside_m(a.x_m, a.y_m), depth_m)
    # A bowl that stands in a tray does not hold the tray; nor does one turned over what lies under it.
    is_smaller_m = b.inner_radius_m - a.inner_radius_m
    is_above_m = a.bottom_m - b.bottom_m + REST_GAP_M
    return min([margin_m, *(m for m in (is_smaller_m, is_above_m) if m <= 0.0)])


def _in_zone_m(a: Footprint, zone: Footprint) -> float:
    """How far the centre is within the zone; of what may be several pieces, all of it but a little."""
    margin_m = zone.inside_m(a.x_m, a.y_m)
    if a.top_m - a.bottom_m >= PIECE_M:
        return margin_m
    rest = a.shrunk(PIECE_SLACK_M)
    return margin_m - rest.half_x_m if a.is_round else min(zone.inside_m(x, y) for x, y in rest.corners())


def _beside_m(a: Footprint, b: Footprint, direction: tuple[float, float]) -> tuple[float, float, float]:
    """How far the centre of a lies along the direction, beside it, and how wide the gap between both is along it."""
    dx, dy = direction
    along_m = (a.x_m - b.x_m) * dx + (a.y_m - b.y_m) * dy
    across_m = abs((a.x_m - b.x_m) * dy - (a.y_m - b.y_m) * dx)
    return along_m, across_m, along_m - a.extent_m(dx, dy) - b.extent_m(dx, dy)


def _direction_m(a: Footprint, b: Footprint, direction: tuple[float, float]) -> float:
    """Beyond the end of b, within reach, and inside the 45° cone of the direction."""
    along_m, across_m, gap = _beside_m(a, b, direction)
    return min(gap - SIDE_GAP_M, SIDE_REACH_M - along_m, along_m - across_m)


def _row_m(a: Footprint, b: Footprint, direction: tuple[float, float]) -> float:
    """Next in the direction, neither far nor overlapping, and hardly beside the line."""
    _, across_m, gap = _beside_m(a, b, direction)
    return min(ROW_GAP_M - gap, gap - SIDE_GAP_M, ROW_ACROSS_M - across_m)


def place_of(fact: Fact) -> tuple[float, float]:
    """The place (x, y; world) that an AT_START_OF fact remembers."""
    x, y = fact.args[2].split(",")
    return float(x), float(y)


def _side_by_side_m(a: Footprint, b: Footprint) -> float:
    """Face to face: hardly a gap, and hardly shifted along the face."""
    c, s = math.cos(b.yaw_rad), math.sin(b.yaw_rad)
    dx, dy = a.x_m - b.x_m, a.y_m - b.y_m
    shift_m = min(abs(c * dx + s * dy), abs(c * dy - s * dx))
    gap = gap_m(a, b)
    return min(SIDE_BY_SIDE_GAP_M - gap, gap - SIDE_GAP_M, SIDE_BY_SIDE_ACROSS_M - shift_m)


def _upon_both_m(a: Footprint, b: Footprint, other: ObjectState | None) -> float | None:
    """At the height of both tops, and over a part of each."""
    if other is None:
        return None
    c = make_footprint(other)
    heights_m = REST_GAP_M - max(abs(a.bottom_m - b.top_m), abs(a.bottom_m - c.top_m))
    return min(heights_m, -gap_m(a, b) - OVERLAP_M, -gap_m(a, c) - OVERLAP_M)


def _at_side_m(item: ObjectState, side: str, scene: SceneState) -> float | None:
    """How far the object's centre is beyond the middle strip of the table."""
    if side not in SIDES:
        raise ValueError(f"No side '{side}' of the table. Use one of: {', '.join(SIDES)}.")
    if scene.table is None:
        return None
    x_min, y_min, x_max, y_max = scene.table.bounds_world
    dx, dy = SIDES[side]
    x, y = float(item.position_world[0]), float(item.position_world[1])
    margin_m = (x - (x_min + x_max) / 2) * dx + (y - (y_min + y_max) / 2) * dy - AT_SIDE_M[side]
    return _if_on_table(margin_m, item, scene)


def near_person_m(item: Footprint, scene: SceneState) -> float | None:
    """By how much a thing there is within the person's reach and not too near to them; None when nobody is seen."""
    if scene.person is None:
        return None
    gap = scene.person.gap_m(item.x_m, item.y_m) - item.outer_radius_m
    return min(PERSON_REACH_M - gap, gap - PERSON_GAP_M)


def _confidence(margin_m: float, known: list[ObjectState]) -> float:
    """Probability that the margin's sign is right, from the positions' covariances, times existence."""
    variance = sum(float(o.covariance[0, 0] + o.covariance[1, 1] + o.covariance[2, 2]) / 3 for o in known)
    existence = math.prod(o.existence for o in known)
    spread = math.sqrt(2 * variance) if variance > 0.0 and math.isfinite(variance) else 1e-9
    return existence * 0.5 * (1.0 + math.erf(abs(margin_m) / spread))
