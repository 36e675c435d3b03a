"""Records a demonstration: an episode is run, and what the body did and was told is sampled at a rate.

In:  a config whose scene is SUITE/TASK (so that the scene can be built again), and a rate.
Out: RecordedMotion, ready for dataset_writer.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from ...perception.types import SensorFrame
from ...planning.playback import Playback
from ...planning.types import Trajectory
from ..build import build_parts
from ..config import ConfigError, RunConfig
from ..robot import Robot, WrappedRobot
from ..runtime import RunRecord, Runtime
from ..stopwatch import Stopwatch
from ..suites import draw_scene, split_scene
from .dataset_writer import RecordedMotion
from .demonstrations import EpisodeOrigin


class TappedRobot(WrappedRobot):
    """Any robot, with every command and every joint reading noted on the way through."""

    def __init__(self, robot: Robot) -> None:
        super().__init__(robot)
        self._commands: list[tuple[float, Trajectory | None]] = []
        self._samples: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    @property
    def commands(self) -> tuple[tuple[float, Trajectory | None], ...]:
        """What was commanded from when on, in order; None: the body's own way to rest."""
        return tuple(self._commands)

    def reset(self, seed: int) -> SensorFrame:
        """Forgets the episode before."""
        self._commands, self._samples = [], []
        return self._note(self._robot.reset(seed))

    def command(self, trajectory: Trajectory, start_s: float) -> None:
        """Passed on and noted."""
        self._robot.command(trajectory, start_s)
        self._commands.append((start_s, trajectory))

    def read(self, until_s: float, *, images: bool = True) -> SensorFrame:
        """Passed on; the joint readings are noted."""
        return self._note(self._robot.read(until_s, images=images))

    def stop(self) -> None:
        """Passed on; from here on the body's own way to rest stands for what it was told."""
        self._robot.stop()
        self._commands.append((self._robot.time_s, None))

    def motion(self, origin: EpisodeOrigin, command: str, rate_hz: float) -> RecordedMotion:
        """The episode so far, at the rate; what the body is told holds until it is told something else."""
        times, positions, widths = (np.concatenate(part) for part in zip(*self._samples, strict=True))
        num_frames = math.floor((times[-1] - times[0]) * rate_hz)
        if num_frames < 2:
            raise ConfigError(f"The episode of “{command}” is over at {times[-1]:.2f} s: nothing to demonstrate.")
        at = times[0] + np.arange(num_frames) / rate_hz
        states = np.stack([np.interp(at, times, column) for column in positions.T], axis=1)
        targets, target_widths = states[:1].repeat(num_frames, axis=0), np.interp(at[:1], times, widths)
        target_widths = target_widths.repeat(num_frames)
        later = at + 1.0 / rate_hz
        for start_s, trajectory in self._commands:
            rows = later >= start_s
            if trajectory is None:
                targets[rows] = np.stack([np.interp(later[rows], times, column) for column in positions.T], axis=1)
                continue
            targets[rows], target_widths[rows] = _played(trajectory, later[rows] - start_s)
        return RecordedMotion(
            origin, command, at - times[0], states, np.interp(at, times, widths), targets, target_widths
        )

    def _note(self, frame: SensorFrame) -> SensorFrame:
        joints = frame.joints
        if joints is not None and len(joints.times_s):
            self._samples.append((joints.times_s, joints.positions_rad, joints.gripper_width_m))
        return frame


def record_demonstration(config: RunConfig, rate_hz: float = 25.0) -> tuple[RecordedMotion, RunRecord]:
    """Run the episode that `config.scene` (SUITE/TASK) and `config.seed` name, and record it.

    Raises:
        ConfigError: the scene is not written SUITE/TASK, or nothing moved.
    """
    parts_of_name, drawn = split_scene(config.scene), draw_scene(config.scene, config.seed, config.settings)
    if parts_of_name is None or drawn is None:
        raise ConfigError(f"The scene '{config.scene}' is no SUITE/TASK, so nobody could build it again. Name one.")
    parts = build_parts(config, stage=lambda seed: drawn.scene)
    robot = TappedRobot(parts.robot)
    runtime = Runtime(
        robot, parts.perceiver, parts.planner, parts.policy, parts.guard, parts.monitor,
        parts.model if parts.is_rehearsable else None,
        stopwatch=Stopwatch(config.latency), speed=config.speed, deadline_s=config.deadline_s,
        constraints=parts.constraints,
    )  # fmt: skip
    try:
        record = runtime.run(drawn.command, config.seed)
        suite, task = parts_of_name
        origin = EpisodeOrigin(suite=suite, task=task, seed=config.seed)
        return robot.motion(origin, drawn.command, rate_hz), record
    finally:
        robot.close()


def _played(
    trajectory: Trajectory, times_s: Float[np.ndarray, "moments"]
) -> tuple[Float[np.ndarray, "moments joints"], Float[np.ndarray, "moments"]]:
    playback, within = Playback(trajectory), np.clip(times_s, 0.0, trajectory.duration_s)
    return playback.states(within)[0], playback.widths_m(within)
