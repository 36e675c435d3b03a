"""What a skill starts from.

In:  the perceived scene and body, the plan's step.
Out: Situation, and the room around the arm in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..perception.types import BodyState, ObjectState, SceneState
from ..planning.collision import Room
from ..planning.object_solids import Solid
from ..planning.types import Fact, PlanStep
from .surroundings import make_room


@dataclass(frozen=True, slots=True)
class Situation:
    """What a skill starts from."""

    scene: SceneState
    body: BodyState
    step: PlanStep
    rng: np.random.Generator
    zones: tuple[Solid, ...] = ()
    goals: tuple[Fact, ...] = ()
    """Everything that the command wants, so that one thing is not put where another must go."""

    def room(self, *, carried: str | None = None, touch: Sequence[str] = ()) -> Room:
        """What stands around now, with keep-out zones as solids."""
        room = make_room(self.scene, carried=carried, touch=touch)
        return replace(room, solids=room.solids + self.zones, rough=room.rough + self.zones)


def held_item(now: Situation) -> ObjectState | None:
    """What the hand is known to hold."""
    return None if now.body.held is None else now.scene.find(now.body.held)
