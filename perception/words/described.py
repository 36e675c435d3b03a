"""What a perceiver measured of an object as numbers for the region tower.

In:  ObjectStates of one scene.
Out: features, a row for each object. The first NUM_SIZES are logarithms of the size, then come shares by shape
     (attributes.SHAPES): every source of features begins so, because the tower compares things by them.

A colour that nobody has seen, or that no palette knows, is zeros and a mark.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..colors import WORDS, name_color
from ..types import ObjectState
from .attributes import SHAPES

NUM_SIZES = 3
SCALE_M = 0.05
NUM_SEEN = 1 + 3 + 4 + len(WORDS)
NUM_DESCRIBED = NUM_SIZES + len(SHAPES) + 4 + NUM_SEEN
COLOR_FROM, COLOR_TO = NUM_DESCRIBED - NUM_SEEN, NUM_DESCRIBED


DESCRIBED, FUSED = "described", "fused"
"""Kinds of features: what was measured, and the same with the fusion network's own numbers behind it."""


def describe_objects(objects: Sequence[ObjectState]) -> Float[Tensor, "regions features"]:
    """Features of kind "described"."""
    rows = [_describe(item) for item in objects]
    return torch.tensor(np.array(rows, np.float32).reshape(len(rows), NUM_DESCRIBED))


def has_features(objects: Sequence[ObjectState]) -> bool:
    """Whether a fusion network saw every one of them."""
    return bool(objects) and all(item.features is not None for item in objects)


def fused_features(objects: Sequence[ObjectState]) -> Float[Tensor, "regions features"]:
    """Features of kind "fused"; what the network said nothing of has zeros."""
    num = max((len(item.features) for item in objects if item.features is not None), default=0)
    told = [np.zeros(num) if item.features is None else item.features for item in objects]
    return torch.cat([describe_objects(objects), torch.tensor(np.array(told, np.float32))], -1)


def _describe(item: ObjectState) -> list[float]:
    size = [float(np.log(max(side, 1e-3) / SCALE_M)) for side in item.size_m]
    sure = min(max(item.shape_confidence, 0.0), 1.0)
    others = (1.0 - sure) / (len(SHAPES) - 1)
    shape = [sure if name == item.shape.value else others for name in SHAPES]
    spread_m = float(np.sqrt(max(np.trace(item.covariance[:3, :3]) / 3.0, 1e-10)))
    plain = [item.cavity_depth_m / SCALE_M, float(item.cavity_depth_m > 0.0), item.existence, np.log(spread_m) + 7.0]
    return [*size, *shape, *plain, *_seen_color(item)]


def _seen_color(item: ObjectState) -> list[float]:
    """A mark, the colour, its hue and brightness, its word with how sure that is."""
    if item.color not in WORDS or not np.isfinite(item.color_rgb).all():
        return [0.0] * NUM_SEEN
    red, green, blue = (min(max(float(c), 0.0), 1.0) for c in item.color_rgb)
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    turn = 2.0 * np.pi * hue
    word, sure = name_color((red, green, blue))
    words = [sure if w == word else 0.0 for w in WORDS]
    return [1.0, red, green, blue, saturation * np.cos(turn), saturation * np.sin(turn), saturation, value, *words]
