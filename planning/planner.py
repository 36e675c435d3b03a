"""The planning road: a sentence becomes a task, the task a plan, and every outcome a better plan.

In:  command and SceneState; later the plan so far and the Outcome of its current step.
Out: Task or Problem; Plan.

    understand: parse → scene graph → ground
    revise:     learn from the outcome → done? → advance, or search again from the scene as it is now

Same calls, same answers: nothing random, no clock. What refusals taught is kept until `reset`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..perception.types import SceneState
from ..perception.words.types import RegionWords
from .feasibility import lasting_facts
from .grounding import ground
from .knowledge import Ontology, load_ontology
from .language import Parsed, parse
from .lessons import STROKES, Lessons
from .lexicon import Lexicon, load_lexicon
from .meanings import find_meanings
from .piles import is_pile
from .plan_steps import in_words, look_step, make_steps
from .relations import evaluate
from .rewording import SURE, Reworded, may_be_reworded, reword
from .robot_description import RobotDescription
from .scene_graph import SceneGraph, make_scene_graph
from .search import search
from .situation import make_situation, obstacles
from .types import (
    EVENTS,
    PERSON,
    TABLE,
    Action,
    Fact,
    NamedLook,
    NoMotionReason,
    Outcome,
    OutcomeKind,
    Plan,
    PlanStatus,
    PlanStep,
    Problem,
    ProblemKind,
    Taken,
    Task,
)

MAX_REPLANS = 5
USUAL_STROKES = 8


class Planner:
    """One robot's planner. `description` says what its hand can hold, `looks` what else things here are called.

    `words` finds what is called by words beyond the lexicon; it is acted on from a score of `sure` on.
    """

    def __init__(
        self,
        description: RobotDescription,
        *,
        max_replans: int = MAX_REPLANS,
        ontology: Ontology | None = None,
        lexicon: Lexicon | None = None,
        looks: Sequence[NamedLook] = (),
        words: RegionWords | None = None,
        sure: float = SURE,
    ) -> None:
        self._gripper = description.gripper
        self._max_replans = max_replans
        self._ontology = (ontology or load_ontology()).with_looks(looks)
        self._lexicon = (lexicon or load_lexicon()).with_nouns([look.nouns for look in looks])
        self._words, self._sure = words, sure
        self._lessons = Lessons()

    def reset(self) -> None:
        """Forget what was learned: a new episode."""
        self._lessons = Lessons()

    def read(self, command: str) -> Problem | None:
        """What is wrong with the sentence alone, so that a robot need not look around for nothing."""
        parsed = parse(command, self._lexicon)
        if not isinstance(parsed, Problem):
            return None
        if parsed.kind is not ProblemKind.UNKNOWN_WORD or self._words is None:
            return parsed
        return None if may_be_reworded(command, self._lexicon, self._words) else parsed

    def understand(self, command: str, scene: SceneState) -> Task | Problem:
        """The goal facts that the command means in this scene."""
        graph = make_scene_graph(scene, self._ontology)
        read = self._read_in(command, graph)
        if isinstance(read, Problem):
            return read
        parsed, taken = read
        task = ground(parsed, graph, self._gripper)
        return task if isinstance(task, Problem) else replace(task, command=command, taken=taken)

    def meanings(self, command: str, scene: SceneState) -> tuple[Task, ...]:
        """Every task that does what was said, for who must judge it: "a block" may be any of them."""
        graph = make_scene_graph(scene, self._ontology)
        read = self._read_in(command, graph)
        return () if isinstance(read, Problem) else find_meanings(read[0], graph, self._gripper)

    def _read_in(self, command: str, graph: SceneGraph) -> tuple[Parsed, tuple[Taken, ...]] | Problem:
        """The sentence by the lexicon; where a word of it is strange, by what that looks like in the scene."""
        parsed = parse(command, self._lexicon)
        if not isinstance(parsed, Problem):
            return parsed, ()
        if parsed.kind is not ProblemKind.UNKNOWN_WORD or self._words is None:
            return parsed
        reworded = reword(command, graph, self._lexicon, self._words, self._sure)
        if not isinstance(reworded, Reworded):
            return reworded or parsed
        plain = parse(reworded.command, self._lexicon)
        return plain if isinstance(plain, Problem) else (plain, reworded.taken)

    def revise(self, task: Task, scene: SceneState, plan: Plan | None, outcome: Outcome | None) -> Plan:
        """The plan from here on; ended plans stay as they are."""
        if plan is None:
            return self._search(task, scene, Plan(()))
        if plan.status is not PlanStatus.RUNNING or outcome is None:
            return plan
        self._lessons.learn(outcome)
        plan = replace(plan, happened=plan.happened | _events_of(outcome))
        plan = replace(plan, stage=_stage(task, scene, plan.stage, plan.happened))
        if _is_done(task, scene, plan.stage, plan.happened):
            return replace(plan, index=len(plan.steps), status=PlanStatus.DONE, detail="every goal is seen to hold")
        missing = _missing(task, scene)
        if missing:
            return self._look_for(missing, task, plan, outcome)
        if outcome.kind is OutcomeKind.DONE and outcome.step.action is not Action.LOOK:
            return _advanced(plan, scene) or self._again(task, scene, plan, "a goal is not seen to hold", look=True)
        if outcome.kind is OutcomeKind.DONE:
            return self._search(task, scene, plan)
        if outcome.kind is OutcomeKind.MISSED and outcome.step.action in STROKES:
            # The arm is back from it and has looked; some strokes more are nothing unusual.
            is_usual = self._lessons.num_strokes <= USUAL_STROKES
            return self._again(task, scene, plan, outcome.detail, counted=not is_usual)
        # After a motion that failed things may lie elsewhere; what was not seen, a look may show.
        must_look = outcome.kind in (OutcomeKind.MISSED, OutcomeKind.STOPPED) or _was_unseen(outcome)
        return self._again(task, scene, plan, outcome.detail, look=must_look, counted=must_look, outcome=outcome)

    def _again(
        self,
        task: Task,
        scene: SceneState,
        plan: Plan,
        why: str,
        *,
        look: bool = False,
        counted: bool = True,
        outcome: Outcome | None = None,
    ) -> Plan:
        """Another plan from the scene as it is. After a motion that failed it begins with a look."""
        plan, why = replace(plan, replans=plan.replans + counted), _readable(why, task)
        if plan.replans > self._max_replans:
            detail = f"{self._max_replans} new plans were not enough; last: {why}"
            return replace(plan, status=PlanStatus.GAVE_UP, detail=detail)
        found = self._search(task, scene, plan, outcome)
        if not look or found.status is not PlanStatus.RUNNING:
            return found
        return replace(found, steps=(look_step(f"to see how things are now: {why}"), *found.steps))

    def _search(self, task: Task, scene: SceneState, plan: Plan, outcome: Outcome | None = None) -> Plan:
        """Search from the scene; `plan` gives the stage and the number of replans."""
        stage = _stage(task, scene, plan.stage, plan.happened)
        plan = replace(plan, steps=(), index=0, stage=stage, status=PlanStatus.RUNNING, detail="")
        if _is_done(task, scene, stage, plan.happened):
            return replace(plan, status=PlanStatus.DONE, detail="every goal is seen to hold")
        stages = _remaining_stages(task, stage)
        goals = frozenset(fact for facts in stages for fact in facts)
        situation = make_situation(scene, goals, self._ontology, self._gripper, task.manners, plan.happened)
        in_the_way = obstacles(scene, stages[0], situation)
        learned = self._lessons.learned(in_the_way)
        moves = search(situation, stages, learned)
        if moves is None and learned.requires:
            # What stands in the way cannot be moved either: let geometry try other poses.
            self._lessons.insist(outcome)
            learned = replace(self._lessons.learned({}), requires={})
            moves = search(situation, stages, learned)
        if not moves:
            return self._no_plan(plan, task, stages)
        steps = make_steps(moves, task.names, goals, learned, self._lessons.attempts)
        return replace(plan, steps=steps)

    def _no_plan(self, plan: Plan, task: Task, stages: list[tuple[Fact, ...]]) -> Plan:
        """The search found nothing more to propose: say why."""
        if self._lessons.refusals:
            return replace(plan, status=PlanStatus.REFUSED, detail=_readable(self._lessons.refusals[-1], task))
        goal = in_words(stages[0][0], task.names)
        failure = f": {_readable(self._lessons.failures[-1], task)}" if self._lessons.failures else ""
        return replace(plan, status=PlanStatus.NO_PLAN, detail=f"no way is left to get {goal}{failure}")

    def _look_for(self, missing: list[str], task: Task, plan: Plan, outcome: Outcome) -> Plan:
        """Goal objects are gone: look once, then say so."""
        names = " and ".join(task.names.get(name, name) for name in missing)
        plan = replace(plan, replans=plan.replans + 1, index=0)
        if outcome.step.action is Action.LOOK or plan.replans > self._max_replans:
            detail = f"{names} cannot be seen any more; put it where the cameras see it and ask again"
            return replace(plan, steps=(), status=PlanStatus.NO_PLAN, detail=detail)
        return replace(plan, steps=(look_step(f"to find {names} again"),))


def _readable(text: str, task: Task) -> str:
    """The text with people's words in place of object ids."""
    return re.sub(r"[\w-]+", lambda m: task.names.get(m[0], m[0]) if m[0] not in (TABLE, PERSON) else m[0], text)


