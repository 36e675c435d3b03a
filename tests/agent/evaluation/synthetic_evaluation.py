"""A folder as `verbot eval` leaves it, drawn from a seed: for the tests of what reads such folders."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from verbot.agent.evaluation.bootstrap import mean_interval
from verbot.agent.evaluation.rates import wilson_interval

SUITE = "table_road"
TASKS = ("put_in", "stack", "spatial", "put_on", "pick_up")
GROUPS = (
    ("geometric", "fused", None, 0.9),
    ("vla", "fused", None, 0.65),
    ("random", "fused", "random", 0.02),
    ("geometric", "oracle", "oracle", 0.97),
)
KINDS = ("not_seen", "wrong_object", "grasp_lost", "path", "misplaced", "timeout")
# The smallest film that a browser takes for one is larger than a test needs; a page only carries the bytes.
FILM = b"\x00\x00\x00\x18ftypmp42" + bytes(200)


def make_evaluation(folder: Path, *, num_seeds: int = 40, hostile: str = "") -> Path:
    """Write config.toml, results.jsonl, summary.json, videos; `hostile` is appended to every name and text."""
    rng = np.random.default_rng(7)
    (folder / "videos").mkdir(parents=True, exist_ok=True)
    lines = [
        _line(rng, task + hostile, seed, group, hostile)
        for task in TASKS
        for seed in range(num_seeds)
        for group in GROUPS
        if group[2] is None or seed < num_seeds // 2
    ]
    for number, line in enumerate(lines):
        if not line["success"] and line["control"] is None and line["seed"] < 4:
            name = f"{number:05d}.mp4"
            (folder / "videos" / name).write_bytes(FILM)
            line["video"] = f"videos/{name}"
    (folder / "config.toml").write_text('suite = "table_road"\nepisodes = 40\n')
    (folder / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "summary.json").write_text(json.dumps(_summary(lines, hostile)))
    return folder


def _line(
    rng: np.random.Generator, task: str, seed: int, group: tuple[str, str, str | None, float], hostile: str
) -> dict[str, Any]:
    policy, perceiver, control, skill = group
    clutter, light = int(rng.integers(5, 10)), str(rng.choice(["day", "dim", "lamp"])) + hostile
    hardness = (task.startswith("spatial") + task.startswith("stack")) * 0.08 + 0.03 * (clutter - 5)
    confidence = float(np.clip(rng.normal(0.85, 0.12), 0.05, 0.999))
    success = bool(rng.random() < skill * (0.6 + 0.45 * confidence) - hardness) if control != "random" else False
    failure = None if success else ("timeout" if control == "random" else str(rng.choice(KINDS)))
    perceived = success if rng.random() < 0.96 else not success
    violations = []
    if rng.random() < 0.06:
        violations = [
            {
                "kind": "contact",
                "subject": f"panda_link6 – green plate{hostile}",
                "time_s": 3.1,
                "value": round(float(rng.uniform(6, 60)), 2),
                "limit": 5.0,
                "unit": "N",
            }
        ]
    return {
        "schema": "verbot-episode/1",
        "key": f"{SUITE}/{task}/{seed}/{policy}/{perceiver}/planner",
        "suite": SUITE, "task": task, "seed": seed, "policy": policy + hostile, "perceiver": perceiver,
        "mode": "planner", "control": control,
        "command": f"put the red block to the left of the green bowl{hostile}",
        "success": success, "success_truth": success, "success_perceived": perceived, "success_human": None,
        "score": 1.0 if success else round(float(rng.uniform(0, 0.5)), 3),
        "ended_by": "done" if success else "gave_up", "failure": failure,
        "detail": "" if success else f"object_3 cannot be seen any more; replans are used up{hostile}",
        "criteria": [{"name": f"left_of(red block, green bowl){hostile}", "met": success, "value": 1.0,
                      "margin_m": -0.01, "reason": "holds" if success else "does not hold"}],
        "violations": violations, "replans": 0 if success else 5, "time_s": round(float(rng.uniform(9, 18)), 2),
        "path_length_m": 2.1, "confidence": round(confidence, 3), "clutter": clutter, "light": light, "faults": None,
        "steps": [{"action": "pick(object_3)", "outcome": "done", "detail": ""},
                  {"action": "place(object_3, left_of, object_5)", "outcome": "done" if success else "missed",
                   "detail": "" if success else "the object slipped out"}],
        "error": None, "video": None, "picture": None, "episode": 0,
        "timings_s": {"build": 0.4, "perceive": round(float(rng.uniform(0.6, 1.1)), 2), "plan": 0.01,
                      "policy": round(float(rng.uniform(0.2, 0.6)), 2), "check": 0.11,
                      "follow": round(float(rng.uniform(2.6, 3.9)), 2), "total": 4.7},
        "run": {"worker": seed % 2, "wall_s": 4.8, "started_at": "2026-11-21T09:00:00Z"},
    }  # fmt: skip


def _summary(lines: list[dict[str, Any]], hostile: str) -> dict[str, Any]:
    groups = []
    for policy, perceiver, control, _ in GROUPS:
        for task in (*(task + hostile for task in TASKS), None):
            mine = [
                line
                for line in lines
                if (line["policy"], line["perceiver"], line["control"]) == (policy + hostile, perceiver, control)
                and task in (None, line["task"])
            ]
            who = {"policy": policy + hostile, "perceiver": perceiver, "mode": "planner", "control": control}
            groups.append({"suite": SUITE, "task": task, **who, **_row(mine)})
    tested = [line for line in lines if line["control"] is None]
    agree = sum(line["success_truth"] == line["success_perceived"] for line in tested)
    return {
        "schema": "verbot-summary/1",
        "config": {"suite": SUITE},
        "versions": {"python": "3.11.9", "verbot": "0.1.0"},
        "machine": f"x86_64, 2 cores{hostile}",
        "judge": "truth",
        "total": _row(tested),
        "groups": groups,
        "agreement": {
            "n": len(tested), "agree": agree, "rate": agree / len(tested), "ci95": wilson_interval(agree, len(tested)),
            "false_done": 9, "false_failed": len(tested) - agree - 9,
        },
        "calibration": None,
        "flags": [f"the policy 'random' never succeeded; 5 seeds are shared with an earlier run{hostile}"],
        "stopped_by": "all",
    }  # fmt: skip


def _row(lines: list[dict[str, Any]]) -> dict[str, Any]:
    wins = sum(line["success"] for line in lines)
    scores = np.array([line["score"] for line in lines])
    return {
        "episodes": len(lines), "successes": wins, "success_rate": wins / len(lines),
        "ci95": wilson_interval(wins, len(lines)), "mean_score": float(scores.mean()),
        "score_ci95": mean_interval(scores),
        "violations": dict(Counter(v["kind"] for line in lines for v in line["violations"])),
        "failures": dict(Counter(line["failure"] for line in lines if line["failure"])),
        "episodes_per_minute": 22.4, "seeds": [0, 39], "mean_time_s": 13.0, "cpu_s": 4.4 * len(lines),
    }  # fmt: skip
