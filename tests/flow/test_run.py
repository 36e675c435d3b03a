import json
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = "put the red block in the green bowl"


def _verbot(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "verbot.agent.cli", *arguments]
    return subprocess.run(line, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same command and seed in two processes."""
    folder = tmp_path_factory.mktemp("runs")
    paths = (folder / "first", folder / "second")
    for path in paths:
        done = _verbot("run", COMMAND, "--seed", "3", "--out", str(path), cwd=folder)
        assert done.returncode == 0, done.stderr
    return paths


def test_run_writes_result_film_report_and_config(two_runs: tuple[Path, Path]) -> None:
    folder = two_runs[0]
    result = json.loads((folder / "result.json").read_text())
    assert result["success"] is True
    assert result["score_source"] == "truth"
    assert result["ended_by"] == "done"
    assert {s["outcome"] for s in result["steps"]} == {"done"}
    findings = [f for v in result["verdicts"] for f in v["findings"]]
    assert all(f["reason"] for f in findings)
    # No margin only where there is nothing to measure: no zone or person declared, nothing full carried or pushed.
    without_margin = {f["rule"] for f in findings if f["margin"] is None}
    assert without_margin <= {"keep_out", "upright_container", "held", "keep_distance", "pushed"}
    assert all(f["unit"] for f in findings if f["margin"] is not None)
    assert set(result["timings_s"]) >= {"import", "perceive", "plan", "policy", "check", "follow", "total"}
    assert (folder / "report.html").stat().st_size > 50_000
    film = (folder / "episode.mp4").read_bytes()
    assert film[4:8] == b"ftyp"
    assert film.find(b"moov") < film.find(b"mdat")  # faststart: a browser can begin before all is loaded


def test_same_seed_in_two_processes_gives_the_same_result_byte_for_byte(two_runs: tuple[Path, Path]) -> None:
    texts = []
    for folder in two_runs:
        result = json.loads((folder / "result.json").read_text())
        del result["timings_s"], result["versions"]
        texts.append(json.dumps(result))
    assert texts[0] == texts[1]
    assert (two_runs[0] / "scenes.json").read_bytes() == (two_runs[1] / "scenes.json").read_bytes()


def test_stored_config_replays_the_run(two_runs: tuple[Path, Path], tmp_path: Path) -> None:
    done = _verbot(
        "run",
        "--config",
        str(two_runs[0] / "config.toml"),
        "--no-video",
        "--json",
        "--out",
        str(tmp_path),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    first = json.loads((two_runs[0] / "result.json").read_text())
    assert json.loads(done.stdout)["steps"] == first["steps"]
    assert not (tmp_path / "episode.mp4").exists()


def test_plan_moves_nothing_and_gives_a_verdict_for_each_step(tmp_path: Path) -> None:
    done = _verbot("plan", COMMAND, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["status"] == "done"
    assert [step["verdict"]["allowed"] for step in plan["steps"]] == [True] * len(plan["steps"])
    assert len(plan["steps"]) >= 2
    assert not (tmp_path / "runs").exists()


def test_report_is_made_again_from_the_stored_run(two_runs: tuple[Path, Path]) -> None:
    page = (two_runs[1] / "report.html").read_bytes()
    (two_runs[1] / "report.html").unlink()
    done = _verbot("report", str(two_runs[1]), cwd=two_runs[1])
    assert done.returncode == 0, done.stderr
    assert (two_runs[1] / "report.html").read_bytes() == page
