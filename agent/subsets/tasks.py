"""Tasks under a condition: the same scenes and goals, said with colours and said without.

In:  a Condition, a family, a seed.
Out: TaskFound: success on truth, how the run ended and why, whether anything that came out was not finite.

A sentence without colours names things by kind, size and place, as a person does who is asked "which one?". It is made
from the drawn scene with all colours taken away; where that cannot name them, the task cannot be said without colours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...perception.types import UNKNOWN_COLOR, ObjectState, SceneState, SensorFrame
from ...planning.planner import Planner
from ...planning.references import describe
from ...planning.scene_graph import make_scene_graph
from ...planning.types import Problem
from ...sim.tasks.episodes import Episode as DrawnTask
from ...sim.tasks.episodes import draw_episode
from ...sim.tasks.start import make_start_state
from ..assignment import Assignment, Sentence
from ..config import make_run_config
from ..episode import Episode, EpisodeResult
from ..observers import Observer
from ..runtime import EndedBy
from .conditions import Condition

JITTERS, JITTER_M, JITTER_SIZE = 6, 0.008, 0.02
FAMILIES = ("put_in", "stack", "spatial", "pick_up", "put_on")
IN_WORDS = {
    "in": "put {} in {}",
    "on": "put {} on {}",
    "left_of": "put {} left of {}",
    "right_of": "put {} right of {}",
    "in_front_of": "put {} in front of {}",
    "behind": "put {} behind {}",
    "next_to": "put {} next to {}",
    "holding": "pick up {}",
}


@dataclass(frozen=True, slots=True)
class TaskFound:
    """What became of one task. `is_asked`: it ended with a question about colours."""

    family: str
    seed: int
    command: str
    success: bool
    ended_by: str
    is_asked: bool
    detail: str
    is_finite: bool


class _Finite(Observer):
    """Looks at every number of every scene."""

    def __init__(self) -> None:
        self.holds = True

    def on_scene(self, frame: SensorFrame, scene: SceneState) -> None:
        self.holds &= is_finite(scene)


def is_finite(scene: SceneState) -> bool:
    """Whether every number that the scene states is one."""
    things = (*scene.objects, *scene.zones)
    values: list[Any] = [v for o in things for v in (o.pose_world, o.covariance, o.size_m, o.color_rgb, o.existence)]
    values += [h.health for h in scene.health]
    values += [] if scene.table is None else [scene.table.height_m, scene.table.height_std_m, scene.table.bounds_world]
    values += [] if scene.body is None else [scene.body.positions_rad, scene.body.gripper_width_m]
    return all(bool(np.isfinite(value).all()) for value in values)


def draw_colorless(family: str, seed: int, planner: Planner) -> DrawnTask | None:
    """The task of that seed, said without colours; None where kind, size and place name no things clearly."""
    drawn = draw_episode(family, seed)
    state = make_start_state(drawn.scene)
    blank = replace(state, objects=tuple(replace(o, color=UNKNOWN_COLOR) for o in state.objects))
    graph = make_scene_graph(blank)
    (fact,) = drawn.goal
    things = [blank.find(name) for name in fact.args]
    words = [describe(thing, graph) for thing in things if thing is not None]
    if len(words) < len(things):
        return None
    command = IN_WORDS[fact.predicate.value].format(*words)
    rng = np.random.default_rng([seed, 0x5B5])
    seen = [blank, *(_jittered(blank, rng) for _ in range(JITTERS))]
    meant = [planner.understand(command, scene) for scene in seen]
    if any(isinstance(task, Problem) or task.goal != drawn.goal for task in meant):
        return None
    return replace(drawn, command=command, others=())


def _jittered(scene: SceneState, rng: np.random.Generator) -> SceneState:
    """As somebody sees it who does not measure: what is left of what must be plain."""
    objects: list[ObjectState] = []
    for item in scene.objects:
        pose_world = item.pose_world.copy()
        pose_world[:2, 3] += rng.normal(0.0, JITTER_M, 2)
        objects.append(replace(item, pose_world=pose_world, size_m=item.size_m * (1.0 + rng.normal(0.0, JITTER_SIZE))))
    return replace(scene, objects=tuple(objects))


def run_task(drawn: DrawnTask, condition: Condition) -> TaskFound:
    """One run, judged on truth."""
    config = make_run_config(command=drawn.command, seed=drawn.seed, device="cpu")
    watch = _Finite()
    with Episode(config, stage=lambda _: drawn.scene) as episode:
        faults = condition.faults()
        if faults is not None:
            episode.parts.robot.inject(faults)  # type: ignore[attr-defined]
        result = episode.run(watch, Assignment((Sentence(drawn.command, drawn.goal),), drawn.max_steps))
    return _found(drawn, result, watch.holds)


def _found(drawn: DrawnTask, result: EpisodeResult, is_finite: bool) -> TaskFound:
    record = result.record
    is_asked = record.problem is not None and record.problem.kind.value == "ambiguous"
    ended_by = (record.ended_by or EndedBy.ROBOT_ERROR).value
    return TaskFound(
        drawn.family,
        drawn.seed,
        drawn.command,
        result.success,
        ended_by,
        is_asked,
        "" if result.success else record.detail,
        is_finite,
    )
