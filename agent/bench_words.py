"""`verbot bench words`: phrases against truth, the lexicon's own matcher and chance, in fresh looks.

In:  how many looks at most.
Out: rows; seeds of sim/labelled_looks from MEASURING + 5,000 on, which nothing else draws.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from ..perception.words.phrases import load_phrases
from ..perception.words.questions import OpenQuestioner
from ..perception.words.weights import load_words
from ..perception.words.word_regions import stack
from ..sim.labelled_looks import MEASURING, LookSettings, draw_look
from .bench import Row, measure_apart
from .measure_words import UNSEEN, ask_group, make_symbolic, measure, measure_gate
from .word_regions import perceive_all

FIRST, LOOKS, WIDTH = MEASURING + 5000, 60, 320
GROUPS = (
    "trained wording, English",
    "trained wording, Chinese",
    "held-out wording, English",
    "held-out wording, Chinese",
    UNSEEN,
)
MOST_ERROR, LEAST_NAMED = 0.05, 0.98


def main(count: int) -> dict[str, Any]:
    """Figures of so many looks."""
    torch.set_num_threads(1)
    words, book = load_words(), load_phrases()
    settings = LookSettings(width=WIDTH)
    perceived = list(perceive_all(draw_look(seed, settings) for seed in range(FIRST, FIRST + count)))
    regions = stack([look.to_scene() for look in perceived])
    figures = measure(words, "described", regions, book, make_symbolic(perceived))
    questioner = OpenQuestioner(regions.things, book, regions.is_there)
    asked = ask_group(questioner, range(len(regions)), 1, held_out=True, changed=False)
    return {"figures": [asdict(row) for row in figures], "gate": measure_gate(words, book, asked)}


def bench(num_episodes: int) -> Iterator[Row]:
    """Every row."""
    looks = max(20, min(LOOKS, num_episodes))
    found = measure_apart("verbot.agent.bench_words", looks)
    by_name = {(row["group"], row["sense"]): row for row in found["figures"]}
    for group in GROUPS:
        row = by_name.get((group, "all"))
        if row is None or row["top1"] is None:
            continue
        against = f"lexicon alone {row['lexicon']:.2f}, chance {row['chance']:.2f}; {row['questions']} questions"
        is_better = row["top1"] > max(row["lexicon"], row["chance"])
        yield Row(f"words: {group}, top-1", row["top1"], against, "", "> lexicon and chance", is_better)
    for sense in ("all", "cameras", "lidar"):
        row = by_name.get(("all", sense))
        if row is not None:
            told = f"what was meant; sure (0.9 or more) in {row['sure']:.2f}, then right {row['sure_right'] or 0.0:.2f}"
            name = f"words: calibration error, sensors: {sense}"
            yield Row(name, row["ece"], told, "", f"<= {MOST_ERROR:g}", row["ece"] <= MOST_ERROR)
    gate = found["gate"]
    named = float(np.mean([value for name, value in gate.items() if name.startswith("unknown_named")]))
    told = f"words of no training phrase; {gate['false_alarms']:.3f} of held-out phrases refused"
    yield Row("words: unknown words named", named, told, "", f">= {LEAST_NAMED:g}", named >= LEAST_NAMED)
