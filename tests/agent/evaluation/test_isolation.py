"""The contract of `verbot eval` on real episodes: how many workers, and in which order, changes nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from verbot.agent.cli import main
from verbot.agent.evaluation.config import make_eval_config
from verbot.agent.evaluation.evaluate import evaluate
from verbot.agent.evaluation.results_log import read_results
from verbot.agent.run_folder import RunFolder


def lines(folder: Path, num_workers: int, shuffle_seed: int | None, **changes: Any) -> list[dict[str, Any]]:
    folder.mkdir()
    config = make_eval_config(
        suite="table_road", tasks=("pick_up",), perceivers=("oracle",), workers=num_workers, **changes
    )
    evaluate(config, RunFolder(folder), shuffle_seed=shuffle_seed)
    records = sorted(read_results(folder / "results.jsonl").records, key=lambda r: r["key"])
    return [{k: v for k, v in r.items() if k not in ("run", "timings_s")} for r in records]


def test_an_episode_after_another_policy_is_the_episode_alone(tmp_path: Path) -> None:
    mixed = lines(tmp_path / "mixed", 1, None, episodes=1, videos=0)
    assert [line["policy"] for line in mixed] == ["geometric", "random"]
    assert mixed[0]["success"]
    alone = lines(tmp_path / "alone", 1, None, episodes=1, videos=0, policies=("random",), controls=False)
    assert [{**line, "control": "random"} for line in alone] == mixed[1:]


def test_verbot_run_repeats_an_episode_of_a_suite_identically(tmp_path: Path) -> None:
    (line,) = lines(tmp_path / "evaluation", 1, None, episodes=1, seed=5, videos=0, controls=False)
    words = ["run", "--scene", "table_road/pick_up", "--seed", "5", "--perceiver", "oracle", "--no-video"]
    assert main([*words, "--out", str(tmp_path / "run")]) == (0 if line["success"] else 1)
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    for name in ("command", "success", "score", "criteria", "violations", "time_s", "path_length_m", "detail"):
        assert result[name] == line[name], name


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_one_two_and_four_workers_in_shuffled_order_give_the_same_lines(tmp_path: Path) -> None:
    found = [
        lines(tmp_path / f"{num_workers}", num_workers, shuffle_seed, episodes=2)
        for num_workers, shuffle_seed in ((1, None), (2, 5), (4, 9))
    ]
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 4
