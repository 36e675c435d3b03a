"""Measurements as they arrive, late or out of order, in the order in which they were taken.

In:  sweeps, inertial samples and speeds of wheels, each sensor by its own clock.
Out: the BodyState that the odometry has when all came on time, bit for bit, as long as they are no later than a window;
     one HealthReason for each robot and message.

What is too old, not finite or too much is left out and said, and never reaches the map. The work is done when the state
is asked for: until then what is late costs nothing; after that the sweeps since then are done again from memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated

import torch
from torch import Tensor

from ..types import HealthReason
from .body_state import BodyState
from .odometry import InertialSamples, Memory, Odometry, OdometryConfig, Sweep
from .wheels import WheelSamples


@dataclass(frozen=True, slots=True)
class TimelineConfig:
    """Offsets are what is added to a sensor's time to make it everyone's."""

    window_s: float = 1.0
    """How late something may be. Every sweep in it keeps a copy of the map: 7 MB a robot with the usual table."""
    imu_hz: float = 200.0
    lidar_hz: float = 10.0
    imu_gap_s: float = 0.05
    """With more than this between samples the robot is taken to go on as before, with the doubt that this brings."""
    imu_offset_s: float = 0.0
    lidar_offset_s: float = 0.0
    wheel_offset_s: float = 0.0
    odometry: OdometryConfig = field(default_factory=OdometryConfig)


@dataclass(frozen=True, slots=True)
class _Taken:
    """A sweep, when it ended for all robots, and the odometry before it if it was done."""

    sweep: Sweep
    end_s: float
    before: Memory | None = None


class Timeline:
    """The odometry of a batch of robots whose sweeps belong together, one of each robot."""

    def __init__(self, robots: int, config: TimelineConfig, device: torch.device | str = "cpu") -> None:
        self.config = config
        self.robots = robots
        self._odometry = Odometry(robots, config.odometry, device)
        self._taken: list[_Taken] = []
        none = torch.zeros(robots, 0, dtype=torch.float64, device=device)
        self._imu = InertialSamples(none, none[..., None].expand(-1, -1, 3), none[..., None].expand(-1, -1, 3))
        self._wheels = WheelSamples(none, none)
        self._is_known: Tensor | None = None
        self._oldest_s = -float("inf")

    def add_imu(self, samples: InertialSamples) -> tuple[HealthReason, ...]:
        """Samples of every robot, in any order; an infinite time is padding."""
        times_s = samples.times_s.double() + self.config.imu_offset_s
        is_padding = times_s == torch.inf
        is_finite = (
            times_s.isfinite() & samples.force_mps2.isfinite().all(dim=2) & samples.rate_radps.isfinite().all(dim=2)
        )
        is_late = times_s < self._oldest_s
        is_taken = is_finite & ~is_late & ~is_padding
        times_s = torch.where(is_taken, times_s, torch.inf)
        merged = InertialSamples(
            torch.cat([self._imu.times_s, times_s], dim=1),
            torch.cat([self._imu.force_mps2, samples.force_mps2.double()], dim=1),
            torch.cat([self._imu.rate_radps, samples.rate_radps.double()], dim=1),
        )
        num = self._imu.times_s.isfinite().sum(dim=1) + is_taken.sum(dim=1)
        self._imu = _in_order(merged, self.config.imu_hz)
        is_many = 2 * (num - self._imu.times_s.isfinite().sum(dim=1)) > is_taken.sum(dim=1)
        self._undo(float(times_s.min()) if times_s.numel() else float("inf"))
        reasons = (
            (HealthReason.NOT_FINITE, (~is_finite & ~is_padding).any(dim=1)),
            (HealthReason.CLOCK, (is_late & ~is_padding).any(dim=1)),
            (HealthReason.RATE, is_many),
        )
        return _first_reason(self.robots, reasons)

    def add_wheels(self, samples: WheelSamples) -> tuple[HealthReason, ...]:
        """Speeds of every robot's wheels, in any order; an infinite time is padding."""
        times_s = samples.times_s.double() + self.config.wheel_offset_s
        is_padding = times_s == torch.inf
        is_finite = times_s.isfinite() & samples.speed_mps.isfinite()
        is_late = times_s < self._oldest_s
        times_s = torch.where(is_finite & ~is_late, times_s, torch.inf)
        speed_mps = torch.where(is_finite, samples.speed_mps.double(), 0.0)
        # In the order of time, so that sums do not depend on how they came.
        all_s, order = torch.cat([self._wheels.times_s, times_s], dim=1).sort(dim=1, stable=True)
        all_mps = torch.cat([self._wheels.speed_mps, speed_mps], dim=1).gather(1, order)
        self._wheels = WheelSamples(all_s, all_mps)
        self._undo(float(times_s.min()) if times_s.numel() else float("inf"))
        reasons = (
            (HealthReason.NOT_FINITE, (~is_finite & ~is_padding).any(dim=1)),
            (HealthReason.CLOCK, (is_late & ~is_padding).any(dim=1)),
        )
        return _first_reason(self.robots, reasons)

    def add_sweep(self, sweep: Sweep) -> tuple[HealthReason, ...]:
        """One sweep of every robot; a robot whose sweep is of another time than most robots' is left out of it."""
        half_s = 0.5 / self.config.lidar_hz
        offset_s = self.config.lidar_offset_s
        start_s, end_s = sweep.start_s.double() + offset_s, sweep.end_s.double() + offset_s
        is_finite = start_s.isfinite() & end_s.isfinite()
        if not is_finite.any():
            return (HealthReason.NOT_FINITE,) * self.robots
        together_s = float(end_s[is_finite].median())
        if together_s <= self._oldest_s:
            return (HealthReason.CLOCK,) * self.robots
        if any(abs(together_s - taken.end_s) < half_s for taken in self._taken):
            return (HealthReason.RATE,) * self.robots
        is_apart = is_finite & ((end_s - together_s).abs() >= half_s)
        is_good = is_finite & ~is_apart
        sweep = replace(
            sweep,
            times_s=sweep.times_s + offset_s,
            is_there=sweep.is_there & is_good[:, None],
            start_s=torch.where(is_good, start_s, together_s - 2.0 * half_s),
            end_s=torch.where(is_good, end_s, together_s),
        )
        self._undo(together_s)
        self._taken = sorted([*self._taken, _Taken(sweep, together_s)], key=lambda taken: taken.end_s)
        is_broken = (sweep.is_there & ~sweep.points_body.isfinite().all(dim=2)).any(dim=1)
        reasons = (
            (HealthReason.NOT_FINITE, ~is_finite | is_broken),
            (HealthReason.CLOCK, is_apart),
            (HealthReason.EMPTY, ~sweep.is_there.any(dim=1)),
        )
        return _first_reason(self.robots, reasons)

    def state(self) -> BodyState | None:
        """At the end of the newest sweep; None before the first."""
        for index, taken in enumerate(self._taken):
            if taken.before is None:
                before = self._odometry.remember()
                if self._odometry.state is None:
                    self._odometry.end_s = taken.sweep.start_s
                imu = self._between(self._odometry.end_s, taken.sweep.end_s)
                self._is_known = None if imu is None else imu.is_known
                wheels = self._wheels if self._wheels.times_s.isfinite().any() else None
                self._odometry.update(taken.sweep, imu, wheels)
                self._taken[index] = replace(taken, before=before)
        self._forget()
        return self._odometry.state

    def state_at(self, time_s: float) -> BodyState | None:
        """At a moment after the newest sweep, by the samples since then; what it rests on may still come late."""
        state = self.state()
        if state is None or time_s <= float(self._odometry.end_s.max()):
            return state
        ends_s = torch.full_like(self._odometry.end_s, time_s)
        return self._odometry.ahead(time_s, self._between(self._odometry.end_s, ends_s))

    def gaps(self) -> tuple[HealthReason, ...]:
        """Which robots' inertial samples leave too much out of the newest sweep's time; asked after `state`."""
        if self._is_known is None:
            return (HealthReason.SILENT,) * self.robots
        return _first_reason(self.robots, ((HealthReason.GAP, ~self._is_known),))

    def _undo(self, time_s: float) -> None:
        """Everything that a measurement of that time may have a part in is to be done again."""
        later = [index for index, taken in enumerate(self._taken) if float(taken.sweep.end_s.max()) > time_s]
        done = [index for index in later if self._taken[index].before is not None]
        if done:
            memory = self._taken[done[0]].before
            assert memory is not None
            self._odometry.go_back(memory)
            for index in done:
                self._taken[index] = replace(self._taken[index], before=None)

    def _forget(self) -> None:
        """What is older than the window; the last sweep before it stays, since the next begins at its end."""
        if not self._taken:
            return
        self._oldest_s = max(self._oldest_s, self._taken[-1].end_s - self.config.window_s)
        self._taken = [taken for taken in self._taken if taken.end_s > self._oldest_s]
        times_s, rolled_s = self._imu.times_s, self._wheels.times_s
        # What may be done again begins at the end of the sweep before; one sample before that holds on into it.
        before = self._taken[0].before
        kept_s = self._oldest_s if before is None else min(self._oldest_s, float(before.end_s.min()))
        old = int((times_s < kept_s).sum(dim=1).min()) - 1
        gone = int((rolled_s < kept_s).sum(dim=1).min())
        self._wheels = WheelSamples(rolled_s[:, gone:], self._wheels.speed_mps[:, gone:])
        if old > 0:
            self._imu = InertialSamples(times_s[:, old:], self._imu.force_mps2[:, old:], self._imu.rate_radps[:, old:])

    def _between(
        self, start_s: Annotated[Tensor, "robots"], end_s: Annotated[Tensor, "robots"]
    ) -> InertialSamples | None:
        """What held between two moments: from the last sample before on; padded with samples at the end."""
        times_s = self._imu.times_s
        if not times_s.isfinite().any():
            return None
        first = ((times_s <= start_s[:, None]).sum(dim=1) - 1).clamp_min(0)
        stop = (times_s < end_s[:, None]).sum(dim=1)
        width = max(1, int((stop - first).max()))
        place = first[:, None] + torch.arange(width, device=times_s.device)
        is_sample = place < stop[:, None]
        place = place.clamp_max(times_s.shape[1] - 1)
        at_s = torch.where(is_sample, times_s.gather(1, place), end_s[:, None])
        force, rate = (
            (values.gather(1, place[..., None].expand(-1, -1, 3)) * is_sample[..., None])
            for values in (self._imu.force_mps2, self._imu.rate_radps)
        )
        gaps_s = torch.cat([at_s, end_s[:, None]], dim=1).diff(dim=1).amax(dim=1).maximum(at_s[:, 0] - start_s)
        is_known = is_sample.any(dim=1) & (gaps_s <= self.config.imu_gap_s)
        return InertialSamples(at_s, force, rate, is_known)


