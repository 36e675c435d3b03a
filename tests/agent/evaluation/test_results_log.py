import errno
import os
from pathlib import Path

import pytest
from verbot.agent.evaluation.results_log import DiskFullError, ResultsError, ResultsLog, read_results


def _record(number: int) -> dict[str, object]:
    return {"key": f"suite/task/{number}", "success": number % 2 == 0, "detail": 'a "wörd"\n\u2028 and \\'}


def _write(path: Path, numbers: range) -> None:
    with ResultsLog(path) as log:
        for number in numbers:
            log.append(_record(number))


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    _write(path, range(3))
    assert list(read_results(path).records) == [_record(n) for n in range(3)]


def test_cut_at_any_byte_of_the_last_two_lines_loses_only_what_was_cut_and_can_be_continued(tmp_path: Path) -> None:
    whole = tmp_path / "whole.jsonl"
    _write(whole, range(4))
    content = whole.read_bytes()
    ends = [n + 1 for n, byte in enumerate(content) if byte == ord("\n")]
    path = tmp_path / "cut.jsonl"
    for size in range(ends[1], len(content) + 1):
        path.write_bytes(content[:size])
        num_whole = sum(end <= size for end in ends)
        assert len(read_results(path).records) == num_whole
        with ResultsLog(path) as log:
            assert len(log.found.records) == num_whole
            for number in range(num_whole, 4):
                log.append(_record(number))
        assert path.read_bytes() == content


def test_a_tail_of_zeros_as_power_loss_leaves_it_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    _write(path, range(2))
    path.write_bytes(path.read_bytes() + b"\0" * 700 + b"\n")
    with ResultsLog(path) as log:
        log.append(_record(2))
    assert len(read_results(path).records) == 3


def test_a_key_counts_once_and_the_first_line_wins(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text('{"key": "a", "success": true}\n{"key": "a", "success": false}\n')
    found = read_results(path)
    assert [record["success"] for record in found.records] == [True]
    assert found.num_repeated == 1


def test_damage_in_the_middle_is_told_and_nothing_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text('{"key": "a"}\nrubbish\n{"key": "b"}\n')
    before = path.read_bytes()
    with pytest.raises(ResultsError, match="line 2"):
        ResultsLog(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_full_disk_cuts_the_torn_line_back_and_the_log_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "results.jsonl"
    write = os.write

    def full(file: int, *content: bytes) -> int:
        if content and write(file, content[0][:7]) == 7:
            pass  # a disk fills up in the middle of a line
        raise OSError(errno.ENOSPC, "No space left on device")

    with ResultsLog(path) as log:
        log.append(_record(0))
        with monkeypatch.context() as patch:
            patch.setattr(os, call, full)
            with pytest.raises(DiskFullError, match="No space left"):
                log.append(_record(1))
        assert len(path.read_bytes().splitlines()) == 1
        log.append(_record(1))
    assert [r["key"] for r in read_results(path).records] == ["suite/task/0", "suite/task/1"]


def test_two_runs_never_write_into_one_file(tmp_path: Path) -> None:
    with ResultsLog(tmp_path / "results.jsonl"), pytest.raises(ResultsError, match="another evaluation"):
        ResultsLog(tmp_path / "results.jsonl")
