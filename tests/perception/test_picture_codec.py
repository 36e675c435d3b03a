import numpy as np
import pytest
from verbot.perception.picture_codec import (
    PictureError,
    decode_depth,
    decode_points,
    decode_rgb,
    encode_depth,
    encode_points,
    encode_rgb,
    thinned,
)
from verbot.perception.types import CameraImage, Intrinsics


def test_depth_comes_back_within_half_a_millimetre_and_nothing_stays_nothing() -> None:
    depth_m = np.random.default_rng(0).uniform(0.2, 60.0, (40, 50)).astype(np.float32)
    depth_m[3, 4], depth_m[5, 6] = 0.0, np.inf
    back_m = decode_depth(encode_depth(depth_m))
    assert back_m[3, 4] == back_m[5, 6] == 0.0
    depth_m[5, 6] = 0.0
    assert np.abs(back_m - depth_m).max() <= 0.0005 + 1e-5


def test_points_come_back_within_half_a_millimetre() -> None:
    points_m = np.random.default_rng(0).uniform(-9.0, 9.0, (1000, 3)).astype(np.float32)
    assert np.abs(decode_points(encode_points(points_m)) - points_m).max() <= 0.0005 + 1e-5


def test_small_coloured_things_keep_their_colour() -> None:
    rgb = np.full((48, 64, 3), 120, np.uint8)
    rgb[20:24, 30:34] = 220, 20, 30
    back = decode_rgb(encode_rgb(rgb), 64, 48)
    assert np.abs(back[20:24, 30:34].reshape(-1, 3).mean(axis=0) - [220, 20, 30]).max() < 6


def test_a_jpeg_of_another_size_and_bytes_that_are_none_are_told() -> None:
    jpeg = encode_rgb(np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(PictureError, match=r"expected \(64, 40\)"):
        decode_rgb(jpeg, 64, 40)
    with pytest.raises(PictureError, match="cannot be read"):
        decode_rgb(b"no picture", 64, 48)
    with pytest.raises(PictureError, match="cannot be read"):
        decode_rgb(jpeg[: len(jpeg) // 2], 64, 48)


@pytest.mark.parametrize("max_width", [64, 63, 20, 1])
def test_a_thinned_picture_sees_the_same_points(max_width: int) -> None:
    i = Intrinsics(64, 48, 50.0, 51.0, 31.5, 23.5)
    v, u = np.mgrid[:48, :64]
    depth_m = (1.0 + 0.01 * u + 0.02 * v).astype(np.float32)
    image = CameraImage("c", 0.0, np.zeros((48, 64, 3), np.uint8), depth_m, i, np.eye(4))
    small = thinned(image, max_width)
    assert small.intrinsics.width <= max_width
    j = small.intrinsics
    v, u = np.mgrid[: j.height, : j.width]
    x, y = (u - j.cx) / j.fx, (v - j.cy) / j.fy  # rays of the small picture meet the plane where the big one's did
    np.testing.assert_allclose(small.depth_m, 1.0 + 0.01 * (x * 50.0 + 31.5) + 0.02 * (y * 51.0 + 23.5), atol=1e-5)
