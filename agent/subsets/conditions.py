"""The conditions under which everything is measured: which sensors are left, and what is wrong with which.

In:  nothing.
Out: Conditions, each with the faults that make it so; the first is nominal.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from ...sim.fault_file import FaultEntry, FaultFile, FaultKind

SENSORS = ("camera", "lidar", "imu")
LATE_S, OFFSET_S = 0.3, 0.15
FREEZES_AT_S = 0.05
BIASES: dict[str, dict[str, float]] = {
    "camera": {"depth_m": 0.015},
    "lidar": {"range_m": 0.03},
    "imu": {"force_mps2": 1.0, "rate_radps": 0.1},
}
HOW = ("late", "frozen", "biased", "time-shifted")


@dataclass(frozen=True, slots=True)
class Condition:
    """`left` are the kinds of sensor that work as declared or are perturbed; `how` says what is wrong with `wrong`."""

    name: str
    left: tuple[str, ...]
    wrong: str | None = None
    how: str | None = None

    def faults(self) -> FaultFile | None:
        """What makes a sound robot so; None: nothing."""
        entries = [_make(FaultKind.DROPPED, sensor) for sensor in SENSORS if sensor not in self.left]
        if self.wrong is not None:
            entries.append(_perturbed(self.wrong, str(self.how)))
        return FaultFile(name=self.name, faults=tuple(entries)) if entries else None


def all_conditions() -> tuple[Condition, ...]:
    """Nominal, every other subset, and every perturbation of every sensor."""
    subsets = [left for count in (3, 2, 1) for left in combinations(SENSORS, count)]
    found = [Condition("+".join(left), left) for left in subsets]
    found += [Condition(f"{sensor} {how}", SENSORS, sensor, how) for sensor in SENSORS for how in HOW]
    return tuple(found)


def _perturbed(sensor: str, how: str) -> FaultEntry:
    if how == "late":
        return _make(FaultKind.LATE, sensor, delay_s=LATE_S)
    if how == "frozen":
        return _make(FaultKind.FROZEN, sensor, start_s=(FREEZES_AT_S, FREEZES_AT_S))
    if how == "biased":
        return _make(FaultKind.BIASED, sensor, amounts=BIASES[sensor])
    return _make(FaultKind.MISTIMED, sensor, offset_s=OFFSET_S)


def _make(kind: FaultKind, sensor: str, **keys: object) -> FaultEntry:
    return FaultEntry.model_validate({"kind": kind, "sensor": sensor, "start_s": (0.0, 0.0), **keys})
