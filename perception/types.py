"""What sensors deliver and what perception makes of it.

In:  SensorFrame, filled by a robot or by a person's own driver.
Out: SceneState in the world frame, filled by a perceiver.

World frame: z up, x away from the robot's base, y to the robot's left; metres, radians, seconds on
the robot's clock. `T_a_b` takes coordinates in b to a. Cameras look along their +z, x right, y down.
Quaternions are xyzw. None means "not measured", never zero.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float32, UInt8

WORLD = "world"
UNKNOWN_COLOR = "unknown"
"""Of what no camera has seen: not a colour word, and no reason to say that something is not there."""


class SensorKind(enum.StrEnum):
    """What a sensor measures."""

    CAMERA = "camera"
    LIDAR = "lidar"
    IMU = "imu"
    JOINTS = "joints"
    WRIST_FORCE = "wrist_force"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class SensorSpec:
    """What a sensor declares: health is judged against it.

    `mount` is "world" or a link of the robot; `noise` holds one-sigma values by name with unit
    (for example `depth_m`, `range_m`).
    """

    name: str
    kind: SensorKind
    rate_hz: float
    delay_s: float
    mount: str = WORLD
    noise: dict[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """Pinhole camera; pixel centres at integer coordinates."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    @property
    def matrix(self) -> Float[np.ndarray, "3 3"]:
        """The 3×3 camera matrix."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])


@dataclass(frozen=True, slots=True)
class CameraImage:
    """One RGB-D image. `depth_m` is along the optical axis; 0 where nothing came back."""

    sensor: str
    time_s: float
    rgb: UInt8[np.ndarray, "height width 3"]
    depth_m: Float32[np.ndarray, "height width"]
    intrinsics: Intrinsics
    T_mount_camera: Float[np.ndarray, "4 4"]
    mount: str = WORLD

    def __post_init__(self) -> None:
        expected = (self.intrinsics.height, self.intrinsics.width)
        if self.rgb.shape[:2] != expected or self.depth_m.shape != expected:
            raise ValueError(
                f"Image of '{self.sensor}' has rgb {self.rgb.shape[:2]} and depth {self.depth_m.shape}, expected "
                f"{expected} (height, width) from its intrinsics. Resize the image or scale the intrinsics."
            )


@dataclass(frozen=True, slots=True)
class LidarScan:
    """One sweep; `time_s` is its end and its reference time. Beams without a return are absent."""

    sensor: str
    time_s: float
    points_sensor: Float32[np.ndarray, "points 3"]
    point_times_s: Float[np.ndarray, "points"]
    intensity: Float32[np.ndarray, "points"]
    T_mount_sensor: Float[np.ndarray, "4 4"]
    mount: str = WORLD


@dataclass(frozen=True, slots=True)
class ImuSamples:
    """Specific force (gravity at rest points up: +9.81 along world z) and angular rate, sensor frame."""

    sensor: str
    times_s: Float[np.ndarray, "samples"]
    specific_force_mps2: Float[np.ndarray, "samples 3"]
    angular_rate_radps: Float[np.ndarray, "samples 3"]
    T_mount_sensor: Float[np.ndarray, "4 4"]
    mount: str


@dataclass(frozen=True, slots=True)
class JointSamples:
    """Encoder readings of arm and gripper. `gripper_width_m` is the distance between the fingers."""

    names: tuple[str, ...]
    times_s: Float[np.ndarray, "samples"]
    positions_rad: Float[np.ndarray, "samples joints"]
    velocities_radps: Float[np.ndarray, "samples joints"]
    gripper_width_m: Float[np.ndarray, "samples"]


@dataclass(frozen=True, slots=True)
class ForceSamples:
    """Force and torque that the hand, with what it holds and touches, exerts on the wrist; sensor frame and origin.

    The hand's own weight is in them: whoever wants the outside world's share must subtract it.
    """

    sensor: str
    times_s: Float[np.ndarray, "samples"]
    force_n: Float[np.ndarray, "samples 3"]
    torque_nm: Float[np.ndarray, "samples 3"]
    T_mount_sensor: Float[np.ndarray, "4 4"]
    mount: str


@dataclass(frozen=True, slots=True)
class ContactSamples:
    """How hard each finger (pad) presses on something that is not the robot: normal force, 0 without contact."""

    sensor: str
    times_s: Float[np.ndarray, "samples"]
    force_n: Float[np.ndarray, "samples pads"]
    mount: str


@dataclass(frozen=True, slots=True)
class SensorFrame:
    """All that arrived since the last read, each with its own time; `time_s` is the time of the read."""

    time_s: float
    images: tuple[CameraImage, ...] = ()
    scans: tuple[LidarScan, ...] = ()
    imu: tuple[ImuSamples, ...] = ()
    joints: JointSamples | None = None
    forces: tuple[ForceSamples, ...] = ()
    contacts: tuple[ContactSamples, ...] = ()


class Shape(enum.StrEnum):
    """Generic shape classes; `thing` is any object that fits no other class, `zone` is painted on the table."""

    BLOCK = "block"
    CYLINDER = "cylinder"
    BOWL = "bowl"
    MUG = "mug"
    PLATE = "plate"
    TRAY = "tray"
    BOX = "box"
    THING = "thing"
    ZONE = "zone"
    DRAWER = "drawer"
    CABINET = "cabinet"
    SHELF = "shelf"


@dataclass(frozen=True, slots=True)
class Box:
    """A box along the axes of its owner's frame."""

    center_m: tuple[float, float, float]
    size_m: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Slide:
    """How a drawer moves: along `axis` (a unit vector of its own frame) by up to `travel_m` from shut.

    `handle` is what a gripper takes; `guide` is the name of the fixture that it slides in.
    """

    axis: tuple[float, float, float]
    travel_m: float
    handle: Box
    guide: str


