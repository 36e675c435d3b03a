"""Demonstrated actions driven through the declared convention on the simulated robot, judged on truth.

In:  a dataset (demonstrations.py) whose episodes name suite, task and seed, so that the very scene is built again.
Out: ReplayReport: per episode success and score, and, when one fails, which axis of the convention is likely wrong.
Nothing that the body cannot do is driven: it is told instead, as a part of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from ...planning.inverse_kinematics import IkSettings, improve
from ...planning.robot_model import RobotModel
from ...planning.types import Trajectory
from ..build import build_parts
from ..config import ConfigError, RunConfig
from ..suites import draw_scene
from .convention import Convention, Targets, make_start, read_actions, read_states
from .demonstrations import Demonstration, DemonstrationSet, load_demonstrations
from .rates import wilson_interval
from .wrong_axis import Axis, Diagnosis, diagnose, scale_words

SETTLE_S = 0.5
LIMIT_TOLERANCE_RAD = 0.01
SPEED_TOLERANCE = 1.5
WIDTH_TOLERANCE_M = 0.002
MAX_UNREACHABLE_SHARE = 0.02
IK = IkSettings(position_tolerance_m=2e-4, rotation_tolerance_rad=1e-3, limit_margin_rad=0.0)


@dataclass(frozen=True, slots=True)
class ReplayedEpisode:
    """One demonstration driven again. `was_driven` false: the body could not have done what was asked."""

    index: int
    suite: str
    task: str
    seed: int
    command: str
    success: bool
    score: float
    was_driven: bool
    detail: str
    diagnosis: Diagnosis


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """A dataset driven again."""

    path: Path
    convention: Convention
    episodes: tuple[ReplayedEpisode, ...] = field(default=())

    @property
    def successes(self) -> int:
        """How many episodes succeeded on truth."""
        return sum(episode.success for episode in self.episodes)

    @property
    def wrong_axis(self) -> Axis | None:
        """The axis that most failed episodes point to; None when none failed or nothing is pointed to."""
        votes: dict[Axis | None, float] = {}
        for episode in self.episodes:
            if not episode.success:
                found = episode.diagnosis
                votes[found.axis] = votes.get(found.axis, 0.0) + found.sure
        return max(votes, key=lambda axis: votes[axis]) if votes else None

    def lines(self) -> list[str]:
        """For people: the result, each failure, and what is likely wrong."""
        low, high = wilson_interval(self.successes, len(self.episodes))
        found = [
            f"{self.successes} of {len(self.episodes)} demonstrations succeed when driven again "
            f"(95% {low:.0%}–{high:.0%}) as {scale_words(self.convention)}"
        ]
        for episode in self.episodes:
            if not episode.success:
                name = f"{episode.suite}/{episode.task} seed {episode.seed}"
                found.append(f"episode {episode.index}, {name}: {episode.detail}")
                found.append(f"  likely wrong: {episode.diagnosis.text}")
        return found

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "schema": "verbot-replay/1",
            "dataset": str(self.path),
            "convention": self.convention.model_dump(mode="json"),
            "episodes": len(self.episodes),
            "successes": self.successes,
            "wrong_axis": self.wrong_axis,
            "results": [
                {
                    "episode": e.index, "suite": e.suite, "task": e.task, "seed": e.seed, "command": e.command,
                    "success": e.success, "score": e.score, "was_driven": e.was_driven, "detail": e.detail,
                    "wrong_axis": e.diagnosis.axis, "sure": round(e.diagnosis.sure, 3), "why": e.diagnosis.text,
                }
                for e in self.episodes
            ],
        }  # fmt: skip


def replay(
    dataset: Path,
    *,
    episodes: int | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    on_episode: Callable[[ReplayedEpisode], None] | None = None,
) -> ReplayReport:
    """Drive every demonstration of a dataset (at most `episodes`) again, in its own scene.

    Raises:
        ConfigError, PluginError: the dataset, its robot or its suites cannot be used; one line.
    """
    loaded = load_demonstrations(dataset, episodes)
    found = []
    for demonstration in loaded.episodes:
        found.append(replay_episode(loaded, demonstration, settings or {}))
        if on_episode is not None:
            on_episode(found[-1])
    return ReplayReport(dataset, loaded.declaration.convention, tuple(found))


def replay_episode(
    loaded: DemonstrationSet, demonstration: Demonstration, settings: Mapping[str, Mapping[str, Any]]
) -> ReplayedEpisode:
    """Build the scene again, drive, judge; then say what is likely wrong, from the numbers alone."""
    origin, convention = demonstration.origin, loaded.declaration.convention
    scene, plain_settings = f"{origin.suite}/{origin.task}", {name: dict(values) for name, values in settings.items()}
    drawn = draw_scene(scene, origin.seed, plain_settings)
    if drawn is None:
        raise ConfigError(f"Episode {demonstration.index} names the suite '{origin.suite}', expected a suite's name.")
    config = RunConfig(
        command=drawn.command, scene=scene, seed=origin.seed, robot=loaded.declaration.robot, perceiver="oracle",
        device="cpu", settings=plain_settings,
    )  # fmt: skip
    parts = build_parts(config, stage=lambda seed: drawn.scene)
    robot: Any = parts.robot
    try:
        frame = robot.reset(origin.seed)
        while frame.joints is None or not len(frame.joints.times_s):
            frame = robot.read(robot.time_s + 0.05, images=False)
        body_rad, width_m = frame.joints.positions_rad[-1], float(frame.joints.gripper_width_m[-1])
        problem = _check_size(demonstration, convention, parts.model)
        if problem is None:
            problem = _drive(robot, demonstration, convention, parts.model, body_rad)
        score = robot.judge.score(drawn.goal)
        success, value = bool(score.success) and problem is None, float(score.score)
    finally:
        robot.close()
    return ReplayedEpisode(
        index=demonstration.index, suite=origin.suite, task=origin.task, seed=origin.seed, command=drawn.command,
        success=success, score=value, was_driven=problem is None,
        detail="" if success else problem or "driven to its end, but the goal is not met on truth",
        diagnosis=diagnose(demonstration, convention, parts.model, body_rad, width_m),
    )  # fmt: skip


def _check_size(demonstration: Demonstration, convention: Convention, model: RobotModel) -> str | None:
    num_joints = len(model.description.arm_joints)
    for name, found, expected in (
        ("an action", demonstration.actions.shape[1], convention.num_values(num_joints)),
        ("a state", demonstration.states.shape[1], num_joints + 1),
    ):
        if found != expected:
            return f"not driven: {name} has {found} values, the declared convention needs {expected}"
    return None


def _drive(
    robot: Any,
    demonstration: Demonstration,
    convention: Convention,
    model: RobotModel,
    body_rad: Float[np.ndarray, "joints"],
) -> str | None:
    """Play the whole demonstration; returns why it was not, or None."""
    max_width_m = model.description.gripper.max_width_m
    recorded_rad, _ = read_states(demonstration.states, convention)
    start = make_start(recorded_rad[0], model)
    targets = read_actions(demonstration.actions, convention, start, max_width_m)
    positions = targets.positions_rad if targets.positions_rad is not None else _solve(targets, recorded_rad, model)
    if positions is None:
        return "not driven: more than 2% of the tool poses are out of the arm's reach"
    path = np.concatenate([body_rad[None], positions])
    if problem := _why_impossible(path, convention.rate_hz, recorded_rad[0], model):
        return f"not driven: {problem}"
    far = np.abs(targets.widths_m - np.clip(targets.widths_m, 0.0, max_width_m))
    if far.max() > WIDTH_TOLERANCE_M:
        asked_m = float(targets.widths_m[int(far.argmax())])
        return f"not driven: the gripper would open to {asked_m:.3g} m, it can {max_width_m:.3g} m"
    widths = np.clip(targets.widths_m, 0.0, max_width_m)  # what is left is rounding
    times = np.arange(len(path)) / convention.rate_hz
    velocities = np.gradient(path, times, axis=0)
    velocities[[0, -1]] = 0.0
    trajectory = Trajectory(
        model.description.arm_joints, times, path, velocities, np.concatenate([widths[:1], widths]), label="replay"
    )
    try:
        robot.command(trajectory, robot.time_s)
    except ValueError as error:
        return f"not driven: {error}"
    robot.read(robot.time_s + trajectory.duration_s + SETTLE_S, images=False)
    return None


def _why_impossible(
    path_rad: Float[np.ndarray, "frames joints"],
    rate_hz: float,
    recorded_rad: Float[np.ndarray, "joints"],
    model: RobotModel,
) -> str | None:
    """What in the path no such arm can do, in words."""
    names, description = model.description.arm_joints, model.description
    away = np.abs(recorded_rad - path_rad[0])
    if away.max() > 0.1:
        joint = int(away.argmax())
        return f"the recording starts {away[joint]:.2f} rad away from where the robot starts, at {names[joint]}"
    beyond = np.maximum(path_rad - model.position_max_rad, model.position_min_rad - path_rad).max(axis=0)
    if beyond.max() > LIMIT_TOLERANCE_RAD:
        joint = int(beyond.argmax())
        return f"{names[joint]} would go {beyond[joint]:.2f} rad beyond its limit"
    speeds = np.abs(np.diff(path_rad, axis=0)).max(axis=0) * rate_hz / np.array(description.velocity_max_radps)
    if speeds.max() > SPEED_TOLERANCE:
        joint = int(speeds.argmax())
        return f"{names[joint]} would have to move at {speeds[joint]:.1f} times its speed limit"
    return None


def _solve(
    targets: Targets, recorded_rad: Float[np.ndarray, "frames joints"], model: RobotModel
) -> Float[np.ndarray, "frames joints"] | None:
    """Joint positions that put the tool where it is asked; None when out of reach.

    The posture recorded one frame later says which of the many arm positions was meant: left to themselves, a
    redundant arm's solutions wander until one jumps.
    """
    assert targets.T_base_tools is not None  # the caller has looked
    found, num_missed = [recorded_rad[0]], 0
    for pose, posture in zip(targets.T_base_tools, [*recorded_rad[1:], recorded_rad[-1]], strict=True):
        starts = (posture, found[-1])
        solutions = (improve(model, pose, start, posture, IK) for start in starts)
        solution = next((s for s in solutions if s is not None), None)
        num_missed += solution is None
        if num_missed > MAX_UNREACHABLE_SHARE * len(targets.T_base_tools):
            return None
        found.append(found[-1] if solution is None else solution)
    return np.stack(found[1:])
