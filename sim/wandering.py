"""The errors of six-axis sensors: a bias that wanders, white noise, saturation.

In:  true values of two vectors (force and rate, force and torque) with their rate.
Out: what a sensor reads instead. The bias lasts until `reset`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, slots=True)
class AxisErrors:
    """One sigma for each axis of one vector: white by sample, bias at start, wandering in one second; and the limit."""

    white: float
    bias: float
    walk: float
    limit: float


class WanderingErrors:
    """Errors of two vectors read together."""

    def __init__(self, first: AxisErrors, second: AxisErrors, rate_hz: float) -> None:
        both = (first, second)
        self._white = np.repeat([errors.white for errors in both], 3)
        self._first_bias = np.repeat([errors.bias for errors in both], 3)
        self._step = np.repeat([errors.walk for errors in both], 3) / np.sqrt(rate_hz)
        self._limit = np.repeat([errors.limit for errors in both], 3)
        self._bias: Float[np.ndarray, "6"] | None = None

    def reset(self) -> None:
        """Forget the bias; the next measurement draws a new one."""
        self._bias = None

    def add_to(
        self,
        first: Float[np.ndarray, "samples 3"],
        second: Float[np.ndarray, "samples 3"],
        rng: np.random.Generator,
    ) -> tuple[Float[np.ndarray, "samples 3"], Float[np.ndarray, "samples 3"]]:
        """What the sensor reads, sample by sample."""
        if self._bias is None:
            self._bias = rng.standard_normal(6) * self._first_bias
        # Sample by sample, so that it does not matter how often the sensor is read.
        walk, white = np.split(rng.standard_normal((len(first), 12)), 2, axis=1)
        bias = np.cumsum(np.vstack([self._bias, walk * self._step]), axis=0)
        self._bias = bias[-1]
        error = bias[1:] + white * self._white
        read = np.clip(np.hstack([first, second]) + error, -self._limit, self._limit)
        return read[:, :3], read[:, 3:]
