"""Kinds of action as wrappers: an environment made with any control is driven by joints, the hand or keyframes.

In:  a `verbot/<Task>-v0` environment, however wrapped.
Out: the same environment with another action space; docs/gym.md has the meaning of the numbers.
`control=` of `gymnasium.make` does the same; a wrapper suits code that is handed an environment made elsewhere.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from .env_observations import Observation
from .task_env import EnvError, TaskEnv


class _Driven(gymnasium.Wrapper[Observation, np.ndarray, Observation, np.ndarray]):
    """An environment with actions of one kind; the running episode, if there is one, is over."""

    control: str

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        task = env.unwrapped
        if not isinstance(task, TaskEnv):
            raise EnvError(
                f"{type(self).__name__} drives the task environments of Verbot, got {type(task).__name__}. "
                'Make one with gymnasium.make("verbot/PutIn-v0").'
            )
        task.use_control(self.control)
        self.action_space = task.action_space


class JointActions(_Driven):
    """Each joint's target: -1 its lower limit, 1 its upper one."""

    control = "joint"


class JointDeltaActions(_Driven):
    """Each joint's target moves by up to 1 rad/s."""

    control = "joint_delta"


class HandDeltaActions(_Driven):
    """The tool's target moves by up to 0.25 m/s and turns by up to 1 rad/s."""

    control = "ee_delta"


class KeyframeActions(_Driven):
    """A pose of the tool, gone to by the motion planner, and an opening."""

    control = "keyframe"
