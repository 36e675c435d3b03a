"""Asking a policy: what it raises, or returns instead of a motion, is the policy's fault and nobody else's.

In:  a Policy and what it may look at.
Out: Trajectory or NoMotion; PolicyError for everything else.
"""

from __future__ import annotations

from ..planning.playback import slowed
from ..planning.types import NoMotion, Trajectory
from ..policies.policy import Policy, PolicyInput


class PolicyError(ValueError):
    """The policy raised or returned no motion; one line. Its own error is the cause."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"The policy raised {type(error).__name__}: {error}")


def propose(policy: Policy, given: PolicyInput, speed: float = 1.0) -> Trajectory | NoMotion:
    """The policy's motion for the step, at a fraction of its speed.

    Raises:
        PolicyError: a stranger's code may raise anything; the robot must come to rest whatever it is.
    """
    try:
        proposal = policy.act(given)
        if not isinstance(proposal, Trajectory | NoMotion):
            raise TypeError(f"act returned {type(proposal).__name__}, expected Trajectory or NoMotion")
    except Exception as error:
        raise PolicyError(error) from error
    return slowed(proposal, speed) if isinstance(proposal, Trajectory) else proposal


def reset_policy(policy: Policy, seed: int) -> None:
    """Start the policy's episode; raises PolicyError as `propose` does."""
    try:
        policy.reset(seed)
    except Exception as error:
        raise PolicyError(error) from error
