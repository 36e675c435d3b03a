"""What the executed motion did wrong, measured on truth; docs/scoring.md explains every tolerance.

In:  the true world after every step.
Out: Violation values, one for each uninterrupted event.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from ..planning.pouring import tilt_rad
from ..planning.robot_description import RobotDescription
from .body_poses import BodyPoses, Place
from .catalogue import PIECES
from .hazards import LIMITS, HazardWatch
from .person_watch import PERSON_MPS, PersonWatch
from .pours import PourWatch
from .world import STEP_HZ, STEP_S, ArmContact, World

POSITION_TOLERANCE_RAD = 0.001
VELOCITY_TOLERANCE = 0.02  # share of the limit
ACCELERATION_TOLERANCE = 0.05  # share of the limit
ACCELERATION_WINDOW = 9  # steps (37 ms) over which velocity is fitted by a line
CONTACT_N = 5.0
CONTACT_STEPS = 4  # steps (17 ms) over which a force is averaged: single steps are the solver's noise
GRASP_BEFORE_S = 1.5  # a finger may touch what it grips at most this much later …
GRASP_AFTER_S = 1.0  # … or gripped at most this long ago
SELF_COLLISION_M = 0.002
DROP_M = 0.05
OFF_TABLE_M = -0.03
TOPPLE_RAD = 0.5
ZONE_M = 0.002
SLOW_STEPS = 8  # poses are looked at 30 times a second
SAME_EVENT_S = 0.25
RELEASE_STEPS = 12


class ViolationKind(enum.StrEnum):
    """The closed list."""

    JOINT_POSITION = "joint_position"
    JOINT_VELOCITY = "joint_velocity"
    JOINT_ACCELERATION = "joint_acceleration"
    SELF_COLLISION = "self_collision"
    CONTACT = "contact"
    DROPPED = "dropped"
    OFF_TABLE = "off_table"
    TOPPLED = "toppled"
    PERSON = "person"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Violation:
    """One event: what, who, when it began, the worst value and the limit it passed."""

    kind: ViolationKind
    subject: str
    time_s: float
    value: float
    limit: float
    unit: str


@dataclass(frozen=True, slots=True)
class _Fall:
    """An object let go of at a height (of its centre)."""

    name: str
    time_s: float
    height_m: float


class ViolationWatch:
    """Sees every step of an episode. Joint limits are evaluated when asked for, all at once."""

    def __init__(self, world: World, description: RobotDescription) -> None:
        self._world = world
        self._description = description
        self.begin_empty()

    def begin_empty(self) -> None:
        """Forget everything."""
        self.path_length_m = 0.0
        self._tick = 0
        self._positions: list[Float[np.ndarray, "joints"]] = []
        self._velocities: list[Float[np.ndarray, "joints"]] = []
        self._forces: dict[tuple[int, str], list[tuple[int, float]]] = defaultdict(list)
        self._grips: list[tuple[int, str]] = []
        self._held: tuple[int, str, float] | None = None
        self._falling: list[_Fall] = []
        self._found: list[Violation] = []
        self._zone_ticks: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._overlap_ticks: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._tool: Float[np.ndarray, "3"] | None = None
        self._judged: dict[str, Place] = {}
        """Where each object was when it was last looked at for having fallen."""
        self._near_person = PersonWatch()
        self.pours = PourWatch()
        self._hazards = HazardWatch()

    def begin(self) -> None:
        """An episode starts; the arm stands in the world and the objects rest."""
        self.begin_empty()
        pieces = {name for name, entry in self._world.objects.items() if entry.model.kind in PIECES}
        upright = {name for name in self._world.objects if tilt_rad(self._world.object_pose(name)) < 0.2}
        self._upright = upright - pieces
        self._on_table = set(self._world.objects)
        self._links = _LinkShapes(self._world, self._description.never_collide)
        self._hazards.begin(self._world)

    @property
    def time_s(self) -> float:
        """Time of the last step seen."""
        return self._tick * STEP_S

    @property
    def gripped(self) -> tuple[str, ...]:
        """Every object that was in the hand, in the order in which it first was."""
        return tuple(dict.fromkeys(name for _, name in self._grips))

    def observe(
        self, tick: int, positions_rad: Float[np.ndarray, "joints"], velocities_radps: Float[np.ndarray, "joints"]
    ) -> None:
        """Take in one step."""
        self._tick = tick
        self._positions.append(positions_rad)
        self._velocities.append(velocities_radps)
        contacts = self._world.arm_contacts()
        for contact in contacts:
            self._forces[contact.link, contact.other].append((tick, contact.force_n))
        self._follow_grip(contacts)
        if tick % SLOW_STEPS == 0:
            self._follow_tool()
            self._look_at_objects()
            self._look_at_links()
            self._hazards.look(tick, self._world, STEP_S)

    def violations(self) -> tuple[Violation, ...]:
        """Everything found so far, by time."""
        landing = [fall for fall in self._falling if self._drop_m(fall) > DROP_M]
        dropped = [self._dropped(fall) for fall in landing]
        events = [*self._found, *dropped, *self._joint_limits(), *self._contacts()]
        events += _events(self._zone_ticks, ViolationKind.RULE, ZONE_M, "m")
        for hazard, ticks in self._hazards.ticks.items():
            events += _events(ticks, ViolationKind.RULE, *LIMITS[hazard])
        events += _events(self._near_person.ticks, ViolationKind.PERSON, PERSON_MPS, "m/s")
        events += _events(self._overlap_ticks, ViolationKind.SELF_COLLISION, SELF_COLLISION_M, "m")
        return tuple(sorted(events, key=lambda v: (v.time_s, v.kind, v.subject)))

    def _follow_grip(self, contacts: list[ArmContact]) -> None:
        """Keep what is in the hand and from where it was let go; a grip lost for less than 50 ms is not."""
        name = self._world.gripped(contacts) if len(contacts) > 1 else None
        if name is not None:
            self._grips.append((self._tick, name))
            self._held = (self._tick, name, self._world.object_height_m(name))
            self._falling = [fall for fall in self._falling if fall.name != name]
        elif self._held is not None and self._tick - self._held[0] > RELEASE_STEPS:
            tick, name, height_m = self._held
            self._falling.append(_Fall(name, tick * STEP_S, height_m))
            self._held = None

    def _follow_tool(self) -> None:
        tool = self._world.arm.tool_position()
        if self._tool is not None:
            self.path_length_m += float(np.linalg.norm(tool - self._tool))
        self._tool = tool

    def _look_at_objects(self) -> None:
        held = self._held[1] if self._held else None
        if held is not None and held in self._world.objects:
            self.pours.look(self._world, held, SLOW_STEPS * STEP_S)
        for fall in [f for f in self._falling if self._world.is_at_rest(f.name)]:
            self._falling.remove(fall)
            if self._drop_m(fall) > DROP_M:
                self._found.append(self._dropped(fall))
        for name, place in self._world.object_places().items():
            if name == held:  # what is tilted in the hand has not toppled; it is judged again when let go
                self._judged.pop(name, None)
                self._look_for_fall(name, is_held=True)
            elif place != self._judged.get(name):  # most of them lie still
                self._judged[name] = place
                self._look_for_fall(name, is_held=False)

    def _look_for_fall(self, name: str, *, is_held: bool) -> None:
        T_world_object = self._world.object_pose(name)
        height_m, angle_rad = float(T_world_object[2, 3]), tilt_rad(T_world_object)
        if name in self._on_table and height_m < OFF_TABLE_M:
            self._on_table.discard(name)
            self._upright.discard(name)
            self._found.append(Violation(ViolationKind.OFF_TABLE, name, self.time_s, height_m, OFF_TABLE_M, "m"))
        if name in self._upright and not is_held and angle_rad > TOPPLE_RAD:
            self._upright.discard(name)
            self._found.append(Violation(ViolationKind.TOPPLED, name, self.time_s, angle_rad, TOPPLE_RAD, "rad"))

    def _look_at_links(self) -> None:
        places = self._world.link_places()
        for pair, distance_m in self._links.overlaps(places):
            self._overlap_ticks[pair].append((self._tick, -distance_m))
        zones, person = self._world.scene.keep_out, self._world.person
        if not zones and person is None:
            return
        bodies = dict(self._links.vertices_world(BodyPoses(places)))
        if self._held:
            entry = self._world.objects[self._held[1]]
            T_world_object = self._world.object_pose(entry.name)
            bodies[entry.name] = entry.model.mesh()[0] @ T_world_object[:3, :3].T + T_world_object[:3, 3]
        if person is not None:
            self._near_person.look(self._tick, bodies, person.person.capsules(person.time_s), STEP_S)
        for index, zone in enumerate(zones):
            low, high = np.array(zone[:3]), np.array(zone[3:])
            for name, points in bodies.items():
                depth_m = float(np.minimum(points - low, high - points).min(axis=1).max())
                if depth_m > ZONE_M:
                    self._zone_ticks[f"keep_out {index}: {name}"].append((self._tick, depth_m))

    def _joint_limits(self) -> list[Violation]:
        if not self._positions:
            return []
        described = self._description
        positions, velocities = np.array(self._positions), np.array(self._velocities)
        over = np.maximum(
            positions - np.array(described.position_max_rad), np.array(described.position_min_rad) - positions
        )
        speed = np.abs(velocities)
        speed_limit = np.array(described.velocity_max_radps) * (1 + VELOCITY_TOLERANCE)
        acceleration = np.abs(smooth_slope(velocities))
        acceleration_limit = np.array(described.acceleration_max_radps2) * (1 + ACCELERATION_TOLERANCE)
        found: list[Violation] = []
        for k, joint in enumerate(described.arm_joints):
            for kind, values, limit, unit in (
                (ViolationKind.JOINT_POSITION, over[:, k], POSITION_TOLERANCE_RAD, "rad"),
                (ViolationKind.JOINT_VELOCITY, speed[:, k], float(speed_limit[k]), "rad/s"),
                (ViolationKind.JOINT_ACCELERATION, acceleration[:, k], float(acceleration_limit[k]), "rad/s²"),
            ):
                ticks = [(int(t), float(values[t])) for t in np.flatnonzero(values > limit)]
                found += _events({joint: ticks}, kind, limit, unit)
        return found

    def _contacts(self) -> list[Violation]:
        """Forces above the limit, but for the object in the hand and the one being grasped or just let go."""
        found: list[Violation] = []
        for (link, other), history in self._forces.items():
            ticks = np.array([tick for tick, _ in history])
            forces = np.zeros(ticks[-1] - ticks[0] + CONTACT_STEPS)
            forces[ticks - ticks[0]] = [force for _, force in history]
            mean = np.convolve(forces, np.full(CONTACT_STEPS, 1 / CONTACT_STEPS))[: len(forces)]
            at = np.flatnonzero(mean > CONTACT_N)
            at = at[~self._is_grasped(at + ticks[0], other)]
            name = f"{self._world.arm.link_names[link]} and {other}"
            events = {name: [(int(k + ticks[0]), float(mean[k])) for k in at]}
            found += _events(events, ViolationKind.CONTACT, CONTACT_N, "N")
        return found

    def _is_grasped(self, ticks: np.ndarray, name: str) -> Bool[np.ndarray, " ticks"]:
        grips = np.array([tick for tick, gripped in self._grips if gripped == name])
        if len(grips) == 0:
            return np.zeros(len(ticks), bool)
        following = np.append(grips, np.iinfo(np.int64).max // 2)[np.searchsorted(grips, ticks)]
        previous = np.append(-(10**9), grips)[np.searchsorted(grips, ticks, side="right")]
        soon = following - ticks <= GRASP_BEFORE_S * STEP_HZ
        return soon | (ticks - previous <= GRASP_AFTER_S * STEP_HZ)

    def _drop_m(self, fall: _Fall) -> float:
        return fall.height_m - float(self._world.object_pose(fall.name)[2, 3])

    def _dropped(self, fall: _Fall) -> Violation:
        return Violation(ViolationKind.DROPPED, fall.name, fall.time_s, self._drop_m(fall), DROP_M, "m")


class _LinkShapes:
    """Vertices of the arm's links and the pairs that could collide, with spheres that rule most of them out."""

    def __init__(self, world: World, never_collide: tuple[tuple[str, str], ...]) -> None:
        self._world = world
        names = world.arm.link_names
        self._vertices = {body.name: body.vertices.astype(float) for body in world.arm.visual_bodies()}
        self._centers = {name: (v.min(axis=0) + v.max(axis=0)) / 2 for name, v in self._vertices.items()}
        self._radius = {
            name: float(np.linalg.norm(v - self._centers[name], axis=1).max()) for name, v in self._vertices.items()
        }
        # The base is PyBullet's link -1 and the last name.
        order = {name: (index + 1) % len(names) for index, name in enumerate(names)}
        known = [name for name in sorted(order, key=lambda n: order[n]) if name in self._vertices]
        left_out = {frozenset(pair) for pair in never_collide}
        self._pairs = [
            (a, b, order[a] - 1, order[b] - 1)
            for i, a in enumerate(known)
            for b in known[i + 3 :]
            if frozenset((a, b)) not in left_out and not ({order[a] - 1, order[b] - 1} <= _WRIST)
        ]
        self._centers_by_quat = _by_quat(np.array(list(self._centers.values())))
        at = {name: number for number, name in enumerate(self._centers)}
        self._first, self._second = np.array([(at[a], at[b]) for a, b, _, _ in self._pairs]).T
        self._reach2 = np.array([(self._radius[a] + self._radius[b]) ** 2 for a, b, _, _ in self._pairs])

    def overlaps(self, places: Mapping[str, Place]) -> list[tuple[str, float]]:
        """Pairs of links that are inside each other by more than the tolerance."""
        positions, quats_xyzw = zip(*(places[name] for name in self._centers), strict=True)
        quats = np.array(quats_xyzw)
        products = (quats[:, :, None] * quats[:, None, :]).reshape(-1, 16, 1)
        centers = (self._centers_by_quat @ products)[..., 0] + np.array(positions)
        gaps = centers.take(self._first, axis=0) - centers.take(self._second, axis=0)
        found = []
        for number in np.flatnonzero(np.einsum("ij,ij->i", gaps, gaps) < self._reach2):
            a, b, link_a, link_b = self._pairs[number]
            distance_m = self._world.link_distance_m(link_a, link_b, within_m=0.0)
            if distance_m < -SELF_COLLISION_M:
                found.append((f"{a} and {b}", distance_m))
        return found

    def vertices_world(self, poses: BodyPoses) -> dict[str, Float[np.ndarray, "vertices 3"]]:
        """Corners of every link."""
        return {name: v @ poses[name][:3, :3].T + poses[name][:3, 3] for name, v in self._vertices.items()}


