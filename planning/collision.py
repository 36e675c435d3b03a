"""How near a moving robot comes to the table, to objects and to itself.

In:  arm positions and finger openings at many moments, solids that stand still, what the hand carries.
Out: Clearance values: for each part of the robot and each owner of solids the smallest signed distance and when.
Lower bounds from boxes (numpy, all moments at once) leave few pairs; coal then measures those exactly, nearest first.
"""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# (numpy's stubs leave the type of a matrix product open.)

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import coal as untyped_coal  # pyright: ignore[reportMissingImports]
import numpy as np
from jaxtyping import Float, Int

from .object_solids import Solid
from .robot_model import RobotModel
from .types import TABLE

coal: Any = untyped_coal

SELF = "self"
# BASE, the links up to the first joint, cannot reach anything and is checked against the robot itself only.
BASE, ARM, HAND, FINGER, HELD = "base", "arm", "hand", "finger", "held"
_DEEP_M = -0.03  # deeper than this nobody needs to know how deep


@dataclass(frozen=True, slots=True)
class Clearance:
    """Smallest distance between a part (arm, hand, finger, held) and an owner (object id, table, self).

    Exact when below the query's `near_m`; otherwise the true distance is at least `distance_m`.
    """

    part: str
    owner: str
    distance_m: float
    index: int


@dataclass(frozen=True, slots=True)
class SolidGroup:
    """All solids of one owner, made ready for measuring; `center` and `radius_m` are of a ball around them."""

    owner: str
    T_world_solids: Float[np.ndarray, "solids 4 4"]
    half: Float[np.ndarray, "solids 3"]
    shapes: tuple[Any, ...]
    center: Float[np.ndarray, "3"]
    radius_m: float


# Without slots: `groups` is kept after the first use.
@dataclass(frozen=True)
class Room:
    """What stands around the robot, and what it carries (solids in the tool frame).

    `required_m` is the least distance allowed by (part, owner); (part, "*") and ("*", owner) serve as defaults.
    Negative values allow touching. `rough` are the same objects in fewer, larger solids, for searching.
    """

    solids: tuple[Solid, ...] = ()
    table_m: float | None = 0.0
    carried: tuple[Solid, ...] = ()
    required_m: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    rough: tuple[Solid, ...] = ()

    @functools.cached_property
    def groups(self) -> tuple[SolidGroup, ...]:
        """The solids by owner."""
        return tuple(
            _make_group(owner, [solid for solid in self.solids if solid.owner == owner])
            for owner in dict.fromkeys(solid.owner for solid in self.solids)
        )

    def required(self, part: str, owner: str) -> float:
        """Least allowed distance for the pair."""
        for key in ((part, owner), ("*", owner), (part, "*"), ("*", "*")):
            if key in self.required_m:
                return self.required_m[key]
        return 0.0


