"""A task family as a Gymnasium environment: sensors in, arm motion out, scored on truth.

In:  actions of one control (sim/env_controls.py).
Out: observations of sensors only (sim/env_observations.py); reward and info from the judge.
An episode depends on its seed and the actions only, whatever ran before, in whichever process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import gymnasium
import numpy as np
from gymnasium import spaces
from jaxtyping import Float, UInt8
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..planning.robot_model import RobotModel
from .camera import Camera, CameraConfig
from .env_controls import CONTROLS, make_control
from .env_observations import Observation, Observer, known_modalities
from .robot import PandaConfig, SimRobot
from .scoring import Score
from .sensing import make_rng
from .sensors import BUILT_IN, Composition, CompositionFile, make_composition, read_composition
from .tasks.episodes import Episode, draw_episode
from .tasks.family import TRAINING, Variation
from .toml_file import check_model, nearest
from .violations import ViolationKind
from .world import STEP_HZ

FIRST_LOOK_S = 0.15  # a full IMU window and a picture from each camera have arrived
MAX_SEED = 2**31
RENDER_WIDTH, RENDER_HEIGHT = 480, 360
Size = tuple[Annotated[int, Field(ge=16, le=2048)], Annotated[int, Field(ge=16, le=2048)]]
Beams = tuple[Annotated[int, Field(ge=1, le=512)], Annotated[int, Field(ge=4, le=8192)]]


class EnvError(ValueError):
    """A setting of an environment that cannot be used; one line."""


class TaskEnvConfig(BaseModel):
    """What `gymnasium.make` takes besides the id and `render_mode`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str
    control: str = "joint_delta"
    control_hz: Annotated[int, Field(ge=1, le=60)] = 10
    """Actions in a second of simulated time; keyframes last as long as their motion."""
    modalities: tuple[str, ...] | None = None
    """Names of the composition's sensors, "joints" and "command"; None: all of them."""
    image_size: Size = (128, 128)
    """Width and height of every camera."""
    lidar_size: Beams = (16, 256)
    """Rings and columns of every LiDAR."""
    reward: Literal["progress", "sparse"] = "progress"
    max_steps: Annotated[int, Field(ge=1)] | None = None
    """Actions before the episode is cut off; None: what the family allows."""
    is_held_out: bool = False
    """Sentences that policies are never trained on."""
    composition: str = "panda_table"

    @field_validator("control")
    @classmethod
    def _known(cls, control: str) -> str:
        if control not in CONTROLS:
            raise ValueError(f"no control '{control}'; {nearest(control, CONTROLS)}")
        return control

    @field_validator("control_hz")
    @classmethod
    def _divides(cls, hz: int) -> int:
        if STEP_HZ % hz:
            raise ValueError(f"{hz} Hz does not divide the {STEP_HZ} Hz of the physics; 10, 12, 15, 16 and 20 do")
        return hz


