"""Tables of groups of one colour, for training the segmenter.

What touches, stands upon or lies in its like, and what only looks as if it did.

In:  a generator.
Out: StrewnObjects, and for each of them which object it is a part of: a letter is one object of several bars.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from ..perception.colors import PALETTE
from ..perception.geometry import make_pose
from .catalogue import CLUTTER_COLORS, make_object
from .loose_layout import StrewnObject
from .placement import WORK_AREA, Outline

EDGE_M = (0.028, 0.055)
GROUPS = (2, 4)
APART_M = 0.02
TOUCHING_M = 0.0008
TRIES = 60
CUBES = 0.75
LYING = ("cylinder", "mug", "plate", "disc_medium", "disc_large", "bowl", "tablet")
OPEN = ("bowl", "plate", "tray", "bin", "box")

Part = tuple[str, tuple[float, float, float], Float[np.ndarray, "3"], float]
"""Kind, stretch, centre in the group's frame, yaw."""
Parts = list[Part]


class Strewing:
    """Puts groups on the table; `owner` says of each thing, by its place in the list, which object it is part of."""

    def __init__(self) -> None:
        self.owner: list[int] = []

    def __call__(self, rng: np.random.Generator) -> list[StrewnObject]:
        """Two to four groups, each of a colour of its own."""
        self.owner = []
        things: list[StrewnObject] = []
        colors = rng.permutation(CLUTTER_COLORS)
        for color in colors[: int(rng.integers(GROUPS[0], GROUPS[1] + 1))]:
            name = str(rng.choice(list(_DRAWS), p=_SHARES))
            placed = _place(_DRAWS[name](rng), str(color), things, rng)
            start = max(self.owner, default=-1) + 1
            self.owner += [start if name == "letter" else start + k for k in range(len(placed))]
            things += placed
        return things


def _place(parts: Parts, color: str, things: list[StrewnObject], rng: np.random.Generator) -> list[StrewnObject]:
    """The group where it is free, or nothing."""
    rgb = np.clip(np.array(PALETTE[color]) + rng.uniform(-0.03, 0.03, 3), 0.02, 0.97)
    painted = (float(rgb[0]), float(rgb[1]), float(rgb[2]))
    low, high = np.array(WORK_AREA[:2]), np.array(WORK_AREA[2:])
    for _ in range(TRIES):
        T_table_group = make_pose(np.append(rng.uniform(low, high), 0.0), rng.uniform(-math.pi, math.pi))
        group = [
            StrewnObject(f"thing_{len(things) + k}", kind, color, painted, scale, T_table_group @ make_pose(at, yaw))
            for k, (kind, scale, at, yaw) in enumerate(parts)
        ]
        outlines = [thing.outline() for thing in group]
        if all(_is_free(outline, things) for outline in outlines):
            return group
    return []


def _is_free(outline: Outline, things: list[StrewnObject]) -> bool:
    return outline.is_inside(WORK_AREA) and all(outline.gap_m(t.outline()) >= APART_M for t in things)


def _block(size_m: Float[np.ndarray, "3"], x: float, y: float, floor_m: float, yaw_rad: float = 0.0) -> Part:
    edge = make_object("block_small").size_m
    sx, sy, sz = (size_m / edge).tolist()
    return "block_small", (sx, sy, sz), np.array([x, y, floor_m + float(size_m[2]) / 2]), yaw_rad


def _sizes(num: int, rng: np.random.Generator) -> Float[np.ndarray, "blocks 3"]:
    """Equal cubes, any cubes, or now and then any boxes."""
    if rng.random() > CUBES:
        return rng.uniform(*EDGE_M, (num, 3))
    edges = np.full(num, rng.uniform(*EDGE_M)) if rng.random() < 0.4 else rng.uniform(*EDGE_M, num)
    return np.repeat(edges[:, None], 3, axis=1)


