"""One shard of a light recording: episodes drawn, demonstrated and written; whole or absent.

In:  LightConfig, the shard's number.
Out: shard-N.jsonl, pictures-N.npz where asked for, then shard-N.npz; ShardReport.
The same bytes whichever worker makes it, and whatever that worker made before.
"""

from __future__ import annotations

import functools
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...sim.camera import Camera, CameraConfig
from ...sim.drawn_bodies import DrawnBody, make_room, move_room
from ...sim.noise import make_rng
from ...sim.scenes import SceneError
from ...sim.tasks.episodes import Episode
from ..config import ConfigError
from ..run_folder import place_whole
from ..stopwatch import cpu_now_s
from ..suites import build_suite
from .columns import Shard
from .config import LightConfig
from .expert import LightExpert
from .header import Cell, make_cell

PARTS = ("draw", "expert", "table", "pictures", "write")
DEPTH_UNIT_M = 1e-4
"""Kept depth is in whole units of this; 0 where nothing came back."""


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What came of a shard; CPU seconds by part."""

    number: int
    num_episodes: int
    num_keyframes: int
    num_left_out: int
    cpu_s: dict[str, float] = field(default_factory=dict[str, float])

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class ShardMaker:
    """Makes shards of one recording."""

    def __init__(self, config: LightConfig, folder: Path) -> None:
        self._config, self._folder = config, folder
        self._suite = build_suite(config.suite, config.settings, config.tasks)
        self._cell = make_cell(config)
        self._expert = LightExpert(self._cell.model)
        self._cameras = _cameras(self._cell, config)
        self._cpu_s: dict[str, float] = {part: 0.0 for part in PARTS}
        self._last_s = 0.0

    def make(self, number: int) -> ShardReport:
        """Draw, demonstrate, and put both files in place, the arrays last."""
        before = dict(self._cpu_s)
        shard = Shard(self._cell.model, self._cell.parts.kinds, self._cell.links)
        pictures: dict[str, list[np.ndarray]] = {}
        num_rows = 0
        for task, seed in self._config.in_shard(number):
            self._clock("")
            episode = self._draw(task, seed)
            self._clock("draw")
            found = self._expert.demonstrate(episode)
            self._clock("expert")
            drawn = shard.add(found, {"suite": self._config.suite_name, "task": task})
            self._clock("table")
            if self._cameras and drawn:
                self._take_pictures(episode, drawn, shard, num_rows, pictures)
            num_rows += len(drawn)
            self._clock("pictures")
        self._write(number, shard, pictures)
        self._clock("write")
        left_out = sum("left_out" in line for line in shard.lines)
        spent = {part: self._cpu_s[part] - before[part] for part in before}
        return ShardReport(number, len(shard.lines) - left_out, num_rows, left_out, spent)

    def _draw(self, task: str, seed: int) -> Episode:
        episode = self._suite.episode(task, seed)
        if episode.is_held_out:
            raise ConfigError(
                f"Task '{task}' is held out (its words or what it shows), not for training. Leave it out."
            )
        return episode

    def _take_pictures(
        self,
        episode: Episode,
        drawn: list[list[DrawnBody]],
        shard: Shard,
        first_row: int,
        pictures: dict[str, list[np.ndarray]],
    ) -> None:
        room = make_room(episode.scene, drawn[0], shard.link_poses(first_row))
        for step, bodies in enumerate(drawn):
            links = shard.link_poses(first_row + step)
            move_room(room, bodies, links)
            for camera in self._cameras:
                name = camera.config.name
                T_world_mount = links.get(camera.config.mount, np.eye(4))
                image = camera.measure(room, T_world_mount, 0.0, make_rng(episode.seed, episode.family, name, step))
                pictures.setdefault(f"{name}_rgb", []).append(image.rgb)
                depth = np.round(image.depth_m / DEPTH_UNIT_M).clip(0, 65535).astype(np.uint16)
                pictures.setdefault(f"{name}_depth", []).append(depth)

    def _write(self, number: int, shard: Shard, pictures: dict[str, list[np.ndarray]]) -> None:
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in shard.lines)
        place_whole(self._folder / f"shard-{number:05d}.jsonl", lambda part: part.write_text(text, encoding="utf-8"))
        if pictures:
            stacked: dict[str, Any] = {name: np.stack(rows) for name, rows in pictures.items()}
            place_whole(self._folder / f"pictures-{number:05d}.npz", lambda part: _save(part, stacked, is_small=False))
        place_whole(self._folder / f"shard-{number:05d}.npz", lambda part: _save(part, shard.arrays(), is_small=True))

    def _clock(self, part: str) -> None:
        now_s = cpu_now_s()
        if part:
            self._cpu_s[part] += now_s - self._last_s
        self._last_s = now_s


@functools.cache
def shard_maker(config_json: str, folder: str) -> ShardMaker:
    """This process's maker of a recording."""
    return ShardMaker(LightConfig.model_validate_json(config_json), Path(folder))


def make_shard(config_json: str, folder: str, number: int) -> dict[str, Any]:
    """A job for a worker: plain values in and out."""
    try:
        return shard_maker(config_json, folder).make(number).to_dict()
    except SceneError as problem:
        raise ConfigError(str(problem)) from None


def _cameras(cell: Cell, config: LightConfig) -> list[Camera]:
    """The composition's cameras with the asked number of pixels; none where no pictures are kept."""
    if config.pictures is None:
        return []
    width, height = config.pictures
    configs: list[CameraConfig] = [s.config for s in cell.composition.sensors if isinstance(s, Camera)]
    return [Camera(camera.model_copy(update={"width": width, "height": height})) for camera in configs]


def _save(path: Path, arrays: dict[str, Any], *, is_small: bool) -> None:
    with path.open("wb") as file:  # a path would be given another ending
        (np.savez_compressed if is_small else np.savez)(file, **arrays)
