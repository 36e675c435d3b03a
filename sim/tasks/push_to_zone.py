"""Push X into a zone painted on the table."""

from __future__ import annotations

import math

import numpy as np

from ...planning.types import Fact, Predicate
from ..placement import WORK_AREA
from ..scene_file import PaintedEntry
from ..scenes import ClutterEntry, ObjectEntry, Scene, SceneFile
from ..zones import Zone
from .drawing import SMALL, draft, draw_scene, pick
from .family import Draft, Family, Phrases, Variation

PHRASES = Phrases(
    training=(
        "push {moved} into {zone}",
        "push {moved} to {zone}",
        "slide {moved} into {zone}",
        "push {moved} onto {zone}",
    ),
    held_out=("shove {moved} over to {zone}", "please nudge {moved} into {zone}", "scoot {moved} towards {zone}"),
)
ZONE_COLORS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple")
"""White paint is too near to the table's own colour for anybody to be sure."""
CLUTTER_KINDS = ("block_small", "block_large", "cylinder", "mug", "bowl")
"""No plate, no tray: the hand cannot put them aside, and what lies behind one can only be carried over."""
MIN_WAY_M = 0.13
RUN_UP_M = 0.06
REACH_M = 0.74


def draw_zone(rng: np.random.Generator, colors: tuple[str, ...]) -> PaintedEntry:
    """A zone within comfortable reach, not in the middle, where the way to it would be short."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    center = (float(rng.uniform(0.40, 0.56)), side * float(rng.uniform(0.14, 0.26)))
    size = (float(rng.uniform(0.13, 0.17)), float(rng.uniform(0.13, 0.17)))
    return PaintedEntry(color=pick(rng, colors), center_world=center, size_m=size)


def zone_colors(variation: Variation) -> tuple[str, ...]:
    """The colours of a suite that zones can have."""
    return tuple(color for color in variation.colors if color in ZONE_COLORS) or ZONE_COLORS


def say_zone(scene: Scene, zone: Zone, rng: np.random.Generator) -> str:
    """Words that mean this zone alone."""
    noun = pick(rng, ("zone", "zone", "area", "field"))
    return f"the {noun}" if len(scene.zones) == 1 and rng.random() < 0.3 else f"the {zone.color} {noun}"


def is_within_reach(start: tuple[float, float], zone: Zone) -> bool:
    """Whether a straight push begins and ends where the arm gets, and is worth the name."""
    (x, y), (zx, zy) = start, zone.center_world
    way_m = math.hypot(zx - x, zy - y)
    if way_m < MIN_WAY_M:
        return False
    behind_x, behind_y = x - (zx - x) * RUN_UP_M / way_m, y - (zy - y) * RUN_UP_M / way_m
    low_x, low_y, high_x, high_y = WORK_AREA
    is_on_table = low_x - 0.02 <= behind_x <= high_x and low_y - 0.08 <= behind_y <= high_y + 0.08
    return is_on_table and math.hypot(behind_x, behind_y) <= REACH_M


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    colors = zone_colors(variation)
    zones = [draw_zone(rng, colors)]
    if rng.random() < 0.4:
        other = draw_zone(rng, tuple(color for color in colors if color != zones[0].color) or ZONE_COLORS)
        zones.append(other)
    moved = ObjectEntry(kind=pick(rng, SMALL), color=pick(rng, variation.colors))
    most = min(variation.max_objects, 6)
    clutter = ClutterEntry(min_total=min(4, most), max_total=most, kinds=CLUTTER_KINDS, colors=variation.colors)
    scene = draw_scene(SceneFile(name="task", objects=(moved,), clutter=clutter, zones=tuple(zones)), variation, rng)
    item, zone = scene.objects[0], scene.zones[0]
    if not is_within_reach((float(item.position_world[0]), float(item.position_world[1])), zone):
        return None
    goal = (Fact(Predicate.IN, (item.name, zone.name)),)
    return draft(scene, goal, {"moved": item.name}, rng, by_relation=False, zone=say_zone(scene, zone, rng))


FAMILY = Family("push_to_zone", "one thing over the table into a painted zone", PHRASES, _draw)
