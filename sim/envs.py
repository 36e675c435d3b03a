"""Verbot's tasks as Gymnasium environments: importing this module registers `verbot/<Task>-v0` for every family.

In:  `gymnasium.make("verbot/PutIn-v0", control="ee_delta", …)`.
Out: TaskEnv (sim/task_env.py) or ReachEnv (sim/reach_env.py), loaded with physics and sensors when one is made.
docs/gym.md shows how to use them. Foreign environments as suites are sim/foreign_envs.py.
"""

from __future__ import annotations

import gymnasium

from .tasks.families import FAMILIES

NAMESPACE = "verbot"
REACH_ID = f"{NAMESPACE}/Reach-v0"


def task_id(family: str) -> str:
    """The id of a family's environment: `put_in` is verbot/PutIn-v0."""
    return f"{NAMESPACE}/{''.join(word.capitalize() for word in family.split('_'))}-v0"


TASK_IDS = {task_id(family): family for family in FAMILIES}

for _id, _family in TASK_IDS.items():
    gymnasium.register(_id, entry_point="verbot.sim.task_env:TaskEnv", kwargs={"family": _family})
gymnasium.register(REACH_ID, entry_point="verbot.sim.reach_env:ReachEnv")