def _events_of(outcome: Outcome) -> frozenset[Fact]:
    """What a step that was done has brought about for good."""
    effects = outcome.step.effects if outcome.kind is OutcomeKind.DONE else ()
    return frozenset(fact for fact in effects if fact.predicate in EVENTS)


def _holds(facts: Iterable[Fact], scene: SceneState, happened: frozenset[Fact]) -> bool:
    return all(fact in happened or evaluate(fact, scene).value for fact in facts)


def _stage(task: Task, scene: SceneState, stage: int, happened: frozenset[Fact]) -> int:
    """The first stage that is not yet seen to hold; never an earlier one than before."""
    while stage < len(task.stages) and _holds(task.stages[stage], scene, happened):
        stage += 1
    return stage


def _is_done(task: Task, scene: SceneState, stage: int, happened: frozenset[Fact]) -> bool:
    return stage >= len(task.stages) and _holds(lasting_facts(task.stages), scene, happened)


def _remaining_stages(task: Task, stage: int) -> list[tuple[Fact, ...]]:
    """The stages to come, each with what earlier ones brought about and no later one undoes."""
    stages: list[tuple[Fact, ...]] = []
    for index in range(min(stage, len(task.stages) - 1), len(task.stages)):
        stages.append(lasting_facts(task.stages[: index + 1]))
    return stages


