"""Light episodes as the columns of one shard and the lines of its texts.

In:  LightEpisode and LeftOut values in order, the robot's model, the numbers of kinds.
Out: arrays named as in policies/torch_scenes/table.py (Columns), and one JSON value for each episode.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from ...perception.types import SceneState
from ...planning.object_solids import width_between
from ...planning.robot_model import RobotModel
from ...planning.types import Action, Predicate, Trajectory
from ...sim.drawn_bodies import DrawnBody, draw_bodies
from ..rehearsal import CheckedStep
from .expert import LeftOut, LightEpisode

ACTIONS = tuple(action.value for action in Action)
RELATIONS = tuple(predicate.value for predicate in Predicate)


@dataclass(slots=True)
class Shard:
    """Rows as they come; `arrays` and `lines` are what is written."""

    model: RobotModel
    kinds: tuple[str, ...]
    links: tuple[str, ...]
    lines: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    _keyframes: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    _bodies: list[tuple[int, DrawnBody]] = field(default_factory=list[tuple[int, DrawnBody]])
    _first: list[int] = field(default_factory=lambda: [0])
    _lights: list[Any] = field(default_factory=list[Any])

    def add(self, found: LightEpisode | LeftOut, names: Mapping[str, str]) -> list[list[DrawnBody]]:
        """Take in one episode; `names` say where it comes from. Returns the bodies of each keyframe."""
        if isinstance(found, LeftOut):
            self.lines.append({**names, "seed": found.episode.seed, "left_out": found.reason})
            return []
        episode = found.episode
        drawn = [draw_bodies(episode.scene, checked.before) for _, checked in found.steps]
        objects = [item.id for item in found.steps[0][1].before.objects]
        places = [body.name for body in drawn[0] if body.name in {zone.name for zone in episode.scene.zones}]
        number = {name: index for index, name in enumerate([*objects, *places])}
        for step, ((sentence, checked), bodies) in enumerate(zip(found.steps, drawn, strict=True)):
            self._keyframes.append({"sentence": sentence, "step": step, **self._keyframe(checked, number)})
            self._bodies += [(number.get(body.name, -1), body) for body in bodies]
            self._first.append(len(self._bodies))
        self._lights.append(episode.scene.light)
        self.lines.append({**names, **_texts(found), "names": list(number)})
        return drawn

    def arrays(self) -> dict[str, np.ndarray]:
        """Every column of Columns."""
        rows, bodies = self._keyframes, [body for _, body in self._bodies]
        count = len(rows)
        columns = {
            name: np.array([row[name] for row in rows], dtype).reshape(count, *shape)
            for name, (dtype, shape) in _LAYOUT.items()
        }
        links = np.array([row["links"] for row in rows]).reshape(count, len(self.links), 4, 4)
        columns |= _poses("link", links)
        for name in ("begin", "goal", "end"):
            columns |= _poses(name, np.array([row[name] for row in rows]).reshape(count, 4, 4))
        columns |= _poses("body", np.array([body.T_world_body for body in bodies]).reshape(-1, 4, 4))
        columns |= {
            "body_first": np.array(self._first, np.int64),
            "body": np.array([number for number, _ in self._bodies], np.int16),
            "body_kind": np.array([self.kinds.index(body.kind) for body in bodies], np.int16),
            "body_scale": np.array([body.scale for body in bodies], np.float32).reshape(-1, 3),
            "body_color": np.array([body.color for body in bodies], np.float32).reshape(-1, 3),
            "toward_light": np.array([light.toward_light for light in self._lights], np.float32).reshape(-1, 3),
            "key": np.array([light.key for light in self._lights], np.float32),
            "ambient": np.array([light.ambient for light in self._lights], np.float32),
            "tint": np.array([light.tint for light in self._lights], np.float32).reshape(-1, 3),
        }
        return columns

    def link_poses(self, row: int) -> dict[str, Float[np.ndarray, "4 4"]]:
        """T_world_link at a keyframe."""
        return dict(zip(self.links, self._keyframes[row]["links"], strict=True))

    def _keyframe(self, checked: CheckedStep, number: Mapping[str, int]) -> dict[str, Any]:
        step, trajectory, body = checked.step, checked.trajectory, checked.before.body
        assert trajectory is not None  # the expert keeps steps with a motion
        assert body is not None
        width_m = self._finger_gap(checked.before)
        poses = self.model.link_poses(body.positions_rad[None], np.array([width_m]))[:, 0]
        begin, end, before_m = self._ways(trajectory)
        goal = trajectory.target_pose_world if trajectory.target_pose_world is not None else end
        return {
            "episode": len(self._lights),
            "action": ACTIONS.index(step.action.value),
            "relation": -1 if step.relation is None else RELATIONS.index(step.relation.value),
            "moved": number.get(step.object_id or "", -1),
            "target": number.get(step.target_id or "", -1),
            "held": number.get(body.held or "", -1),
            "joints_rad": body.positions_rad,
            "width_m": width_m,
            "width_before_m": before_m,
            "width_after_m": float(trajectory.gripper_width_m[-1]),
            "begin": begin,
            "goal": goal,
            "end": end,
            "links": [poses[self.model.links.index(link)] for link in self.links],
        }

    def _finger_gap(self, state: SceneState) -> float:
        """As wide as what is held; commanded is less, so that the fingers press."""
        body = state.body
        assert body is not None
        item = state.find(body.held) if body.held else None
        most_m = self.model.description.gripper.max_width_m
        if item is None:
            return float(np.clip(body.gripper_width_m, 0.0, most_m))
        T_hand_object = np.linalg.inv(self.model.tool_pose(body.positions_rad)) @ item.pose_world
        return float(np.clip(width_between(item, T_hand_object, most_m), 0.0, most_m))

    def _ways(self, trajectory: Trajectory) -> tuple[np.ndarray, np.ndarray, float]:
        """Tool poses where the object begins and ends to go along with the hand, and the opening it came with."""
        spans = trajectory.held or trajectory.pushed
        last = len(trajectory.times_s) - 1
        moments = (min(s.start_s for s in spans), max(s.end_s for s in spans)) if spans else (0.0, np.inf)
        first, end = (min(int(np.searchsorted(trajectory.times_s, moment)), last) for moment in moments)
        rows = trajectory.positions_rad
        return (
            self.model.tool_pose(rows[first]),
            self.model.tool_pose(rows[end]),
            float(trajectory.gripper_width_m[first]),
        )


_LAYOUT: Mapping[str, tuple[Any, tuple[int, ...]]] = {
    "episode": (np.int32, ()),
    "sentence": (np.int16, ()),
    "step": (np.int16, ()),
    "action": (np.int8, ()),
    "relation": (np.int8, ()),
    "moved": (np.int16, ()),
    "target": (np.int16, ()),
    "held": (np.int16, ()),
    "joints_rad": (np.float32, (-1,)),
    "width_m": (np.float32, ()),
    "width_before_m": (np.float32, ()),
    "width_after_m": (np.float32, ()),
}


def _poses(name: str, poses: Float[np.ndarray, "*rows 4 4"]) -> dict[str, np.ndarray]:
    rotations = Rotation.from_matrix(poses[..., :3, :3].reshape(-1, 3, 3)) if poses.size else None
    quats = np.zeros((0, 4)) if rotations is None else rotations.as_quat()
    shape = poses.shape[:-2]
    return {
        f"{name}_position": poses[..., :3, 3].astype(np.float32),
        f"{name}_quat": quats.reshape(*shape, 4).astype(np.float32),
    }


def _texts(found: LightEpisode) -> dict[str, Any]:
    episode = found.episode
    said: Sequence[Any] = (episode, *episode.later)
    sentences = [
        {
            "command": sentence.command,
            "others": list(sentence.others),
            "goal": [str(fact) for fact in sentence.goal],
            "steps": [str(checked.step) for number, checked in found.steps if number == index],
        }
        for index, sentence in enumerate(said)
    ]
    return {"seed": episode.seed, "sentences": sentences}
