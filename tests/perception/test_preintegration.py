"""Inertial preintegration: the recursion it replaces, gtsam's numbers, Jacobians, covariance, padding."""

from __future__ import annotations

import dataclasses

import gtsam
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from verbot.perception.odometry.body_state import FirstGuess, first_state
from verbot.perception.odometry.preintegration import ImuNoise, Preintegrated, preintegrate

NOISE = ImuNoise(integration_m_sqrt_s=1e-3)
STEPS = 120


def draw(robots: int = 3, steps: int = STEPS) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Wild motion with uneven steps."""
    rng = np.random.default_rng(3)
    force, rate = 3.0 * rng.normal(size=(robots, steps, 3)), 2.0 * rng.normal(size=(robots, steps, 3))
    return torch.tensor(force), torch.tensor(rate), torch.tensor(rng.uniform(0.003, 0.012, (robots, steps)))


def biases(robots: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(4)
    return torch.tensor(0.1 * rng.normal(size=(robots, 3))), torch.tensor(0.02 * rng.normal(size=(robots, 3)))


def changes(motion: Preintegrated) -> list[torch.Tensor]:
    return [motion.turn, motion.place_m, motion.velocity_mps]


def test_motion_and_covariance_are_those_of_gtsam() -> None:
    samples, (force_bias, rate_bias) = draw(), biases()
    motion = preintegrate(*samples, NOISE, force_bias, rate_bias)
    params = gtsam.PreintegrationParams.MakeSharedU(9.81)
    params.setAccelerometerCovariance(np.eye(3) * NOISE.force_mps2_sqrt_s**2)
    params.setGyroscopeCovariance(np.eye(3) * NOISE.rate_radps_sqrt_s**2)
    params.setIntegrationCovariance(np.eye(3) * NOISE.integration_m_sqrt_s**2)
    for robot in range(3):
        bias = gtsam.imuBias.ConstantBias(force_bias[robot].numpy(), rate_bias[robot].numpy())
        theirs = gtsam.PreintegratedImuMeasurementsManifold(params, bias)
        force, rate, step_s = (values[robot].numpy() for values in samples)
        for k in range(STEPS):
            theirs.integrateMeasurement(force[k], rate[k], step_s[k])
        np.testing.assert_allclose(motion.turn[robot], theirs.deltaRij().matrix(), atol=1e-6)
        np.testing.assert_allclose(motion.place_m[robot], theirs.deltaPij(), atol=1e-6)
        np.testing.assert_allclose(motion.velocity_mps[robot], theirs.deltaVij(), atol=1e-6)
        expected = theirs.preintMeasCov()
        sigma = np.sqrt(np.diag(expected))
        np.testing.assert_allclose(
            motion.covariance[robot].numpy() / np.outer(sigma, sigma), expected / np.outer(sigma, sigma), atol=1e-6
        )


@pytest.mark.parametrize("which", ["force", "rate"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_small_change_of_bias_needs_no_second_pass(which: str, axis: int) -> None:
    samples, (force_bias, rate_bias) = draw(), biases()
    change = torch.zeros_like(force_bias)
    change[:, axis] = 1e-5
    none = torch.zeros_like(change)
    force_change, rate_change = (change, none) if which == "force" else (none, change)
    again = preintegrate(*samples, NOISE, force_bias + force_change, rate_bias + rate_change)
    first = preintegrate(*samples, NOISE, force_bias, rate_bias)
    adjusted = first.with_biases(force_change, rate_change)
    for one, other in zip(changes(again), changes(adjusted), strict=True):
        assert (one - other).abs().max() < 1e-8
    assert (changes(again)[1] - changes(first)[1]).abs().max() > 1e-7, "the change of bias must matter"


def test_covariance_is_what_noise_does() -> None:
    force, rate, step_s = (values[:1, :40] for values in draw(1))
    noise = ImuNoise(0.02, 0.01, integration_m_sqrt_s=0.0)
    expected = preintegrate(force, rate, step_s, noise)
    rng, num = np.random.default_rng(5), 4000
    per_step = step_s.rsqrt()[..., None]
    noisy = preintegrate(
        force + noise.force_mps2_sqrt_s * per_step * torch.tensor(rng.normal(size=(num, 40, 3))),
        rate + noise.rate_radps_sqrt_s * per_step * torch.tensor(rng.normal(size=(num, 40, 3))),
        step_s.expand(num, 40),
        noise,
    )
    back = expected.turn[0].T
    turn = Rotation.from_matrix((back @ noisy.turn).numpy()).as_rotvec()
    place, velocity = (
        ((values - mean) @ back.T).numpy()
        for values, mean in ((noisy.place_m, expected.place_m), (noisy.velocity_mps, expected.velocity_mps))
    )
    found = np.cov(np.concatenate([turn, place, velocity], axis=1).T)
    sigma = np.sqrt(np.diag(expected.covariance[0].numpy()))
    np.testing.assert_allclose(
        found / np.outer(sigma, sigma), expected.covariance[0].numpy() / np.outer(sigma, sigma), atol=0.08
    )


def test_steps_of_no_length_change_nothing() -> None:
    force, rate, step_s = draw()
    step_s[1, 50:] = 0.0
    padded = preintegrate(force, rate, step_s, NOISE)
    alone = preintegrate(force[1:2, :50], rate[1:2, :50], step_s[1:2, :50], NOISE)
    for name in (field.name for field in dataclasses.fields(Preintegrated)):
        np.testing.assert_allclose(getattr(padded, name)[1], getattr(alone, name)[0], atol=1e-12)


def test_a_body_at_rest_stays_where_it_is() -> None:
    tilt = torch.tensor(Rotation.from_euler("xyz", [0.3, -0.5, 1.0]).as_matrix())[None]
    force = tilt.mT @ torch.tensor([0.0, 0.0, 9.81], dtype=torch.float64)
    start = first_state(force, FirstGuess())
    samples = force[:, None].expand(1, 200, 3)
    step_s = torch.full((1, 200), 0.005, dtype=torch.float64)
    end = start.after_imu(preintegrate(samples, torch.zeros_like(samples), step_s, NOISE), NOISE)
    assert torch.allclose(end.place_map, start.place_map, atol=1e-9)
    assert torch.allclose(end.velocity_map, start.velocity_map, atol=1e-9)


def test_single_precision_keeps_a_second_to_a_tenth_of_a_millimetre() -> None:
    samples = draw()
    exact, quick = preintegrate(*samples, NOISE), preintegrate(*(values.float() for values in samples), NOISE)
    assert (exact.place_m - quick.place_m.double()).abs().max() < 1e-4
    assert quick.covariance.dtype == torch.float32
