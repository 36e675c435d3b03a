"""The physical world: table, objects and one robot body in PyBullet, stepped at 240 Hz.

In:  a Scene (sim/scenes.py) and an arm (sim/robots/).
Out: poses, velocities and contacts of the true world; meshes for the ray caster.

Every call passes physicsClientId: forgotten once, it silently addresses another world. The world is
rebuilt by resetSimulation for each episode, which is what makes episodes bit-identical.

Table and objects are plain rigid bodies (PyBullet's maximal coordinates). By default PyBullet makes a multibody of
each, with Jacobian rows of six freedoms for every contact: the same motion for half as much again of the physics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from ..perception.colors import PALETTE
from ..perception.types import Shape
from .body_poses import BodyPoses, Place, height_of, pose_of
from .bullet import pybullet
from .catalogue import ObjectModel, make_object
from .collision_shapes import center_of_mass, collision_file
from .furniture import FurnitureBody, make_bodies
from .person import PersonBody, part_poses
from .person import visual_bodies as person_visuals
from .placement import TABLE_BOUNDS
from .raycast import VisualBody
from .scenes import PlacedObject, Scene
from .sleepers import Sleepers
from .tabletop import cover

STEP_HZ = 240
STEP_S = 1.0 / STEP_HZ
WAKE_REACH_M = 0.08  # from the tool to an object's bounding sphere
SOLVER_ITERATIONS = 50  # 30 drops 15% of the grasped objects, 10 drops 70%
# 1e-4 costs a little less and leaves the arm trembling by 0.35 m/s² at 120 Hz, which the IMU sees; 1e-6 leaves 0.2 N
# of a force that is not there at the wrist.
RESIDUAL_THRESHOLD = 1e-7
TABLE_THICKNESS_M = 0.05
FLOOR_M = -0.75
TABLE_COLOR = (0.62, 0.56, 0.50)
FLOOR_COLOR = (0.42, 0.43, 0.45)
PEDESTAL_COLOR = (0.30, 0.31, 0.33)
SETTLE_MAX_S = 1.5
GRIP_N = 0.5
REST_MPS = 0.002
REST_RADPS = 0.02
CREEP_MPS = 0.02
CREEP_RADPS = 0.6


@runtime_checkable
class ArmBody(Protocol):
    """What the world needs of the robot standing in it."""

    body: int
    joint_names: tuple[str, ...]
    finger_links: tuple[int, int]
    link_names: tuple[str, ...]
    """Names by PyBullet's link index, -1 (the base) last."""

    def joint_state(self) -> tuple[Float[np.ndarray, "joints"], Float[np.ndarray, "joints"], float]:
        """True positions and velocities of the arm's joints, and the distance between the fingers."""
        ...

    def tool_position(self) -> Float[np.ndarray, "3"]:
        """The point between the fingertips, in the world."""
        ...

    def visual_bodies(self) -> tuple[VisualBody, ...]:
        """Meshes of the links."""
        ...

    def link_places(self) -> dict[str, Place]:
        """Where the links are, by the names of the visual bodies."""
        ...


@dataclass(frozen=True, slots=True)
class ArmContact:
    """A link of the arm touching something that is not the arm, with the normal force of the last step."""

    link: int
    other: str
    force_n: float


@dataclass(frozen=True, slots=True)
class WorldObject:
    """One object of the running episode. `com_object` is its centre of mass, where PyBullet puts its frame."""

    name: str
    model: ObjectModel
    color: str
    body: int
    com_object: Float[np.ndarray, "3"]
    wake_reach_m: float
    """The hand this near to the centre (along each axis) keeps it awake."""


