"""The sensor benchmark measures what it says: the arm moves between frames, for all sides."""

from __future__ import annotations

import numpy as np
from verbot.sim.bench_sensors import Stage, find_lidar


def test_the_arm_moves_between_frames_and_the_lidar_sees_it() -> None:
    stage = Stage()
    try:
        scans = []
        for frame in range(2):
            stage.swing(frame)
            stage.room.move(stage.world.body_poses())
            scans.append(find_lidar().measure(stage.room, np.eye(4), 0.0, np.random.default_rng(0)))
        places = stage.world.link_places()
        stage.swing(5)
        assert stage.world.link_places() != places
        assert len(scans[0].points_sensor) != len(scans[1].points_sensor)
    finally:
        stage.close()
