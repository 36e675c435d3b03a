"""What outcomes teach the planner within an episode.

In:  Outcomes.
Out: Learned facts for the search, tries so far for the policy, and the reasons met, for the last word.
A refused or infeasible step is tried in at most MAX_ATTEMPT + 1 ways and then never again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from .plan_steps import key_of
from .rules import is_zone
from .search import Learned, StepKey
from .types import TABLE, Action, NoMotionReason, Outcome, OutcomeKind

MAX_ATTEMPT = 3
STROKES = (Action.PUSH, Action.SWEEP)


class Lessons:
    """Filled by `learn`, in the order of the outcomes."""

    def __init__(self) -> None:
        self.attempts: dict[StepKey, int] = {}
        self.refusals: list[str] = []
        self.failures: list[str] = []
        self.num_strokes = 0
        self._forbidden: set[StepKey] = set()
        self._requires: dict[StepKey, frozenset[str]] = {}
        self._asked: dict[StepKey, Counter[str]] = {}

    def learn(self, outcome: Outcome) -> None:
        """Remember what must be done differently."""
        step = outcome.step
        if step.object_id is None:
            if outcome.kind in (OutcomeKind.REFUSED, OutcomeKind.INFEASIBLE):
                self.failures.append(outcome.detail)
            return
        if outcome.kind is OutcomeKind.DONE:
            # It stands elsewhere now; whether it is still in the way, geometry says.
            self._requires = {key: names - {step.object_id} for key, names in self._requires.items()}
            return
        key = key_of(step)
        if outcome.kind is OutcomeKind.MISSED and step.action in STROKES:
            # It lies elsewhere now, from where the best way is the best again.
            self.num_strokes += 1
            return
        if outcome.kind in (OutcomeKind.MISSED, OutcomeKind.STOPPED):
            # The motion was allowed; the next try only varies it.
            self.attempts[key] = min(self.attempts.get(key, 0) + 1, MAX_ATTEMPT)
            return
        if outcome.no_motion is not None and outcome.no_motion.reason is NoMotionReason.NOT_SEEN:
            # Nothing is wrong with the step: a look must come first.
            self.failures.append(outcome.detail)
            return
        if outcome.kind is OutcomeKind.REFUSED:
            self.refusals.append(outcome.detail)
        else:
            self.failures.append(outcome.detail)
        in_the_way = self._new_obstacles(outcome, key)
        if in_the_way:
            self._requires[key] = self._requires.get(key, frozenset[str]()) | in_the_way
            self._asked.setdefault(key, Counter()).update(in_the_way)
        else:
            self._vary(key)

    def learned(self, obstacles: Mapping[StepKey, frozenset[str]]) -> Learned:
        """For the search; `obstacles` are those that the scene shows by itself."""
        requires = dict(obstacles)
        for key, names in self._requires.items():
            requires[key] = requires.get(key, frozenset[str]()) | names
        return Learned(frozenset(self._forbidden), requires)

    def insist(self, outcome: Outcome | None) -> None:
        """What stands in the way stays there: forget it and vary the step instead."""
        self._requires.clear()
        if outcome is not None and outcome.kind is OutcomeKind.INFEASIBLE and outcome.step.object_id is not None:
            self._vary(key_of(outcome.step))

    def _vary(self, key: StepKey) -> None:
        tries = self.attempts.get(key, 0)
        if tries >= MAX_ATTEMPT:
            self._forbidden.add(key)
        self.attempts[key] = min(tries + 1, MAX_ATTEMPT)

    def _new_obstacles(self, outcome: Outcome, key: StepKey) -> frozenset[str]:
        """Things in the way that were never asked to be moved for this step before; for a stroke, not twice."""
        no_motion = outcome.no_motion
        if no_motion is None:
            return frozenset()
        own = {outcome.step.object_id, outcome.step.target_id, TABLE}
        movable = frozenset(n for n in no_motion.blocked_by if n not in own and not is_zone(n))
        # Put aside, a thing may be in the way of another stroke.
        asked, limit = self._asked.get(key, Counter[str]()), 2 if key.action in STROKES else 1
        return frozenset(name for name in movable if asked[name] < limit)
