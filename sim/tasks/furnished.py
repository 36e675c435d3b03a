"""Scenes with furniture: a cabinet with a drawer, or a shelf, at either side of the table; things beside and in it.

In:  a generator, a Variation, the kinds of things wanted.
Out: Scene whose first fixture is the furniture; the drawer is the second of a cabinet's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..scene_file import ClutterEntry, FixtureEntry, ObjectEntry, SceneFile
from ..scenes import Scene
from .drawing import draw_scene, pick
from .family import Variation

LOOSE = ("block_small", "block_large", "cylinder", "bowl", "mug", "plate")
MOST_BESIDE = 5
CABINET = "cabinet"
SHELF = "shelf"


def draw_cabinet(rng: np.random.Generator, opening: float) -> FixtureEntry:
    """A cabinet to the left or right, its front turned a little towards the robot."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    place = (float(rng.uniform(0.62, 0.67)), side * float(rng.uniform(0.24, 0.28)))
    yaw_rad = side * float(rng.uniform(-0.05, 0.25))
    return FixtureEntry(
        kind="drawer_cabinet",
        name=CABINET,
        color=pick(rng, ("white", "white", "orange", "cyan")),
        position_world=place,
        yaw_rad=yaw_rad,
        opening=opening,
    )


def draw_shelf(rng: np.random.Generator) -> FixtureEntry:
    """A shelf along the left or right edge of the work area, open towards its middle."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    place = (float(rng.uniform(0.50, 0.56)), side * float(rng.uniform(0.38, 0.40)))
    return FixtureEntry(kind="shelf", name=SHELF, position_world=place, yaw_rad=side * math.pi / 2)


def draw_furnished(
    rng: np.random.Generator, variation: Variation, furniture: FixtureEntry, kinds: Sequence[str] = ()
) -> Scene:
    """The furniture, the kinds in colours that differ, and clutter beside it.

    Raises:
        SceneError: this draw's objects do not fit on the table.
    """
    order = rng.permutation(len(variation.colors))
    colors = [variation.colors[int(k)] for k in order]
    objects = tuple(ObjectEntry(kind=kind, color=color) for kind, color in zip(kinds, colors, strict=False))
    at_least = max(3, len(objects))
    clutter = ClutterEntry(
        min_total=at_least,
        max_total=max(at_least, min(MOST_BESIDE, variation.max_objects)),
        kinds=LOOSE,
        colors=variation.colors,
    )
    scene = SceneFile(name="task", objects=objects, clutter=clutter, fixtures=(furniture,))
    return draw_scene(scene, variation, rng)


def drawer_of(scene: Scene) -> str:
    """Name of the scene's drawer."""
    return next(fixture.name for fixture in scene.fixtures if fixture.slide is not None)
