"""`verbot bench [NAME]`: what each benchmark measures, and the one form in which all are written.

In:  a benchmark's name.
Out: JSON: {"bench", "machine", "commit", "versions", "rows": [{"row", "ours", "against", "unit", "ratio", "bar",
     "holds"}]}.
"""

from __future__ import annotations

import difflib
import importlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from .config import ConfigError, make_run_config
from .evaluation.worker import THREAD_VARIABLES

BENCHES = {
    "episodes": "verbot.agent.bench_episodes:bench",
    "evaluate": "verbot.agent.evaluation.bench:bench",
    "fusion": "verbot.agent.bench_fusion_rows:bench",
    "mapping": "verbot.agent.bench_mapping_rows:bench",
    "objects": "verbot.agent.bench_objects_rows:bench",
    "perception": "verbot.agent.bench_perception:bench",
    "sensors": "verbot.agent.bench_sensors:bench",
    "subsets": "verbot.agent.bench_subsets:bench",
    "words": "verbot.agent.bench_words:bench",
}
SUMMARIES = {
    "episodes": "perceived pick-and-place episodes a minute on two cores, and where their time goes",
    "evaluate": "kill matrix, overhead of an episode, speed-up with workers, memory over many episodes",
    "fusion": "kinds of fusion of cameras and LiDAR against truth, each modality alone, shares, in the perceiver",
    "mapping": "the map against Open3D's VoxelBlockGrid, on one thread",
    "objects": "objects on the table against truth: the suite's scenes, mounts off, hard groups, occlusion, drawers",
    "perception": "odometry, maps, objects against KISS-ICP, small_gicp, gtsam, Open3D, truth; made and real data",
    "subsets": "each subset of camera, LiDAR, IMU, and late, frozen, biased, time-shifted: paths, objects, tasks",
    "words": "phrases in English and Chinese against truth, beside the lexicon alone and chance",
    "sensors": "camera and LiDAR against PyBullet's own, on one thread",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One claim: what was measured, what it is measured against, what was promised. None: not measured here."""

    row: str
    ours: float
    against: str
    unit: str
    bar: str
    holds: bool
    ratio: float | None = None


Bench = Callable[[int], Iterator[Row]]


def load_bench(name: str) -> Bench:
    """The benchmark's function.

    Raises:
        ConfigError: there is no such benchmark.
    """
    if name not in BENCHES:
        closest = difflib.get_close_matches(name, BENCHES, n=1)
        hint = f" Did you mean '{closest[0]}'?" if closest else ""
        raise ConfigError(f"No benchmark named '{name}'.{hint} There are: {', '.join(BENCHES)}.")
    module, _, function = BENCHES[name].partition(":")
    return getattr(importlib.import_module(module), function)


def measure_apart(module: str, count: int) -> Any:
    """What the module's `main(count)` answers in a process of its own on one thread; warnings are the peers' own.

    Raises:
        RuntimeError: that process failed.
    """
    program = f"import json, sys; from {module} import main; print(json.dumps(main(int(sys.argv[1]))))"
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, "1")
    line = [sys.executable, "-W", "ignore", "-c", program, str(count)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"The measuring process ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def make_report(name: str, rows: list[Row]) -> dict[str, Any]:
    """The JSON that is written."""
    from .episode import versions

    return {
        "bench": name,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "commit": _commit(),
        "versions": versions(make_run_config(command="")),
        "rows": [asdict(row) for row in rows],
    }


def _commit() -> str | None:
    """Of the checkout that this runs in; None for an installed package."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None
