"""A table of scenes at keyframes, as tensors: what stands where, what the expert did there, what was said.

In:  a folder written by `verbot record --light`: header.json, shapes.npz, shard-N.npz with shard-N.jsonl.
Out: SceneTable for some of its shards; batches of Bodies, Lights and Views for the renderers.

Numbers of bodies (`moved`, `target`, `held`) count the names of the row's episode; -1 is none of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from .bodies import Bodies, repeat_ranges, rotations_of
from .camera import CameraModel
from .lidar import LidarModel
from .rays import Beams, Pinhole
from .shade import Lights
from .shapes import Shapes, load_shapes
from .trace import Views

SCHEMA = "verbot-light/1"
WORLD = "world"


@dataclass(frozen=True, slots=True)
class Columns:
    """One shard or several. Poses are of the tool: where the step `begin`s to hold, grasps or lets go (`goal`), `end`s.

    `body_first[k]` to `body_first[k + 1]` are the bodies of keyframe k; `body` is its number in the episode.
    """

    episode: Annotated[Tensor, " keyframes"]
    sentence: Annotated[Tensor, " keyframes"]
    step: Annotated[Tensor, " keyframes"]
    action: Annotated[Tensor, " keyframes"]
    relation: Annotated[Tensor, " keyframes"]
    moved: Annotated[Tensor, " keyframes"]
    target: Annotated[Tensor, " keyframes"]
    held: Annotated[Tensor, " keyframes"]
    joints_rad: Annotated[Tensor, "keyframes joints"]
    width_m: Annotated[Tensor, " keyframes"]
    width_before_m: Annotated[Tensor, " keyframes"]
    width_after_m: Annotated[Tensor, " keyframes"]
    begin_position: Annotated[Tensor, "keyframes 3"]
    begin_quat: Annotated[Tensor, "keyframes 4"]
    goal_position: Annotated[Tensor, "keyframes 3"]
    goal_quat: Annotated[Tensor, "keyframes 4"]
    end_position: Annotated[Tensor, "keyframes 3"]
    end_quat: Annotated[Tensor, "keyframes 4"]
    link_position: Annotated[Tensor, "keyframes links 3"]
    link_quat: Annotated[Tensor, "keyframes links 4"]
    body_first: Annotated[Tensor, " ends"]
    body: Annotated[Tensor, " bodies"]
    body_kind: Annotated[Tensor, " bodies"]
    body_position: Annotated[Tensor, "bodies 3"]
    body_quat: Annotated[Tensor, "bodies 4"]
    body_scale: Annotated[Tensor, "bodies 3"]
    body_color: Annotated[Tensor, "bodies 3"]
    toward_light: Annotated[Tensor, "episodes 3"]
    key: Annotated[Tensor, " episodes"]
    ambient: Annotated[Tensor, " episodes"]
    tint: Annotated[Tensor, "episodes 3"]

    @property
    def num_keyframes(self) -> int:
        """Rows."""
        return len(self.episode)


@dataclass(frozen=True, slots=True)
class SceneTable:
    """`header` names actions, relations, kinds (shape and size) and links; `episodes` are the texts, line by line."""

    header: dict[str, Any]
    shapes: Shapes
    columns: Columns
    episodes: tuple[dict[str, Any], ...]
    cameras: tuple[CameraModel, ...]
    lidars: tuple[LidarModel, ...]

    def bodies_at(self, rows: Annotated[Tensor, " rows"]) -> Bodies:
        """All bodies of these keyframes, the arm's links too; scene i is row i."""
        columns = self.columns
        first, end = columns.body_first[rows], columns.body_first[rows + 1]
        scene, body = repeat_ranges(first, end - first)
        link_kinds = torch.tensor([self.shapes.kinds.index(name) for name in self.header["links"]], device=rows.device)
        num_links = len(link_kinds)
        arm = torch.arange(len(rows), device=rows.device).repeat_interleave(num_links)
        ones = torch.ones(len(arm), 3, device=rows.device)
        return Bodies(
            torch.cat([scene, arm]),
            torch.cat([columns.body_kind[body].long(), link_kinds.repeat(len(rows))]),
            torch.cat([columns.body_position[body], columns.link_position[rows].reshape(-1, 3)]),
            torch.cat([columns.body_quat[body], columns.link_quat[rows].reshape(-1, 4)]),
            torch.cat([columns.body_scale[body], ones]),
            torch.cat([columns.body_color[body], ones]),
        )

    def lights_at(self, rows: Annotated[Tensor, " rows"]) -> Lights:
        """The light of each keyframe."""
        columns = self.columns
        episode = columns.episode[rows].long()
        return Lights(
            columns.toward_light[episode], columns.key[episode], columns.ambient[episode], columns.tint[episode]
        )

    def views_at(self, rows: Annotated[Tensor, " rows"], sensor: CameraModel | LidarModel) -> Views:
        """Where the sensor is at each keyframe."""
        T_mount = sensor.T_mount_camera if isinstance(sensor, CameraModel) else sensor.T_mount_sensor
        T_mount = T_mount.to(rows.device)
        scene = torch.arange(len(rows), device=rows.device)
        if sensor.mount == WORLD:
            rotation, position = T_mount[:3, :3].expand(len(rows), 3, 3), T_mount[:3, 3].expand(len(rows), 3)
            return Views(scene, position, rotation)
        link = self.header["links"].index(sensor.mount)
        R_world_link = rotations_of(self.columns.link_quat[rows, link])
        position = self.columns.link_position[rows, link] + R_world_link @ T_mount[:3, 3]
        return Views(scene, position, R_world_link @ T_mount[:3, :3])

    def to(self, device: torch.device | str) -> SceneTable:
        """The same with columns and shapes on a device."""
        columns = Columns(*(getattr(self.columns, field.name).to(device) for field in fields(Columns)))
        shapes = self.shapes.to(device)
        return SceneTable(self.header, shapes, columns, self.episodes, self.cameras, self.lidars)


