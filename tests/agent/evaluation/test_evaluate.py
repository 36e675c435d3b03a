"""The engine with pretended episodes: nothing is lost and nothing counted twice, whatever is killed."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from verbot.agent.evaluation.command import CommandOptions, eval_command
from verbot.agent.evaluation.config import make_eval_config
from verbot.agent.evaluation.evaluate import Evaluation, evaluate, plan_jobs
from verbot.agent.evaluation.pretend import RUN_JOB
from verbot.agent.evaluation.results_log import ResultsLog, read_results
from verbot.agent.run_folder import RunFolder

OF_THE_RUN = ("run", "timings_s")


def options(**changes: Any) -> dict[str, Any]:
    pretend = {key: changes.pop(key) for key in list(changes) if key in PRETEND}
    base = {"suite": "table_road", "tasks": ("put_in", "stack"), "episodes": 6, "workers": 2, "controls": False}
    return {**base, **changes, "settings": {"pretend": pretend}}


PRETEND = ("wall_s", "rate", "dies", "dies_once", "hangs", "raises", "fills_disk")


def run(folder: Path, shuffle_seed: int | None = None, **changes: Any) -> Evaluation:
    folder.mkdir(exist_ok=True)
    return evaluate(
        make_eval_config(**options(**changes)), RunFolder(folder), run_job=RUN_JOB, shuffle_seed=shuffle_seed
    )


def lines(folder: Path) -> dict[str, dict[str, Any]]:
    """Every line by key, without what tells of the run; no key twice."""
    stored = read_results(folder / "results.jsonl")
    assert stored.num_repeated == 0
    assert stored.intact_bytes == (folder / "results.jsonl").stat().st_size
    return {r["key"]: {k: v for k, v in r.items() if k not in OF_THE_RUN} for r in stored.records}


def numbers(summary: dict[str, Any]) -> str:
    """The summary without what tells of the run."""
    text = json.dumps({k: v for k, v in summary.items() if k not in ("machine", "config")}, sort_keys=True)
    kept = [part for part in text.split(", ") if "per_minute" not in part and "cpu_s" not in part]
    return ", ".join(kept)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    run(folder, workers=1)
    return folder


def start(folder: Path, **changes: Any) -> subprocess.Popen[str]:
    """The command in a process of its own, which can be killed."""
    program = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from verbot.agent.evaluation.command import CommandOptions, eval_command\n"
        f"code, _ = eval_command(json.loads(sys.argv[1]), CommandOptions(out=Path(sys.argv[2]), run_job={RUN_JOB!r}))\n"
        "sys.exit(code)\n"
    )
    values = json.dumps(options(**changes))
    return subprocess.Popen(
        [sys.executable, "-c", program, values, str(folder)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def wait_for_lines(folder: Path, num: int) -> None:
    path, pause = folder / "results.jsonl", threading.Event()
    for _ in range(1200):
        if path.exists() and path.read_bytes().count(b"\n") >= num:
            return
        pause.wait(0.05)
    raise AssertionError(f"no {num} lines within a minute")


def workers_of(parent_pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status, line = (entry / "stat").read_text(), (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if int(status.rpartition(")")[2].split()[1]) == parent_pid and b"spawn_main" in line:
                found.append(int(entry.name))
    return found


def is_gone(pid: int) -> bool:
    pause = threading.Event()
    for _ in range(200):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        pause.wait(0.05)
    return False


@pytest.mark.parametrize("num_workers", [1, 2, 4])
def test_any_number_of_workers_in_any_order_gives_the_same_lines_and_summary(
    uninterrupted: Path, tmp_path: Path, num_workers: int
) -> None:
    result = run(tmp_path, workers=num_workers, shuffle_seed=num_workers)
    assert lines(tmp_path) == lines(uninterrupted)
    assert numbers(result.summary) == numbers(json.loads((uninterrupted / "summary.json").read_text()))


def test_killed_parent_takes_its_workers_along_and_resume_ends_like_an_uninterrupted_run(
    uninterrupted: Path, tmp_path: Path
) -> None:
    process = start(tmp_path, wall_s=0.2)
    wait_for_lines(tmp_path, 3)
    workers = workers_of(process.pid)
    process.kill()
    process.communicate()
    assert workers
    assert all(is_gone(pid) for pid in workers)
    before = len(read_results(tmp_path / "results.jsonl").records)
    assert 3 <= before < 12
    code, summary = eval_command({}, CommandOptions(out=tmp_path, resume=True, quiet=True, run_job=RUN_JOB))
    assert code == 0
    assert {k: v["success"] for k, v in lines(tmp_path).items()} == {
        k: v["success"] for k, v in lines(uninterrupted).items()
    }
    assert numbers(summary) == numbers(json.loads((uninterrupted / "summary.json").read_text()))


def test_killed_worker_costs_nothing(uninterrupted: Path, tmp_path: Path) -> None:
    process = start(tmp_path, wall_s=0.2)
    wait_for_lines(tmp_path, 2)
    os.kill(workers_of(process.pid)[0], signal.SIGKILL)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    after = lines(tmp_path)
    assert sum(line["episode"] for line in after.values()) <= 1
    assert {k: v["success"] for k, v in after.items()} == {k: v["success"] for k, v in lines(uninterrupted).items()}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_with_130_and_keeps_every_line(uninterrupted: Path, tmp_path: Path, number: int) -> None:
    process = start(tmp_path, wall_s=0.2)
    wait_for_lines(tmp_path, 3)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "Traceback" not in told
    assert "--resume" in told
    assert json.loads((tmp_path / "summary.json").read_text())["stopped_by"] == "interrupted"
    code, _ = eval_command({}, CommandOptions(out=tmp_path, resume=True, quiet=True, run_job=RUN_JOB))
    assert code == 0
    assert lines(tmp_path).keys() == lines(uninterrupted).keys()


@pytest.mark.parametrize("where", ["results", "worker"])
def test_full_disk_ends_with_one_line_and_resume_goes_on(
    uninterrupted: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    fsync, calls = os.fsync, iter(range(1000))

    def full(file: int) -> None:
        if next(calls) > 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(file)

    changes = {"fills_disk": [3]} if where == "worker" else {}
    with monkeypatch.context() as patch:
        if where == "results":
            patch.setattr("verbot.agent.evaluation.results_log.os.fsync", full)
        given, out = options(**changes), tmp_path / "run"
        code, _ = eval_command(given, CommandOptions(out=out, quiet=True, run_job=RUN_JOB))
    told = capsys.readouterr().err.strip().splitlines()
    assert code == 1
    assert len(told) == 1
    assert "No space left" in told[0]
    assert 0 < len(lines(out)) < 12
    (out / "room_was_made").touch()
    assert eval_command({}, CommandOptions(out=out, resume=True, quiet=True, run_job=RUN_JOB))[0] == 0
    assert lines(out).keys() == lines(uninterrupted).keys()


def test_file_cut_anywhere_in_its_last_line_is_resumed_to_the_same_lines(uninterrupted: Path, tmp_path: Path) -> None:
    whole = (uninterrupted / "results.jsonl").read_bytes()
    last = whole[:-1].rindex(b"\n") + 1
    for size in (last - 1, last, last + 1, (last + len(whole)) // 2, len(whole) - 1):
        folder = tmp_path / str(size)
        folder.mkdir()
        (folder / "config.toml").write_bytes((uninterrupted / "config.toml").read_bytes())
        (folder / "results.jsonl").write_bytes(whole[:size])
        assert eval_command({}, CommandOptions(out=folder, resume=True, quiet=True, run_job=RUN_JOB))[0] == 0
        assert lines(folder) == lines(uninterrupted)


def test_every_kind_of_misbehaviour_is_a_failure_of_its_own_and_stops_nothing(tmp_path: Path) -> None:
    result = run(tmp_path, tasks=("put_in",), dies=[0], dies_once=[1], hangs=[2], raises=[3], hang_s=4.0)
    found = {line["seed"]: line for line in lines(tmp_path).values()}
    assert [found[seed]["ended_by"] for seed in range(4)][::2] == ["crashed", "hung"]
    assert "SIGKILL" in found[0]["detail"]
    assert found[0]["failure"] == "crashed"
    assert found[1]["ended_by"] in ("done", "gave_up")
    assert found[1]["episode"] == 1
    assert found[2]["failure"] == "hung"
    assert found[3]["failure"] == "error"
    assert "RuntimeError: pretended for seed 3" in found[3]["error"]
    assert len(found) == 6
    assert any("gave no result" in flag for flag in result.summary["flags"])


def test_until_ci_stops_early_at_the_same_place_for_any_number_of_workers(tmp_path: Path) -> None:
    found = []
    for num_workers in (1, 3):
        given = {"episodes": 200, "until_ci": 0.35, "workers": num_workers}
        result = run(tmp_path / str(num_workers), **given)
        assert result.stopped_by == "until_ci"
        found.append((result.summary["total"]["episodes"], result.summary["total"]["ci95"]))
    assert found[0] == found[1]
    assert found[0][0] < 200
    assert found[0][1][1] - found[0][1][0] <= 0.35


def test_until_ci_without_episodes_plans_as_many_as_can_be_needed() -> None:
    given = {**options(), "until_ci": 0.2}
    del given["episodes"]
    assert 55 <= make_eval_config(**given).episodes <= 75  # of each of 2 tasks
    assert make_eval_config(**given, episodes=9).episodes == 9


def test_controls_are_added_and_what_is_not_above_random_is_flagged(tmp_path: Path) -> None:
    config = make_eval_config(**options(controls=True, episodes=30, control_episodes=5))
    groups = {(j.group.policy, j.group.perceiver, j.group.control) for j in plan_jobs(config, tmp_path)}
    assert groups == {
        ("geometric", "fused", None),
        ("random", "fused", "random"),
        ("geometric", "oracle", "oracle"),
    }
    assert len(plan_jobs(config, tmp_path)) == 2 * (30 + 5 + 5)
    result = run(tmp_path, controls=True, episodes=8, rate=0.1)
    assert any("not clearly above random" in flag for flag in result.summary["flags"])
    assert result.summary["total"]["episodes"] == 16  # what is under test, without controls


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"suite": "table_rode"}, "Did you mean 'table_road'"),
        ({"tasks": ("put_inn",)}, "put_in"),
        ({"policies": ("geometrik",)}, "Did you mean 'geometric'"),
        ({"mode": "hybrid"}, "--mode planner"),
        ({"until_ci": 1.5}, "until_ci"),
        ({"episods": 3}, "Did you mean 'episodes'"),
    ],
)
def test_wrong_input_is_one_line_before_anything_runs(tmp_path: Path, given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        eval_command({**options(), **given}, CommandOptions(out=tmp_path / "run", quiet=True, run_job=RUN_JOB))
    assert not (tmp_path / "run").exists()
    assert "\n" not in str(caught.value)


def test_resume_refuses_another_configuration_but_takes_more_episodes_and_workers(
    uninterrupted: Path, tmp_path: Path
) -> None:
    for name in ("config.toml", "results.jsonl"):
        (tmp_path / name).write_bytes((uninterrupted / name).read_bytes())
    again = CommandOptions(out=tmp_path, resume=True, quiet=True, run_job=RUN_JOB)
    with pytest.raises(ValueError, match="seed was 0"):
        eval_command({"seed": 5}, again)
    with pytest.raises(ValueError, match="perceivers was fused"):
        eval_command({"perceivers": ("oracle",)}, again)
    code, summary = eval_command({"episodes": 8, "workers": 2}, again)
    assert code == 0
    assert summary["total"]["episodes"] == 16
    with pytest.raises(ValueError, match="--resume"):
        eval_command(options(), CommandOptions(out=tmp_path, quiet=True, run_job=RUN_JOB))


def test_fail_below_gives_exit_code_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = CommandOptions(out=tmp_path / "run", quiet=True, run_job=RUN_JOB)
    assert eval_command(options(rate=0.0, fail_below=0.5), out)[0] == 1
    assert "--fail-below" in capsys.readouterr().err


def test_an_evaluation_without_any_result_never_ends_with_zero(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = CommandOptions(out=tmp_path / "run", quiet=True, run_job=RUN_JOB)
    assert eval_command(options(raises=list(range(6))), out)[0] == 1
    assert "No episode" in capsys.readouterr().err


def test_two_evaluations_never_write_into_one_folder(tmp_path: Path) -> None:
    with ResultsLog(tmp_path / "results.jsonl"), pytest.raises(ValueError, match="another evaluation"):
        run(tmp_path)
