"""A whole plan worked out and checked without moving: `verbot plan`, `--dry-run`, and the library's door.

In:  a sentence and a perceived scene (from any rig, with or without a robot).
Out: CheckedPlan: goal facts, steps with reasons, trajectories, poses, verdicts.

Each step is imagined to succeed: the scene after it is the scene before it with the carried object
moved by the arm's own kinematics. What really happens is seen only when the robot moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ..perception.types import BodyState, ObjectState, SceneState, SensorFrame
from ..planning.footprints import Footprint, gap_m, make_footprint
from ..planning.monitor import why_not_begun
from ..planning.object_solids import moving_along
from ..planning.relations import OVERLAP_M
from ..planning.robot_model import RobotModel
from ..planning.types import (
    Action,
    NoMotion,
    Outcome,
    OutcomeKind,
    Plan,
    PlanStatus,
    PlanStep,
    Problem,
    Task,
    Trajectory,
    Verdict,
)
from ..policies.policy import Policy, PolicyInput
from .proposal import propose
from .protocols import Guarding, Planning

# A plan longer than this is a sign of a loop; nine objects need at most four motions each.
MAX_STEPS = 100
ABOVE_M = 0.01


@dataclass(frozen=True, slots=True)
class CheckedStep:
    """One step with its motion and verdict, and the scene before and after it.

    `target_pose_world` is the tool's pose at the grasp or release.
    """

    step: PlanStep
    trajectory: Trajectory | None
    verdict: Verdict | None
    outcome: Outcome
    before: SceneState
    after: SceneState

    @property
    def refusal(self) -> str:
        """Why this motion may not run; empty when it may."""
        return "" if self.allowed else self.outcome.detail

    @property
    def allowed(self) -> bool:
        """Whether this motion may run."""
        return self.verdict is not None and self.verdict.allowed

    @property
    def target_pose_world(self) -> Float[np.ndarray, "4 4"] | None:
        """Where the tool grasps or releases."""
        return self.trajectory.target_pose_world if self.trajectory else None


@dataclass(frozen=True, slots=True)
class CheckedPlan:
    """`problem` says why there is no task; `plan` how the search ended."""

    command: str
    task: Task | None
    problem: Problem | None
    plan: Plan | None
    steps: tuple[CheckedStep, ...]

    @property
    def allowed(self) -> bool:
        """Whether every step has a motion that every rule allows, and they reach the goal."""
        done = self.plan is not None and self.plan.status is PlanStatus.DONE
        return done and all(step.allowed for step in self.steps)


def rehearse(
    command: str,
    scene: SceneState,
    planner: Planning,
    policy: Policy,
    guard: Guarding,
    model: RobotModel,
    *,
    seed: int = 0,
    constraints: tuple[str, ...] = (),
) -> CheckedPlan:
    """Plan the command from the scene to its end, each motion checked, nothing moved."""
    planner.reset()
    policy.reset(seed)
    scene = scene if scene.body else replace(scene, body=_rest_pose(model))
    task = planner.understand(command, scene)
    if isinstance(task, Problem):
        return CheckedPlan(command, None, task, None, ())
    task = replace(task, constraints=(*task.constraints, *constraints))
    return rehearse_task(task, scene, planner, policy, guard, model)


def rehearse_task(
    task: Task,
    scene: SceneState,
    planner: Planning,
    policy: Policy,
    guard: Guarding,
    model: RobotModel,
    speed: float = 1.0,
) -> CheckedPlan:
    """The same for a task that is understood already; planner and policy have been reset."""
    steps: list[CheckedStep] = []
    plan, outcome = None, None
    for _ in range(MAX_STEPS):
        plan = planner.revise(task, scene, plan, outcome)
        if plan.current is None:
            break
        checked = _try_step(plan.current, scene, task, policy, guard, model, speed)
        scene, outcome = checked.after, checked.outcome
        steps.append(checked)
    return CheckedPlan(task.command, task, None, plan, tuple(steps))


def _try_step(
    step: PlanStep, scene: SceneState, task: Task, policy: Policy, guard: Guarding, model: RobotModel, speed: float
) -> CheckedStep:
    proposal = propose(policy, PolicyInput(SensorFrame(scene.time_s), scene, task, step), speed)
    if isinstance(proposal, NoMotion):
        trajectory, verdict = None, None
        not_begun = why_not_begun(step, proposal)
    else:
        trajectory, verdict = proposal, guard.check(proposal, scene, task, step)
        not_begun = why_not_begun(step, verdict)
    if not_begun is not None:
        return CheckedStep(step, trajectory, verdict, not_begun, scene, scene)
    if verdict is None or verdict.trajectory is None:
        raise RuntimeError("A step that may begin has a verdict with a trajectory.")
    done = Outcome(OutcomeKind.DONE, step, "imagined", verdict)
    after = imagine(scene, verdict.trajectory, step, model)
    return CheckedStep(step, verdict.trajectory, verdict, done, scene, after)


def imagine(scene: SceneState, trajectory: Trajectory, step: PlanStep, model: RobotModel) -> SceneState:
    """The scene after a motion that goes as intended."""
    objects = list(scene.objects)
    for span in trajectory.held:
        index = int(np.clip(np.searchsorted(trajectory.times_s, span.end_s), 0, len(trajectory.times_s) - 1))
        pose_world = model.tool_pose(trajectory.positions_rad[index]) @ span.T_hand_object
        item = scene.find(span.object_id)
        if item is not None and item.fixture is not None:
            objects = _slid(item, pose_world, scene)
            continue
        if item is not None:
            objects = _with_contents(item, pose_world, step, scene)
        moved = [replace(o, pose_world=pose_world) if o.id == span.object_id else o for o in objects]
        is_let_go = span.end_s < trajectory.duration_s
        objects = [_let_fall(o, moved, scene) if is_let_go and o.id == span.object_id else o for o in moved]
    for span in trajectory.pushed:
        index = int(np.clip(np.searchsorted(trajectory.times_s, span.end_s), 0, len(trajectory.times_s) - 1))
        pose_world = model.tool_pose(trajectory.positions_rad[index]) @ span.T_hand_object
        objects = [replace(o, pose_world=pose_world) if o.id == span.object_id else o for o in objects]
    body = BodyState(
        joint_names=trajectory.joint_names,
        positions_rad=trajectory.positions_rad[-1].copy(),
        velocities_radps=np.zeros(len(trajectory.joint_names)),
        gripper_width_m=float(trajectory.gripper_width_m[-1]),
        held=step.object_id if step.action in (Action.PICK, Action.POUR) else None,
    )
    # An imagined look is as fresh as the imagined moment.
    time_s = scene.time_s + trajectory.duration_s
    return replace(scene, time_s=time_s, seen_s=time_s, objects=tuple(objects), body=body)


def _with_contents(
    item: ObjectState, pose_world: Float[np.ndarray, "4 4"], step: PlanStep, scene: SceneState
) -> list[ObjectState]:
    """What is in a cup goes where the cup goes, or, when it is poured out, into the other."""
    names = {other.id for other in moving_along(item, scene)[1:]}
    into = scene.find(step.target_id or "") if step.action is Action.POUR else None
    T_new_old = pose_world @ np.linalg.inv(item.pose_world)
    moved: list[ObjectState] = []
    for other in scene.objects:
        if other.id in names:
            new_pose = T_new_old @ other.pose_world
            if into is not None:
                new_pose = other.pose_world.copy()
                new_pose[:2, 3] = into.position_world[:2]
                new_pose[2, 3] = into.top_m - into.cavity_depth_m + float(other.size_m[2]) / 2
            other = replace(other, pose_world=new_pose)
        moved.append(other)
    return moved


def _slid(item: ObjectState, pose_world: Float[np.ndarray, "4 4"], scene: SceneState) -> list[ObjectState]:
    """A drawer along its axis as far as the hand went, and all that is in it."""
    assert item.fixture is not None  # the caller has looked
    slide = item.fixture.slide
    if slide is None or item.opening_m is None:
        return list(scene.objects)
    axis = item.pose_world[:3, :3] @ np.array(slide.axis)
    wanted_m = item.opening_m + float(axis @ (pose_world[:3, 3] - item.position_world))
    opening_m = float(np.clip(wanted_m, 0.0, slide.travel_m))
    names = {other.id for other in moving_along(item, scene)}
    by = axis * (opening_m - item.opening_m)
    shifted = [replace(o, pose_world=_shifted(o.pose_world, by)) if o.id in names else o for o in scene.objects]
    return [replace(o, opening_m=opening_m) if o.id == item.id else o for o in shifted]


def _shifted(pose_world: Float[np.ndarray, "4 4"], by: Float[np.ndarray, "3"]) -> Float[np.ndarray, "4 4"]:
    moved = pose_world.copy()
    moved[:3, 3] += by
    return moved


def _let_fall(item: ObjectState, objects: Sequence[ObjectState], scene: SceneState) -> ObjectState:
    """The object where it comes to rest when let go a little above: on what is under its middle."""
    x, y = float(item.position_world[0]), float(item.position_world[1])
    floors_m = [scene.table.height_m if scene.table is not None else item.bottom_m]
    footprint = make_footprint(item)
    tops_m = [o.top_m for o in objects if o.cavity_depth_m <= 0.0 and o.id != item.id and _is_over(footprint, o)]
    # Across the gap between two, nothing is under the middle.
    floors_m += sorted(tops_m)[-2:-1]
    for other in objects:
        if other.id != item.id and make_footprint(other).inside_m(x, y) > 0.0:
            floors_m.append(other.top_m - other.cavity_depth_m)
    # Perceived heights err by millimetres; what is clearly above the object does not carry it.
    under_m = max(floor for floor in floors_m if floor <= item.bottom_m + ABOVE_M or floor == floors_m[0])
    pose_world = item.pose_world.copy()
    pose_world[2, 3] -= item.bottom_m - under_m
    return replace(item, pose_world=pose_world)


def _is_over(footprint: Footprint, other: ObjectState) -> bool:
    return gap_m(footprint, make_footprint(other)) < -OVERLAP_M


def _rest_pose(model: RobotModel) -> BodyState:
    """A robot that is not there yet is taken to rest in its look pose, hand open."""
    look = np.array(model.description.look_rad)
    return BodyState(
        model.description.arm_joints, look, np.zeros(len(look)), model.description.gripper.max_width_m, held=None
    )
