"""Simulated touch: a force-torque sensor at the wrist and contact sensors in the fingers.

In:  the true wrench at the mount's origin, or the true normal force on each finger, with their times.
Out: ForceSamples with bias, wandering bias, white noise and saturation; ContactSamples with noise and a threshold.

The wrist sensor reads what hangs on it as a real one does: the hand's own weight and inertia, what the hand holds,
what it pushes against. The bias lasts until `reset`.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from jaxtyping import Float
from pydantic import Field

from ..perception.types import ContactSamples, ForceSamples, SensorKind, SensorSpec
from .mounting import MountConfig
from .wandering import AxisErrors, WanderingErrors

WRIST = "panda_hand"


class WristForceConfig(MountConfig):
    """Noise values are one sigma: white by sample, bias at start, and how far the bias wanders in one second."""

    mount: str = WRIST
    rate_hz: Annotated[float, Field(gt=0.0, le=240.0)] = 120.0
    delay_s: Annotated[float, Field(ge=0.0, le=1.0)] = 0.002
    force_noise_n: Annotated[float, Field(ge=0.0, le=100.0)] = 0.05
    force_bias_n: Annotated[float, Field(ge=0.0, le=100.0)] = 0.3
    force_walk_n: Annotated[float, Field(ge=0.0, le=100.0)] = 0.005
    force_max_n: Annotated[float, Field(gt=0.0, le=1e5)] = 200.0
    torque_noise_nm: Annotated[float, Field(ge=0.0, le=10.0)] = 0.003
    torque_bias_nm: Annotated[float, Field(ge=0.0, le=10.0)] = 0.02
    torque_walk_nm: Annotated[float, Field(ge=0.0, le=10.0)] = 0.0003
    torque_max_nm: Annotated[float, Field(gt=0.0, le=1e4)] = 20.0


class WristForce:
    """Adds a force-torque sensor's errors to the true wrench at its mount."""

    def __init__(self, config: WristForceConfig) -> None:
        self.config = config
        self.T_mount_sensor = config.make_pose()
        self.spec = SensorSpec(
            config.name,
            SensorKind.WRIST_FORCE,
            config.rate_hz,
            config.delay_s,
            config.mount,
            {
                "force_n": config.force_noise_n,
                "force_bias_n": config.force_bias_n,
                "force_max_n": config.force_max_n,
                "torque_nm": config.torque_noise_nm,
                "torque_bias_nm": config.torque_bias_nm,
                "torque_max_nm": config.torque_max_nm,
            },
        )
        self._errors = WanderingErrors(
            AxisErrors(config.force_noise_n, config.force_bias_n, config.force_walk_n, config.force_max_n),
            AxisErrors(config.torque_noise_nm, config.torque_bias_nm, config.torque_walk_nm, config.torque_max_nm),
            config.rate_hz,
        )

    def reset(self) -> None:
        """Forget the bias; the next measurement draws a new one."""
        self._errors.reset()

    def measure(
        self,
        times_s: Float[np.ndarray, " samples"],
        wrench_mount: Float[np.ndarray, "samples 6"],
        rng: np.random.Generator,
    ) -> ForceSamples:
        """Samples at the given times, of the true force and torque at the mount's origin, mount's axes."""
        to_sensor, place = self.T_mount_sensor[:3, :3], self.T_mount_sensor[:3, 3]
        force_mount = wrench_mount[:, :3]
        torque_mount = wrench_mount[:, 3:] - np.cross(place, force_mount)
        force, torque = self._errors.add_to(force_mount @ to_sensor, torque_mount @ to_sensor, rng)
        config = self.config
        return ForceSamples(config.name, np.array(times_s), force, torque, self.T_mount_sensor, config.mount)


class ContactConfig(MountConfig):
    """Contact of both fingers; the noise value is one sigma."""

    mount: str = WRIST
    rate_hz: Annotated[float, Field(gt=0.0, le=240.0)] = 60.0
    delay_s: Annotated[float, Field(ge=0.0, le=1.0)] = 0.002
    threshold_n: Annotated[float, Field(ge=0.0, le=100.0)] = 0.2
    """A weaker touch reads zero."""
    force_noise_n: Annotated[float, Field(ge=0.0, le=100.0)] = 0.05
    force_max_n: Annotated[float, Field(gt=0.0, le=1e5)] = 50.0


class Contact:
    """Reads how hard each finger presses on something that is not the robot."""

    def __init__(self, config: ContactConfig) -> None:
        self.config = config
        self.T_mount_sensor = config.make_pose()
        noise = {"force_n": config.force_noise_n, "force_max_n": config.force_max_n}
        self.spec = SensorSpec(config.name, SensorKind.CONTACT, config.rate_hz, config.delay_s, config.mount, noise)

    def reset(self) -> None:
        """Nothing lasts between episodes."""

    def measure(
        self,
        times_s: Float[np.ndarray, " samples"],
        forces_n: Float[np.ndarray, "samples pads"],
        rng: np.random.Generator,
    ) -> ContactSamples:
        """Samples at the given times, of the true normal force on each finger."""
        config = self.config
        felt = forces_n + config.force_noise_n * rng.standard_normal(forces_n.shape)
        # Noise alone never crosses the threshold where nothing touches: a switch that is open reads nothing.
        felt[(forces_n <= 0.0) | (felt < config.threshold_n)] = 0.0
        return ContactSamples(config.name, np.array(times_s), np.minimum(felt, config.force_max_n), config.mount)
