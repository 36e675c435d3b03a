import hashlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from verbot.planning.motion import workspace
from verbot.sim.env_controls import CONTROLS
from verbot.sim.env_wrappers import HandDeltaActions, KeyframeActions
from verbot.sim.envs import REACH_ID, TASK_IDS
from verbot.sim.reach_env import ReachEnv
from verbot.sim.task_env import EnvError, TaskEnv
from verbot.sim.tasks.episodes import draw_episode
from verbot.sim.tasks.families import FAMILIES
from verbot.sim.violations import ViolationKind

SMALL = {"image_size": (24, 16), "lidar_size": (2, 16)}
BLIND = {"modalities": ("joints", "command")}
MODALITIES = ("front", "joints", "command")
LIMITS = {ViolationKind.JOINT_POSITION, ViolationKind.JOINT_VELOCITY, ViolationKind.JOINT_ACCELERATION}


def _make(family: str = "put_in", **settings: Any) -> TaskEnv:
    return TaskEnv(family=family, **settings)


def _act(env: TaskEnv, position_world: np.ndarray, opening: float) -> tuple[Any, float, bool, bool, dict[str, Any]]:
    """A keyframe with the hand straight down."""
    low, high = workspace(env._servo.model)
    place = (np.asarray(position_world) - low) / (high - low) * 2 - 1
    return env.step(np.array([*place, 0.0, 0.0, 0.0, 0.0, opening], np.float32))


def _fingerprint(env: TaskEnv, seed: int, num_steps: int) -> str:
    """Of everything observed and judged in an episode of drawn actions."""
    digest = hashlib.sha256()
    env.action_space.seed(seed)
    observation, info = env.reset(seed=seed)
    for step in range(num_steps + 1):
        for key in sorted(observation):
            value = observation[key]
            digest.update(value.encode() if isinstance(value, str) else value.tobytes())
        digest.update(repr(sorted(info.items())).encode())
        if step < num_steps:
            observation, reward, _, _, info = env.step(env.action_space.sample())
            digest.update(repr(reward).encode())
    return digest.hexdigest()


@pytest.fixture
def keyframe_env() -> Iterator[TaskEnv]:
    env = _make(control="keyframe", **BLIND)
    yield env
    env.close()


def test_every_family_and_reach_are_registered_by_importing_the_module() -> None:
    assert set(TASK_IDS.values()) == set(FAMILIES)
    assert {*TASK_IDS, REACH_ID} <= set(gymnasium.registry)
    assert TASK_IDS["verbot/PutIn-v0"] == "put_in"


def test_importing_loads_neither_ray_caster_nor_kinematics_nor_search() -> None:
    code = (
        "import sys, verbot.sim.envs; print([m for m in ('open3d', 'pinocchio', 'ompl', 'coal') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


@pytest.mark.parametrize(
    ("env_id", "control"),
    [
        ("verbot/PutIn-v0", "joint_delta"),
        ("verbot/Stack-v0", "joint"),
        ("verbot/PickUp-v0", "ee_delta"),
        ("verbot/PutOn-v0", "keyframe"),
    ],
)
def test_gymnasiums_own_check_has_no_complaint(env_id: str, control: str) -> None:
    env = gymnasium.make(env_id, control=control, **SMALL)
    check_env(env.unwrapped)
    env.close()


@pytest.mark.slow
@pytest.mark.parametrize("env_id", [*TASK_IDS])
def test_gymnasiums_own_check_has_no_complaint_of_any_family(env_id: str) -> None:
    for control in CONTROLS:
        env = gymnasium.make(env_id, control=control, **SMALL)
        check_env(env.unwrapped)
        env.close()


@pytest.mark.parametrize("control", ["joint_delta", "joint", "ee_delta"])
def test_gymnasiums_own_check_has_no_complaint_of_reach(control: str) -> None:
    env = gymnasium.make(REACH_ID, control=control)
    check_env(env.unwrapped)
    env.close()


@pytest.mark.parametrize("control", CONTROLS)
def test_episode_is_the_same_to_the_bit_whatever_ran_before(control: str) -> None:
    fresh, used = _make(control=control, **SMALL), _make(control=control, **SMALL)
    _fingerprint(used, 5, 3)
    assert _fingerprint(fresh, 7, 3) == _fingerprint(used, 7, 3)
    fresh.close()
    used.close()


def test_episode_is_the_same_to_the_bit_in_another_process() -> None:
    env = _make(control="ee_delta", **SMALL)
    code = (
        "import test_envs as t; env = t._make(control='ee_delta', **t.SMALL); print(t._fingerprint(env, 3, 4)); "
        "env.close()"
    )
    here = __file__.rsplit("/", 1)[0]
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=here)
    assert run.stdout.strip() == _fingerprint(env, 3, 4)
    env.close()


