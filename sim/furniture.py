"""Furniture of a cell: models by kind, placed in the world, and their bodies in PyBullet.

In:  kind, name, place and colour as a scene file states them.
Out: Fixtures (perception/types.py), as the robot declares them; FurnitureBody, which moves as physics lets it.
A drawer slides on a rail with dry friction and stops at both ends; nothing pulls it shut.
"""

from __future__ import annotations

import functools
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..perception.colors import PALETTE
from ..perception.types import Box, Fixture, Shape, Slide
from .bullet import pybullet
from .raycast import VisualBody

FURNITURE_KINDS = ("drawer_cabinet", "shelf")
RAIL_FRICTION_N = 2.0
DRAWER_KG = 0.5
DARK = (0.22, 0.23, 0.25)
AT_REST_MPS = 0.002

# The cabinet, in metres; x points into it, the front at -x. The drawer has a few millimetres of play all around.
DEPTH, WIDTH, HEIGHT, WALL = 0.18, 0.22, 0.105, 0.012
DRAWER_DEPTH, DRAWER_WIDTH, DRAWER_LOW, DRAWER_HIGH, SIDE_HIGH = 0.15, 0.19, 0.005, 0.088, 0.055
DRAWER_WALL, DRAWER_FLOOR, DRAWER_FRONT = 0.008, 0.006, 0.012
HANDLE_LENGTH, HANDLE_BREADTH, HANDLE_HEIGHT, TRAVEL = 0.045, 0.016, 0.030, 0.13

# The shelf: a board on two sides, open towards the robot.
SHELF_DEPTH, SHELF_WIDTH, SHELF_HEIGHT, BOARD = 0.16, 0.34, 0.18, 0.015


def make_fixtures(kind: str, name: str, color: str, x_m: float, y_m: float, yaw_rad: float) -> tuple[Fixture, ...]:
    """The rigid parts of a piece of furniture that stands on the table; at yaw 0 its front faces the robot."""
    T_world_kind = np.eye(4)
    c, s = math.cos(yaw_rad), math.sin(yaw_rad)
    T_world_kind[:2, :2] = [[c, -s], [s, c]]
    T_world_kind[:2, 3] = x_m, y_m
    if kind == "shelf":
        return (_shelf(name, color, T_world_kind),)
    if kind == "drawer_cabinet":
        return _cabinet(name, color, T_world_kind)
    raise ValueError(f"No furniture of kind '{kind}', expected one of {', '.join(FURNITURE_KINDS)}.")


def outline_corners(fixture: Fixture) -> Float[np.ndarray, "4 2"]:
    """What the fixture takes up on the table, with all that its drawer and handle pass over."""
    low, high = _bounds(fixture.boxes)
    if fixture.slide is not None:
        way = np.array(fixture.slide.axis) * fixture.slide.travel_m
        low, high = np.minimum(low, low + way), np.maximum(high, high + way)
    corners = np.array([(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])])
    return corners @ fixture.pose_world[:2, :2].T + fixture.pose_world[:2, 3]


class FurnitureBody:
    """One fixture with the drawer that slides in it, if any, as one body that stands firm."""

    def __init__(self, client: int, fixed: Fixture, drawer: Fixture | None) -> None:
        self._client = client
        self.fixed, self.drawer = fixed, drawer
        position, yaw = fixed.pose_world[:3, 3], math.atan2(fixed.pose_world[1, 0], fixed.pose_world[0, 0])
        self.body = pybullet.loadURDF(
            str(_urdf_file(_urdf(fixed, drawer))),
            basePosition=position.tolist(),
            baseOrientation=(0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2)),
            useFixedBase=True,
            physicsClientId=client,
        )
        for link in (-1, 0) if drawer is not None else (-1,):
            pybullet.changeDynamics(
                self.body,
                link,
                lateralFriction=0.8,
                spinningFriction=0.02,
                restitution=0.0,
                linearDamping=0.0,
                angularDamping=0.0,
                jointDamping=0.0,
                physicsClientId=client,
            )
        if drawer is not None:
            pybullet.setJointMotorControl2(
                self.body,
                0,
                pybullet.VELOCITY_CONTROL,
                targetVelocity=0.0,
                force=RAIL_FRICTION_N,
                physicsClientId=client,
            )

    @property
    def links(self) -> dict[str, int]:
        """PyBullet's link of each fixture."""
        return {self.fixed.name: -1} | ({} if self.drawer is None else {self.drawer.name: 0})

    @property
    def opening_m(self) -> float:
        """How far the drawer is open; 0 without one."""
        return self._joint()[0]

    def set_opening(self, opening_m: float) -> None:
        """Put the drawer there, at rest; for the start of a scene and for tests."""
        pybullet.resetJointState(self.body, 0, opening_m, 0.0, physicsClientId=self._client)

    def is_at_rest(self) -> bool:
        """Whether the drawer stands still."""
        return abs(self._joint()[1]) < AT_REST_MPS

    def poses(self) -> dict[str, Float[np.ndarray, "4 4"]]:
        """T_world_fixture of both parts."""
        found = {self.fixed.name: self.fixed.pose_world}
        if self.drawer is not None:
            found[self.drawer.name] = self.drawer.opened_pose_world(self.opening_m)
        return found

    def visual_bodies(self) -> tuple[VisualBody, ...]:
        """Both parts as drawn."""
        return tuple(fixture_visual(part) for part in (self.fixed, self.drawer) if part is not None)

    def _joint(self) -> tuple[float, float]:
        if self.drawer is None:
            return 0.0, 0.0
        state = pybullet.getJointState(self.body, 0, physicsClientId=self._client)
        return float(state[0]), float(state[1])


