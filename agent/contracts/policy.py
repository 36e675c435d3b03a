"""What every policy keeps. Call `check_policy` from your own test with a scene that your policy can act on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...planning.types import NoMotion, Trajectory
from ...policies.policy import Policy, PolicyInput, PolicySpec


def check_policy(spec: PolicySpec, make_policy: Callable[[], Policy], given: PolicyInput) -> None:
    """Raise AssertionError with one line that names the broken promise."""
    assert spec.name, "the spec needs a name"
    assert spec.config().model_config.get("frozen"), "the config must be a frozen pydantic model with defaults"
    first, second = make_policy(), make_policy()
    proposals = []
    for policy in (first, second, first):
        policy.reset(seed=7)
        proposals.append(policy.act(given))
    for proposal in proposals:
        assert isinstance(proposal, Trajectory | NoMotion), f"act returned {type(proposal).__name__}"
        assert type(proposal) is type(proposals[0]), "the same seed and input must give the same kind of answer"
    if isinstance(proposals[0], NoMotion):
        assert proposals[0].detail, "a policy that cannot act must say why in NoMotion.detail"
        return
    for proposal in proposals[1:]:
        assert isinstance(proposal, Trajectory)
        same = np.array_equal(proposal.positions_rad, proposals[0].positions_rad)
        assert same, "after reset(seed) the same input must give the same motion, bit for bit"
    _check_start(proposals[0], given)


def _check_start(trajectory: Trajectory, given: PolicyInput) -> None:
    assert trajectory.times_s[0] == 0.0, "times_s must begin at 0"
    assert np.all(np.diff(trajectory.times_s) > 0), "times_s must increase"
    assert np.isfinite(trajectory.positions_rad).all(), "positions must be finite"
    if given.scene.body is not None:
        gap_rad = float(np.abs(trajectory.positions_rad[0] - given.scene.body.positions_rad).max())
        assert gap_rad < 0.02, f"the motion starts {gap_rad:.3f} rad away from where the body is"
    assert np.abs(trajectory.velocities_radps[-1]).max() < 1e-3, "a motion must end at rest"
