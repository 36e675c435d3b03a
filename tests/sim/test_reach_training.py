"""A learner that knows nothing of Verbot solves Reach: soft actor-critic from stable-baselines3, from state."""

import gymnasium
import pytest
import torch
import verbot.sim.envs  # noqa: F401  # registers verbot/Reach-v0

NUM_STEPS = 40_000
NUM_EPISODES = 100
FIRST_SEED = 1_000_000  # training draws its own


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_soft_actor_critic_reaches_nine_goals_of_ten() -> None:
    sac = pytest.importorskip("stable_baselines3").SAC
    torch.set_num_threads(1)
    env = gymnasium.make("verbot/Reach-v0")
    learner = sac(
        "MultiInputPolicy",
        env,
        seed=0,
        learning_rate=1e-3,
        gamma=0.95,
        tau=0.02,
        ent_coef="auto_0.05",
        learning_starts=500,
        policy_kwargs={"net_arch": [64, 64]},
    )
    learner.learn(NUM_STEPS)
    assert sum(_is_reached(env, learner, FIRST_SEED + k) for k in range(NUM_EPISODES)) > 0.9 * NUM_EPISODES
    env.close()


def _is_reached(env: gymnasium.Env, learner: object, seed: int) -> bool:
    observation, info = env.reset(seed=seed)
    is_over = False
    while not is_over:
        action, _ = learner.predict(observation, deterministic=True)  # type: ignore[attr-defined]
        observation, _, is_won, is_cut, info = env.step(action)
        is_over = is_won or is_cut
    return bool(info["success"])
