from pathlib import Path

import numpy as np
import pytest
from scripted_motion import make_robot, make_scene, pick_script, play, tool_down
from verbot.perception.types import SensorFrame, SensorKind
from verbot.sim.sensors import load_composition
from verbot.sim.touch import Contact, ContactConfig, WristForce, WristForceConfig

BLOCK = ("it", "block_large", 0.45, 0.1, 0.0225)
HAND_KG = 1.01  # the hand and two fingers of the URDF
EXACT = """
robot = "panda"
[[sensors]]
plugin = "wrist_force"
name = "wrist_force"
force_noise_n = 0.0
force_bias_n = 0.0
force_walk_n = 0.0
torque_noise_nm = 0.0
torque_bias_nm = 0.0
torque_walk_nm = 0.0
[[sensors]]
plugin = "contact"
name = "fingers"
force_noise_n = 0.0
"""


@pytest.fixture
def robot(tmp_path: Path):
    path = tmp_path / "touch.toml"
    path.write_text(EXACT)
    robot = make_robot(make_scene(BLOCK), composition=str(path))
    robot.reset(0)
    yield robot
    robot.close()


def _last(frame: SensorFrame) -> tuple[np.ndarray, np.ndarray]:
    """Means over the last 50 ms: force at the wrist in the world (the hand points down), force on each finger."""
    force = frame.forces[0].force_n[-6:].mean(axis=0)
    return force * [1.0, -1.0, -1.0], frame.contacts[0].force_n[-3:].mean(axis=0)


def test_at_rest_the_wrist_carries_the_hand_and_the_fingers_feel_nothing(robot) -> None:
    force_world, fingers_n = _last(robot.read(0.5, images=False))
    np.testing.assert_allclose(force_world, [0.0, 0.0, -9.81 * HAND_KG], atol=0.1)
    assert not fingers_n.any()


def test_a_lifted_block_weighs_on_the_wrist_and_presses_on_both_fingers(robot) -> None:
    play(robot, pick_script(robot, tool_down(0.45, 0.1, 0.022), 0.065).build(), rest_s=0.5)
    force_world, fingers_n = _last(robot.read(robot.time_s + 0.2, images=False))
    block_kg = robot.world.objects["it"].model.mass_kg
    assert -force_world[2] / 9.81 - HAND_KG == pytest.approx(block_kg, rel=0.2)
    assert (fingers_n > 2.0).all()


def test_samples_come_once_each_at_the_declared_rates(robot) -> None:
    frames = [robot.read(0.1 * k, images=False) for k in range(1, 6)]
    for kind, rate_hz in (("forces", 120.0), ("contacts", 60.0)):
        times_s = np.concatenate([getattr(frame, kind)[0].times_s for frame in frames])
        np.testing.assert_allclose(np.diff(times_s), 1 / rate_hz, atol=1e-9)
        assert len(times_s) >= 0.5 * rate_hz - 2  # the first was read at reset, the last is on its way


def test_wrist_errors_are_as_declared_saturate_and_are_drawn_anew_after_reset() -> None:
    sensor = WristForce(WristForceConfig(name="w"))
    rng = np.random.default_rng(0)
    times_s, wrench = np.arange(1200) / 120.0, np.tile([0.0, 0.0, -10.0, 0.0, 0.0, 1e3], (1200, 1))
    first = sensor.measure(times_s, wrench, rng)
    sensor.reset()
    second = sensor.measure(times_s, wrench, rng)
    assert np.diff(first.force_n, axis=0).std() / np.sqrt(2) == pytest.approx(sensor.spec.noise["force_n"], rel=0.1)
    assert (first.torque_nm[:, 2] == 20.0).all()
    assert np.abs(first.force_n.mean(axis=0) - second.force_n.mean(axis=0)).max() > 0.02
    assert np.abs(first.force_n.mean(axis=0) - [0, 0, -10.0]).max() < 4 * sensor.spec.noise["force_bias_n"]


def test_a_wrist_sensor_below_the_hand_s_origin_reads_the_lever_s_torque() -> None:
    exact = dict.fromkeys(
        ("force_noise_n", "force_bias_n", "force_walk_n", "torque_noise_nm", "torque_bias_nm", "torque_walk_nm"), 0.0
    )
    sensor = WristForce(WristForceConfig(name="w", position_m=(0.0, 0.0, 0.1), **exact))
    samples = sensor.measure(np.zeros(1), np.array([[10.0, 0.0, 0.0, 0.0, 0.0, 0.0]]), np.random.default_rng(0))
    np.testing.assert_allclose(samples.torque_nm, [[0.0, -1.0, 0.0]], atol=1e-12)


def test_a_finger_reads_zero_where_nothing_touches_and_below_its_threshold() -> None:
    sensor = Contact(ContactConfig(name="c", force_noise_n=0.05, threshold_n=0.3))
    felt = sensor.measure(np.arange(500.0), np.tile([0.0, 0.05], (500, 1)), np.random.default_rng(0)).force_n
    assert not felt.any()
    felt = sensor.measure(np.arange(500.0), np.tile([5.0, 1e3], (500, 1)), np.random.default_rng(0)).force_n
    assert felt[:, 0].mean() == pytest.approx(5.0, abs=0.02)
    assert (felt[:, 1] == 50.0).all()


def test_the_touch_composition_is_the_table_s_with_two_more_sensors() -> None:
    table, touch = (load_composition(name).specs for name in ("panda_table", "panda_touch"))
    assert [spec for spec in touch if spec in table] == list(table)
    assert [s.kind for s in touch if s not in table] == [SensorKind.WRIST_FORCE, SensorKind.CONTACT]
