"""What is believed of a moving body: pose, velocity, biases of its IMU, gravity, and how sure that is.

In:  preintegrated inertial motion; a pose that a scan was matched to.
Out: BodyState after it, for a batch of robots, in float64.

An error-state Kalman filter (Solà, "Quaternion kinematics for the error-state Kalman filter", 2017). Errors stand in
the order turn, place, velocity, force bias, rate bias, gravity, map; turn and place along the map's axes. Gravity is
estimated (Xu et al., "FAST-LIO2", 2022), so that the map may start at any tilt.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Annotated

import torch
from torch import Tensor

from .preintegration import ImuNoise, Preintegrated
from .registration import Renewal
from .rotations import exp, log, skew, thrice, turned
from .wheels import Rolling

SIZE = 24
TURN, PLACE, VELOCITY, FORCE_BIAS, RATE_BIAS, GRAVITY = (slice(3 * k, 3 * k + 3) for k in range(6))
POSE, MAP = slice(0, 6), slice(18, 24)


@dataclass(frozen=True, slots=True)
class FirstGuess:
    """One sigma of what is not known when a body is first seen."""

    velocity_mps: float = 5.0
    force_bias_mps2: float = 0.1
    rate_bias_radps: float = 0.01
    gravity_mps2: float = 0.5


@dataclass(frozen=True, slots=True)
class BodyState:
    """Mean and covariance; the map's frame is where the body was first."""

    R_map_body: Annotated[Tensor, "robots 3 3"]
    place_map: Annotated[Tensor, "robots 3"]
    velocity_map: Annotated[Tensor, "robots 3"]
    force_bias_mps2: Annotated[Tensor, "robots 3"]
    rate_bias_radps: Annotated[Tensor, "robots 3"]
    gravity_map: Annotated[Tensor, "robots 3"]
    map_error: Annotated[Tensor, "robots 6"]
    """Turn and place, about the body's origin along the map's axes, by which the map around is believed to be off."""
    covariance: Annotated[Tensor, "robots 24 24"]

    def where(self, is_chosen: Annotated[Tensor, "robots"], other: BodyState) -> BodyState:
        """Of the robots chosen, and of the others another's."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in (field.name for field in fields(self)))
        return BodyState(*(torch.where(is_chosen.view(-1, *[1] * (one.dim() - 1)), one, two) for one, two in pairs))

    def after_imu(self, motion: Preintegrated, noise: ImuNoise) -> BodyState:
        """At the end of inertial motion that began here and was preintegrated with these biases."""
        rotation, time_s = self.R_map_body, motion.duration_s[:, None]
        place, velocity = turned(rotation, motion.place_m), turned(rotation, motion.velocity_mps)
        end = rotation @ motion.turn
        change = torch.eye(SIZE, dtype=rotation.dtype, device=rotation.device).repeat(len(rotation), 1, 1)
        eye = torch.eye(3).to(rotation)
        seconds = time_s[..., None]
        change[:, TURN, RATE_BIAS] = end @ motion.turn_by_rate_bias
        change[:, PLACE, TURN], change[:, VELOCITY, TURN] = -skew(place), -skew(velocity)
        change[:, PLACE, VELOCITY] = eye * seconds
        change[:, PLACE, FORCE_BIAS] = rotation @ motion.place_by_force_bias
        change[:, PLACE, RATE_BIAS] = rotation @ motion.place_by_rate_bias
        change[:, VELOCITY, FORCE_BIAS] = rotation @ motion.velocity_by_force_bias
        change[:, VELOCITY, RATE_BIAS] = rotation @ motion.velocity_by_rate_bias
        change[:, PLACE, GRAVITY], change[:, VELOCITY, GRAVITY] = eye * seconds.square() / 2.0, eye * seconds
        gone = self.velocity_map * time_s + 0.5 * self.gravity_map * time_s.square() + place
        change[:, MAP, MAP] = _arm(gone)
        covariance = change @ self.covariance @ change.mT
        into_map = thrice(end)
        covariance[:, :9, :9] += into_map @ motion.covariance @ into_map.mT
        spread = covariance.diagonal(dim1=1, dim2=2)
        spread[:, FORCE_BIAS] += noise.force_walk_mps2_per_sqrt_s**2 * time_s
        spread[:, RATE_BIAS] += noise.rate_walk_radps_per_sqrt_s**2 * time_s
        return replace(
            self,
            R_map_body=end,
            place_map=self.place_map + gone,
            velocity_map=self.velocity_map + self.gravity_map * time_s + velocity,
            map_error=turned(change[:, MAP, MAP], self.map_error),
            covariance=_symmetric(covariance),
        )

    def after_coasting(self, time_s: Annotated[Tensor, "robots"], force_mps2: float, rate_radps: float) -> BodyState:
        """Without an IMU: on as before, with that much unknown acceleration and turning (one sigma)."""
        seconds = time_s[:, None, None]
        change = torch.eye(SIZE).to(self.place_map).repeat(len(time_s), 1, 1)
        change[:, PLACE, VELOCITY] = torch.eye(3).to(seconds) * seconds
        gone = self.velocity_map * time_s[:, None]
        change[:, MAP, MAP] = _arm(gone)
        covariance = change @ self.covariance @ change.mT
        spread, time = covariance.diagonal(dim1=1, dim2=2), time_s[:, None]
        spread[:, TURN] += (rate_radps * time).square()
        spread[:, PLACE] += (0.5 * force_mps2 * time.square()).square()
        spread[:, VELOCITY] += (force_mps2 * time).square()
        return replace(
            self,
            place_map=self.place_map + gone,
            map_error=turned(change[:, MAP, MAP], self.map_error),
            covariance=covariance,
        )

    def matched(
        self,
        R_map_body: Annotated[Tensor, "robots 3 3"],
        place_map: Annotated[Tensor, "robots 3"],
        information: Annotated[Tensor, "robots 6 6"],
        age_s: Annotated[Tensor, "robots"],
    ) -> BodyState:
        """After a scan was matched at that pose, with that information about it relative to the map.

        Directions without information stay as predicted; the rest follows by its correlation with what was seen.
        """
        found = torch.cat([log(R_map_body @ self.R_map_body.mT), place_map - self.place_map], dim=1)
        seen = self._seen(age_s)
        seen[:, :, MAP] = -torch.eye(6).to(seen)
        return self._corrected(seen, information, found + self.map_error)

    def rolled(self, rolling: Rolling, axle_body_m: Annotated[Tensor, "3"], rate_radps: Tensor | None) -> BodyState:
        """After wheels told how their axle goes; robots whose wheels said nothing stay as they are.

        `rate_radps` is how the body turns, in its own frame; None: the axle goes as the body does.
        """
        into_body = self.R_map_body.mT
        expected = turned(into_body, self.velocity_map)
        seen = torch.zeros(len(expected), 3, SIZE).to(expected)
        seen[:, :, TURN], seen[:, :, VELOCITY] = into_body @ skew(self.velocity_map), into_body
        if rate_radps is not None:
            expected = expected + torch.linalg.cross(rate_radps - self.rate_bias_radps, axle_body_m.expand_as(expected))
            seen[:, :, RATE_BIAS] = skew(axle_body_m.expand_as(expected))
        return self._corrected(seen, torch.diag_embed(rolling.information), rolling.velocity_body - expected)

    def _corrected(
        self,
        seen: Annotated[Tensor, "robots rows 24"],
        information: Annotated[Tensor, "robots rows rows"],
        found: Annotated[Tensor, "robots rows"],
    ) -> BodyState:
        """After a measurement lay that far beside what was expected; without information nothing changes."""
        crossed = self.covariance @ seen.mT
        eye = torch.eye(seen.shape[1]).to(seen)
        gain = crossed @ torch.linalg.solve(eye + information @ seen @ crossed, information)
        moved = turned(gain, found)
        return BodyState(
            exp(moved[:, TURN]) @ self.R_map_body,
            self.place_map + moved[:, PLACE],
            self.velocity_map + moved[:, VELOCITY],
            self.force_bias_mps2 + moved[:, FORCE_BIAS],
            self.rate_bias_radps + moved[:, RATE_BIAS],
            self.gravity_map + moved[:, GRAVITY],
            self.map_error + moved[:, MAP],
            _symmetric(self.covariance - gain @ crossed.mT),
        )

    def laid(self, renewal: Renewal, scale: float, age_s: Annotated[Tensor, "robots"]) -> BodyState:
        """After the scan was put into the map at this pose: the map's error becomes the scan's to that share."""
        share = renewal.share
        kept = torch.eye(6).to(share) - share
        change = torch.eye(SIZE).to(share).repeat(len(share), 1, 1)
        change[:, MAP] = share @ self._seen(age_s)
        change[:, MAP, MAP] = kept
        covariance = change @ self.covariance @ change.mT
        covariance[:, MAP, MAP] += scale * renewal.spread
        return replace(self, map_error=turned(kept, self.map_error), covariance=_symmetric(covariance))

    def _seen(self, age_s: Annotated[Tensor, "robots"]) -> Annotated[Tensor, "robots 6 24"]:
        """What a scan's error is of this state's: its points, on average that old, were carried to its end."""
        seen = torch.eye(SIZE).to(self.covariance)[:6].repeat(len(age_s), 1, 1)
        seen[:, PLACE, VELOCITY] = -torch.eye(3).to(seen) * age_s[:, None, None]
        seen[:, TURN, RATE_BIAS] = self.R_map_body * age_s[:, None, None]
        return seen


def first_state(force_mps2: Annotated[Tensor, "robots 3"], guess: FirstGuess, pose_sigma: float = 1e-4) -> BodyState:
    """The map begins at the body; gravity is what the IMU's mean force holds up."""
    robots, kind = len(force_mps2), {"dtype": torch.float64, "device": force_mps2.device}
    zero = torch.zeros(robots, 3, **kind)
    sigmas = (
        pose_sigma,
        pose_sigma,
        guess.velocity_mps,
        guess.force_bias_mps2,
        guess.rate_bias_radps,
        guess.gravity_mps2,
    )
    squares = torch.tensor(sigmas, **kind).square().repeat_interleave(3)
    return BodyState(
        torch.eye(3, **kind).repeat(robots, 1, 1),
        zero,
        zero,
        zero,
        zero,
        -force_mps2.double(),
        torch.zeros(robots, 6, **kind),
        torch.diag(torch.cat([squares, torch.zeros(6, **kind)])).repeat(robots, 1, 1),
    )


def _arm(gone: Annotated[Tensor, "robots 3"]) -> Annotated[Tensor, "robots 6 6"]:
    """What an error about the body's origin is about a place that far away."""
    arm = torch.eye(6).to(gone).repeat(len(gone), 1, 1)
    arm[:, PLACE, TURN] = -skew(gone)
    return arm


def _symmetric(matrix: Tensor) -> Tensor:
    return 0.5 * (matrix + matrix.mT)
