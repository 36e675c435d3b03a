import numpy as np
import pytest
from verbot.sim.lit_view import shade
from verbot.sim.pinhole import Pinhole, make_intrinsics
from verbot.sim.raycast import RayRoom, VisualBody
from verbot.sim.shading import Light
from verbot.sim.textures import Skin, join_skins

FLAT = Light(toward_light=(0.0, 0.0, 1.0), key=0.0, ambient=1.0)
# Looks down on the square from 1 m; the picture's top row is at +y, which is up in the image.
T_WORLD_CAMERA = np.array([[1.0, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 1], [0, 0, 0, 1]])
RED, GREEN, BLUE, WHITE = np.eye(3, dtype=np.float32).tolist() + [[1.0, 1.0, 1.0]]
QUARTERS = np.array([[RED, GREEN], [BLUE, WHITE]], np.float32).repeat(8, 0).repeat(8, 1)


def _square(picture: np.ndarray | None, name: str = "square", shift: float = 0.0) -> VisualBody:
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32) * 0.4
    corners[:, 0] += shift
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.uint32)
    colors = np.full((2, 3), 0.5, np.float32)
    skin = None
    if picture is not None:
        uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)[triangles]
        skin = Skin(np.zeros(2, np.int32), uv, (picture,))
        colors = skin.mean_colors(colors)
    return VisualBody(name, corners, triangles, colors, is_static=False, skin=skin)


def _picture(*bodies: VisualBody) -> np.ndarray:
    room = RayRoom(bodies, FLAT)
    view = Pinhole(make_intrinsics(64, 64, 1.2)).look(room, T_WORLD_CAMERA)
    return shade(view)


def test_a_picture_lies_on_its_square_the_right_way_round() -> None:
    seen = _picture(_square(QUARTERS))
    for (row, column), color in {(20, 20): RED, (20, 44): GREEN, (44, 20): BLUE, (44, 44): WHITE}.items():
        np.testing.assert_allclose(seen[row, column], color, atol=0.02)


def test_a_body_without_a_picture_keeps_its_colour_beside_one_that_has() -> None:
    plain, covered = _square(None, "plain", -0.4), _square(QUARTERS, "covered", 0.4)
    seen = _picture(covered, plain)
    np.testing.assert_allclose(seen[32, 10], 0.5, atol=1e-6)
    assert np.ptp(seen[20, 34:60], axis=0).max() > 0.9


def test_the_mean_of_what_a_camera_sees_is_the_mean_colour_that_the_rest_works_with() -> None:
    body = _square(QUARTERS)
    seen = _picture(body)
    inside = seen[12:52, 12:52].reshape(-1, 3).mean(axis=0)
    np.testing.assert_allclose(inside, body.colors.mean(axis=0), atol=0.06)


def test_a_room_without_pictures_has_no_skin() -> None:
    assert join_skins([None, None], [4, 5]) is None
    assert not RayRoom([_square(None)]).has_pictures


def test_a_black_picture_stays_black() -> None:
    seen = _picture(_square(np.zeros((4, 4, 3), np.float32)))
    assert seen[32, 32] == pytest.approx(0.0, abs=0.01)
