"""One self-contained HTML page from a stored run; never reruns anything.

In:  a run's folder (`result.json`, `scenes.json`, `health.json`, `pictures/`, `episode.mp4`, as far as they are there).
Out: `report.html`, which opens from disk without a network; names from outside are escaped.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from .config import ConfigError
from .health_chart import spans, troubles
from .run_folder import RunFolder
from .scene_picture import map_svg, overlay_svg

TEMPLATE = "report.html.j2"
MAX_VIDEO_BYTES = 40_000_000


def write_report(folder: RunFolder) -> Path:
    """Render `report.html` from what the folder holds.

    Raises:
        ConfigError: the folder holds no readable `result.json`.
    """
    result = _load_json(folder.path / "result.json")
    if result is None:
        raise ConfigError(f"{folder.path} has no readable result.json. Give the folder of a run.")
    scenes = _load_json(folder.path / "scenes.json") or []
    return folder.write_text("report.html", render(result, scenes, folder.path))


def render(result: dict[str, Any], scenes: list[dict[str, Any]], path: Path) -> str:
    """The page's text."""
    import jinja2

    health = _load_json(path / "health.json") or []
    end_s = max([result.get("time_s") or 0.0, *(row["time_s"] for row in health)])
    sensors = spans(health, end_s)

    template_text = (Path(__file__).parent / "data" / TEMPLATE).read_text(encoding="utf-8")
    template = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(template_text)
    names = (result.get("task") or {}).get("names") or {}
    return template.render(
        result=result,
        badge=_badge(result),
        video=_data_url(path / "episode.mp4", "video/mp4", MAX_VIDEO_BYTES),
        views=[_view(scene, title, names, path) for scene, title in _first_and_last(scenes)],
        timings=_timing_bars(result.get("timings_s") or {}),
        replay=f"verbot run --config {path / 'config.toml'}",
        names=names,
        sensors=sensors,
        troubles=troubles(sensors),
        contradictions=[(scene["time_s"], found) for scene in scenes for found in scene.get("contradictions") or []],
    )


def _badge(result: dict[str, Any]) -> tuple[str, str]:
    if result["success"]:
        return "good", "succeeded"
    words = {
        "problem": "not started",
        "refused": "refused",
        "interrupted": "interrupted",
        "deadline": "out of time",
        "policy_error": "policy error",
    }
    return "bad", words.get(result.get("ended_by") or "", "failed")


def _first_and_last(scenes: list[dict[str, Any]]) -> list[tuple[dict[str, Any], str]]:
    looks = [scene for scene in scenes if scene["cameras"]]
    if not looks:
        return []
    first = [scene for scene in looks if scene["name"] == "start"][-1]
    last = looks[-1]
    return [(first, "Before")] if last is first else [(first, "Before"), (last, "After")]


def _view(scene: dict[str, Any], title: str, names: dict[str, str], path: Path) -> dict[str, Any]:
    pictures = []
    for camera in scene["cameras"]:
        href = _data_url(path / camera["file"], "image/jpeg")
        if href:
            pictures.append({"sensor": camera["sensor"], "svg": overlay_svg(scene, camera, href)})
    return {
        "title": title,
        "time_s": scene["time_s"],
        "map": map_svg(scene, names),
        "pictures": pictures,
        "scene": scene,
    }


def _timing_bars(timings_s: dict[str, float]) -> list[dict[str, Any]]:
    stages = {name: value for name, value in timings_s.items() if name != "total"}
    longest = max(stages.values(), default=0.0) or 1.0
    return [{"name": n, "seconds": v, "percent": 100.0 * v / longest} for n, v in stages.items()]


def _data_url(path: Path, media_type: str, limit: int = 4_000_000) -> str | None:
    if not path.is_file() or path.stat().st_size > limit:
        return None
    return f"data:{media_type};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def _load_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
