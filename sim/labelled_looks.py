"""Draw labelled looks: strewn tables seen by the robot's rig, with the truth for every pixel and point.

In:  a seed and settings (the rig, whether it moves, how often sensors fail).
Out: LabelledLook values; the same for the same seed. `python -m verbot.sim.labelled_looks` fills shards.

No physics: things stand where they were strewn, the arm where it was drawn to be. What the robot believes of its
sensors is wrong as on a robot: mounts are off, and a picture that a moving wrist takes bears a time that is a little
off. Seeds here are a stream of their own (STREAM): no suite and no bench of episodes draws from it. By use: training
from 1,000,000, choosing from 2,000,000, measuring from 3,000,000.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int16
from scipy.spatial.transform import Rotation

from ..perception.colors import PALETTE
from ..perception.labelled_looks import LabelledLook, save_looks
from ..perception.types import (
    WORLD,
    CameraImage,
    JointSamples,
    LidarScan,
    SensorFrame,
)
from ..planning.robot_description import load_robot
from ..planning.robot_model import RobotModel
from .camera import Camera, CameraConfig
from .drawn_bodies import DrawnBody, make_room
from .lidar import Lidar, LidarConfig
from .loose_layout import KINDS, StrewnObject, strew
from .raycast import RayRoom
from .robots.panda import arm_visuals
from .scenes import Scene
from .sensors import load_composition
from .shading import draw_light
from .world import STATIC_BOXES, STATIC_COLORS
from .zones import PAINT_M

STREAM = 0x100C5
TRAINING, CHOOSING, MEASURING = 1_000_000, 2_000_000, 3_000_000
"""First seeds."""
LINKS = tuple(visual.name for visual in arm_visuals())
WIDTH_M = 0.08
TIME_S = 1.0
LOW_HAND_M = 0.30
CLOCK_S = 0.004
"""One sigma of how far a moving camera's time stamps are off."""
SPEED_RADPS = 0.35
DARKNESS = (0.04, 0.25)
USUAL_NOISE, NOISIER = (0.5, 2.0), (5.0, 14.0)
"""Of declared noise."""
TABLE_MIDDLE = (0.5, 0.0)
SPARSE_SHARE = (0.03, 0.15)
NOTHING = -1


@dataclass(frozen=True, slots=True)
class LookSettings:
    """What is drawn. Chances are for each sensor of a look; `width` 0 takes the composition's own resolution."""

    composition: str = "panda_table"
    width: int = 0
    moving: float = 0.5
    another_camera: float = 0.35
    strange_places: float = 0.35
    absent: float = 0.12
    worse: float = 0.15
    mount_m: float = 0.0015
    mount_rad: float = 0.0025
    most: int = 9
    kinds: tuple[str, ...] = KINDS
    colors: tuple[str, ...] = tuple(PALETTE)


Strew = Callable[[np.random.Generator], Sequence[StrewnObject]]


def draw_look(seed: int, settings: LookSettings | None = None, strew_own: Strew | None = None) -> LabelledLook:
    """The look of that seed; `strew_own` puts other things on the table than usual."""
    s = settings or LookSettings()
    rng = np.random.default_rng([seed, STREAM])
    things = strew(rng, s.most, s.kinds, s.colors) if strew_own is None else tuple(strew_own(rng))
    is_moving = bool(rng.random() < s.moving)
    joints_rad = _draw_arm(rng) if is_moving or rng.random() < 0.5 else np.array(_robot().description.look_rad)
    speeds_radps = SPEED_RADPS * rng.standard_normal(7) * is_moving
    bodies = _bodies(things, rng)
    scene = Scene("strewn", (), light=draw_light(rng, "harsh" if rng.random() < 0.15 else "usual"))
    room = make_room(scene, bodies, _links(joints_rad))
    names = [body.name for body in room.bodies]
    index_of_body = np.array([*(_index(name) for name in names), NOTHING], np.int16)
    found = _Found({}, {}, {}, {}, [], [])
    for sensor, condition in _sensors(s, rng):
        if condition != "absent":
            _measure(sensor, condition, (joints_rad, speeds_radps), s, room, index_of_body, found, rng)
        found.conditions[sensor.spec.name] = condition
    times_s = TIME_S - np.arange(24)[::-1] / 240.0
    felt_rad = joints_rad + (times_s - TIME_S)[:, None] * speeds_radps
    felt_rad = felt_rad + 2e-5 * rng.standard_normal(felt_rad.shape)
    joints = JointSamples(
        load_robot("panda").arm_joints, times_s, felt_rad, np.tile(speeds_radps, (24, 1)), np.full(24, WIDTH_M)
    )
    frame = SensorFrame(TIME_S, tuple(found.images), tuple(found.scans), joints=joints)
    objects = tuple(thing.state(TIME_S) for thing in things)
    return LabelledLook(seed, frame, found.believed, found.true, objects, found.instances, found.conditions, is_moving)