def _missing(task: Task, scene: SceneState) -> list[str]:
    held = scene.body.held if scene.body is not None else None
    names = dict.fromkeys(name for fact in task.goal for name in fact.args if name in task.names and name != TABLE)
    if scene.person is not None:
        names.pop(PERSON, None)
    return [name for name in names if scene.find(name) is None and name != held and not is_pile(name)]


def _advanced(plan: Plan, scene: SceneState) -> Plan | None:
    """The next step that is still to be done, or None when none is left or its ground is gone."""
    index = plan.index + 1
    while index < len(plan.steps) and (length := _num_needless(plan.steps[index : index + 2], scene)):
        index += length
    if index >= len(plan.steps):
        return None
    held = scene.body.held if scene.body is not None else None
    step = plan.steps[index]
    needs_hand = step.action in (Action.PICK, Action.OPEN, Action.CLOSE)
    if (needs_hand and held is not None) or not all(_may_hold(fact, scene) for fact in step.preconditions):
        return None
    return replace(plan, index=index)


def _num_needless(steps: tuple[PlanStep, ...], scene: SceneState) -> int:
    """For how many of the next two steps the world has already done what they are for: a stroke, or pick and place."""
    first, second = steps[0], steps[-1]
    if first.action in STROKES:
        return int(all(evaluate(fact, scene).value for fact in first.effects))
    is_pair = first.action is Action.PICK and second.action is Action.PLACE and first.object_id == second.object_id
    return 2 if is_pair and all(evaluate(fact, scene).value for fact in second.effects) else 0


def _may_hold(fact: Fact, scene: SceneState) -> bool:
    return evaluate(fact, scene).value is not False


def _was_unseen(outcome: Outcome) -> bool:
    """Whether no motion was found for want of something that nobody has seen yet."""
    return outcome.no_motion is not None and outcome.no_motion.reason is NoMotionReason.NOT_SEEN