class CollisionModel:
    """Measures clearances of one robot. Deterministic, keeps nothing between calls."""

    def __init__(self, model: RobotModel) -> None:
        self.model = model
        self._link_row = np.array([model.links.index(body.link) for body in model.bodies])
        self._T_link_body = np.stack([body.T_link_body for body in model.bodies])
        self._half = np.stack([body.half_m for body in model.bodies])
        self._radius = np.array([body.radius_m for body in model.bodies])
        self.shapes: list[Any] = [make_shape(b.half_m, b.radius_m, is_cylinder=False) for b in model.bodies]
        self.depth = [self._depth_of(body.link) for body in model.bodies]
        self.parts = [self._part_of(body.link) for body in model.bodies]
        self.self_pairs = self._list_self_pairs()
        self._tool_row = model.links.index(model.description.tool_frame)
        self._request: Any = coal.DistanceRequest()
        self._hand, self._opening = self._make_hand()

    def scan(
        self,
        positions_rad: Float[np.ndarray, "samples joints"],
        gripper_width_m: Float[np.ndarray, "samples"],
        room: Room,
        *,
        near_m: float = 0.02,
    ) -> list[Clearance]:
        """Smallest distance for every pair of part and owner over all samples."""
        links = self.model.link_poses(positions_rad, gripper_width_m)
        poses = links[self._link_row] @ self._T_link_body[:, None]
        moving = _Moving(poses, self._half, self._radius, self.shapes, self.parts)
        held = _carried(links[self._tool_row], room.carried)
        found = self._to_table(moving, held, room)
        found += self._to_self(moving, held, near_m)
        for group in (moving, held) if room.carried else (moving,):
            found += self._to_solids(group, room.groups, near_m)
        return found

    def gripper_clearances(
        self, T_world_tool: Float[np.ndarray, "4 4"], gripper_width_m: float, room: Room, *, near_m: float = 0.02
    ) -> list[Clearance]:
        """Clearances of hand, fingers and what they carry at one tool pose: a quick look without the arm."""
        hand = self._hand
        in_tool = hand.poses.copy()
        in_tool[:, 0, :3, 3] += self._opening * gripper_width_m
        moving = _Moving(T_world_tool @ in_tool, hand.half, hand.radius, hand.shapes, hand.parts)
        held = _carried(T_world_tool[None], room.carried)
        found = self._to_table(moving, held, room)
        for group in (moving, held) if room.carried else (moving,):
            found += self._to_solids(group, room.groups, near_m)
        return found

    def _make_hand(self) -> tuple[_Moving, Float[np.ndarray, "bodies 3"]]:
        """Hand and fingers in the tool frame at closed fingers, and how each moves for a metre of opening."""
        rows = np.array([i for i, part in enumerate(self.parts) if part in (HAND, FINGER)])
        rest = np.array(self.model.description.look_rad)
        max_width_m = self.model.description.gripper.max_width_m
        links = self.model.link_poses(np.stack([rest, rest]), np.array([0.0, max_width_m]))
        in_tool = np.linalg.inv(links[self._tool_row]) @ (
            links[self._link_row[rows]] @ self._T_link_body[rows][:, None]
        )
        opening = (in_tool[:, 1, :3, 3] - in_tool[:, 0, :3, 3]) / max_width_m
        shapes, parts = [self.shapes[int(i)] for i in rows], [self.parts[int(i)] for i in rows]
        return _Moving(in_tool[:, :1], self._half[rows], self._radius[rows], shapes, parts), opening

    def _to_table(self, moving: _Moving, held: _Moving, room: Room) -> list[Clearance]:
        """Exact: the lowest point of each body."""
        if room.table_m is None:
            return []
        lowest = moving.lowest_m() - room.table_m
        parts = np.array(moving.parts)
        found = [_smallest(part, TABLE, lowest[parts == part]) for part in _names(moving)]
        return found + ([_smallest(HELD, TABLE, held.lowest_m() - room.table_m)] if held.shapes else [])

    def _to_self(self, moving: _Moving, held: _Moving, near_m: float) -> list[Clearance]:
        """Links that are not neighbours, and the carried object against the links before the wrist."""
        num = len(moving.shapes)
        everything = moving.joined(held) if held.shapes else moving
        first, second = self.self_pairs
        if held.shapes:
            links = np.array([i for i, depth in enumerate(self.depth) if depth <= 5])
            first = np.concatenate([first, np.repeat(links, len(held.shapes))])
            second = np.concatenate([second, np.tile(np.arange(len(held.shapes)) + num, len(links))])
        centers = everything.poses[:, :, :3, 3]
        reach = np.linalg.norm(everything.half, axis=1) + everything.radius
        apart = np.linalg.norm(centers[first] - centers[second], axis=2) - (reach[first] + reach[second])[:, None]
        pairs, samples = np.nonzero(apart < near_m)
        found = _Nearest(ARM, SELF, near_m)
        if len(pairs) == 0:
            return [found.result()]
        bounds = _bounds_between(everything, first[pairs], second[pairs], samples)
        for index, _ in _in_order(bounds[:, None], near_m):
            if not found.wants(bounds[index]):
                break
            a, b, sample = int(first[pairs[index]]), int(second[pairs[index]]), int(samples[index])
            found.offer(self._measure(everything, a, everything.poses[b, sample], everything.shapes[b], sample), sample)
        return [found.result()]

    def _to_solids(self, moving: _Moving, groups: Sequence[SolidGroup], near_m: float) -> list[Clearance]:
        """Part by part and owner by owner."""
        results: list[Clearance] = []
        parts = np.array(moving.parts)
        reach = np.linalg.norm(moving.half, axis=1) + moving.radius
        for group in groups:
            apart = moving.poses[:, :, :3, 3] - group.center
            within = (near_m + group.radius_m + reach[:, None]) ** 2
            is_near = (apart * apart).sum(axis=2) < within
            for part in _names(moving):
                found = _Nearest(part, group.owner, near_m)
                rows, samples = np.nonzero(is_near & (parts == part)[:, None])
                if len(rows):
                    bounds = _bounds_to_solids(moving, rows, samples, group.T_world_solids, group.half)
                    for index, s in _in_order(bounds, near_m):
                        if not found.wants(bounds[index, s]):
                            break
                        body, sample = int(rows[index]), int(samples[index])
                        found.offer(
                            self._measure(moving, body, group.T_world_solids[s], group.shapes[s], sample), sample
                        )
                results.append(found.result())
        return results

    def _measure(self, moving: _Moving, body: int, T_other: Float[np.ndarray, "4 4"], shape: Any, sample: int) -> float:
        pose = moving.poses[body, sample]
        here = coal.Transform3s(pose[:3, :3], pose[:3, 3])
        there = coal.Transform3s(T_other[:3, :3], T_other[:3, 3])
        return float(coal.distance(moving.shapes[body], here, shape, there, self._request, coal.DistanceResult()))

    def _part_of(self, link: str) -> str:
        frames = self.model.model.frames
        joint = frames[self.model.links.index(link)].parentJoint
        if self.model.model.names[joint] in self.model.description.gripper.finger_joints:
            return FINGER
        if self._depth_of(link) <= 1:
            return BASE
        # Of the links behind the last joint the first is the arm's flange, the others belong to the hand.
        tool = frames[self.model.links.index(self.model.description.tool_frame)]
        first = next(f.name for f in frames if f.parentJoint == tool.parentJoint and "BODY" in str(f.type))
        return HAND if joint == tool.parentJoint and link != first else ARM

    def _depth_of(self, link: str) -> int:
        """How many joints lie between the base and the link."""
        frame = self.model.model.frames[self.model.links.index(link)]
        depth, joint = 0, int(frame.parentJoint)
        while joint > 0:
            depth, joint = depth + 1, int(self.model.model.parents[joint])
        return depth

    def _list_self_pairs(self) -> tuple[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"]]:
        """Pairs of bodies at least three joints apart, less those that the description excludes."""
        never = {frozenset(pair) for pair in self.model.description.never_collide}
        links = [body.link for body in self.model.bodies]
        pairs = [
            (i, j)
            for i in range(len(links))
            for j in range(i + 1, len(links))
            if abs(self.depth[i] - self.depth[j]) >= 3 and frozenset((links[i], links[j])) not in never
        ]
        first, second = np.array(pairs).reshape(-1, 2).T
        return first, second


@dataclass(frozen=True, slots=True)
class _Moving:
    """Bodies at all samples: capsules (radius > 0) or boxes; cylinders are carried ones."""

    poses: Float[np.ndarray, "bodies samples 4 4"]
    half: Float[np.ndarray, "bodies 3"]
    radius: Float[np.ndarray, "bodies"]
    shapes: list[Any]
    parts: list[str]

    def lowest_m(self) -> Float[np.ndarray, "bodies samples"]:
        """Height of the lowest point; of a cylinder that of its box."""
        down = (np.abs(self.poses[:, :, 2, :3]) * self.half[:, None, :]).sum(axis=2) + self.radius[:, None]
        return self.poses[:, :, 2, 3] - down

    def joined(self, other: _Moving) -> _Moving:
        """Both lists of bodies as one."""
        return _Moving(
            np.concatenate([self.poses, other.poses]),
            np.concatenate([self.half, other.half]),
            np.concatenate([self.radius, other.radius]),
            self.shapes + other.shapes,
            self.parts + other.parts,
        )


class _Nearest:
    """Keeps the smallest distance offered, and knows when further offers cannot matter."""

    def __init__(self, part: str, owner: str, near_m: float) -> None:
        self._best = Clearance(part, owner, near_m, 0)

    def wants(self, bound_m: float) -> bool:
        return bool(self._best.distance_m > max(bound_m, _DEEP_M))

    def offer(self, distance_m: float, sample: int) -> None:
        if distance_m < self._best.distance_m:
            self._best = Clearance(self._best.part, self._best.owner, distance_m, sample)

    def result(self) -> Clearance:
        return self._best


def _make_group(owner: str, solids: Sequence[Solid]) -> SolidGroup:
    T_world_solids = np.stack([solid.T_world_solid for solid in solids])
    half = np.stack([solid.half_m for solid in solids])
    center = T_world_solids[:, :3, 3].mean(axis=0)
    radius_m = float((np.linalg.norm(T_world_solids[:, :3, 3] - center, axis=1) + np.linalg.norm(half, axis=1)).max())
    shapes = tuple(make_shape(solid.half_m, 0.0, solid.is_cylinder) for solid in solids)
    return SolidGroup(owner, T_world_solids, half, shapes, center, radius_m)


def make_shape(half_m: Float[np.ndarray, "3"], radius_m: float, is_cylinder: bool) -> Any:
    """The coal shape of a capsule (radius > 0), a cylinder or a box."""
    if radius_m > 0:
        return coal.Capsule(radius_m, 2 * float(half_m[2]))
    if is_cylinder:
        return coal.Cylinder(float(half_m[0]), 2 * float(half_m[2]))
    return coal.Box(*(2 * float(h) for h in half_m))


def _carried(T_world_tool: Float[np.ndarray, "samples 4 4"], carried: Sequence[Solid]) -> _Moving:
    if not carried:
        return _Moving(np.zeros((0, len(T_world_tool), 4, 4)), np.zeros((0, 3)), np.zeros(0), [], [])
    poses = T_world_tool[None] @ np.stack([solid.T_world_solid for solid in carried])[:, None]
    shapes = [make_shape(solid.half_m, 0.0, solid.is_cylinder) for solid in carried]
    half = np.stack([solid.half_m for solid in carried])
    return _Moving(poses, half, np.zeros(len(carried)), shapes, [HELD] * len(carried))


def _bounds_to_solids(
    moving: _Moving,
    body_rows: Int[np.ndarray, "near"],
    samples: Int[np.ndarray, "near"],
    T_world_solids: Float[np.ndarray, "solids 4 4"],
    half: Float[np.ndarray, "solids 3"],
) -> Float[np.ndarray, "near solids"]:
    """Lower bound of the distance: between the solid's box and the body's box in the solid's frame."""
    poses = moving.poses[body_rows, samples]
    R_world_other = T_world_solids[:, :3, :3]
    between = np.einsum("ski,nsk->nsi", R_world_other, poses[:, None, :3, 3] - T_world_solids[None, :, :3, 3])
    turned = np.abs(np.einsum("ski,nkj->nsij", R_world_other, poses[:, :3, :3]))
    extent = np.einsum("nsij,nj->nsi", turned, moving.half[body_rows]) + moving.radius[body_rows, None, None]
    return _gap(np.abs(between) - extent - half[None])


def _bounds_between(
    moving: _Moving,
    first: Int[np.ndarray, "near"],
    second: Int[np.ndarray, "near"],
    samples: Int[np.ndarray, "near"],
) -> Float[np.ndarray, "near"]:
    """The same for pairs of moving bodies, in the second one's frame."""
    mine, other = moving.poses[first, samples], moving.poses[second, samples]
    R_world_other = other[:, :3, :3]
    between = np.einsum("nki,nk->ni", R_world_other, mine[:, :3, 3] - other[:, :3, 3])
    turned = np.abs(np.matmul(R_world_other.transpose(0, 2, 1), mine[:, :3, :3]))
    extent = np.einsum("nij,nj->ni", turned, moving.half[first]) + moving.radius[first, None]
    return _gap(np.abs(between) - extent - moving.half[second] - moving.radius[second, None])


def _gap(gaps: Float[np.ndarray, "*any 3"]) -> Float[np.ndarray, "*any"]:
    """Distance between two boxes along the same axes; minus infinity where they overlap."""
    x, y, z = (np.maximum(gaps[..., i], 0.0) for i in range(3))
    apart = np.sqrt(x * x + y * y + z * z)
    return np.where(apart > 0, apart, -np.inf)


def _in_order(bounds: Float[np.ndarray, "a b"], near_m: float) -> Iterator[tuple[int, int]]:
    """Indices of bounds below `near_m`, smallest first; equal ones in their own order."""
    rows, columns = np.nonzero(bounds < near_m)
    order = np.argsort(bounds[rows, columns], kind="stable")
    return ((int(rows[i]), int(columns[i])) for i in order)


def _smallest(part: str, owner: str, distances: Float[np.ndarray, "bodies samples"]) -> Clearance:
    sample = int(np.argmin(distances.min(axis=0)))
    return Clearance(part, owner, float(distances[:, sample].min()), sample)


def _names(moving: _Moving) -> list[str]:
    """The parts that can reach something, each once."""
    return [part for part in dict.fromkeys(moving.parts) if part != BASE]
