"""Faults of body and world: an object that is hit from outside, fingers that become smooth.

In:  FaultEvents, the world and the arm of the episode.
Out: impulses and friction, applied at the step at which each event begins or ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .fault_file import FaultKind
from .faults import FaultEvent
from .robots.panda import FINGER_FRICTION, Panda
from .world import STEP_S, World


class BodyFaults:
    """What happens to the objects and the hand of one episode."""

    def __init__(self, events: Sequence[FaultEvent], world: World, arm: Panda) -> None:
        self._world, self._arm = world, arm
        self._pushes = [event for event in events if event.kind is FaultKind.PUSH]
        self._slips = [event for event in events if event.kind is FaultKind.SLIP]
        self._friction = FINGER_FRICTION

    def step(self, tick: int) -> None:
        """Called before each step."""
        if not self._pushes and not self._slips:
            return
        now_s = tick * STEP_S
        due = [event for event in self._pushes if event.start_s <= now_s]
        self._pushes = [event for event in self._pushes if event.start_s > now_s]
        for event in due:
            self._push(event)
        slipping = (event.entry.friction for event in self._slips if event.is_on(now_s))
        friction = min((value for value in slipping if value is not None), default=FINGER_FRICTION)
        if friction != self._friction:
            self._friction = friction
            self._arm.set_grip_friction(friction)

    def _push(self, event: FaultEvent) -> None:
        hit = self._world.objects.get(event.object or "")
        if hit is None:
            return
        way = np.array([math.cos(event.heading_rad), math.sin(event.heading_rad), 0.0])
        self._world.push(hit.name, way * (event.entry.speed_mps or 0.0) * hit.model.mass_kg)
