"""Five real RGB-D frames of a room, as a person's own camera would deliver them."""

import numpy as np
from real_data import shared_data
from verbot.perception.perceiver import FusedPerceiver
from verbot.perception.recordings.open_recording import open_recording
from verbot.perception.types import PerceiverSetup, SensorFrame


def _frames() -> list[SensorFrame]:
    return [moment.frame for moment in open_recording(shared_data("rgbd_room")).moments()]


def test_the_floor_of_a_real_room_is_found_level_at_one_height() -> None:
    tables = [FusedPerceiver(PerceiverSetup(())).update(frame).table for frame in _frames()[:4]]
    heights = [table.height_m for table in tables if table is not None]
    assert len(heights) >= 3
    assert max(heights) - min(heights) < 0.03
    assert all(table.tilt_rad < 0.05 for table in tables if table is not None)


def test_a_walk_through_a_real_room_never_raises() -> None:
    perceiver = FusedPerceiver(PerceiverSetup(()))
    for frame in _frames():
        scene = perceiver.update(frame)
        assert all(np.isfinite(o.pose_world).all() for o in scene.objects)
