"""Inertial samples of many robots summed up between two moments, with bias Jacobians and covariance.

In:  specific force and angular rate over successive steps, the length of each step, biases taken off, noise densities.
Out: Preintegrated: turn, change of velocity and of place in the frame of the first moment, without gravity.

Forster, Carlone, Dellaert, Scaramuzza, "On-manifold preintegration for real-time visual-inertial odometry" (2017).
Their recursion over samples is written out as sums over them: only the running product of the turns depends on order,
and a product can be taken in pairs. So a batch of robots costs a few passes over memory and no loop over samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from . import planes
from .rotations import exp, thrice, turned


@dataclass(frozen=True, slots=True)
class ImuNoise:
    """Continuous white noise of an IMU, and what numerical integration adds; densities, one sigma."""

    force_mps2_sqrt_s: float = 2e-3
    rate_radps_sqrt_s: float = 2e-4
    integration_m_sqrt_s: float = 1e-4
    force_walk_mps2_per_sqrt_s: float = 1e-4
    rate_walk_radps_per_sqrt_s: float = 1e-5


@dataclass(frozen=True, slots=True)
class Preintegrated:
    """Motion between two moments in the first one's body frame, gravity and first velocity left out.

    The covariance is of (turn, place, velocity) in the last moment's body frame. The Jacobians say how the change
    would differ with other biases: the turn's as a rotation vector in the last frame.
    """

    duration_s: Annotated[Tensor, "robots"]
    turn: Annotated[Tensor, "robots 3 3"]
    place_m: Annotated[Tensor, "robots 3"]
    velocity_mps: Annotated[Tensor, "robots 3"]
    turn_by_rate_bias: Annotated[Tensor, "robots 3 3"]
    place_by_force_bias: Annotated[Tensor, "robots 3 3"]
    place_by_rate_bias: Annotated[Tensor, "robots 3 3"]
    velocity_by_force_bias: Annotated[Tensor, "robots 3 3"]
    velocity_by_rate_bias: Annotated[Tensor, "robots 3 3"]
    covariance: Annotated[Tensor, "robots 9 9"]

    def with_biases(
        self,
        force_bias_change_mps2: Annotated[Tensor, "robots 3"],
        rate_bias_change_radps: Annotated[Tensor, "robots 3"],
    ) -> Preintegrated:
        """The same samples with biases that differ a little from those taken off: first order, no second pass."""
        force, rate = force_bias_change_mps2, rate_bias_change_radps
        return Preintegrated(
            self.duration_s,
            self.turn @ exp(turned(self.turn_by_rate_bias, rate)),
            self.place_m + turned(self.place_by_force_bias, force) + turned(self.place_by_rate_bias, rate),
            self.velocity_mps + turned(self.velocity_by_force_bias, force) + turned(self.velocity_by_rate_bias, rate),
            self.turn_by_rate_bias,
            self.place_by_force_bias,
            self.place_by_rate_bias,
            self.velocity_by_force_bias,
            self.velocity_by_rate_bias,
            self.covariance,
        )


@dataclass(frozen=True, slots=True)
class Path:
    """Motion in the first moment's body frame, gravity and first velocity left out; components come first."""

    step_s: Annotated[Tensor, "robots steps"]
    turn_vector: Annotated[Tensor, "3 robots steps"]
    rotation: Annotated[Tensor, "3 3 robots moments"]
    """One moment more than steps: the first is where the path begins."""
    place: Annotated[Tensor, "3 robots steps"]
    velocity: Annotated[Tensor, "3 robots steps"]


def preintegrate(
    force_mps2: Annotated[Tensor, "robots steps 3"],
    rate_radps: Annotated[Tensor, "robots steps 3"],
    step_s: Annotated[Tensor, "robots steps"],
    noise: ImuNoise,
    force_bias_mps2: Annotated[Tensor, "robots 3"] | None = None,
    rate_bias_radps: Annotated[Tensor, "robots 3"] | None = None,
) -> Preintegrated:
    """Force and rate are constant in each step; a step of length 0 changes nothing, which pads robots with fewer."""
    return sum_up(make_path(force_mps2, rate_radps, step_s, force_bias_mps2, rate_bias_radps), noise)


