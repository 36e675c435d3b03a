"""Residuals of a calibration as a picture: how far surfaces lie apart under the mounting that was found.

In:  distances of each sensor.
Out: SVG, a histogram for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np
from jaxtyping import Float

WIDTH, HEIGHT, LEFT, BOTTOM = 520, 170, 60, 40
BARS = 40
FARTHEST_SHARE = 0.99
"""Of the distances that the picture shows; the rest would flatten it."""


def residuals_svg(distances_m: Mapping[str, Float[np.ndarray, "*"]]) -> str:
    """One histogram below the other; without any sensor it says so."""
    parts = [_histogram(name, 1000.0 * values, row * HEIGHT) for row, (name, values) in enumerate(distances_m.items())]
    if not parts:
        parts = [f'<text x="{LEFT}" y="40">no sensor was solved</text>']
    height = HEIGHT * max(1, len(distances_m))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12">'
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>{"".join(parts)}</svg>\n'
    )


def _histogram(name: str, distances_mm: Float[np.ndarray, " matches"], top: int) -> str:
    most_mm = max(float(np.quantile(distances_mm, FARTHEST_SHARE)), 1e-3)
    counts, edges = np.histogram(distances_mm, bins=BARS, range=(0.0, most_mm))
    wide, base = (WIDTH - LEFT - 20) / BARS, top + HEIGHT - BOTTOM
    tall = (HEIGHT - BOTTOM - 30) / max(1, int(counts.max()))
    bars = "".join(
        f'<rect x="{LEFT + k * wide:.1f}" y="{base - count * tall:.1f}" width="{wide - 1:.1f}" '
        f'height="{count * tall:.1f}" fill="#3b6ea5"/>'
        for k, count in enumerate(counts.tolist())
    )
    middle_mm = float(np.median(distances_mm))
    at = LEFT + (WIDTH - LEFT - 20) * middle_mm / most_mm
    marks = "".join(
        f'<text x="{LEFT + k * wide:.1f}" y="{base + 16}" text-anchor="middle">{edges[k]:.2g}</text>'
        for k in range(0, BARS + 1, BARS // 4)
    )
    return (
        f'<text x="{LEFT}" y="{top + 18}" font-weight="bold">{escape(name)}: {len(distances_mm)} matches, '
        f"median {middle_mm:.2f} mm</text>{bars}{marks}"
        f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top + 26}" y2="{base}" stroke="#c0392b" stroke-width="1.5"/>'
        f'<text x="{WIDTH - 20}" y="{base + 32}" text-anchor="end">distance of surfaces of two looks, mm</text>'
    )
