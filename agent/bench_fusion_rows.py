"""Part of `verbot bench perception`: whether fusing is worth it, whether answers are honest, whether none is ignored.

In:  how many looks at most.
Out: rows: the error on a moving rig against the best single kind of sensor, against the classical weighing; the
     covariance; the agreement of camera and LiDAR; the least share.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..perception.fusion.shares import LEAST_SHARE
from .bench import Row, measure_apart

LOOKS, FEWEST = 300, 60
BEST = "gated"
BAR = 0.8
ALONE = ("cameras only", "lidar only")
AGAINST = (
    ("all sensors well, against one sensor", "moving, ", ("front only", "wrist only", "lidar only")),
    ("all sensors well, against one modality", "moving, ", ALONE),
    ("sensors as they come, against one modality", "moving, sensors as they come, ", ALONE),
)


def bench(num_episodes: int) -> Iterator[Row]:
    """Every row."""
    yield from rows_of(measure_apart("verbot.agent.bench_fusion", max(FEWEST, min(LOOKS, num_episodes))))


def rows_of(found: dict[str, Any]) -> Iterator[Row]:
    """From what was measured."""
    kinds = found["kinds"]
    for condition, start, alone in AGAINST:
        fused = kinds[BEST][f"{start}all"]
        # The best that any kind of fusion makes of one sensor or one kind of sensors.
        error, single = min((kinds[kind][start + only]["across_mm_rms"], only) for kind in kinds for only in alone)
        yield Row(
            f"fusion: rms error of objects on a moving rig, {condition} ({fused['objects']} objects)",
            fused["across_mm_rms"],
            f"best of {', '.join(alone)}: {single} {error:.2f}",
            "mm",
            f"<= {BAR:g}×",
            fused["across_mm_rms"] <= BAR * error,
            round(fused["across_mm_rms"] / error, 3),
        )
    ours, classical = kinds[BEST]["everything there"], kinds["weighted"]["everything there"]
    for key, what in (("across_mm_median", "median"), ("across_mm_p95", "95%"), ("across_mm_rms", "rms")):
        yield Row(
            f"fusion: {what} error of objects, gated, all looks ({ours['objects']} regions)",
            ours[key],
            f"weighted by covariance: {classical[key]:.2f}",
            "mm",
            "<= 1×",
            ours[key] <= classical[key],
            round(ours[key] / classical[key], 3),
        )
    inside = ours["inside_95"]
    yield Row("fusion: inside the stated 95%", inside, "truth", "", ">= 0.9", inside >= 0.9)
    agreed, shares = kinds[BEST]["agreement"], kinds[BEST]["shares"]
    against = f"{agreed['rivals']} objects, chance {1 / agreed['rivals']:g}"
    row = "fusion: the LiDAR's features nearest to the cameras' of the same object"
    yield Row(row, agreed["top_1"], against, "", ">= 0.5", agreed["top_1"] >= 0.5)
    for mounts, of in found["perceived"].items():
        gated, off = of[BEST], of["off"]
        for key in ("median", "p95"):
            yield Row(
                f"fusion: {key} error of perceived objects, gated, {mounts} ({gated['objects']} objects)",
                gated[key],
                f"geometry alone: {off[key]:.2f}",
                "mm",
                "<= 1×",
                gated[key] <= off[key],
                round(gated[key] / off[key], 3),
            )
    least = min(shares["cameras"], shares["lidars"])
    yield Row(
        "fusion: least share of a modality", round(least, 3), "shares", "", f">= {LEAST_SHARE:g}", least >= LEAST_SHARE
    )
