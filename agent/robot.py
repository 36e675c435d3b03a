"""The Robot protocol: one body, simulated or real, that plays trajectories by itself and owns time."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from ..perception.types import SensorFrame, SensorSpec
from ..planning.robot_description import RobotDescription
from ..planning.types import MotionConvention, Trajectory


@runtime_checkable
class Robot(Protocol):
    """What every robot keeps; `verbot.agent.contracts.robot` checks it.

    `command` returns at once: the robot plays the trajectory by itself from `start_s` on its own clock,
    then rests. A later command replaces what is left of the former. Nobody but the robot sleeps or steps time.
    """

    description: RobotDescription
    convention: MotionConvention
    sensors: tuple[SensorSpec, ...]

    @property
    def time_s(self) -> float:
        """Now, on the robot's clock; 0 at reset."""
        ...

    def reset(self, seed: int) -> SensorFrame:
        """Start an episode; returns what the sensors see first."""
        ...

    def command(self, trajectory: Trajectory, start_s: float) -> None:
        """Play the trajectory from `start_s` (now or later)."""
        ...

    def read(self, until_s: float, *, images: bool = True) -> SensorFrame:
        """Let time pass to `until_s` and return what arrived since the last read.

        With `images` false, pictures and scans stay with the driver, which keeps the latest of each.
        """
        ...

    def stop(self) -> None:
        """Begin at once to bring the body to rest within its limits; only the body knows how."""
        ...

    @property
    def is_moving(self) -> bool:
        """Whether a trajectory or a stop is still being played."""
        ...

    def close(self) -> None:
        """Release what was opened; may be called twice."""
        ...


class WrappedRobot:
    """Any robot, passed on; a base for those that note what goes by."""

    def __init__(self, robot: Robot) -> None:
        self._robot = robot
        self.description, self.convention, self.sensors = robot.description, robot.convention, robot.sensors

    @property
    def time_s(self) -> float:
        """The robot's."""
        return self._robot.time_s

    @property
    def is_moving(self) -> bool:
        """The robot's."""
        return self._robot.is_moving

    def reset(self, seed: int) -> SensorFrame:
        """Passed on."""
        return self._robot.reset(seed)

    def command(self, trajectory: Trajectory, start_s: float) -> None:
        """Passed on."""
        self._robot.command(trajectory, start_s)

    def read(self, until_s: float, *, images: bool = True) -> SensorFrame:
        """Passed on."""
        return self._robot.read(until_s, images=images)

    def stop(self) -> None:
        """Passed on."""
        self._robot.stop()

    def close(self) -> None:
        """Passed on."""
        self._robot.close()
