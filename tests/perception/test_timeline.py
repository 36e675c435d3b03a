"""Measurements late, out of order, broken or too many: the state is that of those on time, the map is never spoilt."""

from __future__ import annotations

import dataclasses
import functools
import math

import torch
from verbot.agent.bench_nees import FEW_BEAMS, LIDAR, _samples, _sweep
from verbot.perception.odometry.body_state import BodyState
from verbot.perception.odometry.odometry import InertialSamples, Sweep
from verbot.perception.odometry.timeline import Timeline, TimelineConfig
from verbot.perception.odometry.wheels import WheelSamples
from verbot.perception.types import HealthReason
from verbot.sim.street import drive

OK = (HealthReason.OK,) * 2
CONFIG = TimelineConfig(odometry=FEW_BEAMS)


@functools.cache
def measured() -> tuple[list[Sweep], list[InertialSamples]]:
    drives = [drive(dataclasses.replace(LIDAR, num_scans=6), seed) for seed in (3, 4)]
    return [_sweep(drives, k) for k in range(6)], [_samples(drives, k) for k in range(6)]


@functools.cache
def on_time() -> BodyState:
    timeline = Timeline(2, CONFIG)
    for sweep, samples in zip(*measured(), strict=True):
        assert timeline.add_imu(samples) == OK
        assert timeline.add_sweep(sweep) == OK
        state = timeline.state()
    assert state is not None
    return state


def assert_same(state: BodyState | None) -> None:
    assert state is not None
    for field in dataclasses.fields(BodyState):
        assert torch.equal(getattr(state, field.name), getattr(on_time(), field.name)), field.name


def test_what_is_late_within_the_window_gives_the_same_state_bit_for_bit() -> None:
    sweeps, samples = measured()
    timeline = Timeline(2, CONFIG)
    for sweep, imu in zip(
        (sweeps[k] for k in (0, 2, 3, 1, 5, 4)), (samples[k] for k in (1, 0, 2, 4, 5, 3)), strict=True
    ):
        timeline.add_sweep(sweep)
        timeline.state()
        timeline.add_imu(imu)
    assert_same(timeline.state())


def rolled(sweep: Sweep, speed_mps: float = 8.0) -> WheelSamples:
    times_s = sweep.end_s[:, None] - torch.tensor([[0.09, 0.05, 0.01]], dtype=torch.float64)
    return WheelSamples(times_s, torch.full_like(times_s, speed_mps))


def test_wheels_that_are_late_give_the_same_state_bit_for_bit() -> None:
    sweeps, samples = measured()
    on, late = Timeline(2, CONFIG), Timeline(2, CONFIG)
    for sweep, imu in zip(sweeps, samples, strict=True):
        on.add_imu(imu)
        assert on.add_wheels(rolled(sweep)) == OK
        on.add_sweep(sweep)
        expected = on.state()
        late.add_imu(imu)
        late.add_sweep(sweep)
        late.state()
    for k in (1, 0, 4, 2, 5, 3):
        late.add_wheels(rolled(sweeps[k]))
    state = late.state()
    assert state is not None
    for field in dataclasses.fields(BodyState):
        assert torch.equal(getattr(state, field.name), getattr(expected, field.name)), field.name
    assert not torch.equal(state.place_map, on_time().place_map)


def test_wheels_that_are_broken_or_too_old_are_left_out_and_said() -> None:
    timeline = Timeline(2, dataclasses.replace(CONFIG, window_s=0.25))
    for sweep, imu in zip(*measured(), strict=True):
        timeline.add_imu(imu)
        timeline.add_sweep(sweep)
        timeline.state()
        broken = rolled(sweep)
        broken.speed_mps[1] = math.nan
        broken.times_s[0] = math.inf
        assert timeline.add_wheels(broken) == (HealthReason.OK, HealthReason.NOT_FINITE)
    assert timeline.add_wheels(rolled(measured()[0][0])) == (HealthReason.CLOCK,) * 2
    assert_same(timeline.state())


