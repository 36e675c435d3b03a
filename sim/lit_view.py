"""The colours of a view: every triangle has one in light and one in shadow, and pictures where it bears them.

In:  a View, brightness.
Out: colour by pixel.

Shadows are asked for as depths are: at every second pixel of every second row, and where those disagree. A camera that
stands still asks anew only about what moved, or what moving things may shade.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Int, Int32

from .pinhole import UNKNOWN, View, fill_labels
from .raycast import RayRoom
from .shading import BACKGROUND, shade_triangles


def shade(view: View, brightness: float = 1.0) -> Float32[np.ndarray, "height width 3"]:
    """Colour of every pixel: flat shading by triangle, the key light where it falls."""
    color = look_up(shade_table(view.room, brightness), find_lit(view), view.triangle)
    paint(view, color)
    return color


def paint(view: View, color: Float32[np.ndarray, "height width 3"]) -> None:
    """Put pictures, where surfaces bear them, in place of their mean colours."""
    if not view.room.has_pictures:
        return
    directions_world = view.directions_camera.reshape(-1, 3) @ view.T_world_camera[:3, :3].T.astype(np.float32)
    view.room.paint(
        color.reshape(-1, 3), view.triangle.ravel(), view.depth_m.ravel(), view.T_world_camera[:3, 3], directions_world
    )


def shade_table(room: RayRoom, brightness: float = 1.0) -> Float32[np.ndarray, "2 triangles 3"]:
    """Colour of every triangle in shadow and in light; the last one is the background."""
    table = shade_triangles(room.triangle_normals(), room.triangle_color, room.light)
    table[:, -1] = BACKGROUND
    table *= np.float32(brightness)
    return table


def look_up(
    table: Float32[np.ndarray, "2 triangles 3"],
    is_lit: Bool[np.ndarray, "*pixels"],
    triangle: Int32[np.ndarray, "*pixels"],
) -> Float32[np.ndarray, "*pixels 3"]:
    """The table's colour for each pixel."""
    num = table.shape[1]
    # A miss, -1, is the last row of the half in shadow or of the one in light; both are the background.
    row = triangle + np.multiply(is_lit, num, dtype=np.int32)
    return table.reshape(-1, 3).take(row, axis=0, mode="wrap")


def find_lit(view: View) -> Bool[np.ndarray, "height width"]:
    """Whether the key light reaches each pixel; False where it could not, on faces turned away from it."""
    faces_light = view.room.triangle_normals() @ np.array(view.room.light.toward_light, dtype=np.float32) > 0.0
    height, width = view.triangle.shape
    coarse = np.arange(height * width).reshape(height, width)[::2, ::2]
    lit = _is_lit(view, faces_light, coarse.ravel()).reshape(coarse.shape).astype(np.int32)
    lit = fill_labels(lit, (height, width))
    rest = np.flatnonzero(lit == UNKNOWN)
    lit.reshape(-1)[rest] = _is_lit(view, faces_light, rest)
    return lit.astype(bool)


def _is_lit(
    view: View, faces_light: Bool[np.ndarray, " triangles"], pixels: Int[np.ndarray, " pixels"]
) -> Bool[np.ndarray, " pixels"]:
    """Only what faces the light is asked, and of what resting bodies do to each other only what is not known yet."""
    room, memory = view.room, view.memory
    triangle = view.triangle.ravel().take(pixels)
    lit = faces_light.take(triangle, mode="wrap")
    if memory is None:
        asked = np.flatnonzero(lit)
        lit[asked] = _ask(view, pixels.take(asked))
        return lit
    resting, rests = memory.resting, room.bodies_of(memory.is_resting)
    is_resting = lit & (resting.triangle.ravel().take(pixels) == triangle)
    known = resting.lit.take(pixels)
    new = np.flatnonzero(is_resting & (known < 0))
    if len(new):
        at = pixels.take(new)
        resting.seen[:, at] = room.seen_by_light(_points_world(view, at))
        resting.lit[at] = known[new] = _ask(view, at, rests)
    is_lit_by_resting = is_resting & (known > 0)
    near = room.is_near_shadow(resting.seen.take(pixels, axis=1), ~rests)
    near = np.flatnonzero(near & is_lit_by_resting)
    is_lit_by_resting[near] = _ask(view, pixels.take(near), ~rests)
    other = np.flatnonzero(lit & ~is_resting)
    is_lit_by_resting[other] = _ask(view, pixels.take(other), np.ones_like(rests))
    return is_lit_by_resting


def _ask(
    view: View, pixels: Int[np.ndarray, " pixels"], is_asked: Bool[np.ndarray, " bodies"] | None = None
) -> Bool[np.ndarray, " pixels"]:
    owner = view.room.triangle_body.take(view.triangle.ravel().take(pixels))
    return view.room.is_lit(_points_world(view, pixels), owner, is_asked)


def _points_world(view: View, pixels: Int[np.ndarray, " pixels"]) -> Float32[np.ndarray, "pixels 3"]:
    depth_m = view.depth_m.ravel().take(pixels)
    points_camera = view.directions_camera.reshape(-1, 3).take(pixels, axis=0)
    points_camera *= depth_m[:, None]
    rotation, eye = view.T_world_camera[:3, :3].astype(np.float32), view.T_world_camera[:3, 3].astype(np.float32)
    points_world = points_camera @ rotation.T
    points_world += eye
    return points_world
