from pathlib import Path

import numpy as np
import pytest
from own_files import BOX_URDF, CUBE_FACES, cube_obj, write_scene
from PIL import Image
from verbot.sim.catalogue import ObjectModel, make_object
from verbot.sim.raycast import RayRoom
from verbot.sim.scenes import SceneError, draw, load_scene
from verbot.sim.world import World

MESH = 'mesh = "cube.obj"\n'
RED = MESH + 'color = "red"\n'


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decompositions are kept in the home folder, which is not the tester's here."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


def _model(scene: Path) -> ObjectModel:
    return make_object(load_scene(scene).objects[0].kind)


def test_mass_and_inertia_come_from_the_volume(tmp_path: Path) -> None:
    model = _model(write_scene(tmp_path, RED + "density_kgpm3 = 1000", cube_dot_obj=cube_obj()))
    assert model.mass_kg == pytest.approx(0.064)
    assert model.own is not None
    np.testing.assert_allclose(model.own.inertia_kgm2, 0.064 * 0.04**2 / 6, rtol=1e-6)
    np.testing.assert_allclose(model.own.com_object, 0.0, atol=1e-9)


def test_scale_and_up_turn_a_file_of_millimetres_upright(tmp_path: Path) -> None:
    tall = cube_obj(scale=1000.0).splitlines()
    stretched = [f"v {w[1]} {2 * float(w[2])} {w[3]}" if (w := line.split())[:1] == ["v"] else line for line in tall]
    scene = write_scene(tmp_path, RED + 'scale = 0.001\nup = "y"', cube_dot_obj="\n".join(stretched))
    np.testing.assert_allclose(_model(scene).size_m, [0.04, 0.04, 0.08], atol=1e-9)


def test_an_object_has_its_materials_colours_and_is_called_by_the_largest(tmp_path: Path) -> None:
    faces = ["usemtl blue", *CUBE_FACES[:2], "usemtl yellow", *CUBE_FACES[2:]]
    text = cube_obj("mtllib m.mtl", [f"{face}" for face in faces]).replace("f usemtl", "usemtl")
    materials = "newmtl blue\nKd 0.1 0.2 0.8\nnewmtl yellow\nKd 0.9 0.8 0.1\n"
    scene = load_scene(write_scene(tmp_path, MESH, cube_dot_obj=text, m_dot_mtl=materials))
    assert scene.objects[0].color == "yellow"
    assert draw(scene, 0).objects[0].name == "yellow_cube"
    own = make_object(scene.objects[0].kind).own
    assert own is not None
    np.testing.assert_allclose(np.unique(own.surface.colors, axis=0), [[0.1, 0.2, 0.8], [0.9, 0.8, 0.1]], atol=1e-6)


def test_a_picture_reaches_the_camera_and_its_mean_the_truth(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), (20, 160, 40)).save(tmp_path / "green.png")
    text = cube_obj("mtllib m.mtl\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nusemtl g").replace("f ", "f @ ")
    lines = [
        "f " + " ".join(f"{c}/{k + 1}" for k, c in enumerate(line.split()[2:])) if line.startswith("f @") else line
        for line in text.splitlines()
    ]
    files = {"cube_dot_obj": "\n".join(lines), "m_dot_mtl": "newmtl g\nKd 1 1 1\nmap_Kd green.png\n"}
    scene = draw(load_scene(write_scene(tmp_path, MESH, **files)), 0)
    world = World()
    world.place(scene)
    assert RayRoom(world.visual_bodies()).has_pictures
    assert scene.objects[0].color == "green"
    model = make_object(scene.objects[0].kind)
    np.testing.assert_allclose(model.color_rgb("green"), np.array([20, 160, 40]) / 255, atol=1e-3)
    world.close()


def test_fixed_joints_make_one_body_of_a_urdf(tmp_path: Path) -> None:
    more = (
        '<link name="b"><visual><geometry><cylinder radius="0.01" length="0.04"/></geometry>'
        '<material name="m"/></visual></link>'
        '<joint name="j" type="fixed"><parent link="a"/><child link="b"/><origin xyz="0 0 0.04"/></joint>'
    )
    model = _model(write_scene(tmp_path, 'urdf = "box.urdf"', box_dot_urdf=BOX_URDF.format(more=more)))
    np.testing.assert_allclose(model.size_m, [0.04, 0.04, 0.08], atol=1e-6)
    assert model.own is not None
    assert model.own.color == "red"


