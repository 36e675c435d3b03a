"""One look at drawn table scenes, against truth: found, false, where, how large, colour, shape, turn; seconds a look.

Usage: python tests/benchmarks/perception.py [--seeds 100] [--first 0] [--out docs/benchmarks/perception.json]
Two rigs: the robot's own (two cameras, LiDAR, IMU) and three strange cameras without a robot.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "perception"))

import numpy as np
import torch
from rendered_scenes import Thing, look_with, make_room, own_cameras
from verbot.agent.build import build_parts
from verbot.agent.config import make_run_config
from verbot.agent.object_errors import compare, summarize
from verbot.perception.perceiver import FusedPerceiver
from verbot.perception.types import PerceiverSetup, SceneState
from verbot.sim.scenes import draw, load_scene
from verbot.sim.tasks.episodes import make_start_state


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
        looks, spent_s = [], []
        for seed in range(args.first, args.first + args.seeds):
            seen, truth, seconds = take_look(seed)
            looks.append(compare(seen, truth))
            spent_s.append(seconds)
            if looks[-1].missed or looks[-1].invented:
                print(f"{name} seed {seed}: missed {len(looks[-1].missed)}, false {len(looks[-1].invented)}")
        results[name] = summarize(looks) | {"seconds_a_look": round(float(np.median(spent_s)), 3)}
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