def test_seed_draws_the_episode_that_the_suites_draw() -> None:
    env = _make("stack", **BLIND)
    for seed in (0, 11):
        observation, info = env.reset(seed=seed)
        assert observation["command"] == draw_episode("stack", seed).command
        assert info["seed"] == seed
    seeds = [env.reset()[1]["seed"] for _ in range(2)]
    assert len({*seeds, 11}) == 3
    env.reset(seed=11)
    assert [env.reset()[1]["seed"] for _ in range(2)] == seeds
    env.close()


def test_keyframes_of_a_pick_and_place_solve_the_task(keyframe_env: TaskEnv) -> None:
    env = keyframe_env
    env.reset(seed=7)
    moved, target = (env.robot.world.object_pose(name)[:3, 3] for name in draw_episode("put_in", 7).goal[0].args)
    way = [(moved + [0, 0, 0.12], 1.0), (moved, -1.0), (moved + [0, 0, 0.2], -1.0), (target + [0, 0, 0.2], -1.0)]
    rewards, is_over = [], False
    for position, opening in [*way, (target + [0, 0, 0.1], 1.0)]:
        assert not is_over
        observation, reward, is_over, _, info = _act(env, position, opening)
        rewards.append(reward)
    assert is_over
    assert info["success"] is True
    assert sum(rewards) == pytest.approx(1.0)
    assert 0.0 < max(rewards[:-1]) < 0.5  # part of the way is worth something, and less than half
    assert observation["gripper_width"][0] > 0.07


def test_episode_ends_when_what_it_is_about_has_fallen_off_the_table(keyframe_env: TaskEnv) -> None:
    env = keyframe_env
    env.reset(seed=3)
    T_world_object = np.eye(4)
    T_world_object[:3, 3] = (0.5, 2.0, -0.3)
    env.robot.world.move_object(draw_episode("put_in", 3).goal[0].args[0], T_world_object)
    _, _, is_over, is_cut, info = _act(env, np.array([0.4, 0.0, 0.4]), 1.0)
    assert (is_over, is_cut, info["success"]) == (True, False, False)
    assert any(violation.startswith("off_table") for violation in info["violations"])


def test_keyframe_out_of_reach_is_refused_and_the_arm_stays(keyframe_env: TaskEnv) -> None:
    env = keyframe_env
    before, _ = env.reset(seed=3)
    after, _, _, _, info = env.step(np.array([1, 1, 1, 0, 0, 0, 0, 1], np.float32))
    assert "reach" in info["refusal"]
    np.testing.assert_allclose(after["joint_positions"], before["joint_positions"], atol=1e-3)


@pytest.mark.parametrize("control", ["joint_delta", "joint", "ee_delta"])
def test_no_action_takes_the_arm_out_of_its_limits_or_into_itself_or_the_table(control: str) -> None:
    env = _make("put_in", control=control, **BLIND)
    rng = np.random.default_rng(1)
    env.reset(seed=0)
    for _ in range(8):
        action = rng.choice([-1.0, 1.0], env.control.size)
        for _ in range(6):
            env.step(action)
    violations = env.robot.judge.score(()).violations
    assert not {violation.kind for violation in violations} & {*LIMITS, ViolationKind.SELF_COLLISION}
    assert not [v.subject for v in violations if v.kind is ViolationKind.CONTACT and "table" in v.subject]
    env.close()


def test_arm_that_is_left_alone_comes_to_rest_at_its_target() -> None:
    env = _make(control="ee_delta", **BLIND)
    start, _ = env.reset(seed=0)
    model = env._servo.model
    for number in range(15):
        action = np.zeros(7, np.float32)
        action[[0, 2, 6]] = (0.8, -0.4, 1.0) if number < 5 else (0.0, 0.0, 1.0)
        last, *_ = env.step(action)
    moved = model.tool_pose(last["joint_positions"])[:3, 3] - model.tool_pose(start["joint_positions"])[:3, 3]
    np.testing.assert_allclose(moved, (0.1, 0.0, -0.05), atol=2e-3)
    assert np.abs(last["joint_velocities"]).max() < 0.01
    env.close()


def test_episode_is_cut_at_its_step_limit() -> None:
    env = _make(max_steps=2, **BLIND)
    env.reset(seed=0)
    cuts = [env.step(np.zeros(8, np.float32))[2:4] for _ in range(2)]
    assert cuts == [(False, False), (False, True)]
    env.close()


def test_only_what_was_asked_for_is_observed() -> None:
    env = _make(modalities=("wrist", "imu"), **SMALL)
    observation, _ = env.reset(seed=0)
    assert set(observation) == {"wrist_rgb", "wrist_depth", "imu"}
    assert observation["wrist_rgb"].shape == (16, 24, 3)
    # At rest the IMU feels gravity, upward in the world; the hand points down.
    assert observation["imu"][:, 2].mean() == pytest.approx(-9.81, abs=0.15)
    env.close()


