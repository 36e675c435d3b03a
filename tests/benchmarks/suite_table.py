"""An evaluation's numbers by task, small enough to keep: what stands in docs/benchmarks and in README's tables.

Usage: python tests/benchmarks/suite_table.py RUN_FOLDER COMMIT [--out docs/benchmarks/NAME.json] [--markdown COLUMNS]
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

from verbot.agent.evaluation.rates import wilson_interval

KEPT = (
    "episodes", "successes", "success_rate", "ci95", "mean_score", "score_ci95", "violations", "failures",
    "episodes_per_minute", "seeds", "mean_time_s", "cpu_s", "refusals",
)  # fmt: skip


def read_table(folder: Path, commit: str) -> dict[str, Any]:
    """The total and every task; CPU seconds are those of the workers."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    lines = [json.loads(line) for line in (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    total = next(group for group in summary["groups"] if group["task"] is None and group["control"] is None)
    tasks = {}
    for task in dict.fromkeys(line["task"] for line in lines):
        of_task = [line for line in lines if line["task"] == task and line["control"] is None]
        successes = sum(bool(line["success"]) for line in of_task)
        low, high = wilson_interval(successes, len(of_task))
        tasks[task] = {
            "successes": successes,
            "episodes": len(of_task),
            "ci95": [round(low, 4), round(high, 4)],
            "mean_score": round(sum(line["score"] for line in of_task) / len(of_task), 4),
            "violations": dict(Counter(violation["kind"] for line in of_task for violation in line["violations"])),
            "failed_seeds": [line["seed"] for line in of_task if not line["success"]],
        }
    kept = {key: total[key] for key in KEPT if key in total}
    refusals = {"refusals": summary["refusals"]} if "refusals" in summary else {}
    machine = summary["machine"]
    return {"commit": commit, "suite": total["suite"], "machine": machine, "total": kept, **refusals, "tasks": tasks}


def as_markdown(tasks: dict[str, Any], num_columns: int) -> str:
    """Tasks and their successes, in several columns."""
    cells = [f"{name.replace('_', ' ')} | {t['successes']} of {t['episodes']}" for name, t in tasks.items()]
    num_rows = -(-len(cells) // num_columns)
    cells += [" | "] * (num_rows * num_columns - len(cells))
    rows = [" | ".join(cells[row::num_rows]) for row in range(num_rows)]
    head = " | ".join(["family | "] * num_columns)
    return "\n".join([f"| {head} |", "|" + "---|" * (2 * num_columns), *(f"| {row} |" for row in rows)])


def main() -> None:
    """Read, write, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("commit")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--markdown", type=int, default=3, metavar="COLUMNS")
    args = parser.parse_args()
    table = read_table(args.folder, args.commit)
    if args.out is not None:
        args.out.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    print(as_markdown(table["tasks"], args.markdown))
    print(json.dumps(table["total"], indent=1))


if __name__ == "__main__":
    main()
