"""Lanes: straight ways of a blade over the table, each with where it meets what lies in it.

In:  footprints of what is to be moved, the zone, the blade's half width and thickness.
Out: Lanes, the best first. Starts and ends are of the tool, in the middle of the blade.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..perception.types import ObjectState
from ..planning.footprints import Footprint, make_footprint

RUN_UP_M = 0.018  # the blade comes down this far behind what it is to push
BIT_M = 0.016  # what is seen as one piece is taken for several of this size
BIT_RADIUS_M = 0.010
DEPTH_M = 0.016  # the blade goes this far into a zone: what touches it lies inside then
STEP_M = 0.004
MAX_WAY_M = 0.60
CLEAR_TRIES = 6
CLIPPED_COST = 0.6  # pieces that a corner of the blade hits go anywhere


@dataclass(frozen=True, slots=True)
class Lane:
    """From `start` to `end`; `half_m` is half the blade's width, `front_m` from its middle to its front."""

    start: tuple[float, float]
    end: tuple[float, float]
    half_m: float
    front_m: float

    @property
    def length_m(self) -> float:
        """How far the blade goes."""
        return math.dist(self.start, self.end)

    @property
    def direction(self) -> tuple[float, float]:
        """Unit vector along it."""
        length_m = self.length_m
        return (self.end[0] - self.start[0]) / length_m, (self.end[1] - self.start[1]) / length_m

    def along_across_m(self, x_m: float, y_m: float) -> tuple[float, float]:
        """Of a point: how far from the start along the lane, and to its left."""
        (dx, dy), x, y = self.direction, x_m - self.start[0], y_m - self.start[1]
        return x * dx + y * dy, y * dx - x * dy

    def contact_m(self, item: Footprint) -> float | None:
        """How far the blade goes before it meets the footprint with its flat part; None when it does not."""
        along_m, across_m = self.along_across_m(item.x_m, item.y_m)
        at_m = along_m - item.extent_m(*self.direction) - self.front_m
        return max(at_m, 0.0) if abs(across_m) < self.half_m and along_m > 0.0 and at_m < self.length_m else None


def start_of_push(item: Footprint, goal: tuple[float, float], breadth_m: float) -> Lane:
    """The lane that takes the middle of one object straight to the goal."""
    way_m = max(math.dist((item.x_m, item.y_m), goal), 1e-6)
    dx, dy = (goal[0] - item.x_m) / way_m, (goal[1] - item.y_m) / way_m
    behind_m = item.extent_m(dx, dy) + breadth_m / 2
    first_m = behind_m + RUN_UP_M
    start = (item.x_m - first_m * dx, item.y_m - first_m * dy)
    end = (goal[0] - behind_m * dx, goal[1] - behind_m * dy)
    return Lane(start, end, item.outer_radius_m, breadth_m / 2)


def make_lanes(pieces: Sequence[ObjectState], zone: ObjectState, half_m: float, breadth_m: float) -> list[Lane]:
    """Lanes into the zone, those that take most pieces first, of equal ones the shorter."""
    area = make_footprint(zone)
    bits = [bit for piece in pieces for bit in _bits(make_footprint(piece))]
    waiting = [bit for bit in bits if area.inside_m(*bit) < BIT_RADIUS_M / 2]
    if not waiting:
        waiting = sorted(bits, key=lambda bit: area.inside_m(*bit))[:1]
    middles = [(sum(x for x, _ in waiting) / len(waiting), sum(y for _, y in waiting) / len(waiting)), *waiting]
    middles += [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in itertools.combinations(waiting[:12], 2)]
    ranked: list[tuple[float, float, int, Lane]] = []
    for middle in dict.fromkeys(middles):
        for aim in dict.fromkeys((_nearest_within(area, middle, half_m), (area.x_m, area.y_m))):
            lane = _lane_through(middle, aim, area, waiting, bits, half_m, breadth_m)
            if lane is not None:
                ranked.append((-_value(lane, waiting), lane.length_m, len(ranked), lane))
    return [lane for _, _, _, lane in sorted(ranked, key=lambda r: (round(r[0], 6), r[1], r[2]))]


