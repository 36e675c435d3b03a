"""Objects against their bars: the tabletop suite's scenes, mounts beside their calibration, hard groups, occlusion.

In:  how many seeds each row has.
Out: plain values: rates and percentiles of each kind of scene, the seeds that failed, CPU time of a look.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from ..perception.types import SceneState
from ..sim.fault_file import FaultFile
from ..sim.hard_groups import CASES, draw_hard_group
from ..sim.scenes import Scene
from ..sim.tasks.episodes import draw_episode
from .bench_occlusion import WAYS, hide_and_look
from .object_errors import Compared, compare, is_solved, summarize
from .object_looks import TableLooks, mounts_off
from .suites import build_suite, read_suite

FIRST_SEED = 60_000
SHIFT_M, TURN_RAD = 0.002, math.radians(0.2)
WITHIN_M = 0.010
FEWER = 3
"""Of the scenes that are hidden and looked at for seconds, each costs as much as ten looks."""
FURNISHED = ("open_drawer", "close_drawer", "put_in_drawer")


def main(num_seeds: int) -> dict[str, Any]:
    """Everything measured."""
    torch.set_num_threads(1)
    looks = TableLooks()
    try:
        return {
            "seeds": [FIRST_SEED, FIRST_SEED + num_seeds - 1],
            "tabletop": look_at_tabletop(looks, num_seeds),
            "mounts_off": look_at_tabletop(looks, num_seeds, mounts_off(SHIFT_M, TURN_RAD)),
            "hard": {case: look_at_hard(looks, case, num_seeds) for case in CASES},
            "occlusion": hide_all(looks, max(len(WAYS), num_seeds // FEWER)),
            "drawers": look_at_drawers(looks, max(10, num_seeds // 2)),
        }
    finally:
        looks.close()


def look_at_tabletop(looks: TableLooks, num_seeds: int, faults: FaultFile | None = None) -> dict[str, Any]:
    """The suite's own scenes, its families by turns."""
    compared: list[Compared] = []
    failed: list[str] = []
    for family, seed, scene in _tabletop(num_seeds):
        looked = looks.look(scene, seed, faults)
        compared.append(compare(looked.seen, looked.true, looked.hidden))
        if compared[-1].missed or compared[-1].invented:
            failed.append(
                f"{family} {seed}: missed {_words(compared[-1].missed)}, false {_words(compared[-1].invented)}"
            )
    return summarize(compared) | {"failed": failed}


def look_at_hard(looks: TableLooks, case: str, num_seeds: int, faults: FaultFile | None = None) -> dict[str, Any]:
    """How many groups of a hard case are solved, and what of the whole scenes is."""
    compared: list[Compared] = []
    failed: list[int] = []
    for seed in range(FIRST_SEED, FIRST_SEED + num_seeds):
        group = draw_hard_group(case, seed)
        looked = looks.look(group.scene, seed, faults)
        compared.append(compare(looked.seen, looked.true, looked.hidden))
        if not is_solved(compared[-1], group.members, WITHIN_M):
            failed.append(seed)
    return summarize(compared) | {"solved": round(1.0 - len(failed) / num_seeds, 4), "failed": failed}


def hide_all(looks: TableLooks, num_seeds: int) -> dict[str, Any]:
    """Names kept through two seconds, in all and by what hid the objects."""
    hidden, kept = Counter[str](), Counter[str]()
    failed: list[int] = []
    for seed in range(FIRST_SEED, FIRST_SEED + num_seeds):
        found = hide_and_look(looks, seed)
        hidden[found.way] += found.hidden
        kept[found.way] += found.kept
        if found.kept < found.hidden:
            failed.append(seed)
    ways = {way: {"hidden": hidden[way], "kept": kept[way]} for way in WAYS}
    return {"hidden": hidden.total(), "kept": round(kept.total() / hidden.total(), 4), "ways": ways, "failed": failed}


def look_at_drawers(looks: TableLooks, num_seeds: int) -> dict[str, Any]:
    """Drawers' openings as seen, beside the true ones."""
    errors_m: list[float] = []
    unseen = 0
    for number in range(num_seeds):
        family, seed = FURNISHED[number % len(FURNISHED)], FIRST_SEED + number
        looked = looks.look(draw_episode(family, seed).scene, seed)
        seen, true = _openings(looked.seen), _openings(looked.true)
        errors_m += [abs(seen[name] - opening_m) for name, opening_m in true.items() if name in seen]
        unseen += len(true.keys() - seen.keys())
    spread = {name: round(1e3 * float(np.percentile(errors_m, q)), 3) for name, q in (("median", 50), ("p95", 95))}
    return {"drawers": len(errors_m), "unseen": unseen, "opening_mm": spread}


def _openings(scene: SceneState) -> dict[str, float]:
    return {o.id: o.opening_m for o in scene.objects if o.opening_m is not None}


def _tabletop(num_scenes: int) -> Iterator[tuple[str, int, Scene]]:
    chosen = read_suite("tabletop")
    suite = build_suite(chosen.suite, chosen.settings)
    families = suite.families
    for number in range(num_scenes):
        family, seed = families[number % len(families)], FIRST_SEED + number // len(families)
        yield family, seed, suite.episode(family, seed).scene


def _words(objects: tuple[Any, ...]) -> str:
    return ", ".join(f"{o.color} {o.shape}" for o in objects) or "none"
