"""A robot body as plain values: limits, gripper, URDF text. Cheap to import; what is computed from it is robot_model's.

In:  the files under planning/data/robots, or a recording's dict.
Out: RobotDescription.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib import resources
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class GripperDescription:
    """A parallel gripper. The tool frame sits between the fingertips, z out of the hand, y along the closing axis.

    `finger_joints` each travel width/2; `finger_thickness_m` (along y), `finger_breadth_m` (along x) and
    `finger_reach_m` (along z, from hand body to tip) bound one finger for grasp planning; the tool frame is
    `tip_to_tool_m` inside of the fingertip.
    """

    finger_joints: tuple[str, str]
    max_width_m: float
    finger_thickness_m: float
    finger_breadth_m: float
    finger_reach_m: float
    tip_to_tool_m: float
    grip_force_n: float


@dataclass(frozen=True, slots=True)
class RobotDescription:
    """Everything that planning and perception know of a robot body; travels with every recording.

    `never_collide` names pairs of links that the self-collision check leaves out, besides neighbours.
    """

    name: str
    urdf: str
    arm_joints: tuple[str, ...]
    tool_frame: str
    gripper: GripperDescription
    look_rad: tuple[float, ...]  # where the wrist camera sees the work area; also the rest pose
    position_min_rad: tuple[float, ...]
    position_max_rad: tuple[float, ...]
    velocity_max_radps: tuple[float, ...]
    acceleration_max_radps2: tuple[float, ...]
    jerk_max_radps3: tuple[float, ...]
    workspace_m: tuple[float, float, float, float, float, float]  # tool x, y, z min then max, world
    never_collide: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        num_joints = len(self.arm_joints)
        for name in (f.name for f in fields(self) if "_rad" in f.name):
            if len(getattr(self, name)) != num_joints:
                raise ValueError(
                    f"RobotDescription.{name} of '{self.name}' has {len(getattr(self, name))} values, expected "
                    f"{num_joints}, one for each of arm_joints. Add or remove values."
                )


def load_robot(name: str = "panda") -> RobotDescription:
    """The robot of that name among those shipped under planning/data/robots."""
    folder = resources.files(__package__ or "verbot.planning") / "data" / "robots"
    file = folder / f"{name}.toml"
    if not file.is_file():
        known = sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
        raise ValueError(f"No robot description named '{name}'. Known: {', '.join(known)}. Use one of these.")
    values = tomllib.loads(file.read_text(encoding="utf-8"))
    values["urdf"] = (folder / values["urdf"]).read_text(encoding="utf-8")
    return description_from_dict(values)


def description_to_dict(description: RobotDescription) -> dict[str, Any]:
    """The description as plain values for JSON."""
    return asdict(description)


def description_from_dict(values: Mapping[str, Any]) -> RobotDescription:
    """A description from plain values; unknown and missing keys are errors."""
    known = {f.name for f in fields(RobotDescription)}
    wrong = sorted((known - set(values) - {"never_collide"}) | (set(values) - known))
    if wrong:
        raise ValueError(
            f"Robot description has missing or unknown keys {', '.join(wrong)}; expected exactly "
            f"{', '.join(sorted(known))}. Correct the keys."
        )
    plain = {key: _as_tuple(value) for key, value in values.items() if key != "gripper"}
    gripper = {key: _as_tuple(value) for key, value in values["gripper"].items()}
    return RobotDescription(gripper=GripperDescription(**gripper), **plain)


def _as_tuple(value: Any) -> Any:
    """Lists, as TOML and JSON give them, become tuples."""
    if isinstance(value, (list, tuple)):
        return tuple(_as_tuple(item) for item in cast(Sequence[Any], value))
    return value
