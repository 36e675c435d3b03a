"""PyBullet's own renderer and rays over the world of an episode, to measure ours against; nothing runs on them.

In:  a World with its arm and objects.
Out: pictures of TinyRenderer and ranges of rayTestBatch, as users of PyBullet get them.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int32, UInt8

from .bullet import pybullet
from .raycast import VisualBody
from .world import quat_xyzw_of

NEAR_M, FAR_M = 0.1, 4.0
MAX_BATCH = 8192
"""Larger batches lose rays: at 16,384 arrays return no hits at all, lists lose the last one."""


@dataclass(frozen=True, slots=True)
class PeerImage:
    """One picture of TinyRenderer; `body` is -1 where nothing is."""

    rgba: UInt8[np.ndarray, "height width 4"]
    depth_m: Float32[np.ndarray, "height width"]
    body: Int32[np.ndarray, "height width"]


class PeerRoom:
    """The bodies of a room in a PyBullet world of their own, drawn or met by rays triangle by triangle.

    With `urdf`, that robot is drawn from its own visual meshes in place of the room's links (names `panda_…`).
    """

    def __init__(
        self, bodies: tuple[VisualBody, ...], urdf: Path | None = None, *, has_collision: bool = False
    ) -> None:
        self.client = pybullet.connect(pybullet.DIRECT)
        self.ids: dict[str, int] = {}
        self.robot: int | None = None
        if urdf is not None:
            self.robot = pybullet.loadURDF(str(urdf), useFixedBase=True, physicsClientId=self.client)
        with tempfile.TemporaryDirectory() as folder:
            for body in bodies:
                if urdf is None or not body.name.startswith("panda_"):
                    self.ids[body.name] = self._add(body, Path(folder), has_collision)

    def move(self, poses: Mapping[str, Float[np.ndarray, "4 4"]], joints_rad: list[float]) -> None:
        """Everything to its place."""
        for name, body in self.ids.items():
            pose = poses[name]
            quat = quat_xyzw_of(pose[:3, :3])
            pybullet.resetBasePositionAndOrientation(body, pose[:3, 3].tolist(), quat, physicsClientId=self.client)
        if self.robot is not None:
            for joint, position in enumerate(joints_rad):
                pybullet.resetJointState(self.robot, joint, position, physicsClientId=self.client)

    def draw(
        self,
        size: tuple[int, int],
        fov_x_rad: float,
        T_world_camera: Float[np.ndarray, "4 4"],
        toward_light: tuple[float, float, float],
    ) -> PeerImage:
        """A picture with shadows; depth in metres along the optical axis."""
        width, height = size
        eye = T_world_camera[:3, 3]
        view = pybullet.computeViewMatrix(
            eye.tolist(), (eye + T_world_camera[:3, 2]).tolist(), (-T_world_camera[:3, 1]).tolist()
        )
        fov_y_deg = math.degrees(2.0 * math.atan(math.tan(fov_x_rad / 2) * height / width))
        lens = pybullet.computeProjectionMatrixFOV(fov_y_deg, width / height, NEAR_M, FAR_M)
        _, _, rgba, depth, body = pybullet.getCameraImage(
            width,
            height,
            view,
            lens,
            lightDirection=list(toward_light),
            shadow=1,
            renderer=pybullet.ER_TINY_RENDERER,
            physicsClientId=self.client,
        )
        buffer = np.asarray(depth, dtype=np.float32).reshape(height, width)
        depth_m = np.float32(FAR_M * NEAR_M) / (np.float32(FAR_M) - np.float32(FAR_M - NEAR_M) * buffer)
        pixels = np.asarray(rgba, dtype=np.uint8).reshape(height, width, 4)
        return PeerImage(pixels, depth_m, np.asarray(body, dtype=np.int32).reshape(height, width))

    def close(self) -> None:
        """Disconnect."""
        pybullet.disconnect(physicsClientId=self.client)

    def _add(self, body: VisualBody, folder: Path, has_collision: bool) -> int:
        path = folder / f"{body.name}.obj"
        lines = [f"v {x} {y} {z}\n" for x, y, z in body.vertices.tolist()]
        lines += [f"f {a + 1} {b + 1} {c + 1}\n" for a, b, c in body.triangles.tolist()]
        path.write_text("".join(lines))
        color = [*body.colors.mean(axis=0).tolist(), 1.0]
        drawn = pybullet.createVisualShape(
            pybullet.GEOM_MESH, fileName=str(path), rgbaColor=color, physicsClientId=self.client
        )
        met = -1
        if has_collision:
            met = pybullet.createCollisionShape(
                pybullet.GEOM_MESH,
                fileName=str(path),
                flags=pybullet.GEOM_FORCE_CONCAVE_TRIMESH,
                physicsClientId=self.client,
            )
        return pybullet.createMultiBody(0, met, drawn, physicsClientId=self.client)


def cast_peer_rays(
    client: int,
    origin_world: Float[np.ndarray, "3"],
    directions_world: Float[np.ndarray, "rays 3"],
    range_m: float,
    *,
    as_lists: bool = False,
) -> Float[np.ndarray, " rays"]:
    """Ranges by rayTestBatch on one thread, inf where nothing is met; from arrays, or from lists as in its examples."""
    ends = origin_world + range_m * directions_world
    starts = np.broadcast_to(origin_world, ends.shape)
    shares = []
    for first in range(0, len(ends), MAX_BATCH):
        here, there = starts[first : first + MAX_BATCH], ends[first : first + MAX_BATCH]
        given = (here.tolist(), there.tolist()) if as_lists else (np.ascontiguousarray(here), there)
        found = pybullet.rayTestBatch(*given, numThreads=1, physicsClientId=client)
        shares.append(np.array([ray[2] if ray[0] >= 0 else np.inf for ray in found]))
    return range_m * np.concatenate(shares)