def test_lidar_points_lie_on_the_table_in_the_world() -> None:
    env = _make(modalities=("lidar",))
    observation, _ = env.reset(seed=0)
    num = int(observation["lidar_count"][0])
    points = observation["lidar"][:num]
    assert num > 500
    assert not observation["lidar"][num:].any()
    over = (points[:, 0] > 0.2) & (points[:, 0] < 0.7) & (np.abs(points[:, 1]) < 0.4)
    assert np.median(points[over, 2]) == pytest.approx(0.0, abs=0.01)
    env.close()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"control": "join"}, r"no control 'join'; did you mean 'joint'"),
        ({"modalities": ("frnt",)}, r"no modality 'frnt'; did you mean 'front'"),
        ({"control_hz": 7}, r"7 Hz does not divide"),
        ({"image_sise": (64, 64)}, r"unknown key 'image_sise'.*image_size"),
        ({"render_mode": "human"}, r"No render mode 'human'"),
    ],
)
def test_wrong_setting_is_told_with_what_was_meant(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(EnvError, match=words):
        _make(**settings)


def test_action_of_wrong_length_is_told() -> None:
    env = _make(**BLIND)
    env.reset(seed=0)
    with pytest.raises(EnvError, match="expected \\(8,\\) finite numbers"):
        env.step(np.zeros(7, np.float32))
    env.close()


def test_looking_on_does_not_change_what_happens() -> None:
    plain, watched = _make(**SMALL), _make(render_mode="rgb_array", **SMALL)
    for env in (plain, watched):
        env.reset(seed=2)
    picture = watched.render()
    action = np.full(8, 0.5, np.float32)
    one, two = plain.step(action)[0], watched.step(action)[0]
    assert picture is not None
    assert picture.shape == (360, 480, 3)
    assert picture.std() > 20
    assert all(np.array_equal(one[key], two[key]) for key in one)
    plain.close()
    watched.close()


@pytest.mark.parametrize(("mode", "vector"), [("sync", {}), ("async", {"shared_memory": False})])
def test_environments_run_side_by_side(mode: str, vector: dict[str, Any]) -> None:
    envs = gymnasium.make_vec(
        "verbot/PutIn-v0", num_envs=2, vectorization_mode=mode, vector_kwargs=vector, modalities=MODALITIES, **SMALL
    )
    observations, infos = envs.reset(seed=4)
    assert observations["front_rgb"].shape == (2, 16, 24, 3)
    assert observations["command"] == tuple(draw_episode("put_in", seed).command for seed in (4, 5))
    assert tuple(infos["command"]) == observations["command"]
    alone = _make(**SMALL, modalities=MODALITIES)
    alone.reset(seed=5)
    action = np.full(8, 0.3, np.float32)
    together, *_ = envs.step(np.stack([-action, action]))
    expected, *_ = alone.step(action)
    np.testing.assert_array_equal(together["front_depth"][1], expected["front_depth"])
    np.testing.assert_array_equal(together["joint_positions"][1], expected["joint_positions"])
    envs.close()
    alone.close()


def test_reach_is_solved_by_going_to_the_goal() -> None:
    env = ReachEnv(control="ee_delta")
    for seed in range(3):
        observation, _ = env.reset(seed=seed)
        is_over, total = False, 0
        while not is_over and total < 50:
            action = np.zeros(6, np.float32)
            action[:3] = np.clip((observation["desired_goal"] - observation["achieved_goal"]) / 0.05, -1, 1)
            observation, reward, is_over, _, info = env.step(action)
            total += 1
        assert info["success"]
        assert reward == pytest.approx(-np.linalg.norm(observation["desired_goal"] - observation["achieved_goal"]))
        assert reward > -0.025
    env.close()


def test_reach_rewards_rows_of_goals_as_it_does_one() -> None:
    env = ReachEnv(reward="sparse")
    places = np.array([[0.4, 0.0, 0.3], [0.4, 0.0, 0.31], [0.4, 0.0, 0.4]], np.float32)
    np.testing.assert_array_equal(env.compute_reward(places, places[0], {}), [0.0, 0.0, -1.0])
    env.close()


def test_a_wrapper_gives_the_episode_that_its_control_gives_and_refuses_other_environments() -> None:
    wrapped = HandDeltaActions(gymnasium.make("verbot/PutIn-v0", **BLIND))
    made = gymnasium.make("verbot/PutIn-v0", control="ee_delta", **BLIND)
    assert wrapped.action_space == made.action_space
    action = np.array([0.3, -0.2, -0.5, 0.0, 0.0, 0.4, 1.0], np.float32)
    ends = []
    for env in (wrapped, made):
        env.reset(seed=4)
        observation = [env.step(action)[0] for _ in range(3)][-1]
        ends.append(observation["joint_positions"])
        env.close()
    np.testing.assert_array_equal(*ends)
    with pytest.raises(EnvError, match="KeyframeActions drives the task environments"):
        KeyframeActions(gymnasium.make(REACH_ID))