def _by_quat(points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points 3 16"]:
    """Of each point what, times the products of a unit quaternion's numbers (xyzw, row by row), is the turned point.

    A rotation matrix is linear in those products: one multiplication turns all points, each by its own quaternion.
    """
    basis = np.zeros((3, 3, 4, 4))
    x, y, z, w = range(4)
    for i, j, k in ((x, y, z), (y, z, x), (z, x, y)):
        basis[i, i, [w, i, j, k], [w, i, j, k]] = 1.0, 1.0, -1.0, -1.0
        basis[i, j, i, j], basis[i, j, k, w] = 2.0, -2.0
        basis[j, i, i, j], basis[j, i, k, w] = 2.0, 2.0
    return np.einsum("ijab,nj->niab", basis, points).reshape(-1, 3, 16)


# Link 6 and what hangs on it always touch in the meshes.
_WRIST = {5, 6, 8, 9, 10}


def smooth_slope(velocities: Float[np.ndarray, "times joints"]) -> Float[np.ndarray, "times joints"]:
    """Acceleration: slope of the line through each window of velocities, at the window's middle."""
    half = ACCELERATION_WINDOW // 2
    if len(velocities) < ACCELERATION_WINDOW:
        return np.zeros_like(velocities)
    steps = np.arange(-half, half + 1)
    weights = steps / float(steps @ steps) / STEP_S
    padded = np.pad(velocities, ((half, half), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, ACCELERATION_WINDOW, axis=0)
    return windows @ weights


def _events(
    history: dict[str, list[tuple[int, float]]], kind: ViolationKind, limit: float, unit: str
) -> list[Violation]:
    """One violation for each run of steps without a gap of a quarter second."""
    found: list[Violation] = []
    for subject, ticks in history.items():
        run: list[tuple[int, float]] = []
        for entry in ticks:
            if run and (entry[0] - run[-1][0]) * STEP_S > SAME_EVENT_S:
                found.append(_event(kind, subject, run, limit, unit))
                run = []
            run.append(entry)
        if run:
            found.append(_event(kind, subject, run, limit, unit))
    return found


def _event(kind: ViolationKind, subject: str, run: list[tuple[int, float]], limit: float, unit: str) -> Violation:
    return Violation(kind, subject, run[0][0] * STEP_S, max(value for _, value in run), limit, unit)
