"""The body as felt: joints, hand, grip, stillness. Cheap, for every frame.

In:  JointSamples and ImuSamples of the frames; the robot's kinematics (None: no robot).
Out: BodyState, sensor mounts in the world at any recent time, what the hand holds.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from .geometry import is_pose
from .holding import GripEvent, GripWatch
from .sync import ImuHistory, JointHistory, JointReading, was_still
from .tracker import Tracker
from .types import WORLD, BodyState, RobotBody, SensorFrame

STILL_BEFORE_S, STILL_RAD = 0.1, 0.004
FELT_LONG_AGO_S = 1.0


class Proprioception:
    """Histories of encoders and IMUs, and the kinematics over them."""

    def __init__(self, body: RobotBody | None) -> None:
        self._body = body
        self._joints = JointHistory()
        self._imus: dict[str, ImuHistory] = {}
        self._grip = GripWatch()
        self._gripped_until_s = -np.inf

    def observe(self, frame: SensorFrame) -> None:
        """Take in what arrived."""
        if frame.joints is not None:
            self._joints.add(frame.joints)
        for samples in frame.imu:
            self._imus.setdefault(samples.sensor, ImuHistory()).add(samples)

    def state(self, held: str | None) -> BodyState | None:
        """The newest readings; None when the body was never felt."""
        reading = self._joints.newest()
        if reading is None:
            return None
        return BodyState(
            self._joints.names, reading.positions_rad, reading.velocities_radps, reading.gripper_width_m, held
        )

    def move_held(self, tracker: Tracker) -> None:
        """Go through the new width samples: grip, carry, release."""
        if self._body is None:
            return
        for time_s, width_m in self._joints.widths_after(self._gripped_until_s):
            self._gripped_until_s = time_s
            event = self._grip.add(time_s, width_m)
            if event is GripEvent.GRIPPED and (pose := self.tool_pose(time_s)) is not None:
                tracker.grip(pose, width_m)
            elif event is GripEvent.EMPTY and (pose := self.tool_pose(time_s)) is not None:
                tracker.grasp_nothing(pose)
            elif event in (GripEvent.OPENED, GripEvent.LOST):
                if (pose := self.tool_pose(time_s)) is not None:
                    tracker.carry(pose)
                tracker.release(is_lost=event is GripEvent.LOST)
        if tracker.held is not None and (pose := self.tool_pose(self._gripped_until_s)) is not None:
            tracker.carry(pose)

    def tool_pose(self, time_s: float) -> Float[np.ndarray, "4 4"] | None:
        """T_world_tool at a time; None when unknown. A body without a `tool_pose` of its own holds nothing."""
        reading, find = self._joints.at(time_s), getattr(self._body, "tool_pose", None)
        return None if reading is None or find is None else np.asarray(find(reading.positions_rad))

    def mount_pose(self, mount: str, time_s: float) -> Float[np.ndarray, "4 4"] | None:
        """T_world_mount when a sensor measured; None when unknown."""
        if mount == WORLD:
            return np.eye(4)
        reading = self._joints.at(time_s)
        if self._body is None or reading is None:
            return None
        try:
            pose = np.asarray(self._body.link_pose(mount, reading.positions_rad, reading.gripper_width_m))
        except (KeyError, ValueError):
            return None
        return pose if is_pose(pose) else None

    def capsules(self, time_s: float) -> Float[np.ndarray, "capsules 7"] | None:
        """The body in the world at a time; None without a body."""
        reading = self._reading_near(time_s)
        if self._body is None or reading is None:
            return None
        return self._body.capsules(reading.positions_rad, reading.gripper_width_m)

    def knows_where_it_is(self, time_s: float) -> bool:
        """Whether the body can be told from what stands around it in a picture of that time.

        Without encoder readings near it, the last ones serve if the joints stood still then. A body that was never
        felt is not in the way of anything known.
        """
        times_s = self._joints.times_s
        if self._body is None or not len(times_s) or self._joints.at(time_s) is not None:
            return True
        last_s = float(times_s[-1])
        moved_rad = self._joints.moved_rad(last_s - STILL_BEFORE_S, last_s)
        return last_s < time_s <= last_s + FELT_LONG_AGO_S and moved_rad is not None and moved_rad < STILL_RAD

    def was_still(self, mount: str, time_s: float) -> bool:
        """Whether a mount stood still when its sensor measured."""
        return mount == WORLD or was_still(mount, time_s, self._joints, self._imus.values())

    def gravity_error_rad(self, time_s: float) -> dict[str, float]:
        """For each IMU on the body that was at rest: angle between its gravity and kinematics' vertical."""
        errors = {}
        for name, imu in self._imus.items():
            up, pose = imu.up_mount(time_s), self.mount_pose(imu.mount, time_s)
            if up is not None and pose is not None and imu.is_still(time_s):
                errors[name] = float(np.arccos(np.clip((pose[:3, :3] @ up)[2], -1.0, 1.0)))
        return errors

    def _reading_near(self, time_s: float) -> JointReading | None:
        return self._joints.at(time_s) or self._joints.newest()
