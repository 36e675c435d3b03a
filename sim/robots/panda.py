"""Franka Panda in PyBullet: grasping by friction between two geared fingers, nothing attached.

In:  joint and width targets for each step of 1/240 s.
Out: joint positions and velocities, link poses and velocities, meshes.

The values are tuned together (docs/scoring.md names what they reach): stiffer fingers eject what they
hold, fingers without the gear push it aside, other friction lets it slip.
"""

from __future__ import annotations

import functools
import math
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Float

from ..body_poses import Place, pose_of
from ..bullet import pybullet
from ..collision_shapes import HULL_MARGIN_M
from ..link_motion import LinkMotion
from ..raycast import VisualBody
from ..world import cross, painted

ARM_JOINTS = tuple(f"panda_joint{k}" for k in range(1, 8))
_ARM = list(range(7))
_FINGERS = [9, 10]
_FINGER_LINKS = ("panda_leftfinger", "panda_rightfinger")
_LINKS = {f"panda_link{k}": k - 1 for k in range(1, 8)} | {
    "panda_hand": 8,
    "panda_leftfinger": 9,
    "panda_rightfinger": 10,
}
_TOOL = 11
AT_ORIGIN: Place = (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)
_HAND_COM_M = np.array([0.0, 0.0, 0.04])
MAX_WIDTH_M = 0.08
_ARM_FORCE = [87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0]
_ARM_KP, _ARM_KD = 0.3, 1.0
FINGER_FORCE_N = 15.0
FINGER_FRICTION = 1.0
_FINGER_SPEED_MPS = 0.1
_WHITE, _LIGHT, _DARK = (0.92, 0.92, 0.92), (0.80, 0.81, 0.83), (0.22, 0.23, 0.25)
_PAD_SIZE_M = (0.0174, 0.008, 0.0140)
_PAD_CENTER_Z_M = 0.0431
_BEHIND_PAD_M = 0.0016
# What PyBullet adds up for a finger and an object is then below zero, and it solves no rolling friction between them:
# two rows of six for every contact, for a torque that a grip of two pads never needs.
_PAD_ROLLING_FRICTION = -0.001
_LINK_COLORS = {
    "panda_link0": _WHITE,
    "panda_link1": _LIGHT,
    "panda_link2": _WHITE,
    "panda_link3": _LIGHT,
    "panda_link4": _WHITE,
    "panda_link5": _LIGHT,
    "panda_link6": _WHITE,
    "panda_link7": _DARK,
    "panda_hand": _LIGHT,
    "panda_leftfinger": _DARK,
    "panda_rightfinger": _DARK,
}


