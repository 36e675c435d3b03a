"""The odometries that ours is measured against, as their users set them up, on one thread.

In:  sweeps, point by point as the sensor gives them.
Out: a function from sweep to T_map_sensor.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module  # the peers are an extra

import numpy as np
from jaxtyping import Float, Float32


def make_kiss(*, is_distorted: bool) -> Callable[..., Float[np.ndarray, "4 4"]]:
    """KISS-ICP with its defaults; besides the points it takes when each was measured, as a share of the sweep."""
    config = import_module("kiss_icp.config").load_config(None)
    config.data.deskew = is_distorted
    config.registration.max_num_threads = 1
    odometry = import_module("kiss_icp.kiss_icp").KissICP(config)

    def follow(
        points_sensor: Float32[np.ndarray, "points 3"], shares: Float[np.ndarray, " points"] | None = None
    ) -> Float[np.ndarray, "4 4"]:
        odometry.register_frame(points_sensor.astype(np.float64), np.zeros(0) if shares is None else shares)
        return odometry.last_pose.copy()

    return follow


def make_gicp() -> Callable[[Float32[np.ndarray, "points 3"]], Float[np.ndarray, "4 4"]]:
    """small_gicp's VGICP: voxels of 1 m on points 0.25 m apart, each sweep begun where even motion leads."""
    small_gicp = import_module("small_gicp")
    surroundings, poses = small_gicp.GaussianVoxelMap(1.0), []

    def follow(points_sensor: Float32[np.ndarray, "points 3"]) -> Float[np.ndarray, "4 4"]:
        points, _ = small_gicp.preprocess_points(points_sensor.astype(np.float64), 0.25, num_threads=1)
        if not poses:
            surroundings.insert(points)
            poses.append(np.eye(4))
            return poses[-1]
        guess = poses[-1] @ np.linalg.inv(poses[-2]) @ poses[-1] if len(poses) > 1 else poses[-1]
        found = small_gicp.align(surroundings, points, guess, num_threads=1, max_iterations=20)
        poses.append(found.T_target_source)
        surroundings.insert(points, found.T_target_source)
        return poses[-1]

    return follow
