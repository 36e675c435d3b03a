"""The table road on many seeds: success with Wilson intervals, violations on truth, failures by cause, time by stage.

Usage: python tests/benchmarks/table_road.py [--families put_in,stack,spatial] [--seeds 100] [--first 0]
       [--workers 2] [--out docs/benchmarks/table_road.json]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


def run_one(job: tuple[str, int, str]) -> dict[str, Any]:
    """One episode in this process; the pool's workers import the heavy parts once."""
    family, seed, perceiver = job
    import torch

    torch.set_num_threads(1)
    from verbot.agent.config import make_run_config
    from verbot.agent.episode import Episode
    from verbot.sim.suites import TABLE_ROAD

    drawn = TABLE_ROAD.build(TABLE_ROAD.config()).episode(family, seed)
    config = make_run_config(command=drawn.command, seed=seed, perceiver=perceiver, device="cpu")
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    with Episode(config, stage=lambda _: drawn.scene) as episode:
        values = episode.run(goal=drawn.goal).values
    return {
        "family": family,
        "seed": seed,
        "command": drawn.command,
        "success": values["success"],
        "ended_by": values["ended_by"],
        "detail": values["detail"],
        "criteria": values["criteria"],
        "steps": [f"{s['action']}: {s['outcome']} {s['detail']}" for s in values["steps"]],
        "replans": values["replans"],
        "violations": values["violations"],
        "time_s": values["time_s"],
        "timings_s": values["timings_s"],
        "cpu_s": time.process_time() - cpu_s,
        "wall_s": time.perf_counter() - wall_s,
    }


def summarize(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Per family: rate with interval, violations by kind, mean seconds by stage, every failure with its cause."""
    from verbot.agent.evaluation.rates import wilson_interval

    families = {}
    for family in sorted({row["family"] for row in rows}):
        mine = [row for row in rows if row["family"] == family]
        wins = sum(row["success"] for row in mine)
        stages = sorted({stage for row in mine for stage in row["timings_s"]})
        families[family] = {
            "episodes": len(mine),
            "successes": wins,
            "success_rate": wins / len(mine),
            "ci95": wilson_interval(wins, len(mine)),
            "violations": dict(Counter(v["kind"] for row in mine for v in row["violations"])),
            "episodes_with_replans": sum(row["replans"] > 0 for row in mine),
            "mean_cpu_s": sum(row["cpu_s"] for row in mine) / len(mine),
            "mean_simulated_s": sum(row["time_s"] or 0.0 for row in mine) / len(mine),
            "mean_stage_s": {s: sum(row["timings_s"].get(s, 0.0) for row in mine) / len(mine) for s in stages},
            "failures": [
                {k: row[k] for k in ("seed", "command", "ended_by", "detail", "steps", "criteria")}
                for row in mine
                if not row["success"]
            ],
            "violating": [
                {"seed": row["seed"], "command": row["command"], "violations": row["violations"]}
                for row in mine
                if row["violations"]
            ],
        }
    return families


def main() -> int:
    """Run the jobs, print a table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", default="put_in,stack,spatial")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--perceiver", default="fused")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    git = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    jobs = [
        (f, s, args.perceiver) for f in args.families.split(",") for s in range(args.first, args.first + args.seeds)
    ]
    rows: list[dict[str, Any]] = []
    with multiprocessing.get_context("spawn").Pool(args.workers) as pool:
        for row in pool.imap_unordered(run_one, jobs):
            rows.append(row)
            if not row["success"]:
                print(
                    f"{row['family']} {row['seed']} “{row['command']}” {row['ended_by']}: {row['detail']}", flush=True
                )
    families = summarize(rows)
    for name, row in families.items():
        low, high = row["ci95"]
        print(
            f"{name:<10} {row['successes']}/{row['episodes']} [{low:.3f}, {high:.3f}] violations {row['violations']} "
            f"CPU {row['mean_cpu_s']:.2f} s, simulated {row['mean_simulated_s']:.1f} s an episode"
        )
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        report = {
            "bench": "table_road",
            "commit": commit,
            "command": " ".join(["python", *sys.argv]),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, {args.workers} workers",
            "perceiver": args.perceiver,
            "seeds": [args.first, args.first + args.seeds - 1],
            "families": families,
        }
        args.out.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
