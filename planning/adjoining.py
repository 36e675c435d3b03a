"""Where something goes so near to another that both carry a third: side by side, and upon both.

In:  the object, what it adjoins or rests on, the scene.
Out: GoalRegion; the object's faces are to be lined up with the target's, or it would not fit.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Protocol, runtime_checkable

from ..perception.types import ObjectState, SceneState
from .containment import CONTENT_GAP_M, GoalRegion, GoalSpot, contents_of
from .footprints import gap_m, make_footprint
from .relations import OVERLAP_M, SIDE_BY_SIDE_GAP_M
from .types import Fact

GAPS_M = (0.006, 0.008)  # wanted between the faces: more than what the hand errs by


@runtime_checkable
class Area(Protocol):
    """Where objects may be put."""

    def margin_m(self, x_m: float, y_m: float) -> float:
        """Signed distance from the border: positive inside."""
        ...


def spots_side_by_side(item: ObjectState, target: ObjectState, scene: SceneState, area: Area) -> GoalRegion:
    """Next to each of the target's four faces, where nothing else stands."""
    a, b = make_footprint(item), make_footprint(target)
    table_m = scene.table.height_m if scene.table is not None else 0.0
    held = scene.body.held if scene.body is not None else None
    others = [o for o in scene.objects if o.id not in (item.id, target.id, held)]
    spots: list[tuple[float, GoalSpot]] = []
    blocked: list[tuple[str, ...]] = []
    for wanted_m in GAPS_M:
        for quarter in range(4):
            angle = b.yaw_rad + quarter * math.pi / 2
            dx, dy = math.cos(angle), math.sin(angle)
            along_m = b.extent_m(dx, dy) + a.half_x_m + wanted_m
            x, y = b.x_m + along_m * dx, b.y_m + along_m * dy
            if area.margin_m(x, y) < 0.0:
                continue
            there = replace(a, x_m=x, y_m=y, yaw_rad=b.yaw_rad)
            gaps = {o.id: gap_m(there, make_footprint(o)) for o in others}
            near = tuple(sorted(name for name, gap in gaps.items() if gap < CONTENT_GAP_M))
            if near:
                blocked.append(near)
                continue
            room_m = min(gaps.values(), default=1.0)
            margin_m = min(SIDE_BY_SIDE_GAP_M - wanted_m, wanted_m)
            spots.append((2 * max(0.0, 0.05 - room_m) + wanted_m, GoalSpot(x, y, table_m, margin_m, room_m)))
    if not spots:
        return GoalRegion((), min(blocked, key=len, default=()))
    spots.sort(key=lambda s: (round(s[0], 6), s[1].x_m, s[1].y_m))
    return GoalRegion(tuple(spot for _, spot in spots))


def spots_upon_both(item: ObjectState, one: ObjectState, fact: Fact, scene: SceneState) -> GoalRegion:
    """The middle between the two that carry it, if nothing stands on them."""
    other = scene.find(fact.args[2])
    if other is None:
        return GoalRegion(())
    upon = {o.id for base in (one, other) for o in contents_of(base, scene, without=item.id)} - {one.id, other.id}
    if upon:
        return GoalRegion((), tuple(sorted(upon)))
    a, b, c = make_footprint(item), make_footprint(one), make_footprint(other)
    # The middle of the gap, not of the centres: one may be the larger.
    distance_m = max(1e-6, math.hypot(c.x_m - b.x_m, c.y_m - b.y_m))
    dx, dy = (c.x_m - b.x_m) / distance_m, (c.y_m - b.y_m) / distance_m
    from_b_m = (b.extent_m(dx, dy) + distance_m - c.extent_m(dx, dy)) / 2
    x, y = b.x_m + from_b_m * dx, b.y_m + from_b_m * dy
    margin_m = a.inner_radius_m - gap_m(b, c) / 2 - OVERLAP_M
    return GoalRegion((GoalSpot(x, y, max(b.top_m, c.top_m), margin_m, 0.0),)) if margin_m > 0.0 else GoalRegion(())
