"""Times the stages and charges the robot's clock for thinking.

The one place outside a robot that looks at a wall clock: for the report, and for `--latency measured`.
"""

from __future__ import annotations

import enum
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Latency(enum.StrEnum):
    """How much simulated time a thought costs."""

    ZERO = "zero"
    DECLARED = "declared"
    MEASURED = "measured"


# Seconds charged for one pass of each stage; about twice what a laptop core needs.
DECLARED_S = {"perceive": 0.15, "plan": 0.01, "rehearse": 0.25, "policy": 0.06, "check": 0.04}


class Stopwatch:
    """Wall time by stage (`timings_s`) and the thinking time not yet charged to the robot."""

    def __init__(self, latency: Latency = Latency.DECLARED, *, started: float | None = None) -> None:
        self.timings_s: dict[str, float] = {}
        self._latency = latency
        self._owed_s = 0.0
        self._start = time.perf_counter() if started is None else started

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Everything inside counts as one pass of the stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            passed_s = time.perf_counter() - start
            self.timings_s[name] = self.timings_s.get(name, 0.0) + passed_s
            if self._latency is Latency.DECLARED:
                self._owed_s += DECLARED_S.get(name, 0.0)
            elif self._latency is Latency.MEASURED and name in DECLARED_S:
                self._owed_s += passed_s

    def take_owed_s(self) -> float:
        """Thinking time since the last call, to be let pass on the robot's clock."""
        owed_s, self._owed_s = self._owed_s, 0.0
        return owed_s

    def since_start_s(self) -> float:
        """Wall time since this stopwatch was made."""
        return time.perf_counter() - self._start


def cpu_now_s() -> float:
    """CPU time that this process has used so far."""
    used = os.times()
    return used.user + used.system
