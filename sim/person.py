"""A person at the table: a torso, a head and an arm as capsules that move smoothly, by seed and time alone.

In:  PersonEntry (a scene's [person] table), a seed's generator; seconds since the episode began.
Out: Person: capsules and poses in the world frame; the same body is simulated, drawn and judged.

The person is moved, never pushed: nothing that touches them slows them down. Every motion begins at rest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from ..perception.colors import PALETTE
from .bullet import pybullet
from .raycast import VisualBody
from .scene_file import PersonEntry

TORSO, HEAD, ARM = PARTS = ("person_torso", "person_head", "person_arm")
RADIUS_M = {TORSO: 0.16, HEAD: 0.10, ARM: 0.045}
LENGTH_M = {TORSO: 1.10, HEAD: 0.06, ARM: 0.50}  # between the ends of the axis
TORSO_MIDDLE_M, HEAD_MIDDLE_M, SHOULDER_M = -0.04, 0.82, 0.45  # above the table's top
HANGING_M = 0.62  # the hand of an arm that hangs, below the shoulder
HANGING_OUT_M = 0.20  # … and beside the body
SKIN_RGB = (0.85, 0.66, 0.53)
HAND_SHARE = 0.62  # the arm's axis from here on is drawn as the hand
SEGMENTS, RINGS = 16, 4
FADE_IN_S = 1.0


@dataclass(frozen=True, slots=True)
class Person:
    """One person of one episode. `sway_phase_rad` is what the seed drew."""

    entry: PersonEntry
    sway_phase_rad: float

    def poses(self, time_s: float) -> dict[str, Float[np.ndarray, "4 4"]]:
        """T_world_part of torso, head and arm; a part's axis is its z, from its middle."""
        x, y = self.entry.at_world + self._shift(time_s)
        poses = {TORSO: _upright(x, y, TORSO_MIDDLE_M), HEAD: _upright(x, y, HEAD_MIDDLE_M)}
        shoulder, hand = np.array([x, y, SHOULDER_M]), self._hand(time_s)
        along = (hand - shoulder) / np.linalg.norm(hand - shoulder)
        return poses | {ARM: _pointing(along, hand - along * LENGTH_M[ARM] / 2)}

    def capsules(self, time_s: float) -> Float[np.ndarray, "parts 7"]:
        """Start, end and radius of every part, in the order of PARTS."""
        poses = self.poses(time_s)
        rows = []
        for part in PARTS:
            half = poses[part][:3, 2] * LENGTH_M[part] / 2
            middle = poses[part][:3, 3]
            rows.append(np.concatenate([middle - half, middle + half, [RADIUS_M[part]]]))
        return np.array(rows)

    def _shift(self, time_s: float) -> Float[np.ndarray, "2"]:
        """How far the body is from where it stands: swaying in a slow circle, walking there and back."""
        entry = self.entry
        shift = np.zeros(2)
        if entry.sway_m > 0.0:
            phase = 2 * math.pi * time_s / entry.sway_period_s + self.sway_phase_rad
            # Begun softly, so that nobody jumps at the first step.
            strength = entry.sway_m * _smooth(time_s / FADE_IN_S)
            shift += strength * np.array([math.cos(phase), math.sin(phase)])
        if entry.walk_to_world is not None:
            there = _there_and_back(time_s - entry.begins_s, entry.walk_period_s)
            shift += there * (np.array(entry.walk_to_world) - entry.at_world)
        return shift

    def _hand(self, time_s: float) -> Float[np.ndarray, "3"]:
        """Where the hand is; it goes along with the body."""
        entry = self.entry
        hand = rest_hand(entry)
        if entry.reach_to_world is not None:
            hand = hand + _there_and_back(time_s - entry.begins_s, entry.reach_period_s) * (
                np.array(entry.reach_to_world) - hand
            )
        return hand + np.array([*self._shift(time_s), 0.0])


class PersonBody:
    """A Person in one PyBullet world."""

    def __init__(self, client: int, person: Person) -> None:
        self._client = client
        self.person = person
        self.time_s = 0.0
        self.bodies = {part: self._add(part) for part in PARTS}
        self.move(0.0)

    def move(self, time_s: float) -> None:
        """Put every part where it is at that time."""
        self.time_s = time_s
        for part, pose in self.person.poses(time_s).items():
            quat = Rotation.from_matrix(pose[:3, :3]).as_quat().tolist()
            pybullet.resetBasePositionAndOrientation(
                self.bodies[part], pose[:3, 3].tolist(), quat, physicsClientId=self._client
            )

    def _add(self, part: str) -> int:
        shape = pybullet.createCollisionShape(
            pybullet.GEOM_CAPSULE, radius=RADIUS_M[part], height=LENGTH_M[part], physicsClientId=self._client
        )
        return pybullet.createMultiBody(0, shape, -1, [0.0, 0.0, 0.0], physicsClientId=self._client)


