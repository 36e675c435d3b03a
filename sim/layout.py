"""Put the objects of a scene on the table, apart from each other.

In:  named entries, given places first, and a generator.
Out: PlacedObjects, or a SceneError that names the object which is off the table, overlaps or finds no room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..perception.types import Shape
from ..planning.types import Property
from .catalogue import PIECES, make_object
from .placement import TABLE_BOUNDS, Outline, find_free_pose, outline, rectangle
from .scene_file import ObjectEntry, SceneError

GRASP_GAP_M = 0.035
"""Room between outlines that lets a gripper finger in; kept around everything that the seed places."""
WALL_GAP_M = 0.022
INSIDE_GAP_M = 0.018
"""Room that fingers want in a box, to its walls and between the discs around the things in it."""
LAYOUT_TRIES = 40
PIECE_GAP_M = 0.001  # between small pieces that lie together
LOW_ZONE_M = 0.25  # objects keep out of the zones that reach down to here, as the hand above them must


@dataclass(frozen=True, slots=True)
class PlacedObject:
    """One object; `position_world` is the centre of its box (for a mug the body's, without the handle).

    `nouns` are what the scene calls it besides, `properties` what it declares of it.
    """

    name: str
    kind: str
    color: str
    position_world: Float[np.ndarray, "3"]
    yaw_rad: float
    nouns: tuple[str, ...] = ()
    properties: tuple[Property, ...] = ()

    @property
    def shape(self) -> Shape:
        """Generic shape class of the kind."""
        return make_object(self.kind).shape


KeepOut = tuple[float, float, float, float, float, float]


def boxes_taken(boxes: Sequence[KeepOut]) -> list[Outline]:
    """Where nothing is placed because of boxes that the hand must stay out of."""
    return [rectangle((box[0], box[1], box[3], box[4])) for box in boxes if box[2] < LOW_ZONE_M]


def lay_out(
    fixed: Sequence[ObjectEntry],
    added: Sequence[ObjectEntry],
    marked: Sequence[Outline],
    at_least: int,
    rng: np.random.Generator,
    furniture: Sequence[Outline] = (),
) -> tuple[PlacedObject, ...]:
    """Place everything: given poses, then the rest by size at random outside `marked`, then what stands on others.

    Of `added` as many are placed as fit, so that there are `at_least` objects in all.
    """
    placed, taken = _place_given(fixed)
    taken += [*furniture, *marked]
    waiting = [entry for entry in fixed if entry.position_world is None and entry.on is None]
    at_least = max(at_least, len(fixed))
    most: dict[str, PlacedObject] = {}
    missing = waiting[0] if waiting else None
    for _ in range(LAYOUT_TRIES):
        trial, missing = _try_layout(waiting, added, taken, rng)
        if missing is None and len(trial) > len(most):
            most = trial
        if missing is None and len(trial) == len(waiting) + len(added):
            break
    total = len(placed) + len(most) + sum(entry.on is not None for entry in fixed)
    if missing is not None and not most and waiting:
        raise SceneError(
            f"{_key(missing, fixed)}: object '{missing.name}' ({missing.color} {missing.called}) finds no free "
            f"place on the table with {GRASP_GAP_M * 100:.1f} cm around it. "
            "Take objects out or give them a `position_world`."
        )
    if total < at_least:
        raise SceneError(
            f"'clutter.min_total': only {total} of at least {at_least} objects fit on the table. "
            "Lower clutter.min_total or use small kinds."
        )
    placed.update(most)
    _place_on_others(fixed, placed, rng)
    order = [str(entry.name) for entry in (*fixed, *added)]
    return tuple(placed[name] for name in order if name in placed)


def _key(entry: ObjectEntry, fixed: Sequence[ObjectEntry]) -> str:
    """Where the file says it: the entry's table."""
    return f"objects.{list(fixed).index(entry)}"


def _place_given(fixed: Sequence[ObjectEntry]) -> tuple[dict[str, PlacedObject], list[Outline]]:
    """Objects with a given place; SceneError when one is off the table or overlaps another."""
    placed: dict[str, PlacedObject] = {}
    outlines: dict[str, Outline] = {}
    for entry in fixed:
        if entry.position_world is None:
            continue
        name, (x, y), yaw_rad = str(entry.name), entry.position_world, entry.yaw_rad or 0.0
        shape = outline(entry.kind, x, y, yaw_rad)
        if not shape.is_inside(TABLE_BOUNDS):
            x0, y0, x1, y1 = TABLE_BOUNDS
            raise SceneError(
                f"{_key(entry, fixed)}.position_world: object '{name}' at ({x:g}, {y:g}) is off the table, expected "
                f"all of it within x {x0:g} to {x1:g} and y {y0:g} to {y1:g} m. Move it."
            )
        for other, other_shape in outlines.items():
            if (gap := shape.gap_m(other_shape)) < -1e-6:
                where = f"{_key(entry, fixed)}.position_world"
                raise SceneError(
                    f"{where}: object '{name}' overlaps '{other}' by {-gap * 1000:.0f} mm. Move one of them."
                )
        outlines[name] = shape
        placed[name] = _stand(entry, x, y, yaw_rad)
    return placed, list(outlines.values())


def _try_layout(
    waiting: Sequence[ObjectEntry], added: Sequence[ObjectEntry], taken: Sequence[Outline], rng: np.random.Generator
) -> tuple[dict[str, PlacedObject], ObjectEntry | None]:
    """One attempt, large objects first; the second value is the first fixed object that found no place."""
    result: dict[str, PlacedObject] = {}
    shapes = list(taken)
    by_size = sorted((*waiting, *added), key=lambda entry: -float(make_object(entry.kind).size_m[:2].max()))
    for entry in by_size:
        pose = find_free_pose(entry.kind, shapes, GRASP_GAP_M, rng, yaw_rad=entry.yaw_rad)
        if pose is None and entry in waiting:
            return {}, entry
        if pose is None:
            continue
        shapes.append(outline(entry.kind, *pose))
        result[str(entry.name)] = _stand(entry, *pose)
    return result, None


def _stand(entry: ObjectEntry, x: float, y: float, yaw_rad: float, floor_m: float = 0.0) -> PlacedObject:
    height_m = float(make_object(entry.kind).size_m[2])
    return PlacedObject(
        str(entry.name),
        entry.kind,
        entry.color,
        np.array([x, y, floor_m + height_m / 2]),
        float(yaw_rad),
        (*((entry.noun,) if entry.noun else ()), *entry.synonyms),
        entry.properties,
    )


def _place_on_others(fixed: Sequence[ObjectEntry], placed: dict[str, PlacedObject], rng: np.random.Generator) -> None:
    """Objects that stand on or in others, once those are placed."""
    waiting = [entry for entry in fixed if entry.on is not None]
    bases = [entry.on for entry in waiting]
    for entry in waiting:
        is_open = any(e.name == entry.on and make_object(e.kind).shape is Shape.BOX for e in fixed)
        if bases.count(entry.on) > 1 and entry.kind not in PIECES and not is_open:
            raise SceneError(
                f"object '{entry.name}' shares the place on '{entry.on}', expected one. Move it elsewhere."
            )
    while waiting:
        ready = [entry for entry in waiting if entry.on in placed]
        if not ready:
            names = ", ".join(f"'{entry.name}'" for entry in waiting)
            raise SceneError(f"objects {names} stand on each other in a ring. Put one of them on the table.")
        for entry in ready:
            base = placed[str(entry.on)]
            mates = [e for e in fixed if e.on == entry.on]
            if len(mates) == 1 or entry.kind in PIECES:
                rank = sum(earlier.on == entry.on for earlier in fixed[: fixed.index(entry)])
                placed[str(entry.name)] = _stand_on(entry, base, rank)
            else:
                inside = [placed[str(e.name)] for e in mates if str(e.name) in placed]
                placed[str(entry.name)] = _stand_among(entry, base, inside, rng)
            waiting.remove(entry)


def _stand_on(entry: ObjectEntry, base: PlacedObject, rank: int) -> PlacedObject:
    """In the middle of the base's top, or of its opening; pieces lie by fours around it, in layers."""
    below, above = make_object(base.kind), make_object(entry.kind)
    if above.size_m[:2].max() > below.size_m[:2].min() + 1e-9:
        raise SceneError(f"object '{entry.name}' is wider than '{base.name}', which is to carry it. Swap them.")
    floor_m = float(base.position_world[2] + below.size_m[2] / 2 - below.cavity_depth_m)
    x, y = base.position_world[:2]
    if entry.kind in PIECES:
        side_m, corner = float(above.size_m[0]) + PIECE_GAP_M, rank % 4
        x += side_m / 2 * (1 if corner in (0, 3) else -1)
        y += side_m / 2 * (1 if corner < 2 else -1)
        return _stand(entry, float(x), float(y), 0.0, floor_m + (rank // 4) * side_m)
    return _stand(entry, float(x), float(y), base.yaw_rad if entry.yaw_rad is None else entry.yaw_rad, floor_m)


def _stand_among(
    entry: ObjectEntry, base: PlacedObject, inside: Sequence[PlacedObject], rng: np.random.Generator
) -> PlacedObject:
    """Somewhere in a box, with room for fingers to the walls and to what stands there already."""
    below, radius_m = make_object(base.kind), _radius_m(entry.kind)
    half = below.size_m[:2] / 2 - WALL_GAP_M - radius_m
    floor_m = float(base.position_world[2] + below.size_m[2] / 2 - below.cavity_depth_m)
    cos, sin = np.cos(base.yaw_rad), np.sin(base.yaw_rad)
    for offset in rng.uniform(-1.0, 1.0, (200, 2)) * np.maximum(half, 0.0):
        x, y = base.position_world[:2] + np.array([[cos, -sin], [sin, cos]]) @ offset
        gaps = [float(np.hypot(*(other.position_world[:2] - (x, y)))) - _radius_m(other.kind) for other in inside]
        if all(gap - radius_m >= INSIDE_GAP_M for gap in gaps):
            return _stand(entry, float(x), float(y), base.yaw_rad if entry.yaw_rad is None else entry.yaw_rad, floor_m)
    raise SceneError(f"object '{entry.name}' finds no free place in '{base.name}'. Put fewer things into it.")


def _radius_m(kind: str) -> float:
    return float(np.hypot(*make_object(kind).size_m[:2])) / 2
