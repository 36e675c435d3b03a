"""Pour what is in a mug into a bowl: the mug is tilted over it and put back upright."""

from __future__ import annotations

import math

import numpy as np

from ...planning.types import Fact, Predicate
from ..scenes import ClutterEntry, ObjectEntry, SceneFile
from .drawing import draft, draw_scene, pick
from .family import Draft, Family, Phrases, Variation

PHRASES = Phrases(
    training=(
        "pour {moved} into {target}",
        "pour {moved} over {target}",
        "tilt {moved} over {target}",
        "empty {moved} into {target}",
    ),
    held_out=(
        "tip {moved} out over {target}",
        "please pour the contents of {moved} into {target}",
        "dump out what is in {moved} into {target}",
    ),
)
NEAR_X_M, FAR_X_M, SIDE_M = 0.36, 0.60, 0.28
APART_M = 0.20
HANDLE_RAD = 1.7  # the handle points at most this far from straight ahead, so that the hand can come from behind it


def _draw(rng: np.random.Generator, variation: Variation) -> Draft | None:
    mug, bowl = rng.uniform((NEAR_X_M, -SIDE_M), (FAR_X_M, SIDE_M), (2, 2))
    if math.dist(mug, bowl) < APART_M:
        return None
    yaw_rad = math.remainder(math.atan2(mug[1], mug[0]) + rng.uniform(-HANDLE_RAD, HANDLE_RAD), 2 * math.pi)
    color, other = rng.permutation(variation.colors)[:2]
    entries = [
        ObjectEntry(kind="mug", color=str(color), name="cup", position_world=tuple(mug.tolist()), yaw_rad=yaw_rad),
        ObjectEntry(kind="bowl", color=pick(rng, variation.colors), name="target", position_world=tuple(bowl.tolist())),
    ]
    entries += [ObjectEntry(kind="crumb_small", color=str(other), on="cup") for _ in range(int(rng.integers(3, 5)))]
    total = len(entries) + int(rng.integers(0, 4))
    clutter = ClutterEntry(min_total=total, max_total=total, colors=variation.colors)
    scene = draw_scene(SceneFile(name="task", objects=tuple(entries), clutter=clutter), variation, rng)
    goal = (Fact(Predicate.POURED, ("cup", "target")),)
    return draft(scene, goal, {"moved": "cup", "target": "target"}, rng, by_relation=False)


FAMILY = Family("tilt_over", "what is in a mug into a bowl", PHRASES, _draw)