class TaskEnv(gymnasium.Env[Observation, np.ndarray]):
    """One family. `reset(seed=…)` draws the same episode as the suites do for that seed."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, render_mode: str | None = None, **settings: Any) -> None:
        self.render_mode = check_render_mode(render_mode, self.metadata)
        self.config = check_model(settings, TaskEnvConfig, f"Environment of '{settings.get('family')}'", EnvError)
        composition, modalities = _compose(self.config)
        self._variation = Variation(is_held_out=True) if self.config.is_held_out else TRAINING
        self._episode: Episode | None = None
        self.robot = SimRobot(PandaConfig(composition=self.config.composition), composition)
        self.robot.stage = lambda seed: self._episode_now().scene
        self._model = RobotModel(self.robot.description)
        self.use_control(self.config.control)
        self._observer = Observer(composition, modalities, len(self.robot.description.arm_joints))
        self.observation_space = self._observer.space
        self._eye = _make_eye(self.config.composition) if render_mode else None

    def use_control(self, name: str) -> None:
        """From the next reset on, actions of this kind; what the wrappers of sim/env_wrappers.py are made of."""
        if name not in CONTROLS:
            raise EnvError(f"no control '{name}'; {nearest(name, CONTROLS)}")
        self.control, self._servo = make_control(name, self._model, self.config.control_hz)
        self.action_space = spaces.Box(-1.0, 1.0, (self.control.size,), np.float32)
        self._episode = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """The family's episode of that seed; without one, of a seed drawn from the environment's generator."""
        super().reset(seed=seed)
        chosen = int(self.np_random.integers(MAX_SEED)) if seed is None else seed
        self._episode = draw_episode(self.config.family, chosen, self._variation)
        self._observer.begin()
        self._observer.take(self.robot.reset(chosen))
        self._observer.take(self.robot.read(FIRST_LOOK_S))
        self._servo.begin(np.array(self.robot.description.look_rad), self._servo.max_width_m, self.robot.time_s)
        self.control.begin(make_rng(chosen, "control"))
        self._num_steps = 0
        self._max_steps = self.config.max_steps or self._episode.max_steps * self.control.steps_per_motion
        score = self.robot.judge.score(self._episode.goal)
        self._score = score.score
        return self._observer.observation(self._episode.command), self._info(score, None)

    def step(self, action: np.ndarray) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Move for one action, look, and be judged."""
        episode = self._episode_now()
        now_s = self.robot.time_s
        motion = self.control.move(checked_action(action, self.action_space), now_s)
        self.robot.command(motion.trajectory, now_s)
        self._observer.take(self.robot.read(now_s + motion.duration_s))
        self._num_steps += 1
        score = self.robot.judge.score(episode.goal)
        reward = score.score - self._score if self.config.reward == "progress" else float(score.success)
        self._score = score.score
        is_over = score.success or self._is_lost(score)
        is_cut = self._num_steps >= self._max_steps and not is_over
        observation = self._observer.observation(episode.command)
        return observation, float(reward), is_over, is_cut, self._info(score, motion.refusal)

    def render(self) -> UInt8[np.ndarray, "height width 3"] | None:  # type: ignore[override]
        """What the front camera sees now, larger and without noise in time: for people, not an observation."""
        if self._eye is None:
            return None
        self._episode_now()
        room = self.robot.room
        room.move(self.robot.world.body_poses())
        T_world_mount = np.eye(4)
        return self._eye.measure(room, T_world_mount, self.robot.time_s, np.random.default_rng(0)).rgb

    def close(self) -> None:
        """Disconnect from the physics; may be called twice."""
        self.robot.close()

    def _is_lost(self, score: Score) -> bool:
        """Whether something that the goal is about fell off the table: the arm cannot get it back."""
        wanted = {argument for fact in self._episode_now().goal for argument in fact.args}
        return any(v.kind is ViolationKind.OFF_TABLE and v.subject in wanted for v in score.violations)

    def _info(self, score: Score, refusal: str | None) -> dict[str, Any]:
        return {
            "success": score.success,
            "score": score.score,
            "violations": tuple(f"{v.kind.value}: {v.subject}" for v in score.violations),
            "refusal": refusal or "",
            "seed": self._episode_now().seed,
            "command": self._episode_now().command,
            "time_s": self.robot.time_s,
        }

    def _episode_now(self) -> Episode:
        if self._episode is None:
            raise EnvError("The environment has no episode yet. Call reset() first.")
        return self._episode


def checked_action(action: np.ndarray, space: spaces.Space[np.ndarray]) -> Float[np.ndarray, "numbers"]:
    """The action, cut to the space's bounds."""
    numbers = np.asarray(action, dtype=float)
    if numbers.shape != space.shape or not np.isfinite(numbers).all():
        raise EnvError(f"Action {numbers} was given, expected {space.shape} finite numbers from -1 to 1.")
    return np.clip(numbers, -1.0, 1.0)


def check_render_mode(render_mode: str | None, metadata: dict[str, Any]) -> str | None:
    """The mode, if there is such a one."""
    if render_mode is not None and render_mode not in metadata["render_modes"]:
        raise EnvError(f"No render mode '{render_mode}', expected {' or '.join(metadata['render_modes'])} or None.")
    return render_mode


def _compose(config: TaskEnvConfig) -> tuple[Composition, tuple[str, ...]]:
    """Only the sensors that are observed, in the sizes asked for: what nobody looks at costs nothing."""
    written, where = read_composition(config.composition)
    known = known_modalities(make_composition(written, BUILT_IN, where))
    chosen = known if config.modalities is None else config.modalities
    for name in chosen:
        if name not in known:
            raise EnvError(f"Environment of '{config.family}': no modality '{name}'; {nearest(name, known)}")
    if not chosen:
        raise EnvError(f"Environment of '{config.family}': no modality is observed, {nearest('', known)}")
    sizes: dict[str, Callable[[], dict[str, int]]] = {
        "camera": lambda: dict(zip(("width", "height"), config.image_size, strict=True)),
        "lidar": lambda: dict(zip(("rings", "columns"), config.lidar_size, strict=True)),
    }
    tables = [
        table | (sizes[table["plugin"]]() if table["plugin"] in sizes else {})
        for table in written.sensors
        if table["name"] in chosen
    ]
    resized = CompositionFile(robot=written.robot, joints=written.joints, sensors=tuple(tables))
    return make_composition(resized, BUILT_IN, where), chosen


def _make_eye(composition: str) -> Camera:
    """The front camera at the size that people look at."""
    written, where = read_composition(composition)
    table = next((t for t in written.sensors if t["plugin"] == "camera" and t.get("mount", "world") == "world"), None)
    if table is None:
        raise EnvError(f"{where} has no camera that stands in the world, which rendering needs. Leave render_mode out.")
    keys = {key: value for key, value in table.items() if key != "plugin"}
    keys |= {"width": RENDER_WIDTH, "height": RENDER_HEIGHT}
    return Camera(check_model(keys, CameraConfig, where, EnvError))
