"""The sensors a simulated robot can carry, and how a TOML file puts a robot together from them.

In:  a composition (sim/data/robots/NAME.toml or a person's own file) and the sensor plug-ins by name.
Out: Composition: sensors ready to `measure`, joint encoders, the names they declare.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ..perception.plugin_spec import PluginSpec
from ..perception.types import SensorKind, SensorSpec
from .camera import Camera, CameraConfig
from .imu import Imu, ImuConfig
from .lidar import Lidar, LidarConfig
from .toml_file import check_model, nearest, read_toml
from .touch import Contact, ContactConfig, WristForce, WristForceConfig

ROBOT_DIR = Path(__file__).parent / "data" / "robots"

CAMERA = PluginSpec("camera", CameraConfig, Camera, "RGB-D camera, ray cast")
LIDAR = PluginSpec("lidar", LidarConfig, Lidar, "spinning or rosette 3-D LiDAR, ray cast")
IMU = PluginSpec("imu", ImuConfig, Imu, "accelerometer and gyroscope with a wandering bias")
WRIST_FORCE = PluginSpec("wrist_force", WristForceConfig, WristForce, "force and torque at the wrist")
CONTACT = PluginSpec("contact", ContactConfig, Contact, "how hard each finger presses")
BUILT_IN: Mapping[str, PluginSpec] = {spec.name: spec for spec in (CAMERA, LIDAR, IMU, WRIST_FORCE, CONTACT)}

Sensor = Any
"""What a sensor plug-in builds: `.spec`, `.T_mount_sensor` and a `measure` like that of the built-in of its kind.

A sensor of kind camera or LiDAR that has `sweep_s` > 0 is given a Sweep through `measure_sweep` instead.
"""


class CompositionError(ValueError):
    """A composition that cannot be built; one line that says why."""


class JointsConfig(BaseModel):
    """The encoders of arm and gripper."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "joints"
    rate_hz: Annotated[float, Field(gt=0.0, le=2000.0)] = 240.0
    delay_s: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    position_noise_rad: Annotated[float, Field(ge=0.0, le=0.1)] = 0.00002
    velocity_noise_radps: Annotated[float, Field(ge=0.0, le=1.0)] = 0.001
    width_noise_m: Annotated[float, Field(ge=0.0, le=0.01)] = 0.00005

    @property
    def spec(self) -> SensorSpec:
        """What the encoders declare."""
        noise = {
            "position_rad": self.position_noise_rad,
            "velocity_radps": self.velocity_noise_radps,
            "width_m": self.width_noise_m,
        }
        return SensorSpec(self.name, SensorKind.JOINTS, self.rate_hz, self.delay_s, noise=noise)


class CompositionFile(BaseModel):
    """A composition as written: every sensor is a table with `plugin` and that plug-in's own keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    robot: str
    description: str = ""
    joints: JointsConfig = JointsConfig()
    sensors: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Composition:
    """A robot's arm by name, its sensors in the order of the file, and its encoders."""

    robot: str
    sensors: tuple[Sensor, ...]
    joints: JointsConfig

    @property
    def specs(self) -> tuple[SensorSpec, ...]:
        """What all sensors declare, the encoders last."""
        return (*(sensor.spec for sensor in self.sensors), self.joints.spec)


def load_composition(
    name_or_path: str | Path = "panda_table", plugins: Mapping[str, PluginSpec] = BUILT_IN
) -> Composition:
    """A built-in composition by name, or a TOML file by path; CompositionError when it is not well formed."""
    written, where = read_composition(name_or_path)
    return make_composition(written, plugins, where)


def read_composition(name_or_path: str | Path = "panda_table") -> tuple[CompositionFile, str]:
    """A composition as written, and the file's name for errors; its sensors are not yet checked."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = ROBOT_DIR / f"{name_or_path}.toml"
        if not path.is_file():
            known = [file.stem for file in ROBOT_DIR.glob("*.toml")]
            hint = nearest(str(name_or_path), known)
            raise CompositionError(f"No composition named '{name_or_path}'; {hint} Or give the path of a .toml file.")
    return read_toml(path, CompositionFile, CompositionError), str(path)


def make_composition(written: CompositionFile, plugins: Mapping[str, PluginSpec], where: str) -> Composition:
    """Build every sensor; names must differ."""
    sensors = [_make_sensor(table, index, plugins, where) for index, table in enumerate(written.sensors)]
    names = [written.joints.name, *(sensor.spec.name for sensor in sensors)]
    for name in names:
        if names.count(name) > 1:
            raise CompositionError(f"{where}: two sensors are named '{name}', expected unique names. Rename one.")
    return Composition(written.robot, tuple(sensors), written.joints)


def _make_sensor(table: dict[str, Any], index: int, plugins: Mapping[str, PluginSpec], where: str) -> Sensor:
    keys = dict(table)
    plugin = keys.pop("plugin", None)
    label = keys.get("name", index)
    if plugin is None:
        raise CompositionError(f"{where}: sensor '{label}' has no key 'plugin', expected one of {', '.join(plugins)}.")
    if plugin not in plugins:
        raise CompositionError(f"{where}: sensor '{label}': no sensor plug-in '{plugin}'; {nearest(plugin, plugins)}")
    spec = plugins[plugin]
    return spec.build(check_model(keys, spec.config, f"{where}: sensor '{label}'", CompositionError))
