"""Real episodes, few: a run that is killed and resumed is the dataset that all tests here read."""

import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from verbot.agent.demonstrations.command import RecordOptions, record_command
from verbot.agent.demonstrations.config import make_record_config
from verbot.agent.demonstrations.record import first_job
from verbot.agent.demonstrations.run_job import run_job
from verbot.agent.evaluation.worker import seed_everything
from verbot.planning.robot_description import description_from_dict
from verbot.planning.robot_model import RobotModel
from verbot.policies.dataset import Demonstration, Demonstrations
from verbot.policies.demonstration_file import DemonstrationError
from verbot.sim.tasks.families import EVERY_FAMILY

GIVEN: dict[str, Any] = {
    "suite": "table_road",
    "tasks": ("put_in",),
    "episodes": 2,
    "seed": 3,
    "workers": 1,
    "robot": "panda:panda_table_small",
    "rate_hz": 2.0,
    "scan_hz": 1.0,
}
OF_THE_RUN = ("run", "episode")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demonstrations") / "set"
    program = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from verbot.agent.demonstrations.command import RecordOptions, record_command\n"
        "if __name__ == '__main__':\n"
        "    record_command(json.loads(sys.argv[1]), RecordOptions(out=Path(sys.argv[2]), quiet=True))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, json.dumps(GIVEN), str(folder)])
    lines, pause = folder / "episodes.jsonl", threading.Event()
    while process.poll() is None and not (lines.exists() and lines.read_bytes().count(b"\n")):
        pause.wait(0.05)
    process.kill()
    process.wait()
    assert len(Demonstrations(folder)) == 1  # what was finished can be read at once
    next(iter(Demonstrations(folder)))
    with lines.open("ab") as file:
        file.write(b'{"key": "torn')
    (folder / "episodes" / ".put_in-000009.npz.tmp").write_bytes(b"half")
    code, _ = record_command({}, RecordOptions(out=folder, resume=True, quiet=True))
    assert code == 0
    return folder


@pytest.fixture(scope="module")
def demonstration(dataset: Path) -> Demonstration:
    return Demonstrations(dataset).load(0)


def test_killed_and_resumed_it_holds_whole_successes_and_nothing_else(dataset: Path) -> None:
    found = Demonstrations(dataset)
    assert [(line["task"], line["seed"]) for line in found.lines] == [("put_in", 3), ("put_in", 4)]
    assert all(line["success"] for line in found.lines)
    assert {path.name for path in (dataset / "episodes").iterdir()} == {
        Path(line["file"]["path"]).name for line in found.lines
    }
    assert json.loads((dataset / "summary.json").read_text())["total"]["kept"] == 2


def test_an_episode_played_elsewhere_gives_the_same_bytes_and_the_same_line(dataset: Path, tmp_path: Path) -> None:
    job = replace(first_job(make_record_config(**GIVEN), tmp_path), task="put_in", seed=4)
    seed_everything(job)
    with run_job(job) as answer:
        line = answer.record
    stored = Demonstrations(dataset).lines[1]
    assert line == {key: value for key, value in stored.items() if key not in OF_THE_RUN}
    name = line["file"]["path"]
    assert (tmp_path / name).read_bytes() == (dataset / name).read_bytes()


def test_sentences_are_training_sentences_only(demonstration: Demonstration) -> None:
    (sentence,) = demonstration.sentences
    assert len({sentence.said, *sentence.others}) == 1 + GIVEN.get("phrasings", 4)
    beginnings = {t.partition("{")[0] for t in EVERY_FAMILY["put_in"].phrases.held_out}
    assert not any(text.startswith(tuple(beginnings)) for text in (sentence.said, *sentence.others))


def test_held_out_sentences_are_refused(tmp_path: Path) -> None:
    condition = {"name": "other_words", "held_out_phrases": True}
    held_out = {"table_road": {"families": ["put_in"], "conditions": [condition]}}
    given = {**GIVEN, "tasks": ("put_in@other_words",), "settings": held_out}
    with pytest.raises(ValueError, match="held out: no policy may be trained on them"):
        record_command(given, RecordOptions(out=tmp_path / "set", quiet=True))
    assert not (tmp_path / "set").exists()


