"""A URDF as one rigid object: links joined by fixed joints, each with what is seen of it and what collides.

In:  a .urdf file in the user's folder.
Out: two Surfaces in the frame of the first link, and the mass that the file gives, if any.

Joints that move, `package://` paths, document types and entities are refused with one line.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from .catalogue import ConvexPart, make_box, make_disc
from .mesh_file import MESH_KINDS, PICTURE_KINDS, TEXT_LIMIT_BYTES, Material, read_mesh, read_picture
from .surface import Surface, join_surfaces
from .textures import Skin
from .user_files import ObjectFileError, UserFolder

SPHERE_RINGS = 8
MAX_LINKS = 64


@dataclass(frozen=True, slots=True)
class UrdfObject:
    """What is drawn, what collides (each element a part), and the mass of all links (None: not given)."""

    visual: Surface
    collision: Surface
    mass_kg: float | None


def read_urdf(folder: UserFolder, path: Path) -> UrdfObject:
    """Read the file; ObjectFileError says what is wrong or not supported."""
    text = folder.read_text(path, TEXT_LIMIT_BYTES)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ObjectFileError(f"{path.name}: declares a document type or entities, which are not read. Remove them.")
    try:
        robot = ElementTree.fromstring(text)
    except ElementTree.ParseError as problem:
        raise ObjectFileError(f"{path.name}: malformed XML ({problem}). Expected a URDF.") from None
    if robot.tag != "robot":
        raise ObjectFileError(f"{path.name}: begins with <{robot.tag}>, expected <robot>, a URDF.")
    try:
        return _Reader(folder, path, robot).read()
    except ObjectFileError as problem:
        where = "" if str(problem).startswith(path.name) else f"{path.name}: "
        raise ObjectFileError(f"{where}{problem}") from None


class _Reader:
    """One file while it is read."""

    def __init__(self, folder: UserFolder, path: Path, robot: Element) -> None:
        self._folder, self._path, self._robot = folder, path, robot
        # A material defined once, anywhere, may be named everywhere.
        defined = [e for e in robot.iter("material") if e.find("color") is not None or e.find("texture") is not None]
        self._materials = {e.get("name", ""): self._material(e, f"material '{e.get('name', '')}'") for e in defined}

    def read(self) -> UrdfObject:
        links = {_need(link, "name"): link for link in self._robot.findall("link")}
        if not links or len(links) > MAX_LINKS:
            raise ObjectFileError(f"has {len(links)} links, expected 1 to {MAX_LINKS}.")
        visuals: list[Surface] = []
        collisions: list[Surface] = []
        masses: list[float] = []
        for name, T_object_link in self._link_poses(links).items():
            link = links[name]
            for tag, surfaces in (("visual", visuals), ("collision", collisions)):
                surfaces += [self._element(element, name).moved(T_object_link) for element in link.findall(tag)]
            mass = link.find("inertial/mass")
            if mass is not None:
                masses.append(_number(mass, "value", f"link '{name}'"))
                if masses[-1] <= 0.0:
                    raise ObjectFileError(f"link '{name}' has mass {masses[-1]:g} kg, expected more than 0.")
        if not visuals and not collisions:
            raise ObjectFileError("no link has a <visual> or <collision>, so there is nothing to see or touch.")
        visual = join_surfaces(visuals or collisions)
        return UrdfObject(visual, join_surfaces(collisions or visuals), sum(masses) if masses else None)

    def _link_poses(self, links: dict[str, Element]) -> dict[str, Float[np.ndarray, "4 4"]]:
        """T_object_link of every link, the object's frame being the link that is nobody's child."""
        joints: dict[str, tuple[str, Float[np.ndarray, "4 4"]]] = {}
        for joint in self._robot.findall("joint"):
            name, kind = joint.get("name", "?"), joint.get("type", "?")
            if kind != "fixed":
                raise ObjectFileError(
                    f"joint '{name}' is {kind}, expected fixed: an object is one rigid body. Make it fixed or leave "
                    "out the part that moves."
                )
            parent, child = (_need(_child(joint, tag), "link") for tag in ("parent", "child"))
            for link in (parent, child):
                if link not in links:
                    raise ObjectFileError(
                        f"joint '{name}' names the link '{link}', expected one of: {', '.join(links)}."
                    )
            if child in joints:
                raise ObjectFileError(f"link '{child}' is the child of two joints, expected one.")
            joints[child] = (parent, _origin(joint))
        poses = {name: np.eye(4) for name in links if name not in joints}
        if len(poses) != 1:
            raise ObjectFileError(f"has {len(poses)} links without a parent, expected one. Join them by fixed joints.")
        for _ in links:
            for child, (parent, T_parent_child) in joints.items():
                if parent in poses and child not in poses:
                    poses[child] = poses[parent] @ T_parent_child
        if len(poses) < len(links):
            raise ObjectFileError(f"the joints of {sorted(set(links) - set(poses))} go in a circle.")
        return poses

    def _element(self, element: Element, link: str) -> Surface:
        """One <visual> or <collision>, in the link's frame."""
        geometry = element.find("geometry")
        shape = geometry[0] if geometry is not None and len(geometry) else None
        where = f"link '{link}' <{element.tag}>"
        if shape is None:
            raise ObjectFileError(f"{where} has no <geometry> with a shape.")
        surface = self._mesh(shape, where) if shape.tag == "mesh" else _surface_of(_primitive(shape, where))
        material = element.find("material")
        if material is not None:
            surface = _covered(surface, self._material(material, where))
        return surface.moved(_origin(element))

    def _mesh(self, shape: Element, where: str) -> Surface:
        written = shape.get("filename", "")
        try:
            found = self._folder.find(written, self._path, MESH_KINDS)
            surface = read_mesh(self._folder, found)
        except ObjectFileError as problem:
            raise ObjectFileError(f"{where} <mesh filename>: {problem}") from None
        scale = _vector(shape.get("scale", "1 1 1"), f"{where} <mesh scale>")
        if (scale <= 0).any():
            raise ObjectFileError(f"{where} <mesh scale> is {shape.get('scale')}, expected more than 0.")
        return Surface(surface.vertices * scale, surface.triangles, surface.colors, surface.part * 0, surface.skin)

    def _material(self, element: Element, where: str) -> Material:
        name = element.get("name", "")
        color, texture = element.find("color"), element.find("texture")
        if color is None and texture is None:
            if name in self._materials:
                return self._materials[name]
            raise ObjectFileError(f"{where} names the material '{name}', which has no <color> or <texture> here.")
        rgb = np.ones(3)
        if color is not None:
            rgb = _vector(color.get("rgba", ""), f"{where} <color rgba>", 4)[:3]
            if (rgb < 0).any() or (rgb > 1).any():
                raise ObjectFileError(f"{where} <color rgba> is '{color.get('rgba')}', expected four numbers 0 to 1.")
        picture = None
        if texture is not None:
            found = self._folder.find(texture.get("filename", ""), self._path, PICTURE_KINDS)
            picture = read_picture(self._folder, found)
        return Material((float(rgb[0]), float(rgb[1]), float(rgb[2])), picture)


