"""Pictures of a perceived scene as SVG: from above, and drawn over the camera's own picture.

In:  one scene as `recorder.scene_to_dict` wrote it.
Out: SVG text; every word from outside is escaped.
"""

from __future__ import annotations

import math
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Float

PIXELS_PER_M = 620.0
ROUND = ("cylinder", "bowl", "mug", "plate")


def map_svg(scene: dict[str, Any], names: dict[str, str]) -> str:
    """The table from above as the person at the robot's base sees it: away is up, left is left."""
    x0, y0, x1, y1 = (scene["table"] or {}).get("bounds_world") or (0.1, -0.6, 0.9, 0.6)
    x0, x1 = min(x0, 0.0), x1
    width, height = (y1 - y0) * PIXELS_PER_M, (x1 - x0) * PIXELS_PER_M

    def place(x: float, y: float) -> tuple[float, float]:
        return (y1 - y) * PIXELS_PER_M, (x1 - x) * PIXELS_PER_M

    parts = [
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="perceived scene from above">',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#e9e2d8" rx="6"/>',
    ]
    base_x, base_y = place(0.0, 0.0)
    parts.append(f'<circle cx="{base_x:.0f}" cy="{base_y - 18:.0f}" r="34" fill="#c9cdd3"/>')
    parts.append(f'<text x="{base_x:.0f}" y="{base_y - 12:.0f}" class="base">robot</text>')
    for item in sorted(scene["objects"], key=lambda o: o["position_world"][2]):
        parts.append(_object_from_above(item, place))
    for found in scene.get("contradictions") or []:
        u, v = place(*found["position_world"][:2])
        title = escape(f"{found['seer']} looks through what {found['owner']} sees")
        parts.append(
            f'<circle cx="{u:.1f}" cy="{v:.1f}" r="30" fill="none" stroke="#b3261e" stroke-width="3" '
            f'stroke-dasharray="7 5"><title>{title}</title></circle>'
        )
    for item in scene["objects"]:
        u, v = place(*item["position_world"][:2])
        label = escape(names.get(item["id"]) or f"{item['color']} {item['shape']}")
        offset = max(item["size_m"][:2]) / 2 * PIXELS_PER_M + 15
        parts.append(f'<text x="{u:.1f}" y="{v + offset:.1f}" class="name">{label}</text>')
    return "".join([*parts, "</svg>"])


def overlay_svg(scene: dict[str, Any], camera: dict[str, Any], image_href: str) -> str:
    """The camera's picture with each perceived object's box projected into it."""
    width, height = camera["size"]
    parts = [
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="camera {escape(camera["sensor"])}">',
        f'<image href="{image_href}" width="{width}" height="{height}"/>',
    ]
    if camera["T_world_camera"] is not None:
        T_camera_world = np.linalg.inv(np.array(camera["T_world_camera"]))
        for item in scene["objects"]:
            parts.append(_box_in_picture(item, T_camera_world, camera["intrinsics"]))
    return "".join([*parts, "</svg>"])


def _object_from_above(item: dict[str, Any], place: Any) -> str:
    u, v = place(*item["position_world"][:2])
    length, breadth = item["size_m"][0] * PIXELS_PER_M, item["size_m"][1] * PIXELS_PER_M
    fill = "rgb({},{},{})".format(*(int(255 * min(1.0, max(0.0, c))) for c in item["color_rgb"]))
    hollow = item["cavity_depth_m"] > 0
    style = f'fill="{fill}" fill-opacity="{0.55 if hollow else 0.95}" stroke="#333" stroke-width="1.5"'
    # On the page the object's x axis (world yaw from +x, which points up) turns anticlockwise.
    turn = f'transform="rotate({-90.0 - math.degrees(item["yaw_rad"]):.1f} {u:.1f} {v:.1f})"'
    if item["shape"] in ROUND:
        inner = (
            f'<circle cx="{u:.1f}" cy="{v:.1f}" r="{length * 0.38:.1f}" fill="none" stroke="#333"/>' if hollow else ""
        )
        return f'<circle cx="{u:.1f}" cy="{v:.1f}" r="{length / 2:.1f}" {style}/>{inner}'
    return (
        f'<rect x="{u - length / 2:.1f}" y="{v - breadth / 2:.1f}" width="{length:.1f}" height="{breadth:.1f}" '
        f"{style} {turn}/>"
    )


def _box_in_picture(item: dict[str, Any], T_camera_world: Float[np.ndarray, "4 4"], intrinsics: list[float]) -> str:
    """The twelve edges of the object's box; nothing when a corner lies behind the camera."""
    fx, fy, cx, cy = intrinsics
    half = np.array(item["size_m"]) / 2
    signs = np.array([[x, y, z] for z in (-1, 1) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
    cos, sin = math.cos(item["yaw_rad"]), math.sin(item["yaw_rad"])
    corners_object = signs * half
    rotation = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    corners_world = corners_object @ rotation.T + np.array(item["position_world"])
    corners_camera = corners_world @ T_camera_world[:3, :3].T + T_camera_world[:3, 3]
    if np.any(corners_camera[:, 2] < 0.05):
        return ""
    u = fx * corners_camera[:, 0] / corners_camera[:, 2] + cx
    v = fy * corners_camera[:, 1] / corners_camera[:, 2] + cy
    edges = [(i, (i + 1) % 4) for i in range(4)]
    edges += [(4 + i, 4 + (i + 1) % 4) for i in range(4)] + [(i, 4 + i) for i in range(4)]
    path = " ".join(f"M{u[a]:.1f} {v[a]:.1f}L{u[b]:.1f} {v[b]:.1f}" for a, b in edges)
    label = escape(f"{item['color']} {item['shape']}")
    return f'<path d="{path}" class="box"/><text x="{u.mean():.1f}" y="{v.min() - 5:.1f}" class="tag">{label}</text>'
