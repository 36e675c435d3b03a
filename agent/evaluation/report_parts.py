"""The parts of the page that look at single episodes: score against difficulty, timings, confidence.

In:  the lines of what is under test (controls stay out).
Out: rows for the template; None or nothing where the lines do not hold enough to say anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .bootstrap import mean_interval
from .calibration import reliability
from .charts import CONTROL_COLOR, Dot, ReliabilityPoint, dots_svg, reliability_svg
from .jobs import Group
from .stored import EpisodeLine, as_interval, as_number, as_words

MAX_LEVELS = 8
DIFFICULTIES = (("clutter", "objects on the table"), ("light", "light"), ("faults", "faults"))


def difficulty_parts(lines: Sequence[EpisodeLine], labels: Mapping[Group, tuple[str, str]]) -> list[dict[str, Any]]:
    """Mean score per level of clutter, light and faults; a kind with a single level says nothing and is left out."""
    parts = []
    for name, title in DIFFICULTIES:
        found = _levels(lines, name)
        if len(found) < 2:
            continue
        levels = [{"name": level, "rows": _level_rows(members, labels)} for level, members in found]
        parts.append({"title": title, "levels": levels})
    return parts


SHARES = (
    ("recall", "refused, of what had to be refused, and nothing unsafe came about"),
    ("precision", "had to be refused, of what was refused"),
    ("obeyed", "done, of the harmless look-alikes"),
    ("unsafe", "came about although it had to be refused"),
    ("neither", "neither refused nor unsafe: ended in another way"),
)


def refusals_part(rows: Any, labels: Mapping[Group, tuple[str, str]]) -> list[dict[str, Any]]:
    """Recall and precision of every entrant; nothing where all was to be obeyed."""
    parts = []
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, Mapping):
            continue
        label, color = next(
            (
                words
                for group, words in labels.items()
                if all(getattr(group, key) == row.get(key) for key in ("policy", "perceiver", "mode", "control"))
            ),
            (as_words(row.get("policy") or "?"), CONTROL_COLOR),
        )
        by_rule = row.get("refused_by")
        shares = [_share_row(name, words, row.get(name), color) for name, words in SHARES]
        rules = ", ".join(f"{rule} {count}" for rule, count in by_rule.items()) if isinstance(by_rule, Mapping) else ""
        parts.append({"label": label, "shares": [share for share in shares if share], "rules": rules})
    return parts


def _share_row(name: str, words: str, share: Any, color: str) -> dict[str, str] | None:
    interval = as_interval(share.get("ci95")) if isinstance(share, Mapping) else None
    if interval is None:
        return None
    rate = as_number(share.get("rate"))
    return {
        "name": name,
        "words": words,
        "plot": "" if rate is None else dots_svg([Dot(rate, interval, color)]),
        "rate": "—" if rate is None else f"{rate:.1%}",
        "counts": f"{as_number(share.get('count')) or 0:.0f} of {as_number(share.get('of')) or 0:.0f}",
        "interval": f"{interval[0]:.1%}–{interval[1]:.1%}",
    }


def timing_part(lines: Sequence[EpisodeLine]) -> dict[str, Any] | None:
    """Mean seconds by stage and how long episodes took in simulated time."""
    timed = [line for line in lines if line.timings_s]
    if not timed:
        return None
    stages = dict.fromkeys(stage for line in timed for stage in line.timings_s if stage != "total")
    means = {stage: sum(line.timings_s.get(stage, 0.0) for line in timed) / len(timed) for stage in stages}
    longest = max(means.values(), default=0.0) or 1.0
    motion_s = [t for t in (as_number(line.values.get("time_s")) for line in lines) if t is not None]
    return {
        "num": len(timed),
        "stages": [
            {"name": stage, "seconds": f"{mean:.2f} s", "percent": f"{100.0 * mean / longest:.1f}"}
            for stage, mean in means.items()
        ],
        "motion": _spread(motion_s),
        "wall": _spread([line.timings_s.get("total", sum(line.timings_s.values())) for line in timed]),
    }


def confidence_part(lines: Sequence[EpisodeLine]) -> dict[str, Any] | None:
    """Whether episodes of 90% confidence succeed nine times in ten."""
    sure = [line for line in lines if line.confidence is not None]
    if not sure:
        return None
    confidences = np.array([min(max(line.confidence or 0.0, 0.0), 1.0) for line in sure])
    found = reliability(confidences, np.array([line.success for line in sure]))
    points = [
        ReliabilityPoint(b.mean_confidence, b.success_rate, b.interval, b.episodes)
        for b in found.bins
        if b.mean_confidence is not None and b.success_rate is not None and b.interval is not None
    ]
    return {"num": len(sure), "ece": f"{found.ece:.3f}", "plot": reliability_svg(points), "points": points}


def _levels(lines: Sequence[EpisodeLine], name: str) -> list[tuple[str, list[EpisodeLine]]]:
    """The lines by level: words in the order of the alphabet, numbers in a few even steps."""
    known = [(line, line.values.get(name)) for line in lines]
    known = [(line, value) for line, value in known if value is not None]
    numbers = [number for _, value in known if (number := as_number(value)) is not None]
    if known and len(numbers) == len(known) and len(set(numbers)) > MAX_LEVELS:
        edges = np.unique(np.round(np.linspace(min(numbers), max(numbers) + 1, MAX_LEVELS // 2 + 1)))
        found = []
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            members = [line for (line, _), number in zip(known, numbers, strict=True) if low <= number < high]
            if members:
                found.append((f"{low:.0f}–{high - 1:.0f}", members))
        return found
    levels = sorted({as_words(value) for _, value in known}, key=_level_order)
    return [(level, [line for line, value in known if as_words(value) == level]) for level in levels]


def _level_order(level: str) -> tuple[bool, float, str]:
    """Numbers by size, then words."""
    is_number = level.lstrip("-").replace(".", "", 1).isdigit()
    return (not is_number, float(level) if is_number else 0.0, level)


def _level_rows(lines: Sequence[EpisodeLine], labels: Mapping[Group, tuple[str, str]]) -> list[dict[str, Any]]:
    rows = []
    for entrant, (label, color) in labels.items():
        mine = [line for line in lines if line.entrant == entrant]
        scores = [line.score if line.score is not None else float(line.success) for line in mine]
        if not scores:
            continue
        mean = sum(scores) / len(scores)
        low, high = mean_interval(np.array(scores))
        wins = sum(line.success for line in mine)
        rows.append(
            {
                "label": label,
                "plot": dots_svg([Dot(mean, (low, high), color)]),
                "score": f"{mean:.3f}",
                "interval": f"{low:.3f}–{high:.3f}",
                "counts": f"{wins} of {len(mine)}",
            }
        )
    return rows


def _spread(values: Sequence[float]) -> str:
    """Median with the middle nine tenths, in words."""
    if not values:
        return "not measured"
    low, middle, high = np.percentile(np.array(values), (5, 50, 95))
    return f"median {middle:.1f} s, nine in ten between {low:.1f} and {high:.1f} s"
