"""Our sensors against PyBullet's own, side by side: what `verbot bench sensors` runs.

In:  how many frames.
Out: CPU times (medians) of both sides and, at equal geometry, the difference of their depth.

Both sides see the same scene from the same place at the same resolution, frame by frame in turn, the arm in
another position each time; what it costs to take that in counts. Both add the same noise in numpy, both draw
shadows. Times are the process's CPU time: the caller must keep numpy to one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..planning.robot_description import load_robot
from .beam_casting import Echoes
from .bullet import pybullet
from .camera import Camera, CameraConfig
from .lidar import Lidar
from .peer_renderer import PeerRoom, cast_peer_rays
from .raycast import RayRoom
from .robots.panda import MAX_WIDTH_M, Panda
from .scenes import draw, load_scene
from .sensors import load_composition
from .world import World

SEED = 3
SWING_RAD = 0.2
NOISELESS = {
    "depth_noise_m": 0.0,
    "depth_noise_per_m": 0.0,
    "edge_dropout": 0.0,
    "random_dropout": 0.0,
    "grazing_rad": 1.58,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Median CPU milliseconds of ours and of each peer, by what the peer is."""

    ours_ms: float
    peers_ms: dict[str, float]


class Stage:
    """A Panda at a table with objects in our world, and the same in PyBullet worlds for its own renderer."""

    def __init__(self) -> None:
        scene = draw(load_scene("table"), SEED)
        self.look_rad = np.array(load_robot("panda").look_rad)
        self.world = World()
        self.world.reset()
        self.arm = Panda(self.world.client, self.look_rad, MAX_WIDTH_M)
        self.world.attach(self.arm)
        self.world.place(scene)
        self.world.settle()
        bodies = self.world.visual_bodies()
        self.num_triangles = sum(len(body.triangles) for body in bodies)
        self.room = RayRoom(bodies, scene.light)
        self.same = PeerRoom(bodies, has_collision=True)
        self.own = PeerRoom(bodies, _panda_urdf())

    def swing(self, frame: int) -> None:
        """The arm to this frame's position, on all sides."""
        joints_rad = (self.look_rad + SWING_RAD * np.sin(frame + np.arange(len(self.look_rad)))).tolist()
        for joint, position in enumerate(joints_rad):
            pybullet.resetJointState(self.arm.body, joint, position, physicsClientId=self.world.client)
        poses = self.world.body_poses()
        for peer in (self.same, self.own):
            peer.move(poses, joints_rad)

    def close(self) -> None:
        """Disconnect all worlds."""
        self.same.close()
        self.own.close()
        self.world.close()


def compare_cameras(stage: Stage, size: tuple[int, int], num_frames: int) -> Comparison:
    """RGB-D of the front camera; TinyRenderer draws the robot from its URDF ("own") or from our meshes ("same")."""
    camera = _front_camera(size)

    def measure_peer(peer: PeerRoom, rng: np.random.Generator) -> None:
        light = stage.room.light.toward_light
        image = peer.draw(size, camera.config.fov_x_rad, camera.T_mount_sensor, light)
        camera.add_depth_errors(image.depth_m, None, rng)
        color = image.rgba[:, :, :3] * np.float32(camera.draw_exposure(rng))
        camera.add_color_errors(color, rng)

    def measure_ours(rng: np.random.Generator) -> None:
        stage.room.move(stage.world.body_poses())
        camera.measure(stage.room, np.eye(4), 0.0, rng)

    peers = {
        "own": lambda rng: measure_peer(stage.own, rng),
        "same": lambda rng: measure_peer(stage.same, rng),
    }
    return _compare(stage, measure_ours, peers, num_frames)


