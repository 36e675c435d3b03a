"""Groups that colour does not part: touching blocks in an L, towers and blocks in bowls, each of one colour.

In:  a case and a seed.
Out: HardGroup: a Scene with other things around, and the names of the group's members.
Blocks have any edge of 3 to 5 cm. Who stands where is drawn; physics settles it before anybody looks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..perception.types import Shape
from .catalogue import CLUTTER_COLORS, CLUTTER_KINDS, DENSITY_KGPM3, ObjectModel, add_object, make_box, make_object
from .layout import GRASP_GAP_M, PlacedObject
from .placement import WORK_AREA, find_free_pose, outline
from .scenes import Scene
from .shading import draw_light

CASES = ("corner", "tower", "nested")
EDGES_M = (0.030, 0.050)
MOST_TOUCHING_GAP_M = 0.0005
TOWER_SLIP_M = 0.002
WALL_ROOM_M = 0.003
BOWLS = ("bowl", "basin")
OTHERS = (2, 5)
TRIES = 500


@dataclass(frozen=True, slots=True)
class HardGroup:
    """`members` are names of objects of the scene."""

    scene: Scene
    members: tuple[str, ...]


def draw_hard_group(case: str, seed: int) -> HardGroup:
    """The group of that case and seed, with two to five other things around it.

    Raises:
        ValueError: there is no such case.
    """
    if case not in CASES:
        raise ValueError(f"no hard case '{case}', expected one of {', '.join(CASES)}")
    rng = np.random.default_rng([seed, CASES.index(case), 0x6A4D])
    color = _pick(rng, CLUTTER_COLORS)
    draw = {"corner": _draw_corner, "tower": _draw_tower, "nested": _draw_nested}[case]
    members = [PlacedObject(f"member_{k}", *row) for k, row in enumerate(_on_table(draw, color, rng))]
    others = _draw_others(members, rng)
    scene = Scene(case, (*members, *others), light=draw_light(rng))
    return HardGroup(scene, tuple(member.name for member in members))


def add_cube(edge_m: float) -> str:
    """The kind of blocks of that edge, to a tenth of a millimetre."""
    tenths = round(edge_m * 1e4)
    kind, size_m = f"block_of_{tenths}", np.full(3, tenths * 1e-4)
    mass_kg = DENSITY_KGPM3 * float(np.prod(size_m))
    add_object(ObjectModel(kind, Shape.BLOCK, size_m, mass_kg, (make_box(np.zeros(3), size_m),)))
    return kind


Row = tuple[str, str, np.ndarray, float]
"""Kind, colour, centre in the group's own frame, yaw."""
Draw = Callable[[str, np.random.Generator], list[Row]]


def _on_table(draw: Draw, color: str, rng: np.random.Generator) -> list[Row]:
    """The group turned and moved to where all of it lies in the work area."""
    low, high = np.array(WORK_AREA[:2]), np.array(WORK_AREA[2:])
    rows = draw(color, rng)
    for _ in range(TRIES):
        yaw_rad, place = rng.uniform(-math.pi, math.pi), rng.uniform(low, high)
        turn = np.array([[math.cos(yaw_rad), -math.sin(yaw_rad)], [math.sin(yaw_rad), math.cos(yaw_rad)]])
        moved = [(kind, of, np.append(turn @ at[:2] + place, at[2]), own + yaw_rad) for kind, of, at, own in rows]
        if all(outline(kind, float(at[0]), float(at[1]), own).is_inside(WORK_AREA) for kind, _, at, own in moved):
            return moved
    raise RuntimeError("a hard group found no place in the work area")  # it is 38 × 64 cm, groups at most 16