def test_clocks_that_differ_are_set_right() -> None:
    timeline = Timeline(2, dataclasses.replace(CONFIG, imu_offset_s=-64.0))
    for sweep, samples in zip(*measured(), strict=True):
        timeline.add_imu(dataclasses.replace(samples, times_s=samples.times_s + 64.0))
        timeline.add_sweep(sweep)
    state = timeline.state()
    assert state is not None
    assert torch.allclose(state.place_map, on_time().place_map, atol=1e-4)


def test_what_is_broken_too_old_or_too_much_is_left_out_and_said() -> None:
    sweeps, samples = measured()
    timeline = Timeline(2, dataclasses.replace(CONFIG, window_s=0.35))
    for k, (sweep, imu) in enumerate(zip(sweeps, samples, strict=True)):
        assert timeline.add_imu(imu) == OK
        assert timeline.add_sweep(sweep) == OK
        timeline.state()
        force = imu.force_mps2.clone()
        force[1, 3] = math.nan
        assert timeline.add_imu(dataclasses.replace(imu, force_mps2=force))[1] is HealthReason.NOT_FINITE
        assert timeline.add_sweep(dataclasses.replace(sweep, end_s=sweep.end_s + 0.01)) == (HealthReason.RATE,) * 2
        nowhere = sweep.end_s + math.nan
        assert timeline.add_sweep(dataclasses.replace(sweep, end_s=nowhere)) == (HealthReason.NOT_FINITE,) * 2
        if k == 5:
            assert timeline.add_sweep(sweeps[0]) == (HealthReason.CLOCK,) * 2
            assert timeline.add_imu(samples[0]) == (HealthReason.CLOCK,) * 2
    assert_same(timeline.state())


def test_ten_times_the_samples_are_thinned_and_said() -> None:
    sweeps, samples = measured()
    timeline = Timeline(2, CONFIG)
    for sweep, imu in zip(sweeps, samples, strict=True):
        ten = (values.repeat_interleave(10, dim=1) for values in (imu.times_s, imu.force_mps2, imu.rate_radps))
        times_s, force, rate = ten
        burst = InertialSamples(times_s + 1e-4 * (torch.arange(times_s.shape[1]) % 10), force, rate)
        assert timeline.add_imu(burst) == (HealthReason.RATE,) * 2
        timeline.add_sweep(sweep)
    state = timeline.state()
    assert state is not None
    assert timeline._imu.times_s.shape[1] < 2.5 * 20 * len(sweeps)
    assert torch.allclose(state.place_map, on_time().place_map, atol=2e-3)


def test_a_hole_between_samples_widens_the_doubt_of_that_robot_alone() -> None:
    sweeps, samples = measured()
    timeline = Timeline(2, CONFIG)
    for k, (sweep, imu) in enumerate(zip(sweeps, samples, strict=True)):
        times_s = imu.times_s.clone()
        if k == 5:
            times_s[1, 4:] = torch.inf
        timeline.add_imu(dataclasses.replace(imu, times_s=times_s))
        timeline.add_sweep(sweep)
    state = timeline.state()
    assert state is not None
    assert timeline.gaps() == (HealthReason.OK, HealthReason.GAP)
    assert torch.allclose(state.place_map[0], on_time().place_map[0], atol=1e-4)
    assert (state.place_map[1] - on_time().place_map[1]).norm() < 0.1
    assert state.covariance[1, 6:9, 6:9].trace() > 1.5 * on_time().covariance[1, 6:9, 6:9].trace()


def test_between_sweeps_inertia_tells_where_the_robot_is_and_changes_nothing() -> None:
    sweeps, samples = measured()
    timeline = Timeline(2, CONFIG)
    for sweep, imu in zip(sweeps[:4], samples[:4], strict=True):
        timeline.add_imu(imu)
        timeline.add_sweep(sweep)
    timeline.add_imu(samples[4])
    ahead = timeline.state_at(float(sweeps[4].end_s[0]))
    for k in (4, 5):
        timeline.add_imu(samples[k])
        timeline.add_sweep(sweeps[k])
        if k == 4:
            there = timeline.state()
    assert ahead is not None
    assert there is not None
    assert (ahead.place_map - there.place_map).norm(dim=1).max() < 0.05
    assert_same(timeline.state())