def compare_lidars(stage: Stage, num_frames: int) -> Comparison:
    """A sweep of the table's LiDAR; rayTestBatch meets the physical world, or the same triangles as ours ("same")."""
    lidar = find_lidar()

    def measure_ours(rng: np.random.Generator) -> None:
        stage.room.move(stage.world.body_poses())
        lidar.measure(stage.room, np.eye(4), 0.0, rng)

    def measure_peer(client: int, rng: np.random.Generator, as_lists: bool) -> None:
        T_world_sensor = lidar.T_mount_sensor
        directions = lidar.directions_sensor @ T_world_sensor[:3, :3].T.astype(np.float32)
        range_m = cast_peer_rays(
            client, T_world_sensor[:3, 3], directions, lidar.config.range_max_m, as_lists=as_lists
        ).astype(np.float32)
        met = np.flatnonzero(np.isfinite(range_m))
        ones = np.ones(len(met), np.float32)
        range_m = range_m[met]
        echoes = Echoes(met, range_m, *lidar.detector.hear(range_m, ones, ones))
        lidar.receive(echoes, lidar.directions_sensor, 0.0, rng)

    peers: dict[str, Callable[[np.random.Generator], None]] = {
        "arrays": lambda rng: measure_peer(stage.world.client, rng, False),
        "lists": lambda rng: measure_peer(stage.world.client, rng, True),
        "same": lambda rng: measure_peer(stage.same.client, rng, False),
    }
    return _compare(stage, measure_ours, peers, num_frames)


def depth_differences_m(stage: Stage, num_frames: int) -> Float[np.ndarray, " pixels"]:
    """|Difference| of depth where both sides see the same link or object, drawn from the same meshes."""
    camera = _front_camera((640, 480), **NOISELESS)
    pinhole_pixels = []
    by_peer_id = {body: name for name, body in stage.same.ids.items()}
    furniture = {body.name for body in stage.room.bodies if body.is_static and not body.name.startswith("panda_")}
    names = np.array([*(body.name for body in stage.room.bodies), ""])
    for frame in range(num_frames):
        stage.swing(frame)
        stage.room.move(stage.world.body_poses())
        view = camera.look(stage.room, np.eye(4))
        image = stage.same.draw(
            (640, 480), camera.config.fov_x_rad, camera.T_mount_sensor, stage.room.light.toward_light
        )
        ours = names[stage.room.triangle_body[view.triangle]]
        theirs = np.vectorize(lambda body: by_peer_id.get(int(body), ""), otypes=[object])(image.body)
        is_both = (ours == theirs) & ~np.isin(ours, [*furniture, ""])
        pinhole_pixels.append(np.abs(view.depth_m - image.depth_m)[is_both])
    return np.concatenate(pinhole_pixels).astype(float)


def find_lidar() -> Lidar:
    """The LiDAR of the table's composition: 64 rings of 1024."""
    return next(sensor for sensor in load_composition().sensors if isinstance(sensor, Lidar))


def _compare(
    stage: Stage,
    measure_ours: Callable[[np.random.Generator], None],
    peers: dict[str, Callable[[np.random.Generator], None]],
    num_frames: int,
) -> Comparison:
    sides = {"": measure_ours, **peers}
    times_s: dict[str, list[float]] = {name: [] for name in sides}
    for frame in range(num_frames + 2):
        stage.swing(frame)
        for name, measure in sides.items():
            rng = np.random.default_rng(frame)
            start_s = time.process_time()
            measure(rng)
            times_s[name].append(time.process_time() - start_s)
    # The first two frames load libraries and fill tables.
    medians = {name: 1000.0 * float(np.median(values[2:])) for name, values in times_s.items()}
    return Comparison(medians.pop(""), medians)


def _front_camera(size: tuple[int, int], **keys: float) -> Camera:
    place = {"position_m": (1.25, 0.0, 0.75), "look_at_m": (0.45, 0.0, 0.0)}
    return Camera(CameraConfig.model_validate({"name": "front", **place, "width": size[0], "height": size[1], **keys}))


def _panda_urdf() -> Path:
    import pybullet_data

    return Path(pybullet_data.getDataPath()) / "franka_panda" / "panda.urdf"


def main(num_frames: int) -> dict[str, object]:
    """Everything measured, as plain values."""
    stage = Stage()
    try:
        small = compare_cameras(stage, (128, 128), num_frames)
        large = compare_cameras(stage, (640, 480), num_frames)
        sweep = compare_lidars(stage, max(3, num_frames // 2))
        difference_m = depth_differences_m(stage, 3)
        return {
            "objects": len(stage.world.objects),
            "triangles": stage.num_triangles,
            "camera_128": asdict(small),
            "camera_640": asdict(large),
            "lidar": asdict(sweep),
            "depth_p50_mm": 1000.0 * float(np.percentile(difference_m, 50)),
            "depth_p95_mm": 1000.0 * float(np.percentile(difference_m, 95)),
        }
    finally:
        stage.close()