def _draw_corner(color: str, rng: np.random.Generator) -> list[Row]:
    """Three blocks that touch in an L: of one size and flush, or of any sizes, the outer two slid along the faces."""
    is_equal = rng.random() < 0.5
    edges_m = np.full(3, rng.uniform(*EDGES_M)) if is_equal else rng.uniform(*EDGES_M, 3)
    kinds = [add_cube(edge_m) for edge_m in edges_m]
    middle, first, second = (float(make_object(kind).size_m[0]) for kind in kinds)
    gaps_m = rng.uniform(0.0, MOST_TOUCHING_GAP_M, 2)
    slides_m = np.zeros(2) if is_equal else rng.uniform(-0.25, 0.25, 2) * middle
    # What reaches beyond the middle block's side there would cut into the other one.
    slides_m = np.minimum(slides_m, [(middle - first) / 2, (middle - second) / 2])
    centers = (
        (0.0, 0.0),
        ((middle + first) / 2 + gaps_m[0], slides_m[0]),
        (slides_m[1], (middle + second) / 2 + gaps_m[1]),
    )
    sizes = (middle, first, second)
    return [
        (kind, color, np.array([*center, size / 2]), 0.0)
        for kind, center, size in zip(kinds, centers, sizes, strict=True)
    ]


def _draw_tower(color: str, rng: np.random.Generator) -> list[Row]:
    """Two to four blocks upon each other: of one size and hardly slipped, or smaller upwards and turned at will."""
    num, is_equal = int(rng.integers(2, 5)), rng.random() < 0.5
    edges_m = np.full(num, rng.uniform(*EDGES_M)) if is_equal else np.sort(rng.uniform(*EDGES_M, num))[::-1]
    rows: list[Row] = []
    place, floor_m = np.zeros(2), 0.0
    for edge_m in edges_m:
        kind = add_cube(float(edge_m))
        size = float(make_object(kind).size_m[0])
        yaw_rad = float(rng.uniform(-0.05, 0.05)) if is_equal else float(rng.uniform(-math.pi, math.pi))
        rows.append((kind, color, np.array([*place, floor_m + size / 2]), yaw_rad))
        place, floor_m = place + rng.uniform(-TOWER_SLIP_M, TOWER_SLIP_M, 2), floor_m + size
    return rows


def _draw_nested(color: str, rng: np.random.Generator) -> list[Row]:
    """A block on the floor of a bowl, wherever it fits."""
    bowl = make_object(_pick(rng, BOWLS))
    block = make_object(add_cube(float(rng.uniform(*EDGES_M))))
    floor_m = float(bowl.size_m[2]) - bowl.cavity_depth_m
    # All bowls have a flat floor of 38 mm or more around the middle.
    foot_m = min(part.vertices_object[:, :2].max() for part in bowl.parts[:1])
    room_m = max(0.0, foot_m - WALL_ROOM_M - float(np.hypot(*block.size_m[:2])) / 2)
    away_m, way_rad = room_m * math.sqrt(rng.random()), rng.uniform(-math.pi, math.pi)
    place = away_m * np.array([math.cos(way_rad), math.sin(way_rad)])
    return [
        (bowl.kind, color, np.array([0.0, 0.0, bowl.size_m[2] / 2]), 0.0),
        (block.kind, color, np.array([*place, floor_m + block.size_m[2] / 2]), float(rng.uniform(-math.pi, math.pi))),
    ]


def _draw_others(members: list[PlacedObject], rng: np.random.Generator) -> list[PlacedObject]:
    """Things of the catalogue in any colour, the group's too, with room for a finger between."""
    taken = [outline(m.kind, float(m.position_world[0]), float(m.position_world[1]), m.yaw_rad) for m in members]
    placed: list[PlacedObject] = []
    for number in range(int(rng.integers(OTHERS[0], OTHERS[1] + 1))):
        kind, color = _pick(rng, CLUTTER_KINDS), _pick(rng, CLUTTER_COLORS)
        pose = find_free_pose(kind, taken, GRASP_GAP_M, rng)
        if pose is None:
            continue
        x, y, yaw_rad = pose
        taken.append(outline(kind, x, y, yaw_rad))
        height_m = float(make_object(kind).size_m[2])
        placed.append(PlacedObject(f"other_{number}", kind, color, np.array([x, y, height_m / 2]), yaw_rad))
    return placed


def _pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]
