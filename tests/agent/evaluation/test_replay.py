import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from verbot.agent.build import build_model
from verbot.agent.cli import main
from verbot.agent.config import make_run_config
from verbot.agent.evaluation.convention import Convention
from verbot.agent.evaluation.dataset_writer import RecordedMotion, write_demonstrations
from verbot.agent.evaluation.demonstrate import record_demonstration
from verbot.agent.evaluation.replay import ReplayReport, replay
from verbot.agent.evaluation.wrong_axis import Axis

pytest.importorskip("pyarrow", reason="datasets need the extra 'datasets'")

JOINT = Convention(gripper="opening")
TOOL_DELTA = Convention(frame="tool", mode="delta", gripper="closing", angle="deg", length="mm", state_angle="rad")


@pytest.fixture(scope="module")
def motion() -> RecordedMotion:
    config = make_run_config(command="-", scene="table_road/pick_up", seed=1, perceiver="oracle", device="cpu")
    recorded, record = record_demonstration(config)
    assert record.ended_by == "done"
    return recorded


@pytest.fixture
def corrupted(motion: RecordedMotion, tmp_path: Path) -> Callable[..., ReplayReport]:
    """Write the motion in one convention, declare it in another, drive it again."""

    def replayed(truth: Convention, **declared: Any) -> ReplayReport:
        folder = write_demonstrations(tmp_path / "dataset", [motion], truth, build_model())
        info = json.loads((folder / "meta" / "info.json").read_text())
        info["verbot"]["convention"].update(declared)
        (folder / "meta" / "info.json").write_text(json.dumps(info))
        return replay(folder)

    return replayed


@pytest.mark.parametrize("truth", [JOINT, TOOL_DELTA])
def test_demonstration_succeeds_when_driven_again_as_declared(
    corrupted: Callable[..., ReplayReport], truth: Convention
) -> None:
    report = corrupted(truth)
    assert report.successes == 1
    assert report.wrong_axis is None
    assert report.episodes[0].diagnosis.axis is None


@pytest.mark.slow
def test_long_demonstration_by_tool_motions_does_not_wander_off_in_the_joints(tmp_path: Path) -> None:
    config = make_run_config(command="-", scene="table_road/put_in", seed=0, perceiver="oracle", device="cpu")
    recorded, _ = record_demonstration(config)
    convention = Convention(frame="base", mode="delta")
    report = replay(write_demonstrations(tmp_path / "dataset", [recorded], convention, build_model()))
    assert report.successes == 1


@pytest.mark.parametrize(
    ("truth", "declared", "axis"),
    [
        (TOOL_DELTA, {"frame": "base"}, Axis.FRAME),
        (JOINT, {"frame": "base"}, Axis.FRAME),
        (JOINT, {"mode": "delta"}, Axis.MODE),
        (TOOL_DELTA, {"mode": "absolute"}, Axis.MODE),
        (JOINT, {"gripper": "closing"}, Axis.GRIPPER),
        (JOINT, {"gripper": "width"}, Axis.GRIPPER),
        (JOINT, {"angle": "deg"}, Axis.UNITS),
        (TOOL_DELTA, {"length": "m", "state_length": "mm"}, Axis.UNITS),
        (JOINT, {"rate_hz": 100.0}, Axis.RATE),
    ],
)
def test_wrong_axis_of_a_declaration_is_named(
    corrupted: Callable[..., ReplayReport], truth: Convention, declared: dict[str, Any], axis: Axis
) -> None:
    report = corrupted(truth, **declared)
    assert report.successes == 0
    assert report.wrong_axis is axis
    assert report.episodes[0].diagnosis.sure > 0.6
    assert axis in "\n".join(report.lines())
    assert json.loads(json.dumps(report.to_dict()))["wrong_axis"] == axis


def test_eval_replay_tells_the_wrong_axis_and_exits_with_one(
    motion: RecordedMotion, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_demonstrations(tmp_path / "dataset", [motion], JOINT, build_model())
    info = json.loads((folder / "meta" / "info.json").read_text())
    info["verbot"]["convention"]["angle"] = "deg"
    (folder / "meta" / "info.json").write_text(json.dumps(info))
    assert main(["eval", "--replay", str(folder), "--json", "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["wrong_axis"] == "units"
    assert "likely wrong: units" in told.err
    assert json.loads((tmp_path / "out" / "replay.json").read_text())["successes"] == 0


def test_dataset_of_another_scene_is_not_blamed_on_the_convention(motion: RecordedMotion, tmp_path: Path) -> None:
    folder = write_demonstrations(tmp_path / "dataset", [motion], JOINT, build_model())
    info = json.loads((folder / "meta" / "info.json").read_text())
    info["verbot"]["episodes"][0]["seed"] = 2
    (folder / "meta" / "info.json").write_text(json.dumps(info))
    report = replay(folder)
    assert report.successes == 0
    assert report.wrong_axis is None
