"""Zones: rectangles painted on the table, which cameras see as colour and nothing can touch.

In:  a scene's zones.
Out: Zone: where it is, what cameras see of it, and its state on truth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..perception.colors import PALETTE
from ..perception.types import ObjectState, Shape
from .raycast import VisualBody

PAINT_M = 0.0002  # thick enough that a ray meets the paint before the table


@dataclass(frozen=True, slots=True)
class Zone:
    """One rectangle; `center_world` and `size_m` in the plane of the table, x along `yaw_rad`."""

    name: str
    color: str
    center_world: tuple[float, float]
    size_m: tuple[float, float]
    yaw_rad: float = 0.0

    @property
    def corners_world(self) -> Float[np.ndarray, "4 2"]:
        """Counter-clockwise."""
        cos, sin = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        half = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]) * np.array(self.size_m) / 2
        return half @ np.array([[cos, sin], [-sin, cos]]) + np.array(self.center_world)

    def visual_body(self) -> VisualBody:
        """Two triangles just above the table, in the world frame."""
        vertices = np.column_stack([self.corners_world, np.full(4, PAINT_M)]).astype(np.float32)
        colors = np.tile(np.asarray(PALETTE[self.color], dtype=np.float32), (2, 1))
        triangles = np.array([(0, 1, 2), (0, 2, 3)], dtype=np.uint32)
        return VisualBody(f"zone {self.name}", vertices, triangles, colors, is_static=True)

    def state(self, time_s: float, source: str) -> ObjectState:
        """The zone as it truly is: of no height, level with the table."""
        cos, sin = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        pose_world = np.eye(4)
        pose_world[:2, :2] = [[cos, -sin], [sin, cos]]
        pose_world[:2, 3] = self.center_world
        return ObjectState(
            id=self.name,
            pose_world=pose_world,
            covariance=1e-12 * np.eye(6),
            size_m=np.array([*self.size_m, 0.0]),
            color_rgb=np.array(PALETTE[self.color]),
            color=self.color,
            shape=Shape.ZONE,
            shape_confidence=1.0,
            existence=1.0,
            sources=(source,),
            last_seen_s=time_s,
        )
