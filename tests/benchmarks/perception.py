"""One look at drawn table scenes, against truth: found, false, where, how large, colour, shape, turn; seconds a look.

Usage: python tests/benchmarks/perception.py [--seeds 100] [--first 0] [--out docs/benchmarks/perception.json]
Two rigs: the robot's own (two cameras, LiDAR, IMU) and three strange cameras without a robot.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "perception"))

import numpy as np
import torch
from rendered_scenes import Thing, look_with, make_room, own_cameras
from scipy.optimize import linear_sum_assignment
from verbot.agent.build import build_parts
from verbot.agent.config import make_run_config
from verbot.perception.perceiver import FusedPerceiver
from verbot.perception.types import ObjectState, PerceiverSetup, SceneState, Shape
from verbot.sim.scenes import draw, load_scene
from verbot.sim.tasks.episodes import make_start_state

NEAR_M = 0.03
TURNS = {Shape.BLOCK: math.pi / 2, Shape.TRAY: math.pi, Shape.MUG: 2 * math.pi}


def look_with_robot(seed: int) -> tuple[SceneState, SceneState, float]:
    """What the robot's sensors make of the drawn scene, truth, and the seconds that perceiving took."""
    parts = build_parts(make_run_config(command="", seed=seed, device="cpu"))
    try:
        parts.perceiver.reset()
        parts.perceiver.update(parts.robot.reset(seed))
        frame = parts.robot.read(parts.robot.time_s + 0.2)
        start_s = time.perf_counter()
        seen = parts.perceiver.update(frame)
        return seen, parts.robot.judge.start_scene, time.perf_counter() - start_s  # type: ignore[attr-defined]
    finally:
        parts.robot.close()


def look_with_strange_rig(seed: int) -> tuple[SceneState, SceneState, float]:
    """Three cameras of 320×240 pixels, unlike ours in number, place, resolution and focal length; no robot."""
    scene = draw(load_scene("table"), seed)
    things = [Thing(o.kind, o.color, *o.position_world[:2], o.yaw_rad) for o in scene.objects]
    frame = look_with(own_cameras(), make_room(things), seed=seed)
    start_s = time.perf_counter()
    seen = FusedPerceiver(PerceiverSetup(())).update(frame)
    return seen, make_start_state(scene), time.perf_counter() - start_s


def compare(seen: SceneState, truth: SceneState) -> dict[str, Any]:
    """Pairs by distance, at most 30 mm apart, and their differences."""
    distances = np.array(
        [[float(np.linalg.norm(s.position_world - t.position_world)) for s in seen.objects] for t in truth.objects]
    ).reshape(len(truth.objects), len(seen.objects))
    rows, columns = linear_sum_assignment(np.minimum(distances, NEAR_M))
    pairs = [
        (truth.objects[i], seen.objects[j]) for i, j in zip(rows, columns, strict=True) if distances[i, j] < NEAR_M
    ]
    return {
        "objects": len(truth.objects),
        "found": len(pairs),
        "false": len(seen.objects) - len(pairs),
        "pairs": [_difference(true, mine) for true, mine in pairs],
    }


def _difference(true: ObjectState, mine: ObjectState) -> dict[str, Any]:
    turn = TURNS.get(true.shape)
    yaw = None if turn is None else abs((mine.yaw_rad - true.yaw_rad + turn / 2) % turn - turn / 2)
    sigma_m = math.sqrt(float(mine.covariance[0, 0] + mine.covariance[1, 1]))
    across_m = float(np.linalg.norm(mine.position_world[:2] - true.position_world[:2]))
    return {
        "across_m": across_m,
        "in_sigmas": across_m / max(sigma_m, 1e-6),
        "top_m": abs(mine.top_m - true.top_m),
        "size_m": float(np.abs(np.sort(mine.size_m) - np.sort(true.size_m)).max()),
        "yaw_rad": yaw,
        "color": mine.color == true.color,
        "shape": mine.shape is true.shape,
    }


def summarize(looks: list[dict[str, Any]]) -> dict[str, Any]:
    """Rates and percentiles over every object of every look."""
    pairs = [pair for look in looks for pair in look["pairs"]]

    def spread(key: str, scale: float) -> dict[str, float]:
        values = np.array([p[key] for p in pairs if p[key] is not None]) * scale
        return {name: round(float(np.percentile(values, q)), 3) for name, q in (("median", 50), ("p95", 95))}

    count = sum(look["objects"] for look in looks)
    return {
        "looks": len(looks),
        "objects": count,
        "recall": round(sum(look["found"] for look in looks) / count, 4),
        "false_objects": sum(look["false"] for look in looks),
        "color_right": round(sum(p["color"] for p in pairs) / len(pairs), 4),
        "shape_right": round(sum(p["shape"] for p in pairs) / len(pairs), 4),
        "across_mm": spread("across_m", 1e3),
        "top_mm": spread("top_m", 1e3),
        "size_mm": spread("size_m", 1e3),
        "yaw_deg": spread("yaw_rad", 180 / math.pi),
        "across_in_sigmas": spread("in_sigmas", 1.0),
        "seconds_a_look": round(float(np.median([look["seconds"] for look in looks])), 3),
    }


def main() -> int:
    """Look, compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rigs = {"robot": look_with_robot, "three strange cameras": look_with_strange_rig}
    results = {}
    for name, take_look in rigs.items():
        looks = []
        for seed in range(args.first, args.first + args.seeds):
            seen, truth, seconds = take_look(seed)
            looks.append(compare(seen, truth) | {"seconds": seconds})
            if looks[-1]["found"] < looks[-1]["objects"] or looks[-1]["false"]:
                print(f"{name} seed {seed}: {looks[-1]['found']}/{looks[-1]['objects']}, false {looks[-1]['false']}")
        results[name] = summarize(looks)
        print(name, json.dumps(results[name], indent=1), flush=True)
    if args.out:
        git = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
        commit = subprocess.run(git, capture_output=True, text=True, check=False)
        report = {
            "bench": "perception_look",
            "commit": commit.stdout.strip(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, one thread",
            "scene": "table",
            "seeds": [args.first, args.first + args.seeds - 1],
            "rigs": results,
        }
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
