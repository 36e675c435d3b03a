"""Whether the gripper holds something, from the encoders alone.

In:  gripper widths over time.
Out: events: closed on something (settled, not at zero), closed on nothing, opened, slipped out.
"""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass, field

_CLOSING_M = 0.003
_OPENING_M = 0.004
_SETTLED_M = 0.0004
_SETTLE_S = 0.08
_EMPTY_M = 0.0025
_MEMORY_S = 1.5


class GripEvent(enum.StrEnum):
    """What the fingers did."""

    GRIPPED = "gripped"
    OPENED = "opened"
    LOST = "lost"
    EMPTY = "empty"  # closed until they met: nothing is between them


@dataclass(slots=True)
class GripWatch:
    """A small state machine over width samples; feed it every sample once, in order."""

    gripped_m: float | None = None
    _num_wide: int = 0
    _recent: deque[tuple[float, float]] = field(default_factory=deque)
    _widest: deque[tuple[float, float]] = field(default_factory=deque)
    """Recent samples that no later one is wider than: the first is the widest of all."""

    def add(self, time_s: float, width_m: float) -> GripEvent | None:
        """One sample; the event that it completes, if any."""
        self._recent.append((time_s, width_m))
        while self._recent[0][0] < time_s - _MEMORY_S:
            self._recent.popleft()
        while self._widest and self._widest[-1][1] <= width_m:
            self._widest.pop()
        self._widest.append((time_s, width_m))
        while self._widest[0][0] < time_s - _MEMORY_S:
            self._widest.popleft()
        if self.gripped_m is not None:
            return self._watch_grip(width_m)
        if self._widest[0][1] - width_m <= _CLOSING_M:
            return None
        if self._recent[0][0] > time_s - _SETTLE_S:
            return None
        settling = [w for t, w in self._recent if t >= time_s - _SETTLE_S]
        half = len(settling) // 2
        # Means: encoders may be noisier than what the fingers still move.
        before_m, after_m = _mean(settling[:half] or settling), _mean(settling[half:])
        if abs(after_m - before_m) >= _SETTLED_M or self._widest[0][1] - after_m <= _CLOSING_M:
            return None
        if after_m <= _EMPTY_M:
            return GripEvent.EMPTY
        self.gripped_m = after_m
        return GripEvent.GRIPPED

    def _watch_grip(self, width_m: float) -> GripEvent | None:
        assert self.gripped_m is not None
        if width_m < _EMPTY_M or width_m < self.gripped_m - 2 * _CLOSING_M:
            self.gripped_m = None
            return GripEvent.LOST
        # While it is carried the grip breathes by a millimetre and a half, and what is round may roll in it by three;
        # opening goes on beyond that.
        self._num_wide = self._num_wide + 1 if width_m > self.gripped_m + _OPENING_M else 0
        if self._num_wide < 3:
            return None
        self.gripped_m = None
        self._num_wide = 0
        self._recent.clear()
        self._widest.clear()
        return GripEvent.OPENED


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
