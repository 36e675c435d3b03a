"""The simulated robot: plays trajectories by itself in a PyBullet world and returns what its sensors see.

In:  Trajectory values (command), times (read), a stage that says what stands on the table.
Out: SensorFrame values. Truth stays inside: `world` and `judge` are for scoring, films and tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ..perception.plugin_spec import PluginSpec
from ..perception.types import SensorFrame, SensorKind
from ..planning.robot_description import load_robot
from ..planning.types import MotionConvention, Trajectory
from .body_faults import BodyFaults
from .body_poses import BodyPoses
from .commanded import CommandedMotion
from .fault_file import SENSOR_KINDS, FaultFile
from .faults import FaultEvent, draw_faults, find_sensors
from .raycast import RayRoom
from .robots.panda import MAX_WIDTH_M, Panda
from .scenes import Scene
from .scoring import Judge
from .sensing import SensorRig
from .sensors import BUILT_IN, Composition, load_composition
from .violations import ViolationWatch
from .world import STEP_HZ, STEP_S, World


class PandaConfig(BaseModel):
    """The simulated Panda: which sensors it carries (a built-in composition or a TOML file), how it is filmed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    composition: str = "panda_table"
    film_hz: Annotated[float, Field(ge=0.0, le=STEP_HZ)] = 0.0
    """Snapshots of all poses in each simulated second; 0 keeps none."""


class SimRobot:
    """One arm at one table. `stage` says by the episode's seed what stands there; an empty table at first."""

    def __init__(self, config: PandaConfig, composition: Composition) -> None:
        self.config = config
        self.description = load_robot("panda")
        self.convention = MotionConvention(joint_names=self.description.arm_joints)
        self.sensors = composition.specs
        self.stage: Callable[[int], Scene] = _empty_stage
        self.faults: FaultFile | None = None
        self.fault_events: tuple[FaultEvent, ...] = ()
        self.world = World()
        self._watch = ViolationWatch(self.world, self.description)
        self.judge = Judge(self._watch, self.world)
        self.snapshots: list[tuple[float, BodyPoses]] = []
        self.composition = composition
        self._tick = 0
        self._target_rad = np.array(self.description.look_rad)
        self._arm: Panda | None = None
        self._motion: CommandedMotion | None = None
        self._rig: SensorRig | None = None
        self._body_faults: BodyFaults | None = None
        self._room: RayRoom | None = None

    @property
    def time_s(self) -> float:
        """Now, on the simulation's clock; 0 at reset."""
        return self._tick * STEP_S

    @property
    def is_moving(self) -> bool:
        """Whether a trajectory or a stop is still being played."""
        return self._motion is not None and self._motion.is_playing(self.time_s)

    def inject(self, faults: FaultFile) -> None:
        """What goes wrong from the next reset on; FaultError when these faults do not fit the sensors."""
        for entry in faults.faults:
            if entry.kind in SENSOR_KINDS:
                find_sensors(entry, faults.name, self.sensors)
        self.faults = faults

    @property
    def room(self) -> RayRoom:
        """The room of the running episode as rays see it, for films."""
        if self._room is None:
            raise RuntimeError("The robot has no episode yet. Call reset(seed) first.")
        return self._room

    def reset(self, seed: int) -> SensorFrame:
        """Rebuild the world of this seed, let it settle, and look."""
        scene = self.stage(seed)
        look_rad = np.array(self.description.look_rad)
        self.world.reset()
        self._arm = Panda(self.world.client, look_rad, MAX_WIDTH_M)
        self.world.attach(self._arm)
        self.world.place(scene)
        self.world.settle()
        self._tick = 0
        self._target_rad = look_rad
        self._motion = CommandedMotion(self.description, self.convention, look_rad, MAX_WIDTH_M, STEP_S)
        self._room = RayRoom(self.world.visual_bodies(), scene.light)
        if any(spec.kind is SensorKind.WRIST_FORCE for spec in self.sensors):
            self._arm.enable_wrist_sensor()
        self.fault_events = draw_faults(self.faults, self.sensors, scene, seed) if self.faults else ()
        self._body_faults = BodyFaults(self.fault_events, self.world, self._arm)
        self._rig = SensorRig(self.composition, self.description.arm_joints, self._room, seed, self.fault_events)
        self.snapshots = []
        self.judge.begin()
        self._observe()
        return self._rig.collect(self._tick, images=True)

    def command(self, trajectory: Trajectory, start_s: float) -> None:
        """Play the trajectory from `start_s`; CommandError when the body cannot begin it."""
        self._started()[1].command(trajectory, start_s, self.time_s)

    def read(self, until_s: float, *, images: bool = True) -> SensorFrame:
        """Let time pass to the first step at or after `until_s`; returns what arrived."""
        rig = self._started()[2]
        while self.time_s < until_s - 1e-9:
            self._step()
        return rig.collect(self._tick, images=images)

    def stop(self) -> None:
        """Brake every joint at once, jerk-limited and within its limits; the gripper keeps its hold."""
        self._started()[1].stop(self.time_s)

    def close(self) -> None:
        """Disconnect from PyBullet; may be called twice."""
        self.world.close()

    def _step(self) -> None:
        """1/240 s: targets, physics, what the sensors and the judge see of it."""
        arm, motion, _ = self._started()
        former = self._target_rad
        self._target_rad, width_m = motion.target(self._tick + 1)
        # The former target with the velocity to the next one: the next target would lead by a step, 4 mm at the tool.
        arm.drive(former, (self._target_rad - former) / STEP_S, width_m)
        if self._body_faults is not None:
            self._body_faults.step(self._tick)
        self.world.step()
        self._tick += 1
        self._observe()

    def _observe(self) -> None:
        arm, _, rig = self._started()
        joints = arm.joint_state()
        mounts = {mount: arm.link_motion(mount) for mount in rig.imu_mounts}
        rig.observe_motion(self._tick, joints, mounts)
        rig.observe_touch(self._tick, arm)
        is_filming = self._is_film_frame()
        if is_filming or rig.is_exposing(self._tick):
            poses = self.world.body_poses()
            rig.observe_poses(self._tick, poses)
            if is_filming:
                self.snapshots.append((self.time_s, poses))
        self._watch.observe(self._tick, joints[0], joints[1])

    def _is_film_frame(self) -> bool:
        """Whether a new film frame began with this step."""
        hz = self.config.film_hz
        if hz <= 0.0:
            return False
        return self._tick == 0 or math.floor(self._tick * hz / STEP_HZ) > math.floor((self._tick - 1) * hz / STEP_HZ)

    def _started(self) -> tuple[Panda, CommandedMotion, SensorRig]:
        if self._arm is None or self._motion is None or self._rig is None:
            raise RuntimeError("The robot has no episode yet. Call reset(seed) first.")
        return self._arm, self._motion, self._rig


def build(config: PandaConfig, sensors: Mapping[str, PluginSpec] = BUILT_IN) -> SimRobot:
    """A Panda with the sensors of its composition; `sensors` are the sensor plug-ins by name."""
    return SimRobot(config, load_composition(config.composition, sensors))


def _empty_stage(seed: int) -> Scene:
    return Scene(name="empty", objects=())


SPEC = PluginSpec("panda", PandaConfig, build, "Franka Panda at a table, simulated in PyBullet")
