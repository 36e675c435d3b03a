"""A tiny symbolic world: it executes plan steps by moving objects at once, and fails now and then."""

from dataclasses import replace

import numpy as np
from verbot.perception.types import ObjectState, SceneState
from verbot.planning.containment import contents_of
from verbot.planning.placement import goal_region
from verbot.planning.types import TABLE, Action, Fact, NoMotion, NoMotionReason, PlanStep, Predicate, Verdict

ALLOWED = Verdict(True, (), None)


class SymbolicWorld:
    """Holds the true scene. `failure_rate` is how often a grasp misses or a held object is dropped."""

    def __init__(self, scene: SceneState, rng: np.random.Generator, failure_rate: float) -> None:
        self.scene = scene
        self.log: list[PlanStep] = []
        self._rng, self._failure_rate = rng, failure_rate

    def take(self, step: PlanStep) -> NoMotion | str | None:
        """Execute; NoMotion when geometry says no, a sentence when something went wrong, None when all went well."""
        self.log.append(step)
        if step.action is Action.LOOK:
            return None
        item = self.scene.find(step.object_id or "")
        assert item is not None
        assert self.scene.body is not None
        if step.action is Action.PICK:
            assert self.scene.body.held is None, "picked with a full hand"
            assert not contents_of(item, self.scene, without=""), "picked what carries something"
            if self._fails():
                return "the fingers closed on nothing"
            self._hold(item)
            return None
        assert self.scene.body.held == item.id, "placed what is not held"
        return self._place(step, item)

    def _place(self, step: PlanStep, item: ObjectState) -> NoMotion | str | None:
        assert step.relation is not None
        fact = Fact(step.relation, (item.id, step.target_id or TABLE))
        also = tuple(f for f in step.effects if f != fact and f.predicate is not Predicate.HOLDING)
        region = goal_region(fact, self.scene, also=also)
        if not region.spots:
            return NoMotion(NoMotionReason.NO_PLACE, "no free place", region.blocked_by)
        if self._fails():
            aside = goal_region(Fact(Predicate.ON, (item.id, TABLE)), self.scene).spots
            spot = aside[int(self._rng.integers(len(aside)))]
            self._put(item, spot.x_m, spot.y_m, 0.0)
            return f"{item.id} slipped out"
        spot = region.spots[0]
        self._put(item, spot.x_m, spot.y_m, spot.support_m)
        return None

    def _fails(self) -> bool:
        return self._rng.random() < self._failure_rate

    def _hold(self, item: ObjectState) -> None:
        pose = item.pose_world.copy()
        pose[2, 3] = 0.35
        self._set(replace(item, pose_world=pose), item.id)

    def _put(self, item: ObjectState, x: float, y: float, support: float) -> None:
        pose = item.pose_world.copy()
        noise = self._rng.normal(0.0, 0.001, 2)
        pose[:3, 3] = (x + noise[0], y + noise[1], support + item.size_m[2] / 2)
        self._set(replace(item, pose_world=pose), None)

    def _set(self, item: ObjectState, held: str | None) -> None:
        assert self.scene.body is not None
        objects = tuple(item if o.id == item.id else o for o in self.scene.objects)
        body = replace(self.scene.body, held=held)
        self.scene = replace(self.scene, objects=objects, body=body, time_s=self.scene.time_s + 1.0)
