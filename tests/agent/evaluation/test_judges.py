import json
from pathlib import Path
from typing import Any

from verbot.agent.evaluation.judges import JUDGEMENTS_FILE, ask_person, judged, read_judgements


def record(key: str, truth: bool | None, perceived: bool | None) -> dict[str, Any]:
    return {
        "key": key,
        "command": f"do {key}",
        "success": bool(truth),
        "success_truth": truth,
        "success_perceived": perceived,
        "failure": None if truth else "misplaced",
        "ended_by": "done",
        "criteria": [],
        "control": None,
        "picture": f"{key}.jpg",
    }


RECORDS = [record("a", True, False), record("b", False, True), record("c", None, True)]


def test_each_judge_says_what_it_knows_and_the_other_speaks_where_it_does_not() -> None:
    assert [r["success"] for r in judged(RECORDS, "truth")] == [True, False, True]
    assert [r["success"] for r in judged(RECORDS, "perceived")] == [False, True, True]
    by_person = judged(RECORDS, "human", {"a": False, "c": True})
    assert [(r["key"], r["success"], r["success_human"]) for r in by_person] == [("a", False, False), ("c", True, True)]


def test_a_failure_has_a_word_whoever_judges() -> None:
    for judge in ("truth", "perceived"):
        for found in judged(RECORDS, judge):
            assert (found["failure"] is None) == found["success"]


def test_person_is_asked_once_for_each_picture_and_may_leave_and_come_back(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.jpg").write_bytes(b"")
    told: list[str] = []
    questions: list[str] = []
    answers = iter(["what?", "Y", "q"])

    def ask(question: str) -> str:
        questions.append(question)
        return next(answers)

    assert ask_person(tmp_path, RECORDS, "ada", ask, told.append) == 1
    assert read_judgements(tmp_path) == {"a": True}
    assert any("1 episodes have no final picture" in line for line in told)
    assert str(tmp_path / "a.jpg") in told
    answers = iter(["s"])
    assert ask_person(tmp_path, RECORDS, "bob", ask, told.append) == 1
    answers = iter(["n"])
    assert ask_person(tmp_path, RECORDS, "bob", ask, told.append) == 0
    lines = [json.loads(line) for line in (tmp_path / JUDGEMENTS_FILE).read_text().splitlines()]
    assert [(x["key"], x["success"], x["who"]) for x in lines] == [("a", True, "ada"), ("b", False, "bob")]
    assert all(x["at"] for x in lines)
    assert sum("do a" in question for question in questions) == 2  # "what?" is no answer
