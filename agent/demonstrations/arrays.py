"""One episode as named arrays; docs/demonstrations.md says what each holds.

In:  the notes of an episode, its steady pictures and samples, its motion at the rate, the robot's kinematics.
Out: arrays by name, ready for policies/demonstration_file.py.
Poses of the tool are x, y, z (m) and a quaternion xyzw in the world frame. What was not measured is NaN or "".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from ...perception.picture_codec import encode_depth, encode_point_times, encode_points, encode_rgb
from ...perception.types import WORLD, CameraImage, JointSamples, LidarScan, SensorFrame
from ...planning.robot_model import RobotModel
from ..evaluation.dataset_writer import RecordedMotion
from .steady import Picture, SteadyPicture, joined

Arrays = dict[str, np.ndarray]
MountPose = Callable[[str, float], Float[np.ndarray, "4 4"]]


def picture_arrays(prefix: str, pictures: Sequence[tuple[int, Picture]], pose: MountPose) -> Arrays:
    """Pictures of every sensor, each with the number of the look or row that it belongs to."""
    found: Arrays = {}
    for sensor in dict.fromkeys(picture.sensor for _, picture in pictures):
        mine = [(number, picture) for number, picture in pictures if picture.sensor == sensor]
        name = f"{prefix}.{sensor}"
        found[f"{name}.index"] = np.array([number for number, _ in mine], np.int32)
        found[f"{name}.time_s"] = np.array([picture.time_s for _, picture in mine])
        found[f"{name}.mount"] = np.array(mine[0][1].mount)
        cameras = [picture for _, picture in mine if isinstance(picture, CameraImage)]
        scans = [picture for _, picture in mine if isinstance(picture, LidarScan)]
        found |= _camera_arrays(name, cameras, pose) if cameras else _scan_arrays(name, scans, pose)
    return found


def _camera_arrays(name: str, images: Sequence[CameraImage], pose: MountPose) -> Arrays:
    jpegs = [encode_rgb(image.rgb) for image in images]
    i = images[0].intrinsics
    return {
        f"{name}.intrinsics": np.array([i.fx, i.fy, i.cx, i.cy]),
        f"{name}.T_mount_camera": images[0].T_mount_camera,
        f"{name}.T_world_camera": np.array([pose(p.mount, p.time_s) @ p.T_mount_camera for p in images]),
        f"{name}.depth": np.array([encode_depth(image.depth_m) for image in images]),
        f"{name}.jpeg": np.frombuffer(b"".join(jpegs), np.uint8),
        f"{name}.jpeg_end": np.cumsum([len(jpeg) for jpeg in jpegs]),
    }


def _scan_arrays(name: str, scans: Sequence[LidarScan], pose: MountPose) -> Arrays:
    return {
        f"{name}.T_mount_sensor": scans[0].T_mount_sensor,
        f"{name}.T_world_sensor": np.array([pose(p.mount, p.time_s) @ p.T_mount_sensor for p in scans]),
        f"{name}.points": np.concatenate([encode_points(scan.points_sensor) for scan in scans]),
        f"{name}.point_times": np.concatenate([encode_point_times(s.point_times_s, s.time_s) for s in scans]),
        f"{name}.intensity": np.concatenate(
            [np.rint(np.clip(scan.intensity, 0.0, 1.0) * 255).astype(np.uint8) for scan in scans]
        ),
        f"{name}.points_end": np.cumsum([len(scan.points_sensor) for scan in scans]),
    }


def sample_arrays(samples: SensorFrame) -> Arrays:
    """All readings of joints, IMU, wrist force and contact."""
    found: Arrays = {}
    if (joints := samples.joints) is not None:
        found |= {
            "joints.names": np.array(joints.names),
            "joints.times_s": joints.times_s,
            "joints.positions_rad": joints.positions_rad.astype(np.float32),
            "joints.velocities_radps": joints.velocities_radps.astype(np.float32),
            "joints.gripper_width_m": joints.gripper_width_m.astype(np.float32),
        }
    for kind, sensors, columns in (
        ("imu", samples.imu, ("specific_force_mps2", "angular_rate_radps")),
        ("force", samples.forces, ("force_n", "torque_nm")),
        ("contact", samples.contacts, ("force_n",)),
    ):
        for sensor in sensors:
            name = f"{kind}.{sensor.sensor}"
            found |= {f"{name}.times_s": sensor.times_s, f"{name}.mount": np.array(sensor.mount)}
            found |= {f"{name}.{column}": getattr(sensor, column).astype(np.float32) for column in columns}
            if kind != "contact":
                found[f"{name}.T_mount_sensor"] = getattr(sensor, "T_mount_sensor")  # noqa: B009
    return found


def row_arrays(motion: RecordedMotion, model: RobotModel) -> Arrays:
    """Where the body was at each row, and where it was told to be one row later."""
    tool, target = (tool_rows(q, model) for q in (motion.positions_rad, motion.target_positions_rad))
    return {
        "rows.time_s": motion.times_s,
        "rows.positions_rad": motion.positions_rad.astype(np.float32),
        "rows.gripper_width_m": motion.widths_m.astype(np.float32),
        "rows.tool_pose": tool.astype(np.float32),
        "rows.target_positions_rad": motion.target_positions_rad.astype(np.float32),
        "rows.target_gripper_width_m": motion.target_widths_m.astype(np.float32),
        "rows.target_tool_pose": target.astype(np.float32),
    }


def all_samples(frames: Sequence[SensorFrame]) -> SensorFrame:
    """The samples of a whole episode in one frame."""
    return joined(frames)


def mount_poses(joints: JointSamples | None, model: RobotModel) -> MountPose:
    """Where a mount was at a time, by the encoders."""

    def pose(mount: str, time_s: float) -> Float[np.ndarray, "4 4"]:
        if mount == WORLD:
            return np.eye(4)
        if joints is None:
            return np.full((4, 4), np.nan)
        positions = np.array([np.interp(time_s, joints.times_s, column) for column in joints.positions_rad.T])
        return model.link_pose(mount, positions, float(np.interp(time_s, joints.times_s, joints.gripper_width_m)))

    return pose


def steady_arrays(pictures: Sequence[SteadyPicture], num_rows: int, pose: MountPose) -> Arrays:
    """The pictures between the looks, of the rows that there are."""
    kept = [(steady.row, steady.picture) for steady in pictures if steady.row < num_rows]
    return picture_arrays("motion", kept, pose)


def tool_rows(positions_rad: Float[np.ndarray, "rows joints"], model: RobotModel) -> Float[np.ndarray, "rows 7"]:
    """The tool's pose in the world for each row of joint positions."""
    return pose_rows([model.tool_pose(row) for row in positions_rad])


def pose_rows(poses_world: Sequence[Float[np.ndarray, "4 4"] | None]) -> Float[np.ndarray, "poses 7"]:
    """x, y, z and a quaternion xyzw with w ≥ 0; NaN where there is no pose."""
    return np.array(list(_rows(poses_world))).reshape(-1, 7)


def _rows(poses_world: Sequence[Float[np.ndarray, "4 4"] | None]) -> Iterator[Float[np.ndarray, "7"]]:
    for pose_world in poses_world:
        if pose_world is None:
            yield np.full(7, np.nan)
        else:
            quat_xyzw = Rotation.from_matrix(pose_world[:3, :3]).as_quat(canonical=True)
            yield np.concatenate([pose_world[:3, 3], quat_xyzw])