@dataclass(frozen=True, slots=True)
class _Found:
    """What the sensors of one look measured, filled one by one."""

    believed: dict[str, Float[np.ndarray, "4 4"]]
    true: dict[str, Float[np.ndarray, "4 4"]]
    instances: dict[str, Int16[np.ndarray, "..."]]
    conditions: dict[str, str]
    images: list[CameraImage]
    scans: list[LidarScan]


def _measure(
    sensor: Camera | Lidar,
    condition: str,
    arm: tuple[Float[np.ndarray, "joints"], Float[np.ndarray, "joints"]],
    s: LookSettings,
    room: RayRoom,
    index_of_body: Int16[np.ndarray, " bodies"],
    found: _Found,
    rng: np.random.Generator,
) -> None:
    """One picture or scan, from where the sensor truly is."""
    spec, (joints_rad, speeds_radps) = sensor.spec, arm
    late_s = CLOCK_S * rng.standard_normal() if speeds_radps.any() else 0.0
    believed = true = sensor.T_mount_sensor
    if spec.mount != WORLD:
        # The picture was taken a little later than it says.
        believed = _robot().link_pose(spec.mount, joints_rad, WIDTH_M) @ sensor.T_mount_sensor
        true = _robot().link_pose(spec.mount, joints_rad + late_s * speeds_radps, WIDTH_M) @ sensor.T_mount_sensor
    error = np.eye(4)
    error[:3, 3] = s.mount_m * rng.standard_normal(3)
    error[:3, :3] = Rotation.from_rotvec(s.mount_rad * rng.standard_normal(3)).as_matrix()
    true = true @ error
    T_world_mount = true @ np.linalg.inv(sensor.T_mount_sensor)
    found.believed[spec.name], found.true[spec.name] = believed, true
    if isinstance(sensor, Camera):
        view = sensor.look(room, T_world_mount)
        image = sensor.take(view, TIME_S, rng)
        if condition == "dark":
            image = replace(image, rgb=(image.rgb * rng.uniform(*DARKNESS)).astype(np.uint8))
        found.images.append(image)
        found.instances[spec.name] = index_of_body[room.triangle_body[view.triangle]]
        return
    scan = sensor.measure(room, T_world_mount, TIME_S, rng)
    if condition == "sparse":
        kept = rng.random(len(scan.points_sensor)) < rng.uniform(*SPARSE_SHARE)
        scan = replace(
            scan,
            points_sensor=scan.points_sensor[kept],
            point_times_s=scan.point_times_s[kept],
            intensity=scan.intensity[kept],
        )
    hits = room.cast(true[:3, 3], scan.points_sensor @ true[:3, :3].T.astype(np.float32))
    found.scans.append(scan)
    found.instances[spec.name] = index_of_body[hits.body_index]


def _sensors(s: LookSettings, rng: np.random.Generator) -> list[tuple[Camera | Lidar, str]]:
    """The rig's that are there, some at strange places, perhaps one camera more; each with its condition."""
    configs = [item.config for item in load_composition(s.composition).sensors if isinstance(item, Camera | Lidar)]
    is_strange = [config.mount == WORLD and rng.random() < s.strange_places for config in configs]
    if rng.random() < s.another_camera:
        configs, is_strange = [*configs, CameraConfig(name="side")], [*is_strange, True]
    return [_vary(config, strange, s, rng) for config, strange in zip(configs, is_strange, strict=True)]


