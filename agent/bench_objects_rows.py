"""Part of `verbot bench perception`: objects against their bars.

In:  how many seeds at most.
Out: rows: the tabletop suite's scenes with exact mounts and with mounts off, hard groups, occlusion, drawers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .bench import Row, measure_apart
from .bench_objects import WITHIN_M

SEEDS = 100
SHARES = (
    ("recall", "objects found", 0.995),
    ("precision", "of what is seen, what is there", 0.995),
    ("color_right", "colour right", 0.99),
    ("shape_right", "shape right", 0.99),
)
SPREADS_MM = {"exact mounts": (1.0, 2.5), "cameras off by 2 mm and 0.2°": (2.5, 4.5)}
HARD = {
    "corner": "three touching blocks of one colour in an L",
    "tower": "a tower of two to four blocks of one colour",
    "nested": "a block in a bowl of its colour",
}
HARD_BAR, KEPT_BAR = 0.90, 0.95


def bench(num_episodes: int) -> Iterator[Row]:
    """Every row."""
    seeds = max(10, min(SEEDS, num_episodes))
    found = measure_apart("verbot.agent.bench_objects", seeds)
    scenes = zip(SPREADS_MM, (found["tabletop"], found["mounts_off"]), strict=True)
    for mounts, values in scenes:
        yield from _tabletop(f"objects: tabletop, {mounts}: ", values, SPREADS_MM[mounts])
    for case, words in HARD.items():
        share = found["hard"][case]["solved"]
        against = f"truth, {seeds} groups; solved: each found within {WITHIN_M * 1e3:.0f} mm, of its shape, none more"
        yield Row(f"objects: {words}", share, against, "", f">= {HARD_BAR:g}", share >= HARD_BAR)
    hidden = found["occlusion"]
    ways = "; ".join(f"{way}: {of['kept']} of {of['hidden']}" for way, of in hidden["ways"].items())
    kept = hidden["kept"]
    row = "objects: name kept through 2 s in which no camera sees them"
    yield Row(row, kept, f"truth, {hidden['hidden']} objects ({ways})", "", f">= {KEPT_BAR:g}", kept >= KEPT_BAR)
    drawers = found["drawers"]
    against = f"truth, {drawers['drawers']} drawers, {drawers['unseen']} unseen; p95 {drawers['opening_mm']['p95']:.2f}"
    yield Row(
        "objects: opening of a drawer, median error", drawers["opening_mm"]["median"], against, "mm", "none", True
    )


def _tabletop(row: str, values: dict[str, Any], most_mm: tuple[float, float]) -> Iterator[Row]:
    against = f"truth, {values['objects']} objects in {values['looks']} scenes"
    for key, words, least in SHARES:
        yield Row(row + words, values[key], against, "", f">= {least:g}", values[key] >= least)
    for (name, error_mm), bar_mm in zip(values["place_mm"].items(), most_mm, strict=True):
        yield Row(f"{row}place, {name}", error_mm, against, "mm", f"< {bar_mm:g}", error_mm < bar_mm)
