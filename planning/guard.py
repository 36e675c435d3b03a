"""Judges every motion before it may run, by its own geometry and never by what the policy claims.

In:  Trajectory from any policy, the SceneState it was made for, Task, PlanStep.
Out: Verdict: one Finding for each rule with signed margin, worst time and a reason; allowed only if none refuses and
     none of high severity stayed unevaluated.
Contact is judged at moments between which no point of the body moves further than `step_m`; stops at `num_brakes`
moments, each at three points of its way to rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field

from ..perception.types import SceneState
from .collision import SELF, CollisionModel
from .contact_checks import Contact, ContactChecker, ContactTolerances
from .keep_distance import Approach, measure_approach
from .limit_checks import check_ends, check_form, check_limits, check_workspace
from .playback import Playback, slowed
from .robot_model import RobotModel
from .rules import KEEP_OUT, MotionFacts, Rule, judge, load_rules, read_zones
from .timing import brake, stop_limits
from .types import TABLE, Finding, PlanStep, Ruling, Task, Trajectory, Verdict


class GuardConfig(BaseModel):
    """How finely the guard looks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step_m: float = Field(default=0.01, gt=0, le=0.05, description="m that any point may move between two looks")
    num_brakes: int = Field(default=12, ge=1, le=200, description="moments from which a stop is tried")
    near_m: float = Field(default=0.02, gt=0, le=0.2, description="m below which clearances are exact")


