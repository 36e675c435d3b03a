"""What every robot keeps, simulated, real or recorded. Call `check_robot` from your own test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...perception.types import SensorFrame
from ...planning.types import Trajectory
from ..robot import Robot


def check_robot(robot: Robot, *, moves: bool = True) -> None:
    """Raise AssertionError with one line that names the broken promise.

    `moves` false is for robots that are deaf to motion, such as a recording.
    """
    frame = robot.reset(seed=0)
    assert robot.time_s >= 0.0, "time_s must count from reset and not be negative"
    assert not robot.is_moving, "a robot must be at rest after reset"
    assert robot.convention.joint_names == robot.description.arm_joints, (
        "convention.joint_names must equal description.arm_joints, in the same order"
    )
    _check_frame(robot, frame)
    before_s = robot.time_s
    later = robot.read(before_s + 0.3)
    assert robot.time_s >= before_s + 0.3 - 1e-6, "read(until_s) must let time pass to until_s"
    _check_frame(robot, later)
    joints = later.joints
    assert joints is not None, "a frame of 0.3 s must hold joint samples"
    assert len(joints.times_s), "a frame of 0.3 s must hold joint samples"
    if moves:
        _check_motion(robot, joints.positions_rad[-1])
    robot.close()
    robot.close()


def _check_frame(robot: Robot, frame: SensorFrame) -> None:
    declared = {sensor.name for sensor in robot.sensors}
    for item in (*frame.images, *frame.scans, *frame.imu):
        assert item.sensor in declared, f"'{item.sensor}' delivers data but is not in robot.sensors"
    for item in (*frame.images, *frame.scans):
        assert item.time_s <= frame.time_s + 1e-9, f"'{item.sensor}' is from the future of its frame"
    if frame.joints is not None:
        assert frame.joints.names == robot.description.arm_joints, (
            "joint samples must use description.arm_joints' order"
        )
        assert np.all(np.diff(frame.joints.times_s) >= 0), "joint samples must be in the order of time"


def _check_motion(robot: Robot, positions_rad: np.ndarray) -> None:
    trajectory = small_motion(robot, positions_rad)
    start_s = robot.time_s
    robot.command(trajectory, start_s)
    assert robot.time_s == start_s, "command must return at once, without letting time pass"
    robot.read(start_s + trajectory.duration_s / 2, images=False)
    assert robot.is_moving, "is_moving must be true in the middle of a trajectory"
    frame = robot.read(start_s + trajectory.duration_s + 0.5, images=False)
    assert frame.joints is not None, "joint samples must arrive while the robot moves"
    error_rad = float(np.abs(frame.joints.positions_rad[-1] - trajectory.positions_rad[-1]).max())
    assert error_rad < 0.02, f"the robot ended {error_rad:.3f} rad from the trajectory's last position"
    assert not robot.is_moving, "is_moving must be false after the trajectory has been played"
    robot.command(small_motion(robot, frame.joints.positions_rad[-1]), robot.time_s)
    robot.read(robot.time_s + 0.4, images=False)
    robot.stop()
    stopped_s = robot.time_s
    while robot.is_moving:
        frame = robot.read(robot.time_s + 0.05, images=False)
        assert robot.time_s < stopped_s + 2.0, "stop() must bring the body to rest within 2 s"
    assert frame.joints is not None, "joint samples must arrive while the robot stops"
    speed = float(np.abs(frame.joints.velocities_radps[-1]).max())
    assert speed < 0.05, f"after stop() a joint still moves at {speed:.3f} rad/s"


def small_motion(robot: Robot, positions_rad: np.ndarray) -> Trajectory:
    """0.1 rad of the first joint and back to rest there, well within any arm's limits."""
    times_s = np.linspace(0.0, 1.0, 101)
    blend = 10 * times_s**3 - 15 * times_s**4 + 6 * times_s**5
    slope = 30 * times_s**2 - 60 * times_s**3 + 30 * times_s**4
    direction = np.zeros(len(positions_rad))
    direction[0] = 0.1
    still = Trajectory(
        joint_names=robot.description.arm_joints,
        times_s=times_s,
        positions_rad=positions_rad + np.outer(blend, direction),
        velocities_radps=np.outer(slope, direction),
        gripper_width_m=np.full(len(times_s), robot.description.gripper.max_width_m),
    )
    return replace(still, label="contract")
