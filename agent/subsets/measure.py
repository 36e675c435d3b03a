"""Everything under every condition, in a process of its own: paths of moving rigs, objects on tables, tasks.

In:  how much of it (the number of tasks of each family).
Out: plain values: for each condition the found errors, rates and endings; how far fusing helps on moving rigs.

Seeds begin where no suite, training or other benchmark has any: walks 810,000, tables and tasks 820,000.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from ...perception.odometry.errors import segment_error_percent
from ...perception.odometry.odometry import OdometryConfig
from ...planning.planner import Planner
from ...planning.robot_description import load_robot
from ...sim.room_walk import Walk, WalkConfig, walk
from ...sim.street import DriveConfig, drive
from ...sim.tasks.episodes import Episode as DrawnTask
from ...sim.tasks.episodes import draw_episode
from .conditions import SENSORS, Condition, all_conditions
from .ego import EgoFound, follow, follow_poses
from .objects import ObjectsFound, look_at_table
from .tasks import FAMILIES, TaskFound, draw_colorless, run_task

WALK_SEED, SCENE_SEED = 810_000, 820_000
WALKS, SWEEPS = 2, 100
STREET_SWEEPS, STREET_SPEED_MPS = 60, 8.0
MOST_SCENES, MOST_TASKS = 10, 4
SINGLES = tuple(Condition(sensor, (sensor,)) for sensor in SENSORS)


def main(count: int) -> dict[str, Any]:
    """Every condition; `count` tasks of each family, twice as many tables."""
    torch.set_num_threads(1)
    num_tasks = max(1, min(MOST_TASKS, count))
    num_scenes = max(2, min(MOST_SCENES, 2 * num_tasks + 2))
    walks = [walk(WalkConfig(num_scans=SWEEPS), WALK_SEED + k) for k in range(WALKS)]
    tasks = [t for family in FAMILIES for t in _first_colorless(family, num_tasks)]
    found = {
        condition.name: {
            "ego": _ego(walks, condition),
            "objects": _objects(condition, num_scenes),
            "tasks": _tasks(tasks, condition),
        }
        for condition in all_conditions()
    }
    asked = [draw_episode(task.family, task.seed) for task in tasks]
    blind = next(condition for condition in all_conditions() if condition.left == ("lidar", "imu"))
    return {
        "conditions": found,
        "named_by_color_without_cameras": _tasks(asked, blind),
        "walk": _walk_fusion(walks),
        "street": _street_fusion(),
        "sizes": {"walks": WALKS, "sweeps": SWEEPS, "tables": num_scenes, "tasks": len(tasks)},
    }


def _first_colorless(family: str, count: int) -> list[DrawnTask]:
    """The first tasks of the family that can be said without colours."""
    planner, found, seed = Planner(load_robot("panda")), list[DrawnTask](), SCENE_SEED
    while len(found) < count:
        if (task := draw_colorless(family, seed, planner)) is not None:
            found.append(task)
        seed += 1
    return found


def _ego(walks: Sequence[Walk], condition: Condition) -> dict[str, Any]:
    return _mean([follow(of, condition) for of in walks])


def _mean(found: Sequence[EgoFound]) -> dict[str, Any]:
    return {
        "rms_mm": round(1e3 * float(np.mean([f.rms_m for f in found])), 2),
        "second_mm": round(1e3 * float(np.mean([f.second_m for f in found])), 2),
        "second_mrad": round(1e3 * float(np.mean([f.second_rad for f in found])), 2),
        "is_finite": all(f.is_finite for f in found),
    }


def _objects(condition: Condition, num_scenes: int) -> dict[str, Any]:
    total: ObjectsFound | None = None
    for seed in range(SCENE_SEED, SCENE_SEED + num_scenes):
        found = look_at_table(condition, seed)
        total = found if total is None else total.plus(found)
    assert total is not None  # there are scenes
    median, p95 = (1e3 * np.percentile(total.off_m, [50, 95])).round(2).tolist() if total.off_m else (None, None)
    return {
        "objects": total.objects,
        "recall": round(total.found / total.objects, 4),
        "precision": round(total.found / max(total.found + total.false, 1), 4),
        "colors_right": round(total.colors_right / max(total.found, 1), 4),
        "shapes_right": round(total.shapes_right / max(total.found, 1), 4),
        "off_mm": [median, p95],
        "is_finite": total.is_finite,
    }


def _tasks(tasks: Sequence[DrawnTask], condition: Condition) -> dict[str, Any]:
    found = [run_task(task, condition) for task in tasks]
    return {
        "tasks": len(found),
        "success": sum(f.success for f in found),
        "asked": sum(f.is_asked for f in found),
        "ended_by": dict(sorted(Counter(f.ended_by for f in found).items())),
        "unstated": sum(not f.success and not f.detail for f in found),
        "is_finite": all(f.is_finite for f in found),
        "failed": [_as_dict(f) for f in found if not f.success],
    }


def _as_dict(found: TaskFound) -> dict[str, Any]:
    return {
        "family": found.family,
        "seed": found.seed,
        "command": found.command,
        "ended_by": found.ended_by,
        "detail": found.detail,
    }


def _walk_fusion(walks: Sequence[Walk]) -> dict[str, float]:
    """Each modality alone and fused, mm; "lidar, unbent": as if the rig stood still during each sweep."""
    frozen = [walk(WalkConfig(num_scans=SWEEPS, is_bent=False), WALK_SEED + k) for k in range(WALKS)]
    sides: dict[str, Callable[[], dict[str, Any]]] = {c.name: lambda c=c: _ego(walks, c) for c in SINGLES}
    sides["lidar, unbent"] = lambda: _ego(frozen, SINGLES[1])
    sides["fused"] = lambda: _ego(walks, Condition("fused", SENSORS))
    sides["lidar+imu"] = lambda: _ego(walks, Condition("lidar+imu", ("lidar", "imu")))
    return {name: measure()["rms_mm"] for name, measure in sides.items()}


def _street_fusion() -> dict[str, float]:
    """Segment error in percent of 20 to 40 m, driven with sweeps bent by the motion."""
    of = drive(DriveConfig(num_scans=STREET_SWEEPS, speed_mps=STREET_SPEED_MPS, start_s=2.0), WALK_SEED)
    nothing = [np.zeros((0, 3), np.float32)] * len(of.scans)
    as_walk = Walk(of.scans, nothing, of.T_world_sensor, of.imu_times_s, of.force_mps2, of.rate_radps)
    sides = {"lidar": ("lidar",), "imu": ("imu",), "fused": ("lidar", "imu")}
    return {
        name: segment_error_percent(
            follow_poses(as_walk, Condition(name, left), OdometryConfig()), of.T_world_sensor, (10.0, 20.0, 30.0)
        )
        for name, left in sides.items()
    }
