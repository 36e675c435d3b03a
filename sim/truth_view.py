"""What a camera's pose shows in truth: depth, which body, normals. For scoring and recorded demonstrations only.

In:  RayRoom as it stands, intrinsics, T_world_camera.
Out: TruthView. The agent never gets one: a CameraImage holds colours and measured depth, no more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int32

from ..perception.types import Intrinsics
from .pinhole import Pinhole
from .raycast import RayRoom


@dataclass(frozen=True, slots=True)
class TruthView:
    """One view without errors. `instance` indexes `names`, -1 is nothing; there depth is inf and the normal zero."""

    names: tuple[str, ...]
    depth_m: Float32[np.ndarray, "height width"]
    instance: Int32[np.ndarray, "height width"]
    normal_world: Float32[np.ndarray, "height width 3"]
    T_world_camera: Float[np.ndarray, "4 4"]

    def mask(self, name: str) -> np.ndarray:
        """Pixels that show that body; KeyError when the room has none of that name."""
        if name not in self.names:
            raise KeyError(f"The room has no body '{name}', expected one of: {', '.join(self.names)}.")
        return self.instance == self.names.index(name)


def look_truly(room: RayRoom, intrinsics: Intrinsics, T_world_camera: Float[np.ndarray, "4 4"]) -> TruthView:
    """Every pixel cast on its own; nothing is filled in from neighbours."""
    directions_camera = Pinhole(intrinsics).directions_camera
    shape = directions_camera.shape[:2]
    directions_world = directions_camera.reshape(-1, 3) @ T_world_camera[:3, :3].T.astype(np.float32)
    hits = room.cast(T_world_camera[:3, 3], directions_world)
    return TruthView(
        tuple(body.name for body in room.bodies),
        hits.distance_m.reshape(shape),
        hits.body_index.reshape(shape),
        hits.normal_world.reshape(*shape, 3),
        T_world_camera,
    )
