import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2] / "plugins" / "verbot-minigrid-suite"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("minigrid") is None, reason="the example suite needs minigrid: pip install minigrid"
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The example project installed beside the environment, as a user's pip would."""
    target, copy = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("projects") / PROJECT.name
    # pip builds in the project's folder; a copy keeps the repository clean.
    subprocess.run(["cp", "-r", str(PROJECT), str(copy)], check=True)
    install = ["install", "-q", "--no-deps", "--no-build-isolation", "--target", str(target), str(copy)]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True, capture_output=True)
    return {**os.environ, "PYTHONPATH": str(target)}


def _verbot(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "verbot.agent.cli", *arguments]
    return subprocess.run(line, env=environment, capture_output=True, text=True, check=False)


def test_suite_and_its_policy_are_listed_with_where_they_come_from(environment: dict[str, str]) -> None:
    assert "verbot-minigrid-suite 0.1.0" in _verbot(environment, "list", "suites").stdout
    assert "babyai_bot" in _verbot(environment, "list", "env_policies").stdout


def test_levels_of_minigrid_run_as_a_suite_and_its_bot_solves_them(environment: dict[str, str], tmp_path: Path) -> None:
    done = _verbot(
        environment, "eval", "--suite", "babyai", "--tasks", "go_to_obj,open_door", "--policy", "random,babyai_bot",
        "--episodes", "2", "--workers", "1", "--videos", "1", "--out", str(tmp_path / "run"), "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    groups = json.loads(done.stdout)["groups"]
    rates = {g["policy"]: g["success_rate"] for g in groups if g["task"] is None}
    assert rates["babyai_bot"] == 1.0
    page = (tmp_path / "run" / "report.html").read_text()
    assert "verbot eval --suite babyai --tasks" in page or "No episode failed" in page


def test_policy_of_another_world_is_refused_with_what_to_do(environment: dict[str, str], tmp_path: Path) -> None:
    done = _verbot(environment, "eval", "--suite", "babyai", "--episodes", "1", "--out", str(tmp_path / "run"))
    assert done.returncode == 2
    assert "No env policy named 'geometric'" in done.stderr
