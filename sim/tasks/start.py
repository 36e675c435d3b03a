"""The scene as it is drawn, as the planner would perceive it without error.

In:  Scene.
Out: SceneState with source "drawn"; object ids are the scene's names.
"""

from __future__ import annotations

import numpy as np

from ...perception.furniture import fixture_state
from ...perception.types import ObjectState, SceneState, SupportSurface
from ..catalogue import make_object
from ..placement import TABLE_BOUNDS
from ..scenes import PlacedObject, Scene
from ..truth import person_state


def make_start_state(scene: Scene) -> SceneState:
    """The scene as it is drawn, before anything moves."""
    table = SupportSurface(0.0, 0.0, TABLE_BOUNDS, 0.0)
    person = None if scene.person is None else person_state(scene.person, 0.0, 0.0)
    fixtures = tuple(
        fixture_state(f, None if f.slide is None else scene.openings_m.get(f.name, 0.0), np.zeros((6, 6)), (), 0.0)
        for f in scene.fixtures
    )
    objects = tuple(_object_state(p) for p in scene.objects)
    zones = tuple(zone.state(0.0, "drawn") for zone in scene.zones)
    return SceneState(0.0, 0.0, (*objects, *fixtures), table, None, (), "drawn", person=person, zones=zones)


def _object_state(placed: PlacedObject) -> ObjectState:
    model = make_object(placed.kind)
    pose = np.eye(4)
    cos, sin = np.cos(placed.yaw_rad), np.sin(placed.yaw_rad)
    pose[:2, :2] = [[cos, -sin], [sin, cos]]
    pose[:3, 3] = placed.position_world
    return ObjectState(
        id=placed.name,
        pose_world=pose,
        covariance=np.zeros((6, 6)),
        size_m=model.size_m,
        color_rgb=model.color_rgb(placed.color),
        color=placed.color,
        shape=model.shape,
        shape_confidence=1.0,
        existence=1.0,
        sources=("drawn",),
        last_seen_s=0.0,
        cavity_depth_m=model.cavity_depth_m,
    )