class Guard:
    """Checks motions of one robot. Keeps nothing between calls."""

    def __init__(
        self,
        model: RobotModel,
        rules: Sequence[Rule] | None = None,
        config: GuardConfig | None = None,
        keep_out: Sequence[Sequence[float]] = (),
    ) -> None:
        self.rules = load_rules() if rules is None else tuple(rules)
        self._model = model
        self._config = config or GuardConfig()
        self._keep_out = tuple(tuple(float(v) for v in zone) for zone in keep_out)
        self._contacts = ContactChecker(CollisionModel(model), ContactTolerances(near_m=self._config.near_m))
        self._stop = stop_limits(model.description)
        # How far from its axis the body behind each joint can extend: from there on all links stretched out.
        self._reach_m = _reach(model)

    def check(self, trajectory: Trajectory, scene: SceneState, task: Task, step: PlanStep) -> Verdict:
        """Every rule over one trajectory."""
        description = self._model.description
        form = check_form(trajectory, description)
        if form:
            return Verdict(False, tuple(form), None)
        trajectory, approach = self._slow_near_person(trajectory, scene)
        playback = Playback(trajectory)
        findings = check_ends(trajectory, scene.body) + check_limits(playback, description)
        moments = playback.moments(self._reach_m, self._config.step_m)
        positions, _, _ = playback.states(moments)
        tools = self._model.tool_poses(positions)
        findings.append(check_workspace(tools[:, :3, 3], moments, description))
        held = self._contacts.check_held(playback, scene, step)
        findings += [held, self._contacts.check_pushed(playback, scene)]
        if any(f.ruling is Ruling.REFUSED for f in findings):
            # What lies beyond the limits has no meaningful geometry, and the answer is known.
            return Verdict(False, tuple(findings), None)
        stops, stopping = self._try_stops(playback)
        zones, unknown = read_zones(task.constraints)
        zones = [*self._keep_out, *zones]
        contacts = self._contacts.measure(playback, moments, stops, scene, step, zones)
        findings += [stopping, *_judge_contacts(contacts, scene, task)]
        facts = MotionFacts(
            scene,
            task,
            step,
            tuple((c.clearance, c.time_s) for c in contacts if c.clearance.owner.startswith(KEEP_OUT)),
            self._contacts.carried_moments(playback, moments, scene),
            approach,
        )
        findings += judge(self.rules, facts)
        findings += [
            Finding(f"constraint:{text}", Ruling.NOT_EVALUATED, None, "", None, "no rule knows this constraint")
            for text in unknown
        ]
        allowed = all(self._passes(finding) for finding in findings)
        return Verdict(allowed, tuple(findings), trajectory if allowed else None)

    def _slow_near_person(self, trajectory: Trajectory, scene: SceneState) -> tuple[Trajectory, Approach | None]:
        """The repair for a motion that is too fast near a person: the same way, as slowly as it has to be."""
        rule = next((rule for rule in self.rules if rule.kind == "keep_distance"), None)
        if rule is None or scene.person is None:
            return trajectory, None
        near_m, limit_mps = rule.parameters["near_m"], rule.parameters["speed_max_mps"]
        approach = measure_approach(Playback(trajectory), self._model, scene.person, near_m)
        if approach.fastest_mps <= limit_mps:
            return trajectory, approach
        slower = slowed(trajectory, 0.98 * limit_mps / approach.fastest_mps)
        return slower, measure_approach(Playback(slower), self._model, scene.person, near_m)

    def _passes(self, finding: Finding) -> bool:
        """Allowed; or not evaluated by a rule of low severity."""
        if finding.ruling is not Ruling.NOT_EVALUATED:
            return finding.ruling is Ruling.ALLOWED
        return any(rule.id == finding.rule and rule.severity == "low" for rule in self.rules)

    def _try_stops(
        self, playback: Playback
    ) -> tuple[tuple[Float[np.ndarray, "stops"], Float[np.ndarray, "stops joints"]], Finding]:
        """Stops begun at moments spread over the motion: where they pass, and whether they keep the joint limits.

        Three points stand for each stop; the speed is highest at its beginning, which the motion itself contains.
        """
        duration_s = playback.trajectory.duration_s
        begins = duration_s * (np.arange(self._config.num_brakes) + 0.5) / self._config.num_brakes
        positions, velocities, accelerations = playback.states(begins)
        times: list[float] = []
        passed: list[Float[np.ndarray, "joints"]] = []
        margin, worst_s = np.inf, 0.0
        for k, begin_s in enumerate(begins):
            if np.abs(velocities[k]).max() < 1e-6:
                continue
            _, way, _ = brake(positions[k], velocities[k], accelerations[k], self._stop, 0.02)
            left = np.minimum(way - self._model.position_min_rad, self._model.position_max_rad - way).min()
            if left < margin:
                margin, worst_s = float(left), float(begin_s)
            for row in {len(way) // 3, 2 * len(way) // 3, len(way) - 1}:
                times.append(float(begin_s))
                passed.append(way[row])
        points = np.array(passed).reshape(-1, positions.shape[1])
        if not passed:
            finding = Finding("braking", Ruling.ALLOWED, None, "rad", None, "nothing moves")
        else:
            ruling = Ruling.ALLOWED if margin >= 0 else Ruling.REFUSED
            reason = f"stops tried at {len(begins)} moments stay {margin:.2f} rad within the joint limits"
            finding = Finding("braking", ruling, margin, "rad", worst_s, reason)
        return (np.array(times), points), finding


def _judge_contacts(contacts: Sequence[Contact], scene: SceneState, task: Task) -> list[Finding]:
    """The worst of each kind: objects, table, the robot itself."""
    groups: dict[str, list[Contact]] = {"collision": [], "table": [], "self_collision": []}
    for contact in contacts:
        owner = contact.clearance.owner
        if not owner.startswith(KEEP_OUT):
            groups[{TABLE: "table", SELF: "self_collision"}.get(owner, "collision")].append(contact)
    findings: list[Finding] = []
    for rule, group in groups.items():
        if not group:
            findings.append(Finding(rule, Ruling.ALLOWED, None, "m", None, "nothing is near"))
            continue
        worst = min(group, key=lambda c: c.margin_m)
        c = worst.clearance
        names = task.names.get(c.owner, c.owner)
        reason = f"{c.part} comes to {c.distance_m * 1000:.1f} mm from {names}, {worst.required_m * 1000:.0f} allowed"
        ruling = Ruling.ALLOWED if worst.margin_m >= 0 else Ruling.REFUSED
        findings.append(Finding(rule, ruling, worst.margin_m, "m", worst.time_s, reason))
    if scene.table is None:
        findings.append(Finding("table", Ruling.NOT_EVALUATED, None, "m", None, "the table has not been seen"))
    return findings


def _reach(model: RobotModel) -> Float[np.ndarray, "joints"]:
    """For each arm joint a bound on how far any body behind it is from its axis, in any position of the others."""
    rest = np.array(model.description.look_rad)
    joints = [model.link_pose(name, rest, 0.0)[:3, 3] for name in model.joint_links]
    tip = model.tool_pose(rest)[:3, 3]
    points = [*joints, tip]
    lengths = [float(np.linalg.norm(b - a)) for a, b in zip(points[:-1], points[1:], strict=True)]
    return np.array([sum(lengths[i:]) for i in range(len(joints))]) + 0.12