class Panda:
    """The body of one episode, standing at the world's origin."""

    joint_names = ARM_JOINTS
    finger_links: tuple[int, int] = (9, 10)
    link_names = (
        *(f"panda_link{k}" for k in range(1, 9)),
        "panda_hand",
        *_FINGER_LINKS,
        "panda_grasptarget",
        "panda_link0",
    )

    def __init__(self, client: int, positions_rad: Float[np.ndarray, "joints"], width_m: float) -> None:
        self._client = client
        self.body = pybullet.loadURDF(
            str(_padded_urdf()),
            useFixedBase=True,
            flags=pybullet.URDF_IGNORE_VISUAL_SHAPES,
            physicsClientId=client,
        )
        for joint, position in zip(_ARM + _FINGERS, [*positions_rad, width_m / 2, width_m / 2], strict=True):
            pybullet.resetJointState(self.body, joint, float(position), physicsClientId=client)
        self.set_grip_friction()
        self._gear_fingers()
        self._width_m = width_m
        self._has_closed = False
        self._is_letting_go = False
        self._drive_fingers(width_m)
        self.drive(positions_rad, np.zeros(7), width_m)

    def drive(
        self,
        positions_rad: Float[np.ndarray, "joints"],
        velocities_radps: Float[np.ndarray, "joints"],
        width_m: float,
    ) -> None:
        """Targets for the next step: where the arm should be now and how fast it should move until then."""
        is_new_width = width_m != self._width_m
        self._let_go(width_m)
        pybullet.setJointMotorControlArray(
            self.body,
            _ARM,
            pybullet.POSITION_CONTROL,
            targetPositions=positions_rad.tolist(),
            targetVelocities=velocities_radps.tolist(),
            forces=_ARM_FORCE,
            positionGains=[_ARM_KP] * 7,
            velocityGains=[_ARM_KD] * 7,
            physicsClientId=self._client,
        )
        if is_new_width:  # a target stays until the next one
            self._drive_fingers(width_m)

    def _drive_fingers(self, width_m: float) -> None:
        for joint in _FINGERS:
            pybullet.setJointMotorControl2(
                self.body,
                joint,
                pybullet.POSITION_CONTROL,
                targetPosition=width_m / 2,
                force=FINGER_FORCE_N,
                maxVelocity=_FINGER_SPEED_MPS,
                physicsClientId=self._client,
            )

    def joint_state(self) -> tuple[Float[np.ndarray, "joints"], Float[np.ndarray, "joints"], float]:
        """True positions and velocities of the arm, and the distance between the fingers."""
        states = pybullet.getJointStates(self.body, _ARM + _FINGERS, physicsClientId=self._client)
        positions = [state[0] for state in states]
        velocities = [state[1] for state in states[:7]]
        return np.array(positions[:7]), np.array(velocities), positions[7] + positions[8]

    def link_pose(self, link: str) -> Float[np.ndarray, "4 4"]:
        """T_world_link."""
        state = pybullet.getLinkState(self.body, _LINKS[link], computeForwardKinematics=1, physicsClientId=self._client)
        return pose_of(state[4], state[5])

    def link_motion(self, link: str) -> LinkMotion:
        """How a link is and moves now."""
        state = pybullet.getLinkState(
            self.body, _LINKS[link], computeLinkVelocity=1, computeForwardKinematics=1, physicsClientId=self._client
        )
        # State 6 is the velocity of the centre of mass, state 0 its place, state 4 the link's own frame.
        return LinkMotion(state[4], state[5], state[0], state[6], state[7])

    def enable_wrist_sensor(self) -> None:
        """From now on `wrist_wrench` can be asked for."""
        pybullet.enableJointForceTorqueSensor(self.body, _LINKS["panda_hand"], True, physicsClientId=self._client)

    def wrist_wrench(self) -> Float[np.ndarray, "6"]:
        """Force and torque that the hand exerts on the wrist in the last step; at the hand's origin, hand's axes."""
        reaction = pybullet.getJointState(self.body, _LINKS["panda_hand"], physicsClientId=self._client)[2]
        # PyBullet gives what the arm exerts on the hand, about the centre of mass.
        force, torque = -np.array(reaction[:3]), -np.array(reaction[3:])
        return np.concatenate([force, torque + cross(_HAND_COM_M, force)])

    def finger_forces(self) -> Float[np.ndarray, "2"]:
        """How hard each finger presses on what is not the robot, in the last step."""
        forces = [0.0, 0.0]
        for index, finger in enumerate(_FINGERS):
            for contact in pybullet.getContactPoints(bodyA=self.body, linkIndexA=finger, physicsClientId=self._client):
                if contact[2] != self.body:
                    forces[index] += contact[9]
        return np.array(forces)

    def link_places(self) -> dict[str, Place]:
        """Position and quaternion xyzw of every link in the world; the base stands at the origin."""
        states = pybullet.getLinkStates(
            self.body, list(_LINKS.values()), computeForwardKinematics=1, physicsClientId=self._client
        )
        places: dict[str, Place] = {"panda_link0": AT_ORIGIN}
        for link, state in zip(_LINKS, states, strict=True):
            places[link] = state[4], state[5]
        return places

    def tool_position(self) -> Float[np.ndarray, "3"]:
        """The point between the fingertips, in the world."""
        state = pybullet.getLinkState(self.body, _TOOL, computeForwardKinematics=1, physicsClientId=self._client)
        return np.array(state[4])

    def visual_bodies(self) -> tuple[VisualBody, ...]:
        """The collision meshes, 3.4 thousand triangles in all; the visual meshes have 102 thousand."""
        return arm_visuals()

    def _let_go(self, width_m: float) -> None:
        """When the hand begins to open, its fingers pass through everything for one step of 1/240 s.

        Near a distance of zero, contact points with inverted normals come up between a finger and a mesh, and
        stay: they pull the fingers together with the full force of the motors, so that about one release in
        twenty-five lifts the object again and drops it. Only a pair that is switched off loses its points; in
        one step nothing falls further than 0.1 mm, and the true contacts come back with the next.
        """
        if self._is_letting_go:
            self._let_fingers_touch(True)
            self._is_letting_go = False
        if width_m < self._width_m:
            self._has_closed = True
        elif width_m > self._width_m and self._has_closed:
            self._has_closed = False
            self._is_letting_go = True
            self._let_fingers_touch(False)
        self._width_m = width_m

    def _let_fingers_touch(self, is_touching: bool) -> None:
        for index in range(pybullet.getNumBodies(physicsClientId=self._client)):
            body = pybullet.getBodyUniqueId(index, physicsClientId=self._client)
            if body == self.body:
                continue
            for link in range(-1, pybullet.getNumJoints(body, physicsClientId=self._client)):
                for finger in _FINGERS:
                    pybullet.setCollisionFilterPair(
                        self.body, body, finger, link, int(is_touching), physicsClientId=self._client
                    )

    def set_grip_friction(self, lateral: float = FINGER_FRICTION) -> None:
        """How rough the fingers are; for faults."""
        for joint in _FINGERS:
            pybullet.changeDynamics(
                self.body,
                joint,
                lateralFriction=lateral,
                spinningFriction=0.05,
                frictionAnchor=1,
                physicsClientId=self._client,
            )

    def _gear_fingers(self) -> None:
        """Both fingers move alike: the URDF's `mimic` is ignored, and free fingers push an object 15 mm aside."""
        gear = pybullet.createConstraint(
            self.body,
            _FINGERS[0],
            self.body,
            _FINGERS[1],
            pybullet.JOINT_GEAR,
            [1, 0, 0],
            [0, 0, 0],
            [0, 0, 0],
            physicsClientId=self._client,
        )
        pybullet.changeConstraint(gear, gearRatio=-1, erp=0.1, maxForce=50, physicsClientId=self._client)