def list_shards(folder: str | Path) -> list[int]:
    """Numbers of the shards that are whole."""
    return sorted(int(path.stem.removeprefix("shard-")) for path in Path(folder).glob("shard-*.npz"))


def load_table(folder: str | Path, shards: list[int] | None = None) -> SceneTable:
    """The shards named, or all, joined in the order of their numbers.

    Raises:
        ValueError: the folder holds no table of this form, or not that shard.
    """
    folder = Path(folder)
    header = _read_header(folder)
    present = list_shards(folder)
    chosen = present if shards is None else shards
    missing = sorted(set(chosen) - set(present))
    if missing or not chosen:
        raise ValueError(
            f"{folder} has shards {present}, expected {missing or 'at least one'}. Run verbot record again."
        )
    stored: list[dict[str, np.ndarray]] = []
    episodes: list[dict[str, Any]] = []
    for number in chosen:
        with np.load(folder / f"shard-{number:05d}.npz", allow_pickle=False) as arrays:
            stored.append({name: arrays[name] for name in arrays.files})
        text = (folder / f"shard-{number:05d}.jsonl").read_text(encoding="utf-8")
        episodes += [line for line in map(json.loads, text.splitlines()) if "left_out" not in line]
    sensors = header["sensors"]
    return SceneTable(
        header,
        load_shapes(folder / "shapes.npz"),
        _join(stored),
        tuple(episodes),
        tuple(_camera(entry) for entry in sensors if entry["kind"] == "camera"),
        tuple(_lidar(entry) for entry in sensors if entry["kind"] == "lidar"),
    )


def _read_header(folder: Path) -> dict[str, Any]:
    try:
        header = json.loads((folder / "header.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ValueError(
            f"{folder} holds no readable header.json ({problem}). Name a folder of verbot record."
        ) from None
    if header.get("schema") != SCHEMA:
        raise ValueError(f"{folder} has schema {header.get('schema')!r}, expected {SCHEMA!r}. Record it again.")
    return header


def _join(shards: list[dict[str, np.ndarray]]) -> Columns:
    """One after the other; what counts episodes and bodies counts on."""
    episodes = np.cumsum([0, *(len(shard["key"]) for shard in shards)])
    bodies = np.cumsum([0, *(len(shard["body"]) for shard in shards)])
    values: dict[str, Tensor] = {}
    for field in fields(Columns):
        rows = [shard[field.name] for shard in shards]
        if field.name == "episode":
            rows = [row + first for row, first in zip(rows, episodes[:-1], strict=True)]
        if field.name == "body_first":
            rows = [row[:-1] + first for row, first in zip(rows, bodies[:-1], strict=True)] + [bodies[-1:]]
        values[field.name] = torch.from_numpy(np.concatenate(rows))
    return Columns(**values)


def _camera(entry: dict[str, Any]) -> CameraModel:
    pinhole = Pinhole(entry["width"], entry["height"], entry["focal"], entry["cx"], entry["cy"])
    names = {field.name for field in fields(CameraModel)} - {"pinhole", "T_mount_camera", "name", "mount"}
    errors = {name: float(entry[name]) for name in names}
    return CameraModel(entry["name"], pinhole, entry["mount"], torch.tensor(entry["T_mount_sensor"]), **errors)


def _lidar(entry: dict[str, Any]) -> LidarModel:
    azimuth, elevation = entry["azimuth_rad"], entry["elevation_rad"]
    beams = Beams(entry["columns"], entry["rings"], (azimuth[0], azimuth[1]), (elevation[0], elevation[1]))
    names = {field.name for field in fields(LidarModel)} - {"beams", "T_mount_sensor", "name", "mount"}
    errors = {name: float(entry[name]) for name in names}
    return LidarModel(entry["name"], beams, entry["mount"], torch.tensor(entry["T_mount_sensor"]), **errors)
