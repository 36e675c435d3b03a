"""A family and a seed become an episode: scene, sentence, and the goal that the sentence means.

In:  a family's name, a seed, a Variation.
Out: Episode; its goal names the scene's own objects, for scoring only.
Every episode can be solved (what is moved fits, its place is free and within reach), is not solved at the
start, and its sentence means one thing only.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...perception.colors import PALETTE
from ...perception.types import ObjectState, SceneState, SupportSurface
from ...planning.containment import fits
from ...planning.placement import goal_region
from ...planning.relations import evaluate
from ...planning.types import Fact, Predicate
from ..catalogue import make_object
from ..placement import TABLE_BOUNDS
from ..scenes import PlacedObject, Scene, SceneError
from .families import FAMILIES
from .family import TRAINING, Variation, say

MAX_DRAWS = 200
FAR_FROM_SOLVED_M = -0.02


@dataclass(frozen=True, slots=True)
class Episode:
    """One task of a suite. `goal` uses the names of the scene's objects: truth, for scoring only."""

    family: str
    seed: int
    command: str
    scene: Scene
    goal: tuple[Fact, ...]
    max_steps: int


class TaskError(ValueError):
    """No such family; one line that says which there are."""


def draw_episode(family: str, seed: int, variation: Variation = TRAINING) -> Episode:
    """The episode of a family with that seed; the same in every process."""
    if family not in FAMILIES:
        raise TaskError(f"No task family '{family}', expected one of {', '.join(FAMILIES)}.")
    chosen = FAMILIES[family]
    rng = np.random.default_rng([seed, zlib.crc32(family.encode())])
    for _ in range(MAX_DRAWS):
        try:
            draft = chosen.draw(rng, variation)
        except SceneError:
            continue  # This draw's objects did not fit on the table.
        if draft is not None and is_fair(draft.scene, draft.goal):
            command = say(chosen.phrases, draft.words, variation, rng)
            return Episode(family, seed, command, draft.scene, draft.goal, chosen.max_steps)
    raise RuntimeError(f"Family '{family}' found no fair episode for seed {seed} in {MAX_DRAWS} draws.")


def is_fair(scene: Scene, goal: Sequence[Fact]) -> bool:
    """Whether no goal fact holds or nearly holds yet, and each has a free place that it can come true at."""
    state = make_start_state(scene)
    for fact in goal:
        margin_m = evaluate(fact, state).margin_m
        if margin_m is not None and margin_m > FAR_FROM_SOLVED_M:
            return False
        if fact.predicate is Predicate.HOLDING:
            continue
        item, target = state.find(fact.args[0]), state.find(fact.args[1])
        if (
            item
            and target
            and fact.predicate in (Predicate.ON, Predicate.IN)
            and not fits(item, target, fact.predicate)
        ):
            return False
        if not goal_region(fact, state).spots:
            return False
    return True


def make_start_state(scene: Scene) -> SceneState:
    """The scene as it is drawn, before anything moves."""
    table = SupportSurface(0.0, 0.0, TABLE_BOUNDS, 0.0)
    return SceneState(0.0, 0.0, tuple(_object_state(p) for p in scene.objects), table, None, (), "drawn")


def _object_state(placed: PlacedObject) -> ObjectState:
    model = make_object(placed.kind)
    pose = np.eye(4)
    cos, sin = np.cos(placed.yaw_rad), np.sin(placed.yaw_rad)
    pose[:2, :2] = [[cos, -sin], [sin, cos]]
    pose[:3, 3] = placed.position_world
    return ObjectState(
        id=placed.name,
        pose_world=pose,
        covariance=np.zeros((6, 6)),
        size_m=model.size_m,
        color_rgb=np.array(PALETTE[placed.color]),
        color=placed.color,
        shape=model.shape,
        shape_confidence=1.0,
        existence=1.0,
        sources=("drawn",),
        last_seen_s=0.0,
        cavity_depth_m=model.cavity_depth_m,
    )
