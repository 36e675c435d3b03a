"""Any Gymnasium environment with a text command as a suite: one task per environment, judged by the environment.

In:  GymTask values: which environment, where its sentence is found, what counts as success.
Out: GymSuite, which runs its episodes itself (agent/evaluation/run_job.py: EpisodeSuite).
Environments are made anew for every episode and seeded with it, so an episode
depends on nothing but its task, seed and policy. docs/foreign_suites.md shows a worked example.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..perception.plugin_spec import PluginSpec
from .env_film import EnvFilm

RANDOM = "random"
NO_PERCEIVER = ("fused", "none")  # the default of `verbot eval`, and its honest name here
MAX_STEPS = 10_000


class GymTask(BaseModel):
    """One environment as a task.

    `env` is a registered id; `module:Id-v0` imports the module that registers it first.
    `command` says where the sentence is: "observation.KEY", "info.KEY" (both as reset gives them),
    "attribute.NAME" of the environment, or "text:" and the sentence itself.
    `success`: "reward" (ended by the environment with a last reward above 0), "return > NUMBER" (of all rewards),
    or "info.KEY" (true in the last step's info). `score`: "success" (0 or 1), "reward" (the last one), "return" or
    "info.KEY", cut to 0–1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    env: str
    kwargs: dict[str, Any] = Field(default_factory=dict)
    command: str = Field(default="observation.mission", pattern=r"^((observation|info|attribute)\.\w+|text:.+)$")
    success: str = Field(default="reward", pattern=r"^(reward|return > -?[0-9.]+|info\.\w+)$")
    score: str = Field(default="success", pattern=r"^(success|reward|return|info\.\w+)$")
    max_steps: int = Field(default=1000, ge=1, le=MAX_STEPS)
    """The environment's own limit may end an episode sooner."""
    step_s: float | None = Field(default=None, gt=0.0)
    """What one step lasts in the environment's world; None: it has no clock, and the deadline does not apply."""


class GymSuiteConfig(BaseModel):
    """The tasks, in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: tuple[GymTask, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_differ(self) -> GymSuiteConfig:
        names = [task.name for task in self.tasks]
        if len(set(names)) < len(names):
            raise ValueError("two tasks have one name; give each its own")
        return self


@runtime_checkable
class EnvPolicy(Protocol):
    """What chooses the actions of a foreign environment; offered by an entry point of `verbot.env_policies`."""

    def reset(self, seed: int) -> None:
        """Start an episode, after the environment's own reset; all randomness comes from this seed."""
        ...

    def act(self, observation: Any, command: str) -> Any:
        """The action for this observation; it must lie in the environment's action space."""
        ...


@runtime_checkable
class Request(Protocol):
    """What of an EpisodeRequest is looked at here."""

    task: str
    seed: int
    policy: str
    deadline_s: float
    picture: Path | None
    film: Path | None


class GymError(ValueError):
    """A task, a policy or an environment cannot be used; one line."""


MakePolicy = Callable[[Any], EnvPolicy]  # environment → policy
FindPolicy = Callable[[str], MakePolicy]  # name → how to make it; raises ValueError where there is none


@dataclass(slots=True)
class GymSuite:
    """Tasks of gymnasium. `random` is always there; other policies come from `bind_policies`."""

    config: GymSuiteConfig
    controls: tuple[str, ...] = (RANDOM,)
    _find_policy: FindPolicy | None = field(default=None, repr=False)

    @property
    def families(self) -> tuple[str, ...]:
        """Names of the tasks, in order."""
        return tuple(task.name for task in self.config.tasks)

    def bind_policies(self, find: FindPolicy) -> None:
        """Who knows the installed environment policies says how to find one."""
        self._find_policy = find

    def check(self, policy: str, perceiver: str, settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Raise ValueError when this cannot be run; asked before anything is."""
        if perceiver not in NO_PERCEIVER:
            raise GymError(f"A suite of environments has no perceiver '{perceiver}'. Leave --perceiver out.")
        self._policy_maker(policy)
        for task in self.config.tasks:
            with contextlib.closing(_make_env(task, None)) as env:
                observation, info = env.reset(seed=0)
                _read_command(task, env, observation, info)

    def run_episode(self, request: Request) -> dict[str, Any]:
        """One episode from its seed; what the record of an evaluation asks for."""
        task = self._task(request.task)
        wants_pictures = request.picture is not None or request.film is not None
        env = _make_env(task, "rgb_array" if wants_pictures else None)
        with contextlib.closing(env):
            film = EnvFilm(env, request.picture, request.film)
            episode = _Episode(task, env, film)
            episode.run(self._policy_maker(request.policy), request.seed, request.deadline_s)
            return episode.values()

    def _task(self, name: str) -> GymTask:
        for task in self.config.tasks:
            if task.name == name:
                return task
        raise GymError(f"No task '{name}' in this suite, expected one of {', '.join(self.families)}.")

    def _policy_maker(self, name: str) -> MakePolicy:
        if name == RANDOM:
            return _RandomActions
        if self._find_policy is None:
            raise GymError(f"This suite knows no policy '{name}', only '{RANDOM}'. Choose that one.")
        try:
            return self._find_policy(name)
        except ValueError as error:
            raise GymError(f"{error} The policy '{RANDOM}' is always there.") from error


class _Episode:
    """One episode under way, and what it came to."""

    def __init__(self, task: GymTask, env: Any, film: EnvFilm) -> None:
        self._task, self._env, self._film = task, env, film
        self._command, self._ended_by, self._detail, self._error = "", "deadline", "", None
        self._num_steps, self._reward, self._return, self._info = 0, 0.0, 0.0, {}
        self._terminated, self._is_cut = False, False

    def run(self, make_policy: MakePolicy, seed: int, deadline_s: float) -> None:
        """Reset, act and step to the end. A policy that raises ends the episode, not the evaluation."""
        observation, self._info = self._env.reset(seed=seed)
        self._command = _read_command(self._task, self._env, observation, self._info)
        self._film.look()
        try:
            policy = make_policy(self._env)
            policy.reset(seed)
            while not self._is_over(deadline_s):
                action = _checked_action(policy.act(observation, self._command), self._env.action_space)
                observation = self._step(action)
        except _EnvError as error:
            raise error.error from None
        except Exception as error:  # a stranger's code
            self._ended_by, self._detail = "policy_error", f"The policy raised {type(error).__name__}: {error}"
            self._error = traceback.format_exc()

    def values(self) -> dict[str, Any]:
        """For the record."""
        success = self._ended_by != "policy_error" and self._succeeded()
        criterion = {"name": f"{self._task.success} of {self._task.env}", "met": success, "value": float(success)}
        detail = self._detail or f"{self._num_steps} steps, return {self._return:.3f}"
        return {
            "command": self._command,
            "success_truth": success,
            "score": self._score(success),
            "ended_by": self._ended_by,
            "failure": "misplaced" if self._ended_by == "done" and not success else None,
            "detail": detail,
            "criteria": [{**criterion, "margin_m": None, "reason": "as the environment says"}],
            "time_s": None if self._task.step_s is None else round(self._num_steps * self._task.step_s, 6),
            "error": self._error,
            **self._film.finish(),
        }

    def _step(self, action: Any) -> Any:
        try:
            observation, reward, terminated, truncated, self._info = self._env.step(action)
        except Exception as error:
            raise _EnvError(error) from error  # the environment broke, not the policy
        self._num_steps += 1
        self._reward, self._return = float(reward), self._return + float(reward)
        self._terminated = bool(terminated)
        if terminated:
            self._ended_by = "done"
        self._is_cut = bool(truncated)
        self._film.look()
        return observation

    def _is_over(self, deadline_s: float) -> bool:
        step_s = self._task.step_s
        is_late = step_s is not None and self._num_steps * step_s >= deadline_s
        return self._terminated or self._is_cut or is_late or self._num_steps >= self._task.max_steps

    def _succeeded(self) -> bool:
        criterion = self._task.success
        if criterion == "reward":
            return self._terminated and self._reward > 0.0
        if criterion.startswith("return"):
            return self._return > float(criterion.split(">")[1])
        return bool(self._info.get(criterion.removeprefix("info."), False))

    def _score(self, success: bool) -> float:
        kind = self._task.score
        values = {"success": float(success), "reward": self._reward, "return": self._return}
        value = values[kind] if kind in values else float(self._info.get(kind.removeprefix("info."), 0.0))
        return round(float(np.clip(value, 0.0, 1.0)), 6) if np.isfinite(value) else 0.0


class _EnvError(Exception):
    """Carries what the environment raised past the policy's own errors."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class _RandomActions:
    """Actions drawn evenly from the action space."""

    def __init__(self, env: Any) -> None:
        self._space = env.action_space

    def reset(self, seed: int) -> None:
        """The space has its own generator."""
        self._space.seed(seed)

    def act(self, observation: Any, command: str) -> Any:
        """Looks at nothing."""
        return self._space.sample()


def _make_env(task: GymTask, render_mode: str | None) -> Any:
    import gymnasium

    try:
        # Without the passive checker: it warns of what the suite cannot change, once a process, at the first episode.
        env = gymnasium.make(task.env, disable_env_checker=True, **task.kwargs)
        if render_mode is not None and render_mode in (env.metadata or {}).get("render_modes", ()):
            env.close()
            env = gymnasium.make(task.env, disable_env_checker=True, render_mode=render_mode, **task.kwargs)
    except (gymnasium.error.Error, ImportError, TypeError) as error:
        raise GymError(f"Task '{task.name}': no environment '{task.env}': {error}. Correct `env`.") from error
    return env


def _read_command(task: GymTask, env: Any, observation: Any, info: Mapping[str, Any]) -> str:
    kind, _, name = task.command.partition(".")
    if task.command.startswith("text:"):
        return task.command.removeprefix("text:").strip()
    if kind == "attribute":
        found = getattr(env.unwrapped, name, None)
    else:
        source = observation if kind == "observation" else info
        found = source.get(name) if isinstance(source, Mapping) else None
    if not isinstance(found, str) or not found:
        raise GymError(
            f"Task '{task.name}' says that the sentence is at {task.command}, but there is {type(found).__name__}. "
            "Name where the environment keeps its text."
        )
    return found


def _checked_action(action: Any, space: Any) -> Any:
    """The action as the space's own type; raises where it lies outside."""
    if isinstance(action, np.ndarray | list | tuple) and getattr(space, "dtype", None) is not None:
        action = np.asarray(action, dtype=space.dtype)
    if not space.contains(action):
        raise GymError(f"The action {action!r} lies outside {space}.")
    return action


GYM = PluginSpec("gym", GymSuiteConfig, GymSuite, "any Gymnasium environments with a text command, named in TOML")
