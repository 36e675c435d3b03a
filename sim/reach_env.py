"""Reach: bring the point between the fingertips within 2 cm of a place in the air. State only, no pictures.

In:  actions of one control; the gripper stays open.
Out: `observation` (joints: position, velocity, way left to the target), `achieved_goal` (tool, by the encoders and
     kinematics) and `desired_goal`, as goal-conditioned learners want them, with `compute_reward`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import gymnasium
import numpy as np
from gymnasium import spaces
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field

from ..perception.types import JointSamples, SensorFrame
from ..planning.inverse_kinematics import IkSettings
from ..planning.robot_model import RobotModel
from .env_controls import make_control
from .env_observations import MAX_POSITION_RAD, MAX_VELOCITY_RADPS, Observation, make_state
from .robot import PandaConfig, SimRobot
from .sensing import make_rng
from .sensors import Composition, JointsConfig
from .task_env import MAX_SEED, EnvError, checked_action
from .toml_file import check_model

NEAR_M = 0.02
GOAL_LOW_M, GOAL_HIGH_M = (0.30, -0.30, 0.08), (0.65, 0.30, 0.55)
FAR_M = 0.10
"""Goals nearer to the start than this are drawn again."""


class ReachConfig(BaseModel):
    """What `gymnasium.make` takes besides the id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    control: Literal["joint_delta", "joint", "ee_delta"] = "joint_delta"
    control_hz: Annotated[int, Field(ge=1, le=60)] = 10
    reward: Literal["distance", "sparse"] = "distance"
    max_steps: Annotated[int, Field(ge=1)] = 50


class ReachEnv(gymnasium.Env[Observation, np.ndarray]):
    """A Panda at an empty table."""

    metadata = {"render_modes": []}

    def __init__(self, render_mode: str | None = None, **settings: Any) -> None:
        if render_mode is not None:
            raise EnvError(f"Reach cannot render '{render_mode}', expected None: it has no pictures.")
        self.config = check_model(settings, ReachConfig, "Environment Reach", EnvError)
        hz = self.config.control_hz
        self.robot = SimRobot(PandaConfig(), Composition("panda", (), JointsConfig(rate_hz=hz)))
        self._model = RobotModel(self.robot.description)
        self.control, self._servo = make_control(self.config.control, self._model, hz)
        low, high = np.full(3, -2.0, np.float32), np.full(3, 2.0, np.float32)
        bounds = (MAX_POSITION_RAD, MAX_VELOCITY_RADPS, MAX_POSITION_RAD)
        bound = np.repeat(bounds, len(self.robot.description.arm_joints))
        state = spaces.Box(-bound.astype(np.float32), bound.astype(np.float32))
        place = spaces.Box(low, high)
        self.observation_space = spaces.Dict({"observation": state, "achieved_goal": place, "desired_goal": place})
        # Without the gripper, which has nothing to hold.
        self.action_space = spaces.Box(-1.0, 1.0, (self.control.size - 1,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """The arm at rest and a goal that it can reach, from the seed."""
        super().reset(seed=seed)
        chosen = int(self.np_random.integers(MAX_SEED)) if seed is None else seed
        self._seed = chosen
        frame = self.robot.reset(chosen)
        look_rad = np.array(self.robot.description.look_rad)
        self._servo.begin(look_rad, self._servo.max_width_m, self.robot.time_s)
        self.control.begin(make_rng(chosen, "control"))
        self._goal_world = self._draw_goal(make_rng(chosen, "goal"))
        self._num_steps = 0
        observation = self._observe(frame)
        return observation, self._info("")

    def step(self, action: np.ndarray) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Move for one action; success is judged on the true tool."""
        now_s = self.robot.time_s
        motion = self.control.move(np.append(checked_action(action, self.action_space), 1.0), now_s)
        self.robot.command(motion.trajectory, now_s)
        observation = self._observe(self.robot.read(now_s + motion.duration_s, images=False))
        self._num_steps += 1
        info = self._info(motion.refusal or "")
        reward = float(self.compute_reward(observation["achieved_goal"], observation["desired_goal"], info))
        is_cut = self._num_steps >= self.config.max_steps and not info["success"]
        return observation, reward, info["success"], is_cut, info

    def compute_reward(self, achieved_goal: np.ndarray, desired_goal: np.ndarray, info: Any) -> Any:
        """Minus the distance in metres, or with `sparse` -1 until it is near enough; one goal or rows of them."""
        distance_m = np.linalg.norm(achieved_goal - desired_goal, axis=-1)
        return -distance_m if self.config.reward == "distance" else -(distance_m > NEAR_M).astype(np.float32)

    def close(self) -> None:
        """Disconnect from the physics; may be called twice."""
        self.robot.close()

    def _draw_goal(self, rng: np.random.Generator) -> Float[np.ndarray, "3"]:
        look_rad = np.array(self.robot.description.look_rad)
        T_world_goal = self._model.tool_pose(look_rad)
        start_world = T_world_goal[:3, 3].copy()
        while True:
            T_world_goal[:3, 3] = rng.uniform(GOAL_LOW_M, GOAL_HIGH_M)
            if np.linalg.norm(T_world_goal[:3, 3] - start_world) < FAR_M:
                continue
            if self._model.solve_ik(T_world_goal, [look_rad], rng, IkSettings(num_restarts=2)) is not None:
                return T_world_goal[:3, 3].copy()

    def _observe(self, frame: SensorFrame) -> Observation:
        assert isinstance(frame.joints, JointSamples)  # the encoders are read at every step
        tool_world = self._model.tool_pose(frame.joints.positions_rad[-1])[:3, 3]
        # How far the arm is behind its target: without it a learner could not know what its last actions still do.
        lead_rad = (self._servo.target_rad - frame.joints.positions_rad[-1]).astype(np.float32)
        return {
            "observation": np.concatenate([make_state(frame.joints), lead_rad]),
            "achieved_goal": tool_world.astype(np.float32),
            "desired_goal": self._goal_world.astype(np.float32),
        }

    def _info(self, refusal: str) -> dict[str, Any]:
        distance_m = float(np.linalg.norm(self.robot.world.arm.tool_position() - self._goal_world))
        return {
            "success": distance_m < NEAR_M,
            "score": max(0.0, 1.0 - distance_m),
            "refusal": refusal,
            "seed": self._seed,
            "time_s": self.robot.time_s,
        }
