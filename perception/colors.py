"""Colour words: the palette that scenes are painted with, and the name of any measured colour.

In:  RGB in 0–1 (a surface's measured colour, darker or brighter by its shading).
Out: a basic colour word with a confidence, by hue where there is one, else by brightness.
"""

from __future__ import annotations

import colorsys
import math

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

PALETTE: dict[str, tuple[float, float, float]] = {
    "red": (0.84, 0.14, 0.12),
    "orange": (0.96, 0.52, 0.08),
    "yellow": (0.95, 0.85, 0.15),
    "green": (0.18, 0.62, 0.22),
    "cyan": (0.20, 0.78, 0.82),
    "blue": (0.12, 0.28, 0.80),
    "purple": (0.50, 0.20, 0.68),
    "white": (0.93, 0.93, 0.92),
    "pink": (0.92, 0.36, 0.70),
    "brown": (0.38, 0.22, 0.10),
    "gray": (0.38, 0.38, 0.40),
    "black": (0.07, 0.07, 0.08),
}

# Where one hue word ends and the next begins, degrees; shading moves value and hardly hue.
_HUE_EDGES_DEG = (14.0, 41.0, 68.0, 157.0, 205.0, 252.0, 305.0, 343.0)
_HUE_WORDS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "red")
WORDS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "brown", "white", "gray", "black")

_MIN_SATURATION = 0.30
_BLACK_VALUE = 0.16
_GRAY_VALUE = 0.47
_BROWN_VALUE = 0.45
_PINK_SATURATION = 0.62
_PALE_PINK_SATURATION = 0.15


def name_color(rgb: Float[np.ndarray, "3"] | tuple[float, float, float]) -> tuple[str, float]:
    """The basic colour word of a surface colour (0–1) and how sure, 0–1: near a border about 0.5."""
    red, green, blue = (min(max(float(c), 0.0), 1.0) if math.isfinite(float(c)) else 0.0 for c in rgb)
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    if value < _BLACK_VALUE:
        return "black", _sure((_BLACK_VALUE - value) / 0.08)
    if _PALE_PINK_SATURATION < saturation < _MIN_SATURATION and value > 0.8 and hue * 360.0 > 320.0:
        return "pink", _sure((saturation - _PALE_PINK_SATURATION) / 0.1)
    if saturation < _MIN_SATURATION:
        return _name_colorless(saturation, value)
    return _name_by_hue(hue * 360.0, saturation, value)


def _name_colorless(saturation: float, value: float) -> tuple[str, float]:
    margin = (_MIN_SATURATION - saturation) / 0.15
    if value < _GRAY_VALUE:
        return "gray", _sure(min(margin, (_GRAY_VALUE - value) / 0.10, (value - _BLACK_VALUE) / 0.08))
    return "white", _sure(min(margin, (value - _GRAY_VALUE) / 0.10))


def _name_by_hue(hue_deg: float, saturation: float, value: float) -> tuple[str, float]:
    word = _HUE_WORDS[sum(hue_deg >= edge for edge in _HUE_EDGES_DEG)]
    to_edge_deg = min(abs((hue_deg - edge + 180.0) % 360.0 - 180.0) for edge in _HUE_EDGES_DEG)
    margin = min(to_edge_deg / 8.0, (saturation - _MIN_SATURATION) / 0.15, (value - _BLACK_VALUE) / 0.08)
    if word == "red" and saturation < _PINK_SATURATION and value > 0.7:
        return "pink", _sure(min(margin, (_PINK_SATURATION - saturation) / 0.1))
    if word in ("orange", "red") and hue_deg > 8.0 and hue_deg < 180.0 and value < _BROWN_VALUE:
        return "brown", _sure(min(margin, (_BROWN_VALUE - value) / 0.10))
    return word, _sure(margin)


def _sure(margin: float) -> float:
    return 0.5 + 0.5 * min(max(margin, 0.0), 1.0)


def hue_codes(rgb: Float[Tensor, "points 3"]) -> Int[Tensor, "points"]:
    """Class of each colour for splitting a scene: 0–7 a hue word, 8 colourless; brightness is left out.

    Brightness varies over one object with its shading, so white, gray and black are told apart later,
    when the object's best-lit part is known.
    """
    high, low = rgb.amax(1), rgb.amin(1)
    spread = (high - low).clamp_min(1e-6)
    red, green, blue = rgb.unbind(1)
    sector = torch.where(
        high == red,
        ((green - blue) / spread) % 6.0,
        torch.where(high == green, (blue - red) / spread + 2.0, (red - green) / spread + 4.0),
    )
    edges = torch.tensor(_HUE_EDGES_DEG, dtype=rgb.dtype, device=rgb.device)
    codes = torch.bucketize(sector * 60.0, edges, right=True) % 8
    colorless = (spread < _MIN_SATURATION * high) | (high < 0.10)
    return torch.where(colorless, torch.full_like(codes, 8), codes)
