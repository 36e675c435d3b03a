"""A scene's bodies without physics: what stands where, for rays and for tables of scenes.

In:  Scene; a SceneState that says where its objects are now; poses of the arm's links.
Out: DrawnBody values; the same as a RayRoom.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ..perception.colors import PALETTE
from ..perception.types import SceneState
from .catalogue import KINDS, ObjectModel, make_object
from .furniture import fixture_visual, make_fixtures
from .person import person_visuals
from .raycast import RayRoom, VisualBody
from .robots.panda import arm_visuals
from .scenes import Scene, SceneError
from .world import STATIC_BOXES, STATIC_COLORS, box_visual
from .zones import PAINT_M

ZONE = "zone"
OPEN_COLOR = (np.nan, np.nan, np.nan)
"""Of triangles whose colour the scene chooses."""


@dataclass(frozen=True, slots=True)
class DrawnBody:
    """One body of a scene. `scale` stretches its kind along the kind's own axes."""

    name: str
    kind: str
    T_world_body: Float[np.ndarray, "4 4"]
    color: tuple[float, float, float]
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)


@functools.cache
def body_models() -> Mapping[str, ObjectModel | VisualBody]:
    """Every kind of body: catalogue, furniture, people, what stands still, the arm's links."""
    models: dict[str, ObjectModel | VisualBody] = {kind: make_object(kind) for kind in KINDS}
    fixtures = [f for kind in ("drawer_cabinet", "shelf") for f in make_fixtures(kind, kind, "white", 0.5, 0.0, 0.0)]
    models |= {fixture.shape.value: _unpainted(fixture_visual(fixture), PALETTE["white"]) for fixture in fixtures}
    models |= {visual.name: visual for visual in person_visuals(OPEN_COLOR)}
    models |= {name: box_visual(name, size, STATIC_COLORS[name]) for name, (_, size) in STATIC_BOXES.items()}
    models |= {visual.name: visual for visual in arm_visuals()}
    corners = np.array([(-0.5, -0.5, PAINT_M), (0.5, -0.5, PAINT_M), (0.5, 0.5, PAINT_M), (-0.5, 0.5, PAINT_M)])
    faces = np.array([(0, 1, 2), (0, 2, 3)], np.uint32)
    models[ZONE] = VisualBody(ZONE, corners.astype(np.float32), faces, np.full((2, 3), np.nan, np.float32), True)
    return models


def draw_bodies(scene: Scene, state: SceneState) -> list[DrawnBody]:
    """Everything but the arm, objects where the state has them (and people where they are at first).

    Raises:
        SceneError: something here comes from a user's file, which this form does not know.
    """
    own = [placed.name for placed in scene.objects if placed.kind not in KINDS]
    if own or scene.table is not None:
        what = f"objects from files ({', '.join(own)})" if own else "a picture on the table"
        raise SceneError(f"scene '{scene.name}' has {what}; expected the catalogue's kinds. Record it with physics.")
    poses = {item.id: item.pose_world for item in state.objects}
    bodies = [DrawnBody(name, name, _at(center), STATIC_COLORS[name]) for name, (center, _) in STATIC_BOXES.items()]
    for zone in scene.zones:
        pose = _at((*zone.center_world, 0.0), zone.yaw_rad)
        bodies.append(DrawnBody(zone.name, ZONE, pose, PALETTE[zone.color], (*zone.size_m, 1.0)))
    for fixture in scene.fixtures:
        bodies.append(DrawnBody(fixture.name, fixture.shape.value, poses[fixture.name], PALETTE[fixture.color]))
    if scene.person is not None:
        shirt = PALETTE[scene.person.entry.shirt]
        bodies += [DrawnBody(part, part, pose, shirt) for part, pose in scene.person.poses(0.0).items()]
    bodies += [DrawnBody(p.name, p.kind, poses[p.name], PALETTE[p.color]) for p in scene.objects]
    return bodies


def make_room(scene: Scene, bodies: Sequence[DrawnBody], links: Mapping[str, Float[np.ndarray, "4 4"]]) -> RayRoom:
    """The bodies and the arm, as rays see them."""
    visuals = [replace(model, name=link) for link in links if isinstance(model := body_models()[link], VisualBody)]
    room = RayRoom([*(_visual(body) for body in bodies), *visuals], scene.light)
    move_room(room, bodies, links)
    return room


def move_room(room: RayRoom, bodies: Sequence[DrawnBody], links: Mapping[str, Float[np.ndarray, "4 4"]]) -> None:
    """The same bodies elsewhere."""
    room.move({body.name: body.T_world_body for body in bodies} | dict(links))


def _visual(body: DrawnBody) -> VisualBody:
    model = body_models()[body.kind]
    color = np.array(body.color, np.float32)
    if isinstance(model, ObjectModel):
        vertices, triangles = model.mesh()
        colors = np.tile(color, (len(triangles), 1))
        vertices = (vertices * np.array(body.scale)).astype(np.float32)
        return VisualBody(body.name, vertices, triangles.astype(np.uint32), colors)
    colors = np.where(np.isnan(model.colors), color, model.colors)
    return replace(model, name=body.name, colors=colors, vertices=model.vertices * np.array(body.scale, np.float32))


def _unpainted(visual: VisualBody, color: tuple[float, float, float]) -> VisualBody:
    is_open = (visual.colors == np.array(color, np.float32)).all(axis=1, keepdims=True)
    return replace(visual, colors=np.where(is_open, np.float32(np.nan), visual.colors))


def _at(position: tuple[float, ...], yaw_rad: float = 0.0) -> Float[np.ndarray, "4 4"]:
    pose = np.eye(4)
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    pose[:2, :2], pose[:3, 3] = [[c, -s], [s, c]], position
    return pose