def test_keyframes_are_where_the_recorded_arm_was(dataset: Path, demonstration: Demonstration) -> None:
    a = demonstration.arrays
    model = RobotModel(description_from_dict(Demonstrations(dataset).header["robot"]))
    assert a["steps.action"].tolist()[:2] == ["pick", "place"]
    kinds = a["keyframes.kind"].tolist()
    assert kinds.index("grasp") < kinds.index("release")
    for time_s, pose in zip(a["keyframes.time_s"], a["keyframes.tool_pose"], strict=True):
        row = int(np.argmin(np.abs(a["joints.times_s"] - time_s)))
        tool_world = model.tool_pose(a["joints.positions_rad"][row].astype(float))
        assert np.linalg.norm(tool_world[:3, 3] - pose[:3]) < 0.005
    # The grasp is where the look that decided it saw the object, and the fingers close there.
    grasp = kinds.index("grasp")
    step = a["keyframes.step"][grasp]
    seen = (a["objects.look"] == a["steps.look"][step]) & (a["objects.id"] == a["steps.object"][step])
    assert seen.sum() == 1
    away_m = a["objects.pose_world"][seen][0, :2, 3] - a["keyframes.tool_pose"][grasp][:2]
    assert np.linalg.norm(away_m) < 0.02
    assert a["keyframes.gripper_after_m"][grasp] < a["keyframes.gripper_before_m"][grasp]


def test_rows_are_told_where_to_be_one_row_later(demonstration: Demonstration) -> None:
    a = demonstration.arrays
    np.testing.assert_allclose(np.diff(a["rows.time_s"]), 1 / GIVEN["rate_hz"], atol=1e-9)
    moving = a["rows.step"][:-1] >= 0
    assert moving.sum() > 5
    assert np.abs(a["rows.target_positions_rad"][:-1] - a["rows.positions_rad"][1:])[moving].max() < 0.02
    assert set(a["rows.step"].tolist()) >= {0, 1}


def test_pictures_of_looks_and_rows_come_back_with_every_sensor(demonstration: Demonstration) -> None:
    a = demonstration.arrays
    assert demonstration.sensors("look") == demonstration.sensors("motion") == ("front", "wrist")
    assert demonstration.sensors("look", "points") == demonstration.sensors("motion", "points") == ("lidar",)
    whole, small = demonstration.image("look", "front", 0), demonstration.image("motion", "front", 0)
    assert (whole.depth_m.shape, small.depth_m.shape) == ((240, 320), (80, 107))
    assert a["look.front.index"].tolist() == list(range(len(a["looks.time_s"])))
    # The table, where the depth picture and the scan put it.
    v, u = np.mgrid[: small.intrinsics.height, : small.intrinsics.width]
    i = small.intrinsics
    z = small.depth_m
    points = np.stack([(u - i.cx) / i.fx * z, (v - i.cy) / i.fy * z, z], axis=-1)[z > 0]
    heights = (points @ small.T_mount_camera[:3, :3].T + small.T_mount_camera[:3, 3])[:, 2]
    assert np.mean(np.abs(heights) < 0.01) > 0.3
    scan = demonstration.scan("look", "lidar", 0)
    heights = (scan.points_sensor @ scan.T_mount_sensor[:3, :3].T + scan.T_mount_sensor[:3, 3])[:, 2]
    assert np.mean(np.abs(heights) < 0.03) > 0.1
    assert (scan.point_times_s <= scan.time_s + 1e-9).all()
    assert len(a["imu.imu.times_s"]) > 190 * a["rows.time_s"][-1]


def test_a_damaged_file_is_told_in_one_line(dataset: Path, tmp_path: Path) -> None:
    for name in ("dataset.json", "episodes.jsonl"):
        (tmp_path / name).write_bytes((dataset / name).read_bytes())
    line = Demonstrations(tmp_path).lines[0]
    content = (dataset / line["file"]["path"]).read_bytes()
    target = tmp_path / line["file"]["path"]
    target.parent.mkdir()
    middle = len(content) // 2
    for damaged, words in (
        (None, "Cannot read"),
        (content[:-1], "bytes, expected"),
        (content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :], "sha256"),
    ):
        if damaged is not None:
            target.write_bytes(damaged)
        with pytest.raises(DemonstrationError, match=words) as caught:
            Demonstrations(tmp_path).load(0)
        assert "\n" not in str(caught.value)


def test_another_config_is_refused_and_a_folder_is_not_written_over(dataset: Path) -> None:
    again = RecordOptions(out=dataset, resume=True, quiet=True)
    with pytest.raises(ValueError, match=r"rate_hz was 2.0 when this recording began and is 5.0 now"):
        record_command({"rate_hz": 5.0}, again)
    with pytest.raises(ValueError, match="suite"):
        record_command({"suite": "longhorizon"}, again)
    with pytest.raises(ValueError, match="already holds a recording"):
        record_command(GIVEN, RecordOptions(out=dataset, quiet=True))
    assert record_command({}, again)[0] == 0  # nothing left to do
