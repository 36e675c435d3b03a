"""The scene as the task search sees it, and what stands in the way of its goals.

In:  SceneState, goal facts, ontology, gripper.
Out: Situation; obstacles by step.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ..perception.types import SceneState
from .knowledge import Ontology
from .placement import goal_region
from .relations import ALONE, evaluate, support_of
from .robot_description import GripperDescription
from .search import BESIDE, REMEMBERED, Situation, StepKey
from .types import EVENTS, TABLE, Action, Fact, Predicate


def make_situation(
    scene: SceneState,
    goals: Collection[Fact],
    ontology: Ontology,
    gripper: GripperDescription,
    manners: Mapping[Fact, Action] | None = None,
    happened: Collection[Fact] = (),
) -> Situation:
    """What rests on what, what can be moved, and which goals hold already or have `happened`."""
    held = scene.body.held if scene.body is not None else None
    loose = [item for item in scene.objects if item.fixture is None]
    supports: dict[str, str | None] = {item.id: support_of(item, scene) for item in loose}
    if held is not None:
        supports[held] = None
    return Situation(
        supports=supports,
        held=held,
        solid=frozenset(item.id for item in loose if item.cavity_depth_m <= 0.0),
        movable=frozenset(o.id for o in scene.objects if ontology.why_not_graspable(o, gripper) is None),
        true_facts=frozenset(fact for fact in goals if fact in happened or evaluate(fact, scene).value),
        manners=manners or {},
        sliding=frozenset(o.id for o in scene.objects if o.fixture is not None and o.fixture.slide is not None),
        opened=frozenset(o.id for o in scene.objects if evaluate(Fact(Predicate.OPEN, (o.id,)), scene).value),
        shut=frozenset(o.id for o in scene.objects if evaluate(Fact(Predicate.CLOSED, (o.id,)), scene).value),
    )


def _is_unsettled(fact: Fact, moving: Collection[str]) -> bool:
    """Whether the place is not known yet, because what it is beside will move."""
    return fact.predicate not in REMEMBERED and fact.args[1] in moving


def obstacles(scene: SceneState, goals: Sequence[Fact], situation: Situation) -> dict[StepKey, frozenset[str]]:
    """For each place without a free spot: what would have to go. Places beside moving things are not judged."""
    open_goals = [fact for fact in goals if fact not in situation.true_facts]
    moving = {fact.args[0] for fact in open_goals}
    found: dict[StepKey, frozenset[str]] = {}
    done: set[str] = set()
    for fact in open_goals:
        name, is_beside = fact.args[0], fact.predicate in BESIDE
        is_place = fact.predicate not in ALONE and fact.predicate not in EVENTS
        if not is_place or _is_unsettled(fact, moving) or (is_beside and name in done):
            continue
        if fact.predicate is Predicate.ON and (fact.args[1] == TABLE or fact.args[1] in situation.solid):
            continue  # the search itself clears what has room for one thing
        also = [f for f in open_goals if is_beside and f.args[0] == name and f.predicate in BESIDE and f != fact]
        region = goal_region(fact, scene, also=also)
        carrier = set[str]() if fact.predicate in REMEMBERED else {fact.args[1]}
        blocked = frozenset(region.blocked_by) - {name, *carrier}
        if not region.spots and blocked:
            found[StepKey(situation.manners.get(fact, Action.PLACE), name, fact.predicate.value, fact.args[1])] = (
                blocked
            )
        if is_beside:
            done.add(name)
    return found