def make_bodies(client: int, fixtures: Sequence[Fixture], openings_m: Mapping[str, float]) -> list[FurnitureBody]:
    """Every fixture in the world, each drawer in the body of its guide, opened as stated."""
    bodies = []
    for fixed in (f for f in fixtures if f.slide is None):
        drawer = next((f for f in fixtures if f.slide is not None and f.slide.guide == fixed.name), None)
        body = FurnitureBody(client, fixed, drawer)
        if drawer is not None:
            body.set_opening(openings_m.get(drawer.name, 0.0))
        bodies.append(body)
    return bodies


def _cabinet(name: str, color: str, T_world_kind: Float[np.ndarray, "4 4"]) -> tuple[Fixture, ...]:
    middle = HEIGHT / 2
    side = (WIDTH - WALL) / 2
    walls = (
        Box((0.0, side, -WALL / 2), (DEPTH, WALL, HEIGHT - WALL)),
        Box((0.0, -side, -WALL / 2), (DEPTH, WALL, HEIGHT - WALL)),
        Box(((DEPTH - WALL) / 2, 0.0, -WALL / 2), (WALL, WIDTH - 2 * WALL, HEIGHT - WALL)),
        Box((0.0, 0.0, (HEIGHT - WALL) / 2), (DEPTH, WIDTH, WALL)),
    )
    cabinet = Fixture(name, Shape.CABINET, color, _at(T_world_kind, 0.0, middle), (DEPTH, WIDTH, HEIGHT), walls)
    return cabinet, _drawer(f"{name}_drawer", name, color, T_world_kind)


def _drawer(name: str, guide: str, color: str, T_world_kind: Float[np.ndarray, "4 4"]) -> Fixture:
    height = DRAWER_HIGH - DRAWER_LOW
    center_x, center_z = (DRAWER_DEPTH - DEPTH) / 2, (DRAWER_LOW + DRAWER_HIGH) / 2
    front_x = -DRAWER_DEPTH / 2
    wall_z, wall_height = (DRAWER_LOW + SIDE_HIGH) / 2 - center_z, SIDE_HIGH - DRAWER_LOW
    side = (DRAWER_WIDTH - DRAWER_WALL) / 2
    inner = DRAWER_DEPTH - DRAWER_FRONT
    handle = Box(
        (front_x - HANDLE_LENGTH / 2, 0.0, height / 2 - HANDLE_HEIGHT / 2 - 0.006),
        (HANDLE_LENGTH, HANDLE_BREADTH, HANDLE_HEIGHT),
    )
    boxes = (
        Box((0.0, 0.0, (DRAWER_FLOOR - height) / 2), (DRAWER_DEPTH, DRAWER_WIDTH, DRAWER_FLOOR)),
        Box((front_x + DRAWER_FRONT / 2, 0.0, 0.0), (DRAWER_FRONT, DRAWER_WIDTH, height)),
        Box((DRAWER_FRONT / 2, side, wall_z), (inner, DRAWER_WALL, wall_height)),
        Box((DRAWER_FRONT / 2, -side, wall_z), (inner, DRAWER_WALL, wall_height)),
        Box(((DRAWER_DEPTH - DRAWER_WALL) / 2, 0.0, wall_z), (DRAWER_WALL, DRAWER_WIDTH, wall_height)),
        handle,
    )
    return Fixture(
        name,
        Shape.DRAWER,
        color,
        _at(T_world_kind, center_x, center_z),
        (DRAWER_DEPTH, DRAWER_WIDTH, height),
        boxes,
        cavity_depth_m=height - DRAWER_FLOOR,
        slide=Slide((-1.0, 0.0, 0.0), TRAVEL, handle, guide),
    )


