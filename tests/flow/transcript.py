"""Watches a run and writes down, bit for bit, every scene, plan, motion and verdict.

Also a program: `python transcript.py RUN_FOLDER` replays the run's frames where the simulator cannot be imported.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from verbot.agent.config import load_run_config
from verbot.agent.episode import Episode
from verbot.agent.observers import Observer
from verbot.perception.types import SceneState, SensorFrame
from verbot.planning.types import Plan, PlanStep, Problem, Task, Trajectory, Verdict

SIMULATOR = ("verbot.sim", "pybullet", "pybullet_data", "open3d")


class Transcript(Observer):
    """One line for each event; arrays by the hash of their bytes."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def on_scene(self, frame: SensorFrame, scene: SceneState) -> None:
        for thing in scene.objects:
            arrays = (thing.pose_world, thing.covariance, thing.size_m, thing.color_rgb)
            words = (thing.id, thing.color, thing.shape, thing.existence, thing.sources, thing.last_seen_s)
            self.lines.append(f"object {words} {_hash(*arrays)}")
        self.lines.append(f"scene {scene.time_s!r} {scene.table} {scene.health}")

    def on_task(self, task: Task | Problem) -> None:
        self.lines.append(f"task {task}")

    def on_plan(self, plan: Plan) -> None:
        self.lines.append(f"plan {plan}")

    def on_step(self, step: PlanStep, trajectory: Trajectory, verdict: Verdict, time_s: float) -> None:
        motion = (trajectory.times_s, trajectory.positions_rad, trajectory.velocities_radps, trajectory.gripper_width_m)
        self.lines.append(f"motion {step} at {time_s!r} {_hash(*motion)}")
        self.lines += [f"finding {finding}" for finding in verdict.findings]

    def on_outcome(self, step: PlanStep, kind: str, detail: str, time_s: float) -> None:
        self.lines.append(f"outcome {step} {kind} {detail} {time_s!r}")


def _hash(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(str((array.dtype, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


class _NoSimulator:
    """An import hook that makes the simulator impossible to import."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if any(name == banned or name.startswith(f"{banned}.") for banned in SIMULATOR):
            raise ImportError(f"{name} is banned in a replay")


def main(folder: Path) -> None:
    sys.meta_path.insert(0, _NoSimulator())  # type: ignore[arg-type]
    config = load_run_config(folder / "config.toml", robot=f"recording:{folder}")
    transcript = Transcript()
    with Episode(config) as episode:
        episode.run(transcript)
    assert not [name for name in sys.modules if name.startswith(SIMULATOR)]
    json.dump(transcript.lines, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
