"""Keeps what a person or a program needs to look at a run later: perceived scenes, pictures, health of sensors.

In:  the events of a run (it is an Observer).
Out: `scenes.json`, `health.json` and `pictures/*.jpg` in the run's folder, written as they come, so that an interrupted
run keeps them.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from jaxtyping import Float

from ..perception.types import WORLD, CameraImage, ObjectState, RobotBody, SceneState, SensorFrame
from ..planning.types import PlanStep
from .captions import Captions
from .health_chart import HealthLog
from .run_folder import RunFolder

MAX_PICTURE_WIDTH = 640


class Recorder(Captions):
    """Writes every look's scene; pictures of the first and of the latest look."""

    def __init__(self, folder: RunFolder, body: RobotBody | None) -> None:
        super().__init__()
        self._folder, self._body = folder, body
        self.scenes: list[dict[str, Any]] = []
        self._health = HealthLog()

    def on_scene(self, frame: SensorFrame, scene: SceneState) -> None:
        """Keep the scene, and the pictures it was made from."""
        name = "start" if len(self.scenes) <= 1 else "end"
        cameras = [self._keep_picture(image, scene, name) for image in frame.images]
        self.scenes.append({"name": name, **scene_to_dict(scene), "cameras": cameras})
        self._folder.write_json("scenes.json", self.scenes)
        self._note_health(scene)

    def on_progress(self, step: PlanStep, fraction: float, scene: SceneState) -> None:
        """Sensors may fail between looks."""
        self._note_health(scene)

    def _note_health(self, scene: SceneState) -> None:
        if self._health.note(scene):
            self._folder.write_json("health.json", self._health.rows)

    def _keep_picture(self, image: CameraImage, scene: SceneState, name: str) -> dict[str, Any]:
        file = f"pictures/{name}-{image.sensor}.jpg"
        self._folder.write_bytes(file, jpeg(image.rgb))
        pose = camera_pose(image, scene, self._body)
        i = image.intrinsics
        return {
            "sensor": image.sensor,
            "file": file,
            "size": [i.width, i.height],
            "intrinsics": [i.fx, i.fy, i.cx, i.cy],
            "T_world_camera": None if pose is None else rounded(pose),
        }


def camera_pose(image: CameraImage, scene: SceneState, body: RobotBody | None) -> Float[np.ndarray, "4 4"] | None:
    """T_world_camera, or None where the mount's pose is not known."""
    if image.mount == WORLD:
        return image.T_mount_camera
    if body is None or scene.body is None:
        return None
    link = body.link_pose(image.mount, scene.body.positions_rad, scene.body.gripper_width_m)
    return link @ image.T_mount_camera


def jpeg(rgb: np.ndarray, max_width: int = MAX_PICTURE_WIDTH) -> bytes:
    """A JPEG at most so many pixels wide."""
    from PIL import Image

    picture = Image.fromarray(rgb)
    if picture.width > max_width:
        picture = picture.resize((max_width, picture.height * max_width // picture.width))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def scene_to_dict(scene: SceneState) -> dict[str, Any]:
    """JSON for people and programs; metres, radians, seconds."""
    return {
        "time_s": rounded(scene.time_s),
        "source": scene.source,
        "table": None
        if scene.table is None
        else {
            "height_m": rounded(scene.table.height_m),
            "bounds_world": rounded(np.array(scene.table.bounds_world)),
            "tilt_rad": rounded(scene.table.tilt_rad),
        },
        "held": scene.body.held if scene.body else None,
        "objects": [object_to_dict(o) for o in scene.objects],
        **({"shares": {name: rounded(share) for name, share in scene.shares.items()}} if scene.shares else {}),
        "health": [
            {"sensor": h.sensor, "health": rounded(h.health), "reason": h.reason.value, "age_s": rounded(h.age_s)}
            for h in scene.health
        ],
        "contradictions": [
            {
                "seer": c.seer,
                "owner": c.owner,
                "position_world": rounded(np.array(c.position_world)),
                "share": rounded(c.share),
            }
            for c in scene.contradictions
        ],
    }


def object_to_dict(thing: ObjectState) -> dict[str, Any]:
    """One object; `std_m` is the standard deviation of its position."""
    return {
        "id": thing.id,
        "color": thing.color,
        "color_rgb": rounded(thing.color_rgb),
        "shape": thing.shape.value,
        "shape_confidence": rounded(thing.shape_confidence),
        "position_world": rounded(thing.position_world),
        "yaw_rad": rounded(thing.yaw_rad),
        "size_m": rounded(thing.size_m),
        "cavity_depth_m": rounded(thing.cavity_depth_m),
        "std_m": rounded(np.sqrt(np.clip(np.diag(thing.covariance)[:3], 0.0, None))),
        "existence": rounded(thing.existence),
        "sources": list(thing.sources),
        "last_seen_s": rounded(thing.last_seen_s),
        **({"shares": {name: rounded(share) for name, share in thing.shares}} if thing.shares else {}),
    }


def rounded(value: Any, digits: int = 6) -> Any:
    """Numbers and arrays as JSON numbers; what is not finite becomes null."""
    if value is None:
        return None
    if isinstance(value, np.ndarray):
        return [rounded(item, digits) for item in value.tolist()]
    if isinstance(value, list | tuple):
        return [rounded(item, digits) for item in value]
    number = round(float(value), digits)
    return number + 0.0 if np.isfinite(number) else None
