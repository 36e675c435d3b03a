"""Task families: a seed becomes a scene, a sentence and the goal that the sentence means.

In:  a family's name and a seed.
Out: Episode; its goal names the scene's own objects, for scoring only.
Every episode can be solved (what is moved fits, its place is free and within reach), is not solved at the
start, and its sentence means one thing only.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..perception.colors import PALETTE
from ..perception.types import ObjectState, SceneState, Shape, SupportSurface
from ..planning.containment import fits
from ..planning.placement import goal_region
from ..planning.relations import evaluate
from ..planning.types import Fact, Predicate
from .catalogue import make_object
from .placement import TABLE_BOUNDS
from .referring import WORDS, refer
from .scenes import ClutterEntry, ObjectEntry, PlacedObject, Scene, SceneError, SceneFile, draw

MAX_DRAWS = 200
FAR_FROM_SOLVED_M = -0.02

BLOCKS = ("block_small", "block_large")
SMALL = (*BLOCKS, "cylinder")
MOVABLE = (*SMALL, *SMALL, "mug")
SIDES = ("left", "right", "front", "back")
RELATION_WORDS: dict[Predicate, tuple[str, ...]] = {
    Predicate.LEFT_OF: ("left of", "to the left of"),
    Predicate.RIGHT_OF: ("right of", "to the right of"),
    Predicate.IN_FRONT_OF: ("in front of",),
    Predicate.BEHIND: ("behind",),
    Predicate.NEXT_TO: ("next to", "beside"),
}


@dataclass(frozen=True, slots=True)
class Episode:
    """One task of a suite. `goal` uses the names of the scene's objects: truth, for scoring only."""

    family: str
    seed: int
    command: str
    scene: Scene
    goal: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class _Draft:
    """A command in a scene, not yet checked."""

    command: str
    scene: Scene
    goal: tuple[Fact, ...]


class TaskError(ValueError):
    """No such family; one line that says which there are."""


def draw_episode(family: str, seed: int) -> Episode:
    """The episode of a family with that seed; the same in every process."""
    if family not in FAMILIES:
        raise TaskError(f"No task family '{family}', expected one of {', '.join(FAMILIES)}.")
    rng = np.random.default_rng([seed, zlib.crc32(family.encode())])
    for _ in range(MAX_DRAWS):
        try:
            draft = FAMILIES[family](rng)
        except SceneError:
            continue  # This draw's objects did not fit on the table.
        if draft is not None and is_fair(draft.scene, draft.goal):
            return Episode(family, seed, draft.command, draft.scene, draft.goal)
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


def _draw_put_in(rng: np.random.Generator) -> _Draft | None:
    target = _pick(rng, ("bowl", "bowl", "bowl", "tray"))
    return _draw_pair(rng, Predicate.IN, _pick(rng, SMALL), target)


def _draw_put_on(rng: np.random.Generator) -> _Draft | None:
    return _draw_pair(rng, Predicate.ON, _pick(rng, MOVABLE), _pick(rng, ("plate", "plate", "tray")))


def _draw_stack(rng: np.random.Generator) -> _Draft | None:
    below = _pick(rng, BLOCKS)
    above = "block_small" if below == "block_small" else _pick(rng, BLOCKS)
    return _draw_pair(rng, Predicate.ON, above, below)


def _draw_spatial(rng: np.random.Generator) -> _Draft | None:
    return _draw_pair(rng, _pick_predicate(rng), _pick(rng, MOVABLE), _pick(rng, (*SMALL, "bowl", "mug", "plate")))


def _draw_pick_up(rng: np.random.Generator) -> _Draft | None:
    scene = _draw_scene(rng, (_pick(rng, MOVABLE),))
    return _make_draft(scene, [Fact(Predicate.HOLDING, (scene.objects[0].name,))], rng)


def _draw_move_side(rng: np.random.Generator) -> _Draft | None:
    scene = _draw_scene(rng, (_pick(rng, MOVABLE),))
    return _make_draft(scene, [Fact(Predicate.AT_SIDE, (scene.objects[0].name, _pick(rng, SIDES)))], rng)


def _draw_chain(rng: np.random.Generator) -> _Draft | None:
    """Two things to do with four different objects."""
    steps = [_draw_chain_step(rng) for _ in range(2)]
    scene = _draw_scene(rng, tuple(kind for _, kinds in steps for kind in kinds), num_clutter=2)
    names = [placed.name for placed in scene.objects]
    facts = [Fact(predicate, (names[2 * k], names[2 * k + 1])) for k, (predicate, _) in enumerate(steps)]
    return _make_draft(scene, facts, rng)


def _draw_chain_step(rng: np.random.Generator) -> tuple[Predicate, tuple[str, str]]:
    choice = int(rng.integers(3))
    if choice == 0:
        return Predicate.IN, (_pick(rng, SMALL), "bowl")
    if choice == 1:
        return Predicate.ON, (_pick(rng, BLOCKS), "block_large")
    return _pick_predicate(rng), (_pick(rng, SMALL), _pick(rng, SMALL))


