"""Judging an episode on truth: is the goal met, how nearly, and what did the executed motion do wrong.

In:  the true world, watched after every step; goal facts with the scene's object names.
Out: Score with criteria and violations. docs/scoring.md states every tolerance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..perception.types import SceneState
from ..planning.containment import contents_of
from ..planning.piles import one_by_one
from ..planning.pouring import POUR_HOLD_S, tilt_rad
from ..planning.relations import evaluate
from ..planning.types import EVENTS, Fact, Predicate
from .pours import PourWatch
from .truth import truth
from .violations import Violation, ViolationWatch
from .world import World

UPRIGHT_RAD = 0.2
UNMET_SHARE = 0.5
"""What an unmet fact is worth at most, however near it came."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One goal fact. `value` is 1 when met, else up to 0.5 for the part of the way made since the start."""

    name: str
    met: bool
    value: float
    margin_m: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Score:
    """What an episode came to. `success`: every criterion met; violations are counted apart from it."""

    success: bool
    score: float
    criteria: tuple[Criterion, ...]
    violations: tuple[Violation, ...]
    time_s: float
    path_length_m: float
    source: str = "truth"


class Judge:
    """Lives in the simulated robot and sees every step; the agent never sees the judge before the end."""

    def __init__(self, watch: ViolationWatch, world: World) -> None:
        self._watch = watch
        self._world = world
        self._start: SceneState | None = None

    def begin(self) -> None:
        """An episode starts with the world as it is now."""
        self._start = truth(self._world)
        self._watch.begin()

    def mark(self) -> None:
        """A further sentence is said now: what it means, and the way to it, are judged from here."""
        self._start = truth(self._world, self._watch.time_s)
        self._watch.pours = PourWatch()

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing moves any more."""
        return all(self._world.is_at_rest(name) for name in self._world.objects)

    @property
    def start_scene(self) -> SceneState:
        """The true scene in which the command was given; what its words mean is judged in it."""
        if self._start is None:
            raise RuntimeError("The judge has seen no episode yet. Call reset(seed) of its robot first.")
        return self._start

    @property
    def gripped(self) -> tuple[str, ...]:
        """Every object that has been in the hand, in order; names what went wrong when it was the wrong one."""
        return self._watch.gripped

    def score(self, goal: tuple[Fact, ...], names: Mapping[str, str] | None = None) -> Score:
        """Judge the world as it is now; `names` maps scene names to a person's words, for reading only."""
        now = truth(self._world, self._watch.time_s)
        goal = tuple(one for fact in goal for one in one_by_one(fact, now))
        criteria = tuple(self._judge(fact, now, names or {}) for fact in goal)
        undone = {f.args[0] for f, c in zip(goal, criteria, strict=True) if f.predicate in EVENTS and not c.met}
        # What was only to be as before counts for nothing while that has not happened for which it was moved.
        criteria = tuple(
            replace(c, value=0.0) if f.predicate not in EVENTS and f.args[0] in undone and self._held_at_start(f) else c
            for f, c in zip(goal, criteria, strict=True)
        )
        value = float(np.mean([criterion.value for criterion in criteria])) if criteria else 0.0
        is_success = bool(criteria) and all(criterion.met for criterion in criteria)
        violations = self._watch.violations()
        return Score(is_success, value, criteria, violations, self._watch.time_s, self._watch.path_length_m)

    def _held_at_start(self, fact: Fact) -> bool:
        return evaluate(fact, self.start_scene).value is True

    def _judge_pour(self, fact: Fact, now: SceneState, name: str) -> Criterion:
        """Tilted over it for long enough, everything that was in the cup is in it now, and the cup stands again."""
        cup, into = fact.args
        contents = contents_of(item, self.start_scene, without="") if (item := self.start_scene.find(cup)) else []
        num_in = sum(evaluate(Fact(Predicate.IN, (o.id, into)), now).value is True for o in contents)
        poured_s = self._watch.pours.poured_s[cup, into]
        reason = self._why_unstable(fact, now)
        if poured_s < POUR_HOLD_S:
            reason = f"tilted over it for {poured_s:.1f} s, {POUR_HOLD_S:.1f} s are needed"
        elif num_in < len(contents):
            reason = f"{num_in} of {len(contents)} things that were in it are there now"
        elif reason is None and tilt_rad(self._world.object_pose(cup)) > UPRIGHT_RAD:
            reason = "it does not stand upright"
        share = num_in / len(contents) if contents else float(poured_s >= POUR_HOLD_S)
        return Criterion(name, reason is None, 1.0 if reason is None else UNMET_SHARE * share, None, reason or "holds")

    def _judge(self, fact: Fact, now: SceneState, names: Mapping[str, str]) -> Criterion:
        if fact.predicate is Predicate.POURED:
            words = ", ".join(names.get(argument, argument) for argument in fact.args)
            return self._judge_pour(fact, now, f"{fact.predicate.value}({words})")
        belief = evaluate(fact, now)
        unstable = self._why_unstable(fact, now)
        met = belief.value is True and unstable is None
        value = 1.0 if met else UNMET_SHARE * _part_of_way(evaluate(fact, self.start_scene).margin_m, belief.margin_m)
        words = ", ".join(names.get(argument, argument) for argument in fact.args)
        reason = "holds" if met else (unstable if belief.value is True else "does not hold")
        return Criterion(f"{fact.predicate.value}({words})", met, value, belief.margin_m, reason or "")

    def _why_unstable(self, fact: Fact, now: SceneState) -> str | None:
        """Why a fact that holds now would not last: the object is in the hand or still moving."""
        moved = fact.args[0]
        if moved not in self._world.objects and moved not in self._world.drawers:
            return f"there is no '{moved}' in this scene"
        if fact.predicate is Predicate.HOLDING:
            return None
        if now.body is not None and now.body.held == moved:
            return "still in the hand"
        return None if self._world.is_at_rest(moved) else "not at rest"


def _part_of_way(start_m: float | None, now_m: float | None) -> float:
    """How much of the missing margin was made up, 0–1."""
    if start_m is None or now_m is None or start_m >= 0.0:
        return 0.0
    return round(float(np.clip(1.0 - now_m / start_m, 0.0, 1.0)), 3) if now_m < 0.0 else 1.0
