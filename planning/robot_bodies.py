"""The robot's body as capsules and boxes, read from its URDF.

In:  URDF text whose collision shapes are primitives.
Out: LinkBody values, fixed to links. Every cylinder stands for the capsule around it (a cylinder with half
     spheres on its ends), so a capsule is written as a cylinder and its two end spheres, which other URDF
     readers understand too.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Float

_SAME_PLACE_M = 1e-3


@dataclass(frozen=True, slots=True)
class LinkBody:
    """A primitive fixed to a link; a capsule (`half_m` = (0, 0, half length), `radius_m` > 0) or a box (radius 0)."""

    link: str
    T_link_body: Float[np.ndarray, "4 4"]
    half_m: Float[np.ndarray, "3"]
    radius_m: float

    @property
    def is_capsule(self) -> bool:
        """Whether it is a capsule along its own z; otherwise a box."""
        return self.radius_m > 0


def read_bodies(urdf: str) -> tuple[LinkBody, ...]:
    """All collision primitives of the URDF, in file order; spheres that only round a cylinder's end are merged."""
    bodies: list[LinkBody] = []
    for link in ElementTree.fromstring(urdf).iter("link"):
        name = link.attrib["name"]
        found = [_read_collision(name, element) for element in link.iter("collision")]
        capsules = [body for body in found if body.is_capsule and body.half_m[2] > 0]
        bodies += [body for body in found if not _is_end_of(body, capsules)]
    return tuple(bodies)


def bodies_as_capsules(bodies: tuple[LinkBody, ...]) -> list[tuple[str, Float[np.ndarray, "7"]]]:
    """Every body as one or more capsules (start xyz, end xyz, radius) in its link's frame that enclose it."""
    return [(body.link, row) for body in bodies for row in _capsule_rows(body)]


def _read_collision(link: str, element: ElementTree.Element) -> LinkBody:
    origin = element.find("origin")
    attributes = {} if origin is None else origin.attrib
    T_link_body = _pose(attributes.get("xyz", "0 0 0"), attributes.get("rpy", "0 0 0"))
    geometry = element.find("geometry")
    shape = None if geometry is None else next(iter(geometry), None)
    if shape is not None and shape.tag == "box":
        return LinkBody(link, T_link_body, _numbers(shape.attrib["size"]) / 2, 0.0)
    if shape is not None and shape.tag == "cylinder":
        half_m = np.array([0.0, 0.0, float(shape.attrib["length"]) / 2])
        return LinkBody(link, T_link_body, half_m, float(shape.attrib["radius"]))
    if shape is not None and shape.tag == "sphere":
        return LinkBody(link, T_link_body, np.zeros(3), float(shape.attrib["radius"]))
    raise ValueError(
        f"Link '{link}' has a collision shape '{None if shape is None else shape.tag}', expected box, cylinder or "
        "sphere. Replace meshes by primitives that enclose them."
    )


def _is_end_of(body: LinkBody, capsules: list[LinkBody]) -> bool:
    if not body.is_capsule or body.half_m[2] > 0:
        return False
    for capsule in capsules:
        offset = np.linalg.inv(capsule.T_link_body) @ body.T_link_body[:, 3]
        ends = abs(abs(offset[2]) - capsule.half_m[2]) + np.hypot(offset[0], offset[1])
        if ends < _SAME_PLACE_M and body.radius_m <= capsule.radius_m + 1e-6:
            return True
    return False


def _capsule_rows(body: LinkBody) -> list[Float[np.ndarray, "7"]]:
    """A box is covered by capsules along its longest side, lined up across its middle one."""
    if body.is_capsule:
        offsets, radius = [0.0], body.radius_m
        long, middle, half_length = 2, 0, float(body.half_m[2])
    else:
        short, middle, long = (int(i) for i in np.argsort(body.half_m))
        num = int(np.ceil(body.half_m[middle] / body.half_m[short]))
        cell = body.half_m[middle] / num
        offsets = [float(-body.half_m[middle] + (2 * i + 1) * cell) for i in range(num)]
        radius, half_length = float(np.hypot(cell, body.half_m[short])), float(body.half_m[long])
    rows: list[Float[np.ndarray, "7"]] = []
    for across in offsets:
        points = np.zeros((2, 4))
        points[:, 3] = 1.0
        points[:, middle] = across
        points[:, long] = (-half_length, half_length)
        start, end = (points @ body.T_link_body.T)[:, :3]
        rows.append(np.concatenate([start, end, [radius]]))
    return rows


def _numbers(text: str) -> Float[np.ndarray, "3"]:
    return np.array([float(part) for part in text.split()])


def _pose(xyz: str, rpy: str) -> Float[np.ndarray, "4 4"]:
    roll, pitch, yaw = _numbers(rpy)
    cr, sr, cp, sp, cy, sy = np.cos(roll), np.sin(roll), np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw)
    pose = np.eye(4)
    pose[:3, :3] = [
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ]
    pose[:3, 3] = _numbers(xyz)
    return pose
