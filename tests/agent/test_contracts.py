"""Our own parts keep the promises that plug-in authors are asked to keep; and the contracts can fail."""

from dataclasses import replace

import pytest
from verbot.agent.build import build_model, build_parts, choose_device
from verbot.agent.config import make_run_config
from verbot.agent.contracts.perceiver import check_perceiver
from verbot.agent.contracts.policy import check_policy
from verbot.agent.contracts.robot import check_robot
from verbot.agent.plugins import load_spec
from verbot.agent.runtime import SETTLE_S
from verbot.perception.types import PerceiverSetup
from verbot.planning.types import Action, MotionConvention, NoMotion, PlanStep, Task, Trajectory
from verbot.policies.policy import PolicyInput, PolicySpec

CONFIG = make_run_config(command="pick up the red block", seed=1, device="cpu")


def test_simulated_panda_keeps_the_robot_contract() -> None:
    check_robot(build_parts(CONFIG).robot)


def test_robot_that_lets_time_pass_in_command_breaks_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    robot = build_parts(CONFIG).robot
    command = robot.command

    def impatient(trajectory: Trajectory, start_s: float) -> None:
        command(trajectory, start_s)
        robot.read(start_s + 0.1)

    monkeypatch.setattr(robot, "command", impatient)
    with pytest.raises(AssertionError, match="return at once"):
        check_robot(robot)


def test_fused_perceiver_keeps_the_perceiver_contract() -> None:
    parts = build_parts(CONFIG)
    frames = [parts.robot.reset(1), parts.robot.read(SETTLE_S), parts.robot.read(2 * SETTLE_S)]
    spec = load_spec("perceivers", "fused")
    setup = PerceiverSetup(parts.robot.sensors, body=parts.model, device=choose_device("cpu"))
    check_perceiver(lambda: spec.build(spec.config(), setup), frames)
    parts.robot.close()


def test_geometric_policy_keeps_the_policy_contract() -> None:
    parts = build_parts(CONFIG)
    parts.perceiver.update(parts.robot.reset(1))
    frame = parts.robot.read(SETTLE_S)
    scene = parts.perceiver.update(frame)
    parts.robot.close()
    red = next(o for o in scene.objects if o.color == "red")
    given = PolicyInput(frame, scene, Task("pick up the red block", ()), PlanStep(Action.PICK, "to test", red.id))
    spec = load_spec("policies", "geometric")
    check_policy(spec, lambda: spec.build(spec.config(), build_model()), given)

    class Drifting:
        """Forgets to forget: each call differs."""

        def __init__(self) -> None:
            self._inner, self._calls = spec.build(spec.config(), build_model()), 0

        def reset(self, seed: int) -> None:
            self._inner.reset(seed)

        def act(self, given: PolicyInput) -> Trajectory | NoMotion:
            self._calls += 1
            motion = self._inner.act(given)
            assert isinstance(motion, Trajectory)
            return replace(motion, positions_rad=motion.positions_rad + 1e-9 * self._calls)

    drifting = PolicySpec("drifting", (), MotionConvention(()), spec.config, lambda *_: Drifting())
    with pytest.raises(AssertionError, match="bit for bit"):
        check_policy(drifting, Drifting, given)
