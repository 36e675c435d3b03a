"""Small hand-made scenes for the symbolic tests: objects by a line each."""

import numpy as np
from verbot.perception.types import BodyState, ObjectState, SceneState, Shape, SupportSurface
from verbot.planning.containment import contents_of

KINDS = {
    "block_small": (Shape.BLOCK, (0.03, 0.03, 0.03), 0.0),
    "block_large": (Shape.BLOCK, (0.045, 0.045, 0.045), 0.0),
    "cylinder": (Shape.CYLINDER, (0.04, 0.04, 0.06), 0.0),
    "bowl": (Shape.BOWL, (0.15, 0.15, 0.055), 0.047),
    "mug": (Shape.MUG, (0.06, 0.06, 0.075), 0.069),
    "plate": (Shape.PLATE, (0.17, 0.17, 0.015), 0.009),
    "tray": (Shape.TRAY, (0.26, 0.18, 0.025), 0.02),
    "thing": (Shape.THING, (0.04, 0.03, 0.035), 0.0),
}
RGB = {"red": (0.84, 0.14, 0.12), "green": (0.18, 0.62, 0.22), "blue": (0.12, 0.28, 0.80), "white": (0.9, 0.9, 0.9)}


def make(
    name: str, kind: str, color: str, x: float, y: float, bottom: float = 0.0, yaw: float = 0.0, existence: float = 1.0
) -> ObjectState:
    """One object; `bottom` is the height on which it rests."""
    shape, size, depth = KINDS[kind]
    pose = np.eye(4)
    pose[:2, :2] = [[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]
    pose[:3, 3] = (x, y, bottom + size[2] / 2)
    return ObjectState(
        id=name,
        pose_world=pose,
        covariance=np.eye(6) * 1e-6,
        size_m=np.array(size),
        color_rgb=np.array(RGB.get(color, (0.5, 0.5, 0.5))),
        color=color,
        shape=shape,
        shape_confidence=0.95,
        existence=existence,
        sources=("front", "wrist"),
        last_seen_s=1.0,
        cavity_depth_m=depth,
    )


def make_scene(*objects: ObjectState, held: str | None = None, body: bool = True, table: bool = True) -> SceneState:
    """A scene on our table, the arm at rest."""
    return SceneState(
        time_s=1.0,
        seen_s=1.0,
        objects=tuple(objects),
        table=SupportSurface(0.0, 0.001, (0.15, -0.55, 0.85, 0.55), 0.0) if table else None,
        body=BodyState(("j1",), np.zeros(1), np.zeros(1), 0.08, held) if body else None,
        health=(),
    )


def upon(name: str, kind: str, color: str, under: ObjectState) -> ObjectState:
    """An object resting in the middle of another (on its floor when it is open at the top)."""
    x, y = (float(v) for v in under.position_world[:2])
    return make(name, kind, color, x, y, bottom=under.top_m - under.cavity_depth_m)


__all__ = ["KINDS", "contents_of", "make", "make_scene", "upon"]