@dataclass(frozen=True, slots=True)
class Fixture:
    """One rigid piece of furniture that a cell declares, as it declares its sensors: model and calibrated place.

    The frame sits at the centre of the bounding box (of a drawer without its handle), z up. `pose_world` is that of
    the shut drawer; how far a drawer is open is for perception to see. `boxes` are its exact shape, handle included.
    """

    name: str
    shape: Shape
    color: str
    pose_world: Float[np.ndarray, "4 4"]
    size_m: tuple[float, float, float]
    boxes: tuple[Box, ...]
    cavity_depth_m: float = 0.0
    slide: Slide | None = None

    def opened_pose_world(self, opening_m: float) -> Float[np.ndarray, "4 4"]:
        """T_world_fixture when it is open by so much."""
        pose_world = self.pose_world.copy()
        if self.slide is not None:
            pose_world[:3, 3] += pose_world[:3, :3] @ np.array(self.slide.axis) * opening_m
        return pose_world


@dataclass(frozen=True, slots=True)
class ObjectState:
    """One object. Its frame sits at the centre of its bounding box, z up, x along the longer side.

    For a mug the box is the body's, without the handle, and x points to the handle.
    `size_m` is along the object's own axes. `cavity_depth_m` is how deep the opening on top is (0: none).
    `color_rgb` is the surface colour in 0–1; `color` the nearest basic colour word. Where no camera has seen the object
    `color` is UNKNOWN_COLOR and `color_rgb` a grey that means nothing.
    `covariance` is of (x, y, z, rotation vector) in the world frame, m² and rad².
    `shares` says by sensor how much of the last measurement it made, `features` are numbers to compare words with; both
    come from a fusion network and are absent without one.
    `fixture` is the declared model of a piece of furniture; `opening_m` how far a drawer stands open (None: not seen).
    """

    id: str
    pose_world: Float[np.ndarray, "4 4"]
    covariance: Float[np.ndarray, "6 6"]
    size_m: Float[np.ndarray, "3"]
    color_rgb: Float[np.ndarray, "3"]
    color: str
    shape: Shape
    shape_confidence: float
    existence: float
    sources: tuple[str, ...]
    last_seen_s: float
    cavity_depth_m: float = 0.0
    fixture: Fixture | None = None
    opening_m: float | None = None
    shares: tuple[tuple[str, float], ...] = ()
    features: Float[np.ndarray, "features"] | None = None

    @property
    def position_world(self) -> Float[np.ndarray, "3"]:
        """Centre of the bounding box."""
        return self.pose_world[:3, 3]

    @property
    def yaw_rad(self) -> float:
        """Rotation about world z."""
        return float(np.arctan2(self.pose_world[1, 0], self.pose_world[0, 0]))

    @property
    def top_m(self) -> float:
        """Height of the highest point of the box above the world origin (exact when z is up)."""
        return float(self.pose_world[2, 3] + self.size_m[2] / 2)

    @property
    def bottom_m(self) -> float:
        """Height of the lowest point of the box above the world origin (exact when z is up)."""
        return float(self.pose_world[2, 3] - self.size_m[2] / 2)


@dataclass(frozen=True, slots=True)
class SupportSurface:
    """The table: a horizontal rectangle (x_min, y_min, x_max, y_max) at `height_m` in the world frame."""

    height_m: float
    height_std_m: float
    bounds_world: tuple[float, float, float, float]
    tilt_rad: float


