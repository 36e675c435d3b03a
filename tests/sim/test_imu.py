import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scripted_motion import Script, load_model, make_robot, make_scene
from verbot.sim.imu import Imu, ImuConfig

RATE_HZ = 200.0


def _still(seconds: float, seed: int, **keys) -> np.ndarray:
    """Specific force and angular rate of an IMU that lies still, samples by 6."""
    imu = Imu(ImuConfig(name="i", rate_hz=RATE_HZ, **keys))
    num = round(seconds * RATE_HZ)
    up = np.tile([0.0, 0.0, 9.81], (num, 1))
    samples = imu.measure(np.arange(num) / RATE_HZ, up, np.zeros((num, 3)), np.random.default_rng(seed))
    return np.column_stack([samples.specific_force_mps2, samples.angular_rate_radps])


def _allan_deviation(values: np.ndarray, span_s: float) -> np.ndarray:
    """Allan deviation of each column for averages over `span_s`."""
    size = round(span_s * RATE_HZ)
    means = values[: len(values) // size * size].reshape(-1, size, values.shape[1]).mean(axis=1)
    return np.sqrt(np.square(np.diff(means, axis=0)).mean(axis=0) / 2)


def test_over_short_spans_the_allan_deviation_is_white_noise_s() -> None:
    config = ImuConfig(name="i")
    expected = np.repeat([config.force_noise_mps2, config.rate_noise_radps], 3)
    values = _still(400.0, 0)
    for span_s in (0.05, 0.2):
        np.testing.assert_allclose(_allan_deviation(values, span_s), expected / np.sqrt(span_s * RATE_HZ), rtol=0.1)


def test_over_long_spans_the_allan_deviation_is_the_wandering_bias_s() -> None:
    """Of a random walk that wanders by k in a second it is k·sqrt(span / 3)."""
    keys = {"force_noise_mps2": 0.0, "rate_noise_radps": 0.0}
    config = ImuConfig(name="i", **keys)
    expected = np.repeat([config.force_walk_mps2, config.rate_walk_radps], 3)
    found = np.sqrt(np.mean([np.square(_allan_deviation(_still(600.0, s, **keys), 4.0)) for s in range(6)], axis=0))
    np.testing.assert_allclose(found, expected * np.sqrt(4.0 / 3.0), rtol=0.15)


def test_the_bias_wanders_alike_however_often_it_is_read() -> None:
    keys = {"force_noise_mps2": 0.0, "rate_noise_radps": 0.0}
    ends = {1: [], 40: []}
    for pieces in ends:
        for seed in range(80):
            imu, rng = Imu(ImuConfig(name="i", force_bias_mps2=0.0, **keys)), np.random.default_rng(seed)
            for part in np.array_split(np.arange(400) / RATE_HZ, pieces):
                zeros = np.zeros((len(part), 3))
                last = imu.measure(part, zeros, zeros, rng).specific_force_mps2[-1]
            ends[pieces].append(last)
    expected = ImuConfig(name="i").force_walk_mps2 * np.sqrt(2.0)
    for values in ends.values():
        assert np.std(values) == pytest.approx(expected, rel=0.2)


def test_integrated_imu_of_a_moving_hand_gives_the_hand_s_true_motion() -> None:
    """Rotate by the rate, remove gravity, integrate twice: within what noise and bias allow."""
    robot = make_robot(make_scene())
    robot.reset(0)
    start = np.array(load_model().description.look_rad)
    trajectory = Script(robot).joints_to_position(start + [0.5, 0.15, -0.3, -0.2, 0.3, 0.3, -0.5]).build()
    robot.command(trajectory, 0.0)
    arm = robot.world.arm
    first = arm.link_pose("panda_hand")
    frame = robot.read(trajectory.duration_s + 0.1, images=False)
    last = arm.link_pose("panda_hand")
    robot.close()
    samples = frame.imu[0]
    rotation = first[:3, :3] @ samples.T_mount_sensor[:3, :3]
    velocity, place = np.zeros(3), first[:3, 3] + first[:3, :3] @ samples.T_mount_sensor[:3, 3]
    step_s = 1.0 / RATE_HZ
    for force, rate in zip(samples.specific_force_mps2, samples.angular_rate_radps, strict=True):
        velocity = velocity + (rotation @ force - [0.0, 0.0, 9.81]) * step_s
        place = place + velocity * step_s
        rotation = rotation @ _turn(rate * step_s)
    seconds = len(samples.times_s) * step_s
    expected = last[:3, 3] + last[:3, :3] @ samples.T_mount_sensor[:3, 3]
    # Three sigma of the bias at start, and of gravity seen askew by the rate's bias.
    allowed_m = 3 * (0.03 * seconds**2 / 2 + 9.81 * 0.003 * seconds**3 / 6) + 0.01
    assert np.linalg.norm(expected - (first[:3, 3] + first[:3, :3] @ samples.T_mount_sensor[:3, 3])) > 0.15
    assert np.linalg.norm(place - expected) < allowed_m


def _turn(rotvec: np.ndarray) -> np.ndarray:
    return Rotation.from_rotvec(rotvec).as_matrix()
