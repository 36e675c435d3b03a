"""Small files of a user's objects, right and wrong, for the tests."""

from pathlib import Path

CUBE_CORNERS = [(x, y, z) for x in (-0.02, 0.02) for y in (-0.02, 0.02) for z in (-0.02, 0.02)]
CUBE_FACES = ["1 2 4 3", "5 7 8 6", "1 5 6 2", "3 4 8 7", "1 3 7 5", "2 6 8 4"]
BOX_URDF = """<robot name="box"><link name="a">
<visual><geometry><box size="0.04 0.04 0.04"/></geometry>
<material name="m"><color rgba="0.8 0.1 0.1 1"/></material></visual>
<collision><geometry><box size="0.04 0.04 0.04"/></geometry></collision></link>{more}</robot>"""


def cube_obj(head: str = "", faces: list[str] | None = None, scale: float = 1.0) -> str:
    """A cube of 4 cm, wound outward."""
    corners = "".join(f"v {scale * x} {scale * y} {scale * z}\n" for x, y, z in CUBE_CORNERS)
    return f"{head}\n{corners}" + "".join(f"f {face}\n" for face in (CUBE_FACES if faces is None else faces))


def write_scene(folder: Path, entry: str, **files: str) -> Path:
    """A scene of one object with that table; files by name, `_dot_` standing for the dot."""
    for name, text in files.items():
        path = folder / name.replace("_dot_", ".").replace("_slash_", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    scene = folder / "scene.toml"
    scene.write_text(f'name = "own"\n[[objects]]\n{entry}\n')
    return scene
