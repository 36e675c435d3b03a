"""Everything that a sentence allows: "a block" is done with any block.

In:  Parsed (language.py) and a SceneGraph.
Out: the Tasks that do what was said, whichever object each "a", "any" or "some" is taken to mean.

The robot chooses one of them; whoever judges must accept each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from .grounding import ground
from .language import Parsed
from .robot_description import GripperDescription
from .scene_graph import SceneGraph
from .types import Problem, Task

MAX_CHOSEN = 2
"""How many free choices one sentence is looked through for: "put a block in a bowl"."""


def find_meanings(parsed: Parsed, graph: SceneGraph, gripper: GripperDescription) -> tuple[Task, ...]:
    """Each different task once, the robot's own first; none where the sentence means nothing here."""
    found: dict[object, Task] = {}
    for chosen in _choices(graph):
        task = ground(parsed, replace(graph, chosen=frozenset(chosen)), gripper)
        if isinstance(task, Problem):
            if not chosen:
                return ()
            continue
        found.setdefault(task.stages, task)
        if len(chosen) == MAX_CHOSEN and len(found) == 1:
            break  # nothing was left to choose
    return tuple(found.values())


def _choices(graph: SceneGraph) -> Iterator[tuple[str, ...]]:
    ids = [o.id for o in (*graph.objects, *graph.zones)]
    for count in range(MAX_CHOSEN + 1):
        yield from combinations(ids, count)
