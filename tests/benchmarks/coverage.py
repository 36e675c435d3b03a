"""How often the evaluation's intervals hold the truth, and how often its tests cry wolf, over stated grids.

Rates, pairs and the sequential rule are enumerated: every outcome with its probability, no simulation. Mean scores are
simulated. Usage:
    python tests/benchmarks/coverage.py [--out docs/benchmarks/coverage.json] [--picture docs/pictures/coverage.svg]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import scipy
from coverage_picture import Panel, picture_svg
from scipy.special import betaincinv, betaln, xlog1py, xlogy
from scipy.stats import binom, multinomial
from verbot.agent.evaluation.bootstrap import mean_interval
from verbot.agent.evaluation.episodes_needed import for_width
from verbot.agent.evaluation.paired import difference_interval, mcnemar, non_inferiority
from verbot.agent.evaluation.rates import wilson_interval
from verbot.agent.evaluation.sequential import (
    ANYTIME_SHARE,
    RULE_SHARE,
    anytime_interval,
    episodes_until,
    exact_interval,
)

RATE_TRIALS = (10, 20, 50, 100, 200, 500)
RATES = np.linspace(0.01, 0.99, 393)
PAIRS = (10, 20, 50, 100, 200)
DISCORDANT_SHARES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
MARGINS = (0.02, 0.05, 0.1)
WIDTHS = (0.9, 0.6, 0.4, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05)
SHOWN_WIDTHS = (0.2, 0.1, 0.05)
# Symmetric: a rate and one minus it are covered alike.
SEQUENTIAL_RATES = np.unique(np.round(np.append(np.arange(0.0005, 0.01, 0.0005), np.arange(0.01, 0.501, 0.0025)), 4))
SCORE_EPISODES = (10, 20, 50, 100, 200)
SIMULATIONS = 2000
SCORES: dict[str, tuple[float, Callable[[np.random.Generator, int], np.ndarray]]] = {
    "0, ½, 1 as 10, 20, 70%": (0.8, lambda rng, n: rng.choice([0.0, 0.5, 1.0], n, p=[0.1, 0.2, 0.7])),
    "0, ½, 1 as 2, 8, 90%": (0.94, lambda rng, n: rng.choice([0.0, 0.5, 1.0], n, p=[0.02, 0.08, 0.9])),
    "0, ½, 1 as 30, 40, 30%": (0.5, lambda rng, n: rng.choice([0.0, 0.5, 1.0], n, p=[0.3, 0.4, 0.3])),
    "½, 1 as 10, 90%": (0.95, lambda rng, n: rng.choice([0.5, 1.0], n, p=[0.1, 0.9])),
    "0, 1 as 5, 95%": (0.95, lambda rng, n: rng.choice([0.0, 1.0], n, p=[0.05, 0.95])),
    "0, 1 as 50, 50%": (0.5, lambda rng, n: rng.choice([0.0, 1.0], n)),
    "70% at 1, else even": (0.85, lambda rng, n: np.where(rng.random(n) < 0.7, 1.0, rng.random(n))),
    "beta(8, 2)": (0.8, lambda rng, n: rng.beta(8.0, 2.0, n)),
    "even from 0.4 to 0.6": (0.5, lambda rng, n: rng.uniform(0.4, 0.6, n)),
}


def main() -> int:
    """Enumerate, simulate, tell, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--picture", type=Path)
    args = parser.parse_args()
    started = time.perf_counter()
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    rates, pairs, sequential, scores = cover_rates(), cover_pairs(), cover_sequential(), cover_scores()
    at_stop, interrupted = sequential["least_at_stop"], sequential["least_interrupted"]
    rows = [
        _row("Wilson 95%: mean over n and p", rates["mean"], "0.94–0.96", 0.94 <= rates["mean"] <= 0.96),
        _row("sequential 95%: least, at the stop", at_stop, "≥ 0.95", at_stop >= 0.95),
        _row("sequential 95%: least, whenever interrupted", interrupted, "≥ 0.95", interrupted >= 0.95),
        _row("Tango 95%: mean over the pairs' grid", pairs["mean"], "0.94–0.97", 0.94 <= pairs["mean"] <= 0.97),
        _row("bootstrap 95%: mean over scores and n", scores["mean"], "≥ 0.95", scores["mean"] >= 0.95),
        _row("bootstrap 95%: least", scores["least"], "≥ 0.92", scores["least"] >= 0.92),
    ]  # fmt: skip
    for row in rows:
        print(f"{row['row']:<46} {row['ours']:.4f}  bar {row['bar']}  {'holds' if row['holds'] else 'FAILS'}")
    report = {
        "bench": "coverage",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, one process",
        "commit": commit,
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__},
        "command": "python tests/benchmarks/coverage.py",
        "wall_s": round(time.perf_counter() - started, 1),
        "rows": rows,
        "rates": rates,
        "pairs": pairs,
        "sequential": sequential,
        "scores": scores,
    }
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(_compact(report), encoding="utf-8")
    if args.picture:
        args.picture.write_text(picture_svg(_panels(rates, sequential)), encoding="utf-8")
    return 0 if all(row["holds"] for row in rows) else 1


