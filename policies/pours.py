"""Pouring as a whole motion: a held cup over another's opening, tilted, and upright again.

In:  Situation, the cup, what it is poured into (pouring.py says where and how far).
Out: Trajectory, or NoMotion with what was in the way.
"""

from __future__ import annotations

import itertools

import numpy as np
from jaxtyping import Float

from ..perception.types import ObjectState
from ..planning.timing import TimedPath
from ..planning.types import HeldSpan, NoMotion, NoMotionReason, Trajectory
from .attempts import no_motion
from .motion import Blocked
from .pouring import make_pours
from .reaching import Reaching, carrying_along
from .situation import Situation
from .surroundings import neighbours

POUR_S = 1.2  # held tilted
CARRY_SLOWER = 0.8  # a full cup


class Pours(Reaching):
    """Makes whole motions of pouring."""

    def pour(self, now: Situation, cup: ObjectState, into: ObjectState) -> Trajectory | NoMotion:
        """Over the other's opening, upright; tilt, wait, turn upright again."""
        start = self._start(now, cup)
        if isinstance(start, NoMotion):
            return start
        timeline, _ = start
        T_hand_object = self._in_hand(now, cup)
        way = self._find_pour(now, cup, into, timeline.positions_rad, T_hand_object)
        if isinstance(way, Blocked):
            return no_motion(way, now, f"tilting {cup.id} over {into.id}")
        approach, tilt = way
        timeline.follow(approach)
        timeline.follow(tilt)
        T_world_poured = self._maker.model.tool_pose(timeline.positions_rad)
        timeline.pause(POUR_S)
        timeline.follow(tilt.reversed())
        return timeline.build(
            held=(HeldSpan(cup.id, 0.0, timeline.time_s, T_hand_object),),
            touches=neighbours(cup, now.scene),
            label=f"pour {cup.id}",
            target_pose_world=T_world_poured,
        )

    def _find_pour(
        self,
        now: Situation,
        cup: ObjectState,
        into: ObjectState,
        start_rad: Float[np.ndarray, "joints"],
        T_hand_object: Float[np.ndarray, "4 4"],
    ) -> tuple[TimedPath, TimedPath] | Blocked:
        """From a hand that holds the cup high: over the other's opening, and the tilting."""
        maker, gap = self._maker, self._gap(cup, T_hand_object)
        room = carrying_along(now, now.room(carried=cup.id, touch=neighbours(cup, now.scene)), cup, T_hand_object)
        blocked = Blocked(NoMotionReason.NO_PATH, f"the arm cannot tilt {cup.id} over {into.id}")
        pours = make_pours(cup, into, maker.model.tool_pose(start_rad), T_hand_object)
        for pour in itertools.islice(pours, now.step.attempt, None):
            approach = maker.trace(start_rad, pour.approach, gap, room, pace=CARRY_SLOWER)
            if isinstance(approach, Blocked):
                continue
            tilt = maker.trace(approach.positions_rad[-1], pour.tilt, gap, room)
            if isinstance(tilt, TimedPath):
                return approach, tilt
            blocked = tilt if tilt.conflict is not None else blocked
        return blocked