def _draw_corner(rng: np.random.Generator) -> Parts:
    """Two or three side by side, in a row or in an L, the outer ones slid along the faces."""
    sizes, num = _sizes(3, rng), int(rng.choice([2, 3], p=[0.3, 0.7]))
    gaps, slides = rng.uniform(0.0, TOUCHING_M, 2), rng.uniform(-0.4, 0.4, 2) * sizes[0, :2]
    if rng.random() < 0.4:
        slides[:] = 0.0
    # What reaches beyond the middle block's side would cut into the other one.
    first_y = min(slides[0], (sizes[0, 1] - sizes[1, 1]) / 2)
    second_x = min(slides[1], (sizes[0, 0] - sizes[2, 0]) / 2)
    parts = [
        _block(sizes[0], 0.0, 0.0, 0.0),
        _block(sizes[1], (sizes[0, 0] + sizes[1, 0]) / 2 + gaps[0], first_y, 0.0),
        _block(sizes[2], second_x, (sizes[0, 1] + sizes[2, 1]) / 2 + gaps[1], 0.0),
    ]
    if num == 3 and rng.random() < 0.2:
        parts[2] = _block(sizes[2], -(sizes[0, 0] + sizes[2, 0]) / 2 - gaps[1], slides[1], 0.0)
    return parts[:num]


def _draw_tower(rng: np.random.Generator) -> Parts:
    """Two to four upon each other, smaller upwards or alike; sometimes another one beside."""
    sizes = _sizes(int(rng.integers(2, 5)), rng)
    sizes = sizes[np.argsort(-sizes[:, 0], kind="stable")]
    is_turned = rng.random() < 0.6
    parts, floor_m, place = [], 0.0, np.zeros(2)
    for size in sizes:
        yaw_rad = rng.uniform(-math.pi, math.pi) if is_turned else rng.uniform(-0.06, 0.06)
        parts.append(_block(size, place[0], place[1], floor_m, yaw_rad))
        floor_m, place = floor_m + size[2], place + rng.uniform(-0.004, 0.004, 2)
    if rng.random() < 0.2:
        beside, yaw_rad = _sizes(1, rng)[0], parts[0][3]
        away = (sizes[0, 0] + beside[0]) / 2 + rng.uniform(0.0, TOUCHING_M)
        parts.append(_block(beside, away * math.cos(yaw_rad), away * math.sin(yaw_rad), 0.0, yaw_rad))
    return parts


def _draw_nested(rng: np.random.Generator) -> Parts:
    """A block or a cylinder in something open."""
    outer, stretch = make_object(str(rng.choice(OPEN))), float(rng.uniform(0.85, 1.2))
    size_m = outer.size_m * stretch
    floor_m = float(size_m[2]) - outer.cavity_depth_m * stretch
    inner = _sizes(1, rng)[0]
    room_m = max(0.0, 0.5 * 0.55 * float(size_m[:2].min()) - float(np.hypot(*inner[:2])) / 2)
    x, y = rng.uniform(-1.0, 1.0, 2) * room_m
    return [
        (outer.kind, (stretch, stretch, stretch), np.array([0.0, 0.0, size_m[2] / 2]), 0.0),
        _block(inner, float(x), float(y), floor_m, float(rng.uniform(-math.pi, math.pi))),
    ]


def _draw_single(rng: np.random.Generator) -> Parts:
    """One thing: a bar that is no row of cubes, a block, or something round."""
    if rng.random() < 0.5:
        size_m = rng.uniform(0.025, 0.06, 3)
        size_m[0] *= rng.uniform(1.0, 2.2)
        return [_block(size_m, 0.0, 0.0, 0.0)]
    model, stretch = make_object(str(rng.choice(LYING))), float(rng.uniform(0.8, 1.25))
    return [(model.kind, (stretch, stretch, stretch), np.array([0.0, 0.0, model.size_m[2] * stretch / 2]), 0.0)]


def _draw_letter(rng: np.random.Generator) -> Parts:
    """Bars of one height joined at right angles: an L, a T or a cross, which is one thing."""
    wide_m, long_m, high_m = rng.uniform(0.012, 0.022), rng.uniform(0.05, 0.09), rng.uniform(0.012, 0.04)
    other_m = long_m * rng.uniform(0.6, 1.0)
    along = rng.choice([-0.5, 0.0, 0.5]) * (long_m - wide_m)
    side = rng.choice([0.0, 1.0]) * (other_m + wide_m) / 2
    return [
        _block(np.array([long_m, wide_m, high_m]), 0.0, 0.0, 0.0),
        _block(np.array([wide_m, other_m, high_m]), float(along), float(side), 0.0),
    ]


_DRAWS: dict[str, Callable[[np.random.Generator], Parts]] = {
    "corner": _draw_corner,
    "tower": _draw_tower,
    "nested": _draw_nested,
    "single": _draw_single,
    "letter": _draw_letter,
}
_SHARES = (0.32, 0.30, 0.10, 0.20, 0.08)