def _covered(surface: Surface, material: Material) -> Surface:
    """A mesh keeps the places of its own pictures for the material's; without them a picture shows its mean colour."""
    if material.picture is None:
        return surface.painted(material.rgb)
    tinted = material.picture * np.array(material.rgb, np.float32)
    red, green, blue = tinted.reshape(-1, 3).mean(axis=0)
    plain = surface.painted((float(red), float(green), float(blue)))
    if surface.skin is None:
        return plain
    skin = Skin(np.minimum(surface.skin.picture, np.int32(0)), surface.skin.uv, (tinted,))
    return Surface(plain.vertices, plain.triangles, skin.mean_colors(plain.colors), plain.part, skin)


def _primitive(shape: Element, where: str) -> ConvexPart:
    if shape.tag == "box":
        return make_box(np.zeros(3), _positive(_vector(shape.get("size", ""), f"{where} <box size>"), where))
    if shape.tag == "cylinder":
        radius, length = (_number(shape, key, where) for key in ("radius", "length"))
        _positive(np.array([radius, length, 1.0]), where)
        return make_disc(radius, -length / 2, length / 2)
    if shape.tag == "sphere":
        radius = _number(shape, "radius", where)
        return _sphere(float(_positive(np.array([radius, 1.0, 1.0]), where)[0]))
    raise ObjectFileError(f"{where} is a <{shape.tag}>, expected mesh, box, cylinder or sphere.")


def _sphere(radius_m: float) -> ConvexPart:
    """Rings of flat facets between two caps."""
    from scipy.spatial import ConvexHull

    polar = np.linspace(0.0, math.pi, SPHERE_RINGS + 1)[1:-1]
    around = np.arange(2 * SPHERE_RINGS) * math.pi / SPHERE_RINGS
    theta, phi = (values.ravel() for values in np.meshgrid(polar, around))
    ring = np.column_stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)])
    points = radius_m * np.concatenate([ring, [(0.0, 0.0, 1.0), (0.0, 0.0, -1.0)]])
    hull = ConvexHull(points)
    triangles = hull.simplices.astype(int)
    normals = np.cross(
        points[triangles[:, 1]] - points[triangles[:, 0]], points[triangles[:, 2]] - points[triangles[:, 0]]
    )
    is_inward = np.einsum("ij,ij->i", normals, points[triangles[:, 0]]) < 0
    triangles[is_inward] = triangles[is_inward][:, ::-1]
    return ConvexPart(points, triangles)


def _surface_of(solid: ConvexPart) -> Surface:
    num = len(solid.triangles)
    return Surface(
        solid.vertices_object, solid.triangles, np.full((num, 3), np.nan, np.float32), np.zeros(num, np.int32)
    )


def _origin(element: Element) -> Float[np.ndarray, "4 4"]:
    """T_parent_child of an <origin>, identity without one."""
    pose = np.eye(4)
    origin = element.find("origin")
    if origin is not None:
        pose[:3, 3] = _vector(origin.get("xyz", "0 0 0"), "<origin xyz>")
        pose[:3, :3] = Rotation.from_euler("xyz", _vector(origin.get("rpy", "0 0 0"), "<origin rpy>")).as_matrix()
    return pose


def _child(element: Element, tag: str) -> Element:
    found = element.find(tag)
    if found is None:
        raise ObjectFileError(f"<{element.tag} name='{element.get('name', '?')}'> has no <{tag}>.")
    return found


def _need(element: Element, key: str) -> str:
    value = element.get(key)
    if not value:
        raise ObjectFileError(f"a <{element.tag}> has no {key}.")
    return value


def _number(element: Element, key: str, where: str) -> float:
    return float(_vector(element.get(key, ""), f"{where} <{element.tag} {key}>", 1)[0])


def _vector(text: str, where: str, count: int = 3) -> Float[np.ndarray, " numbers"]:
    try:
        values = np.array([float(word) for word in text.split()])
    except ValueError:
        values = np.zeros(0)
    if len(values) != count or not np.isfinite(values).all():
        raise ObjectFileError(f"{where} is '{text[:40]}', expected {count} number{'s' if count > 1 else ''}.")
    return values


def _positive(sizes: Float[np.ndarray, "3"], where: str) -> Float[np.ndarray, "3"]:
    if (sizes <= 0).any():
        raise ObjectFileError(f"{where} has a size of {sizes.min():g} m, expected more than 0.")
    return sizes
