import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "plugins"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Both example projects installed beside the environment, as a user's pip would."""
    target = tmp_path_factory.mktemp("site")
    copies = tmp_path_factory.mktemp("projects")
    for project in ("verbot-gentle-policy", "verbot-ideal-robot"):
        # pip builds in the project's folder; a copy keeps the repository clean.
        subprocess.run(["cp", "-r", str(PLUGINS / project), str(copies / project)], check=True)
        line = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "--target",
            str(target),
        ]
        subprocess.run([*line, str(copies / project)], check=True, capture_output=True)
    return {**os.environ, "PYTHONPATH": str(target)}


def _verbot(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "verbot.agent.cli", *arguments]
    return subprocess.run(line, env=environment, capture_output=True, text=True, check=False)


def test_installed_plugins_are_listed_with_where_they_come_from(environment: dict[str, str]) -> None:
    assert "verbot-gentle-policy 0.1.0" in _verbot(environment, "list", "policies").stdout
    assert "verbot-ideal-robot 0.1.0" in _verbot(environment, "list", "robots").stdout


def test_example_policy_runs_the_main_job_slower_than_the_one_it_wraps(
    environment: dict[str, str], tmp_path: Path
) -> None:
    times = {}
    for policy in ("geometric", "gentle"):
        done = _verbot(
            environment, "run", "put the red block in the green bowl", "--policy", policy, "--no-video", "--json",
            "--out", str(tmp_path / policy),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        times[policy] = json.loads(done.stdout)["time_s"]
    assert times["gentle"] > times["geometric"] + 0.5


def test_example_robot_goes_the_whole_road_without_our_simulator(environment: dict[str, str], tmp_path: Path) -> None:
    done = _verbot(
        environment, "run", "put the red block on the blue block", "--robot", "ideal", "--json", "--out", str(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["success"] is True
    assert result["score_source"] == "perceived"


def test_example_robot_keeps_the_robot_contract(environment: dict[str, str]) -> None:
    script = (
        "from verbot_ideal_robot import SPEC; from verbot.agent.contracts.robot import check_robot; "
        "check_robot(SPEC.build(SPEC.config(), {})); print('kept')"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "kept", done.stderr
