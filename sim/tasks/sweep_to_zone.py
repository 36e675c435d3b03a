"""Sweep a pile of small pieces into a zone painted on the table; each piece that lies there counts."""

from __future__ import annotations

import math

import numpy as np

from ...planning.types import Fact, Predicate
from ..catalogue import PIECES
from ..placement import Outline, find_free_pose, outline
from ..scenes import ClutterEntry, ObjectEntry, SceneFile
from .drawing import draw_scene, pick
from .family import Draft, Family, Phrases, Variation
from .push_to_zone import draw_zone, is_within_reach, say_zone, zone_colors

PHRASES = Phrases(
    training=(
        "sweep the pile into {zone}",
        "sweep all the small pieces into {zone}",
        "sweep the crumbs into {zone}",
        "brush the pile into {zone}",
    ),
    held_out=(
        "wipe all the crumbs over into {zone}",
        "please brush all of the little pieces onto {zone}",
        "rake the heap together into {zone}",
    ),
)
CLOSE_M = 0.001
CLUTTER_KINDS = ("block_small", "block_large", "cylinder", "mug")
MAX_STEPS = 20


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    painted = draw_zone(rng, zone_colors(variation))
    center = (float(rng.uniform(0.38, 0.60)), -math.copysign(float(rng.uniform(0.0, 0.16)), painted.center_world[1]))
    count = int(rng.integers(4, 9))
    kind, color = pick(rng, PIECES), pick(rng, variation.colors)
    pieces = _strew(rng, center, count, kind, color)
    if len(pieces) < count:
        return None
    clutter = ClutterEntry(
        min_total=count + 1,
        max_total=min(12, count + 3),
        kinds=CLUTTER_KINDS,
        colors=variation.colors,
        avoid=(f"{color} block",),
    )
    scene = draw_scene(SceneFile(name="task", objects=pieces, clutter=clutter, zones=(painted,)), variation, rng)
    zone = scene.zones[0]
    names = [placed.name for placed in scene.objects[:count]]
    if not all(
        is_within_reach((float(p.position_world[0]), float(p.position_world[1])), zone) for p in scene.objects[:count]
    ):
        return None
    goal = tuple(Fact(Predicate.IN, (name, zone.name)) for name in names)
    return Draft(scene, goal, {"zone": say_zone(scene, zone, rng)})


def _strew(
    rng: np.random.Generator, center: tuple[float, float], count: int, kind: str, color: str
) -> tuple[ObjectEntry, ...]:
    """Pieces close together, some touching, around a place; fewer when there is no room."""
    half_m = 0.030 + 0.002 * count
    bounds = (center[0] - half_m, center[1] - half_m, center[0] + half_m, center[1] + half_m)
    taken: list[Outline] = []
    pieces: list[ObjectEntry] = []
    for _ in range(count):
        pose = find_free_pose(kind, taken, CLOSE_M, rng, within=bounds)
        if pose is None:
            break
        x, y, yaw_rad = pose
        taken.append(outline(kind, x, y, yaw_rad))
        pieces.append(ObjectEntry(kind=kind, color=color, position_world=(x, y), yaw_rad=yaw_rad))
    return tuple(pieces)


FAMILY = Family("sweep_to_zone", "a pile of small pieces into a painted zone", PHRASES, _draw, MAX_STEPS)