class World:
    """One PyBullet client. `reset` starts an episode; `step` lets 1/240 s pass."""

    def __init__(self) -> None:
        self.client = pybullet.connect(pybullet.DIRECT)
        self.objects: dict[str, WorldObject] = {}
        self.scene = Scene(name="empty", objects=())
        self._arm: ArmBody | None = None
        self._body_names: dict[int, str] = {}
        self._link_names: dict[tuple[int, int], str] = {}
        self.furniture: list[FurnitureBody] = []
        self._impulses: list[tuple[str, Float[np.ndarray, "3"]]] = []
        self._num_steps = 0
        self.person: PersonBody | None = None
        self._sleepers = Sleepers(self)

    def reset(self) -> None:
        """An empty table; the arm is attached and the scene placed next."""
        client = self.client
        pybullet.resetSimulation(physicsClientId=client)
        pybullet.setGravity(0, 0, -9.81, physicsClientId=client)
        pybullet.setPhysicsEngineParameter(
            fixedTimeStep=STEP_S,
            numSolverIterations=SOLVER_ITERATIONS,
            solverResidualThreshold=RESIDUAL_THRESHOLD,
            deterministicOverlappingPairs=1,
            physicsClientId=client,
        )
        self.objects = {}
        self._arm = None
        self._body_names, self._link_names, self.furniture = {}, {}, []
        self._impulses = []
        self._num_steps = 0
        self.person = None
        self._sleepers = Sleepers(self)
        for name, (center, size) in STATIC_BOXES.items():
            body = self._add_box(center, size)
            self._body_names[body] = name

    @property
    def arm(self) -> ArmBody:
        """The robot standing in this world."""
        if self._arm is None:
            raise RuntimeError("No robot stands in this world. Call attach(arm) after reset().")
        return self._arm

    def attach(self, arm: ArmBody) -> None:
        """The robot now standing in this world."""
        self._arm = arm

    def place(self, scene: Scene) -> None:
        """Put the objects of the scene where it says."""
        self.scene = scene
        self.furniture = make_bodies(self.client, scene.fixtures, scene.openings_m)
        for furniture in self.furniture:
            self._body_names[furniture.body] = furniture.fixed.name
            self._link_names |= {(furniture.body, link): name for name, link in furniture.links.items()}
        for placed in scene.objects:
            self._add_object(placed)
        if scene.person is not None:
            self.person = PersonBody(self.client, scene.person)
            self._body_names |= {body: part for part, body in self.person.bodies.items()}

    def settle(self) -> float:
        """Let the objects come to rest; returns how long that took, in simulated seconds."""
        self._sleepers.keep_apart()
        for steps in range(1, round(SETTLE_MAX_S * STEP_HZ) + 1):
            pybullet.stepSimulation(physicsClientId=self.client)
            if steps >= STEP_HZ // 8 and all(self.is_at_rest(name) for name in self.objects):
                break
        else:
            self._sleepers.wake_all()
            return SETTLE_MAX_S
        self._sleepers.lay_down()
        return steps * STEP_S

    def step(self) -> None:
        """Let 1/240 s pass."""
        if self._arm is not None:
            self._sleepers.keep(self._arm.tool_position().tolist())
        self._num_steps += 1
        if self.person is not None:
            self.person.move(self._num_steps * STEP_S)
        pybullet.stepSimulation(physicsClientId=self.client)
        for name, impulse_world_ns in self._impulses:
            self._hit(name, impulse_world_ns)
        self._impulses = []

    def object_pose(self, name: str) -> Float[np.ndarray, "4 4"]:
        """T_world_object; of a drawer that of its fixture."""
        if name not in self.objects:
            return next(poses[name] for f in self.furniture if name in (poses := f.poses()))
        entry = self.objects[name]
        position, quat_xyzw = pybullet.getBasePositionAndOrientation(entry.body, physicsClientId=self.client)
        T_world_object = pose_of(position, quat_xyzw)
        T_world_object[:3, 3] -= T_world_object[:3, :3] @ entry.com_object
        return T_world_object

    def object_height_m(self, name: str) -> float:
        """The third number of the object's position: what is asked at every step of what the hand holds."""
        if name not in self.objects:
            return float(self.object_pose(name)[2, 3])
        entry = self.objects[name]
        place = pybullet.getBasePositionAndOrientation(entry.body, physicsClientId=self.client)
        return height_of(place, entry.com_object)

    def object_places(self) -> dict[str, Place]:
        """Centre of mass and quaternion xyzw of every object, as PyBullet tells them."""
        client = self.client
        return {
            name: pybullet.getBasePositionAndOrientation(entry.body, physicsClientId=client)
            for name, entry in self.objects.items()
        }

    def link_places(self) -> dict[str, Place]:
        """Where the arm's links are now."""
        return self.arm.link_places()

    def object_velocity(self, name: str) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
        """Linear (of the centre of mass) and angular velocity in the world frame."""
        linear, angular = pybullet.getBaseVelocity(self.objects[name].body, physicsClientId=self.client)
        return np.array(linear), np.array(angular)

    def is_at_rest(self, name: str) -> bool:
        """Slower than 2 mm/s and 0.02 rad/s."""
        if name not in self.objects:
            return next(f.is_at_rest() for f in self.furniture if name in f.links)
        return self._is_slower(name, REST_MPS, REST_RADPS)

    def is_creeping(self, name: str) -> bool:
        """Slower than 2 cm/s and 0.6 rad/s; Bullet itself lets sleep what is slower than 0.8 m/s and 1 rad/s."""
        return self._is_slower(name, CREEP_MPS, CREEP_RADPS)

    def _is_slower(self, name: str, limit_mps: float, limit_radps: float) -> bool:
        # Plain numbers: arrays of three would take ten times as long.
        linear, angular = pybullet.getBaseVelocity(self.objects[name].body, physicsClientId=self.client)
        return _squared(linear) < limit_mps**2 and _squared(angular) < limit_radps**2

    def arm_contacts(self) -> list[ArmContact]:
        """What the arm touches now, one entry for each pair of link and thing, in a fixed order."""
        arm = self.arm
        forces: dict[tuple[int, int, int], float] = {}
        for contact in pybullet.getContactPoints(bodyA=arm.body, physicsClientId=self.client):
            if contact[2] != arm.body and contact[9] > 0.0:
                key = (contact[3], contact[2], contact[4])
                forces[key] = forces.get(key, 0.0) + contact[9]
        return [
            ArmContact(link, self._link_names.get((body, other), self._body_names[body]), force)
            for (link, body, other), force in sorted(forces.items())
        ]

    def gripped(self, contacts: list[ArmContact] | None = None) -> str | None:
        """The object, or the drawer by its handle, that both fingers press on, if any."""
        contacts = self.arm_contacts() if contacts is None else contacts
        one, two = (
            {c.other for c in contacts if c.link == link and c.force_n > GRIP_N} for link in self.arm.finger_links
        )
        return next((name for name in (*self.objects, *self.drawers) if name in one and name in two), None)

    @property
    def drawers(self) -> tuple[str, ...]:
        """Names of everything that slides."""
        return tuple(f.drawer.name for f in self.furniture if f.drawer is not None)

    def link_distance_m(self, link_a: int, link_b: int, within_m: float) -> float:
        """Distance between two links of the arm, negative when they overlap; `within_m` if farther than that."""
        body = self.arm.body
        points = pybullet.getClosestPoints(
            body, body, within_m, linkIndexA=link_a, linkIndexB=link_b, physicsClientId=self.client
        )
        return min((point[8] for point in points), default=within_m)

    def move_object(self, name: str, T_world_object: Float[np.ndarray, "4 4"]) -> None:
        """Teleport an object, at rest; for faults and tests."""
        entry = self.objects[name]
        position = T_world_object[:3, 3] + T_world_object[:3, :3] @ entry.com_object
        quat = quat_xyzw_of(T_world_object[:3, :3])
        pybullet.resetBasePositionAndOrientation(entry.body, position.tolist(), quat, physicsClientId=self.client)
        pybullet.resetBaseVelocity(entry.body, [0, 0, 0], [0, 0, 0], physicsClientId=self.client)
        self.wake_all()

    def push(self, name: str, impulse_world_ns: Float[np.ndarray, "3"]) -> None:
        """Hit an object at its centre of mass with the next step; newton seconds. For faults and tests."""
        self.wake_all()
        self._impulses.append((name, np.asarray(impulse_world_ns, dtype=float)))

    def wake_all(self) -> None:
        """Wake every sleeping object: one whose support is gone would otherwise hang in the air."""
        self._sleepers.wake_all()

    def visual_bodies(self) -> tuple[VisualBody, ...]:
        """Everything that can be seen: furniture (static), robot links, objects."""
        furniture = tuple(box_visual(name, size, STATIC_COLORS[name]) for name, (_, size) in STATIC_BOXES.items())
        if self.scene.table is not None:
            furniture = tuple(cover(body, self.scene.table) if body.name == "table" else body for body in furniture)
        robot = self._arm.visual_bodies() if self._arm else ()
        people = person_visuals(self.person.person) if self.person else ()
        furniture += tuple(visual for f in self.furniture for visual in f.visual_bodies())
        paint = tuple(zone.visual_body() for zone in self.scene.zones)
        return furniture + paint + robot + people + tuple(_object_visual(entry) for entry in self.objects.values())

    def body_poses(self) -> BodyPoses:
        """T_world_body of every visual body, now."""
        known = dict(STATIC_POSES)
        if self.person:
            known |= part_poses(self.person)
        for furniture in self.furniture:
            known |= furniture.poses()
        places = {**(self.link_places() if self._arm else {}), **self.object_places()}
        return BodyPoses(places, {name: entry.com_object for name, entry in self.objects.items()}, known)

    def close(self) -> None:
        """Disconnect; may be called twice."""
        if self.client >= 0:
            pybullet.disconnect(physicsClientId=self.client)
            self.client = -1

    def _hit(self, name: str, impulse_world_ns: Float[np.ndarray, "3"]) -> None:
        """Change the velocity; only after a step, because the step that wakes a body sets its velocity to zero."""
        entry = self.objects[name]
        linear, angular = self.object_velocity(name)
        velocity = linear + impulse_world_ns / entry.model.mass_kg
        pybullet.resetBaseVelocity(entry.body, velocity.tolist(), angular.tolist(), physicsClientId=self.client)

    def _add_box(self, center: tuple[float, ...], size: tuple[float, ...]) -> int:
        half = [edge / 2 for edge in size]
        shape = pybullet.createCollisionShape(pybullet.GEOM_BOX, halfExtents=half, physicsClientId=self.client)
        body = pybullet.createMultiBody(0, shape, -1, center, useMaximalCoordinates=1, physicsClientId=self.client)
        pybullet.changeDynamics(body, -1, lateralFriction=0.8, restitution=0.0, physicsClientId=self.client)
        return body

    def _add_object(self, placed: PlacedObject) -> None:
        model = make_object(placed.kind)
        com_object = center_of_mass(model)
        half_yaw = placed.yaw_rad / 2
        quat_xyzw = (0.0, 0.0, float(np.sin(half_yaw)), float(np.cos(half_yaw)))
        T_world_object = pose_of(placed.position_world, quat_xyzw)
        position = T_world_object[:3, 3] + T_world_object[:3, :3] @ com_object
        body = pybullet.createMultiBody(
            model.mass_kg,
            self._collision_shape(model),
            -1,
            position.tolist(),
            quat_xyzw,
            baseInertialFramePosition=com_object.tolist(),
            useMaximalCoordinates=1,
            physicsClientId=self.client,
        )
        # createMultiBody takes the place of the shape's frame or of the mass's, by version; this is unambiguous.
        pybullet.resetBasePositionAndOrientation(body, position.tolist(), quat_xyzw, physicsClientId=self.client)
        pybullet.changeDynamics(
            body,
            -1,
            lateralFriction=0.8,
            spinningFriction=0.02,
            rollingFriction=0.0005,  # without it blocks in a tray tremble on and on
            restitution=0.0,
            linearDamping=0.0,
            angularDamping=0.0,
            activationState=pybullet.ACTIVATION_STATE_ENABLE_SLEEPING,
            physicsClientId=self.client,
        )
        if model.own is not None:
            # Bullet takes the inertia from the boxes around the parts otherwise. Given alone, it would undo the mass.
            inertia = model.own.inertia_kgm2.tolist()
            pybullet.changeDynamics(
                body, -1, mass=model.mass_kg, localInertiaDiagonal=inertia, physicsClientId=self.client
            )
        self._body_names[body] = placed.name
        self.objects[placed.name] = WorldObject(
            placed.name, model, placed.color, body, com_object, float(np.linalg.norm(model.size_m)) / 2 + WAKE_REACH_M
        )

    def _collision_shape(self, model: ObjectModel) -> int:
        if model.shape is Shape.BLOCK and model.own is None:
            half = (model.size_m / 2).tolist()
            return pybullet.createCollisionShape(pybullet.GEOM_BOX, halfExtents=half, physicsClientId=self.client)
        return pybullet.createCollisionShape(
            pybullet.GEOM_MESH, fileName=str(collision_file(model.kind)), physicsClientId=self.client
        )


