"""The expert's keyframes of one episode, worked out from the scene as it is drawn.

In:  an Episode of a table suite.
Out: LightEpisode: each step with the scene before it and its motion, or LeftOut with the reason.

Sentences are understood, planned and done as in a run; motion is made in jumps (policies/jumps.py), no rule book is
asked, and every step is imagined to go as intended. What is kept reaches the goal that the sentence means.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...perception.types import SceneState
from ...planning.planner import Planner
from ...planning.relations import evaluate
from ...planning.robot_model import RobotModel
from ...planning.rules import write_zone
from ...planning.types import EVENTS, Fact, PlanStatus, PlanStep, Task, Trajectory, Verdict
from ...policies.jumps import make_keyframe_policy
from ...sim.tasks.episodes import Episode
from ...sim.tasks.start import make_start_state
from ..rehearsal import CheckedStep, rehearse


@dataclass(frozen=True, slots=True)
class LightEpisode:
    """`steps` are in order, each with the number of its sentence."""

    episode: Episode
    steps: tuple[tuple[int, CheckedStep], ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """No demonstration of this episode, and why."""

    episode: Episode
    reason: str


class LightExpert:
    """One robot's expert; keeps nothing from one episode to the next."""

    def __init__(self, model: RobotModel) -> None:
        self.model = model
        self._policy = make_keyframe_policy(model)

    def demonstrate(self, episode: Episode) -> LightEpisode | LeftOut:
        """All sentences of the episode, one after the other in the same world."""
        state = make_start_state(episode.scene)
        zones = tuple(write_zone(zone) for zone in episode.scene.keep_out)
        planner = Planner(self.model.description, looks=episode.scene.looks)
        steps: list[tuple[int, CheckedStep]] = []
        sentences = ((episode.command, episode.goal), *((said.command, said.goal) for said in episode.later))
        for number, (command, goal) in enumerate(sentences):
            checked = rehearse(
                command, state, planner, self._policy, _Unguarded(), self.model, seed=episode.seed, constraints=zones
            )
            if checked.problem is not None:
                return LeftOut(episode, checked.problem.message)
            if checked.plan is None or checked.plan.status is not PlanStatus.DONE:
                return LeftOut(episode, "no plan" if checked.plan is None else checked.plan.detail)
            # What could not be begun was planned again, and another way was found.
            done = [step for step in checked.steps if step.allowed and step.trajectory is not None]
            if not done:
                return LeftOut(episode, f"'{command}' asks for nothing that is not so already")
            steps += [(number, step) for step in done]
            state = replace(done[-1].after, time_s=0.0, seen_s=0.0)
            missed = [fact for fact in goal if not _holds(fact, state, done)]
            if missed:
                return LeftOut(episode, f"{missed[0]} does not hold in the end")
        return LightEpisode(episode, tuple(steps))


def _holds(fact: Fact, state: SceneState, done: list[CheckedStep]) -> bool:
    if fact.predicate in EVENTS:
        return any(fact in step.step.effects for step in done)
    return bool(evaluate(fact, state).value)


class _Unguarded:
    """Nothing that moves is checked here, because nothing moves."""

    def check(self, trajectory: Trajectory, scene: SceneState, task: Task, step: PlanStep) -> Verdict:
        """Allowed as it is."""
        return Verdict(True, (), trajectory)
