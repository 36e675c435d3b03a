import json
import re
import shlex
from pathlib import Path

import pytest
from synthetic_evaluation import TASKS, make_evaluation
from verbot.agent.cli import main
from verbot.agent.config import ConfigError
from verbot.agent.evaluation.again import replay_command
from verbot.agent.evaluation.attachments import Attachments
from verbot.agent.evaluation.report import write_evaluation_report
from verbot.agent.evaluation.stored import load_evaluation

HOSTILE = "<script>alert(1)</script>\"'>{{ 7 * 7 }}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_evaluation(tmp_path_factory.mktemp("evaluation"), num_seeds=12)


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return write_evaluation_report(folder).read_text()


def test_page_needs_no_network(page: str) -> None:
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page


def test_page_names_the_judge_every_task_and_every_flag(page: str) -> None:
    assert "simulator truth" in page
    assert all(task in page for task in TASKS)
    assert "never succeeded" in page


def test_rates_stand_beside_their_wilson_interval_and_the_controls(page: str, folder: Path) -> None:
    groups = json.loads((folder / "summary.json").read_text())["groups"]
    whole = next(g for g in groups if g["task"] is None and g["control"] is None)
    low, high = whole["ci95"]
    assert f"{low:.1%}–{high:.1%}" in page
    assert "control: random" in page
    assert "control: oracle" in page


def test_every_failed_episode_tells_the_command_that_replays_it(page: str, folder: Path) -> None:
    failed = [line for line in load_evaluation(folder).episodes if not line.success]
    for line in failed:
        words = f"verbot run --scene {line.suite}/{line.task} --seed {line.seed} --policy {line.entrant.policy}"
        assert words in page


def test_films_of_failures_are_inside_the_page(page: str, folder: Path) -> None:
    assert page.count("data:video/mp4;base64,") == len(list((folder / "videos").iterdir()))


def test_films_beyond_the_limit_are_linked_relatively(folder: Path) -> None:
    name = f"videos/{next((folder / 'videos').iterdir()).name}"
    found = Attachments(folder, max_page_bytes=10).attach(name)
    assert found is not None
    assert found.href == f"./{name}"
    assert not found.is_embedded


@pytest.mark.parametrize("name", ["../secret.mp4", "/etc/hostname", "videos", "", None, 7, "videos/../../secret.mp4"])
def test_nothing_outside_the_folder_is_read(tmp_path: Path, name: object) -> None:
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    inside = tmp_path / "inside"
    (inside / "videos").mkdir(parents=True)
    assert Attachments(inside).attach(name) is None


def test_words_from_outside_cannot_become_markup(tmp_path: Path) -> None:
    page = write_evaluation_report(make_evaluation(tmp_path, num_seeds=3, hostile=HOSTILE)).read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "{{ 7 * 7 }}" in page


def test_replay_command_is_quoted_for_the_shell(tmp_path: Path) -> None:
    make_evaluation(tmp_path, num_seeds=3, hostile="; rm -rf /")
    line = next(line for line in load_evaluation(tmp_path).episodes if line.entrant.policy.startswith("geometric"))
    assert "geometric; rm -rf /" in shlex.split(replay_command(line, {}))


def test_numbers_that_are_words_and_damaged_lines_do_not_break_the_page(tmp_path: Path) -> None:
    make_evaluation(tmp_path, num_seeds=3)
    lines = (tmp_path / "results.jsonl").read_text().splitlines()
    first = {**json.loads(lines[0]), "score": HOSTILE, "confidence": [], "violations": [7, {"value": "x"}]}
    second = {**json.loads(lines[1]), "score": float("inf"), "time_s": 10**400, "clutter": {"a": 1}, "steps": [3]}
    damaged = [
        '{"key": "half',
        "[]",
        '{"key": "a", "suite": "b", "task": "c", "success": true, "seed": Infinity}',
        "[" * 9999,
    ]
    kept = [json.dumps(first), json.dumps(second), *lines[2:]]
    (tmp_path / "results.jsonl").write_text("\n".join([*kept, *damaged]))
    summary = json.loads((tmp_path / "summary.json").read_text())
    summary["total"]["ci95"] = "wide"
    summary["agreement"] = None
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    page = write_evaluation_report(tmp_path).read_text()
    assert "4 lines of results.jsonl could not be read" in page
    assert "<script" not in page


def test_score_is_shown_against_what_varied_and_not_against_what_did_not(page: str) -> None:
    titles = re.findall(r"<h3>(.*?)</h3>", page)
    assert titles == ["objects on the table", "light"]


def test_report_command_picks_by_what_the_folder_holds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(folder)]) == 0
    assert capsys.readouterr().out.strip() == str(folder / "report.html")
    assert "Success by task" in (folder / "report.html").read_text()


def test_folder_without_a_summary_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_text("")
    with pytest.raises(ConfigError, match="--resume"):
        write_evaluation_report(tmp_path)


def test_suite_of_foreign_worlds_is_replayed_by_eval(folder: Path) -> None:
    line = load_evaluation(folder).episodes[0]
    words = shlex.split(replay_command(line, {"suite_file": "my suite.toml"}, is_foreign=True))
    assert words[:6] == ["verbot", "eval", "--suite", "my suite.toml", "--tasks", line.task]
    assert "--no-controls" in words
