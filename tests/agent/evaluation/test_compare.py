import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from verbot.agent.cli import main
from verbot.agent.evaluation.compare import Verdict, compare
from verbot.agent.evaluation.multiple import holm
from verbot.agent.evaluation.paired import difference_interval, mcnemar


def _line(task: str, seed: int, success: bool, policy: str = "p", **changes: Any) -> dict[str, Any]:
    values = {
        "schema": "verbot-episode/1",
        "suite": "s",
        "task": task,
        "seed": seed,
        "policy": policy,
        "perceiver": "fused",
        "mode": "planner",
        "control": None,
        "command": f"{task} number {seed}",
        "success": success,
        "success_truth": success,
        "success_perceived": None,
        "score": 1.0 if success else 0.25,
        **changes,
    }
    return {"key": "/".join(str(values[n]) for n in ("suite", "task", "seed", "policy", "perceiver", "mode")), **values}


def _run(folder: Path, lines: Sequence[dict[str, Any]], config: str = 'judge = "truth"\n', tail: str = "") -> str:
    folder.mkdir()
    (folder / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + tail)
    (folder / "config.toml").write_text(config)
    return str(folder)


def _task(task: str, outcomes: str, policy: str = "p", first: int = 0) -> list[dict[str, Any]]:
    """One episode a letter: y succeeded, n failed."""
    return [_line(task, first + i, letter == "y", policy) for i, letter in enumerate(outcomes)]


def test_pairs_are_counted_and_tested_by_task_and_in_all(tmp_path: Path) -> None:
    a = _run(tmp_path / "a", _task("pick", "yyyyyyyynn") + _task("stack", "yyyyynnn"))
    b = _run(tmp_path / "b", _task("pick", "ynnnnnnnyn") + _task("stack", "yyyynynn"))
    found = compare(a, b)
    pick, stack = found.tasks
    assert (pick.task, pick.both, pick.only_a, pick.only_b, pick.neither) == ("pick", 1, 7, 1, 1)
    assert (pick.rate_a, pick.rate_b, pick.difference) == pytest.approx((0.8, 0.2, -0.6))
    assert (pick.p, stack.p) == (mcnemar(7, 1), mcnemar(1, 1))
    assert (pick.p_holm, stack.p_holm) == holm([pick.p, stack.p])
    assert (found.total.both, found.total.only_a, found.total.only_b, found.total.neither) == (5, 8, 2, 3)
    assert found.total.interval == difference_interval(5, 8, 2, 3)
    assert found.total.p_holm is None
    assert found.total.score_difference == pytest.approx(-0.75 * 6 / 18)
    assert found.total.score_interval is not None
    low, high = found.total.score_interval
    assert low < -0.25 < high < 0.25


def test_order_of_the_lines_does_not_matter(tmp_path: Path) -> None:
    lines = _task("pick", "yynnyyny")
    a = _run(tmp_path / "a", lines)
    b = _run(tmp_path / "b", _task("pick", "ynnnynnn")[::-1])
    c = _run(tmp_path / "c", lines[::-1])
    assert compare(a, b).total == compare(c, b).total


def test_worse_better_and_equal_runs_have_their_verdicts_and_exit_codes(tmp_path: Path) -> None:
    good, bad = _run(tmp_path / "a", _task("pick", "y" * 30)), _run(tmp_path / "b", _task("pick", "y" * 20 + "n" * 10))
    for pair, verdict, code in (
        ((good, bad), Verdict.WORSE, 1),
        ((bad, good), Verdict.BETTER, 0),
        ((good, good), Verdict.NO_DIFFERENCE_SHOWN, 0),
    ):
        found = compare(*pair)
        assert (found.verdict, found.exit_code) == (verdict, code)


def test_one_task_that_got_worse_is_not_hidden_by_the_others(tmp_path: Path) -> None:
    a = _run(tmp_path / "a", _task("pick", "y" * 12 + "n" * 8) + _task("stack", "n" * 20 + "y" * 20))
    b = _run(tmp_path / "b", _task("pick", "n" * 20) + _task("stack", "y" * 40))
    found = compare(a, b)
    assert found.total.difference > 0
    assert found.verdict is Verdict.WORSE


def test_a_stricter_confidence_finds_less(tmp_path: Path) -> None:
    a, b = _run(tmp_path / "a", _task("pick", "y" * 20)), _run(tmp_path / "b", _task("pick", "y" * 13 + "n" * 7))
    assert compare(a, b).verdict is Verdict.WORSE
    found = compare(a, b, confidence=0.999)
    assert found.verdict is Verdict.NO_DIFFERENCE_SHOWN
    assert found.total.interval[0] < compare(a, b).total.interval[0]


def test_with_a_margin_the_lower_limit_alone_decides(tmp_path: Path) -> None:
    a = _run(tmp_path / "a", _task("pick", "y" * 390 + "n" * 10))
    b = _run(tmp_path / "b", _task("pick", "y" * 380 + "n" * 20))
    assert compare(a, b).verdict is Verdict.WORSE
    assert compare(a, b, margin=0.06).verdict is Verdict.NON_INFERIOR
    found = compare(a, b, margin=0.03)
    assert (found.verdict, found.exit_code) == (Verdict.NOT_SHOWN_NON_INFERIOR, 1)
    assert found.p_non_inferiority is not None
    assert found.p_non_inferiority > 0.025


