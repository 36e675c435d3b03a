"""Things strewn on a table without physics: apart, touching, on and in each other, of stretched sizes.

In:  a generator, the kinds and colours to draw from.
Out: StrewnObject values: poses with z up, none inside another.

Made for training and for measuring perception: nothing here need be graspable, and no suite draws from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ..perception.colors import PALETTE
from ..perception.geometry import make_pose
from ..perception.types import ObjectState, Shape
from .catalogue import make_object
from .placement import Outline, footprint

KINDS = (
    *("block_small", "block_large", "crumb_large", "cylinder", "bowl", "mug", "plate", "tray", "bin", "box"),
    *("tablet", "pad", "disc_small", "disc_medium", "disc_large"),
)
"""Without those that are held out of training (tasks/held_out.py)."""
AREA = (0.26, -0.40, 0.74, 0.40)
TRIES = 25
STRETCH = (0.75, 1.30)
SLENDER = (0.80, 1.25)
COLOR_SPREAD = 0.03
SAME_COLOR = 0.3  # as another thing there: what touches is then told apart by its form alone
TOUCHING_M = 0.0012
WAYS, WAY_SHARES = ("apart", "beside", "upon"), (0.62, 0.18, 0.20)


@dataclass(frozen=True, slots=True)
class StrewnObject:
    """One thing; `scale` stretches its kind along the kind's own axes, `color_rgb` is near the word's."""

    name: str
    kind: str
    color: str
    color_rgb: tuple[float, float, float]
    scale: tuple[float, float, float]
    pose_world: Float[np.ndarray, "4 4"]

    @property
    def size_m(self) -> Float[np.ndarray, "3"]:
        """Along its own axes."""
        return make_object(self.kind).size_m * self.scale

    @property
    def cavity_depth_m(self) -> float:
        """How deep its opening is."""
        return make_object(self.kind).cavity_depth_m * self.scale[2]

    @property
    def top_m(self) -> float:
        """Height of its rim or top."""
        return float(self.pose_world[2, 3] + self.size_m[2] / 2)

    def state(self, time_s: float) -> ObjectState:
        """As truth."""
        return ObjectState(
            id=self.name,
            pose_world=self.pose_world.copy(),
            covariance=1e-12 * np.eye(6),
            size_m=self.size_m,
            color_rgb=np.array(self.color_rgb),
            color=self.color,
            shape=make_object(self.kind).shape,
            shape_confidence=1.0,
            existence=1.0,
            sources=("truth",),
            last_seen_s=time_s,
            cavity_depth_m=self.cavity_depth_m,
        )

    def outline(self, grow_m: float = 0.0) -> Outline:
        """From above, handle included."""
        x0, y0, x1, y1 = footprint(self.kind)
        sx, sy, _ = self.scale
        low, high = np.array([x0 * sx, y0 * sy]) - grow_m, np.array([x1 * sx, y1 * sy]) + grow_m
        corners = np.array([(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])])
        return Outline(corners @ self.pose_world[:2, :2].T + self.pose_world[:2, 3])


def strew(
    rng: np.random.Generator, most: int = 9, kinds: Sequence[str] = KINDS, colors: Sequence[str] = tuple(PALETTE)
) -> tuple[StrewnObject, ...]:
    """At most so many things; each found a place apart from all, beside a block, or on or in another."""
    things: list[StrewnObject] = []
    for _ in range(int(rng.integers(1, most + 1))):
        thing = _draw(f"thing_{len(things)}", rng, kinds, colors)
        way = rng.choice(WAYS, p=WAY_SHARES) if things else "apart"
        if things and rng.random() < SAME_COLOR:
            other = things[int(rng.integers(len(things)))]
            thing = replace(thing, color=other.color, color_rgb=other.color_rgb)
        place = {"apart": _apart, "beside": _beside, "upon": _upon}[way]
        if (found := place(thing, things, rng)) is not None:
            things.append(found)
    return tuple(things)


def _draw(name: str, rng: np.random.Generator, kinds: Sequence[str], colors: Sequence[str]) -> StrewnObject:
    kind, color = str(rng.choice(list(kinds))), str(rng.choice(list(colors)))
    whole = float(rng.uniform(*STRETCH))
    scale = [whole, whole, whole * float(rng.uniform(*SLENDER))]
    if make_object(kind).shape in (Shape.BLOCK, Shape.BOX, Shape.TRAY) and rng.random() < 0.6:
        scale[0] *= float(rng.uniform(*SLENDER))
    rgb = np.clip(np.array(PALETTE[color]) + rng.uniform(-COLOR_SPREAD, COLOR_SPREAD, 3), 0.02, 0.97)
    painted = (float(rgb[0]), float(rgb[1]), float(rgb[2]))
    return StrewnObject(name, kind, color, painted, (scale[0], scale[1], scale[2]), np.eye(4))


def _at(thing: StrewnObject, x: float, y: float, floor_m: float, yaw_rad: float) -> StrewnObject:
    pose = make_pose(np.array([x, y, floor_m + thing.size_m[2] / 2]), yaw_rad)
    return replace(thing, pose_world=pose)


def _is_free(thing: StrewnObject, others: Sequence[StrewnObject], gap_m: float) -> bool:
    outline = thing.outline()
    return outline.is_inside(AREA) and all(outline.gap_m(other.outline()) >= gap_m for other in others)


def _apart(thing: StrewnObject, things: Sequence[StrewnObject], rng: np.random.Generator) -> StrewnObject | None:
    gap_m = float(rng.choice([0.004, 0.012, 0.035]))
    for _ in range(TRIES):
        x, y = rng.uniform(AREA[:2], AREA[2:])
        placed = _at(thing, float(x), float(y), 0.0, float(rng.uniform(-math.pi, math.pi)))
        if _is_free(placed, things, gap_m):
            return placed
    return None


def _beside(thing: StrewnObject, things: Sequence[StrewnObject], rng: np.random.Generator) -> StrewnObject | None:
    """Side by side with a flat-sided thing on the table, aligned with it, touching or nearly."""
    bases = [t for t in things if t.top_m - t.size_m[2] < 0.001 and _is_flat_sided(t)]
    if not bases or not _is_flat_sided(thing):
        return _apart(thing, things, rng)
    base = bases[int(rng.integers(len(bases)))]
    for _ in range(TRIES):
        axis, side = int(rng.integers(2)), float(rng.choice([-1.0, 1.0]))
        local = np.zeros(2)
        local[axis] = side * ((base.size_m[axis] + thing.size_m[axis]) / 2 + rng.uniform(1e-5, TOUCHING_M))
        slack = abs(base.size_m[1 - axis] - thing.size_m[1 - axis]) / 2
        local[1 - axis] = rng.uniform(-slack, slack)
        x, y = base.pose_world[:2, :2] @ local + base.pose_world[:2, 3]
        yaw_rad = math.atan2(base.pose_world[1, 0], base.pose_world[0, 0])
        placed = _at(thing, float(x), float(y), 0.0, yaw_rad)
        if _is_free(placed, [t for t in things if t is not base], 0.001):
            return placed
    return None


def _upon(thing: StrewnObject, things: Sequence[StrewnObject], rng: np.random.Generator) -> StrewnObject | None:
    """On a flat top, or on the floor of an opening, where nothing stands yet."""
    radius_m = float(np.linalg.norm(thing.size_m[:2])) / 2
    for _ in range(TRIES):
        base = things[int(rng.integers(len(things)))]
        is_open = base.cavity_depth_m > 0.0
        room_m = (0.36 if is_open else 0.5) * float(base.size_m[:2].min()) - (radius_m if is_open else 0.35 * radius_m)
        floor_m = base.top_m - base.cavity_depth_m
        over = [t for t in things if t is not base and base.outline(0.02).gap_m(t.outline()) < 0.0]
        if room_m < 0.0 or any(t.top_m > floor_m + 0.002 for t in over):
            continue
        x, y = base.pose_world[:2, 3] + rng.uniform(-1.0, 1.0, 2) * room_m * (0.7 if is_open else 0.35)
        return _at(thing, float(x), float(y), floor_m, float(rng.uniform(-math.pi, math.pi)))
    return _apart(thing, things, rng)


def _is_flat_sided(thing: StrewnObject) -> bool:
    return make_object(thing.kind).shape in (Shape.BLOCK, Shape.BOX, Shape.TRAY)