def cover_rates() -> dict[str, Any]:
    """Wilson's interval against the two that others print, Wald's and Clopper's and Pearson's."""
    found: dict[str, Any] = {"rates": RATES.tolist(), "by_trials": {}}
    for n in RATE_TRIALS:
        counts = np.arange(n + 1)
        weights = binom.pmf(counts[None, :], n, RATES[:, None])
        covered = {
            "wilson": [wilson_interval(int(s), n) for s in counts],
            "clopper_pearson": [exact_interval(int(s), n, 0.05) for s in counts],
            "wald": [_wald(int(s), n) for s in counts],
        }
        curves = {name: _covered(weights, np.array(limits), RATES) for name, limits in covered.items()}
        wilson = curves["wilson"]
        found["by_trials"][str(n)] = {
            "mean": wilson.mean(),
            "least": wilson.min(),
            "least_at": RATES[wilson.argmin()],
            "mean_clopper_pearson": curves["clopper_pearson"].mean(),
            "mean_wald": curves["wald"].mean(),
            "least_wald": curves["wald"].min(),
            "curve": wilson.tolist(),
        }
    for name in ("mean", "mean_clopper_pearson", "mean_wald"):
        found[name] = float(np.mean([row[name] for row in found["by_trials"].values()]))
    found["least"] = min(row["least"] for row in found["by_trials"].values())
    return found


def cover_pairs() -> dict[str, Any]:
    """Tango's interval over shares of pairs that only one solves; the tests' levels where nothing is to be found."""
    found: dict[str, Any] = {"only_shares": DISCORDANT_SHARES, "by_pairs": {}}
    for n in PAIRS:
        tables = [(a, b) for a in range(n + 1) for b in range(n + 1 - a)]
        full = np.array([(a, b, n - a - b) for a, b in tables])
        limits = np.array([difference_interval(0, a, b, n - a - b) for a, b in tables])
        p_mid, p_exact = (np.array([mcnemar(a, b, is_exact) for a, b in tables]) for is_exact in (False, True))
        coverages, levels_mid, levels_exact = [], [], []
        for share_a in DISCORDANT_SHARES:
            for share_b in DISCORDANT_SHARES:
                weights = multinomial.pmf(full, n, (share_a, share_b, 1.0 - share_a - share_b))
                gap = share_b - share_a
                coverages.append(float(weights[(limits[:, 0] <= gap) & (gap <= limits[:, 1])].sum()))
            weights = multinomial.pmf(full, n, (share_a, share_a, 1.0 - 2.0 * share_a))
            levels_mid.append(float(weights[p_mid <= 0.05].sum()))
            levels_exact.append(float(weights[p_exact <= 0.05].sum()))
        found["by_pairs"][str(n)] = {
            "mean": float(np.mean(coverages)),
            "least": min(coverages),
            "mcnemar_mid_p_most_error": max(levels_mid),
            "mcnemar_exact_most_error": max(levels_exact),
            "non_inferiority_most_error": _margin_errors(n, full),
            "coverages": coverages,
        }
    found["mean"] = float(np.mean([row["mean"] for row in found["by_pairs"].values()]))
    found["least"] = min(row["least"] for row in found["by_pairs"].values())
    return found


