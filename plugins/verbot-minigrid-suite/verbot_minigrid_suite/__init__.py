"""An example suite of foreign environments: BabyAI levels, and minigrid's own bot as the upper end."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from verbot.perception.plugin_spec import PluginSpec

LEVELS = {
    "go_to_obj": "BabyAI-GoToObj-v0",
    "go_to_local": "BabyAI-GoToLocal-v0",
    "open_door": "BabyAI-OpenDoor-v0",
    "pick_up_loc": "BabyAI-PickupLoc-v0",
    "put_next": "BabyAI-PutNextLocalS5N3-v0",
}


class BabyAiConfig(BaseModel):
    """How long an episode may be; minigrid's own limit, made for the level, may end it sooner."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_steps: int = Field(default=500, ge=1, le=10_000)


class BotConfig(BaseModel):
    """Nothing to choose."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BabyAiBot:
    """Minigrid's planner. It looks at the true grid, not at the observation: a yardstick, not a competitor."""

    def __init__(self, env: Any) -> None:
        self._env = env
        self._bot: Any = None

    def reset(self, seed: int) -> None:
        """A new bot for the mission that the environment has just drawn."""
        from minigrid.utils.baby_ai_bot import BabyAIBot

        self._bot = BabyAIBot(self._env)
        self._former: Any = None

    def act(self, observation: Any, command: str) -> int:
        """The bot's next action; it is told which one was taken before."""
        self._former = self._bot.replan(self._former)
        return int(self._former)


def _build_suite(config: BabyAiConfig) -> Any:
    # Imported late: a spec must be cheap to import, and both gymnasium and minigrid are not.
    from verbot.sim.foreign_envs import GymSuite, GymSuiteConfig, GymTask

    tasks = tuple(
        # "minigrid:" lets gymnasium import the module that registers the level.
        GymTask(name=name, env=f"minigrid:{level}", score="reward", max_steps=config.max_steps)
        for name, level in LEVELS.items()
    )
    return GymSuite(GymSuiteConfig(tasks=tasks))


def _build_bot(config: BotConfig, env: Any) -> BabyAiBot:
    return BabyAiBot(env)


SUITE = PluginSpec("babyai", BabyAiConfig, _build_suite, "five BabyAI levels of minigrid, a world of its own")
BOT = PluginSpec("babyai_bot", BotConfig, _build_bot, "minigrid's own planner, which sees the whole grid")
