from dataclasses import replace

from policy_scenes import TASK, guard, make, on_table, panda, pick
from verbot.agent.contracts.policy import check_policy
from verbot.perception.types import SensorFrame, Shape
from verbot.planning.types import Trajectory
from verbot.policies.policy import PolicyInput
from verbot.policies.random_motion import SPEC


def given(time_s: float = 0.0) -> PolicyInput:
    scene = on_table(make("a", Shape.BLOCK, 0.5, 0.1), make("b", Shape.BOWL, 0.45, -0.2))
    return PolicyInput(SensorFrame(time_s), replace(scene, time_s=time_s, seen_s=time_s), TASK, pick("a"))


def test_random_policy_keeps_the_policy_contract() -> None:
    check_policy(SPEC, lambda: SPEC.build(SPEC.config(), panda()), given())


def test_random_motions_differ_by_seed_and_time_and_pass_the_guard() -> None:
    policy = SPEC.build(SPEC.config(), panda())
    goals = []
    for seed, time_s in ((0, 0.0), (1, 0.0), (1, 2.0)):
        policy.reset(seed)
        asked = given(time_s)
        motion = policy.act(asked)
        assert isinstance(motion, Trajectory)
        assert guard().check(motion, asked.scene, asked.task, asked.step).allowed
        goals.append(tuple(motion.positions_rad[-1]))
    assert len(set(goals)) == 3
