"""What every perceiver keeps. Call `check_perceiver` from your own test with frames that your perceiver can read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ...perception.types import Perceiver, SceneState, SensorFrame


def check_perceiver(make_perceiver: Callable[[], Perceiver], frames: Sequence[SensorFrame]) -> None:
    """Raise AssertionError with one line that names the broken promise."""
    assert frames, "give at least one frame"
    perceiver, again = make_perceiver(), make_perceiver()
    first = [perceiver.update(frame) for frame in frames]
    perceiver.reset()
    for other in ([perceiver.update(f) for f in frames], [again.update(f) for f in frames]):
        for a, b in zip(first, other, strict=True):
            assert _equal(a, b), "the same frames after reset must give the same scenes, bit for bit"
    for frame, scene in zip(frames, first, strict=True):
        assert scene.time_s == frame.time_s, "a scene's time must be its frame's time"
        for thing in scene.objects:
            finite = np.isfinite(thing.pose_world).all() and np.isfinite(thing.covariance).all()
            assert finite, f"{thing.id} has a value that is not finite"
            assert 0.0 <= thing.existence <= 1.0, f"{thing.id} exists with probability {thing.existence}"
        assert len({o.id for o in scene.objects}) == len(scene.objects), "object ids must be unique"
    last = frames[-1]
    blind = replace(last, time_s=last.time_s + 0.1, images=(), scans=(), imu=())
    assert isinstance(perceiver.update(blind), SceneState), "a frame without pictures must still give a scene"


def _equal(a: SceneState, b: SceneState) -> bool:
    if len(a.objects) != len(b.objects):
        return False
    return all(
        x.id == y.id and x.shape == y.shape and np.array_equal(x.pose_world, y.pose_world)
        for x, y in zip(a.objects, b.objects, strict=True)
    )
