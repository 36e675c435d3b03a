"""What was poured into what, on truth.

In:  what the hand holds, 30 times a second.
Out: for how long each cup was tilted over each open thing.
"""

from __future__ import annotations

from collections import defaultdict

from ..planning.pouring import POUR_TILT_RAD, is_pouring, tilt_rad
from .truth import true_object
from .world import World


class PourWatch:
    """Adds up the time during which a held cup is tilted far enough with its spout over another's opening."""

    def __init__(self) -> None:
        self.poured_s: dict[tuple[str, str], float] = defaultdict(float)

    def look(self, world: World, held: str, passed_s: float) -> None:
        """Take in one look; `passed_s` is the time since the look before."""
        if world.objects[held].model.cavity_depth_m <= 0.0 or tilt_rad(world.object_pose(held)) < POUR_TILT_RAD:
            return
        cup = true_object(world, held)
        for name, entry in world.objects.items():
            if name != held and entry.model.cavity_depth_m > 0.0 and is_pouring(cup, true_object(world, name)):
                self.poured_s[held, name] += passed_s