@functools.cache
def _urdf_path() -> Path:
    import pybullet_data

    return Path(pybullet_data.getDataPath()) / "franka_panda" / "panda.urdf"


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="verbot-panda-")


@functools.cache
def _padded_urdf() -> Path:
    """The URDF with a flat box as the pad of each finger, written once for this process.

    Mesh against box gives one contact point, deep in the wrong place for a small block; box against box gives four.
    """
    source = _urdf_path()
    root = ElementTree.parse(source).getroot()
    for mesh in root.iter("mesh"):
        mesh.set("filename", mesh.get("filename", "").replace("package://", f"{source.parent}/"))
    for link, side in (("panda_leftfinger", 1.0), ("panda_rightfinger", -1.0)):
        finger = root.find(f"link[@name='{link}']")
        assert finger is not None
        for visual in finger.findall("visual") + finger.findall("contact"):
            finger.remove(visual)
        hull = finger.find("collision")
        assert hull is not None
        for origin in hull.findall("origin"):
            hull.remove(origin)
        yaw = 0.0 if side > 0 else math.pi
        # So far behind the pad that what the pad presses on costs no contact point of the hull's beside it.
        ElementTree.SubElement(hull, "origin", xyz=f"0 {side * (HULL_MARGIN_M + _BEHIND_PAD_M)} 0", rpy=f"0 0 {yaw}")
        pad = ElementTree.SubElement(finger, "collision")
        ElementTree.SubElement(pad, "origin", xyz=f"0 {side * _PAD_SIZE_M[1] / 2} {_PAD_CENTER_Z_M}", rpy="0 0 0")
        box = ElementTree.SubElement(pad, "geometry")
        ElementTree.SubElement(box, "box", size=" ".join(str(edge) for edge in _PAD_SIZE_M))
        contact = ElementTree.SubElement(finger, "contact")
        ElementTree.SubElement(contact, "rolling_friction", value=str(_PAD_ROLLING_FRICTION))
    path = Path(_folder().name) / "panda.urdf"
    ElementTree.ElementTree(root).write(path)
    return path


@functools.cache
def arm_visuals() -> tuple[VisualBody, ...]:
    """The links as drawn, each in its own frame."""
    folder = _urdf_path().parent / "meshes" / "collision"
    bodies = []
    for link, color in _LINK_COLORS.items():
        stem = "finger" if link.endswith("finger") else link.removeprefix("panda_")
        vertices, triangles = _read_obj(folder / f"{stem}.obj")
        if link == "panda_rightfinger":  # the URDF turns the same mesh half around
            vertices = vertices * [-1.0, -1.0, 1.0]
        bodies.append(painted(link, vertices, triangles, color, is_static=link == "panda_link0"))
    return tuple(bodies)


def _read_obj(path: Path) -> tuple[Float[np.ndarray, "vertices 3"], np.ndarray]:
    vertices: list[list[float]] = []
    triangles: list[tuple[int, int, int]] = []
    for line in path.read_text().splitlines():
        kind, *fields = line.split() or [""]
        if kind == "v":
            vertices.append([float(value) for value in fields[:3]])
        elif kind == "f":
            corners = [int(field.split("/")[0]) - 1 for field in fields]
            triangles += [(corners[0], corners[k], corners[k + 1]) for k in range(1, len(corners) - 1)]
    return np.array(vertices), np.array(triangles)
