"""Where a sensor sits: its pose on a link of the robot or in the world, as written in TOML."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.spatial.transform import Rotation

from ..perception.types import WORLD

Coordinate = Annotated[float, Field(ge=-10.0, le=10.0)]
Part = Annotated[float, Field(ge=-1.001, le=1.001)]
Point = tuple[Coordinate, Coordinate, Coordinate]


class MountConfig(BaseModel):
    """Base of every sensor's config: name, timing and pose on its mount ("world" or a link of the robot).

    The orientation is either `look_at_m` (a point in the mount's frame that the sensor's forward axis meets,
    upright against the mount's z) or `quat_xyzw`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1)]
    mount: str = WORLD
    position_m: Point = (0.0, 0.0, 0.0)
    look_at_m: Point | None = None
    quat_xyzw: tuple[Part, Part, Part, Part] | None = None
    rate_hz: Annotated[float, Field(gt=0.0, le=2000.0)]
    delay_s: Annotated[float, Field(ge=0.0, le=1.0)]

    @model_validator(mode="after")
    def _one_orientation(self) -> MountConfig:
        if self.look_at_m is not None and self.quat_xyzw is not None:
            raise ValueError("give either look_at_m or quat_xyzw, not both")
        if self.look_at_m is not None and np.allclose(self.look_at_m, self.position_m):
            raise ValueError("look_at_m equals position_m, expected another point")
        if self.quat_xyzw is not None and abs(np.linalg.norm(self.quat_xyzw) - 1.0) > 1e-3:
            raise ValueError(f"quat_xyzw {self.quat_xyzw} does not have length 1. Normalise it, order x, y, z, w")
        return self

    def make_pose(self) -> Float[np.ndarray, "4 4"]:
        """T_mount_sensor; with `look_at_m` the sensor's z meets the point and its y points down (as cameras do)."""
        if self.look_at_m is not None:
            return look_at(np.array(self.position_m), np.array(self.look_at_m))
        T_mount_sensor = np.eye(4)
        T_mount_sensor[:3, 3] = self.position_m
        if self.quat_xyzw is not None:
            T_mount_sensor[:3, :3] = Rotation.from_quat(self.quat_xyzw).as_matrix()
        return T_mount_sensor


def look_at(eye: Float[np.ndarray, "3"], target: Float[np.ndarray, "3"]) -> Float[np.ndarray, "4 4"]:
    """Pose of a camera at `eye` whose z meets `target`, x level; straight up or down, image up is +x."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    up = np.array([0.0, 0.0, 1.0]) if abs(forward[2]) < 0.999 else np.array([1.0, 0.0, 0.0])
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    T_mount_camera = np.eye(4)
    T_mount_camera[:3, :3] = np.column_stack([right, np.cross(forward, right), forward])
    T_mount_camera[:3, 3] = eye
    return T_mount_camera