def draw_person(entry: PersonEntry, rng: np.random.Generator) -> Person:
    """The person of an episode."""
    return Person(entry, float(rng.uniform(0.0, 2 * math.pi)))


def rest_hand(entry: PersonEntry) -> Float[np.ndarray, "3"]:
    """Where the hand is at the beginning: as declared, or hanging beside the body, on the side away from the table."""
    if entry.hand_world is not None:
        return np.array(entry.hand_world)
    x, y = entry.at_world
    return np.array([x + HANGING_OUT_M, y, SHOULDER_M - HANGING_M])


def visual_bodies(person: Person) -> tuple[VisualBody, ...]:
    """The person as drawn."""
    return person_visuals(PALETTE[person.entry.shirt])


def person_visuals(shirt: tuple[float, float, float]) -> tuple[VisualBody, ...]:
    """Torso and sleeve in the colour of the shirt, head and hand in that of skin."""
    return tuple(_capsule_visual(part, SKIN_RGB if part == HEAD else shirt, part == ARM) for part in PARTS)


def surface_points(capsules: Float[np.ndarray, "parts 7"]) -> Float[np.ndarray, "points 3"]:
    """Points spread over the surfaces, 5 cm apart or less."""
    angles = np.linspace(0.0, 2 * math.pi, 24, endpoint=False)
    rises = np.linspace(-math.pi / 2, math.pi / 2, 9)
    ball = np.array(
        [(math.cos(r) * math.cos(a), math.cos(r) * math.sin(a), math.sin(r)) for r in rises for a in angles]
    )
    found = []
    for capsule in capsules:
        num = max(2, math.ceil(float(np.linalg.norm(capsule[3:6] - capsule[:3])) / 0.05))
        for share in np.linspace(0.0, 1.0, num):
            found.append(capsule[:3] + share * (capsule[3:6] - capsule[:3]) + capsule[6] * ball)
    return np.concatenate(found)


def _there_and_back(time_s: float, period_s: float) -> float:
    """0 at the start, 1 after half the period, 0 after all of it, and so on; at rest at both ends."""
    return 0.5 - 0.5 * math.cos(2 * math.pi * max(0.0, time_s) / period_s)


def _smooth(u: float) -> float:
    u = min(max(u, 0.0), 1.0)
    return u * u * (3 - 2 * u)


def _upright(x: float, y: float, z: float) -> Float[np.ndarray, "4 4"]:
    pose = np.eye(4)
    pose[:3, 3] = (x, y, z)
    return pose


def _pointing(along: Float[np.ndarray, "3"], position: Float[np.ndarray, "3"]) -> Float[np.ndarray, "4 4"]:
    """A pose whose z points that way."""
    side = np.cross(along, (0.0, 0.0, 1.0) if abs(along[2]) < 0.9 else (1.0, 0.0, 0.0))
    side /= np.linalg.norm(side)
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2] = side, np.cross(along, side), along
    pose[:3, 3] = position
    return pose


def _capsule_visual(part: str, color: tuple[float, float, float], has_hand: bool) -> VisualBody:
    """A closed mesh around the z axis."""
    radius, half = RADIUS_M[part], LENGTH_M[part] / 2
    steps = np.linspace(0.0, math.pi / 2, RINGS + 1)
    lower = [(radius * math.sin(a), -half - radius * math.cos(a)) for a in steps]
    middle = [(radius, half * (2 * HAND_SHARE - 1))] if has_hand else []
    upper = [(radius * math.cos(a), half + radius * math.sin(a)) for a in steps]
    profile = np.array([*lower, *middle, *upper])
    angles = np.arange(SEGMENTS) * 2 * math.pi / SEGMENTS
    ring = np.column_stack([np.cos(angles), np.sin(angles)])
    vertices = np.concatenate([np.column_stack([r * ring, np.full(SEGMENTS, z)]) for r, z in profile])
    triangles = []
    for row in range(len(profile) - 1):
        for k in range(SEGMENTS):
            a, b = row * SEGMENTS + k, row * SEGMENTS + (k + 1) % SEGMENTS
            triangles += [(a, b, b + SEGMENTS), (a, b + SEGMENTS, a + SEGMENTS)]
    triangles = np.array(triangles, dtype=np.uint32)
    colors = np.tile(np.asarray(color, dtype=np.float32), (len(triangles), 1))
    if has_hand:
        is_hand = vertices[triangles, 2].mean(axis=1) > half * (2 * HAND_SHARE - 1)
        colors[is_hand] = SKIN_RGB
    return VisualBody(part, vertices.astype(np.float32), triangles, colors)


def part_poses(body: PersonBody) -> Mapping[str, Float[np.ndarray, "4 4"]]:
    """Poses of the drawn parts, now."""
    return body.person.poses(body.time_s)
