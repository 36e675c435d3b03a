"""From a RunConfig to the built parts, each through its entry point; conventions are compared before step one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..perception.types import Fixture, Perceiver, PerceiverSetup
from ..planning.guard import Guard
from ..planning.keep_distance import PEOPLE
from ..planning.monitor import Monitor
from ..planning.planner import Planner
from ..planning.robot_description import load_robot
from ..planning.robot_model import RobotModel
from ..planning.rules import write_zone
from ..planning.types import MotionConvention, NamedLook
from ..policies.policy import Policy
from .assignment import DrawnEpisode
from .config import ConfigError, RunConfig
from .plugins import PluginError, load_all, load_spec, make_config, split_name
from .robot import Robot
from .suites import draw_scene, split_scene
from .words import PicturedWords, PicturingPerceiver, build_words


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything one run needs."""

    robot: Robot
    model: RobotModel
    perceiver: Perceiver
    planner: Planner
    policy: Policy
    guard: Guard
    monitor: Monitor
    keep_out: tuple[tuple[float, ...], ...]
    fixtures: tuple[Fixture, ...]
    looks: tuple[NamedLook, ...]
    constraints: tuple[str, ...]
    is_rehearsable: bool


def build_parts(config: RunConfig, *, stage: Callable[[int], Any] | None = None, film_hz: float = 0.0) -> Parts:
    """Build robot, perceiver, planner, policy, guard. `stage` (seed → scene) overrides the config's scene.

    Raises:
        PluginError, ConfigError: a part is absent, broken, wrongly configured, or does not fit the robot.
    """
    check_mode(config.mode)
    device = choose_device(config.device)
    robot = _build_robot(config, stage, film_hz)
    model = RobotModel(robot.description)
    fixtures = _fixtures(robot, config.seed)
    perceiver = build_perceiver(config.perceiver, config.settings, robot, model, device, fixtures)
    policy = build_policy(config.policy, config.settings, robot.convention, model)
    looks = declared_looks(robot, config.seed)
    words = build_words(config.words)
    if words is not None and words.needs_pictures:
        words = PicturedWords(words)
        perceiver = PicturingPerceiver(perceiver, model, words)
    planner = Planner(
        robot.description, max_replans=config.max_replans, looks=looks, words=words, sure=config.words_sure
    )
    keep_out = _keep_out(robot, config.seed)
    constraints = (*(write_zone(zone) for zone in keep_out), *_people(robot, config.seed))
    is_rehearsable = load_spec("policies", split_name(config.policy)[0]).is_rehearsable
    guard, monitor = Guard(model), Monitor(model)
    return Parts(
        robot,
        model,
        perceiver,
        planner,
        policy,
        guard,
        monitor,
        keep_out,
        fixtures,
        looks,
        constraints,
        is_rehearsable,
    )


def check_mode(mode: str) -> None:
    """`policy` and `hybrid` come with the learned policy; until then they say so."""
    if mode != "planner":
        raise ConfigError(
            f"--mode {mode} needs the learned policy, which this version does not have yet. Use --mode planner."
        )


def choose_device(name: str) -> str:
    """`auto` takes CUDA where it is."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device cuda: this machine has no CUDA device that torch can use. Use --device cpu.")
    return name


def build_perceiver(
    name: str,
    settings: dict[str, dict[str, Any]],
    robot: Robot | None,
    model: RobotModel | None,
    device: str,
    fixtures: tuple[Fixture, ...] = (),
) -> Perceiver:
    """A perceiver by name, for a robot or (robot None) for a person's own rig; `fixtures` is declared furniture."""
    base, argument = split_name(name)
    spec = load_spec("perceivers", base)
    sensors = robot.sensors if robot else ()
    setup = PerceiverSetup(sensors, body=model, device=device, fixtures=fixtures)
    perceiver = spec.build(make_config(spec, settings.get(base, {}), argument), setup)
    if hasattr(perceiver, "bind"):  # the oracle: reads simulator truth and says so in every result
        if robot is None or not hasattr(robot, "judge"):
            raise PluginError(f"The perceiver '{base}' needs a simulated robot. Use --perceiver fused.")
        perceiver.bind(robot)
    return perceiver


