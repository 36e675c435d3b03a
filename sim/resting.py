"""What a sensor that stands still remembers of shapes that rest: each is asked once, until it moves.

In:  RayRoom, T_world_sensor, how to ask shapes what they show.
Out: what all of them show together.

A share depends on nothing but the shape's mesh and pose, and of equal distances the earlier shape's holds: what
is remembered is bit for bit what would be asked again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from .raycast import RayRoom

Share = TypeVar("Share")


@runtime_checkable
class Joined(Protocol):
    """What several shapes show together."""

    def add(self, shape: int, share: Any) -> None:
        """Take in one shape's share; the order in which shapes come does not matter."""
        ...

    def copy(self) -> Any:
        """One that may be added to without changing this."""
        ...

    def lend(self) -> Any:
        """The same, for a while: until this is lent or copied again."""
        ...


Whole = TypeVar("Whole", bound=Joined)


class Memory(Generic[Share, Whole]):
    """One sensor's, of one room, from one place. `resting` is the whole of the shapes marked in `is_resting`."""

    def __init__(
        self, room: RayRoom, T_world_sensor: Float[np.ndarray, "4 4"], make_blank: Callable[[], Whole]
    ) -> None:
        self.T_world_sensor = T_world_sensor.copy()
        self.resting, self.is_resting = make_blank(), np.zeros(len(room.T_world_shape), bool)
        self._make_blank = make_blank
        self._shares: list[Share | None] = [None] * len(room.T_world_shape)
        self._T_world_shape = np.full_like(room.T_world_shape, np.nan)

    def see(
        self,
        room: RayRoom,
        is_asked: Bool[np.ndarray, " shapes"],
        ask: Callable[[Int[np.ndarray, " new"]], list[Share | None]],
    ) -> Whole:
        """What those shapes show together, until the next call; only those that are new or have moved are asked."""
        T_world_shape = room.T_world_shape
        is_new = is_asked & (self._T_world_shape != T_world_shape).any(axis=(1, 2))
        new = np.flatnonzero(is_new)
        if len(new):
            for index, share in zip(new.tolist(), ask(new), strict=True):
                self._shares[index] = share
            self._T_world_shape[new] = T_world_shape[new]
        is_kept = is_asked & ~is_new
        if (self.is_resting & ~is_kept).any():
            self.resting, self.is_resting = self._make_blank(), np.zeros_like(is_kept)
        is_added = is_kept & ~self.is_resting
        if is_added.any():
            # A new one: what others have learned of the whole as it was must not pass for this.
            self.resting, self.is_resting = self.resting.copy(), is_kept
            self._add(self.resting, is_added)
        whole = self.resting.lend()
        self._add(whole, is_new)
        return whole

    def _add(self, whole: Whole, is_chosen: Bool[np.ndarray, " shapes"]) -> None:
        for index in np.flatnonzero(is_chosen).tolist():
            share = self._shares[index]
            if share is not None:
                whole.add(index, share)


def recall(
    room: RayRoom, sensor: object, T_world_sensor: Float[np.ndarray, "4 4"], make_blank: Callable[[], Whole]
) -> Memory[Any, Whole]:
    """What the sensor remembers from this place; nothing yet if it has moved."""
    memory = room.memories.get(sensor)
    if memory is None or not np.array_equal(memory.T_world_sensor, T_world_sensor):
        room.memories[sensor] = memory = Memory(room, T_world_sensor, make_blank)
    return memory
