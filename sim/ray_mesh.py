"""Triangles that rays are cast at, in a frame of their own, through Open3D (Embree) on one thread.

In:  vertices and triangles; rays in the mesh's frame.
Out: how far, and which triangle; whether anything is in the way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Int32, UInt32

CORNERS = np.array([(k & 1, k >> 1 & 1, k >> 2) for k in range(8)])
MAX_CONVEX_TRIANGLES = 200
NEAR_M = 1e-3
"""What is asked whether it is in the way begins so far off: a triangle does not shade itself."""


class Triangles:
    """The Embree scene is built at the first ray."""

    def __init__(
        self, vertices: Float32[np.ndarray, "vertices 3"], triangles: UInt32[np.ndarray, "triangles 3"]
    ) -> None:
        self._vertices, self._triangles = np.ascontiguousarray(vertices), np.ascontiguousarray(triangles)
        self._scene: Any = None

    def cast(
        self, origins: Float[np.ndarray, "*origins 3"], directions: Float32[np.ndarray, "rays 3"]
    ) -> tuple[Float32[np.ndarray, " rays"], Int32[np.ndarray, " rays"]]:
        """Distances in lengths of the direction (inf: a miss) and triangles (-1: a miss); one origin will do."""
        answer = self._build().cast_rays(_tensor(_join(origins, directions)), nthreads=1)
        triangle = answer["primitive_ids"].numpy().view(np.int32)  # unsigned, all bits set at a miss
        return answer["t_hit"].numpy(), triangle

    def is_in_way(
        self, points: Float32[np.ndarray, "points 3"], direction: Float[np.ndarray, "3"]
    ) -> Bool[np.ndarray, " points"]:
        """Whether rays from the points in one direction meet a triangle."""
        return self._build().test_occlusions(_tensor(_join(points, direction)), tnear=NEAR_M, nthreads=1).numpy()

    def _build(self) -> Any:
        if self._scene is None:
            import open3d  # Heavy: 0.7 s, needed first here.

            self._scene = open3d.t.geometry.RaycastingScene(1)
            self._scene.add_triangles(_tensor(self._vertices), _tensor(self._triangles))
        return self._scene


class RayMesh(Triangles):
    """With the planes of the triangles, the box and the ball around them."""

    def __init__(
        self, vertices: Float32[np.ndarray, "vertices 3"], triangles: UInt32[np.ndarray, "triangles 3"]
    ) -> None:
        super().__init__(vertices, triangles)
        a, b, c = (vertices[triangles[:, k]].astype(float) for k in range(3))
        normals = np.cross(b - a, c - a)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)
        self.normals: Float32[np.ndarray, "triangles 3"] = normals.astype(np.float32)
        """Outward."""
        self.offsets_m: Float32[np.ndarray, " triangles"] = np.einsum("ij,ij->i", normals, a).astype(np.float32)
        """How far along its normal each triangle's plane lies."""
        box = np.array([vertices.min(axis=0), vertices.max(axis=0)], float)
        self.corners: Float[np.ndarray, "8 3"] = box[CORNERS, [0, 1, 2]]
        self.center: Float[np.ndarray, "3"] = box.mean(axis=0)
        self.radius_m = float(np.sqrt(np.square(vertices - self.center).sum(axis=1).max()))
        self.is_convex = len(triangles) <= MAX_CONVEX_TRIANGLES and self._has_no_hollow()

    def _has_no_hollow(self) -> bool:
        """Whether no corner stands out of any triangle's plane."""
        return bool((self._vertices @ self.normals.T <= self.offsets_m + 1e-6).all())


def _join(
    origins: Float[np.ndarray, "*origins 3"], directions: Float[np.ndarray, "*rays 3"]
) -> Float32[np.ndarray, "rays 6"]:
    many = origins if origins.ndim == 2 else directions
    rays = np.empty((many.size // 3, 6), np.float32)
    rays[:, :3] = origins
    rays[:, 3:] = directions
    return rays


def _tensor(array: np.ndarray) -> Any:
    import open3d

    return open3d.core.Tensor.from_numpy(array)  # shares the memory
