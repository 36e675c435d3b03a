import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from verbot.agent.build import build_model
from verbot.agent.config import ConfigError
from verbot.agent.evaluation.convention import Convention, make_start, read_actions, tool_poses, write_actions
from verbot.agent.evaluation.dataset_writer import RecordedMotion, write_demonstrations
from verbot.agent.evaluation.demonstrations import EpisodeOrigin, load_demonstrations
from verbot.planning.robot_model import RobotModel

pyarrow = pytest.importorskip("pyarrow", reason="datasets need the extra 'datasets'")

NUM_FRAMES = 20


@pytest.fixture(scope="module")
def model() -> RobotModel:
    return build_model()


def _motion(model: RobotModel, seed: int = 0) -> RecordedMotion:
    times = np.arange(NUM_FRAMES) / 25.0
    path = np.array(model.description.look_rad) + 0.02 * np.sin(np.arange(NUM_FRAMES + 1)[:, None] / 4 + np.arange(7))
    widths = np.linspace(0.08, 0.02, NUM_FRAMES + 1)
    origin = EpisodeOrigin(suite="table_road", task="pick_up", seed=seed)
    return RecordedMotion(origin, "lift it", times, path[:-1], widths[:-1], path[1:], widths[1:])


@pytest.fixture
def dataset(model: RobotModel, tmp_path: Path) -> Path:
    return write_demonstrations(tmp_path / "set", [_motion(model, 3), _motion(model, 4)], Convention(), model)


def _change_info(dataset: Path, **values: Any) -> None:
    file = dataset / "meta" / "info.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def test_what_is_written_is_read_back(dataset: Path, model: RobotModel) -> None:
    loaded = load_demonstrations(dataset)
    assert [episode.origin.seed for episode in loaded.episodes] == [3, 4]
    assert np.allclose(loaded.episodes[1].actions[:, :7], _motion(model).target_positions_rad, atol=1e-6)
    assert np.allclose(loaded.episodes[0].timestamps_s, np.arange(NUM_FRAMES) / 25.0, atol=1e-6)


def test_fewer_episodes_can_be_asked_for(dataset: Path) -> None:
    assert len(load_demonstrations(dataset, limit=1).episodes) == 1


def test_dataset_has_what_lerobot_reads(dataset: Path) -> None:
    info = json.loads((dataset / "meta" / "info.json").read_text())
    assert info["codebase_version"] == "v3.0"
    assert info["features"]["action"]["shape"] == [8]
    assert info["total_frames"] == 2 * NUM_FRAMES
    episodes = pyarrow.parquet.read_table(dataset / "meta" / "episodes" / "chunk-000" / "file-000.parquet").to_pydict()
    assert episodes["dataset_to_index"] == [NUM_FRAMES, 2 * NUM_FRAMES]
    schema = pyarrow.parquet.read_schema(dataset / "meta" / "tasks.parquet")
    assert json.loads(schema.metadata[b"pandas"])["index_columns"] == ["task"]
    assert set(json.loads((dataset / "meta" / "stats.json").read_text())) == set(info["features"])


@pytest.mark.parametrize("frame", ["joint", "base", "tool"])
@pytest.mark.parametrize("mode", ["absolute", "delta"])
@pytest.mark.parametrize(("gripper", "angle", "length"), [("width", "rad", "mm"), ("closing", "deg", "m")])
def test_every_convention_reads_what_it_writes(
    model: RobotModel, frame: str, mode: str, gripper: str, angle: str, length: str
) -> None:
    convention = Convention(frame=frame, mode=mode, gripper=gripper, angle=angle, length=length)  # type: ignore[arg-type]
    motion = _motion(model)
    start = make_start(motion.positions_rad[0], model)
    actions = write_actions(motion.target_positions_rad, motion.target_widths_m, convention, start, model)
    targets = read_actions(actions, convention, start, model.description.gripper.max_width_m)
    assert np.allclose(targets.widths_m, motion.target_widths_m)
    if frame == "joint":
        assert targets.positions_rad is not None
        assert np.allclose(targets.positions_rad, motion.target_positions_rad)
    else:
        assert targets.T_base_tools is not None
        assert np.allclose(targets.T_base_tools, tool_poses(motion.target_positions_rad, model), atol=1e-9)


def test_absent_pyarrow_is_told_with_the_command_that_mends_it(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"pip install 'verbot\[datasets\]'"):
        load_demonstrations(dataset)


def test_another_version_of_the_format_is_refused(dataset: Path) -> None:
    _change_info(dataset, codebase_version="v2.1")
    with pytest.raises(ConfigError, match="v3.0"):
        load_demonstrations(dataset)


def test_dataset_without_a_declaration_says_what_is_missing(dataset: Path) -> None:
    _change_info(dataset, verbot=None)
    with pytest.raises(ConfigError, match="'verbot'"):
        load_demonstrations(dataset)


def test_unknown_words_of_a_declaration_are_refused(dataset: Path) -> None:
    _change_info(dataset, verbot={"robot": "panda", "convention": {"frame": "world"}, "episodes": []})
    with pytest.raises(ConfigError, match=r"verbot\.convention\.frame"):
        load_demonstrations(dataset)


def test_values_that_are_not_finite_are_refused(model: RobotModel, tmp_path: Path) -> None:
    motion = _motion(model)
    motion.target_positions_rad[3, 2] = np.nan
    with pytest.raises(ValueError, match="NaN|nan|not JSON"):
        write_demonstrations(tmp_path / "set", [motion], Convention(), model)


def test_file_outside_the_folder_is_not_followed(dataset: Path, tmp_path: Path) -> None:
    file = dataset / "data" / "chunk-000" / "file-000.parquet"
    file.rename(tmp_path / "elsewhere.parquet")
    file.symlink_to(tmp_path / "elsewhere.parquet")
    with pytest.raises(ConfigError, match="out of the dataset's folder"):
        load_demonstrations(dataset)


@pytest.mark.parametrize("content", [b"", b"PAR1 and nothing else", b"\x80\x04."])
def test_damaged_file_is_one_line(dataset: Path, content: bytes) -> None:
    (dataset / "data" / "chunk-000" / "file-000.parquet").write_bytes(content)
    with pytest.raises(ConfigError, match="cannot be read as parquet"):
        load_demonstrations(dataset)


def test_a_folder_that_holds_something_is_not_written_over(dataset: Path, model: RobotModel) -> None:
    with pytest.raises(ConfigError, match="not empty"):
        write_demonstrations(dataset, [_motion(model)], Convention(), model)
