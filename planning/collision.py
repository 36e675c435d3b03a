"""How near a moving robot comes to the table, to objects and to itself.

In:  arm positions and finger openings at many moments, solids that stand still, what the hand carries.
Out: Clearance values: for each part of the robot and each owner of solids the smallest signed distance and when.
Lower bounds from boxes (numpy, all moments at once) leave few pairs; coal then measures those exactly, nearest first.
"""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# (numpy's stubs leave the type of a matrix product open.)

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from .moving_bodies import Moving, carried_bodies, make_shape, shape_of
from .object_solids import Solid
from .robot_model import RobotModel
from .solid_groups import SolidGroups, make_groups
from .types import TABLE

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
    def groups(self) -> SolidGroups:
        """The solids by owner."""
        return make_groups(self.solids)

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
        self._half = np.stack([body.half_m for body in model.bodies])
        self._radius = np.array([body.radius_m for body in model.bodies])
        self.shapes: list[Any] = [make_shape(tuple(b.half_m.tolist()), b.radius_m, False) for b in model.bodies]
        self.depth = [self._depth_of(body.link) for body in model.bodies]
        self.parts = [self._part_of(body.link) for body in model.bodies]
        self.self_pairs = self._list_self_pairs()
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
        poses, tools = self.model.body_poses(positions_rad, gripper_width_m)
        moving = Moving(poses, self._half, self._radius, self.shapes, self.parts)
        held = carried_bodies(tools, room.carried, HELD)
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
        moving = Moving(T_world_tool @ in_tool, hand.half, hand.radius, hand.shapes, hand.parts)
        held = carried_bodies(T_world_tool[None], room.carried, HELD)
        found = self._to_table(moving, held, room)
        for group in (moving, held) if room.carried else (moving,):
            found += self._to_solids(group, room.groups, near_m)
        return found

    def _make_hand(self) -> tuple[Moving, Float[np.ndarray, "bodies 3"]]:
        """Hand and fingers in the tool frame at closed fingers, and how each moves for a metre of opening."""
        rows = np.array([i for i, part in enumerate(self.parts) if part in (HAND, FINGER)])
        rest = np.array(self.model.description.look_rad)
        max_width_m = self.model.description.gripper.max_width_m
        poses, tools = self.model.body_poses(np.stack([rest, rest]), np.array([0.0, max_width_m]))
        in_tool = np.linalg.inv(tools) @ poses[rows]
        opening = (in_tool[:, 1, :3, 3] - in_tool[:, 0, :3, 3]) / max_width_m
        shapes, parts = [self.shapes[int(i)] for i in rows], [self.parts[int(i)] for i in rows]
        return Moving(in_tool[:, :1], self._half[rows], self._radius[rows], shapes, parts), opening

    def _to_table(self, moving: Moving, held: Moving, room: Room) -> list[Clearance]:
        """Exact: the lowest point of each body."""
        if room.table_m is None:
            return []
        lowest = moving.lowest_m() - room.table_m
        parts = np.array(moving.parts)
        found = [_smallest(part, TABLE, lowest[parts == part]) for part in _names(moving)]
        return found + ([_smallest(HELD, TABLE, held.lowest_m() - room.table_m)] if held.shapes else [])

    def _to_self(self, moving: Moving, held: Moving, near_m: float) -> list[Clearance]:
        """Links that are not neighbours, and the carried object against the links before the wrist."""
        num = len(moving.shapes)
        everything = moving.joined(held) if held.shapes else moving
        first, second = self.self_pairs
        if held.shapes:
            links = np.array([i for i, depth in enumerate(self.depth) if depth <= 5])
            first = np.concatenate([first, np.repeat(links, len(held.shapes))])
            second = np.concatenate([second, np.tile(np.arange(len(held.shapes)) + num, len(links))])
        pairs, samples = everything.near_pairs(first, second, near_m)
        found = _Nearest(ARM, SELF, near_m)
        if len(pairs) == 0:
            return [found.result()]
        bounds = everything.bounds_between(first[pairs], second[pairs], samples)
        for index in np.argsort(bounds, kind="stable").tolist():
            if not found.wants(float(bounds[index])):
                break
            a, b, sample = int(first[pairs[index]]), int(second[pairs[index]]), int(samples[index])
            found.offer(everything.measure(a, sample, everything.poses[b, sample], everything.shapes[b]), sample)
        return [found.result()]

    def _to_solids(self, moving: Moving, groups: SolidGroups, near_m: float) -> list[Clearance]:
        """Owner by owner and part by part: balls leave few pairs, boxes fewer, and those are measured nearest first."""
        parts = _names(moving)
        found = [_Nearest(part, owner, near_m) for owner in groups.owners for part in parts]
        if not found:
            return []
        part_rows = np.array([parts.index(part) if part in parts else -1 for part in moving.parts])
        bodies, samples, owners = moving.near_balls(*groups.balls, near_m)
        moves = np.nonzero(part_rows[bodies] >= 0)[0]
        bodies, samples, owners = bodies[moves], samples[moves], owners[moves]
        rows, solids = groups.spread(owners)
        bodies, samples, owners = bodies[rows], samples[rows], owners[rows]
        apart = moving.centers_world[bodies, samples] - groups.T_world_solids[solids, :3, 3]
        within = (near_m + moving.reach_m[bodies] + groups.reach_m[solids]) ** 2
        keep = np.nonzero((apart * apart).sum(axis=1) < within)[0]
        bodies, samples, owners, solids = bodies[keep], samples[keep], owners[keep], solids[keep]
        bounds = moving.bounds_to(bodies, samples, groups.T_world_solids[solids], groups.half[solids])
        which = owners * len(parts) + part_rows[bodies]
        order = np.lexsort((bounds, which))
        order = order[bounds[order] < near_m]
        starts = np.searchsorted(which[order], np.arange(len(found) + 1))
        for nearest, begin, end in zip(found, starts[:-1], starts[1:], strict=True):
            for index in order[begin:end]:
                if not nearest.wants(float(bounds[index])):
                    break
                sample, solid = int(samples[index]), int(solids[index])
                shape = shape_of(groups.solids[solid])
                nearest.offer(moving.measure(int(bodies[index]), sample, groups.T_world_solids[solid], shape), sample)
        return [nearest.result() for nearest in found]

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


def _smallest(part: str, owner: str, distances: Float[np.ndarray, "bodies samples"]) -> Clearance:
    sample = int(np.argmin(distances.min(axis=0)))
    return Clearance(part, owner, float(distances[:, sample].min()), sample)


def _names(moving: Moving) -> list[str]:
    """The parts that can reach something, each once."""
    return [part for part in dict.fromkeys(moving.parts) if part != BASE]
