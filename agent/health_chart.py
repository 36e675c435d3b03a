"""What became of each sensor's health over a run: kept as it changes, drawn as one bar a sensor.

In:  SceneStates as they come; later the rows that were kept.
Out: rows {time_s, sensor, health, reason}, one for each change; spans for a page, and the stretches of trouble in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..perception.types import HealthReason, SceneState

STEP = 0.1
"""Smaller changes of health are not kept."""
OK = HealthReason.OK.value


class HealthLog:
    """Rows of what changed, oldest first."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._last: dict[str, tuple[str, int]] = {}

    def note(self, scene: SceneState) -> bool:
        """Keep what is new in this scene; says whether anything was."""
        count = len(self.rows)
        for health in scene.health:
            now = (health.reason.value, round(health.health / STEP))
            if self._last.get(health.sensor) != now:
                self._last[health.sensor] = now
                self.rows.append(
                    {
                        "time_s": round(scene.time_s, 3),
                        "sensor": health.sensor,
                        "health": round(health.health, 3),
                        "reason": health.reason.value,
                    }
                )
        return len(self.rows) > count


def spans(rows: Sequence[dict[str, Any]], end_s: float) -> dict[str, list[dict[str, Any]]]:
    """By sensor the stretches of one health: from_s, to_s, health, reason, and where they lie on a bar (percent)."""
    start_s = min((row["time_s"] for row in rows), default=0.0)
    length_s = max(end_s - start_s, 1e-9)
    by_sensor: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        known = by_sensor.setdefault(row["sensor"], [])
        if known:
            known[-1]["to_s"] = row["time_s"]
        known.append({**row, "from_s": row["time_s"], "to_s": max(end_s, row["time_s"])})
    for known in by_sensor.values():
        for span in known:
            span["left"] = 100.0 * (span["from_s"] - start_s) / length_s
            span["width"] = 100.0 * (span["to_s"] - span["from_s"]) / length_s
    return by_sensor


def troubles(by_sensor: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The stretches in which a sensor was not as declared, in the order of time."""
    return sorted((s for known in by_sensor.values() for s in known if s["reason"] != OK), key=lambda s: s["from_s"])