def _vary(
    config: CameraConfig | LidarConfig, is_strange: bool, s: LookSettings, rng: np.random.Generator
) -> tuple[Camera | Lidar, str]:
    """Better or worse than declared, and by chance much worse, or not there."""
    draw, is_camera = float(rng.random()), isinstance(config, CameraConfig)
    kind_of_fault = str(rng.choice(["dark" if is_camera else "sparse", "noisy"]))
    condition = "absent" if draw < s.absent else kind_of_fault if draw < s.absent + s.worse else "ok"
    noise = float(rng.uniform(*(NOISIER if condition == "noisy" else USUAL_NOISE)))
    if isinstance(config, LidarConfig):
        place = _around_table(config, rng) if is_strange else {}
        better = {"range_noise_m": config.range_noise_m * noise, "is_distorted": False}
        return Lidar(config.model_copy(update=place | better)), condition
    better = {
        "depth_noise_m": config.depth_noise_m * noise,
        "depth_noise_per_m": config.depth_noise_per_m * noise,
        "pixel_noise": config.pixel_noise * float(rng.uniform(0.5, 2.0)),
    }
    if s.width:
        better |= {"width": s.width, "height": s.width * config.height // config.width}
    return Camera(config.model_copy(update=(_look_from_elsewhere(rng) if is_strange else {}) | better)), condition


def _look_from_elsewhere(rng: np.random.Generator) -> dict[str, Any]:
    """A camera anywhere around the table but behind the robot."""
    turn_rad, reach_m, up_m = rng.uniform(-2.2, 2.2), rng.uniform(0.5, 0.85), rng.uniform(0.5, 1.1)
    middle = np.array([*TABLE_MIDDLE, 0.0])
    place = middle + (reach_m * np.cos(turn_rad), reach_m * np.sin(turn_rad), up_m)
    aim = middle + 0.05 * rng.standard_normal(3) * (1.0, 1.0, 0.0)
    return {
        "position_m": tuple(place.tolist()),
        "look_at_m": tuple(aim.tolist()),
        "quat_xyzw": None,
        "fov_x_rad": float(rng.uniform(0.8, 1.25)),
    }


def _around_table(config: LidarConfig, rng: np.random.Generator) -> dict[str, Any]:
    """The LiDAR as it is mounted, carried around the table."""
    turn = Rotation.from_euler("z", rng.uniform(-0.6, 3.6))
    middle = np.array([*TABLE_MIDDLE, 0.0])
    place = turn.apply(np.array(config.position_m) - middle) + middle
    quat = (turn * Rotation.from_matrix(config.make_pose()[:3, :3])).as_quat()
    return {"position_m": tuple(place.tolist()), "look_at_m": None, "quat_xyzw": tuple(quat.tolist())}


def _draw_arm(rng: np.random.Generator) -> Float[np.ndarray, "joints"]:
    """A position from which the wrist camera sees the table, the hand well above it."""
    look_rad = np.array(_robot().description.look_rad)
    for _ in range(50):
        joints_rad = look_rad + rng.normal(0.0, 1.0, 7) * (0.35, 0.22, 0.2, 0.28, 0.2, 0.22, 0.5)
        hand = _robot().link_pose("panda_hand", joints_rad, WIDTH_M)
        forward = hand[:3, 2]
        if forward[2] > -0.6 or hand[2, 3] < LOW_HAND_M:
            continue
        met = hand[:3, 3] - forward * (hand[2, 3] / forward[2])
        if 0.28 < met[0] < 0.72 and abs(met[1]) < 0.35:
            return joints_rad
    return look_rad


def _bodies(things: Sequence[StrewnObject], rng: np.random.Generator) -> list[DrawnBody]:
    """Things, the room, and now and then paint on the table, whose colour may be any."""
    bodies = []
    for name, (center, _) in STATIC_BOXES.items():
        pose = np.eye(4)
        pose[:3, 3] = center
        bodies.append(DrawnBody(name, name, pose, STATIC_COLORS[name]))
    if rng.random() < 0.25:
        pose = np.eye(4)
        pose[:2, 3] = rng.uniform((0.3, -0.3), (0.65, 0.3))
        pose[2, 3] = -PAINT_M / 2
        color = PALETTE[str(rng.choice(list(PALETTE)))]
        bodies.append(DrawnBody("paint", "zone", pose, color, (*rng.uniform(0.08, 0.2, 2).tolist(), 1.0)))
    return bodies + [DrawnBody(t.name, t.kind, t.pose_world, t.color_rgb, t.scale) for t in things]


def _links(joints_rad: Float[np.ndarray, "joints"]) -> dict[str, Float[np.ndarray, "4 4"]]:
    return {link: _robot().link_pose(link, joints_rad, WIDTH_M) for link in LINKS}


def _index(name: str) -> int:
    return int(name.removeprefix("thing_")) if name.startswith("thing_") else NOTHING


@functools.cache
def _robot() -> RobotModel:
    return RobotModel(load_robot("panda"))


def main() -> int:
    """Fill shards with looks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=TRAINING)
    parser.add_argument("--looks", type=int, default=200)
    parser.add_argument("--shard", type=int, default=25, help="looks in each file")
    parser.add_argument("--composition", default="panda_table")
    parser.add_argument("--width", type=int, default=320, help="of pictures; 0: the composition's own")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    settings = LookSettings(composition=args.composition, width=args.width)
    for start in range(args.first, args.first + args.looks, args.shard):
        path = args.out / f"looks_{start}.safetensors"
        if path.exists():
            continue
        count = min(args.shard, args.first + args.looks - start)
        save_looks(path, [draw_look(seed, settings) for seed in range(start, start + count)])
        print(path, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