def _shelf(name: str, color: str, T_world_kind: Float[np.ndarray, "4 4"]) -> Fixture:
    side = (SHELF_WIDTH - BOARD) / 2
    legs = SHELF_HEIGHT - BOARD
    boxes = (
        Box((0.0, 0.0, legs / 2), (SHELF_DEPTH, SHELF_WIDTH, BOARD)),
        Box((0.0, side, -BOARD / 2), (SHELF_DEPTH, BOARD, legs)),
        Box((0.0, -side, -BOARD / 2), (SHELF_DEPTH, BOARD, legs)),
    )
    size = (SHELF_DEPTH, SHELF_WIDTH, SHELF_HEIGHT)
    return Fixture(name, Shape.SHELF, color, _at(T_world_kind, 0.0, SHELF_HEIGHT / 2), size, boxes)


def _at(T_world_kind: Float[np.ndarray, "4 4"], x_m: float, z_m: float) -> Float[np.ndarray, "4 4"]:
    T_kind_fixture = np.eye(4)
    T_kind_fixture[0, 3], T_kind_fixture[2, 3] = x_m, z_m
    return T_world_kind @ T_kind_fixture


def _bounds(boxes: Sequence[Box]) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
    centers, halves = np.array([b.center_m for b in boxes]), np.array([b.size_m for b in boxes]) / 2
    return (centers - halves).min(axis=0), (centers + halves).max(axis=0)


def _urdf(fixed: Fixture, drawer: Fixture | None) -> str:
    """Base and drawer as compounds of boxes; every frame is the fixture's own."""
    # The base stands firm whatever its mass; without one Bullet warns.
    inertia = '<inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>'
    parts = [f'<robot name="furniture"><link name="base">{inertia}{_collisions(fixed.boxes)}</link>']
    if drawer is not None and drawer.slide is not None:
        T_fixed_drawer = np.linalg.inv(fixed.pose_world) @ drawer.pose_world
        width, depth, height = drawer.size_m
        moments = [DRAWER_KG / 12 * (a * a + b * b) for a, b in ((depth, height), (width, height), (width, depth))]
        ixx, iyy, izz = (f"{value:.8f}" for value in moments)
        parts.append(
            f'<link name="drawer"><inertial><mass value="{DRAWER_KG}"/>'
            f'<inertia ixx="{ixx}" iyy="{iyy}" izz="{izz}" ixy="0" ixz="0" iyz="0"/></inertial>'
            f"{_collisions(drawer.boxes)}</link>"
            f'<joint name="rail" type="prismatic"><parent link="base"/><child link="drawer"/>'
            f'<origin xyz="{_numbers(T_fixed_drawer[:3, 3])}"/><axis xyz="{_numbers(drawer.slide.axis)}"/>'
            f'<limit lower="0" upper="{drawer.slide.travel_m}" effort="100" velocity="2"/></joint>'
        )
    return "".join([*parts, "</robot>"])


def _collisions(boxes: Sequence[Box]) -> str:
    return "".join(
        f'<collision><origin xyz="{_numbers(box.center_m)}"/>'
        f'<geometry><box size="{_numbers(box.size_m)}"/></geometry></collision>'
        for box in boxes
    )


def _numbers(values: Sequence[float] | np.ndarray) -> str:
    return " ".join(f"{float(value):.6f}" for value in values)


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="verbot-furniture-")


@functools.cache
def _urdf_file(text: str) -> Path:
    """Written once for this process."""
    path = Path(_folder().name) / f"furniture_{_urdf_file.cache_info().currsize}.urdf"
    path.write_text(text)
    return path


def fixture_visual(fixture: Fixture) -> VisualBody:
    """The boxes as one mesh, a drawer's handle dark."""
    corners = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
    handle = fixture.slide.handle if fixture.slide is not None else None
    vertices, triangles, colors = [], [], []
    for number, box in enumerate(fixture.boxes):
        vertices.append(corners * box.size_m + box.center_m)
        triangles.append(faces + 8 * number)
        colors += [DARK if box == handle else PALETTE[fixture.color]] * len(faces)
    return VisualBody(
        fixture.name,
        np.concatenate(vertices).astype(np.float32),
        np.concatenate(triangles).astype(np.uint32),
        np.array(colors, np.float32),
        is_static=fixture.slide is None,
    )
