"""Five real RGB-D frames of a room, as a person's own camera would deliver them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from verbot.perception.perceiver import FusedPerceiver
from verbot.perception.types import CameraImage, Intrinsics, PerceiverSetup, SensorFrame

ROOM = Path(__file__).parents[3] / "shared" / "data" / "rgbd_room"
# The recording's world has y up.
T_WORLD_RECORDED = np.array([[1.0, 0, 0, 0], [0, 0, -1.0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1.0]])

pytestmark = pytest.mark.skipif(not ROOM.is_dir(), reason="real RGB-D frames (../shared/data/rgbd_room) are absent")


def _images() -> list[CameraImage]:
    k = np.loadtxt(ROOM / "camera-intrinsics.txt")
    images = []
    for number, path in enumerate(sorted((ROOM / "seq-01").glob("*.pose.txt"))):
        pose = np.loadtxt(path)
        u, _, v = np.linalg.svd(pose[:3, :3])
        pose[:3, :3] = u @ v
        stem = str(path)[: -len(".pose.txt")]
        depth_m = np.array(Image.open(stem + ".depth.png")).astype(np.float32) / 1000.0
        depth_m[depth_m > 20.0] = 0.0
        rgb = np.array(Image.open(stem + ".color.png").convert("RGB"))
        # Every second pixel, as a camera of half the resolution.
        depth_m, rgb = depth_m[::2, ::2].copy(), rgb[::2, ::2].copy()
        pinhole = Intrinsics(320, 240, k[0, 0] / 2, k[1, 1] / 2, k[0, 2] / 2, k[1, 2] / 2)
        images.append(CameraImage("kinect", float(number), rgb, depth_m, pinhole, T_WORLD_RECORDED @ pose))
    return images


def test_the_floor_of_a_real_room_is_found_level_at_one_height() -> None:
    tables = [FusedPerceiver(PerceiverSetup(())).update(SensorFrame(i.time_s, (i,))).table for i in _images()[:4]]
    heights = [table.height_m for table in tables if table is not None]
    assert len(heights) >= 3
    assert max(heights) - min(heights) < 0.03
    assert all(table.tilt_rad < 0.05 for table in tables if table is not None)


def test_a_walk_through_a_real_room_never_raises() -> None:
    perceiver = FusedPerceiver(PerceiverSetup(()))
    for image in _images():
        scene = perceiver.update(SensorFrame(image.time_s, (image,)))
        assert all(np.isfinite(o.pose_world).all() for o in scene.objects)