def _draw_all(rng: np.random.Generator) -> _Draft | None:
    """All of one shape, two or three, into one container; nothing else of that shape stands around."""
    kind, target = (("block_small", "bowl"), ("block_small", "tray"), ("cylinder", "tray"))[int(rng.integers(3))]
    count = 2 if target == "bowl" else int(rng.integers(2, 4))
    colors = [str(color) for color in rng.permutation(tuple(PALETTE))[:count]]
    shape = make_object(kind).shape
    avoid = tuple(f"{color} {shape.value}" for color in PALETTE)
    entries = [ObjectEntry(kind=kind, color=color) for color in colors]
    entries.append(ObjectEntry(kind=target, color=_pick(rng, tuple(PALETTE))))
    clutter = ClutterEntry(min_total=count + 2, max_total=count + 4, avoid=avoid)
    scene = draw(SceneFile(name="task", objects=tuple(entries), clutter=clutter), _draw_seed(rng))
    names = [placed.name for placed in scene.objects]
    words = refer(scene, names[count], rng)
    if words is None:
        return None
    noun = WORDS[shape][0]
    subject = _pick(rng, (f"all {noun}s", f"all the {noun}s", f"every {noun}"))
    facts = tuple(Fact(Predicate.IN, (name, names[count])) for name in names[:count])
    return _Draft(f"put {subject} in {words}", scene, facts)


FAMILIES: dict[str, Callable[[np.random.Generator], _Draft | None]] = {
    "put_in": _draw_put_in,
    "stack": _draw_stack,
    "spatial": _draw_spatial,
    "put_on": _draw_put_on,
    "pick_up": _draw_pick_up,
    "move_side": _draw_move_side,
    "chain": _draw_chain,
    "all": _draw_all,
}


def _draw_pair(rng: np.random.Generator, predicate: Predicate, moved: str, target: str) -> _Draft | None:
    scene = _draw_scene(rng, (moved, target))
    first, second = scene.objects[:2]
    return _make_draft(scene, [Fact(predicate, (first.name, second.name))], rng)


def _draw_scene(rng: np.random.Generator, kinds: tuple[str, ...], num_clutter: int | None = None) -> Scene:
    """The kinds in colours that tell them apart, then clutter; now and then a twin in another size."""
    shapes_taken: set[tuple[str, Shape]] = set()
    entries: list[ObjectEntry] = []
    for kind in kinds:
        shape = make_object(kind).shape
        free = [color for color in PALETTE if (color, shape) not in shapes_taken]
        entries.append(ObjectEntry(kind=kind, color=_pick(rng, tuple(free))))
        shapes_taken.add((entries[-1].color, shape))
    if kinds[0] in BLOCKS and rng.random() < 0.2:
        twin = BLOCKS[1 - BLOCKS.index(kinds[0])]
        entries.append(ObjectEntry(kind=twin, color=entries[0].color))
    most = 9 if num_clutter is None else len(entries) + num_clutter
    clutter = ClutterEntry(min_total=max(5, len(entries)), max_total=max(5, most))
    return draw(SceneFile(name="task", objects=tuple(entries), clutter=clutter), _draw_seed(rng))


def _make_draft(scene: Scene, facts: Sequence[Fact], rng: np.random.Generator) -> _Draft | None:
    """Word the facts; None when an object has no unique description."""
    clauses: list[str] = []
    for fact in facts:
        objects = [name for name in fact.args if name not in SIDES]
        # In a chain "the nearest" could mean before or after the first step.
        words = [refer(scene, name, rng, by_relation=len(facts) == 1) for name in objects]
        if None in words:
            return None
        clauses.append(_word(fact, [str(word) for word in words], rng))
    joint = _pick(rng, (" and ", " then ", ", then ", " and then "))
    return _Draft(joint.join(clauses), scene, tuple(facts))


def _word(fact: Fact, words: Sequence[str], rng: np.random.Generator) -> str:
    moved, target = words[0], words[-1]
    if fact.predicate is Predicate.HOLDING:
        return _pick(rng, (f"pick up {moved}", f"lift {moved}", f"grab {moved}"))
    if fact.predicate is Predicate.AT_SIDE:
        side = fact.args[1]
        return _pick(rng, (f"move {moved} to the {side} side", f"put {moved} on the {side} side of the table"))
    verb = _pick(rng, ("put", "put", "place", "move"))
    if fact.predicate is Predicate.IN:
        return f"{verb} {moved} {_pick(rng, ('in', 'into', 'inside'))} {target}"
    if fact.predicate is Predicate.ON and "block" in fact.args[1]:
        return _pick(rng, (f"stack {moved} on {target}", f"put {moved} on top of {target}", f"put {moved} on {target}"))
    if fact.predicate is Predicate.ON:
        return f"{verb} {moved} {_pick(rng, ('on', 'onto'))} {target}"
    return f"{verb} {moved} {_pick(rng, RELATION_WORDS[fact.predicate])} {target}"


def _pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _pick_predicate(rng: np.random.Generator) -> Predicate:
    return tuple(RELATION_WORDS)[int(rng.integers(len(RELATION_WORDS)))]


def _draw_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))