def cover_sequential() -> dict[str, Any]:
    """The rule of `RateSequence` at its own stop, and when somebody interrupts it at the worst moment."""
    found: dict[str, Any] = {"rates": SEQUENTIAL_RATES.tolist(), "by_width": {}}
    for width in WIDTHS:
        at_stop, interrupted, episodes = _sequential(width)
        by_rate = {f"{rate:g}": _costs(width, rate, episodes) for rate in (0.5, 0.2, 0.1, 0.05)}
        row = {
            "least_at_stop": at_stop.min(),
            "mean_at_stop": at_stop.mean(),
            "least_interrupted": interrupted.min(),
            "least_interrupted_at": SEQUENTIAL_RATES[interrupted.argmin()],
            "mean_interrupted": interrupted.mean(),
            "most_episodes": episodes_until(width),
            "episodes_by_rate": by_rate,
        }
        if width in SHOWN_WIDTHS:
            row["curve_interrupted"] = interrupted.tolist()
        found["by_width"][f"{width:g}"] = row
    for name in ("least_at_stop", "least_interrupted"):
        found[name] = float(min(row[name] for row in found["by_width"].values()))
    return found


def cover_scores() -> dict[str, Any]:
    """The bootstrap of mean scores against the plain percentile bootstrap."""
    found: dict[str, Any] = {"simulations": SIMULATIONS, "resamples": 2000, "by_scores": {}}
    ours = lru_cache(maxsize=100_000)(lambda sample: mean_interval(np.array(sample)))
    plain = lru_cache(maxsize=100_000)(_plain_bootstrap)
    for name, (mean, draw) in SCORES.items():
        found["by_scores"][name] = {}
        for n in SCORE_EPISODES:
            rng = np.random.default_rng(n)
            held, plain_held, width = 0, 0, 0.0
            for _ in range(SIMULATIONS):
                sample = tuple(np.sort(draw(rng, n)).tolist())
                (low, high), (plain_low, plain_high) = ours(sample), plain(sample)
                held += low - 1e-9 <= mean <= high + 1e-9
                plain_held += plain_low - 1e-9 <= mean <= plain_high + 1e-9
                width += high - low
            row = {"coverage": held / SIMULATIONS, "plain": plain_held / SIMULATIONS, "width": width / SIMULATIONS}
            found["by_scores"][name][str(n)] = row
    rows = [row for by_n in found["by_scores"].values() for row in by_n.values()]
    found["mean"], found["least"] = float(np.mean([r["coverage"] for r in rows])), min(r["coverage"] for r in rows)
    found["mean_plain"], found["least_plain"] = (
        float(np.mean([r["plain"] for r in rows])),
        min(r["plain"] for r in rows),
    )
    return found