def _lane_through(
    middle: tuple[float, float],
    aim: tuple[float, float],
    area: Footprint,
    waiting: Sequence[tuple[float, float]],
    bits: Sequence[tuple[float, float]],
    half_m: float,
    breadth_m: float,
) -> Lane | None:
    """From behind the last piece in the way of the blade, through `middle` towards `aim`, to just inside the zone."""
    way_m = math.dist(middle, aim)
    if way_m < 0.01:
        return None
    dx, dy = (aim[0] - middle[0]) / way_m, (aim[1] - middle[1]) / way_m
    whole = Lane(middle, aim, half_m, breadth_m / 2)
    spots = [whole.along_across_m(*bit) for bit in waiting]
    first_m = min((s for s, t in spots if abs(t) < half_m), default=0.0) - BIT_RADIUS_M - breadth_m / 2 - RUN_UP_M
    others = [whole.along_across_m(*bit) for bit in bits]
    needed_m = breadth_m / 2 + BIT_RADIUS_M + 0.004
    for _ in range(CLEAR_TRIES):
        # The fingers come down beside the pieces, not upon them.
        under = [s for s, t in others if abs(t) < half_m + BIT_RADIUS_M and abs(s - first_m) < needed_m]
        if not under:
            break
        first_m = min(under) - needed_m - 0.001
    else:
        return None
    last_m = _end_m(middle, (dx, dy), area, half_m, max(0.0, first_m))
    if last_m is None or last_m - breadth_m / 2 < first_m + RUN_UP_M:
        return None
    end_m = last_m - breadth_m / 2
    start = (middle[0] + first_m * dx, middle[1] + first_m * dy)
    return Lane(start, (middle[0] + end_m * dx, middle[1] + end_m * dy), half_m, breadth_m / 2)


def _end_m(
    middle: tuple[float, float], direction: tuple[float, float], area: Footprint, half_m: float, from_m: float
) -> float | None:
    """How far the blade's front goes from `middle` until it is inside the zone, corners nearly too."""
    (dx, dy), best = direction, None
    for step in range(int(MAX_WAY_M / STEP_M)):
        s = from_m + step * STEP_M
        x, y = middle[0] + s * dx, middle[1] + s * dy
        if area.inside_m(x, y) < DEPTH_M:
            if best is not None:
                break
            continue
        best = s if best is None else best
        side_m = half_m - BIT_RADIUS_M
        corners = ((x - side_m * dy, y + side_m * dx), (x + side_m * dy, y - side_m * dx))
        if min(area.inside_m(*corner) for corner in corners) >= DEPTH_M / 2:
            return s
    return best


def _value(lane: Lane, waiting: Sequence[tuple[float, float]]) -> float:
    """How many pieces the blade takes along, less those that it hits with a corner."""
    value = 0.0
    for bit in waiting:
        along_m, across_m = lane.along_across_m(*bit)
        if not 0.0 < along_m < lane.length_m + lane.front_m:
            continue
        if abs(across_m) < lane.half_m - 0.003:
            value += 1.0
        elif abs(across_m) < lane.half_m + 0.8 * BIT_RADIUS_M:
            value -= CLIPPED_COST
    return value


def _bits(piece: Footprint) -> list[tuple[float, float]]:
    """The middles of the small pieces that it may be made of."""
    num_x, num_y = (max(1, round(2 * half / (1.2 * BIT_M))) for half in (piece.half_x_m, piece.half_y_m))
    c, s = math.cos(piece.yaw_rad), math.sin(piece.yaw_rad)
    found: list[tuple[float, float]] = []
    for i, j in itertools.product(range(num_x), range(num_y)):
        x = ((i + 0.5) / num_x - 0.5) * 2 * piece.half_x_m
        y = ((j + 0.5) / num_y - 0.5) * 2 * piece.half_y_m
        if not piece.is_round or num_x == 1 or math.hypot(x, y) < piece.half_x_m:
            found.append((piece.x_m + c * x - s * y, piece.y_m + s * x + c * y))
    return found


def _nearest_within(area: Footprint, point: tuple[float, float], half_m: float) -> tuple[float, float]:
    """The point of the zone nearest to the given one, so far from its border that the blade has room."""
    c, s = math.cos(area.yaw_rad), math.sin(area.yaw_rad)
    dx, dy = point[0] - area.x_m, point[1] - area.y_m
    u, v = c * dx + s * dy, c * dy - s * dx
    room_x, room_y = max(area.half_x_m - half_m, 0.0), max(area.half_y_m - half_m, 0.0)
    u, v = min(max(u, -room_x), room_x), min(max(v, -room_y), room_y)
    return area.x_m + c * u - s * v, area.y_m + s * u + c * v