def make_path(
    force_mps2: Annotated[Tensor, "robots steps 3"],
    rate_radps: Annotated[Tensor, "robots steps 3"],
    step_s: Annotated[Tensor, "robots steps"],
    force_bias_mps2: Annotated[Tensor, "robots 3"] | None = None,
    rate_bias_radps: Annotated[Tensor, "robots 3"] | None = None,
) -> Path:
    """Step by step, with the biases taken off."""
    if force_bias_mps2 is not None:
        force_mps2 = force_mps2 - force_bias_mps2[:, None]
    if rate_bias_radps is not None:
        rate_radps = rate_radps - rate_bias_radps[:, None]
    force, rate = (values.movedim(2, 0).contiguous() for values in (force_mps2, rate_radps))
    turn_vector = rate * step_s
    after = planes.matrix(planes.running_products(planes.quaternion_exp(turn_vector)))
    start = torch.eye(3).to(after)[:, :, None, None].expand(3, 3, len(step_s), 1)
    rotation = torch.cat([start, after], dim=-1)
    # All sums are kept in the first frame, where what was added earlier need not be turned again.
    speed_up = planes.turn(rotation[..., :-1], force) * step_s
    velocity = speed_up.cumsum(dim=-1)
    place = ((velocity - 0.5 * speed_up) * step_s).cumsum(dim=-1)
    return Path(step_s, turn_vector, rotation, place, velocity)


def sum_up(path: Path, noise: ImuNoise) -> Preintegrated:
    """All of a path at once."""
    step_s, place, velocity = path.step_s, path.place, path.velocity
    before, after = path.rotation[..., :-1], path.rotation[..., 1:]
    left_s = step_s.sum(dim=1, keepdim=True) - step_s.cumsum(dim=1)
    # An error of the turn made in a step tilts all that is added later.
    tilt = planes.times_right_jacobian(after, path.turn_vector) * step_s
    velocity_by_rate = planes.cross(tilt, (velocity[..., -1:] - velocity)[:, None])
    place_by_rate = planes.cross(tilt, (place[..., -1:] - place - velocity * left_s)[:, None])
    velocity_by_force = before * step_s
    place_by_force = velocity_by_force * (left_s + 0.5 * step_s)
    last = after[..., -1].movedim(2, 0).contiguous()
    by_rate, by_force = (tilt, place_by_rate, velocity_by_rate), (place_by_force, velocity_by_force)
    return Preintegrated(
        step_s.sum(dim=1),
        last,
        place[..., -1].T,
        velocity[..., -1].T,
        -(last.mT @ _total(tilt)),
        -_total(place_by_force),
        -_total(place_by_rate),
        -_total(velocity_by_force),
        -_total(velocity_by_rate),
        _covariance(by_rate, by_force, step_s, last, noise),
    )


def _total(blocks: Annotated[Tensor, "3 3 robots steps"]) -> Annotated[Tensor, "robots 3 3"]:
    return blocks.sum(dim=-1).movedim(2, 0)


def _covariance(
    by_rate: tuple[Tensor, Tensor, Tensor],
    by_force: tuple[Tensor, Tensor],
    step_s: Tensor,
    last: Tensor,
    noise: ImuNoise,
) -> Annotated[Tensor, "robots 9 9"]:
    """Every step's noise carried to the end at once: the product of a wide matrix with itself."""
    per_step = torch.where(step_s > 0.0, step_s, torch.ones_like(step_s)).rsqrt()
    rate, force = (
        (torch.cat(blocks) * (density * per_step)).permute(2, 0, 1, 3).flatten(2)
        for blocks, density in ((by_rate, noise.rate_radps_sqrt_s), (by_force, noise.force_mps2_sqrt_s))
    )
    covariance = rate @ rate.mT
    covariance[:, 3:, 3:] += force @ force.mT
    covariance.diagonal(dim1=1, dim2=2)[:, 3:6] += noise.integration_m_sqrt_s**2 * step_s.sum(dim=1, keepdim=True)
    into_last = thrice(last.mT)
    return into_last @ covariance @ into_last.mT
