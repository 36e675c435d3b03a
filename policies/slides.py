"""Opening and closing a drawer as one motion: take the handle, draw or push, let go.

In:  Situation, the drawer (drawers.py says how its handle is taken and how far it goes).
Out: Trajectory, or NoMotion with what was in the way.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from ..perception.types import ObjectState
from ..planning.types import HeldSpan, NoMotion, NoMotionReason, Trajectory
from .attempts import first_success, from_attempt, no_motion
from .drawers import handle_grasps, way_to_go
from .grasps import Grasp
from .hand_room import free_grasps
from .motion import Blocked
from .reaching import Reaching
from .situation import Situation
from .surroundings import neighbours, sliding

GRIP_S = 0.35  # friction needs this long to build up
RELEASE_S = 0.15
SLIDE_SLOWER = 0.6
SLIDE_SETTLE_S = 0.1


class Slides(Reaching):
    """Makes whole motions of drawers."""

    def slide(self, now: Situation, item: ObjectState, *, is_opening: bool) -> Trajectory | NoMotion:
        """Take the handle from above, pull or push along the axis, let go, rise, look."""
        way = way_to_go(item, is_opening=is_opening)
        if isinstance(way, NoMotion):
            return way
        touch = (item.id, *neighbours(item, now.scene))
        room = now.room(touch=touch)
        grasps = handle_grasps(item, self._gripper)
        free = free_grasps(self._maker.collision, grasps, room, now.scene)
        if not free:
            return NoMotion(
                NoMotionReason.NO_GRASP, f"no room for the hand at the handle of {item.id}", free.blocked_by
            )

        def attempt(grasp: Grasp) -> Trajectory | NoMotion:
            return self._slide_with(now, item, grasp, way, touch)

        return first_success(from_attempt(free, now.step.attempt), attempt)

    def _slide_with(
        self,
        now: Situation,
        item: ObjectState,
        grasp: Grasp,
        way: Float[np.ndarray, "3"],
        touch: tuple[str, ...],
    ) -> Trajectory | NoMotion:
        came = self._come_to(now, item, grasp, now.room(touch=touch))
        if isinstance(came, NoMotion):
            return came
        timeline, maker = came, self._maker
        closing_s = timeline.time_s
        T_world_taken = maker.model.tool_pose(timeline.positions_rad)
        T_hand_object = np.linalg.inv(T_world_taken) @ item.pose_world
        gap = self._gap(item, T_hand_object)
        timeline.pause(GRIP_S, 0.0, held_m=gap)
        moving, left_at = sliding(now.room(touch=touch), item, now.scene, T_hand_object)
        T_world_goal = T_world_taken.copy()
        T_world_goal[:3, 3] += way
        line = maker.line(timeline.positions_rad, T_world_goal, gap, moving, pace=SLIDE_SLOWER)
        if isinstance(line, Blocked):
            return no_motion(line, now, f"where {item.id} goes")
        timeline.follow(line)
        timeline.pause(SLIDE_SETTLE_S)
        release_s = timeline.time_s
        T_world_released = maker.model.tool_pose(timeline.positions_rad)
        timeline.pause(RELEASE_S, grasp.open_m, held_m=gap)
        after = left_at(T_world_released @ T_hand_object)
        if problem := self._go_home(timeline, after, grasp.open_m, now.rng):
            return no_motion(problem[1], now, problem[0])
        return timeline.build(
            held=(HeldSpan(item.id, closing_s, release_s, T_hand_object),),
            touches=touch,
            label=f"{now.step.action.value} {item.id}",
            target_pose_world=T_world_released,
        )
