"""Perceived objects as convex solids, open where they are hollow.

In:  ObjectState.
Out: Solid values: boxes and upright cylinders in the world frame, each with the object that owns it.
What a perceiver cannot see of a hollow object (thickness of walls, slope inside) is assumed on the safe side here.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ..perception.types import ObjectState, SceneState, Shape
from .containment import contents_of

SEGMENTS = 16  # of a ring of wall boxes; its corners stick out by 2% of the radius
HANDLE_M = 0.019  # a mug's handle beyond its body
WALL_M = 0.0055  # of mugs and trays
INFLATE_SIGMAS = 2.0
INFLATE_MAX_M = 0.005
# A bowl from floor to rim: (inner radius, outer radius) as parts of the rim's radius, up to a part of its height.
_BOWL_RINGS = ((0.52, 0.80, 0.21), (0.64, 0.90, 0.32), (0.77, 1.0, 0.43), (0.92, 1.0, 1.0))
_PLATE_RINGS = ((0.66, 0.87, 0.62), (0.83, 1.0, 1.0))


@dataclass(frozen=True, slots=True)
class Solid:
    """A box, or a cylinder along its own z (`half_m` = radius, radius, half height)."""

    owner: str
    T_world_solid: Float[np.ndarray, "4 4"]
    half_m: Float[np.ndarray, "3"]
    is_cylinder: bool = False

    def moved(self, T_new_old: Float[np.ndarray, "4 4"]) -> Solid:
        """The same solid after the rigid motion T_new_old."""
        return replace(self, T_world_solid=T_new_old @ self.T_world_solid)


def solids_of(item: ObjectState, *, inflate: bool = True) -> tuple[Solid, ...]:
    """The object as obstacle, widened sideways by its uncertainty (two sigmas, at most 5 mm)."""
    by_m = inflation_m(item) if inflate else 0.0
    if item.fixture is not None:
        parts = tuple(Solid("", _at(*box.center_m), np.array(box.size_m) / 2) for box in item.fixture.boxes)
    else:
        parts = _parts(item.shape, tuple(item.size_m.tolist()), item.cavity_depth_m)
    poses = item.pose_world @ np.stack([part.T_world_solid for part in parts])
    halves = np.stack([part.half_m for part in parts]) + np.array([by_m, by_m, 0.0])
    return tuple(Solid(item.id, T, half, p.is_cylinder) for T, half, p in zip(poses, halves, parts, strict=True))


def hull_of(item: ObjectState) -> tuple[Solid, ...]:
    """The object without its hollow: one solid (and a mug's handle). For what is carried, and for rough checks.

    Furniture is known exactly and keeps its hollow: a drawer moves within its cabinet.
    """
    if item.fixture is not None:
        return solids_of(item, inflate=False)
    round_shapes = (Shape.CYLINDER, Shape.BOWL, Shape.MUG, Shape.PLATE)
    parts = [Solid("", np.eye(4), item.size_m / 2, item.shape in round_shapes)]
    if item.shape is Shape.MUG:
        parts += _handle(*item.size_m.tolist())
    return tuple(replace(p, owner=item.id, T_world_solid=item.pose_world @ p.T_world_solid) for p in parts)


def moving_along(item: ObjectState, scene: SceneState) -> tuple[ObjectState, ...]:
    """What moves when the item is moved by the hand: a drawer, or a cup, takes its contents along."""
    if item.fixture is None and item.cavity_depth_m <= 0.0:
        return (item,)
    # Without the body, what lies in a held cup counts as its contents too.
    return (item, *contents_of(item, replace(scene, body=None), without=""))


def box_solid(owner: str, low: Float[np.ndarray, "3"], high: Float[np.ndarray, "3"]) -> Solid:
    """A box along the world's axes between two corners."""
    pose = np.eye(4)
    pose[:3, 3] = (low + high) / 2
    return Solid(owner, pose, (high - low) / 2)


def inflation_m(item: ObjectState) -> float:
    """How much wider than believed the object is taken to be."""
    variance = float(max(item.covariance[0, 0], item.covariance[1, 1]))
    return min(INFLATE_MAX_M, INFLATE_SIGMAS * math.sqrt(variance)) if variance > 0 else 0.0


def width_between(item: ObjectState, T_hand_object: Float[np.ndarray, "4 4"], max_width_m: float) -> float:
    """How far apart fingers stay that hold the object so: its extent along the tool's y, or its wall's."""
    if item.fixture is not None:
        slide = item.fixture.slide
        return 0.0 if slide is None else float(np.abs(T_hand_object[1, :3]) @ np.array(slide.handle.size_m))
    if item.cavity_depth_m > 0 and abs(T_hand_object[:2, 3]).max() > 0.25 * float(item.size_m[:2].min()):
        return 2 * WALL_M
    axis_object = T_hand_object[1, :3]
    half = item.size_m / 2
    if item.shape in (Shape.CYLINDER, Shape.BOWL, Shape.MUG, Shape.PLATE):
        extent = 2 * float(half[0] * math.hypot(axis_object[0], axis_object[1]) + half[2] * abs(axis_object[2]))
    else:
        extent = 2 * float(np.abs(axis_object) @ half)
    return min(extent, max_width_m)


@functools.lru_cache(maxsize=1024)
def _parts(shape: Shape, size_m: tuple[float, float, float], cavity_depth_m: float) -> tuple[Solid, ...]:
    """In the object's own frame; the same object is asked for again and again."""
    half = np.array(size_m) / 2
    if cavity_depth_m <= 0 or shape in (Shape.BLOCK, Shape.CYLINDER, Shape.THING):
        parts = [Solid("", np.eye(4), half, shape in (Shape.CYLINDER, Shape.BOWL, Shape.MUG, Shape.PLATE))]
        return (*parts, *(_handle(*size_m) if shape is Shape.MUG else ()))
    floor_m = max(0.002, size_m[2] - cavity_depth_m)
    if shape in (Shape.TRAY, Shape.BOX):
        return tuple(_tray(half, floor_m))
    radius = float(max(half[0], half[1]))
    if shape is Shape.MUG:
        rings = (((radius - WALL_M) / radius, 1.0, 1.0),)
    else:
        rings = _BOWL_RINGS if shape is Shape.BOWL else _PLATE_RINGS
    base = rings[0][0] * radius * 1.05
    parts = [Solid("", _at(0.0, 0.0, -float(half[2]) + floor_m / 2), np.array([base, base, floor_m / 2]), True)]
    low = 0.0
    for inner, outer, high in rings:
        parts += _ring(inner * radius, outer * radius, low * 2 * float(half[2]), high * 2 * float(half[2]), half[2])
        low = high
    return (*parts, *(_handle(*size_m) if shape is Shape.MUG else ()))


def _ring(inner_m: float, outer_m: float, low_m: float, high_m: float, half_height_m: float) -> Iterable[Solid]:
    """Wall boxes around z; heights count from the bottom."""
    middle = (inner_m + outer_m) / 2
    half = np.array([(outer_m - inner_m) / 2, outer_m * math.tan(math.pi / SEGMENTS), (high_m - low_m) / 2])
    for k in range(SEGMENTS):
        angle = 2 * math.pi * k / SEGMENTS
        pose = _at(middle * math.cos(angle), middle * math.sin(angle), (low_m + high_m) / 2 - half_height_m)
        pose[:2, :2] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        yield Solid("", pose, half)


def _tray(half: Float[np.ndarray, "3"], floor_m: float) -> list[Solid]:
    wall = WALL_M / 2 + 0.0005
    parts = [Solid("", _at(0.0, 0.0, -float(half[2]) + floor_m / 2), np.array([half[0], half[1], floor_m / 2]))]
    for sign in (-1.0, 1.0):
        parts.append(Solid("", _at(sign * (float(half[0]) - wall), 0.0, 0.0), np.array([wall, half[1], half[2]])))
        parts.append(Solid("", _at(0.0, sign * (float(half[1]) - wall), 0.0), np.array([half[0], wall, half[2]])))
    return parts


def _handle(size_x_m: float, _: float, size_z_m: float) -> list[Solid]:
    radius, half_height = size_x_m / 2, size_z_m / 2
    return [Solid("", _at(radius + HANDLE_M / 2, 0.0, 0.0), np.array([HANDLE_M / 2, 0.006, 0.7 * half_height]))]


def _at(x: float, y: float, z: float) -> Float[np.ndarray, "4 4"]:
    pose = np.eye(4)
    pose[:3, 3] = (x, y, z)
    return pose