def test_a_decomposed_ring_keeps_its_opening(tmp_path: Path) -> None:
    around = 2 * np.pi * np.arange(16) / 16
    profile = [(0.0, 0.0), (0.04, 0.0), (0.04, 0.05), (0.03, 0.05), (0.03, 0.004), (0.0, 0.004)]
    lines = [f"v {r * np.cos(t):.6f} {r * np.sin(t):.6f} {z}" for r, z in profile for t in around]
    n = len(profile)
    for ring in range(n):
        for k in range(16):
            a, b = ring * 16, (ring + 1) % n * 16
            lines.append(f"f {a + k + 1} {a + (k + 1) % 16 + 1} {b + (k + 1) % 16 + 1} {b + k + 1}")
    scene = write_scene(tmp_path, RED + 'shape = "bowl"', cube_dot_obj="\n".join(lines))
    model = _model(scene)
    assert len(model.parts) > 3
    assert model.cavity_depth_m == pytest.approx(0.046, abs=1e-6)
    middle = np.array([0.0, 0.0, 0.01])
    assert not any(_contains(part.vertices_object[part.triangles], middle) for part in model.parts)


def _contains(triangles: np.ndarray, point: np.ndarray) -> bool:
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    return bool((np.einsum("ij,ij->i", normals, point - triangles[:, 0]) < 0).all())


def test_an_own_object_rests_where_it_was_put_and_truth_knows_it(tmp_path: Path) -> None:
    scene = draw(load_scene(write_scene(tmp_path, RED + "position_world = [0.5, 0.1]", cube_dot_obj=cube_obj())), 0)
    world = World()
    world.reset()
    world.place(scene)
    world.settle()
    np.testing.assert_allclose(world.object_pose("red_cube")[:3, 3], [0.5, 0.1, 0.02], atol=2e-3)
    world.close()


def test_the_same_file_is_the_same_kind_and_another_is_not(tmp_path: Path) -> None:
    first = load_scene(write_scene(tmp_path, RED, cube_dot_obj=cube_obj())).objects[0].kind
    again = load_scene(write_scene(tmp_path, RED, cube_dot_obj=cube_obj())).objects[0].kind
    other = load_scene(write_scene(tmp_path, RED, cube_dot_obj=cube_obj(scale=1.1))).objects[0].kind
    assert first == again != other


def test_nouns_of_a_scene_become_looks(tmp_path: Path) -> None:
    scene = load_scene(write_scene(tmp_path, RED + 'noun = "gift"\nsynonyms = ["present"]', cube_dot_obj=cube_obj()))
    (look,) = draw(scene, 0).looks
    assert look.nouns == ("gift", "present")
    assert look.color == "red"


