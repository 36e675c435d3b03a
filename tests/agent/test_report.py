import json
from pathlib import Path
from typing import Any

import pytest
from verbot.agent.config import ConfigError
from verbot.agent.report import render, write_report
from verbot.agent.run_folder import RunFolder

HOSTILE = "<script>alert(1)</script>"


def _result() -> dict[str, Any]:
    return {
        "command": f"put {HOSTILE} down",
        "task": {"goal": ["in(object_1, object_2)"], "names": {"object_1": HOSTILE}},
        "problem": None,
        "success": False,
        "score": 0.5,
        "score_source": "truth",
        "criteria": [{"name": "in(a, b)", "met": False, "value": 0.2, "margin_m": -0.01, "reason": "beside it"}],
        "ended_by": "gave_up",
        "detail": HOSTILE,
        "steps": [
            {
                "action": "pick(object_1)", "reason": HOSTILE, "source": "geometric", "confidence": 0.9,
                "verdict": "allowed", "outcome": "missed", "detail": "", "start_s": 1.0, "end_s": 2.0,
            }
        ],
        "verdicts": [
            {
                "allowed": True,
                "findings": [
                    {"rule": "speed", "ruling": "allowed", "margin": 0.1, "unit": "rad/s", "time_s": 0.3, "reason": "x"}
                ],
            }
        ],
        "replans": 1,
        "violations": [{"kind": "dropped", "subject": "x", "value": 0.1, "unit": "m", "limit": 0.02, "time_s": 1.0}],
        "time_s": 5.0,
        "path_length_m": None,
        "timings_s": {"plan": 0.2, "total": 0.3},
        "robot": "panda", "scene": "table", "seed": 0, "policy": "geometric", "perceiver": "oracle",
        "perceiver_is_oracle": True,
        "versions": {"python": "3.11"},
    }  # fmt: skip


def _scene() -> dict[str, Any]:
    thing = {
        "id": "object_1", "color": HOSTILE, "color_rgb": [1.0, 0.0, 0.0], "shape": "block", "shape_confidence": 1.0,
        "position_world": [0.5, 0.1, 0.02], "yaw_rad": 0.3, "size_m": [0.04, 0.04, 0.04], "cavity_depth_m": 0.0,
        "std_m": [0.001, 0.001, 0.001], "existence": 0.99, "sources": ["front"], "last_seen_s": 0.2,
    }  # fmt: skip
    camera = {
        "sensor": "front", "file": "pictures/start-front.jpg", "size": [64, 48], "intrinsics": [50.0, 50.0, 32.0, 24.0],
        "T_world_camera": [[0, -1, 0, 0.5], [-1, 0, 0, 0.1], [0, 0, -1, 0.8], [0, 0, 0, 1]],
    }  # fmt: skip
    health = [{"sensor": "front", "health": 1.0, "reason": "ok", "age_s": 0.03}]
    return {
        "name": "start",
        "time_s": 0.2,
        "table": None,
        "held": None,
        "objects": [thing],
        "health": health,
        "cameras": [camera],
    }


def test_words_from_outside_cannot_become_markup(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "start-front.jpg").write_bytes(b"\xff\xd8\xff\xd9")
    page = render(_result(), [_scene()], tmp_path)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_page_needs_no_network(tmp_path: Path) -> None:
    page = render(_result(), [_scene()], tmp_path)
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert 'src="/' not in page


def test_oracle_is_flagged(tmp_path: Path) -> None:
    assert "reads simulator truth" in render(_result(), [], tmp_path)


def test_folder_without_a_result_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"result\.json"):
        write_report(RunFolder(tmp_path))


def test_trouble_of_a_sensor_and_contradictions_stand_on_the_page_escaped(tmp_path: Path) -> None:
    rows = [
        {"time_s": 0.0, "sensor": HOSTILE, "health": 1.0, "reason": "ok"},
        {"time_s": 2.0, "sensor": HOSTILE, "health": 0.0, "reason": "frozen"},
    ]
    (tmp_path / "health.json").write_text(json.dumps(rows))
    found = {"seer": HOSTILE, "owner": "lidar", "position_world": [0.5, 0.1, 0.02], "share": 0.4}
    page = render(_result(), [{**_scene(), "contradictions": [found]}], tmp_path)
    assert "frozen" in page
    assert "looks through what lidar sees" in page
    assert "<script" not in page
