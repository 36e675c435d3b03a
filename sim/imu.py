"""A simulated IMU.

In:  true specific force and angular rate in the sensor's frame, with their times.
Out: ImuSamples with white noise, a bias that wanders, and saturation. The bias lasts until `reset`.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from jaxtyping import Float
from pydantic import Field

from ..perception.types import ImuSamples, SensorKind, SensorSpec
from .mounting import MountConfig
from .wandering import AxisErrors, WanderingErrors


class ImuConfig(MountConfig):
    """Noise values are one sigma: white by sample, bias at start, and how far the bias wanders in one second."""

    rate_hz: Annotated[float, Field(gt=0.0, le=2000.0)] = 200.0
    delay_s: Annotated[float, Field(ge=0.0, le=1.0)] = 0.002
    force_noise_mps2: Annotated[float, Field(ge=0.0, le=10.0)] = 0.03
    force_bias_mps2: Annotated[float, Field(ge=0.0, le=10.0)] = 0.03
    force_walk_mps2: Annotated[float, Field(ge=0.0, le=10.0)] = 0.002
    force_max_mps2: Annotated[float, Field(gt=0.0, le=5000.0)] = 78.5
    rate_noise_radps: Annotated[float, Field(ge=0.0, le=10.0)] = 0.002
    rate_bias_radps: Annotated[float, Field(ge=0.0, le=10.0)] = 0.003
    rate_walk_radps: Annotated[float, Field(ge=0.0, le=10.0)] = 0.0001
    rate_max_radps: Annotated[float, Field(gt=0.0, le=500.0)] = 34.9


class Imu:
    """Adds an IMU's errors to the true motion of its place."""

    def __init__(self, config: ImuConfig) -> None:
        self.config = config
        self.T_mount_sensor = config.make_pose()
        self.spec = SensorSpec(
            name=config.name,
            kind=SensorKind.IMU,
            rate_hz=config.rate_hz,
            delay_s=config.delay_s,
            mount=config.mount,
            noise={
                "force_mps2": config.force_noise_mps2,
                "force_bias_mps2": config.force_bias_mps2,
                "force_max_mps2": config.force_max_mps2,
                "rate_radps": config.rate_noise_radps,
                "rate_bias_radps": config.rate_bias_radps,
                "rate_max_radps": config.rate_max_radps,
            },
        )
        self._errors = WanderingErrors(
            AxisErrors(config.force_noise_mps2, config.force_bias_mps2, config.force_walk_mps2, config.force_max_mps2),
            AxisErrors(config.rate_noise_radps, config.rate_bias_radps, config.rate_walk_radps, config.rate_max_radps),
            config.rate_hz,
        )

    def reset(self) -> None:
        """Forget the bias; the next measurement draws a new one."""
        self._errors.reset()

    def measure(
        self,
        times_s: Float[np.ndarray, " samples"],
        specific_force_sensor: Float[np.ndarray, "samples 3"],
        angular_rate_sensor: Float[np.ndarray, "samples 3"],
        rng: np.random.Generator,
    ) -> ImuSamples:
        """Samples at the given times, of the true motion in the sensor's frame."""
        force, rate = self._errors.add_to(specific_force_sensor, angular_rate_sensor, rng)
        config = self.config
        return ImuSamples(config.name, np.array(times_s), force, rate, self.T_mount_sensor, config.mount)