def _boxes() -> Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]]:
    """Centre and size of what stands still."""
    x0, y0, x1, y1 = TABLE_BOUNDS
    pedestal = 0.28
    return {
        "table": (
            ((x0 + x1) / 2, (y0 + y1) / 2, -TABLE_THICKNESS_M / 2),
            (x1 - x0, y1 - y0, TABLE_THICKNESS_M),
        ),
        "pedestal": ((0.0, 0.0, FLOOR_M / 2 - 0.001), (pedestal, pedestal, -FLOOR_M)),
        "floor": ((0.4, 0.0, FLOOR_M - 0.05), (5.0, 5.0, 0.1)),
    }


STATIC_BOXES = _boxes()
STATIC_POSES = {name: pose_of(center, (0.0, 0.0, 0.0, 1.0)) for name, (center, _) in STATIC_BOXES.items()}
STATIC_COLORS = {"table": TABLE_COLOR, "pedestal": PEDESTAL_COLOR, "floor": FLOOR_COLOR}


def _squared(vector: tuple[float, float, float]) -> float:
    x, y, z = vector
    return x * x + y * y + z * z


def cross(a: Float[np.ndarray, "3"], b: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
    """The cross product of two vectors; numpy's takes ten times as long for one pair."""
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def quat_xyzw_of(rotation: Float[np.ndarray, "3 3"]) -> tuple[float, float, float, float]:
    """The quaternion of a rotation matrix."""
    x, y, z, w = Rotation.from_matrix(rotation).as_quat()
    return float(x), float(y), float(z), float(w)


def box_visual(name: str, size: tuple[float, ...], color: tuple[float, float, float]) -> VisualBody:
    """A static box of one colour around its centre."""
    corners = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)]) * size
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
    return painted(name, corners, triangles, color, is_static=True)


def _object_visual(entry: WorldObject) -> VisualBody:
    if entry.model.own is None:
        return painted(entry.name, *entry.model.mesh(), PALETTE[entry.color], is_static=False)
    surface = entry.model.own.surface
    vertices, triangles = surface.vertices.astype(np.float32), surface.triangles.astype(np.uint32)
    return VisualBody(entry.name, vertices, triangles, surface.colors, is_static=False, skin=surface.skin)


def painted(
    name: str,
    vertices: Float[np.ndarray, "vertices 3"],
    triangles: np.ndarray,
    color: tuple[float, float, float],
    *,
    is_static: bool,
) -> VisualBody:
    """A body of one colour."""
    colors = np.tile(np.asarray(color, dtype=np.float32), (len(triangles), 1))
    return VisualBody(name, vertices.astype(np.float32), triangles.astype(np.uint32), colors, is_static)