def build_policy(
    name: str, settings: dict[str, dict[str, Any]], convention: MotionConvention, model: RobotModel
) -> Policy:
    """A policy by name, its convention compared with the robot's."""
    base, argument = split_name(name)
    spec = load_spec("policies", base)
    if spec.gives is not None:
        check_conventions(base, spec.gives, convention)
    return spec.build(make_config(spec, settings.get(base, {}), argument), model)


def check_conventions(policy: str, gives: MotionConvention, takes: MotionConvention) -> None:
    """A mismatch (joint order, delta or absolute, gripper meaning, rate) stops the run before step one."""
    for field, given, taken in (
        ("joint names", gives.joint_names, takes.joint_names),
        ("absolute positions", gives.absolute, takes.absolute),
        ("gripper", gives.gripper, takes.gripper),
    ):
        if given != taken:
            raise ConfigError(
                f"Policy '{policy}' and the robot disagree on {field}: the policy gives {given}, the robot takes "
                f"{taken}. Choose a policy made for this robot or wrap it in one that converts."
            )
    if gives.rate_hz is not None and takes.rate_hz is not None and gives.rate_hz != takes.rate_hz:
        raise ConfigError(
            f"Policy '{policy}' gives {gives.rate_hz:g} Hz, the robot takes {takes.rate_hz:g} Hz. Resample one of them."
        )


def build_model(robot: str = "panda") -> RobotModel:
    """The shipped model of a robot, for planning without one."""
    return RobotModel(load_robot(robot))


def _build_robot(config: RunConfig, stage: Callable[[int], Any] | None, film_hz: float) -> Robot:
    base, argument = split_name(config.robot)
    spec = load_spec("robots", base)
    settings = dict(config.settings.get(base, {}))
    if "film_hz" in spec.config.model_fields:
        settings.setdefault("film_hz", film_hz)
    robot = spec.build(make_config(spec, settings, argument), load_all("sensors"))
    if config.faults is not None:
        _inject(config.faults, robot, base)
    if hasattr(robot, "stage"):  # a simulated robot lets the caller say what stands on the table
        robot.stage = stage or scene_stage(config.scene, config.settings)
    return robot


def _inject(faults: str, robot: Any, name: str) -> None:
    """Only a simulated robot can be made to fail on purpose."""
    if not hasattr(robot, "inject"):
        raise ConfigError(f"--faults needs a simulated robot; '{name}' is none. Leave out --faults.")
    from ..sim.fault_file import load_faults

    robot.inject(load_faults(faults))


def scene_stage(scene: str, settings: dict[str, dict[str, Any]]) -> Callable[[int], Any]:
    """Scenes drawn by seed: from a scene file, by name or path, or the episode of SUITE/TASK."""
    if split_scene(scene) is not None:
        return lambda seed: _drawn(scene, seed, settings).scene
    from ..sim.scenes import draw, load_scene

    scene_file = load_scene(scene)
    return lambda seed: draw(scene_file, seed)


def _drawn(scene: str, seed: int, settings: dict[str, dict[str, Any]]) -> DrawnEpisode:
    drawn = draw_scene(scene, seed, settings)
    assert drawn is not None  # the caller has looked
    return drawn


def _fixtures(robot: Robot, seed: int) -> tuple[Fixture, ...]:
    """Furniture of the cell, model and place: with the scene in simulation, declared by the robot itself elsewhere."""
    stage = getattr(robot, "stage", None)
    return tuple(stage(seed).fixtures) if stage else tuple(getattr(robot, "fixtures", ()))


def _people(robot: Robot, seed: int) -> tuple[str, ...]:
    """Whether people may be there: as the scene says in simulation, as the robot's `has_people` says elsewhere."""
    stage = getattr(robot, "stage", None)
    declared = getattr(stage(seed), "person", None) is not None if stage else getattr(robot, "has_people", False)
    return (PEOPLE,) if declared else ()


def _keep_out(robot: Robot, seed: int) -> tuple[tuple[float, ...], ...]:
    """Zones that the operator has declared: with the scene file in simulation, by the robot itself elsewhere."""
    stage = getattr(robot, "stage", None)
    return tuple(stage(seed).keep_out) if stage else tuple(getattr(robot, "keep_out", ()))


def declared_looks(robot: Robot, seed: int) -> tuple[NamedLook, ...]:
    """What the operator calls things here: in the scene file in simulation, by the robot itself elsewhere."""
    stage = getattr(robot, "stage", None)
    return tuple(stage(seed).looks) if stage else tuple(getattr(robot, "looks", ()))