@dataclass(frozen=True, slots=True)
class PersonState:
    """A person beside the table. `columns_world` are upright boxes around what was seen: x, y, z minimum, then maximum.

    `position_world` is the middle of what was seen of the body from above, at the table's height, covariance in m².
    """

    position_world: Float[np.ndarray, "3"]
    covariance: Float[np.ndarray, "3 3"]
    columns_world: Float[np.ndarray, "columns 6"]
    velocity_mps: Float[np.ndarray, "3"] | None
    last_seen_s: float
    sources: tuple[str, ...]

    def gap_m(self, x_m: float, y_m: float) -> float:
        """Horizontal distance of a place from the nearest part that was seen; 0 below or within it."""
        beyond = np.maximum(self.columns_world[:, :2] - (x_m, y_m), (x_m, y_m) - self.columns_world[:, 3:5])
        return float(np.linalg.norm(np.maximum(beyond, 0.0), axis=1).min())


class HealthReason(enum.StrEnum):
    """Why a sensor's health is below one.

    `rate` is too few or too many, `gap` a hole between samples, `clock` times that go back, `intrinsics` a camera model
    that cannot be or has changed, `uniform` a picture or sweep that says next to nothing (its entropy), `innovation`
    a sensor that no longer sees the table where it saw it itself.
    """

    OK = "ok"
    SILENT = "silent"
    STALE = "stale"
    RATE = "rate"
    GAP = "gap"
    CLOCK = "clock"
    EMPTY = "empty"
    NOT_FINITE = "not_finite"
    INTRINSICS = "intrinsics"
    SATURATED = "saturated"
    DISAGREES = "disagrees"
    FROZEN = "frozen"
    UNIFORM = "uniform"
    INNOVATION = "innovation"


@dataclass(frozen=True, slots=True)
class SensorHealth:
    """How far a sensor can be trusted now: 1 as declared, 0 not at all."""

    sensor: str
    kind: SensorKind
    health: float
    reason: HealthReason
    age_s: float | None


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Sensor `owner` sees a surface around a place through which sensor `seer` looks. `share`: of all it could see."""

    seer: str
    owner: str
    position_world: tuple[float, float, float]
    share: float


@dataclass(frozen=True, slots=True)
class BodyState:
    """Proprioception at the scene's time. `held` is the id of the object between the fingers, if any."""

    joint_names: tuple[str, ...]
    positions_rad: Float[np.ndarray, "joints"]
    velocities_radps: Float[np.ndarray, "joints"]
    gripper_width_m: float
    held: str | None = None


@dataclass(frozen=True, slots=True)
class SceneState:
    """What is believed about the world at `time_s`; `seen_s` is when a camera or LiDAR last looked.

    `zones` are rectangles painted on the table: of no height, in nobody's way, and never moved.
    `person` is None when nobody is seen, which does not mean that nobody is there. `contradictions` are those of the
    last look where nobody knows which sensor is right.
    """

    time_s: float
    seen_s: float | None
    objects: tuple[ObjectState, ...]
    table: SupportSurface | None
    body: BodyState | None
    health: tuple[SensorHealth, ...]
    source: str = "perceived"
    zones: tuple[ObjectState, ...] = ()
    person: PersonState | None = None
    contradictions: tuple[Contradiction, ...] = ()

    @property
    def shares(self) -> dict[str, float]:
        """By sensor, how much of the objects' places it made in the mean; empty without a fusion network."""
        told = [dict(item.shares) for item in self.objects if item.shares]
        names = dict.fromkeys(name for shares in told for name in shares)
        return {name: sum(shares.get(name, 0.0) for shares in told) / len(told) for name in names}

    def find(self, object_id: str) -> ObjectState | None:
        """The object or zone of that id, or None."""
        return next((o for o in (*self.objects, *self.zones) if o.id == object_id), None)


@runtime_checkable
class RobotBody(Protocol):
    """What perception needs to know of a robot: where its links are. Planning's RobotModel is one."""

    def link_pose(
        self, link: str, positions_rad: Float[np.ndarray, "joints"], gripper_width_m: float
    ) -> Float[np.ndarray, "4 4"]:
        """T_world_link."""
        ...

    def capsules(
        self, positions_rad: Float[np.ndarray, "joints"], gripper_width_m: float
    ) -> Float[np.ndarray, "capsules 7"]:
        """The body as capsules in the world frame: start xyz, end xyz, radius."""
        ...


@runtime_checkable
class Perceiver(Protocol):
    """Frames in, scene out. State lives in the perceiver; `reset` forgets it."""

    def reset(self) -> None:
        """Forget everything seen."""
        ...

    def update(self, frame: SensorFrame) -> SceneState:
        """Fuse what arrived; never raises on bad sensor data, which shows in `health` instead."""
        ...


@dataclass(frozen=True, slots=True)
class PerceiverSetup:
    """What a perceiver is built with: the declared sensors, the robot's body (None: no robot), the device.

    `look_rad` is the arm position from which the wrist camera sees the work area. `fixtures` is declared furniture.
    """

    sensors: tuple[SensorSpec, ...]
    body: RobotBody | None = None
    device: str = "cpu"
    fixtures: tuple[Fixture, ...] = ()
