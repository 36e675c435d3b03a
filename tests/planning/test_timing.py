import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from motion_scenes import look, panda
from verbot.planning.blending import blend
from verbot.planning.playback import Playback
from verbot.planning.timing import LineSpeed, Timeline, brake, motion_limits, stop_limits, time_path

LIMITS = motion_limits(panda().description)


def extremes(path) -> dict:
    timeline = Timeline(panda().description.arm_joints, path.positions_rad[0], 0.0)
    timeline.follow(path)
    return Playback(timeline.build()).extremes()


@pytest.mark.parametrize("num_waypoints", [2, 3, 6])
def test_path_keeps_every_joint_limit_between_samples(num_waypoints):
    rng = np.random.default_rng(num_waypoints)
    path = time_path(look() + np.cumsum(rng.uniform(-0.4, 0.4, (num_waypoints, 7)), axis=0), LIMITS)
    found = extremes(path)
    assert (np.abs(found["velocity"][0]) <= LIMITS.velocity_radps * 1.001).all()
    assert (np.abs(found["acceleration"][0]) <= LIMITS.acceleration_radps2 * 1.05).all()
    assert (np.abs(found["jerk"][0]) <= LIMITS.jerk_radps3 * 1.6).all()


def test_path_begins_and_ends_at_rest_on_its_waypoints():
    waypoints = np.stack([look(), look() + 0.3, look() - 0.2])
    path = time_path(waypoints, LIMITS)
    np.testing.assert_allclose(path.positions_rad[[0, -1]], waypoints[[0, -1]], atol=1e-9)
    assert not path.velocities_radps[[0, -1]].any()


def test_path_passes_its_inner_waypoints():
    waypoints = np.stack([look(), look() + 0.3, look() - 0.2])
    path = time_path(waypoints, LIMITS, sample_s=0.002)
    assert np.abs(path.positions_rad - waypoints[1]).max(axis=1).min() < 0.01


def test_line_is_no_faster_than_its_speed():
    waypoints = look() + np.linspace(0, 0.2, 11)[:, None] * np.ones(7)
    lengths = np.linspace(0.0, 0.2, 11)
    path = time_path(waypoints, LIMITS, lengths_m=lengths, line=LineSpeed(velocity_mps=0.1))
    way_m = path.positions_rad[:, 0] - look()[0]
    assert (np.diff(way_m) / np.diff(path.times_s)).max() <= 0.1 * 1.001


def test_standing_still_takes_no_time():
    assert time_path(np.stack([look(), look()]), LIMITS).times_s.tolist() == [0.0]


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_brake_brings_any_state_to_rest_within_limits(seed):
    rng = np.random.default_rng(seed)
    limits = stop_limits(panda().description)
    velocities = rng.uniform(-1, 1, 7) * panda().description.velocity_max_radps
    accelerations = rng.uniform(-1, 1, 7) * limits.acceleration_radps2
    times, positions, speeds = brake(look(), velocities, accelerations, limits, 1 / 240)
    np.testing.assert_allclose(speeds[0], velocities, atol=1e-9)
    assert not speeds[-1].any()
    assert times[-1] < 1.0
    change = np.abs(np.diff(speeds, axis=0) / np.diff(times)[:, None])
    assert (change <= limits.acceleration_radps2 * 1.02 + 0.1).all()
    np.testing.assert_allclose(positions[0], look(), atol=1e-12)


def test_brake_from_rest_stays():
    times, positions, _ = brake(look(), np.zeros(7), np.zeros(7), stop_limits(panda().description), 0.01)
    assert times[-1] == 0.0
    np.testing.assert_allclose(positions[-1], look())


def test_timeline_waits_for_the_fingers():
    timeline = Timeline(panda().description.arm_joints, look(), 0.08)
    timeline.pause(0.3, 0.0)
    made = timeline.build()
    assert made.gripper_width_m[-1] == 0.0
    assert made.duration_s > 0.3 + 0.08 / 0.2
    assert (np.diff(made.times_s) > 0).all()


def test_fingers_around_an_object_are_waited_for_no_longer_than_they_take():
    timeline = Timeline(panda().description.arm_joints, look(), 0.065)
    timeline.pause(0.3, 0.0, held_m=0.045)
    closed_s = timeline.time_s
    assert 0.3 + 0.020 / 0.2 < closed_s < 0.3 + 0.065 / 0.2
    timeline.pause(0.1, 0.065, held_m=0.045)
    assert timeline.width_m == 0.065
    assert 0.1 + 0.020 / 0.2 < timeline.time_s - closed_s < 0.1 + 0.065 / 0.2


def test_gentle_line_leaves_rest_slowly_and_goes_as_fast_later():
    waypoints = look() + np.linspace(0, 0.1, 11)[:, None] * np.ones(7)
    lengths = np.linspace(0.0, 0.1, 11)
    path = time_path(waypoints, LIMITS, lengths_m=lengths, line=LineSpeed(gentle=0.5), sample_s=0.002)
    way_m = path.positions_rad[:, 0] - look()[0]
    speed = np.gradient(way_m, path.times_s)
    assert speed[way_m < 0.030].max() < 0.126
    assert 0.18 < speed.max() <= 0.2501


def test_blended_motion_is_shorter_and_the_same_before_and_after_the_corner():
    first = time_path(np.stack([look(), look() + 0.4]), LIMITS)
    second = time_path(np.stack([look() + 0.4, look() + [0.4, 0.4, 0.4, 0.2, 0.4, 0.4, 0.4]]), LIMITS)
    head, rest = blend(first, second, 0.2)
    whole_s = first.times_s[-1] + second.times_s[-1]
    assert head.times_s[-1] + rest.times_s[-1] == pytest.approx(whole_s - 0.2, abs=0.011)
    np.testing.assert_allclose(head.positions_rad, first.positions_rad[: len(head.times_s)])
    np.testing.assert_allclose(rest.positions_rad[0], head.positions_rad[-1], atol=1e-12)
    np.testing.assert_allclose(rest.velocities_radps[0], head.velocities_radps[-1], atol=1e-12)
    after = rest.times_s > 0.22
    np.testing.assert_allclose(rest.positions_rad[after], second.positions_rad[after], atol=1e-6)
    assert not rest.velocities_radps[-1].any()


def test_reversed_path_goes_the_same_way_back():
    path = time_path(np.stack([look(), look() + 0.2, look() - 0.1]), LIMITS)
    back = path.reversed()
    np.testing.assert_allclose(back.positions_rad, path.positions_rad[::-1])
    np.testing.assert_allclose(np.diff(back.times_s), np.diff(path.times_s)[::-1])
    np.testing.assert_allclose(back.velocities_radps, -path.velocities_radps[::-1])