def _sequential(width: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coverage at the stop, coverage under the worst interruption, expected episodes; for each of SEQUENTIAL_RATES.

    Walks all (successes, episodes) that are still going on. `clean` is the probability of being there with an interval
    that never missed, `missed` of being there after it did.
    """
    error, rates = 0.05, SEQUENTIAL_RATES[:, None]
    most = episodes_until(width) + 10
    clean, missed = np.zeros((len(rates), most + 2)), np.zeros((len(rates), most + 2))
    clean[:, 0] = 1.0
    lost_at_stop, lost, episodes = np.zeros(len(rates)), np.zeros(len(rates)), np.zeros(len(rates))
    first, last, left = 0, 0, True
    n = 0
    while left:
        n += 1
        for mass in (clean, missed):
            moved = mass[:, first : last + 2] * (1.0 - rates)
            moved[:, 1:] += mass[:, first : last + 1] * rates
            mass[:, first : last + 2] = moved
        last += 1
        here = slice(first, last + 1)
        counts = np.arange(first, last + 1)
        low, high = _exact_limits(counts, n, error * RULE_SHARE)
        is_done = high - low <= width
        fit = xlogy(counts, rates) + xlog1py(n - counts, -rates)
        is_ruled_out = (betaln(counts + 1, n - counts + 1) - fit > -math.log(error * ANYTIME_SHARE)) & ~is_done
        missed[:, here] += np.where(is_ruled_out, clean[:, here], 0.0)
        clean[:, here] = np.where(is_ruled_out, 0.0, clean[:, here])
        is_outside = is_done & ((rates < low) | (rates > high))
        both = clean[:, here] + missed[:, here]
        lost_at_stop += np.where(is_outside, both, 0.0).sum(axis=1)
        lost += np.where(is_outside, clean[:, here], 0.0).sum(axis=1)
        lost += np.where(is_done, missed[:, here], 0.0).sum(axis=1)
        episodes += n * np.where(is_done, both, 0.0).sum(axis=1)
        for mass in (clean, missed):
            mass[:, here][:, is_done] = 0.0
        # What is too unlikely to change the fourth decimal is dropped, so that the band stays narrow.
        alive = np.flatnonzero((clean[:, here] + missed[:, here]).max(axis=0) > 1e-14)
        left = len(alive) > 0
        if left:
            first, last = first + alive[0], first + alive[-1]
    return 1.0 - lost_at_stop, 1.0 - lost, episodes


def _exact_limits(counts: np.ndarray, n: int, error: float) -> tuple[np.ndarray, np.ndarray]:
    """`exact_interval` for many counts at once; a test holds the two together."""
    low = np.where(counts == 0, 0.0, betaincinv(np.maximum(counts, 1), n - counts + 1, error / 2))
    high = np.where(counts == n, 1.0, betaincinv(counts + 1, np.maximum(n - counts, 1), 1.0 - error / 2))
    return low, high


def _costs(width: float, rate: float, episodes: np.ndarray) -> dict[str, float]:
    """Expected episodes of the rule, of a fixed number that knew the rate, and of a sequence valid at all times."""
    nearest = int(np.abs(SEQUENTIAL_RATES - rate).argmin())
    fixed, always = for_width(width, rate), 1
    while np.diff(anytime_interval(round(always * rate), always, 0.05))[0] > width:
        always += max(1, always // 100)
    return {"ours": float(episodes[nearest]), "fixed": fixed, "always_valid": always}


def _margin_errors(n: int, full: np.ndarray) -> dict[str, float]:
    """How often B passes although it is worse by exactly the margin, at most over the shares."""
    found = {}
    for margin in MARGINS:
        passes = np.array([non_inferiority(0, a, b, rest, margin) <= 0.025 for a, b, rest in full.tolist()])
        shares = [share for share in DISCORDANT_SHARES if 2.0 * share + margin <= 1.0]
        errors = [
            multinomial.pmf(full, n, (s + margin, s, 1.0 - 2.0 * s - margin))[passes].sum() if passes.any() else 0.0
            for s in shares
        ]
        found[f"{margin:g}"] = float(max(errors))
    return found


def _covered(weights: np.ndarray, limits: np.ndarray, rates: np.ndarray) -> np.ndarray:
    inside = (limits[None, :, 0] <= rates[:, None]) & (rates[:, None] <= limits[None, :, 1])
    return np.where(inside, weights, 0.0).sum(axis=1)


def _wald(successes: int, trials: int) -> tuple[float, float]:
    rate = successes / trials
    half = 1.959964 * math.sqrt(rate * (1.0 - rate) / trials)
    return rate - half, rate + half


def _plain_bootstrap(sample: tuple[float, ...]) -> tuple[float, float]:
    values, rng = np.array(sample), np.random.default_rng(0)
    low, high = np.percentile(values[rng.integers(0, len(values), (1000, len(values)))].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def _row(name: str, ours: float, bar: str, holds: bool) -> dict[str, Any]:
    return {"row": name, "ours": round(float(ours), 5), "against": "0.95 nominal", "unit": "share",
            "ratio": round(float(ours) / 0.95, 4), "bar": bar, "holds": bool(holds)}  # fmt: skip


def _panels(rates: dict[str, Any], sequential: dict[str, Any]) -> list[Panel]:
    panels = [
        Panel(f"Wilson, {n} episodes: mean {row['mean']:.1%}", tuple(rates["rates"]), tuple(row["curve"]))
        for n, row in rates["by_trials"].items()
    ]
    for width in SHOWN_WIDTHS:
        row = sequential["by_width"][f"{width:g}"]
        half = list(zip(sequential["rates"], row["curve_interrupted"], strict=True))
        whole = half + [(1.0 - rate, value) for rate, value in reversed(half) if rate < 0.5]
        xs, ys = zip(*whole, strict=True)
        panels.append(Panel(f"--until-ci {width:g}: least {row['least_interrupted']:.1%}", xs, ys))
    return panels


def _compact(report: dict[str, Any]) -> str:
    """Indented, but a list of numbers on one line and four decimals are enough."""
    text = json.dumps(_rounded(report), indent=1, ensure_ascii=False)
    return re.sub(r"\[[\s\d.,eE+-]+\]", lambda m: re.sub(r"\s+", "", m.group()).replace(",", ", "), text) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(v) for v in value]
    return round(float(value), 4) if isinstance(value, float | np.floating) else value


if __name__ == "__main__":
    sys.exit(main())