WRONG = [
    ('mesh = "none.obj"', {}, "'objects.0.mesh': none.obj: no such file"),
    ('mesh = "../cube.obj"', {}, "leads out of the folder"),
    ('mesh = "/etc/passwd"', {}, "leads out of the folder"),
    ('mesh = "cube.fbx"', {"cube_dot_fbx": "x"}, "is no .obj or .stl or .ply file"),
    (RED + "mass_kg = 0", {}, "'objects.0.mass_kg'.*greater than 0"),
    (RED + "mass_kg = 1e-9", {"cube_dot_obj": cube_obj()}, "'objects.0.mass_kg': cube.obj: weighs 1e-09 kg"),
    (RED + "scale = nan", {}, "'objects.0.scale'"),
    (RED, {"cube_dot_obj": cube_obj(scale=1000.0)}, "scale': cube.obj: is 40 m long.*millimetres: set scale = 0.001"),
    (RED, {"cube_dot_obj": cube_obj(scale=0.001)}, "scale': cube.obj: is 4e-05 m long"),
    (RED, {"cube_dot_obj": cube_obj(faces=CUBE_FACES[1:])}, "mesh': cube.obj: has 4 open edges"),
    (RED, {"cube_dot_obj": cube_obj(faces=[*CUBE_FACES, "1 2 8"])}, "has .* open edges|not manifold"),
    (RED, {"cube_dot_obj": cube_obj(faces=[*CUBE_FACES[1:], "3 4 2 1"])}, "face the wrong way"),
    (RED, {"cube_dot_obj": cube_obj(faces=[" ".join(f.split()[::-1]) for f in CUBE_FACES])}, "inside out"),
    (RED, {"cube_dot_obj": cube_obj(faces=["1 2 3"]).replace("0.02", "0.0")}, "cube.obj"),
    (RED, {"cube_dot_obj": cube_obj(faces=["1 2 99"])}, "cube.obj line 10: a face names corner 99, the file has 8"),
    (RED, {"cube_dot_obj": "v 0 0\n"}, "cube.obj line 1: 'v 0 0' is malformed OBJ"),
    (RED, {"cube_dot_obj": ""}, "cube.obj: has no triangles"),
    (RED, {"cube_dot_obj": "mtllib m.mtl\n"}, "cube.obj line 1: m.mtl: no such file"),
    (RED, {"cube_dot_obj": "mtllib ../m.mtl\n"}, "cube.obj line 1: ../m.mtl: leads out"),
    (RED, {"cube_dot_obj": "mtllib m.mtl\n", "m_dot_mtl": "newmtl a\nmap_Kd p.png\n"}, "m.mtl line 2: p.png: no such"),
    (
        RED,
        {"cube_dot_obj": "mtllib m.mtl\n", "m_dot_mtl": "newmtl a\nmap_Kd p.png", "p_dot_png": "x"},
        "p.png: is no PNG",
    ),
    (RED, {"cube_dot_obj": "usemtl a\n"}, "cube.obj line 1: no material 'a'"),
    (MESH, {"cube_dot_obj": cube_obj()}, "'objects.0.color': is missing: cube.obj has no colours"),
    (RED + 'shape = "bowl"', {"cube_dot_obj": cube_obj()}, "'objects.0.shape': 'bowl' is open above"),
    (RED + 'noun = "put"', {"cube_dot_obj": cube_obj()}, "'objects.0.noun': 'put' means something else"),
    (RED + 'kind = "bowl"', {}, "one of `kind`, `mesh` and `urdf`"),
    ('color = "red"', {}, "one of `kind`, `mesh` and `urdf`, not none"),
    ('kind = "bowl"\ncolor = "red"\nmass_kg = 1', {}, "`mass_kg` belongs to objects with"),
    (RED + "density_kgpm3 = 5\nmass_kg = 1", {}, "not both"),
    (
        'urdf = "b.urdf"',
        {"b_dot_urdf": BOX_URDF.format(more="").replace("box size", "mesh filename='no.obj' x")},
        "link 'a' <visual> <mesh filename>: no.obj: no such file",
    ),
    (
        'urdf = "b.urdf"',
        {"b_dot_urdf": BOX_URDF.format(more="").replace("box size", "mesh filename='package://x/y.obj' x")},
        "leads out of the folder",
    ),
    ('urdf = "b.urdf"', {"b_dot_urdf": '<!DOCTYPE x [<!ENTITY a "b">]><robot/>'}, "document type or entities"),
    ('urdf = "b.urdf"', {"b_dot_urdf": "<robot>"}, "b.urdf: malformed XML"),
    ('urdf = "b.urdf"', {"b_dot_urdf": "<sdf/>"}, "begins with <sdf>"),
    ('urdf = "b.urdf"', {"b_dot_urdf": "<robot/>"}, "has 0 links"),
    (
        'urdf = "b.urdf"',
        {
            "b_dot_urdf": BOX_URDF.format(
                more='<link name="l"/><joint name="j" type="revolute"><parent link="a"/><child link="l"/></joint>'
            )
        },
        "joint 'j' is revolute, expected fixed",
    ),
    (
        'urdf = "b.urdf"',
        {"b_dot_urdf": BOX_URDF.format(more="").replace("<visual>", '<inertial><mass value="0"/></inertial><visual>')},
        "link 'a' has mass 0 kg",
    ),
    ('urdf = "b.urdf"', {"b_dot_urdf": BOX_URDF.format(more="").replace("0.04 0.04 0.04", "0.04 -1 0")}, "size of -1"),
]


@pytest.mark.parametrize(("entry", "files", "message"), WRONG)
def test_a_wrong_object_is_one_line_that_names_scene_file_and_key(
    tmp_path: Path, entry: str, files: dict[str, str], message: str
) -> None:
    scene = write_scene(tmp_path, entry, **files)
    with pytest.raises(SceneError, match=message) as caught:
        load_scene(scene)
    assert str(caught.value).startswith(f"{scene}: ")
    assert "objects.0" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "out" / "cube.obj").write_text(cube_obj())
    (tmp_path / "in" / "cube.obj").symlink_to(tmp_path / "out" / "cube.obj")
    with pytest.raises(SceneError, match="is a link that leads out"):
        load_scene(write_scene(tmp_path / "in", RED))
