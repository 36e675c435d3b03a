"""docs/gym.md says what the environments do: its example is run, its tables are compared."""

import re
import subprocess
import sys
from pathlib import Path

from verbot.sim.env_controls import CONTROLS
from verbot.sim.task_env import TaskEnv, TaskEnvConfig

PAGE = (Path(__file__).parents[2] / "docs" / "gym.md").read_text(encoding="utf-8")


def test_example_prints_what_the_page_shows() -> None:
    example, shown = re.search(r"```python\n(.*?)```\n\n```\n(.*?)```", PAGE, re.DOTALL).groups()  # type: ignore[union-attr]
    run = subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", example], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout == shown


def test_tables_name_every_setting_control_and_observation() -> None:
    rows = {name for row in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    env = TaskEnv(family="put_in")
    assert set(CONTROLS) | set(TaskEnvConfig.model_fields) - {"family"} | set(env.observation_space.spaces) == rows
    env.close()
