"""Samples of an IMU, of the encoders or of a touch sensor with their faults: dropped, late, mistimed, noisy and so on.

In:  samples as they would have arrived, read by read.
Out: samples as they do arrive; the very same values while nothing is wrong with the sensor.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float

from ..perception.types import ContactSamples, ForceSamples, ImuSamples, JointSamples, SensorSpec
from .fault_file import Quantity
from .faults import FaultEvent, SensorFaults
from .noise import make_rng

AnySamples = ImuSamples | JointSamples | ForceSamples | ContactSamples
Samples = TypeVar("Samples", bound=ImuSamples | JointSamples | ForceSamples | ContactSamples)
Row = tuple[float, tuple[Any, ...]]
COLUMNS: dict[type, tuple[tuple[Quantity, str], ...]] = {
    ImuSamples: (("force_mps2", "specific_force_mps2"), ("rate_radps", "angular_rate_radps")),
    JointSamples: (
        ("position_rad", "positions_rad"),
        ("velocity_radps", "velocities_radps"),
        ("width_m", "gripper_width_m"),
    ),
    ForceSamples: (("force_n", "force_n"), ("torque_nm", "torque_nm")),
    ContactSamples: (("force_n", "force_n"),),
}
"""For each type the quantities that a fault file can name, and the fields that hold them."""


class FaultyRows:
    """The samples of one sensor on their way to whoever reads them."""

    def __init__(self, spec: SensorSpec, events: Sequence[FaultEvent], seed: int) -> None:
        self._spec = spec
        self._faults = SensorFaults(spec.name, events)
        self._rng = make_rng(seed, "fault", spec.name)
        self._waiting: deque[Row] = deque()
        self._last: tuple[Any, ...] | None = None
        self._latest: AnySamples | None = None

    def pass_on(self, samples: Samples | None, time_s: float) -> Samples | None:
        """What arrives now of these samples and of those that were late."""
        if not self._faults:
            return samples
        if samples is not None:
            self._latest = samples
            self._put(samples)
        due: list[Row] = []
        while self._waiting and self._arrival_s(self._waiting[0][0]) <= time_s + 1e-9:
            due.append(self._waiting.popleft())
        if not due or self._latest is None:
            return None
        return self._assemble(due, self._latest)  # type: ignore[return-value]

    def _put(self, samples: AnySamples) -> None:
        columns = [getattr(samples, field) for _, field in COLUMNS[type(samples)]]
        for index, time_s in enumerate(samples.times_s.tolist()):
            if self._faults.is_dropped(time_s):
                continue
            if self._last is None or not self._faults.is_frozen(time_s):
                self._last = tuple(column[index] for column in columns)
            self._waiting.append((time_s, self._last))

    def _arrival_s(self, time_s: float) -> float:
        extra_s = self._faults.delay_s(time_s)
        return time_s + self._spec.delay_s + extra_s if extra_s > 0.0 else -np.inf

    def _assemble(self, due: Sequence[Row], like: AnySamples) -> AnySamples:
        times_s: Float[np.ndarray, " samples"] = np.array([time_s for time_s, _ in due])
        values = {}
        for index, (quantity, field) in enumerate(COLUMNS[type(like)]):
            column = np.array([row[index] for _, row in due])
            width = column.shape[1] if column.ndim > 1 else 1
            values[field] = column + self._faults.error(quantity, times_s, width, self._rng).reshape(column.shape)
        offsets_s = np.array([self._faults.offset_s(time_s) for time_s, _ in due])
        return replace(like, times_s=times_s + offsets_s, **values)