def test_few_equal_episodes_do_not_show_non_inferiority(tmp_path: Path) -> None:
    run = _run(tmp_path / "a", _task("pick", "yyyyyyyyyy"))
    assert compare(run, run, margin=0.05).exit_code == 1


def test_episodes_of_one_run_only_are_told_and_left_out(tmp_path: Path) -> None:
    a = _run(tmp_path / "a", _task("pick", "yyyyy") + _task("only_a", "yyy"))
    b = _run(tmp_path / "b", _task("pick", "yyyyyyy", first=2))
    found = compare(a, b)
    assert (found.total.pairs, found.only_in_a, found.only_in_b) == (3, 5, 4)
    assert [row.task for row in found.tasks] == ["pick"]


def test_a_cut_last_line_is_not_an_episode(tmp_path: Path) -> None:
    a = _run(tmp_path / "a", _task("pick", "yyy"), tail='{"key": "s/pick/3/p/fused/planner", "suc')
    assert compare(a, a).total.pairs == 3


def test_policies_of_one_run_are_chosen_by_name_and_controls_left_out(tmp_path: Path) -> None:
    control = [_line("pick", i, False, "random", control="random") for i in range(12)]
    run = _run(tmp_path / "a", [*_task("pick", "y" * 12), *_task("pick", "n" * 12, "q"), *control])
    assert compare(f"{run}:p", f"{run}:q").verdict is Verdict.WORSE
    assert compare(f"{run}:q/fused/planner", f"{run}:p").verdict is Verdict.BETTER
    assert compare(f"{run}:p", f"{run}:random").verdict is Verdict.WORSE
    alone = _run(tmp_path / "b", [*_task("pick", "y" * 12), *control])
    assert compare(alone, alone).a.policy == "p"


def test_a_policy_is_not_taken_for_its_own_control(tmp_path: Path) -> None:
    oracle = [_line("pick", i, True, perceiver="oracle", control="oracle") for i in range(12)]
    run = _run(tmp_path / "a", [*oracle, *_task("pick", "n" * 12)])
    assert compare(f"{run}:p", f"{run}:p/oracle/planner").verdict is Verdict.BETTER


def test_a_folder_with_a_colon_in_its_name_is_a_folder(tmp_path: Path) -> None:
    run = _run(tmp_path / "at 10:30", _task("pick", "yy"))
    (tmp_path / "at 10").mkdir()
    assert compare(run, f"{run}:p").total.pairs == 2


def test_the_judge_of_the_run_decides_what_success_is(tmp_path: Path) -> None:
    lines = [_line("pick", i, True, success_perceived=i > 0) for i in range(3)]
    seen = _run(tmp_path / "a", lines, 'judge = "perceived"\n')
    assert compare(seen, seen).total.both == 2
    told = _run(tmp_path / "b", lines, 'judge = "human"\n')
    (Path(told) / "judgements.jsonl").write_text(
        "".join(json.dumps({"key": line["key"], "success": False}) + "\n" for line in lines[:2])
    )
    assert (compare(told, told).total.neither, compare(told, told).total.pairs) == (2, 2)


def _told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["compare", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize(
    ("lines", "config", "words"),
    [
        (_task("pick", "yy", first=5), 'judge = "truth"\n', "share no episode"),
        (_task("pick", "yy"), 'judge = "perceived"\n', "judged by"),
        (_task("pick", "yy"), "judge = \n", "cannot be read"),
        ([_line("pick", 0, True, command="something else")], "", "another sentence"),
        ([*_task("pick", "y"), *_task("pick", "y", "q")], "", "several contenders"),
        ([_line("pick", 0, True, control="random")], "", "no control"),
        ([{"key": "x"}], "", "no episode"),
        ([_line("pick", 0, True, success_truth=None) | {"success": "yes"}], "", "true or false"),
        ([_line("pick", 0, True, score=7.0)], "", "0 to 1"),
        ([], "", "no episode at all"),
    ],
)
def test_runs_that_cannot_be_compared_are_one_line_and_exit_code_two(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, lines: list[dict[str, Any]], config: str, words: str
) -> None:
    a, b = _run(tmp_path / "a", _task("pick", "yyy")), _run(tmp_path / "b", lines, config)
    code, out, err = _told(capsys, a, b)
    assert code == 2
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert words in err


def test_bad_paths_and_options_are_exit_code_two(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run = _run(tmp_path / "a", _task("pick", "yyy"))
    for arguments, words in (
        ((run, str(tmp_path / "none")), "results.jsonl"),
        ((run, f"{run}:other"), "'other'"),
        ((run, run, "--margin", "2"), "margin"),
        ((run, run, "--confidence", "95"), "confidence"),
    ):
        code, _, err = _told(capsys, *arguments)
        assert (code, len(err.strip().splitlines())) == (2, 1)
        assert words in err


def test_the_command_prints_json_on_stdout_and_a_table_on_stderr(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    a = _run(tmp_path / "a", _task("[bold]pick", "y" * 20))
    b = _run(tmp_path / "b", _task("[bold]pick", "y" * 10 + "n" * 10))
    code, out, err = _told(capsys, a, b, "--json")
    values = json.loads(out)
    assert code == 1
    assert values["schema"] == "verbot-compare/1"
    assert values["verdict"] == "worse"
    assert values["total"]["only_a"] == 10
    assert values["tasks"][0]["task"] == "[bold]pick"
    assert "s/[bold]pick" in err
    assert "-50.0%" in err
    assert "significantly worse" in err
    code, out, _ = _told(capsys, a, a)
    assert (code, out) == (0, "")
