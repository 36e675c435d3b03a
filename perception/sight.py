"""One thing as one camera saw it, kept pixel by pixel: what a camera that stands still can compare with later.

In:  pixels on which a thing shows, and the image they are of.
Out: a Sight; later, from the same place, how much of it has changed and how much is hidden.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8

from .geometry import near_capsules
from .points import View
from .types import CameraImage, Intrinsics

_RING_PIXELS = 2  # a thing that moves shows first at its edge
_SAME_PLACE_M, _SAME_TURN = 0.002, 0.003  # levelling differs by this much from look to look
_NOISES, _MIN_STEP_M = 6.0, 0.006
_NEAR_M = 0.06  # what is this much nearer is not the thing itself
_ROBOT_M = 0.022
_MIN_PIXELS = 15
_MEAN_M = 0.0025
_HUE = 0.08  # a shadow changes as much as 0.06
_MAX_CHANGED, _MIN_CHANGED_PIXELS = 0.03, 4


@dataclass(frozen=True, slots=True)
class Sight:
    """Where the camera was, the pixels of the thing and around it (`is_ring`), their depths and colours."""

    T_world_sensor: Float[np.ndarray, "4 4"]
    intrinsics: Intrinsics
    rows: Int[np.ndarray, " pixels"]
    columns: Int[np.ndarray, " pixels"]
    is_ring: Bool[np.ndarray, " pixels"]
    depth_m: Float[np.ndarray, " pixels"]
    rgb: UInt8[np.ndarray, "pixels 3"]

    def is_from(self, view: View) -> bool:
        """Whether the camera stands where it stood, with the same pixels."""
        off = np.abs(self.T_world_sensor - view.T_world_sensor)
        is_same = isinstance(view.measured, CameraImage) and view.measured.intrinsics == self.intrinsics
        return bool(is_same and off[:3, 3].max() < _SAME_PLACE_M and off[:3, :3].max() < _SAME_TURN)

    def has_changed(self, view: View, noise_m: float) -> bool:
        """Whether the thing moved, was changed or is gone; what hides it, the robot too, says nothing of it."""
        image = view.measured
        assert isinstance(image, CameraImage)  # scans are not looked at pixel by pixel
        now_m = image.depth_m[self.rows, self.columns].astype(np.float64)
        step_m = max(_MIN_STEP_M, _NOISES * noise_m)
        beyond_m = np.where(now_m > 0.0, now_m - self.depth_m, 0.0)
        is_near = (beyond_m < -step_m) & (beyond_m > -_NEAR_M)
        if view.capsules is not None and is_near.any():
            is_near[is_near] = ~_is_robot(view, self.rows[is_near], self.columns[is_near], now_m[is_near])
        changed = int((is_near | (beyond_m > step_m)).sum())
        if changed > max(_MIN_CHANGED_PIXELS, _MAX_CHANGED * len(self.rows)):
            return True
        same = (np.abs(beyond_m) <= step_m) & ~self.is_ring
        if same.sum() < _MIN_PIXELS:
            return False
        hue = _chroma(image.rgb[self.rows[same], self.columns[same]]) - _chroma(self.rgb[same])
        return abs(float(beyond_m[same].mean())) > _MEAN_M or float(np.abs(hue).sum()) > _HUE


def take_sight(view: View, rows: Int[np.ndarray, " pixels"], columns: Int[np.ndarray, " pixels"]) -> Sight | None:
    """What a camera sees of a thing on these pixels; None when they are too few to tell a change."""
    image = view.measured
    if not isinstance(image, CameraImage) or len(rows) < _MIN_PIXELS:
        return None
    low = np.maximum(np.array([rows.min(), columns.min()]) - _RING_PIXELS, 0)
    high = np.minimum(np.array([rows.max(), columns.max()]) + _RING_PIXELS + 1, image.depth_m.shape)
    own = np.zeros(high - low, dtype=bool)
    own[rows - low[0], columns - low[1]] = True
    wide = own
    for _ in range(_RING_PIXELS):
        wide = wide.copy()
        wide[1:] |= wide[:-1]
        wide[:-1] |= wide[1:]
        wide[:, 1:] |= wide[:, :-1]
        wide[:, :-1] |= wide[:, 1:]
    r, c = np.nonzero(wide)
    is_ring = ~own[r, c]
    r, c = r + low[0], c + low[1]
    depth_m = image.depth_m[r, c].astype(np.float64)
    known = depth_m > 0.0
    r, c, depth_m, is_ring = r[known], c[known], depth_m[known], is_ring[known]
    return Sight(view.T_world_sensor, image.intrinsics, r, c, is_ring, depth_m, image.rgb[r, c])


def _chroma(rgb: UInt8[np.ndarray, "pixels 3"]) -> Float[np.ndarray, "3"]:
    """Mean colour without brightness: shadows move and hardly change it."""
    total = rgb.sum(axis=0, dtype=np.float64)
    return total / max(float(total.sum()), 1.0)


def _is_robot(
    view: View,
    rows: Int[np.ndarray, " pixels"],
    columns: Int[np.ndarray, " pixels"],
    depth_m: Float[np.ndarray, " pixels"],
) -> Bool[np.ndarray, " pixels"]:
    assert isinstance(view.measured, CameraImage)
    assert view.capsules is not None
    i = view.measured.intrinsics
    camera = np.column_stack([(columns - i.cx) / i.fx * depth_m, (rows - i.cy) / i.fy * depth_m, depth_m])
    world = camera @ view.T_world_sensor[:3, :3].T + view.T_world_sensor[:3, 3]
    return near_capsules(torch.as_tensor(world), torch.as_tensor(view.capsules), _ROBOT_M).numpy()
