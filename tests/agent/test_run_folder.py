import json
import os
from pathlib import Path

import pytest
from verbot.agent.config import ConfigError
from verbot.agent.run_folder import RunFolder, make_run_folder


def test_latest_points_to_the_newest_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = make_run_folder("pick up the mug", None), make_run_folder("../../etc: passwd", None)
    assert first.path != second.path
    assert (tmp_path / "runs" / "latest").resolve() == second.path.resolve()
    assert second.path.resolve().parent == (tmp_path / "runs").resolve()


def test_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_json("result.json", {"a": 1})
    with pytest.raises(ValueError, match="Out of range"):
        folder.write_json("result.json", {"a": float("nan")})
    assert json.loads((tmp_path / "result.json").read_text()) == {"a": 1}
    assert os.listdir(tmp_path) == ["result.json"]


def test_out_that_is_a_file_is_one_clear_line(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ConfigError, match="Cannot write to"):
        make_run_folder("x", blocked / "run")
