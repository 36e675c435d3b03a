"""What a scene as seen lacks, invents and misplaces, beside the true one.

In:  two SceneStates, seen and true; furniture, which is declared, counts for neither.
Out: pairs and their differences; rates and percentiles over many looks. For benchmarks and tests only.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..perception.types import ObjectState, SceneState, Shape

NEAR_M = 0.03
"""An object is found when one is seen less than this from where it is."""
_TURNS = {Shape.BLOCK: math.pi / 2, Shape.TRAY: math.pi, Shape.MUG: 2 * math.pi}


@dataclass(frozen=True, slots=True)
class Compared:
    """Pairs of true and seen objects; true ones that were not found; seen ones that are not there."""

    pairs: tuple[tuple[ObjectState, ObjectState], ...]
    missed: tuple[ObjectState, ...]
    invented: tuple[ObjectState, ...]


def compare(seen: SceneState, truth: SceneState, not_asked: Collection[str] = ()) -> Compared:
    """Pairs of least total distance; what is `not_asked` for may be seen, and need not."""
    true, mine = ([o for o in scene.objects if o.fixture is None] for scene in (truth, seen))
    distances_m = np.array([[_distance_m(t, m) for m in mine] for t in true]).reshape(len(true), len(mine))
    rows = zip(*linear_sum_assignment(np.minimum(distances_m, NEAR_M)), strict=True)
    pairs = [(int(row), int(column)) for row, column in rows if distances_m[row, column] < NEAR_M]
    found, used = {row for row, _ in pairs}, {column for _, column in pairs}
    return Compared(
        tuple((true[row], mine[column]) for row, column in pairs if true[row].id not in not_asked),
        tuple(t for row, t in enumerate(true) if row not in found and t.id not in not_asked),
        tuple(m for column, m in enumerate(mine) if column not in used),
    )


def is_solved(compared: Compared, members: Collection[str], within_m: float) -> bool:
    """Whether each member is one object in its place and of its shape, and nothing invented is among them."""
    found = {true.id: (true, mine) for true, mine in compared.pairs}
    if not set(members) <= found.keys():
        return False
    pairs = [found[name] for name in members]
    is_right = all(_distance_m(t, m) < within_m and t.shape is m.shape for t, m in pairs)
    return is_right and not any(_distance_m(t, other) < 2 * NEAR_M for t, _ in pairs for other in compared.invented)


def difference(true: ObjectState, mine: ObjectState) -> dict[str, Any]:
    """Of one pair; turns modulo what looks the same, None where every turn does."""
    turn = _TURNS.get(true.shape)
    yaw = None if turn is None else abs((mine.yaw_rad - true.yaw_rad + turn / 2) % turn - turn / 2)
    sigma_m = math.sqrt(float(mine.covariance[0, 0] + mine.covariance[1, 1]))
    across_m = float(np.linalg.norm(mine.position_world[:2] - true.position_world[:2]))
    return {
        "across_m": across_m,
        "place_m": _distance_m(true, mine),
        "in_sigmas": across_m / max(sigma_m, 1e-6),
        "top_m": abs(mine.top_m - true.top_m),
        "size_m": float(np.abs(np.sort(mine.size_m) - np.sort(true.size_m)).max()),
        "yaw_rad": yaw,
        "color": mine.color == true.color,
        "shape": mine.shape is true.shape,
    }


def summarize(looks: Sequence[Compared]) -> dict[str, Any]:
    """Rates and percentiles over every object of every look."""
    pairs = [difference(true, mine) for look in looks for true, mine in look.pairs]
    count = sum(len(look.pairs) + len(look.missed) for look in looks)
    invented = sum(len(look.invented) for look in looks)

    def spread(key: str, scale: float) -> dict[str, float]:
        values = np.array([p[key] for p in pairs if p[key] is not None]) * scale
        return {name: round(float(np.percentile(values, q)), 3) for name, q in (("median", 50), ("p95", 95))}

    return {
        "looks": len(looks),
        "objects": count,
        "recall": round(len(pairs) / count, 4),
        "precision": round(len(pairs) / (len(pairs) + invented), 4),
        "false_objects": invented,
        "color_right": round(sum(p["color"] for p in pairs) / len(pairs), 4),
        "shape_right": round(sum(p["shape"] for p in pairs) / len(pairs), 4),
        "place_mm": spread("place_m", 1e3),
        "across_mm": spread("across_m", 1e3),
        "top_mm": spread("top_m", 1e3),
        "size_mm": spread("size_m", 1e3),
        "yaw_deg": spread("yaw_rad", 180 / math.pi),
        "across_in_sigmas": spread("in_sigmas", 1.0),
    }


def _distance_m(first: ObjectState, second: ObjectState) -> float:
    return float(np.linalg.norm(first.position_world - second.position_world))