def _in_order(samples: InertialSamples, rate_hz: float) -> InertialSamples:
    """Sorted by time, at most two in each period: of more the first of each half, in whatever order they came."""
    order = samples.times_s.argsort(dim=1, stable=True)
    times_s = samples.times_s.gather(1, order)
    half = torch.where(times_s.isfinite(), torch.floor(times_s * (2.0 * rate_hz)), torch.nan)
    is_more = torch.nn.functional.pad(half[:, 1:] == half[:, :-1], (1, 0))
    times_s = torch.where(is_more, torch.inf, times_s)
    again = times_s.argsort(dim=1, stable=True)
    again = again[:, : int(times_s.isfinite().sum(dim=1).max())]
    order = order.gather(1, again)
    wide = order[..., None].expand(*order.shape, 3)
    times_s = times_s.gather(1, again)
    return InertialSamples(times_s, samples.force_mps2.gather(1, wide), samples.rate_radps.gather(1, wide))


def _first_reason(robots: int, reasons: tuple[tuple[HealthReason, Tensor], ...]) -> tuple[HealthReason, ...]:
    """For each robot the first that holds."""
    flags = [(reason, holds.tolist()) for reason, holds in reasons]
    return tuple(next((reason for reason, holds in flags if holds[k]), HealthReason.OK) for k in range(robots))
