"""An example policy: geometry's motion, slower while something is carried."""

from __future__ import annotations

from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field
from verbot.planning.robot_model import RobotModel
from verbot.planning.types import NoMotion, Trajectory
from verbot.policies.policy import Policy, PolicyInput, PolicySpec, Sense


class GentleConfig(BaseModel):
    """How gently: the fraction of the speed that geometry proposes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    carrying_speed: float = Field(default=0.6, gt=0.0, le=1.0)


class GentlePolicy:
    """Wraps another policy."""

    def __init__(self, config: GentleConfig, inner: Policy) -> None:
        self._config, self._inner = config, inner

    def reset(self, seed: int) -> None:
        """Start an episode."""
        self._inner.reset(seed)

    def act(self, given: PolicyInput) -> Trajectory | NoMotion:
        """Geometry's proposal, slowed when it carries something."""
        proposal = self._inner.act(given)
        if isinstance(proposal, NoMotion) or not proposal.held:
            return proposal
        speed = self._config.carrying_speed
        return replace(
            proposal,
            times_s=proposal.times_s / speed,
            velocities_radps=proposal.velocities_radps * speed,
            held=tuple(replace(s, start_s=s.start_s / speed, end_s=s.end_s / speed) for s in proposal.held),
        )


def _build(config: GentleConfig, model: RobotModel) -> GentlePolicy:
    # Imported late: a spec must be cheap to import, and motion planning is not.
    from verbot.policies.geometric import SPEC as GEOMETRIC

    return GentlePolicy(config, GEOMETRIC.build(GEOMETRIC.config(), model))


SPEC = PolicySpec(
    name="gentle",
    needs=(Sense.SCENE, Sense.JOINTS),
    gives=None,
    config=GentleConfig,
    build=_build,
    summary="the geometric policy, slower while it carries",
    is_rehearsable=True,
)
